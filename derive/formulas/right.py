"""The right formula beside a refuted one: what was derived, as short as it can be said, in the language of claims."""

from __future__ import annotations

import re
from collections.abc import Collection

from derive.arrays.array import Array, apply
from derive.arrays.build import constant
from derive.arrays.named import substitute
from derive.arrays.operations import Constant
from derive.arrays.writing import numpy_text
from derive.derivation.layer import Layer
from derive.rules.simplify import simplify

LONGEST = 1000  # parts of a formula that is told
TOO_LONG = f"a formula of more than {LONGEST} parts, which is not written out"
_MODULES = re.compile(r"\b(?:np|special)\.(?:linalg\.)?")  # names that no array may have


def right_formula(layer: Layer, wrt: str, said: Collection[str] = ()) -> str:
    """The derived gradient over the inputs and the names that the author ``said``, the output being the loss itself."""
    (output,) = layer.outputs
    return min([_written(layer, wrt, output, kept) for kept in (said, ())], key=len)


def _written(layer: Layer, wrt: str, output: str, kept: Collection[str]) -> str:
    known: dict[str, Array] = {f"d{output}": constant(1)}
    for equation in layer.equations:
        if equation.name not in kept:
            known[equation.name] = substitute(equation.expression, known)
    for step in layer.derive().steps:
        if step.name != output:
            line = substitute(step.expression, known)
            if _parts(line) > LONGEST:
                return TOO_LONG
            known[step.adjoint] = simplify(line)
    return formula_text(known[f"d{wrt}"])


def formula_text(array: Array) -> str:
    """The expression as claims are written: NumPy's functions by their own names, a number everywhere as a number."""
    if _parts(array) > LONGEST:
        return TOO_LONG
    if isinstance(array.op, Constant):
        array = apply(Constant(array.op.value))
    return _MODULES.sub("", numpy_text(array))


def _parts(array: Array) -> int:
    """How many parts the expression has as it is written, where what is used twice is written twice."""
    count: dict[Array, int] = {}
    for node in array.walk():
        count[node] = 1 + sum(count[operand] for operand in node.operands)
    return count[array]
