"""The one door upwards: conveniences of the public objects that live on higher floors.

``layer.verify()``, ``layer.report()``, ``derivation.numpy()`` and the like are fixed names of the contract, but code,
evidence and reports are built on derivations, not the other way round.  They are fetched here when they are called.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


def call(module: str, function: str, *args: Any, **options: Any) -> Any:
    """``derive.<module>.<function>(*args, **options)``."""
    return getattr(import_module(f"derive.{module}"), function)(*args, **options)
