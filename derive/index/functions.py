"""The scalar functions that the kernel takes as given: value, derivative, symmetry, and where they are smooth.

Everything else (sigmoid, tanh, softplus, ...) is defined by these, so that the links between them are theorems.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from derive.index.terms import Apply, Entry, Number, Term


@dataclass(frozen=True)
class Primitive:
    """A scalar function: its value at a float, its derivative as a term, f(-x) as ``odd`` or ``even``."""

    value: Callable[[float], float]
    derivative: Callable[[Term], Term]
    symmetry: str = ""
    smooth: str = ""  # where it may be differentiated; empty for everywhere in its domain


PI = Entry("π", (), "positive")  # known only to be positive; arrays have ASCII names, so none is taken for it


PRIMITIVES: dict[str, Primitive] = {
    "exp": Primitive(math.exp, lambda x: Apply("exp", x)),
    "log": Primitive(math.log, lambda x: x**-1, smooth="> 0"),
    "sin": Primitive(math.sin, lambda x: Apply("cos", x), "odd"),
    "cos": Primitive(math.cos, lambda x: -Apply("sin", x), "even"),
    "erf": Primitive(math.erf, lambda x: 2 * PI ** Fraction(-1, 2) * Apply("exp", -(x * x)), "odd"),
    "abs": Primitive(abs, lambda x: Apply("sign", x), "even", "≠ 0"),
    "sign": Primitive(lambda x: (x > 0) - (x < 0), lambda x: Number(0), "odd", "≠ 0"),
    "step": Primitive(lambda x: float(x > 0), lambda x: Number(0), "", "≠ 0"),  # 1 for x > 0, 0 for x <= 0
}
