"""Expressions made anew over other parts.  What did not change stays the same object, and each part is made once.

A walk may go on where another has ended: ``done`` holds what became of the parts so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from derive.arrays.array import Array, Operation, apply
from derive.index.size import Size

Done = dict[Array, Array]


def rebuilt(node: Array, operands: Iterable[Array], op: Operation | None = None) -> Array:
    """The operation of a node, or another one, over other operands; the node itself if they are its own."""
    op, operands = op or node.op, tuple(operands)
    same = op is node.op and all(a is b for a, b in zip(operands, node.operands, strict=True))
    return node if same else apply(op, *operands)


def rewritten(array: Array, change: Callable[[Array, Array], Array], done: Done | None = None) -> Array:
    """The expression made anew from the leaves up: ``change(node, new)`` is what becomes of a node, ``new`` being the
    node over what became of its operands."""
    done = {} if done is None else done
    for node in array.walk():
        if node not in done:
            done[node] = change(node, rebuilt(node, [done[operand] for operand in node.operands]))
    return done[array]


def replaced(
    array: Array,
    instead: Callable[[Array], Array | None],
    done: Done | None = None,
    sizes: Mapping[str, Size] | None = None,
) -> Array:
    """The expression with parts replaced from the root down: ``instead(node)`` is what stands for a node, or None.

    In the operations that stay ``sizes`` are replaced.  Below a part that is replaced nothing is looked at, so that a
    deep expression costs no more than what stays of it.
    """
    done = {} if done is None else done
    stack = [(array, False)]
    while stack:
        node, is_ready = stack.pop()
        if is_ready:
            op = node.op.resized(sizes) if sizes else node.op
            done[node] = rebuilt(node, [done[operand] for operand in node.operands], op)
        elif node not in done:
            if (new := instead(node)) is not None:
                done[node] = new
            else:
                stack.append((node, True))
                stack += [(operand, False) for operand in reversed(node.operands)]
    return done[array]


def unfolded(array: Array) -> Array:
    """The expression with every defined operation, such as the call of a layer, replaced by what it stands for."""

    def opened(node: Array, new: Array) -> Array:
        inner = new.op.unfold(new)
        return new if inner is None else unfolded(inner)

    return rewritten(array, opened)
