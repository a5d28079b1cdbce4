"""What is too much work is given up: counted, so that it is the same everywhere, and bounded in memory as in time."""

from __future__ import annotations

import sys
import tracemalloc
from fractions import Fraction
from functools import reduce

import pytest

import derive
from derive.arrays.size_text import SizeSyntaxError, read_size
from derive.index import effort
from derive.index.effort import Exhausted, bounded, spend
from derive.index.normal import equal, normal_form
from derive.index.size import Size
from derive.index.terms import (
    Apply,
    Entry,
    Extent,
    Index,
    Number,
    OfMatrix,
    Plus,
    Position,
    Term,
    delta,
    entry,
    product,
    total,
)

HALF, N = Fraction(1, 2), Size.of("n")
I, J = Index(N, "i"), Index(N, "j")  # noqa: E741  # as in a book


def many(name: str, count: int) -> list[Entry]:
    return [entry(f"{name}{k}") for k in range(count)]


def step(x: Term) -> Term:
    return Apply("step", x)


def maximum(x: Term, y: Term) -> Term:
    return y + step(x - y) * (x - y)


def relu(x: Term) -> Term:
    return step(x) * x


def magnitude(x: Term) -> Term:
    return Apply("abs", x)


def folded(function, terms) -> Term:
    """``f(f(f(a, b), c), d)``."""
    first, *others = terms
    for other in others:
        first = function(first, other)
    return first


def shares(terms) -> Term:
    """The largest of the entries of one window, those alike having equal shares, as pooling means it."""

    def unbeaten(k):
        return 1 - step(Plus(tuple(step(other - terms[k]) for n, other in enumerate(terms) if n != k)))

    weights = [unbeaten(k) for k in range(len(terms))]
    return Plus(tuple(w * t for w, t in zip(weights, terms, strict=True))) / Plus(tuple(weights))


def of(function, body, *at) -> Term:
    rows, columns = Index(N), Index(N)
    return OfMatrix(function, rows, columns, body(rows, columns), tuple(map(Position.of, at)))


def sum_of_matrices(count):
    return lambda i, j: Plus(tuple(entry(f"A{k}", i, j) for k in range(count)))


def nested_inverses(count, i, j) -> Term:
    if count == 0:
        return entry("A0", i, j)
    return of("inv", lambda p, q: nested_inverses(count - 1, p, q) + entry(f"A{count}", p, q), i, j)


def clique(count) -> Term:
    """Every index beside every other: they all look alike, but for one."""
    indices = [Index(N) for _ in range(count)]
    links = [entry("A", i, j) for i in indices for j in indices if i is not j]
    return total(product(links[1:]), *indices)


def repeated(function, times, start=None) -> Term:
    term = start or entry("x")
    for _ in range(times):
        term = function(term)
    return term


def windows(count) -> Term:
    """Kronecker symbols of free indices, added to something each."""
    return product([delta(Index(N), Index(N)) + a for a in many("a", count)])


Z = entry("z")
MANY = {  # of each, k at once; none of them is z
    "maxima in a chain": lambda k: folded(maximum, many("a", k)),
    "a product of maxima": lambda k: product([maximum(a, b) for a, b in zip(many("a", k), many("b", k), strict=True)]),
    "a product of rectifiers": lambda k: product([relu(a - b) for a, b in zip(many("a", k), many("b", k), strict=True)]),
    "magnitudes in each other": lambda k: folded(lambda x, y: magnitude(x - y), many("a", k)),
    "rectifiers in each other": lambda k: folded(lambda x, y: relu(x - y), many("a", k)),
    "an exponential of rectifiers": lambda k: Apply("exp", Plus(tuple(map(relu, many("a", k))))),
    "one over rectifiers": lambda k: 1 / Plus(tuple(1 + relu(a) for a in many("a", k))),
    "a root of magnitudes": lambda k: Plus(tuple(map(magnitude, many("a", k)))) ** HALF,
    "an exponential of masks": lambda k: Apply("exp", Plus(tuple(entry(f"m{n}", kind="bool") * a for n, a in enumerate(many("a", k))))),
    "the largest of a window": lambda k: shares(many("a", k)),
    "kinks in a sum": lambda k: total(relu(entry("A", I, J)), I) ** k - total(magnitude(entry("A", I, J)), I) ** k,
    "common denominators": lambda k: Plus(tuple(1 / (1 + relu(a)) for a in many("a", k))),
    "a continued fraction": lambda k: folded(lambda x, y: 1 / (y + x), many("a", k)),
    "a determinant to a power": lambda k: (of("det", sum_of_matrices(k)) + Plus(tuple(many("a", k)))) ** 1000,
    "an inverse of a sum": lambda k: product([of("inv", sum_of_matrices(k), I, J) + a for a in many("a", k)]),
    "inverses in each other": lambda k: nested_inverses(k, I, J),
    "a giant power": lambda k: Plus(tuple(many("a", k))) ** 10**9,
    "powers of powers": lambda k: repeated(lambda x: (x + 1) ** 10, k),
    "giant numbers": lambda k: repeated(lambda x: x**999, k, Number(10**9 + k)),
    "roots of giant numbers": lambda k: Number(2 ** (61 * k) - 1) ** Fraction(999, 2),
    "Kronecker symbols": windows,
    "indices that look alike": clique,
    "functions in each other": lambda k: repeated(lambda x: Apply("sin", x) + Apply("exp", x) * Apply("cos", x), k),
    "sums of themselves": lambda k: repeated(lambda x: x + x * entry("y"), 3 * k),
    "brackets": lambda k: repeated(lambda x: Apply("sin", x), 500 * k),
}  # fmt: skip


