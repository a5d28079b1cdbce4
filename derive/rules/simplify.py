"""Simplification: the identities of the book, from the leaves up, until none applies.  Every use is proved."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from derive.arrays.array import Array
from derive.arrays.named import name
from derive.arrays.renaming import alpha_key
from derive.arrays.rewriting import rebuilt, replaced
from derive.rules.book import Unproved
from derive.rules.identities import IDENTITIES, Identity
from derive.rules.proof import is_equal

MAX_ROUNDS = 100  # an identity that makes things no simpler is a defect; this ends its loop

_simple: WeakKeyDictionary[Array, Array] = WeakKeyDictionary()
_confirmed: set[tuple[Any, ...]] = set()


def forget() -> None:
    """Forget what was simplified and which uses of identities were proved."""
    _simple.clear()
    _confirmed.clear()


def simplify(array: Array) -> Array:
    """The expression as a person would write it; equal to the one given, by proved identities."""
    known = _simple.get(array)
    if known is not None:
        return known
    for node in array.walk():
        if node not in _simple:
            _simple[node] = _at_root(rebuilt(node, [_simple[operand] for operand in node.operands]))
    return _simple[array]


def _at_root(node: Array) -> Array:
    """The node simplified, its operands being simple already."""
    for _ in range(MAX_ROUNDS):
        for identity in IDENTITIES.get(type(node.op), ()):
            better = identity(node)
            if better is None or better is node or better.kind != node.kind:  # a float stays one: NumPy adds no masks
                continue
            if confirmed(identity, node, better):
                break
        else:
            return node
        again = _simple.get(better)
        if again is not None:
            return again
        node = rebuilt(better, map(simplify, better.operands))
    raise Unproved(f"simplifying {node} does not end")


def confirm(identity: Identity, before: Array, after: Array) -> None:
    """Unproved unless the kernel shows both sides equal; what they share is taken as generic arrays."""
    left, right = abstract(before, after)
    key = alpha_key(left, right)
    if key not in _confirmed:
        if not is_equal(left, right) and not is_equal(before, after):
            statement = " ".join((identity.__doc__ or "").split())
            raise Unproved(f"the identity {identity.__name__} is not proved for {before} = {after}: {statement}")
        _confirmed.add(key)


def confirmed(identity: Identity, before: Array, after: Array) -> bool:
    """True if that use of the identity is proved; one that is beyond the kernel is not made."""
    try:
        confirm(identity, before, after)
    except Unproved:
        return False
    return True


def abstract(before: Array, after: Array) -> tuple[Array, Array]:
    """Both sides with the largest parts that they share replaced by generic arrays."""
    shared = {id(node) for node in after.walk() if node.operands} & {id(node) for node in before.walk()}
    done: dict[Array, Array] = {}

    def abstracted(top: Array) -> Array:
        def generic(node: Array) -> Array | None:
            if node is top or id(node) not in shared:
                return None
            return name(f"?{len(done)}", node.shape, node.kind)  # no array of the user's has such a name

        return replaced(top, generic, done)

    return abstracted(before), abstracted(after)
