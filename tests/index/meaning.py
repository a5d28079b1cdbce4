"""What an index term means, told a second time in 50 digits: the judge of the kernel."""

from __future__ import annotations

import random
from fractions import Fraction

import mpmath

from derive.index.polynomial import Atom, Polynomial
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

mpmath.mp.dps = 50
TINY = mpmath.mpf(10) ** -20  # a value this near to a jump or a pole, but not on it, decides nothing
LARGE = mpmath.mpf(10) ** 12

N, M = Size.of("n"), Size.of("m")
FREE = (Index(N, "i"), Index(N, "j"), Index(M, "p"))
POINTS = tuple(
    (sizes, seed)
    for seed in range(2)
    for sizes in ({"n": 1, "m": 1}, {"n": 2, "m": 2}, {"n": 3, "m": 2}, {"n": 2, "m": 4})
)


# ---- what a term means


class Undefined(Exception):
    """The term has no value here."""


class Undecided(Undefined):
    """50 digits do not decide whether it has one."""


class Point:
    """Sizes, and entries that depend on nothing but the array, the position and the seed."""

    def __init__(self, seed: int, **sizes: int) -> None:
        self.seed, self.sizes, self.changed = seed, sizes, {}

    def entry(self, array: str, at: tuple[int, ...], kind: str, row: int | None):
        if array == "π":
            return mpmath.pi
        if kind == "onehot":  # the 1 may be outside, unless the row is known to have one
            hot = random.Random(f"{self.seed} {array} {at[:-1]}").randrange(row or 3)
            return mpmath.mpf(at[-1] == hot)
        if kind == "stochastic":
            return self.weight(array, at) / mpmath.fsum(self.weight(array, (*at[:-1], k)) for k in range(row))
        if array == "ℕ":
            return mpmath.mpf(at[0])
        if kind in ("symmetric", "spd"):
            at = tuple(sorted(at))
        dice = random.Random(f"{self.seed} {array} {at}")
        if kind == "spd" and at[0] == at[1]:
            return mpmath.mpf(dice.uniform(20, 30))  # the other entries are too small to matter
        if kind == "bool":
            return mpmath.mpf(dice.choice([0, 1]))
        # zeros and ties are frequent, and so are values with nothing special about them
        value = dice.choice([dice.choice([-2, -1, 0, 1, 0.5]), dice.uniform(-2, 2)])
        value = abs(value) or 1 if kind == "positive" else value
        return mpmath.mpf(value) + self.changed.get((array, at), 0)

    def weight(self, array: str, at: tuple[int, ...]):
        return mpmath.mpf(random.Random(f"{self.seed} {array} {at}").uniform(0.1, 1))


def number(size: Size, point: Point) -> int:
    value = size.at(point.sizes).constant
    assert value is not None
    return value


def value(term: Term, point: Point, places: dict[Index, int]):
    """The value of a term at a point."""

    def place(p: Position) -> int:
        return number(p.offset, point) + sum(number(c, point) * places[i] for i, c in p.parts)

    match term:
        case Number(value=c):
            result = mpmath.mpf(c.numerator) / c.denominator
        case Extent(size=size):
            result = mpmath.mpf(number(size, point))
        case Entry(array=array, at=at, kind=kind, row=row):
            result = point.entry(array, tuple(place(p) for p in at), kind, row and number(row, point))
        case Delta(left=left, right=right):
            result = mpmath.mpf(place(left) == place(right))
        case Plus(terms=terms):
            result = mpmath.fsum([value(u, point, places) for u in terms])
        case Times(factors=factors):
            result = mpmath.fprod([value(u, point, places) for u in factors])
        case Total(index=index, body=body):
            result = mpmath.fsum([value(body, point, {**places, index: k}) for k in range(number(index.size, point))])
        case Power(base=base, exponent=exponent):
            result = raised(value(base, point, places), Fraction(exponent))
        case Apply(function=function, argument=argument):
            result = FUNCTIONS[function](value(argument, point, places))
        case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
            runs = range(number(rows.size, point))
            entries = [[value(body, point, {**places, rows: p, columns: q}) for q in runs] for p in runs]
            result = of_matrix(function, entries, [place(p) for p in at])
    if abs(result) > LARGE:
        raise Undecided
    return result


def determinant(matrix):
    """By its definition, along the first row."""
    minors = [[row[:k] + row[k + 1 :] for row in matrix[1:]] for k in range(len(matrix))]
    return mpmath.fsum([(-1) ** k * x * determinant(minors[k]) for k, x in enumerate(matrix[0])]) if matrix else 1


def of_matrix(function: str, matrix, at):
    """The determinant, or an entry of the inverse by Cramer's rule."""
    if function == "det":
        return determinant(matrix)
    below = decided(determinant(matrix))
    if not all(0 <= k < len(matrix) for k in at) or below == 0:
        raise Undefined
    p, q = at
    minor = [row[:p] + row[p + 1 :] for k, row in enumerate(matrix) if k != q]
    return (-1) ** (p + q) * determinant(minor) / below


def decided(x):
    if 0 < abs(x) < TINY:
        raise Undecided
    return x


def raised(x, e: Fraction):
    x = decided(x) if e.denominator > 1 or e < 0 else x
    if (x < 0 and e.denominator > 1) or (x == 0 and e < 0):
        raise Undefined
    return x ** (mpmath.mpf(e.numerator) / e.denominator) if e.denominator > 1 else x ** int(e)


def positive(x):
    if decided(x) <= 0:
        raise Undefined
    return x


def smallish(x):
    if x > 40:
        raise Undecided
    return x


FUNCTIONS = {
    "exp": lambda x: mpmath.exp(smallish(x)),
    "log": lambda x: mpmath.log(positive(x)),
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "erf": mpmath.erf,
    "abs": abs,
    "sign": lambda x: mpmath.sign(decided(x)),
    "step": lambda x: mpmath.mpf(decided(x) > 0),
}


# ---- a normal form as a term


def as_term(poly: Polynomial) -> Term:
    """The polynomial as a term again."""
    return Plus(tuple([_monomial_term(c, m) for c, m in poly.terms]))


def _monomial_term(c, mono) -> Term:
    factors = [_atom_term(a) if e == 1 else Power(_atom_term(a), Fraction(e)) for a, e in mono.factors.items()]
    body: Term = Times((Number(c), *factors))
    for i in reversed(mono.bound):
        body = Total(i, body)
    return body


def _atom_term(atom: Atom) -> Term:
    match atom.kind:
        case "entry":
            return Entry(atom.head, atom.at, atom.fact, atom.row)
        case "delta":
            return Delta(atom.at[0], Position.of(0))
        case "size":
            return Extent(Size.of(atom.head))
        case "prime":
            return Number(int(atom.head))
    assert atom.inner is not None
    inner = as_term(atom.inner)
    if atom.axes:
        return OfMatrix(atom.kind, *atom.axes, inner, atom.at)
    return inner if atom.kind == "base" else Apply(atom.kind, inner)


# ---- compared


def values(left: Term, right: Term):
    """Pairs of values at the sampled points where both terms are defined."""
    for sizes, seed in POINTS:
        point = Point(seed, **sizes)
        for at in range(2):
            places = {i: min(at * (k + 1), number(i.size, point) - 1) for k, i in enumerate(FREE)}
            try:
                yield value(left, point, places), value(right, point, places)
            except Undefined:
                continue


def agree(a, b) -> bool:
    return abs(a - b) <= mpmath.mpf(10) ** -25 * (1 + abs(a) + abs(b))
