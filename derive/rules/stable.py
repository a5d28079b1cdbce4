"""Writing expressions in their stable forms, from the leaves up.  Every use of a form is proved."""

from __future__ import annotations

from collections.abc import Mapping

from derive.arrays.array import Array
from derive.arrays.named import Named, substitute
from derive.arrays.rewriting import rebuilt
from derive.rules.forms import FORMS
from derive.rules.proof import is_equal
from derive.rules.simplify import abstract

MAX_ROUNDS = 10  # a form may have parts with forms of their own, but not without end

Definitions = Mapping[str, Array]


def stabilized(array: Array, definitions: Definitions) -> Array:
    """The expression in its stable forms; equal to the one given, named arrays being what ``definitions`` says."""
    done: dict[Array, Array] = {}
    asked: dict[str, Array] = {}  # the definitions that a form has looked at: no others are needed to prove its use

    def definition(part: Array) -> Array:
        if isinstance(part.op, Named) and part.op.label in definitions:
            return asked.setdefault(part.op.label, definitions[part.op.label])
        return part

    def formed(node: Array, rounds: int) -> Array:
        for form in FORMS.get(type(node.op), ()) if rounds < MAX_ROUNDS else ():
            asked.clear()
            better = form(node, definition)
            if better is None or better is node:
                continue
            known = {key: definitions[key] for key in definitions if key in asked}
            if is_proved(node, better, known):
                return visited(better, rounds + 1)
        new = rebuilt(node, [done[operand] for operand in node.operands])
        return node if new is node else visited(new, rounds + 1)

    def visited(root: Array, rounds: int) -> Array:
        for node in root.walk():
            if node not in done:
                done[node] = formed(node, rounds)
        return done[root]

    return visited(array, 0)


def is_proved(before: Array, after: Array, definitions: Definitions) -> bool:
    """True if the kernel shows both sides equal, what they share being generic arrays.

    As long as it does not, the name that was defined last, of those that only one side uses, is replaced by what it is.
    """
    order = {key: place for place, key in enumerate(definitions)}
    for _ in range(len(order) + 1):
        if is_equal(*abstract(before, after)) or is_equal(before, after):
            return True
        mine, others = set(before.names()), set(after.names())
        known = [key for key in mine ^ others if key in order] or [key for key in mine & others if key in order]
        if not known:
            return False
        last = max(known, key=order.__getitem__)
        before, after = (substitute(side, {last: definitions[last]}) for side in (before, after))
    return False
