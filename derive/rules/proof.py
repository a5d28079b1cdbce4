"""Where the two paths of the square meet: statements about arrays, proved by the kernel for every shape.

A statement is taken down to index terms (``meaning``) and decided by normal forms.  Proofs are remembered up to the
names of arrays and sizes, so the same step in another place, or in a deeper network, is not proved again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.arrays.array import Array
from derive.arrays.entries import mapped, meaning, places_of
from derive.arrays.named import label, name
from derive.arrays.operations import Constant, Elementwise
from derive.arrays.renaming import alpha_key
from derive.arrays.rewriting import replaced
from derive.arrays.rows import ArgMax, Max
from derive.index.calculus import partial
from derive.index.effort import Exhausted, bounded, is_spent
from derive.index.kinks import Ties
from derive.index.normal import equal, kinks
from derive.index.size import Size
from derive.index.terms import Entry, Index, Plus, Position, Term, entry, total

Definitions = Mapping[str, Array]


@dataclass(frozen=True)
class Shown:
    """Whether a statement is shown: true if nothing stands in the way, else ``doubt`` says what does.

    ``beyond``: the kernel has given up, and would do so at what is much alike.
    """

    doubt: str = ""
    beyond: bool = False

    def __bool__(self) -> bool:
        return not self.doubt


SHOWN = Shown()
DIFFERENT = Shown("the normal forms differ")

_known: dict[tuple[Any, ...], Shown] = {}


def forget() -> None:
    """Forget every proof, so that the next one is made from the start."""
    _known.clear()


def free_places(array: Array) -> tuple[Position, ...]:
    """One free index for each axis."""
    return tuple(Position.of(Index(size)) for size in array.shape)


def shown(left: Term, right: Term, ties: bool = True, bent: Sequence[Term] = ()) -> Shown:
    """What the kernel says of two index terms; with ``bent`` terms, it says nothing of the places of their ties."""
    try:
        untold: Ties = frozenset().union(*map(kinks, bent)) if bent and ties else ties
        return SHOWN if equal(left, right, untold) else DIFFERENT
    except Exhausted as limit:
        if is_spent():  # by a question that this one is a part of
            raise
        return Shown(f"the kernel has {limit}", beyond=True)
    except ZeroDivisionError:
        return Shown("it is nowhere defined")


def _decide(key: tuple[Any, ...], terms: Callable[[], tuple[Term, ...]], ties: bool = True) -> Shown:
    if key not in _known:
        try:
            left, right, *bent = bounded(terms)()
            _known[key] = shown(left, right, ties, bent)
        except Exhausted as limit:
            if is_spent():
                raise
            _known[key] = Shown(f"taking the formula down to its entries was {limit}", beyond=True)
    return _known[key]


def is_equal(
    left: Array,
    right: Array,
    definitions: Definitions | None = None,
    ties: bool = True,
    bent: Sequence[Array] = (),
) -> Shown:
    """True if two expressions are shown equal for every shape; names with a definition may be replaced by it.

    Without ``ties`` nothing is said of places where two numbers that are compared are equal; nor, of what is compared
    in the ``bent`` expressions: there they have kinks.
    """
    if left.shape != right.shape:
        return Shown("the shapes differ")
    if left is right:
        return SHOWN
    general = generalized(left, right, *bent)
    changed = general[0] is not left or general[1] is not right
    if changed and is_equal(general[0], general[1], definitions, ties, general[2:]):
        return SHOWN
    at = free_places(left)
    known = dict(definitions or {})
    arrays = alpha_key(left, right, *bent, *known.values(), *_as_names(known))

    def terms() -> tuple[Term, ...]:
        sides = meaning(left, at, known), meaning(right, at, known)
        return *sides, *[meaning(a, free_places(a), known) for a in bent]

    return _decide(("equal" if ties else "equal apart from ties", len(bent), *arrays), terms, ties)


def generalized(*arrays: Array) -> tuple[Array, ...]:
    """The expressions with the largest entries of rows, and what is at least a positive number, as generic arrays.

    A shift by a maximum is so proved for any shift, a division by a scale for any positive one.
    """
    done: dict[Array, Array] = {}

    def general(array: Array) -> Array | None:
        facts = _generic(array)
        return facts and name(f"!{len(done)}", array.shape, *facts)  # no array of the user's has such a name

    return tuple([replaced(array, general, done) for array in arrays])


def _generic(array: Array) -> tuple[str, tuple[Size, ...]] | None:
    """The fact about a generic array that may stand for this one, and its range; None for what stays."""
    match array.op:
        case Max() if array.kind == "float":
            return "float", ()
        case ArgMax(axis=axis):
            return "int", (array.operands[0].shape[axis],)
        case Elementwise(function="maximum"):
            numbers = [a.op.value for a in array.operands if isinstance(a.op, Constant)]
            return ("positive", ()) if any(isinstance(n, Fraction) and n > 0 for n in numbers) else None
    return None


def _as_names(definitions: Definitions) -> list[Array]:
    return [name(key, value.shape, value.kind) for key, value in definitions.items()]


def defined(term: Term, definitions: Definitions) -> Term:
    """A term with the entries of defined names replaced by what they are."""
    if isinstance(term, Entry) and term.array.removesuffix("=") in definitions:
        return meaning(definitions[term.array.removesuffix("=")], term.at, definitions)
    return mapped(term, lambda part: defined(part, definitions)) if definitions else term


def is_adjoint(
    claimed: Array, variable: Array, uses: list[tuple[Array, Array]], definitions: Definitions | None = None
) -> Shown:
    """True if ``claimed`` is shown to be the adjoint of a named array that is used in some expressions.

    ``uses`` pairs each expression with the named adjoint of its result; the statement is, by the laws of ∂,
    ``claimed[a] = sum over uses, sum over i of adjoint[i] * ∂ expression[i] / ∂ variable[a]``.
    """
    if claimed.shape != variable.shape:
        return Shown("the shapes differ")
    known = dict(definitions or {})
    target = label(variable)
    assert target is not None
    expressions = [array for pair in uses for array in pair]
    key = ("adjoint", len(uses), *alpha_key(claimed, variable, *expressions, *known.values(), *_as_names(known)))
    at = free_places(variable)

    def by_the_laws() -> Term:
        parts: list[Term] = []
        for expression, adjoint in uses:
            upstream = label(adjoint)
            assert upstream is not None
            indices = tuple(Index(size) for size in expression.shape)
            places = tuple(Position.of(i) for i in indices)
            slope = defined(partial(meaning(expression, places), target, places_of(variable, at)), known)
            parts.append(total(entry(upstream, *places) * slope, *indices))
        return Plus(tuple(parts))

    return _decide(key, lambda: (meaning(claimed, at, known), by_the_laws()))
