"""Sizes as numbers in formulas."""

from __future__ import annotations

import numpy as np
import pytest

from derive import DeriveError
from derive.arrays.array import name
from derive.arrays.axis import AxisSize
from derive.arrays.shapes import declare
from derive.index.size import Size

X = name("X", declare("n d").shape)
n, d = X.shape


@pytest.mark.parametrize(
    ("value", "text"),
    [(n + d, "d + n"), (2 * n, "2*n"), (n * d - 1, "d*n - 1"), (3 - n, "-n + 3"), (Size.of("k") - n, "k - n"), (n - 0, "n")],
)
def test_whole_arithmetic_gives_sizes(value, text):
    assert isinstance(value, AxisSize)
    assert value == Size.of(text)
    assert hash(value) == hash(Size.of(text))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1 / n, "1 / n"),
        (n / d, "n / d"),
        (0.5 * n, "0.5 * n"),
        (n - 0.5, "n - 0.5"),
        (0.5 - n, "0.5 - n"),
        (n + 0.5, "n + 0.5"),
        (np.sqrt(d), "np.sqrt(d)"),
        (d**0.5, "np.sqrt(d)"),
        (d**2, "d ** 2"),
        (X / np.sqrt(d), "X / np.sqrt(d)"),
        (n * X, "n * X"),
        (X * n, "X * n"),
    ],
)
def test_other_arithmetic_gives_scalars_of_the_language(value, text):
    assert str(value) == text


def test_a_literal_size_is_a_number():
    assert list(range(name("Y", declare("3 n").shape).shape[0])) == [0, 1, 2]


@pytest.mark.parametrize("use", [lambda: range(n), lambda: np.ones((n, d)), lambda: int(n), lambda: float(n)])
def test_a_symbolic_size_has_no_number(use):
    with pytest.raises(DeriveError) as caught:
        use()
    assert str(caught.value).startswith("the number of the symbolic size n was asked for; a formula that holds for every size")
    assert "test_axis.py:" in str(caught.value)
    assert "try np.ones_like" in str(caught.value)