def work(question) -> tuple[str, int, int]:
    """The answer; how many functions were called for it; the most memory that was held, in bytes."""
    calls = 0

    def count(frame, event, argument):
        nonlocal calls
        calls += event == "call"

    tracemalloc.start()
    sys.setprofile(count)
    try:
        answer = str(question())
    except Exhausted as limit:
        answer = str(limit)
    finally:
        sys.setprofile(None)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    return answer, calls, peak


PART = 60  # of the effort that is enough to see what it bounds


@pytest.mark.parametrize("name", MANY)
def test_a_false_claim_costs_no_more_than_the_effort(name, monkeypatch):
    """Calls and bytes grow with the effort and with nothing else, whatever is asked."""
    monkeypatch.setattr(effort, "MAX_EFFORT", effort.MAX_EFFORT // PART)
    answer, calls, peak = work(lambda: equal(MANY[name](12), Z))
    assert answer == "False" or answer.startswith("given up"), answer
    assert calls <= 4 * effort.MAX_EFFORT
    assert peak <= 25 * effort.MAX_EFFORT  # 75 MB, with all of the effort


def test_an_account_is_not_carried_over(monkeypatch):
    monkeypatch.setattr(effort, "MAX_EFFORT", effort.MAX_EFFORT // PART)
    for _ in range(2):
        with pytest.raises(Exhausted, match=f"given up after {effort.MAX_EFFORT} steps of work"):
            equal(MANY["an exponential of rectifiers"](12), Z)
        assert equal(Z + 1, 1 + Z)


def test_without_a_limit_it_would_cost_more(monkeypatch):
    monkeypatch.setattr(effort, "MAX_EFFORT", 10**9)
    answer, calls, _ = work(lambda: normal_form(MANY["an exponential of masks"](5)))
    assert not answer.startswith("given up")
    assert calls > 4 * 2_000  # what that much effort would have let through
    monkeypatch.setattr(effort, "MAX_EFFORT", 2_000)
    assert work(lambda: normal_form(MANY["an exponential of masks"](5)))[1] <= 4 * 2_000


@pytest.mark.parametrize("count", [1, 4, 16])
def test_a_sum_of_maxima_grows_by_what_is_added(count):
    """Cases that come out the same are looked at once: three for each maximum, not three times as many."""
    maxima = [(maximum(a, b), maximum(b, a)) for a, b in zip(many("a", count), many("b", count), strict=True)]
    left, right = (Plus(terms) for terms in zip(*maxima, strict=True))
    assert equal(left, right)
    assert not equal(left, right + Z)


# ---- accounts


def test_questions_within_a_question_share_its_account(monkeypatch):
    monkeypatch.setattr(effort, "MAX_EFFORT", 10)
    inner = bounded(lambda: spend(6))
    inner()
    inner()  # each is a question of its own

    @bounded
    def outer():
        inner()
        inner()

    with pytest.raises(Exhausted, match="given up after 10 steps of work"):
        outer()
    inner()


def test_what_is_nested_too_deeply_is_given_up():
    with pytest.raises(Exhausted, match="nested too deeply"):
        normal_form(MANY["brackets"](12))


# ---- sizes


def test_sizes_are_bounded_too():
    hostile = "*".join(f"({a}+{b})" for a, b in zip("abcdefghijklm", "nopqrstuvwxyz", strict=True))
    with pytest.raises(SizeSyntaxError):
        read_size(hostile)
    names = read_size("*".join("abcdefghijklmnopqrstuvwxyz"))
    assert names.is_nonnegative()
    assert not (names - Size.of("z")).is_nonnegative()  # it is, but that is not plain to see
    assert equal(Extent(names) - Extent(names), Number(0))


# ---- as people meet it

LETTERS = "abcdef"
SHAPES = dict.fromkeys("x" + LETTERS, "n")
SQUARE = dict.fromkeys("X" + LETTERS, "n n")


def nested(text: str) -> str:
    return f"sum({reduce(text.format, LETTERS, 'x')})"


CLAIMS = {
    "rectifiers in each other": (nested("relu({} - {})"), "x", "ones(n)", SHAPES),
    "maxima in a chain": (nested("maximum({}, {})"), "x", "step(x - a)", SHAPES),
    "a product of magnitudes": (f"sum({' * '.join(f'abs(x - {a})' for a in LETTERS)})", "x", "ones(n)", SHAPES),
    "an exponential of rectifiers": (f"sum(exp({' + '.join(f'relu(x - {a})' for a in LETTERS)}))", "x", "ones(n)", SHAPES),
    "a determinant of a sum": (f"det({' + '.join(LETTERS)})", "a", "inv(a)", SQUARE),
    "inverses of sums": (f"trace({' @ '.join(f'inv({a} + X)' for a in LETTERS[:3])})", "X", "inv(X)", SQUARE),
    "a giant power": (f"sum(({' + '.join(LETTERS)}) ** 100)", "a", f"100 * ({' + '.join(LETTERS)}) ** 98", SHAPES),
}  # fmt: skip


@pytest.mark.parametrize("name", CLAIMS)
def test_a_false_claim_about_kinks_is_never_proved(name, monkeypatch):
    """Refuted by numbers, or open with a reason; the kernel's part of it is bounded."""
    monkeypatch.setattr(effort, "MAX_EFFORT", effort.MAX_EFFORT // PART)
    verdict = derive.claim(*CLAIMS[name])
    assert verdict.status == "refuted" or (verdict.status == "open" and "the kernel has given up" in verdict.reason)
