"""Code that is the same for any number of leading axes is read with none and with two of them as well as with one.

It is shown to say, entry by entry, what it says with one: the place ``b`` in the one axis becomes no place, or two.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

from derive.arrays.array import Array
from derive.arrays.entries import mapped, meaning
from derive.arrays.named import Named, label, name
from derive.arrays.shapes import LEADING_NAME, Shape, is_leading
from derive.derivation.reader import traced
from derive.derivation.sweep import Derivation
from derive.emit.cutting import cut
from derive.index.normal import equal
from derive.index.size import Size
from derive.index.terms import Delta, Entry, Extent, Index, OfMatrix, Position, Term, Total, total

ONE_AXIS = Size.of(LEADING_NAME)
TWO_AXES = tuple(Size({((f"{LEADING_NAME} {k}", 1),): 1}) for k in range(2))  # names that nobody declares
Places = Mapping[Index, tuple[Position, ...]]


class Tied(Exception):
    """A place in the leading axis that is more than a place of arrays that have it."""


def unlike(loaded: ModuleType, derivation: Derivation, upstream: list[Array]) -> str:
    """The first name that the code does not say alike for other numbers of leading axes; empty if there is none."""
    said = _said(loaded, derivation, upstream, (ONE_AXIS,))
    for front in ((), TWO_AXES):
        for key, other in _said(loaded, derivation, upstream, front).items():
            if not is_alike(said[key], other, front):
                return f"with {len(front)} leading axes the code says {key} = {other}"
    return ""


def is_alike(one: Array, other: Array, front: Shape) -> bool:
    """True if an expression with one leading axis is shown to be another, with axes of the sizes ``front`` instead."""
    leads = is_leading(one.shape)
    if other.shape != ((*front, *one.shape[1:]) if leads else one.shape):
        return False
    at = tuple(Position.of(Index(size)) for size in other.shape)
    first = Index(ONE_AXIS)
    before = (Position.of(first), *at[len(front) :]) if leads else at
    try:
        return equal(meaning(other, at), spread(meaning(one, before), {first: at[: len(front)]}, front))
    except (Tied, ZeroDivisionError):
        return False


def _said(loaded: ModuleType, derivation: Derivation, upstream: list[Array], front: Shape) -> dict[str, Array]:
    """What the code says of each of its names and results, for leading axes of some sizes."""
    given = {i.name: _with(i.array, front) for i in derivation.layer.inputs}
    (outputs, cache), parts = traced(loaded.forward, given)
    above = tuple(_with(array, front) for array in upstream)
    passed: list[Any] = [above[0] if len(above) == 1 else above, cache]
    gradients, back = traced(loaded.backward, dict(zip(loaded.backward.__code__.co_varnames, passed, strict=False)))
    names = derivation.layer.outputs
    results = dict(zip(names, outputs if len(names) > 1 else (outputs,), strict=True))
    named = {array: key for key, array in {**back, **parts}.items()}
    said = {**back, **parts, **{f"{key} as returned": array for key, array in {**results, **gradients}.items()}}
    return {key: cut(array, named) for key, array in said.items()}


def _with(array: Array, front: Shape) -> Array:
    """A named array with other leading axes."""
    assert isinstance(array.op, Named)
    shape = (*front, *array.shape[1:]) if is_leading(array.shape) else array.shape
    return name(str(label(array)), shape, array.op.fact, array.op.range)


def spread(term: Term, places: Places, front: Shape) -> Term:
    """A term with places in the leading axis replaced; Tied where it asks more of one than the entries there."""
    match term:
        case Entry(array=array, at=at, kind=kind, row=row):
            lead = places.get(at[0].index) if at and at[0].index is not None else None
            rest = at if lead is None else at[1:]
            _untied(*rest)
            return Entry(array, (*(lead or ()), *rest), kind, row)
        case Delta(left=left, right=right):
            _untied(left, right)
        case Extent(size=size) if LEADING_NAME in size.names:
            raise Tied
        case Total(index=index, body=body) if index.size == ONE_AXIS:
            own = tuple(Index(size) for size in front)
            return total(spread(body, {**places, index: tuple(map(Position.of, own))}, front), *own)
        case OfMatrix(at=at):
            _untied(*at)
    return mapped(term, lambda part: spread(part, places, front))


def _untied(*at: Position) -> None:
    """Tied if a position is one in the leading axis."""
    if any(index.size == ONE_AXIS for position in at for index, _ in position.parts):
        raise Tied
