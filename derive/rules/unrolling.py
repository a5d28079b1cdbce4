"""Equality where axes are short, as those of 3 x 3 windows are: sums written out, entries looked at one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import product

from derive.arrays.array import Array
from derive.arrays.entries import meaning
from derive.index.effort import Exhausted, bounded, is_spent
from derive.index.size import Size
from derive.index.terms import Apply, Delta, Entry, Index, OfMatrix, Plus, Position, Power, Term, Times, Total
from derive.rules.proof import Shown, shown

LONGEST = 5  # an axis that is written out
MOST = 64  # entries that are looked at

Places = Mapping[Index, Position]


def is_equal_unrolled(left: Array, right: Array, ties: bool = True) -> Shown:
    """True if two expressions of one shape are shown equal in this way; they must have an axis of such a size."""
    found = Shown("no axis is so short")
    if not any(_short(size) for array in (left, right) for node in array.walk() for size in node.shape):
        return found
    for at in _places(left):
        try:
            found = shown(_written_out(left, at), _written_out(right, at), ties)
        except Exhausted as limit:
            if is_spent():
                raise
            return Shown(f"taking the formula down to its entries was {limit}", beyond=True)
        if not found:
            return found
    return found


def _short(size: Size) -> bool:
    return size.constant is not None and 1 < size.constant <= LONGEST


def _places(array: Array) -> Iterator[tuple[Position, ...]]:
    """The entries, those along short axes one by one."""
    choices: list[Iterable[int | Index]] = [
        range(size.constant or 0) if _short(size) else [Index(size)] for size in array.shape
    ]
    for number, at in enumerate(product(*choices)):
        if number == MOST:
            raise Exhausted(f"given up after {MOST} entries")
        yield tuple([Position.of(place) for place in at])


@bounded
def _written_out(array: Array, at: tuple[Position, ...]) -> Term:
    return unrolled(meaning(array, at), {})


def unrolled(term: Term, places: Places) -> Term:
    """The term with its sums over short axes written out, indices at the given places."""
    match term:
        case Total(index=index, body=body) if _short(index.size):
            values = range(index.size.constant or 0)
            return Plus(tuple([unrolled(body, {**places, index: Position.of(k)}) for k in values]))
        case Total(index=index, body=body):
            return Total(index, unrolled(body, places))
        case Plus(terms=terms):
            return Plus(tuple([unrolled(part, places) for part in terms]))
        case Times(factors=factors):
            return Times(tuple([unrolled(part, places) for part in factors]))
        case Power(base=base, exponent=exponent):
            return Power(unrolled(base, places), exponent)
        case Apply(function=function, argument=argument):
            return Apply(function, unrolled(argument, places))
        case Entry(at=at):
            return replace(term, at=tuple([p.at(places) for p in at]))
        case Delta(left=left, right=right):
            return Delta(left.at(places), right.at(places))
        case OfMatrix(body=body, at=at):
            return replace(term, body=unrolled(body, places), at=tuple([p.at(places) for p in at]))
    return term
