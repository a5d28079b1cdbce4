"""The kernel against random terms: the meaning of a term, told a second time in 50 digits, is the judge."""

from __future__ import annotations

import os
import random
from fractions import Fraction

import mpmath
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from derive.arrays.size_text import read_size
from derive.index.calculus import partial
from derive.index.effort import Exhausted
from derive.index.normal import equal, normal_form
from derive.index.polynomial import Polynomial
from derive.index.size import Size
from derive.index.terms import (
    Apply,
    Delta,
    Entry,
    Extent,
    Index,
    Number,
    OfMatrix,
    Plus,
    Position,
    Power,
    Term,
    Times,
    Total,
)

from .meaning import FREE, POINTS, M, N, Point, Undecided, Undefined, agree, as_term, number, value, values

property_test = settings(
    deadline=None,
    max_examples=int(os.environ.get("KERNEL_EXAMPLES", "100")),
    derandomize="KERNEL_EXAMPLES" not in os.environ,  # the same terms in every run, unless more are looked for
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


# ---- random terms

REUSED = (
    *FREE,
    Index(N, "k"),
    Index(M, "q"),
    Index(Size.of(1), "one"),
    Index(read_size("n+1"), "wide"),
    Index(read_size("n*m"), "flat"),
    Index(read_size("n-1"), "short"),
    Index(read_size("n//2"), "half"),  # 0 for n = 1
)  # also bound more than once, and within itself
ARRAYS = ("A", "b", "x", "y", "step", "log")  # two of them named as functions are
ROWS = (
    ("choice", "onehot", None),
    ("label", "onehot", M),
    ("sole", "onehot", Size.of(1)),
    ("chance", "stochastic", N),
)


@st.composite
def positions(draw, scope):
    first = Position.of(draw(st.sampled_from(scope)))
    match draw(st.integers(0, 9)):
        case 0:
            return first + draw(st.integers(-1, 1))
        case 1:
            return first * draw(st.sampled_from([2, -1, N, M])) + draw(st.sampled_from(scope))
        case 2:
            return Position.of(draw(st.integers(0, 1)))
        case 3:
            return first * 2 + draw(st.integers(0, 1))
    return first


@st.composite
def terms(draw, depth=4, scope=FREE, smooth=False):
    if depth == 0 or draw(st.integers(0, 5)) == 0:
        return draw(leaves(scope, smooth))
    inner = terms(depth - 1, scope, smooth)
    kind = draw(st.integers(0, 10))
    if kind == 10:
        return draw(matrices(depth, scope, smooth))
    if kind <= 2:
        return Plus(tuple(draw(st.lists(inner, min_size=1, max_size=3))))
    if kind <= 5:
        return Times(tuple(draw(st.lists(inner, min_size=1, max_size=3))))
    if kind <= 7:
        index = draw(st.sampled_from(REUSED)) if draw(st.booleans()) else Index(draw(st.sampled_from([N, M])))
        return Total(index, draw(terms(depth - 1, (*scope, index), smooth)))
    if kind == 8:
        exponents = [2, -1, 3, -2] + ([] if smooth else [Fraction(1, 2), Fraction(-1, 2), Fraction(3, 2), 0])
        base = draw(inner)
        return Power(base, Fraction(draw(st.sampled_from(exponents))))
    functions = ["exp", "exp", "sin", "erf", "cos"] + ([] if smooth else ["log", "abs", "sign", "step", "step"])
    return Apply(draw(st.sampled_from(functions)), draw(inner))


@st.composite
def matrices(draw, depth, scope, smooth):
    """The inverse or the determinant of a matrix, often of one with a structure: a product, a sum with I, symmetric."""
    size = draw(st.sampled_from([N, N, M]))
    rows, columns, k = Index(size), Index(size), Index(draw(st.sampled_from([N, M])))
    if draw(st.integers(0, 5)) == 0:
        rows, columns = FREE[0], REUSED[3]
    inner = (*scope, rows, columns)
    body = draw(
        st.one_of(
            terms(depth - 1, inner, smooth),
            st.sampled_from([known("A", rows, columns), known("S", columns, rows), known("P", rows, columns)]),
            st.builds(
                lambda a, b: Total(k, Times((a, b))), terms(0, (rows, k), smooth), terms(0, (k, columns), smooth)
            ),
            st.just(Total(k, known("A", k, rows) * known("A", k, columns))),
        )
    )
    if draw(st.booleans()):
        body = Plus((body, Times((draw(terms(0, scope, smooth)), Delta(Position.of(rows), Position.of(columns))))))
    at = (draw(positions(scope)), draw(positions(scope)))
    return OfMatrix(*draw(st.sampled_from([("inv", rows, columns, body, at), ("det", rows, columns, body)])))


KINDS = {"S": "symmetric", "P": "spd"}


def known(array: str, *at: Index) -> Entry:
    """An entry of a matrix about which something is known, or nothing."""
    return Entry(array, tuple(map(Position.of, at)), KINDS.get(array, "float"))


@st.composite
def leaves(draw, scope, smooth):
    match draw(st.integers(0, 13)):
        case 0:
            return Number(draw(st.sampled_from([0, 1, -1, 2, Fraction(1, 3), Fraction(-3, 2), 8])))
        case 1:
            return Extent(draw(st.sampled_from([N, M, *map(read_size, ("n*m", "n-1", "(n+1)//2", "n//2"))])))
        case 2:
            return Power(Extent(N), Fraction(-1))
        case 3 | 4:
            return Delta(draw(positions(scope)), draw(positions(scope)))
        case 5:
            return Entry("mask", (draw(positions(scope)),), "bool")
        case 6:
            return Entry("w", tuple(draw(st.lists(positions(scope), max_size=1))), "positive")
        case 7 | 8:
            name, kind, row = draw(st.sampled_from(ROWS))
            return Entry(name, (draw(positions(scope)), draw(positions(scope))), kind, row)
    array = draw(st.sampled_from([*ARRAYS, *KINDS]))
    if array in KINDS:
        return Entry(array, (draw(positions(scope)), draw(positions(scope))), KINDS[array])
    rank = {"A": 2, "b": 1, "x": 0, "y": 0, "step": 1, "log": 0}[array]
    return Entry(array, tuple(draw(positions(scope)) for _ in range(rank)))


def normal(term: Term):
    """The normal form; examples that are out of reach or nowhere defined are left out."""
    try:
        return normal_form(term)
    except (Exhausted, ZeroDivisionError):
        assume(False)


def shown_equal(left: Term, right: Term) -> bool:
    try:
        return equal(left, right)
    except (Exhausted, ZeroDivisionError):
        assume(False)


# ---- the properties


@property_test
@given(terms())
def test_the_normal_form_keeps_the_value(term):
    form = as_term(normal(term))
    for before, after in values(term, form):
        assert agree(before, after)


def has_cases(poly: Polynomial) -> bool:
    atoms = [a for _, m in poly.terms for a in m.factors]
    return any(
        a.kind in ("step", "delta") or a.fact in ("bool", "onehot") or (a.inner and has_cases(a.inner)) for a in atoms
    )


@property_test
@given(terms())
def test_the_normal_form_is_defined_where_the_term_is(term):
    """So that laws may be chained; with a 0/1 factor that holds case by case, which is not tried here."""
    form = normal(term)
    assume(not has_cases(form))
    for sizes, seed in POINTS:
        point, places = Point(seed, **sizes), dict.fromkeys(FREE, 0)
        try:
            value(term, point, places)
            value(as_term(form), point, places)
        except Undecided:
            continue
        except Undefined:
            with pytest.raises(Undefined):
                value(term, point, places)


def renamed(term: Term, names: dict[Index, Index]) -> Term:
    """The same term with other Index objects for the bound indices."""

    def place(p: Position) -> Position:
        return p.at({i: Position.of(j) for i, j in names.items()})

    match term:
        case Entry(array=array, at=at, kind=kind, row=row):
            return Entry(array, tuple(place(p) for p in at), kind, row)
        case Delta(left=left, right=right):
            return Delta(place(left), place(right))
        case Plus(terms=terms):
            return Plus(tuple(renamed(u, names) for u in terms))
        case Times(factors=factors):
            return Times(tuple(renamed(u, names) for u in factors))
        case Power(base=base, exponent=exponent):
            return Power(renamed(base, names), exponent)
        case Apply(function=function, argument=argument):
            return Apply(function, renamed(argument, names))
        case Total(index=index, body=body):
            fresh = Index(index.size, "z")
            return Total(fresh, renamed(body, {**names, index: fresh}))
        case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
            p, q = Index(rows.size, "z"), Index(columns.size, "z")
            inside = renamed(body, {**names, rows: p, columns: q})
            return OfMatrix(function, p, q, inside, tuple(place(x) for x in at))
    return term


@property_test
@given(terms())
def test_the_normal_form_does_not_depend_on_the_names_of_bound_indices(term):
    assert normal(term).key == normal(renamed(term, {})).key


def shuffled(term: Term, dice: random.Random) -> Term:
    match term:
        case Plus(terms=parts) | Times(factors=parts):
            parts = [shuffled(u, dice) for u in parts]
            dice.shuffle(parts)
            return type(term)(tuple(parts))
        case Power(base=base, exponent=exponent):
            return Power(shuffled(base, dice), exponent)
        case Apply(function=function, argument=argument):
            return Apply(function, shuffled(argument, dice))
        case Total(index=index, body=body):
            return Total(index, shuffled(body, dice))
        case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
            return OfMatrix(function, rows, columns, shuffled(body, dice), at)
    return term


@property_test
@given(terms(), st.integers(0, 9))
def test_the_order_of_summands_and_factors_does_not_matter(term, seed):
    assert shown_equal(term, shuffled(term, random.Random(seed)))


@property_test
@given(terms())
def test_the_normal_form_is_idempotent(term):
    form = normal(term)
    assert normal(as_term(form)).key == form.key


@st.composite
def mutants(draw, term):
    """The term with one thing changed."""
    match term:
        case Number(value=c):
            return Number(c + draw(st.sampled_from([1, -1, Fraction(1, 2)])))
        case Extent(size=size):
            return Extent(size + draw(st.sampled_from([N, 1, -1])))
        case Entry(array=array, at=at, kind=kind, row=row):
            if not at or draw(st.booleans()):
                other = Entry("b", (Position.of(FREE[0]),))
                return draw(st.sampled_from([Number(1), -term, 2 * term, other, Times((term, term))]))
            k = draw(st.integers(0, len(at) - 1))
            moved = draw(st.sampled_from([at[k] + 1, Position.of(FREE[0]), Position.of(FREE[1]), *at]))
            return Entry(array, (*at[:k], moved, *at[k + 1 :]), kind, row)
        case Delta(left=left, right=right):
            wrong = [Delta(left + 1, right), Number(1), Delta(left, Position.of(FREE[1])), Delta(left, right * -1)]
            return draw(st.sampled_from(wrong))
        case Plus(terms=parts) | Times(factors=parts):
            k = draw(st.integers(0, len(parts) - 1))
            changed = draw(st.sampled_from(["drop", "sign", "inside", "inside", "inside"]))
            new = () if changed == "drop" else (-parts[k],) if changed == "sign" else (draw(mutants(parts[k])),)
            return type(term)((*parts[:k], *new, *parts[k + 1 :]))
        case Power(base=base, exponent=exponent):
            if draw(st.integers(0, 2)) == 0:
                return Power(base, exponent + draw(st.sampled_from([1, -1, Fraction(1, 2)])))
            return Power(draw(mutants(base)), exponent)
        case Apply(function=function, argument=argument):
            if draw(st.integers(0, 2)) == 0:
                other = draw(st.sampled_from(["exp", "sin", "abs", "step", "sign", "erf", "cos"]))
                beyond = 1 - Apply(function, -argument)  # of a step: another value at 0 alone
                return draw(st.sampled_from([argument, Apply(function, -argument), Apply(other, argument), beyond]))
            return Apply(function, draw(mutants(argument)))
        case Total(index=index, body=body):
            if draw(st.integers(0, 2)) == 0:
                return draw(st.sampled_from([Total(index, Total(FREE[0], body)), Total(index, -body)]))
            return Total(index, draw(mutants(body)))
        case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
            turned = OfMatrix(function, rows, columns, body, at[::-1])
            inside = OfMatrix(function, rows, columns, draw(mutants(body)), at)
            return draw(st.sampled_from([inside, inside, turned, -term, OfMatrix("det", rows, columns, body)]))
    raise TypeError(term)


@property_test
@given(st.data())
def test_a_wrong_term_is_never_equal(data):
    right = data.draw(terms())
    wrong = data.draw(mutants(right))
    if shown_equal(right, wrong):
        for a, b in values(right, wrong):
            assert agree(a, b)


@property_test
@given(terms(depth=3), terms(depth=3))
def test_equality_can_be_relied_on_in_a_product(left, right):
    """Each law once more, where 0 is one of the factors."""
    whole = Times((left, right, Plus((left, -right))))
    form = as_term(normal(whole))
    for before, after in values(whole, form):
        assert agree(before, after)


@property_test
@given(terms(depth=3, smooth=True), st.sampled_from(["A", "b", "x", "step"]), st.sampled_from(POINTS))
def test_partial_agrees_with_a_difference_quotient(term, array, chosen):
    sizes, seed = chosen
    rank = {"A": 2, "b": 1, "x": 0, "step": 1}[array]
    probe = [Index(N), Index(N)][:rank]
    derivative = partial(term, array, tuple(Position.of(i) for i in probe))
    point = Point(seed, **sizes)
    places = {i: min(k, number(i.size, point) - 1) for k, i in enumerate(FREE)}
    h = mpmath.mpf(10) ** -12
    try:
        exact = value(derivative, point, {**places, **dict.fromkeys(probe, 0)})
        sides = []
        for step in (h, -h):
            point.changed = {(array, (0,) * rank): step}
            sides.append(value(term, point, places))
    except Undefined:
        assume(False)
    assume(max(abs(s) for s in sides) < 10**6)
    assert abs((sides[0] - sides[1]) / (2 * h) - exact) < mpmath.mpf(10) ** -8 * (1 + abs(exact)) ** 3


@pytest.mark.parametrize("size", ["n", "1", "n-1", "n*m"])
def test_a_sum_of_ones_is_the_size(size):
    assert equal(Total(Index(read_size(size)), Number(1)), Extent(read_size(size)))
