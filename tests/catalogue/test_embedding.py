"""Embedding beside its formula, written out entry by entry."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.emit.readback import read_back

RNG = np.random.default_rng(0)
embedding = derive.layers["embedding"]


def by_hand(index, weight, upstream):
    """The rows one by one, and their gradients added up one by one."""
    y, gradient = np.zeros((*index.shape, weight.shape[1])), np.zeros(weight.shape)
    for place in np.ndindex(index.shape):
        y[place] = weight[index[place]]
        gradient[index[place]] += upstream[place]
    return y, gradient


INDICES = {
    "different": np.array([3, 0, 4]), "repeated": np.array([1, 4, 1, 1]), "all the same": np.full(7, 2), "one": np.array([4]),
    "none": np.zeros(0, int), "a batch": RNG.integers(0, 5, (3, 4)), "many axes": RNG.integers(0, 5, (2, 1, 3, 2)),
    "a number": np.array(3), "columns": RNG.integers(0, 5, (4, 3)).T, "backwards": np.arange(5)[::-1],
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_rows_and_their_gradients(index, dtype):
    weight = RNG.integers(-9, 9, (5, 3)).astype(dtype)
    upstream = RNG.integers(-9, 9, (*index.shape, 3)).astype(dtype)
    code = embedding.derive().compile()
    y, cache = code.forward(index, weight)
    gradient = code.backward(upstream, cache)["weight"]
    for got, want in zip((y, gradient), by_hand(index, weight, upstream), strict=True):
        assert got.dtype == dtype
        assert np.array_equal(got, want)


@pytest.mark.parametrize("padding_idx", [0, 2, -1])
@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_the_row_of_the_padding_is_zeros_and_gets_no_gradient(index, padding_idx):
    weight, upstream = RNG.standard_normal((5, 3)), RNG.standard_normal((*index.shape, 3))
    code = embedding.with_options(padding_idx=padding_idx).derive().compile()
    y, cache = code.forward(index, weight)
    gradient = code.backward(upstream, cache)["weight"]
    weight[padding_idx] = 0
    wanted = by_hand(index, weight, upstream)
    wanted[1][padding_idx] = 0
    np.testing.assert_array_equal(y, wanted[0])
    np.testing.assert_allclose(gradient, wanted[1], rtol=1e-14)


@pytest.mark.parametrize("padding_idx", ["0", 1.0, True])
def test_a_row_of_the_padding_that_is_no_number_is_refused(padding_idx):
    with pytest.raises(derive.DeriveError, match="a whole number or None was wanted"):
        embedding.with_options(padding_idx=padding_idx)


def test_one_row_and_one_column():
    code = embedding.derive().compile()
    y, cache = code.forward(np.zeros(3, int), np.array([[2.0]]))
    assert y.tolist() == [[2.0], [2.0], [2.0]]
    assert code.backward(np.ones((3, 1)), cache)["weight"].tolist() == [[3.0]]


def test_the_gradient_reads_as_in_a_book():
    gradient = embedding.derive().gradients["weight"]
    assert str(gradient) == "add_rows(input, dY, v)"
    assert gradient._repr_latex_() == r"$\displaystyle \operatorname{onehot}(\mathit{input})^{\top} \, \mathrm{d}Y$"


@pytest.mark.parametrize("claimed", ["add_rows(input[::-1], dY, v)", "2 * add_rows(input, dY, v)"])
def test_wrong_gradients_are_refused(claimed):
    derivation = embedding.derive()
    source = derivation.numpy().replace("add_rows(input, dY, v)  #", f"{claimed}  #")
    assert claimed in source
    assert read_back(source, derivation).status == "open"


def test_a_row_that_is_not_there_is_refused():
    with pytest.raises(derive.DeriveError, match=r"embedding: input from 0 to 5; wanted 0 <= input < 5"):
        embedding.derive().compile().forward(np.array([0, 5]), np.zeros((5, 2)))


@pytest.mark.parametrize("padding_idx", [None, 0, -1])
def test_embedding_climbs_the_whole_ladder(padding_idx):
    verdict = embedding.with_options(padding_idx=padding_idx).verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    assert verdict.assumptions == ()
