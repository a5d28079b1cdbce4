"""Identities by which functions are recognised in formulas: ``1 / (1 + exp(-x))`` is a sigmoid, however it is written.

What is recognised has the gradient of the textbook and stable code; each use is proved, as all identities are.
"""

from __future__ import annotations

from fractions import Fraction

from derive.arrays import build
from derive.arrays.array import Array
from derive.arrays.operations import Broadcast, Constant, Elementwise, PowerOf
from derive.rules.identities import identity


def number(array: Array) -> Fraction | None:
    """The number that stands in every entry, if it is a rational one."""
    value = array.op.value if isinstance(array.op, Constant) else None
    return value if isinstance(value, Fraction) else None


def one_plus(array: Array) -> Array | None:
    """``A`` for ``1 + A`` or ``A + 1``."""
    if array.op.name != "add":
        return None
    left, right = array.operands
    return right if number(left) == 1 else left if number(right) == 1 else None


def one_minus(array: Array) -> Array | None:
    """``A`` for ``1 - A``."""
    return array.operands[1] if array.op.name == "subtract" and number(array.operands[0]) == 1 else None


def exponent(array: Array | None) -> Array | None:
    """``A`` for ``exp(A)``, 0 for 1."""
    if array is None:
        return None
    if array.op.name == "exp":
        return array.operands[0]
    return build.full_like(array, 0) if number(array) == 1 else None


@identity(Elementwise, PowerOf)
def sigmoid_by_definition(node: Array) -> Array | None:
    """B / (1 + exp(-A)) = B ∘ σ(A), exp(A) / (1 + exp(A)) = σ(A)"""
    if node.op == PowerOf(Fraction(-1)):
        (below,) = node.operands
        above = build.full_like(below, 1)
    elif node.op.name == "divide":
        above, below = node.operands
    else:
        return None
    part = one_plus(below)
    if part is None or part.op.name != "exp":
        return None
    (x,) = part.operands
    if above is part:
        return build.elementwise("sigmoid", x)
    return above * build.elementwise("sigmoid", -x)


@identity(Elementwise)
def tanh_by_definition(node: Array) -> Array | None:
    """(exp A - exp B) / (exp A + exp B) = tanh((A - B) / 2)"""
    if node.op.name != "divide" or [operand.op.name for operand in node.operands] != ["subtract", "add"]:
        return None
    (above, below) = node.operands
    a, b = map(exponent, above.operands)
    if a is None or b is None or set(below.operands) != set(above.operands):
        return None
    return build.elementwise("tanh", (a - b) / 2)


@identity(Elementwise)
def softplus_by_definition(node: Array) -> Array | None:
    """log(1 + exp A) = softplus(A), log σ(A) = -softplus(-A)"""
    if node.op.name not in ("log", "log1p"):
        return None
    (inner,) = node.operands
    if inner.op.name == "sigmoid":
        return -build.elementwise("softplus", -inner.operands[0])
    part = inner if node.op.name == "log1p" else one_plus(inner)
    if part is None or part.op.name != "exp":
        return None
    return build.elementwise("softplus", *part.operands)


@identity(Elementwise)
def softsign_by_definition(node: Array) -> Array | None:
    """A / (1 + |A|) is a function of its own, whose slope 1 / (1 + |A|)² is no difference"""
    if node.op.name != "divide":
        return None
    above, below = node.operands
    size = one_plus(below)
    if size is None or size.op.name != "abs" or size.operands[0] is not above:
        return None
    return build.elementwise("softsign", above)


@identity(Elementwise)
def normal_distribution_by_definition(node: Array) -> Array | None:
    """1 ± erf(A) = 2 Φ(± √2 A)"""
    plus = one_plus(node)
    part = plus if plus is not None else one_minus(node)
    if part is None or part.op.name != "erf":
        return None
    x = times_root_two(*part.operands)
    return 2 * build.elementwise("ndtr", x if plus is not None else -x)


def times_root_two(array: Array) -> Array:
    """``√2 A``, simply where A is something over √2."""
    root = build.elementwise("sqrt", 2)
    match array.op.name:
        case "negative":
            return -times_root_two(*array.operands)
        case "divide" if _core(array.operands[1]) is root:
            return array.operands[0]
        case "divide" if number(array.operands[1]):
            return times_root_two(array.operands[0]) / array.operands[1]
        case "multiply":
            left, right = array.operands
            for one, other in ((left, right), (right, left)):
                if _core(one) is root:
                    return 2 * other
                if _core(one) is build.elementwise("sqrt", Fraction(1, 2)):
                    return other
            return left * times_root_two(right)
    return root * array


def _core(array: Array) -> Array:
    """What an array is copies of."""
    return array.operands[0] if isinstance(array.op, Broadcast) else array


@identity(Elementwise)
def choice_within_choice(node: Array) -> Array | None:
    """A where M and where N, else c: two choices with the same number besides are one"""
    inner = node.operands[1] if node.op.name == "where" else node
    if inner is node or inner.op.name != "where" or number(node.operands[2]) is None:
        return None
    if number(node.operands[2]) != number(inner.operands[2]):
        return None
    return build.elementwise("where", node.operands[0] * inner.operands[0], *inner.operands[1:])


OPPOSITE = {"greater": "less_equal", "less": "greater_equal", "equal": "not_equal"}
OPPOSITE |= {other: one for one, other in OPPOSITE.items()}


@identity(Elementwise)
def opposite_comparison(node: Array) -> Array | None:
    """not (A > B) is A ≤ B, not not A is A"""
    if node.op.name != "logical_not":
        return None
    (inner,) = node.operands
    if inner.op.name == "logical_not":
        return inner.operands[0]
    return build.elementwise(OPPOSITE[inner.op.name], *inner.operands) if inner.op.name in OPPOSITE else None
