"""Index terms: what the entries of arrays are made of.

    term ::= number | size | array[position, ...] | [position = position]
           | term + term | term * term | term ** rational | function(term) | sum over index of term
           | inverse(matrix)[position, position] | determinant(matrix)     for the matrix of terms over two indices

A position is a whole-number combination of indices, so that slices, windows and reshapes are terms like any other.
Terms are immutable.  They are written with ``+ - * / **`` and compared with ``derive.index.normal.equal``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from derive.index.size import ONE as SIZE_ONE
from derive.index.size import ZERO as SIZE_ZERO
from derive.index.size import Size

_serial = count()


class Index:
    """An index that runs over ``0 .. size-1``; two indices are the same only if they are the same object."""

    __slots__ = ("label", "name", "size")

    def __init__(self, size: Size, name: str = "") -> None:
        self.size, self.name = size.plain, name
        self.label = f"{name or 'i'}'{next(_serial)}"

    def fresh(self) -> Index:
        """Another index over the same range."""
        return Index(self.size, self.name)


class Position:
    """A whole-number combination of indices: ``offset + sum of coefficient * index``; ``index`` if it is just one."""

    __slots__ = ("index", "offset", "parts")

    def __init__(self, offset: Size, parts: Mapping[Index, Size]) -> None:
        self.offset = offset
        self.parts = tuple([(i, c) for i, c in parts.items() if c.terms and i.size != SIZE_ONE])  # an axis of 1 is at 0
        plain = len(self.parts) == 1 and not offset.terms and self.parts[0][1] == SIZE_ONE
        self.index = self.parts[0][0] if plain else None

    @staticmethod
    def of(value: Position | Index | Size | int) -> Position:
        """The position that an index, a size or a number is."""
        if isinstance(value, Position):
            return value
        return Position(SIZE_ZERO, {value: SIZE_ONE}) if isinstance(value, Index) else Position(Size.of(value), {})

    def __add__(self, other: Position | Index | Size | int) -> Position:
        other = Position.of(other)
        parts = dict(self.parts)
        for i, c in other.parts:
            parts[i] = parts[i] + c if i in parts else c
        return Position(self.offset + other.offset, parts)

    def __mul__(self, factor: Size | int) -> Position:
        return Position(self.offset * factor, {i: c * factor for i, c in self.parts})

    def __sub__(self, other: Position | Index | Size | int) -> Position:
        return self + Position.of(other) * -1

    def at(self, places: Mapping[Index, Position]) -> Position:
        """This position with indices replaced by positions, all at once."""
        if self.index is not None:
            return places.get(self.index, self)
        if places.keys().isdisjoint(dict(self.parts)):
            return self
        stays = Position(self.offset, {i: c for i, c in self.parts if i not in places})
        return sum([places[i] * c for i, c in self.parts if i in places], stays)

    def bounds(self) -> tuple[Size, Size] | None:
        """The least and the greatest value, or None where a coefficient's sign is not plain to see."""
        low = high = self.offset
        for i, c in self.parts:
            reach = c * (i.size - 1)
            if c.is_nonnegative():
                high = high + reach
            elif (-c).is_nonnegative():
                low = low + reach
            else:
                return None
        return low, high

    def write(self, names: Mapping[Index, str]) -> str:
        """The position with its indices named, by label if not in ``names``; equal positions are written alike."""
        if self.index is not None:
            return names.get(self.index) or self.index.label
        return "+".join([*sorted([f"({c})*{names.get(i) or i.label}" for i, c in self.parts]), f"({self.offset})"])


class Term:
    """An index term; the ten kinds below and nothing else."""

    __slots__ = ()

    def __add__(self, other: Term | Fraction | int) -> Term:
        return Plus((self, term(other)))

    def __sub__(self, other: Term | Fraction | int) -> Term:
        return Plus((self, Times((Number(-1), term(other)))))

    def __mul__(self, other: Term | Fraction | int) -> Term:
        return Times((self, term(other)))

    def __truediv__(self, other: Term | Fraction | int) -> Term:
        return Times((self, Power(term(other), Fraction(-1))))

    def __pow__(self, exponent: Fraction | int) -> Term:
        return Power(self, Fraction(exponent))

    def __neg__(self) -> Term:
        return Times((Number(-1), self))

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Fraction | int) -> Term:
        return term(other) - self

    def __rtruediv__(self, other: Fraction | int) -> Term:
        return term(other) / self


@dataclass(frozen=True, slots=True, eq=False)
class Number(Term):
    """A rational constant."""

    value: Fraction | int


@dataclass(frozen=True, slots=True, eq=False)
class Extent(Term):
    """A size as a number in a formula: the ``n`` of a mean over n entries."""

    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class Entry(Term):
    """``array[at]``; ``kind`` is a fact about its values: ``float``, ``positive``, ``bool``, ``onehot`` (0 or 1, and in
    a row ``array[.., i]`` at most one 1); ``row``: if given, ``array[.., i]`` sums to 1 over ``i < row``."""

    array: str
    at: tuple[Position, ...] = ()
    kind: str = "float"
    row: Size | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Delta(Term):
    """The Kronecker symbol: 1 where the two positions are equal, 0 elsewhere."""

    left: Position
    right: Position


@dataclass(frozen=True, slots=True, eq=False)
class Plus(Term):
    """A sum of a few terms."""

    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Times(Term):
    """A product of a few terms."""

    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Power(Term):
    """A term to a rational power: not of 0 if that is negative, not of a negative number if it is not whole."""

    base: Term
    exponent: Fraction


@dataclass(frozen=True, slots=True, eq=False)
class Apply(Term):
    """A scalar function of the table in ``functions.py``."""

    function: str
    argument: Term


@dataclass(frozen=True, slots=True, eq=False)
class Total(Term):
    """The sum of the body over all values of an index."""

    index: Index
    body: Term


@dataclass(frozen=True, slots=True, eq=False)
class OfMatrix(Term):
    """``inv(M)[at]`` or ``det(M)`` of the square matrix M whose entries are the body, over the rows and columns."""

    function: str
    rows: Index
    columns: Index
    body: Term
    at: tuple[Position, ...] = ()


def term(value: Term | Fraction | int) -> Term:
    """The term that a number is."""
    return value if isinstance(value, Term) else Number(value)


def entry(array: str, *at: Position | Index | Size | int, kind: str = "float", row: Size | None = None) -> Entry:
    """``array[at]``."""
    return Entry(array, tuple(Position.of(place) for place in at), kind, row)


def delta(left: Position | Index | int, right: Position | Index | int) -> Delta:
    """1 where the two positions are equal, 0 elsewhere."""
    return Delta(Position.of(left), Position.of(right))


def total(body: Term, *indices: Index) -> Term:
    """The sum of the body over all values of the indices."""
    for index in reversed(indices):
        body = Total(index, body)
    return body


def product(factors: Iterable[Term]) -> Term:
    """The product of some terms."""
    return Times(tuple(factors))
