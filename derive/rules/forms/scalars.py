"""Stable forms of scalar functions and of their slopes.

The larger the argument, the smaller the exponential used: ``C = σ(-|x|) = e / (1 + e)`` with ``e = exp(-|x|)`` is the
tail from which sigmoid, tanh, softplus and their slopes are made.  Masks stand where ``np.where`` would, which is
several times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import reduce

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.operations import Elementwise, PowerOf
from derive.rules.forms import Definition, stable
from derive.rules.identities.recognition import number, one_minus, one_plus


def _exp(x: Array) -> Array:
    return build.elementwise("exp", x)


def tail(x: Array) -> Array:
    """``σ(-|x|)``, the smaller of σ(x) and σ(-x), without overflow."""
    small = _exp(-abs(_unsigned(x)))
    return small / (1 + small)


def above(x: Array) -> Array:
    """``σ(x) = C + [x > 0] (1 - 2 C)`` for C = σ(-|x|)."""
    if x.op.name == "negative":
        return below(*x.operands)
    return tail(x) + (x > 0) * (1 - 2 * tail(x))


def below(x: Array) -> Array:
    """``σ(-x) = |[x ≤ 0] - C|`` for C = σ(-|x|)."""
    return above(*x.operands) if x.op.name == "negative" else abs((x <= 0) - tail(x))


def softplus(x: Array) -> Array:
    """``log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|))``."""
    return build.elementwise("maximum", x, 0) + build.elementwise("log1p", _exp(-abs(_unsigned(x))))


def _unsigned(x: Array) -> Array:
    return x.operands[0] if x.op.name == "negative" else x


# ---- exponentials and logarithms


@stable(Elementwise)
def sigmoid_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """σ(x) = C + [x > 0] (1 - 2 C) for C = σ(-|x|)"""
    return above(*node.operands) if node.op.name == "sigmoid" else None


@stable(Elementwise)
def softplus_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|))"""
    return softplus(*node.operands) if node.op.name == "softplus" else None


@stable(Elementwise)
def sum_of_exponentials(node: Array, definition: Definition) -> Array | None:
    """log(exp x + exp y) = max(x, y) + log(1 + exp(-|x - y|))"""
    if node.op.name != "logaddexp":
        return None
    x, y = node.operands
    return build.elementwise("maximum", x, y) + build.elementwise("log1p", _exp(-abs(x - y)))


@stable(Elementwise)
def logarithm(node: Array, definition: Definition) -> Array | None:
    """log(1 + exp x) and log σ(x) by softplus; log(1 + x) = log1p(x)"""
    if node.op.name not in ("log", "log1p"):
        return None
    inner = definition(*node.operands)
    if inner.op.name == "sigmoid":
        return -softplus(-inner.operands[0])
    if (whole := _one_minus(inner, definition, "sigmoid")) is not None:
        return -softplus(*whole.operands)
    part = node.operands[0] if node.op.name == "log1p" else one_plus(inner)
    if part is None:
        return None
    exponential = definition(part)
    if exponential.op.name == "exp":
        return softplus(*exponential.operands)
    return build.elementwise("log1p", part) if node.op.name == "log" else None


# ---- what is left of 1


@stable(Elementwise)
def rest_of_one(node: Array, definition: Definition) -> Array | None:
    """1 - σ(x) = σ(-x), 1 ± tanh x = 2 σ(± 2 x), exp(x) - 1 = expm1(x)"""
    if node.op.name == "subtract" and number(node.operands[1]) == 1:
        whole = definition(node.operands[0])
        return build.elementwise("expm1", *whole.operands) if whole.op.name == "exp" else None
    plus = one_plus(node)
    part = plus if plus is not None else one_minus(node)
    if part is None:
        return None
    whole = definition(part)
    if whole.op.name == "tanh":
        twice = 2 * whole.operands[0]
        return 2 * (above(twice) if plus is not None else below(twice))
    if whole.op.name == "sigmoid" and plus is None:
        return below(*whole.operands)
    return -build.elementwise("expm1", *whole.operands) if whole.op.name == "exp" and plus is None else None


@stable(Elementwise)
def slope_of_tanh(node: Array, definition: Definition) -> Array | None:
    """1 - tanh² x = 4 C (1 - C) for C = σ(-2 |x|): keeps its digits where tanh x is nearly ±1"""
    square = one_minus(node)
    if square is None or square.op != PowerOf(Fraction(2)):
        return None
    whole = definition(*square.operands)
    if whole.op.name != "tanh":
        return None
    inner = definition(*whole.operands)
    if inner.op.name == "softplus":
        c = below(*inner.operands)
        return (2 * c / (1 + c**2)) ** 2
    c = tail(2 * whole.operands[0])
    return 4 * c * (1 - c)


