"""Stable forms of scalar functions and of their slopes.

The larger the argument, the smaller the exponential used: ``C = σ(-|x|) = e / (1 + e)`` with ``e = exp(-|x|)`` is the
tail from which sigmoid, tanh, softplus and their slopes are made.  Masks stand where ``np.where`` would, which is
several times slower.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from derive.arrays import build
from derive.arrays.array import Array
from derive.arrays.operations import Elementwise, PowerOf
from derive.arrays.rewriting import replaced
from derive.rules.forms import Definition, stable
from derive.rules.forms.parts import factors_of, product, terms_of, total
from derive.rules.identities.recognition import number, one_minus, one_plus


def tail(x: Array) -> Array:
    """``σ(-|x|)``, the smaller of σ(x) and σ(-x), without overflow."""
    small = _falling(x)
    return small / (1 + small)


def above(x: Array) -> Array:
    """``σ(x) = |[x > 0] - C|`` for C = σ(-|x|)."""
    scale, core = _scaled(x)
    return below(-scale * core) if scale < 0 else abs((core > 0) - tail(x))


def below(x: Array) -> Array:
    """``σ(-x) = |[x ≤ 0] - C|`` for C = σ(-|x|)."""
    scale, core = _scaled(x)
    return above(-scale * core) if scale < 0 else abs((core <= 0) - tail(x))


def sigmoid(x: Array) -> Array:
    """``σ(x)``, whose stable form is ``above``."""
    return build.elementwise("sigmoid", x)


def _falling(x: Array) -> Array:
    """``exp(-|x|)``."""
    scale, core = _scaled(x)
    size = abs(core) if abs(scale) == 1 else abs(scale) * abs(core)
    return build.elementwise("exp", -size)


def _scaled(x: Array) -> tuple[Fraction, Array]:
    """A number, and what it is multiplied by."""
    if x.op.name == "negative":
        scale, core = _scaled(*x.operands)
        return -scale, core
    if x.op.name == "multiply":
        for one, other in (x.operands, x.operands[::-1]):
            if value := number(one):
                scale, core = _scaled(other)
                return value * scale, core
    return Fraction(1), x


def _is_falling(x: Array) -> bool:
    """True for ``-|x|``, whose exponential needs no other form."""
    scale, core = _scaled(x)
    return core.op.name == "abs" and scale < 0


# ---- exponentials and logarithms


@stable(Elementwise)
def sigmoid_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """σ(x) = |[x > 0] - C| for C = σ(-|x|)"""
    return above(*node.operands) if node.op.name == "sigmoid" else None


@stable(Elementwise)
def softplus_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """log(1 + exp x) = max(x, 0) + log(1 + exp(-|x|))"""
    if node.op.name != "softplus":
        return None
    (x,) = node.operands
    return build.elementwise("maximum", x, 0) + build.elementwise("log1p", _falling(x))


@stable(Elementwise)
def sum_of_exponentials(node: Array, definition: Definition) -> Array | None:
    """log(exp x + exp y) = max(x, y) + log(1 + exp(-|x - y|))"""
    if node.op.name != "logaddexp":
        return None
    x, y = node.operands
    return build.elementwise("maximum", x, y) + build.elementwise("log1p", _falling(x - y))


@stable(Elementwise)
def logarithm(node: Array, definition: Definition) -> Array | None:
    """log(1 + exp x) and log σ(x) by softplus; log(1 + x) = log1p(x)"""
    if node.op.name not in ("log", "log1p"):
        return None
    inner = definition(*node.operands)
    if inner.op.name == "sigmoid":
        return -build.elementwise("softplus", -inner.operands[0])
    rest = one_minus(inner)
    if rest is not None and definition(rest).op.name == "sigmoid":
        return -build.elementwise("softplus", *definition(rest).operands)
    part = node.operands[0] if node.op.name == "log1p" else one_plus(inner)
    if part is None:
        return None
    exponential = definition(part)
    if exponential.op.name == "exp" and not _is_falling(*exponential.operands):
        return build.elementwise("softplus", *exponential.operands)
    return build.elementwise("log1p", part) if node.op.name == "log" else None


# ---- the normal distribution


@stable(Elementwise)
def normal_distribution_by_its_tail(node: Array, definition: Definition) -> Array | None:
    """Φ(x) = C + [x > 0] (1 - 2 C) for C = Φ(-|x|), which SciPy finds sooner than Φ(x)"""
    if node.op.name != "ndtr" or _is_falling(*node.operands):
        return None
    (x,) = node.operands
    tail = build.elementwise("ndtr", -abs(x))
    return tail + (x > 0) * (1 - 2 * tail)


# ---- quotients


@stable(Elementwise)
def quotients_cancelled(node: Array, definition: Definition) -> Array | None:
    """(A / S - B / C) S C = A C - B S: no division by what may be 0"""
    factors = factors_of(node) if node.op.name == "multiply" else []
    for one in factors:
        others = [factor for factor in factors if factor is not one]
        terms = [(sign, *_quotient(term)) for sign, term in terms_of(definition(one))]
        if all(any(below is factor for factor in others) for _, _, below in terms):
            return total([(sign, product([above, *_all_but(below, others)])) for sign, above, below in terms])
    return None


def _quotient(array: Array) -> tuple[Array, Array | None]:
    """What is above and what is below the line."""
    if array.op.name == "negative":
        above, below = _quotient(*array.operands)
        return -above, below
    return array.operands if array.op.name == "divide" else (array, None)  # type: ignore[return-value]  # two of them


def _all_but(one: Array | None, factors: Sequence[Array]) -> list[Array]:
    """The factors without one of them."""
    place = next(k for k, factor in enumerate(factors) if factor is one)
    return [*factors[:place], *factors[place + 1 :]]


# ---- what is left of 1


@stable(Elementwise)
def rest_of_one(node: Array, definition: Definition) -> Array | None:
    """1 - σ(x) = σ(-x), 1 ± tanh x = 2 σ(± 2 x), c exp(x) - c = c expm1(x)"""
    if node.op.name == "subtract" and (value := number(node.operands[1])):
        scale, core = _scaled(node.operands[0])
        whole = definition(core)
        rest = build.elementwise("expm1", *whole.operands) if whole.op.name == "exp" and scale == value else None
        return rest if rest is None or scale == 1 else scale * rest
    plus, minus = one_plus(node), one_minus(node)
    if plus is not None:
        whole = definition(plus)
        return 2 * sigmoid(2 * whole.operands[0]) if whole.op.name == "tanh" else None
    if minus is None:
        return None
    whole = definition(minus)
    match whole.op.name:
        case "tanh":
            return 2 * sigmoid(-2 * whole.operands[0])
        case "sigmoid":
            return below(*whole.operands)
        case "exp":
            return -build.elementwise("expm1", *whole.operands)
    return None


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
        c = 1 - sigmoid(*inner.operands)
        return (2 * c / (1 + c**2)) ** 2
    c = tail(2 * whole.operands[0])
    return 4 * c * (1 - c)


@stable(Elementwise)
def tanh_of_softplus(node: Array, definition: Definition) -> Array | None:
    """tanh log(1 + exp x) = S (1 + C) / (1 + C²) for S = σ(x), C = 1 - S"""
    if node.op.name != "tanh":
        return None
    inner = definition(*node.operands)
    if inner.op.name != "softplus":
        return None
    s = sigmoid(*inner.operands)
    return s * (1 + (1 - s)) / (1 + (1 - s) ** 2)


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
    if number(bound) != 0 or number(f) or number(g):  # a number other than 0 is not 0 at 0
        return None
    parts = ((f, "maximum"), (g, "minimum"))
    return total([(1, replaced(part, {x: build.elementwise(limit, x, 0)}.get)) for part, limit in parts])


@stable(Elementwise)
def masked_exponential(node: Array, definition: Definition) -> Array | None:
    """[x ≤ t] exp x = [x ≤ t] exp min(x, t): no overflow where the mask is 0"""
    factors = factors_of(node) if node.op.name == "multiply" else []
    for mask in [part for factor in factors for part in factors_of(definition(factor))]:
        for x, bound in _bounded(mask):
            limited = build.elementwise("minimum", x, bound)
            better = [_limited(factor, definition(factor), x, limited) for factor in factors]
            if any(new is not old for new, old in zip(better, factors, strict=True)):
                return product(better)
    return None


def _limited(factor: Array, whole: Array, x: Array, limited: Array) -> Array:
    """A factor with x limited in it, if an exponential of x is in it."""
    return replaced(whole, {x: limited}.get) if _may_overflow(whole, x, limited) else factor


def _may_overflow(array: Array, x: Array, limited: Array) -> bool:
    """True if an exponential of x is in the array, and the limited x is not."""
    parts = set(array.walk())
    return limited not in parts and any(part.op.name == "exp" and x in set(part.walk()) for part in parts)


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
