"""Forms that save passes over memory: fewer products, numbers multiplied beforehand, powers as products."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf
from derive.arrays.rewriting import replaced
from derive.rules.forms import Definition, stable
from derive.rules.forms.parts import factors_above, factors_of, product, terms_of, total, without
from derive.rules.identities.recognition import number

MOST = 8  # the greatest power that is written as products


@stable(PowerOf)
def power_as_product(node: Array, definition: Definition) -> Array | None:
    """x³ = x² x, x^(-p) = 1 / x^p, x^(p + 1/2) = x^p √x: products run many times faster than powers"""
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


@stable(Elementwise)
def mask_as_factor(node: Array, definition: Definition) -> Array | None:
    """A where C, else 0, is A C for what is given, which is finite: a product runs many times faster than np.where"""
    if node.op.name != "where" or node.kind == "int":  # a choice of places says a place, a product of them does not
        return None
    condition, a, b = node.operands
    for kept, other, mask in ((a, b, condition), (b, a, ~condition)):
        if number(other) == 0 and isinstance(kept.op, Named) and definition(kept) is kept:
            return kept * mask
    return None


@stable(Elementwise)
def mask_with_its_number(node: Array, definition: Definition) -> Array | None:
    """c (A M) = A (c M) for a given mask M: c M serves forward and backward"""
    if node.op.name != "multiply" or number(node.operands[0]) is None or node.operands[1].op.name != "multiply":
        return None
    for a, mask in (node.operands[1].operands, node.operands[1].operands[::-1]):
        if mask.kind == "bool" and isinstance(mask.op, Named) and isinstance(a.op, Named):
            return a * (node.operands[0] * mask)
    return None


@stable(Elementwise)
def numbers_together(node: Array, definition: Definition) -> Array | None:
    """a (b A) = (a b) A for numbers"""
    factors = factors_of(node)
    values = [value for factor in factors if (value := number(factor)) is not None]
    if len(values) < 2:
        return None
    value, others = Fraction(1), [factor for factor in factors if number(factor) is None]
    for each in values:
        value *= each
    if not others:
        return None
    return product(others) if value == 1 else value * product(others)


@stable(Elementwise)
def signs_together(node: Array, definition: Definition) -> Array | None:
    """-(-A) = A, A + (-B) = A - B, A - (-B) = A + B"""
    last = node.operands[-1] if node.op.name in ("negative", "add", "subtract") else node
    if last is node or last.op.name != "negative":
        return None
    (inner,) = last.operands
    if node.op.name == "negative":
        return inner
    return node.operands[0] - inner if node.op.name == "add" else node.operands[0] + inner


@stable(Elementwise)
def common_factor(node: Array, definition: Definition) -> Array | None:
    """A B + A C = A (B + C)"""
    if node.op.name not in ("add", "subtract"):
        return None
    terms = terms_of(node)
    for one, other in combinations(terms, 2):
        for factor in factors_above(one[1]):
            if abs(number(factor) or 0) == 1:
                continue
            rest, others = without(one[1], factor), without(other[1], factor)
            if rest is not None and others is not None and _adds_up(rest, others):
                inner = total([(one[0], rest), (other[0], others)])
                return total([(1, factor * inner), *(term for term in terms if term is not one and term is not other)])
    return None


@stable(Elementwise)
def common_copies(node: Array, definition: Definition) -> Array | None:
    """A ∘ copies of w - copies of (b w) = (A - copies of b) ∘ copies of w: one product with all of A less"""
    if node.op.name not in ("add", "subtract"):
        return None
    terms = terms_of(node)
    for w in {factor: None for _, term in terms for factor in factors_of(definition(term))}:
        if isinstance(w.op, Broadcast) and number(w) is None:
            rest = [(sign, part) for sign, term in terms if (part := _without_copies(term, w, definition)) is not None]
            if len(rest) == len(terms) and not all(_is_copied(part) for _, part in rest):
                return total(rest) * w
    return None


@stable(Elementwise)
def common_term(node: Array, definition: Definition) -> Array | None:
    """a (A + b A B) = A (a + a b B) for numbers a and b"""
    if node.op.name != "multiply" or not _is_number(node.operands[0]):
        return None
    a, inner = node.operands
    terms = terms_of(inner)
    for (sign, one), (other_sign, other) in (terms, terms[::-1]) if len(terms) == 2 else ():
        factors = factors_of(other)
        b = next((factor for factor in factors if _is_number(factor)), None)
        rest = without(other, b) if b is not None else None
        rest = without(rest, one) if rest is not None else None
        if b is not None and rest is not None and _has_dtype(rest) and not _is_copied(rest):
            return one * total([(sign, a), (other_sign, build.spread(_scalar(a) * _scalar(b), node.shape) * rest)])
    return None


@stable(Elementwise)
def numbers_into_sum(node: Array, definition: Definition) -> Array | None:
    """a A (b + c B) = A (a b + a c B) for numbers a, b and c"""
    factors = factors_of(node)
    numbers = [factor for factor in factors if _is_number(factor)]
    others = [factor for factor in factors if not _is_number(factor)]
    for factor in others if numbers else ():
        terms = terms_of(factor)
        held = [sum(map(_is_number, factors_of(term))) for _, term in terms]
        if len(terms) == 2 and all(held) and any(_is_number(term) for _, term in terms):
            scaled = [(sign, _scaled(term, numbers)) for sign, term in terms]
            return product([*(other for other in others if other is not factor), total(scaled)])
    return None


def _scaled(array: Array, numbers: Sequence[Array]) -> Array:
    """A number, or a product with one, times others."""
    factors = factors_of(array)
    values = [_scalar(factor) for factor in [*numbers, *factors] if _is_number(factor)]
    return product([build.spread(product(values), array.shape), *(f for f in factors if not _is_number(f))])


def _is_number(array: Array) -> bool:
    """True for copies of one number that is known beforehand."""
    return not array.names() and _is_copied(array) and not _scalar(array).shape


def _scalar(array: Array) -> Array:
    """The number that is copied."""
    if isinstance(array.op, Constant):
        return apply(Constant(array.op.value))
    return array.operands[0] if isinstance(array.op, Broadcast) else array


def _without_copies(term: Array, w: Array, definition: Definition) -> Array | None:
    """A product without the factor w, copies of one or of a product with it; None where it has no such factor."""
    (core,) = w.operands
    for factor in factors_of(term):
        inner = without(factor.operands[0], core) if factor.op == w.op else None
        if inner is not None:
            return replaced(term, {factor: apply(w.op, inner)}.get)
    return without(definition(term), w)


@stable(Elementwise)
def copies_together(node: Array, definition: Definition) -> Array | None:
    """(A ∘ copies of b) / copies of c = A ∘ copies of b / c"""
    if node.op.name != "divide" or node.operands[0].op.name != "multiply":
        return None
    below = node.operands[1]
    for b in node.operands[0].operands:
        rest = without(node.operands[0], b)
        if isinstance(b.op, Broadcast) and b.op == below.op and rest is not None and not _is_copied(rest):
            return rest * apply(b.op, b.operands[0] / below.operands[0])
    return None


def _adds_up(*terms: Array) -> bool:
    """True if NumPy's sum of the terms has their shape and the dtype of the floats in them."""
    parts = [term for term in terms if not _is_copied(term)]
    return any(map(_has_dtype, parts)) and all(_has_dtype(term) or term.kind == "bool" for term in parts)


def _has_dtype(array: Array) -> bool:
    """True for floats that are more than masks times numbers, of which NumPy makes float64."""
    if array.kind != "float":
        return False
    return any(map(_has_dtype, array.operands)) if array.operands else isinstance(array.op, Named)


def _is_copied(array: Array) -> bool:
    """True if every entry is a copy of fewer: a sum of such would be copied first, then added."""
    if isinstance(array.op, Elementwise | PowerOf):
        return all(map(_is_copied, array.operands))
    return isinstance(array.op, Broadcast | Constant)