@stable(Elementwise)
def tanh_of_softplus(node: Array, definition: Definition) -> Array | None:
    """tanh log(1 + exp x) = σ(x) (1 + C) / (1 + C²) for C = σ(-x)"""
    if node.op.name != "tanh":
        return None
    inner = definition(*node.operands)
    if inner.op.name != "softplus":
        return None
    (x,) = inner.operands
    return above(x) * (1 + below(x)) / (1 + below(x) ** 2)


@stable(Elementwise)
def slope_of_sigmoid(node: Array, definition: Definition) -> Array | None:
    """S (1 - S) = C (1 - C) for S = σ(x), C = σ(-|x|): keeps its digits where S is nearly 1"""
    factors = factors_of(node)
    for one in factors if node.op.name == "multiply" else ():
        whole = definition(one)
        rest = next((f for f in factors if one_minus(f) is one), None)
        if whole.op.name == "sigmoid" and rest is not None:
            c = tail(*whole.operands)
            return product([f for f in factors if f is not one and f is not rest] + [c * (1 - c)])
    return None


# ---- cases


@stable(Elementwise)
def cases_as_sum(node: Array, definition: Definition) -> Array | None:
    """f(x) where x > 0, else g(x), is f(max(x, 0)) + g(min(x, 0)) if f(0) = g(0) = 0"""
    if node.op.name != "where" or node.operands[0].op.name != "greater":
        return None
    condition, f, g = node.operands
    x, bound = condition.operands
    if number(bound) != 0:
        return None
    return replaced(f, x, build.elementwise("maximum", x, 0)) + replaced(g, x, build.elementwise("minimum", x, 0))


@stable(Elementwise)
def masked_exponential(node: Array, definition: Definition) -> Array | None:
    """[x ≤ t] exp x = [x ≤ t] exp min(x, t): no overflow where the mask is 0"""
    factors = factors_of(node) if node.op.name == "multiply" else []
    for mask in factors:
        for x, bound in _bounded(mask):
            limited = build.elementwise("minimum", x, bound)
            better = [replaced(f, _exp(x), _exp(limited)) for f in factors]
            if any(new is not old for new, old in zip(better, factors, strict=True)):
                return product(better)
    return None


def _bounded(mask: Array) -> list[tuple[Array, Array]]:
    """What a mask bounds from above, and the bound."""
    negated = mask.op.name == "logical_not"
    comparison = mask.operands[0] if negated else mask
    match comparison.op.name, negated:
        case ("less" | "less_equal", False) | ("greater" | "greater_equal", True):
            return [(comparison.operands[0], comparison.operands[1])]
        case ("greater" | "greater_equal", False) | ("less" | "less_equal", True):
            return [(comparison.operands[1], comparison.operands[0])]
    return []


# ---- powers: a product runs many times faster than np.power

MOST = 8  # the greatest power that is written as products


@stable(PowerOf)
def power_as_product(node: Array, definition: Definition) -> Array | None:
    """x³ = x² x, x^(-p) = 1 / x^p, x^(p + 1/2) = x^p √x"""
    assert isinstance(node.op, PowerOf)
    (x,) = node.operands
    exponent = node.op.exponent
    if exponent == 2 or exponent.denominator > 2 or abs(exponent) > MOST:
        return None
    if exponent < 0:
        return 1 / build.power(x, -exponent)
    if exponent.denominator == 2:
        return build.power(x, exponent - Fraction(1, 2)) * build.elementwise("sqrt", x)
    half = build.power(x, exponent // 2) ** 2
    return half * x if exponent % 2 else half


# ---- taking apart


def factors_of(array: Array) -> list[Array]:
    """The factors of a product, from left to right."""
    if array.op.name != "multiply":
        return [array]
    return [factor for operand in array.operands for factor in factors_of(operand)]


def product(factors: Sequence[Array]) -> Array:
    """The product of some arrays of one shape."""
    return reduce(lambda left, right: left * right, factors)


def replaced(array: Array, part: Array, by: Array) -> Array:
    """The expression with a part replaced wherever it occurs."""
    done: dict[Array, Array] = {part: by}
    for node in array.walk():
        if node not in done:
            operands = tuple([done[operand] for operand in node.operands])
            same = all(a is b for a, b in zip(operands, node.operands, strict=True))
            done[node] = node if same else apply(node.op, *operands)
    return done[array]


def _one_minus(array: Array, definition: Definition, function: str) -> Array | None:
    """``f(x)`` for ``1 - f(x)`` of a function."""
    part = one_minus(array)
    whole = part if part is None else definition(part)
    return whole if whole is not None and whole.op.name == function else None
