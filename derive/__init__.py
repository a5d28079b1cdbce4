"""derive: write a layer's forward formula; get its gradient derived, proved for every shape, generated and tested."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from derive.catalogue import layers
    from derive.derivation.layer import Layer
    from derive.derivation.reader import layer
    from derive.derivation.sweep import Derivation, Step
    from derive.errors import DeriveError
    from derive.formulas.claimed import claim
    from derive.formulas.markdown import claims
    from derive.verdict import Counterexample, Verdict
    from derive.verifier.ladder import check

_HOME = {
    "DeriveError": "derive.errors",
    "Verdict": "derive.verdict",
    "Counterexample": "derive.verdict",
    "Layer": "derive.derivation.layer",
    "layer": "derive.derivation.reader",
    "Derivation": "derive.derivation.sweep",
    "Step": "derive.derivation.sweep",
    "layers": "derive.catalogue",
    "check": "derive.verifier.ladder",
    "claim": "derive.formulas.claimed",
    "claims": "derive.formulas.markdown",
}

__all__ = [
    "Counterexample",
    "Derivation",
    "DeriveError",
    "Layer",
    "Step",
    "Verdict",
    "check",
    "claim",
    "claims",
    "layer",
    "layers",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'derive' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
