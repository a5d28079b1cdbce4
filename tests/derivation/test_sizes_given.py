"""Sizes given as plain ints, ``h: ": =h"``, and inputs that a layer does without."""

import numpy as np
import pytest

import derive
from derive.emit.readback import read_back
from derive.index.size import Size


@derive.layer(parameters=("W", "b"))
def heads(X: "... l e", W: "h*k e", b: None = None, h: ": =h" = 1):
    Q = X @ W.T if b is None else X @ W.T + b
    q = Q.reshape(*Q.shape[:-1], h, Q.shape[-1] // h).swapaxes(-2, -3)
    Y = np.tanh(q)
    return Y


def test_an_input_declared_as_none_is_left_out():
    assert [i.name for i in heads.inputs] == ["X", "W", "h"]
    assert heads.wrt == ("X", "W")


def test_the_layer_holds_for_every_such_size():
    verdict = heads.verify()
    assert verdict.status == "proved", verdict
    assert heads.sizes == ("batch", "l", "e", "h", "k")


def test_the_code_works_the_other_sizes_out_with_it():
    X, W = np.random.default_rng(0).standard_normal((2, 3, 5)), np.ones((6, 5))
    code = heads.derive().compile()
    for h in (1, 2, 3, np.int64(6)):
        Y, cache = code.forward(X, W, h)
        np.testing.assert_allclose(Y, np.tanh((X @ W.T).reshape(2, 3, h, 6 // h)).swapaxes(1, 2))
        assert code.backward(np.ones_like(Y), cache)["W"].shape == (6, 5)


@pytest.mark.parametrize("h", [0, -1, 2.0, "2", None])
def test_what_is_no_such_size_is_refused(h):
    with pytest.raises(ValueError, match=r"heads: h=.+; wanted a whole number of at least 1"):
        heads.derive().compile().forward(np.ones((2, 3, 5)), np.ones((6, 5)), h)


def test_a_size_that_divides_nothing_is_refused():
    with pytest.raises(ValueError, match=r"W \(6, 5\); wanted X \(..., l, e\), W \(h\*k, e\)"):
        heads.derive().compile().forward(np.ones((2, 3, 5)), np.ones((6, 5)), 4)


def test_code_that_splits_with_another_size_is_not_read_back():
    derivation = heads.derive()
    right = derivation.numpy()
    wrong = right.replace("reshape(batch, l, h, k).transpose(0, 2, 1, 3)", "reshape(batch, h, l, k)")
    assert wrong != right
    assert read_back(right, derivation).status == "proved"
    assert read_back(wrong, derivation).status == "open"


@derive.layer
def network(X: "b n e", W: "6*h*k e", h: ": =h"):
    A = heads(X, W, 2 * h)
    B = heads(X, W, h=3)
    Y = (A * A).sum() + (B * B).sum()
    return Y


def test_a_layer_called_with_a_size_or_a_number():
    assert [str(e.expression) for e in network.equations if "reshape" in str(e.expression)] == [
        "Q.reshape(b, n, 2*h, 3*k).transpose(0, 2, 1, 3)",
        "Q1.reshape(b, n, 3, 2*h*k).transpose(0, 2, 1, 3)",
    ]
    verdict = network.verify()
    assert verdict.status == "proved", verdict
    assert network.derive().derive().prove().status == "proved"


@derive.layer
def cut(X: "n h*k", h: ": =h"):
    return X.reshape(X.shape[0], h, -1)


@derive.layer
def halves(X: "n 2*k"):
    Y = cut(X, 2)
    return Y


def test_a_layer_of_one_line_called_with_a_size_has_no_object():
    assert str(halves.equations[0]) == "Y = cut(X, 2)"
    assert "cut is passed a size" in halves.derive().numpy()


@pytest.mark.parametrize("h", [0, -2, 2.5, 4, "X"])
def test_a_layer_called_with_what_is_no_such_size(h):
    def wrong(X: "n e", W: "6*k e"):
        return heads(X, W, X if h == "X" else h)

    with pytest.raises(derive.DeriveError):
        derive.layer(wrong)


def test_a_size_that_no_shape_tells_is_asked_for():
    @derive.layer
    def split(X: "n h*k"):
        Y = np.exp(X).reshape(X.shape[0], Size.of("h"), Size.of("k"))
        return Y

    assert split.derive().prove().status == "proved"
    with pytest.raises(derive.DeriveError, match='h: ": =h"'):
        split.derive().numpy()
