from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from derive.arrays.shapes import supposed
from derive.arrays.size_text import MAX_TEXT, SizeSyntaxError, read_size
from derive.index.size import ONE, ZERO, Quotient, Size


def combined(a, b, sign):
    if sign == "/":
        return a if (-b).is_nonnegative() else a // b
    return a + b if sign == "+" else a - b if sign == "-" else a * b


sizes = st.recursive(
    st.sampled_from([ZERO, ONE, Size.of("n"), Size.of("k"), Size.of(3)]),
    lambda inner: st.tuples(inner, inner, st.sampled_from("+-*/")).map(lambda t: combined(*t)),
    max_leaves=6,
)
pairs = st.tuples(st.integers(1, 5), st.integers(1, 5)).map(lambda pair: dict(zip("nk", pair, strict=True)))


def value(size, at):
    """The number that a size is, told by its terms alone; and whether every quotient in it is at least 0."""
    total, supposed = 0, True
    for powers, c in size.terms:
        part = c
        for name, power in powers:
            if isinstance(name, Quotient):
                (over, first), (by, second) = value(name.over, at), value(name.by, at)
                supposed = supposed and first and second and by > 0 and over // by >= 0
                part *= (over // by if by > 0 else 0) ** power
            else:
                part *= at[name] ** power
        total += part
    return total, supposed


@given(sizes, sizes, pairs)
def test_arithmetic_is_that_of_numbers(a, b, at):
    (left, first), (right, second) = value(a, at), value(b, at)
    assume(first and second)
    assert value(a + b, at)[0] == left + right
    assert value(a - b, at)[0] == left - right
    assert value(a * b, at)[0] == left * right
    if right >= 1:
        assert value(a // b, at)[0] == left // right
    assert a.at(at).constant == left
    if a.is_nonnegative():
        assert left >= 0


@given(sizes, sizes, pairs)
def test_a_size_put_for_a_name_is_its_number(a, b, at):
    (inside, first), (_, second) = value(b, at), value(a, at)
    assume(first and second and inside >= 1 and not b.quotients)
    after, before = value(a.at({"n": b}), at), value(a, {**at, "n": inside})
    assert before[0] == after[0] or not before[1]


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("h//2", "h//2"),
        ("(h - 3)//2 + 1", "(h + 1)//2 - 1"),  # one text for one number
        ("(h - 2 + 1)//2", "(h + 1)//2 - 1"),
        ("(h - kh)//2 + 1", "(h - kh)//2 + 1"),
        ("(h + 2*p - d*k + d - 1)//s + 1", "(-d*k + d + h + 2*p - 1)//s + 1"),
        ("(h - k + s - 1)//s", "(h - k - 1)//s + 1"),
        ("n*k//k", "n"),
        ("(n*k - 1)//k + 1", "n"),
        ("(s - 1)//s", "0"),
        ("2*(h//2)", "2*(h//2)"),
        ("0 - h//2", "-(h//2)"),
        ("(h//2)//s", "(h//2)//s"),
        ("a//(b + c)", "a//(b + c)"),
        ("(a + b)//(a + b)", "1"),
    ],
)
def test_quotients_rounded_down(text, written):
    assert str(read_size(text)) == written
    assert read_size(written) == read_size(text)


def test_a_quotient_times_its_divisor_is_no_more_than_what_was_divided():
    """What puts the last window inside the image: s*((h - k)//s) + k <= h."""
    h, k, s = map(Size.of, "hks")
    last = s * ((h - k) // s) + k
    assert (h - last).is_nonnegative()
    assert not (h - last - 1).is_nonnegative()
    assert (read_size("(h + 1)//2") - 1).is_nonnegative()
    assert not (read_size("h//2") - 1).is_nonnegative()


def test_a_part_rounded_down_is_no_more_than_the_whole():
    assert (Size.of("k") - read_size("k//2")).is_nonnegative()
    assert (read_size("n*d*(k - 1)") - read_size("n*(d*(k - 1)//3)")).is_nonnegative()
    assert not (Size.of("k") - read_size("(k + 4)//2")).is_nonnegative()  # 1 - 2


def test_what_is_supposed_of_a_quotient():
    assert list(map(str, supposed(read_size("(h - k)//s*n + h//2")))) == ["h - k"]
    assert supposed(read_size("h//2 + (h + 3)//s")) == ()
    assert list(map(str, supposed(read_size("h//(n - 1)")))) == ["n - 2"]


@pytest.mark.parametrize("by", ["0", "0 - 2", "1 - n"])
def test_nothing_is_divided_by_what_is_surely_not_positive(by):
    with pytest.raises(ZeroDivisionError):
        Size.of("n") // read_size(by)
    with pytest.raises(SizeSyntaxError):
        read_size(f"n//({by})")


@given(sizes)
def test_what_is_written_is_read_again(size):
    assume(len(str(size)) <= MAX_TEXT)
    assert read_size(str(size)) == size


@given(sizes, sizes)
def test_a_quotient_is_exact(a, b):
    if b.terms and (quotient := a.over(b)) is not None:
        assert quotient * b == a


@pytest.mark.parametrize("text", ["", "n d", "n/2", "n**2", "f(n)", "1.5", "True", "n+", "(" * 150, "n" * 201, "x = 1"])
def test_other_text_is_refused(text):
    with pytest.raises(SizeSyntaxError):
        read_size(text)


def test_names_and_constants():
    assert (Size.of("n").name, read_size("2*n").name, Size.of(3).name) == ("n", None, None)
    assert (Size.of(0).constant, Size.of(3).constant, Size.of("n").constant) == (0, 3, None)
    assert read_size("h*k + n").names == {"h", "k", "n"}
    assert str(read_size("h*h - 2*k + 1")) == "h*h - 2*k + 1"
