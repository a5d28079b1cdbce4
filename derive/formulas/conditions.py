"""Where formulas hold: the side conditions of expressions, in the names that they are written in."""

from __future__ import annotations

from derive.arrays.array import Array
from derive.arrays.operations import Elementwise
from derive.arrays.rewriting import unfolded


def defined_where(*expressions: Array) -> tuple[str, ...]:
    """What expressions ask for to have a value: ``x ≠ 0`` of ``1 / x``, ``n ≥ 6`` of ``x[5]``."""
    nodes = [node for each in expressions for node in unfolded(each).walk()]
    return tuple(dict.fromkeys(condition for node in nodes for condition in _domain(node)))


def _domain(node: Array) -> tuple[str, ...]:
    """Where an operation has a value; it has one at its kinks and steps."""
    bent = isinstance(node.op, Elementwise) and "≠" in node.op.scalar.smooth and node.op.function != "divide"
    return () if bent else node.op.domain(node)


def smooth_where(expression: Array, variable: Array | None = None) -> tuple[str, ...]:
    """What an expression asks for to have a gradient in a variable: beside that, to be away from kinks on the way.

    No variable, or one that is not found in it, having been simplified away, is taken to be everywhere.
    """
    nodes = [*unfolded(expression).walk()]
    anywhere = variable is None or variable not in set(nodes)
    on_the_way = {variable}
    found: list[str] = []
    for node in nodes:
        if anywhere or node in on_the_way or not on_the_way.isdisjoint(node.operands):
            on_the_way.add(node)
            found += node.op.assumes(node)
        else:
            found += _domain(node)
    return tuple(dict.fromkeys(found))
