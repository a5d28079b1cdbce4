"""Sizes as numbers in formulas."""

from __future__ import annotations

import numpy as np
import pytest

from derive import DeriveError
from derive.arrays.axis import AxisSize
from derive.arrays.named import name
from derive.arrays.shapes import declare
from derive.arrays.size_text import read_size
from derive.index.size import Size

X = name("X", declare("n d").shape)
n, d = X.shape


@pytest.mark.parametrize(
    ("value", "text"),
    [(n + d, "d + n"), (2 * n, "2*n"), (n * d - 1, "d*n - 1"), (3 - n, "-n + 3"), (Size.of("k") - n, "k - n"), (n - 0, "n"), (-n, "-n"), (+n, "n")],
)
def test_whole_arithmetic_gives_sizes(value, text):
    assert isinstance(value, AxisSize)
    assert value == read_size(text)
    assert hash(value) == hash(read_size(text))


def test_a_size_with_a_minus_is_still_a_number_in_formulas():
    assert str(-n / 2) == "(-n) / 2"
    assert str(1 / -n) == "1 / (-n)"


k4 = name("K", declare("4*k h*k").shape).shape


@pytest.mark.parametrize(
    ("value", "text"),
    [(n // 2, "n//2"), (k4[0] // 4, "k"), (k4[1] // Size.of("k"), "h"), (k4[0] // 3, "k + k//3"), (7 // n, "7//n"), ((n + 1) // d, "(n + 1)//d")],
)
def test_quotients_are_rounded_down_to_sizes(value, text):
    assert isinstance(value, AxisSize)
    assert value == read_size(text)


@pytest.mark.parametrize(("value", "rest"), [(k4[0] % 4, 0), (k4[1] % Size.of("k"), 0), ((k4[0] + 3) % 4, 3)])
def test_a_rest_that_is_a_number(value, rest):
    assert value == rest
    assert isinstance(value, int)


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (lambda: n % 2, "the value of n % 2 was asked of symbolic sizes"),
        (lambda: 7 % n, "the value of 7 % n was asked of symbolic sizes"),
        (lambda: (n - 3) // 2, "(n - 3)//2 of symbolic sizes; a size that is surely at least 0"),
        (lambda: n // (n - 1), "n//(n - 1) of symbolic sizes; a size that is surely at least 0 by one that is surely at least 1"),
        (lambda: n // 0, "n//0 of symbolic sizes"),
    ],
)
def test_quotients_that_depend_on_the_sizes_are_refused(use, text):
    with pytest.raises(DeriveError) as caught:
        use()
    assert str(caught.value).startswith(text)
    assert "test_axis.py:" in str(caught.value)


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
