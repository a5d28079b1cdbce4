"""Writing expressions in their stable forms, from the leaves up.  Every use of a form is proved."""

from __future__ import annotations

from collections.abc import Mapping

from derive.arrays.array import Array, Named, apply, substitute
from derive.rules.forms import FORMS
from derive.rules.proof import is_equal
from derive.rules.simplify import abstract

MAX_ROUNDS = 10  # a form may have parts with forms of their own, but not without end
MAX_DEPTH = 4  # definitions by definitions are looked into no further

Definitions = Mapping[str, Array]


def stabilized(array: Array, definitions: Definitions) -> Array:
    """The expression in its stable forms; equal to the one given, named arrays being what ``definitions`` says."""
    done: dict[Array, Array] = {}

    def definition(part: Array) -> Array:
        return definitions.get(part.op.label, part) if isinstance(part.op, Named) else part

    def formed(node: Array, rounds: int) -> Array:
        for form in FORMS.get(type(node.op), ()) if rounds < MAX_ROUNDS else ():
            better = form(node, definition)
            if better is not None and better is not node and is_proved(node, better, definitions):
                return visited(better, rounds + 1)
        operands = tuple([done[operand] for operand in node.operands])
        same = all(a is b for a, b in zip(operands, node.operands, strict=True))
        return node if same else apply(node.op, *operands)

    def visited(root: Array, rounds: int) -> Array:
        for node in root.walk():
            if node not in done:
                done[node] = formed(node, rounds)
        return done[root]

    return visited(array, 0)


def is_proved(before: Array, after: Array, definitions: Definitions) -> bool:
    """True if the kernel shows both sides equal: what they share as generic arrays, or by the definitions they use."""
    for _ in range(MAX_DEPTH):
        if is_equal(*abstract(before, after)):
            return True
        used = {key: definitions[key] for key in (*before.names(), *after.names()) if key in definitions}
        if not used:
            return False
        if is_equal(before, after, used):
            return True
        before, after = substitute(before, used), substitute(after, used)
    return False
