"""What a statement of the code says: its expression, cut at the names that other statements give."""

from __future__ import annotations

from collections.abc import Mapping

from derive.arrays.array import Array, apply
from derive.arrays.named import Named, name


def cut(array: Array, names: Mapping[Array, str]) -> Array:
    """The expression with its parts that have a name replaced by the name; the root stays.

    It looks no deeper than those names, so that a deep network costs no more than its statements.
    """
    done: dict[Array, Array] = {}
    stack = [array]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
        elif node in names and node is not array and not isinstance(node.op, Named):
            done[node] = name(names[node], node.shape, node.kind)
        elif missing := [operand for operand in node.operands if operand not in done]:
            stack += missing
        else:
            operands = [done[operand] for operand in node.operands]
            same = all(a is b for a, b in zip(operands, node.operands, strict=True))
            done[node] = node if same else apply(node.op, *operands)
    return done[array]
