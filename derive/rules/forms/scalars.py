"""Stable forms of scalar functions and of their slopes.  The larger the argument, the smaller the exponential used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from derive.arrays import build
from derive.arrays.array import Array
from derive.arrays.operations import Constant, Elementwise
from derive.rules.forms import Definition, stable


def _tail(array: Array) -> Array:
    """``sigmoid(-|x|)``, the smaller of the two, without overflow."""
    small = build.elementwise("exp", -abs(array))
    return small / (1 + small)


@stable(Elementwise)
def sigmoid_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """σ(x) = 1 - σ(-|x|) for x > 0, else σ(-|x|)"""
    if node.op.name != "sigmoid":
        return None
    (x,) = node.operands
    return build.elementwise("where", x > 0, 1 - _tail(x), _tail(x))


@stable(Elementwise)
def slope_of_sigmoid(node: Array, definition: Definition) -> Array | None:
    """S (1 - S) = C (1 - C) for S = σ(x), C = σ(-|x|): keeps its digits where S is nearly 1"""
    factors = factors_of(node)
    for one in factors if node.op.name == "multiply" else ():
        whole = definition(one)
        rest = next((f for f in factors if _is_rest(f, one)), None)
        if whole.op.name == "sigmoid" and rest is not None:
            tail = _tail(*whole.operands)
            return product([f for f in factors if f is not one and f is not rest] + [tail * (1 - tail)])
    return None


def factors_of(array: Array) -> list[Array]:
    """The factors of a product, from left to right."""
    if array.op.name != "multiply":
        return [array]
    return [factor for operand in array.operands for factor in factors_of(operand)]


def product(factors: Sequence[Array]) -> Array:
    """The product of some arrays of one shape."""
    return reduce(lambda left, right: left * right, factors)


def _is_rest(array: Array, of: Array) -> bool:
    """True for ``1 - of``."""
    if array.op.name != "subtract" or array.operands[1] is not of:
        return False
    whole = array.operands[0].op
    return isinstance(whole, Constant) and whole.value == 1
