"""A condition that always holds is not told; one that can fail is."""

import numpy as np
import pytest

from derive.arrays.signs import is_positive

from .values import N, S

X, b, P, q = N("X", "n d"), N("b", "d"), N("P", "n d : positive"), N("q", "")


@pytest.mark.parametrize("array", [np.exp(X), 1 + np.exp(-X), P, P * P, np.sqrt(P), X**2 + 1, 2 / (1 + np.exp(X)), P[1:].T, 1 + np.exp(b) + 0 * X])
def test_what_is_positive(array):
    assert is_positive(array)


@pytest.mark.parametrize("array", [X, X**2, np.exp(X) - 1, P - P.T.T, -np.exp(X), np.exp(X).sum(axis=1), np.exp(X) * S("n"), 1 + X, q * q])
def test_what_can_be_0_is_not(array):
    """A sum over an empty axis is 0, and so is a size."""
    assert not is_positive(array)


def test_conditions_that_always_hold_are_left_out():
    assert (1 / (1 + np.exp(-X))).op.assumes(1 / (1 + np.exp(-X))) == ()
    assert np.log(P).op.assumes(np.log(P)) == ()
    assert np.log(X).op.assumes(np.log(X)) == ("X > 0",)
    assert (P**-1).op.assumes(P**-1) == ()
    assert (X**-1).op.assumes(X**-1) == ("X ≠ 0",)
