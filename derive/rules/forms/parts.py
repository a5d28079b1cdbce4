"""Taking expressions apart: factors, terms, and what is inside."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from derive.arrays.array import Array
from derive.arrays.operations import Constant

Signed = tuple[int, Array]


def factors_of(array: Array) -> list[Array]:
    """The factors of a product, from left to right."""
    if array.op.name != "multiply":
        return [array]
    return [factor for operand in array.operands for factor in factors_of(operand)]


def factors_above(array: Array) -> list[Array]:
    """The factors of a product or of the numerator of a quotient."""
    if array.op.name == "divide":
        return factors_above(array.operands[0])
    return [factor for part in factors_of(array) for factor in ([part] if part is array else factors_above(part))]


def product(factors: Sequence[Array]) -> Array:
    """The product of some arrays of one shape."""
    return reduce(lambda left, right: left * right, factors)


def without(array: Array, factor: Array) -> Array | None:
    """A product without one of its factors; None where it has no other, or has not that one."""
    if array.op.name == "divide":
        above = without(array.operands[0], factor)
        return None if above is None else above / array.operands[1]
    if array.op.name != "multiply":
        return None
    left, right = array.operands
    for one, other in ((left, right), (right, left)):
        if one is factor:
            return other
        rest = without(one, factor)
        if rest is not None:
            return rest * other if one is left else other * rest
    return None


def terms_of(array: Array) -> list[Signed]:
    """The terms of a sum, from left to right, each with its sign."""
    if array.op.name not in ("add", "subtract"):
        return [(1, array)]
    left, right = array.operands
    sign = 1 if array.op.name == "add" else -1
    return [*terms_of(left), *((sign * own, term) for own, term in terms_of(right))]


def total(terms: Sequence[Signed]) -> Array:
    """The sum of some terms, what is added first; zeros are left out."""
    (sign, result), *rest = sorted([term for term in terms if not _is_zero(term[1])], key=lambda term: -term[0])
    result = result if sign > 0 else -result
    for sign, term in rest:
        result = result + term if sign > 0 else result - term
    return result


def _is_zero(array: Array) -> bool:
    return isinstance(array.op, Constant) and array.op.value == 0
