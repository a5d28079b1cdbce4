"""Where a derivation's assumptions hold: conditions such as ``A ≠ 0``, looked at for the numbers of a case."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from derive.arrays.helpers import HELPERS, on_arrays
from derive.derivation.sweep import Derivation
from derive.evidence.cases import Case

_HOLDS: dict[str, Callable[[Any], Any]] = {" ≠ 0": lambda x: x != 0, " > 0": lambda x: x > 0}


def domain_of(derivation: Derivation) -> Callable[[Case], bool]:
    """Whether every assumption that is a comparison with 0 holds at a case; what is said in words is taken to hold.

    The formulas are the equations as they are written, in float64; no generated code takes part.
    """
    equations = [(e.name, _code(str(e.expression))) for e in derivation.layer.equations]
    told = [(text, sign) for text in derivation.prove().assumptions for sign in _HOLDS if text.endswith(sign)]
    conditions = [(_code(text.removesuffix(sign)), _HOLDS[sign]) for text, sign in told]

    def holds(case: Case) -> bool:
        base = case.contiguous().in_float64()
        names: dict[str, Any] = {"np": np, **{key: on_arrays(key) for key in HELPERS}, **base.sizes, **base.inputs}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            for key, code in equations:
                names[key] = _value(code, names)
            found = [(holds, _value(code, names)) for code, holds in conditions]
            return all(value is None or np.all(holds(value)) for holds, value in found)

    return holds


def _code(text: str) -> Any:
    """The text of a formula as code, or None for words."""
    try:
        return compile(text, "<formula>", "eval")
    except SyntaxError:
        return None


def _value(code: Any, names: dict[str, Any]) -> Any:
    """The value of a formula; None where it has none."""
    try:
        return None if code is None else eval(code, names)  # our own text, over arrays
    except Exception:
        return None
