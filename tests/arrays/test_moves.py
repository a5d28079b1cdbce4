"""Moves of entries and contractions at any rank: what NumPy does at every size, the language does at all of them."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.arrays import build, products
from derive.arrays.named import name
from derive.arrays.shapes import concrete, reshape_groups
from derive.index.size import ONE

from .values import S, assert_same, entry_values, sizes_for, text_value, values_for, work

NAMES = st.sampled_from(["n", "d", "m", "1", "2", "n+1"])
SHAPES = st.lists(NAMES, max_size=4).map(lambda words: tuple(S(word) for word in words))
FEW = settings(max_examples=60, deadline=None)


def compare(symbolic, numpy, operands, turns=2):
    """The expression, by its text and by its meaning, is what a NumPy function gives; at a few sizes, 1 among them."""
    for seed, sizes in zip(range(turns), sizes_for(symbolic, *operands), strict=False):
        arrays = values_for(operands, sizes, seed)
        want = np.asarray(numpy(sizes, *[arrays[a.op.label] for a in operands]))
        assert concrete(symbolic.shape, sizes) == want.shape
        assert_same(text_value(symbolic, sizes, arrays), want, work(symbolic, sizes))
        assert_same(entry_values(symbolic, sizes, arrays), want, work(symbolic, sizes))


@given(SHAPES, st.data())
@FEW
def test_transpose(shape, data):
    order = data.draw(st.permutations(range(len(shape))))
    A = name("A", shape)
    compare(build.transpose(A, order), lambda _, a: np.transpose(a, order), [A])


@given(SHAPES.filter(bool), st.data())
@FEW
def test_slices_and_indices(shape, data):
    keys = []
    for size in shape:
        choices = [slice(None), slice(None, None, -1), slice(0, 1), slice(1, None), slice(None, -1), 0, -1]
        keys.append(
            data.draw(st.sampled_from(choices if size.constant is None else [*choices, slice(0, 2), slice(2, 2)]))
        )
        if data.draw(st.booleans()) and data.draw(st.booleans()):
            keys.append(None)
    keys = keys[: data.draw(st.integers(1, len(keys)))]
    A = name("A", shape)
    compare(A[tuple(keys)], lambda _, a: a[tuple(keys)], [A])


@given(SHAPES, st.data())
@FEW
def test_broadcasting_of_operands(shape, data):
    narrow = shape[data.draw(st.integers(0, len(shape))) :]
    other = tuple(ONE if data.draw(st.booleans()) else size for size in narrow)
    A, B = name("A", shape), name("B", other)
    compare(A + B, lambda _, a, b: a + b, [A, B])
    compare(B - A, lambda _, a, b: b - a, [A, B])
    compare(build.broadcast_to(B, shape), lambda sizes, b: np.broadcast_to(b, concrete(shape, sizes)), [B])


@given(SHAPES, st.data())
@FEW
def test_sums_and_means(shape, data):
    axes = tuple(k for k in range(len(shape)) if data.draw(st.booleans()))
    keepdims = data.draw(st.booleans())
    A = name("A", shape)
    compare(A.sum(axis=axes, keepdims=keepdims), lambda _, a: a.sum(axis=axes, keepdims=keepdims), [A])
    compare(
        A.mean(axis=axes or None, keepdims=keepdims), lambda _, a: a.mean(axis=axes or None, keepdims=keepdims), [A]
    )


@st.composite
def regrouped(draw):
    """Two shapes with the same entries: neighbouring factors grouped in two ways, with 1s put in."""
    factors = draw(st.lists(st.sampled_from(["n", "d", "m", "2"]), max_size=4))

    def grouping():
        shape, k = [], 0
        while k < len(factors):
            take = draw(st.integers(1, len(factors) - k))
            shape.append(S("*".join(factors[k : k + take])))
            k += take
        if draw(st.booleans()):
            shape.insert(draw(st.integers(0, len(shape))), ONE)
        return tuple(shape)

    return grouping(), grouping()


@given(regrouped())
@settings(max_examples=120, deadline=None)
def test_reshape(shapes):
    old, new = shapes
    A = name("A", old)
    compare(build.reshape(A, new), lambda sizes, a: a.reshape(concrete(new, sizes)), [A])


@given(SHAPES.filter(bool), st.data())
@FEW
def test_reshape_with_an_unknown_size(shape, data):
    k = data.draw(st.integers(0, len(shape) - 1))
    A = name("A", shape)
    assert build.reshape(A, (*shape[:k], -1, *shape[k + 1 :])) is A
    compare(build.reshape(A, -1), lambda _, a: a.reshape(-1), [A])


@given(SHAPES.filter(bool), st.data())
@FEW
def test_pad(shape, data):
    width = tuple(data.draw(st.tuples(st.integers(0, 2), st.integers(0, 2))) for _ in shape)
    A = name("A", shape)
    compare(build.pad(A, width), lambda _, a: np.pad(a, width), [A])


@st.composite
def subscripts(draw):
    """An einsum over letters with sizes, repeated letters included."""
    operands = draw(st.lists(st.text("ijkl", max_size=3), min_size=1, max_size=3))
    letters = sorted(set("".join(operands)))
    output = "".join(draw(st.permutations([c for c in letters if draw(st.booleans())])))
    return operands, output


@given(subscripts())
@settings(max_examples=120, deadline=None)
def test_einsum(spec):
    inputs, output = spec
    sizes = dict(zip("ijkl", ("n", "d", "m", "1"), strict=True))
    operands = [name("ABC"[k], tuple(S(sizes[c]) for c in letters)) for k, letters in enumerate(inputs)]
    text = f"{','.join(inputs)}->{output}"
    compare(products.einsum(text, *operands), lambda _, *arrays: np.einsum(text, *arrays), operands)


@given(st.integers(1, 4), st.integers(1, 4), st.data())
@FEW
def test_matmul(left, right, data):
    leading = tuple(S(c) for c in ("b", "h"))
    short = data.draw(st.booleans())
    A = name("A", (*leading[2 - max(left - 2, 0) :], S("n"), S("k"))[-left:] if left > 1 else (S("k"),))
    shape = (*leading[2 - max(right - 2, 0) :], S("k"), S("m"))[-right:] if right > 1 else (S("k"),)
    B = name("B", tuple(ONE if short and k < len(shape) - 2 else s for k, s in enumerate(shape)))
    compare(A @ B, lambda _, a, b: a @ b, [A, B])


@given(regrouped())
@FEW
def test_reshape_groups_have_as_many_entries_on_both_sides(shapes):
    old, new = shapes
    groups = reshape_groups(new, old)
    assert [k for group, _ in groups for k in group] == list(range(len(new)))
    assert [k for _, group in groups for k in group] == list(range(len(old)))
    assert all(
        math.prod((new[k] for k in left), start=ONE) == math.prod((old[k] for k in right), start=ONE)
        for left, right in groups
    )
