"""The entries of expressions, in index terms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from derive.arrays.array import Array, Entries
from derive.arrays.named import Named
from derive.index.effort import PLACE, spend
from derive.index.terms import Apply, Delta, Entry, Extent, Number, OfMatrix, Plus, Position, Power, Term, Times, Total


def meaning(array: Array, at: tuple[Position, ...], definitions: Mapping[str, Array] | None = None) -> Term:
    """The entry of an expression at a position; names with a definition are replaced by it.

    Of whole numbers, with one position more than there are axes: 1 where the entry is that position, else 0.
    """
    spend(PLACE)  # what is named twice is written out twice
    if definitions and isinstance(array.op, Named) and array.op.label in definitions:
        return meaning(definitions[array.op.label], at, definitions)
    unfolded = array.op.unfold(array)
    if unfolded is not None:
        return meaning(unfolded, at, definitions)
    asked = at[array.ndim :] if array.op.moves else ()
    entries = [_entries(operand, definitions, () if operand.kind == "bool" else asked) for operand in array.operands]
    said = array.op.chosen if len(at) > array.ndim else array.op.meaning
    return said(at, array.operands, *entries)


def places_of(variable: Array, at: tuple[Position, ...]) -> tuple[Position, ...]:
    """The positions of an entry of a named array in the order in which its term has them."""
    term = meaning(variable, at)
    assert isinstance(term, Entry)
    return term.at


def mapped(term: Term, change: Callable[[Term], Term]) -> Term:
    """The term over what becomes of the terms that it is made of; an entry, a number and the like stay as they are."""
    match term:
        case Number() | Extent() | Entry() | Delta():
            return term
        case Plus(terms=terms):
            return Plus(tuple([change(part) for part in terms]))
        case Times(factors=factors):
            return Times(tuple([change(part) for part in factors]))
        case Power(base=base):
            return replace(term, base=change(base))
        case Apply(argument=argument):
            return replace(term, argument=change(argument))
        case Total(body=body) | OfMatrix(body=body):
            return replace(term, body=change(body))
    raise TypeError(f"{type(term).__name__} is not an index term")


def _entries(array: Array, definitions: Mapping[str, Array] | None, asked: tuple[Position, ...]) -> Entries:
    return lambda *at: meaning(array, (*[Position.of(place) for place in at], *asked), definitions)
