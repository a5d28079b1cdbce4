"""A condition that always holds is not told; one that can fail is."""

import numpy as np
import pytest

from derive.arrays.signs import positive_if

from .values import N, S

X, b, P, q = N("X", "n d"), N("b", "d"), N("P", "n d : positive"), N("q", "")
ALWAYS = [np.exp(X), 1 + np.exp(-X), P, P * P, np.sqrt(P), X**2 + 1, 2 / (1 + np.exp(X)), P[1:].T, 1 + np.exp(b) + 0 * X, X[:, None] ** 2 + 3]
SOMETIMES = [X, X**2, np.exp(X) - 1, P - P.T.T, -np.exp(X), 1 + X, q * q, X.var(axis=1), (X**2).sum(axis=1)]
UNLESS_EMPTY = {
    "d > 0": [np.exp(X).sum(axis=1), X.var(axis=1) + 1, np.exp(X) * S("d"), (X**2).mean(axis=-1) + 2, P @ P.T, np.einsum("ij,kj->ik", P, P)],
    "n > 0": [np.exp(X).sum(axis=0), np.sqrt(X.var(axis=0, keepdims=True) + 1)],
}  # fmt: skip


@pytest.mark.parametrize("array", ALWAYS, ids=str)
def test_what_is_positive(array):
    assert positive_if(array) == ()


@pytest.mark.parametrize("array", SOMETIMES, ids=str)
def test_what_can_be_0_is_not(array):
    assert positive_if(array) is None


@pytest.mark.parametrize(("condition", "array"), [(c, a) for c, arrays in UNLESS_EMPTY.items() for a in arrays], ids=str)
def test_what_is_positive_unless_it_is_of_nothing(condition, array):
    """A sum over an empty axis is 0, and so is a size."""
    assert positive_if(array) == (condition,)


def test_conditions_that_always_hold_are_left_out():
    assert (1 / (1 + np.exp(-X))).op.assumes(1 / (1 + np.exp(-X))) == ()
    assert np.log(P).op.assumes(np.log(P)) == ()
    assert np.log(X).op.assumes(np.log(X)) == ("X > 0",)
    assert (P**-1).op.assumes(P**-1) == ()
    assert (X**-1).op.assumes(X**-1) == ("X ≠ 0",)
    assert np.log(np.exp(X).sum(axis=1)).op.assumes(np.log(np.exp(X).sum(axis=1))) == ("d > 0",)
