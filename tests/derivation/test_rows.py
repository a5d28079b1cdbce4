"""Row functions in a derivation: the gradient that is wanted, and what the generated code does with it."""

import numpy as np

import derive
from derive.arrays.reducing import arange
from derive.arrays.rows import Largest

from ..arrays.values import N, S


@derive.layer
def largest(X: "n d"):
    """The largest entry of each row."""
    return X.max(axis=1)


@derive.layer
def least(X: "n d"):
    """The least entry of each column."""
    return X.min(axis=0, keepdims=True)


def test_the_gradient_goes_to_the_largest():
    derived = largest.derive()
    assert str(derived) == "dY = dY\ndX = np.where(np.arange(d) == X.argmax(axis=1, keepdims=True), dY[:, None], 0)"
    assert derived.prove().assumptions == ("d > 0", "X has one largest entry along axis 1")


def test_the_whole_ladder_holds():
    for layer in (largest, least):
        verdict = layer.verify()
        assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
        assert {rung.name: rung.status for rung in verdict.evidence}["read-back"] == "proved"


def test_at_a_tie_the_first_takes_all():
    """A valid subgradient: what is handed on adds up to the upstream gradient."""
    code = largest.derive().compile()
    X = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]], np.float32)
    y, cache = code.forward(X)
    grads = code.backward(np.array([5.0, 7.0], np.float32), cache)
    np.testing.assert_array_equal(y, [3, 2])
    np.testing.assert_array_equal(grads["X"], [[0, 5, 0], [7, 0, 0]])
    assert grads["X"].dtype == np.float32


def test_the_place_of_the_largest_is_its_mask():
    X, Q = N("X", "n d"), N("Q", "b n d")
    assert (arange(S("d")) == X.argmax(axis=1, keepdims=True)).op == Largest(1)
    assert (Q.argmin(axis=1, keepdims=True) == arange(S("n"))[:, None]).op == Largest(1, least=True)


def test_another_place_is_not():
    X = N("X", "n n")
    for other in (arange(S("n"))[:, None] == X.argmax(axis=1, keepdims=True), arange(S("n")) == X.argmax(axis=1)):
        assert other.op.name == "equal"
