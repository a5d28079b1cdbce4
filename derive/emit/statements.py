"""Statements of generated code: ``target = expression``, with the shape beside it.

Inputs are never changed and results are never views: what would be one is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.arrays.array import Array, Named
from derive.arrays.moves import Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Eye
from derive.arrays.shapes import write_shape
from derive.arrays.writing import Writer

VIEWS = (Named, Transpose, Reshape, Slice, Broadcast)  # NumPy gives a view for these
PLAIN = (Named, Constant, Eye, Broadcast, Transpose, Reshape)  # too cheap to be kept or shared


@dataclass(frozen=True)
class Statement:
    """``target = expression``."""

    target: str
    expression: Array


def is_work(node: Array) -> bool:
    """True if computing the node costs something."""
    return bool(node.operands) and not isinstance(node.op, PLAIN) and bool(node.shape or node.names())


def statements(block: Sequence[Statement], names: dict[Array, str], dtype: str, returned: Iterable[str]) -> list[str]:
    """Lines of code, shapes as comments; what is returned is made a copy where it would be a view."""
    lines = []
    later = {s.target for s in block}
    known = {array: target for array, target in names.items() if target not in later}  # a name is used once it is made
    out = set(returned)
    for statement in block:
        root = statement.expression
        own = known.pop(root, None)
        write = Writer("numpy", known, dtype, quick=True)
        text = write.text(root)[0]
        if own is not None and own != statement.target:
            text = own
        if statement.target in out:
            text = _owned(root, text, write, own is not None and own != statement.target)
        comment = f"  # {write_shape(root.shape)}" if root.shape else ""
        lines.append(f"{statement.target} = {text}{comment}")
        if is_work(root):
            known.setdefault(root, statement.target)
        known.update({array: target for array, target in names.items() if target == statement.target})
        if own is not None:
            known[root] = own
    return lines


def _owned(root: Array, text: str, write: Writer, by_name: bool) -> str:
    """The text of a result that shares no memory with anything else."""
    if not by_name and not _is_view(root):
        return text
    if not root.shape:
        return f"np.copy({text})[()]"
    return f"{text}.copy()" if by_name or write.text(root)[1] >= write.ATOM else f"({text}).copy()"


def _is_view(array: Array) -> bool:
    while isinstance(array.op, VIEWS):
        if isinstance(array.op, Named | Broadcast):
            return True
        (array,) = array.operands
    return False
