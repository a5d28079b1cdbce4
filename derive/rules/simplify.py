"""Simplification: the identities of the book, from the leaves up, until none applies.  Every use is proved."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

from derive.arrays.array import Array, apply
from derive.arrays.named import name
from derive.arrays.renaming import alpha_key
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
            operands = tuple([_simple[operand] for operand in node.operands])
            same = all(a is b for a, b in zip(operands, node.operands, strict=True))
            _simple[node] = _at_root(node if same else apply(node.op, *operands))
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
        operands = tuple([simplify(operand) for operand in better.operands])
        node = (
            better
            if all(a is b for a, b in zip(operands, better.operands, strict=True))
            else apply(better.op, *operands)
        )
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
    generic: dict[int, Array] = {}

    def replaced(array: Array, top: bool) -> Array:
        known = generic.get(id(array))
        if known is not None:
            return known
        if not top and id(array) in shared:
            known = name(f"?{len(generic)}", array.shape, array.kind)  # no array of the user's has such a name
        else:
            known = (
                apply(array.op, *[replaced(operand, False) for operand in array.operands]) if array.operands else array
            )
        generic[id(array)] = known
        return known

    return replaced(before, True), replaced(after, True)
