"""Random expressions, of a given shape, over named arrays; none is near a pole or a tie."""

from fractions import Fraction

from hypothesis import strategies as st

from derive.arrays import build, joining, products
from derive.arrays.array import apply
from derive.arrays.moves import Place, Slice
from derive.arrays.named import name
from derive.arrays.operations import Broadcast, Constant
from derive.index.size import ONE, ZERO

from .values import S

SIZES = [S(text) for text in ("n", "d", "1", "m")]
SHAPES = st.lists(st.sampled_from(SIZES), max_size=3).map(tuple)
NUMBERS = st.sampled_from([Fraction(1), Fraction(2), Fraction(-1), Fraction(1, 2), Fraction(-2, 3), S("n"), "pi"])


def named(shape):
    """A named array of a shape, or a number."""
    title = "".join(str(size) for size in shape)
    return st.sampled_from([name(f"{letter}{title}", shape) for letter in "AB"])


@st.composite
def expressions(draw, shape=None, depth=4):
    """An expression of a shape."""
    if shape is None:
        shape = draw(SHAPES)
    if depth == 0:
        return draw(st.one_of(named(shape), NUMBERS.map(lambda value: apply(Constant(value, shape)))))
    kind = draw(st.sampled_from(["leaf", "map", "pair", "pair", "spread", "sum", "move", "product", "where", "cut"]))
    return _MADE[kind](draw, shape, depth - 1)


def _leaf(draw, shape, depth):
    return draw(expressions(shape, 0))


def _map(draw, shape, depth):
    inner = draw(expressions(shape, depth))
    kind = draw(st.sampled_from(["negative", "tanh", "sigmoid", "sin", "cos", "square", "bound"]))
    if kind == "square":
        return build.power(inner, draw(st.sampled_from([2, 3])))
    return 1 / (2 + build.elementwise("sin", inner)) if kind == "bound" else build.elementwise(kind, inner)


def _pair(draw, shape, depth):
    """Two operands, one of which may be narrower: fewer axes, or axes of 1."""
    left = draw(expressions(shape, depth))
    narrow = shape[draw(st.integers(0, len(shape))) :]
    right = draw(expressions(tuple(ONE if draw(st.booleans()) and draw(st.booleans()) else s for s in narrow), depth))
    kind = draw(st.sampled_from(["add", "subtract", "multiply", "divide"]))
    if kind == "divide":
        return left / draw(st.one_of(named(right.shape), st.sampled_from([build.constant(2), build.constant(S("d"))])))
    pair = (left, right) if draw(st.booleans()) else (right, left)
    return build.elementwise(kind, *pair)


def _spread(draw, shape, depth):
    axes = tuple(k for k in range(len(shape)) if draw(st.booleans()))
    inner = draw(expressions(tuple(shape[k] for k in axes), depth))
    return apply(Broadcast(shape, axes), inner) if len(axes) < len(shape) else inner


def _sum(draw, shape, depth):
    axis = draw(st.integers(0, len(shape)))
    inner = draw(expressions((*shape[:axis], draw(st.sampled_from(SIZES)), *shape[axis:]), depth))
    return draw(st.sampled_from([build.sum, build.mean]))(inner, axis)


def _move(draw, shape, depth):
    order = draw(st.permutations(range(len(shape))))
    inner = draw(expressions(tuple(shape[order.index(k)] for k in range(len(shape))), depth))
    return build.transpose(inner, order)


def _product(draw, shape, depth):
    inner = draw(st.sampled_from(SIZES))
    if len(shape) == 2:
        left, right = draw(expressions((shape[0], inner), depth)), draw(expressions((inner, shape[1]), depth))
        return left @ right if draw(st.booleans()) else products.einsum("ik,kj->ij", left, right)
    if len(shape) == 1:
        return draw(expressions((shape[0], inner), depth)) @ draw(expressions((inner,), depth))
    if not shape:
        return draw(expressions((inner,), depth)) @ draw(expressions((inner,), depth))
    return draw(expressions(shape, depth))


def _where(draw, shape, depth):
    """A choice by named arrays, whose values are never tied."""
    left, right = draw(named(shape)), build.constant(0)
    condition = build.elementwise(draw(st.sampled_from(["greater", "less", "greater_equal"])), left, right)
    condition = ~condition if draw(st.booleans()) else condition
    return build.elementwise("where", condition, draw(expressions(shape, depth)), draw(expressions(shape, depth)))


def _cut(draw, shape, depth):
    """A slice, a padding, a reshape, parts side by side."""
    if not shape:
        return build.reshape(draw(expressions((ONE,), depth)), ())
    kind = draw(st.sampled_from(["slice", "pad", "flip", "flat", "join"]))
    begin, still, steps = (ONE, *[ZERO] * (len(shape) - 1)), (ZERO,) * len(shape), (1,) * len(shape)
    longer = (shape[0] + 1, *shape[1:])
    if kind == "slice":
        return apply(Slice(begin, shape, steps), apply(Place(still, longer, steps), draw(expressions(shape, depth))))
    if kind == "pad":
        return apply(Slice(still, shape, steps), apply(Place(begin, longer, steps), draw(expressions(shape, depth))))
    inner = draw(expressions(shape, depth))
    if kind == "join":
        whole = joining.concatenate([inner, draw(expressions((ONE, *shape[1:]), depth))])
        return apply(Slice(begin, shape, steps), whole)
    if kind == "flip":
        return inner[::-1]
    return build.reshape(build.reshape(inner, (build.count(shape),)), shape)


_MADE = {"leaf": _leaf, "map": _map, "pair": _pair, "spread": _spread, "sum": _sum, "move": _move, "product": _product,
         "where": _where, "cut": _cut}  # fmt: skip
