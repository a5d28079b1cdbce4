from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from derive.index.size import ONE, ZERO, Size, SizeSyntaxError

sizes = st.recursive(
    st.sampled_from([ZERO, ONE, Size.of("n"), Size.of("k"), Size.of(3)]),
    lambda inner: st.tuples(inner, inner, st.sampled_from("+-*")).map(
        lambda t: t[0] + t[1] if t[2] == "+" else t[0] - t[1] if t[2] == "-" else t[0] * t[1]
    ),
    max_leaves=6,
)


@given(sizes, sizes, st.integers(1, 5), st.integers(1, 5))
def test_arithmetic_is_that_of_numbers(a, b, n, k):
    def number(size):
        return size.at({"n": n, "k": k}).constant

    assert number(a + b) == number(a) + number(b)
    assert number(a - b) == number(a) - number(b)
    assert number(a * b) == number(a) * number(b)
    if a.is_nonnegative():
        assert number(a) >= 0


@given(sizes)
def test_what_is_written_is_read_again(size):
    assert Size.of(str(size)) == size


@given(sizes, sizes)
def test_a_quotient_is_exact(a, b):
    if len(b.terms) == 1 and (quotient := a.over(b)) is not None:
        assert quotient * b == a


@pytest.mark.parametrize("text", ["", "n d", "n/2", "n**2", "f(n)", "1.5", "True", "n+", "(" * 150, "n" * 201, "x = 1"])
def test_other_text_is_refused(text):
    with pytest.raises(SizeSyntaxError):
        Size.of(text)


def test_names_and_constants():
    assert (Size.of("n").name, Size.of("2*n").name, Size.of(3).name) == ("n", None, None)
    assert (Size.of(0).constant, Size.of(3).constant, Size.of("n").constant) == (0, 3, None)
    assert Size.of("h*k + n").names == {"h", "k", "n"}
    assert str(Size.of("h*h - 2*k + 1")) == "h*h - 2*k + 1"
