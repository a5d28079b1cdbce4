"""Steps at whose ties nothing needs be said: what is shown equal is equal everywhere else, and lies are not shown."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.evidence.seeded import BACKEND
from derive.index.normal import equal, kinks
from derive.index.size import Size
from derive.index.terms import Apply, Index, Number, Plus, Times, entry, total

X, HALF = entry("x"), Fraction(1, 2)
GRID = [Fraction(k, 4) for k in range(-20, 21)]  # every tie of the terms below is on it, and so are places between


def step(x):
    return Apply("step", x)


def magnitude(x):
    return Apply("abs", x)


lines = st.builds(
    lambda a, b: a * X + b, st.sampled_from([-2, -1, 1, 2]), st.integers(-2, 2).map(lambda k: Fraction(k, 2))
)
pieces = st.one_of(lines.map(step), lines.map(magnitude), lines, st.integers(-2, 2).map(Number))
bent = (
    st.lists(st.lists(pieces, min_size=1, max_size=3).map(tuple).map(Times), min_size=1, max_size=3)
    .map(tuple)
    .map(Plus)
)


def value(term, x):
    match term:
        case Number(value=c):
            return Fraction(c)
        case Plus(terms=terms):
            return sum(value(t, x) for t in terms)
        case Times(factors=factors):
            result = Fraction(1)
            for factor in factors:
                result *= value(factor, x)
            return result
        case Apply(function=function, argument=argument):
            inner = value(argument, x)
            return Fraction(inner > 0) if function == "step" else abs(inner)
    return x


def ties(term, x):
    """True if some step of the term is at its tie."""
    match term:
        case Plus(terms=parts) | Times(factors=parts):
            return any(ties(part, x) for part in parts)
        case Apply(argument=argument):
            return value(argument, x) == 0
    return False


def turned(term):
    """The same away from ties, written the other way round."""
    match term:
        case Plus(terms=parts):
            return Plus(tuple([turned(part) for part in parts]))
        case Times(factors=parts):
            return Times(tuple([turned(part) for part in parts]))
        case Apply(function="step", argument=argument):
            return 1 - step(-argument)
        case Apply(function="abs", argument=argument):
            return argument * (1 - 2 * step(-argument))
    return term


@settings(max_examples=300, deadline=None, database=None, derandomize=True, backend=BACKEND)
@given(bent, bent, bent, st.booleans())
def test_what_is_shown_holds_wherever_the_bent_term_has_no_tie(left, other, forward, alike):
    right = turned(left) if alike else other
    if equal(left, right, kinks(forward)):
        assert [x for x in GRID if value(left, x) != value(right, x) and not ties(forward, x)] == []


@settings(max_examples=200, deadline=None, database=None, derandomize=True, backend=BACKEND)
@given(bent)
def test_a_term_written_the_other_way_round_is_shown_equal_away_from_its_ties(term):
    pieces = [piece for product in term.terms for piece in product.factors]  # products of steps may vanish
    assert equal(term, turned(term), frozenset().union(*map(kinks, pieces)))


SAME = [  # two terms, and the one whose ties do not matter
    (step(X + 1) * step(1 - X), step(1 - magnitude(X)), step(X + 1) + step(X - 1)),
    (step(X) * step(X + 2), step(X), Number(0)),
    (step(2 * X - 1) * step(-X), Number(0), Number(0)),
    (step(X), 1 - step(-X), step(X)),
    (magnitude(X) * (1 - step(-X)), X * step(X), Number(0)),
]
OTHER = [
    (step(X), 1 - step(-X), step(X - 1)),  # the tie at 0 is one of its own
    (step(X), 1 - step(-X), Number(0)),
    (step(X) * step(X - 1), step(X), step(X)),
    (step(X + 1), step(X), step(X)),
    (step(X) + 7 * (1 - step(X) - step(-X)), step(X), step(X + 1)),
]


@pytest.mark.parametrize(("left", "right", "forward"), SAME)
def test_steps_that_follow_from_each_other(left, right, forward):
    assert equal(left, right, kinks(forward))


@pytest.mark.parametrize(("left", "right", "forward"), OTHER)
def test_steps_that_do_not(left, right, forward):
    assert not equal(left, right, kinks(forward))


def test_a_step_under_a_sum_is_turned_too():
    i, n = Index(Size.of("n")), Size.of("n")
    k = Index(n)
    y = entry("y", i)
    left, right = total(y * step(1 - y), i), total(y * (1 - step(y - 1)), i)
    assert equal(left, right, kinks(step(entry("y", k) - 1)))
    assert not equal(left, right, kinks(step(entry("y", k))))
    assert not equal(left, right)


def test_a_count_of_cases_may_be_0_at_more_than_ties():
    """Of a length, which is at least 0, nothing is said at 0; how many entries are positive is 0 at many places."""
    j = Index(Size.of("n"))
    length = total(entry("a", j) ** 2, j) ** HALF
    count = total(step(entry("a", j)), j)
    masked = total(entry("m", j, kind="bool") * Apply("exp", entry("a", j)), j)
    assert equal(step(length), Number(Fraction(1)), ties=False)
    assert not equal(step(length), Number(Fraction(1)))
    assert not equal(step(count), Number(Fraction(1)), ties=False)
    assert not equal(step(masked), Number(Fraction(1)), ties=False)
    assert not equal(step(step(X)), Number(Fraction(1)), ties=False)
    assert not equal(step(entry("t", j, kind="int") ** 2), Number(Fraction(1)), ties=False)  # whole numbers are often 0
