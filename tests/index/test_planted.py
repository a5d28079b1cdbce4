"""Each law with a lie put in its place: the value of a term, or an equality that is shown, must give it away.

The terms are small ones at which the law is used; the random terms of test_properties.py are judged in the same way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest

from derive.index import calculus, functions, laws, matrices, normal, polynomial
from derive.index.calculus import partial
from derive.index.effort import Exhausted
from derive.index.normal import equal, normal_form
from derive.index.polynomial import Atom, Polynomial
from derive.index.size import Size
from derive.index.terms import Apply, Delta, Entry, Index, Number, OfMatrix, Position, Term, entry, total

from .meaning import FREE, POINTS, M, N, Point, Undecided, Undefined, agree, as_term, value, values

HALF = Fraction(1, 2)
I, J, P = FREE  # noqa: E741  # as in a book
K, SHORT = Index(N, "k"), Index(N - 1, "s")
X, Y = entry("x"), entry("y")


def b(at) -> Entry:
    return entry("b", at)


def A(i, j) -> Entry:  # an array
    return entry("A", i, j)


def of(function, body, *at) -> OfMatrix:
    rows, columns = Index(N), Index(N)
    return OfMatrix(function, rows, columns, body(rows, columns), tuple(map(Position.of, at)))


def step(x: Term) -> Term:
    return Apply("step", x)


def hot(at) -> Entry:
    return entry("label", I, at, kind="onehot", row=M)


def chance(at) -> Entry:
    return entry("chance", I, at, kind="stochastic", row=N)


def twice(terms):
    return [(2 * c, m) for c, m in terms]


# ---- what gives a lie away


def keeps_value(term: Term) -> bool:
    """The normal form has the value of the term, and is defined where the term is."""
    try:
        form = as_term(normal_form(term))
    except (Exhausted, ZeroDivisionError):
        return False
    for sizes, seed in POINTS:
        point, places = Point(seed, **sizes), dict.fromkeys(FREE, 0)
        try:
            before = value(term, point, places)
        except Undefined:
            continue
        try:
            if not agree(before, value(form, point, places)):
                return False
        except Undecided:
            continue
        except Undefined:
            return False
    return True


def is_sound(left: Term, right: Term) -> bool:
    """The two are not shown equal, or they are."""
    return not equal(left, right) or all(agree(before, after) for before, after in values(left, right))


def differs_rightly(term: Term, array: str, at: tuple[Index, ...], derivative: Term) -> bool:
    """The laws of ∂ give that derivative."""
    found = partial(term, array, tuple(map(Position.of, at)))
    return all(agree(before, after) for before, after in values(found, derivative))


@dataclass(frozen=True)
class Lie:
    """A law's function, what is put in its place, and a check that is true with the law and false with the lie."""

    where: object
    name: str
    told: object
    check: Callable[[], bool]

    def seen_by(self, check: Callable[[], bool]) -> Lie:
        """The lie with what must see it."""
        return replace(self, check=check)


def sound(left: Term, right: Term):
    return lambda: is_sound(left, right)


def kept(term: Term):
    return lambda: keeps_value(term)


def changed(where, name, change):
    """A lie made from the law: its result, changed."""
    real = getattr(where, name)
    return Lie(where, name, lambda *given: change(real(*given)), bool)


def without_the_other_case(poly, function):
    """``f(p) = f(p at 1)``, the law of cases with one of them left out."""
    atoms = [a for _, m in poly.terms for a in m.factors if laws.is_indicator(a)]
    return function(Polynomial(laws.fix(poly, dict.fromkeys(atoms, 1)))) if atoms else None


def first_digit(difference, radix):
    (index, _), *others = difference.parts
    return (Position.of(index), Position.of(0)) if others else None


PRODUCT = of("inv", lambda r, c: total(A(r, K) * entry("S", K, c, kind="symmetric"), K), I, J)
ODD = {**functions.PRIMITIVES, "sin": replace(functions.PRIMITIVES["sin"], symmetry="even")}
SLOPE = {**functions.PRIMITIVES, "exp": replace(functions.PRIMITIVES["exp"], derivative=lambda x: x)}
GAP = b(I) - b(J)  # 0 where the two are at one place

LIES = {  # the law: where it is, its name, what is told in its place, and what then no longer holds
    "a sum over what is always the same": Lie(normal, "size_terms", lambda found: laws.number(1), kept(total(X, K))),
    "the indices of two sums are apart": Lie(laws, "renamed", lambda mono: mono, kept(total(b(K), K) ** 2)),
    "an index has the place where a symbol is 1, if in range": Lie(laws, "fits", lambda place, found: True, kept(total(Delta(Position.of(SHORT), Position.of(I)) * b(SHORT), SHORT))),
    "a symbol is 0 where its places are apart": Lie(laws, "kronecker", lambda difference: laws.number(1), kept(Delta(Position.of(I), Position.of(N)) + X)),
    "a mixed-radix number is all its digits": Lie(laws, "_digits", first_digit, kept(total(Delta(Position.of(I) * M + P, Position.of(K) * M) * b(K), K))),
    "a row of probabilities sums to 1": Lie(normal, "_in_row", lambda mono, atom, e: [(1, mono.without({atom}, atom.at[-1].index))], kept(total(chance(K) * b(K), K))),
    "a row has a single 1": Lie(normal, "_in_row", lambda mono, atom, e: [] if len(mono.factors) > 1 else None, kept(hot(P) * hot(0))),
    "what is 0 or 1 is its square": Lie(laws, "is_indicator", lambda atom: atom.kind == "entry", kept(X**2)),
    "not both p > 0 and -p > 0": Lie(laws, "opposite", lambda atom: next(iter(laws.step(atom.inner)[0][1].factors)), kept(step(X) * step(X + 1))),
    "f(p) in both cases": Lie(laws, "by_cases", without_the_other_case, kept(Apply("exp", step(GAP)))),
    "p = 0 is a case": changed(laws, "cases_of", lambda cases: cases[1:]).seen_by(sound(step(GAP) + step(-GAP), Number(1))),
    "symmetry": Lie(laws, "PRIMITIVES", ODD, kept(Apply("sin", X - Y) + 2 * Apply("sin", Y - X))),
    "exp(p + q) = exp(p) exp(q)": Lie(laws, "exponential", lambda poly: laws.power_of(Atom("exp", inner=Polynomial(poly.terms[:1]))), kept(Apply("exp", X + 2 * Y))),
    "log(p q) = log(p) + log(q)": Lie(laws, "_factorized", lambda found: {2: 1}, kept(Apply("log", 3 * Apply("exp", X)))),
    "a root of factors that are not negative": Lie(laws, "positive_content", lambda poly, strictly: laws.content(poly, lambda atom, e: True), kept((X * entry("z")) ** HALF)),
    "the root of a square is a magnitude": Lie(laws, "magnitude", lambda atom, e: None, kept((X**2) ** HALF)),
    "what is surely positive": Lie(laws, "is_positive", lambda poly, strictly: True, kept(step(total(b(SHORT) ** 2, SHORT)))),
    "what is in front of a power": changed(laws, "content", lambda found: (2 * found[0], *found[1:])).seen_by(kept(1 / (1 + 2 * X))),
    "roots of primes": changed(normal, "raised", lambda found: found + 1).seen_by(kept(Number(32) ** HALF)),
    "t B^e = B^(e+1) - (B - t) B^e": changed(normal, "relation", lambda found: (*found[:2], twice(found[2]))).seen_by(kept(X / (1 + X))),
    "which arrays are symmetric": Lie(polynomial, "SYMMETRIC_FACTS", {"float"}, sound(A(I, J), A(J, I))),
    "inv(A B) = inv(B) inv(A)": changed(matrices, "_halves", lambda found: [Polynomial(twice(half.terms)) for half in found]).seen_by(kept(PRODUCT)),
    "inv(c A) = inv(A) / c": changed(matrices, "substitute_all", twice).seen_by(kept(of("inv", lambda r, c: 3 * A(r, c), I, J))),
    "det(c A) = c^n det(A)": Lie(matrices, "size_terms", lambda found: laws.number(1), kept(of("det", lambda r, c: 3 * A(r, c)))),
    "inv(M) M = I": changed(matrices, "relation", lambda found: (*found[:2], [])).seen_by(kept(total(of("inv", lambda r, c: A(r, c) + b(r) * b(c), I, K) * A(K, J), K))),
    "which sizes are not negative": Lie(Size, "is_nonnegative", lambda found: True, kept(total(Delta(Position.of(SHORT) + 1, Position.of(I)) * b(SHORT), SHORT))),
    "a quotient rounded down": Lie(Size, "__floordiv__", lambda over, by: over, lambda: (Size.of(7) // 2).constant == 3),
    "∂f(u) = f'(u) ∂u": Lie(calculus, "PRIMITIVES", SLOPE, lambda: differs_rightly(Apply("exp", X), "x", (), Apply("exp", X))),
    "∂(u v) = ∂u v + u ∂v": Lie(calculus, "_sum", lambda parts: parts[0], lambda: differs_rightly(X * Y * X, "x", (), 2 * X * Y)),
}  # fmt: skip


@pytest.mark.parametrize("law", LIES)
def test_a_lie_in_place_of_a_law_is_seen(law, monkeypatch):
    lie = LIES[law]
    assert lie.check()
    monkeypatch.setattr(lie.where, lie.name, lie.told)
    assert not lie.check()
