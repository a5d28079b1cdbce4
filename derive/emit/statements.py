"""Statements of generated code: ``target = expression``, with the shape beside it.

Inputs are never changed and results are never views: what would be one is copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from derive.arrays.array import Array
from derive.arrays.moves import Reshape, Slice, Transpose
from derive.arrays.named import Named, label
from derive.arrays.operations import Broadcast, Constant, Eye
from derive.arrays.shapes import write_shape
from derive.arrays.windows import Windows
from derive.arrays.writing import Writer, is_scaled_mask
from derive.emit.in_place import InPlace, is_call_of_entries
from derive.emit.leading import open_shape

VIEWS = (Named, Transpose, Reshape, Slice, Broadcast, Windows)  # NumPy gives a view for these
PLAIN = (Named, Constant, Eye, Broadcast, Transpose, Reshape)  # too cheap to be kept or shared


@dataclass(frozen=True)
class Statement:
    """``target = expression``."""

    target: str
    expression: Array


def is_work(node: Array) -> bool:
    """True if computing the node costs something."""
    return bool(node.operands) and not isinstance(node.op, PLAIN) and bool(node.shape or node.names())


def statements(
    block: Sequence[Statement],
    names: dict[Array, str],
    dtype: str,
    returned: Iterable[str],
    passing: bool = False,
    any_rank: bool = False,
    in_place: InPlace | None = None,
) -> list[str]:
    """Lines of code, shapes as comments; what is returned is made a copy where it would be a view.

    ``passing``: what the block computes and does not return is given up, so that one result may be a view of it.
    ``any_rank``: for any number of leading axes.  ``in_place``: what is done in place.
    """
    lines = []
    free: set[str] = set()  # arrays of the block's own
    later = {s.target for s in block}
    known = {array: target for array, target in names.items() if target not in later}  # a name is used once it is made
    of_target: dict[str, list[Array]] = {}
    for array, key in names.items():
        of_target.setdefault(key, []).append(array)
    out = set(returned)
    steps, called = (in_place.steps, in_place.name) if in_place else ({}, str)
    for statement in block:
        root, target = statement.expression, called(statement.target)
        own = known.pop(root, None)
        write = Writer(known, dtype, quick=True, leading=any_rank)
        text, changes = write.text(root)[0], list[str]()
        if statement.target in steps and steps[statement.target].are_better(text):
            text, changes = steps[statement.target].lines(target, known, write)
        elif in_place and dtype and root.op.name == "multiply" and is_scaled_mask(root):
            text, changes = _scaled_mask(root, target, write, dtype)
        if own is not None and own != statement.target:
            text = own
        by_name = own is not None and own != statement.target
        viewed = own if by_name else _viewed(root)
        if statement.target not in out:
            if passing and viewed is None:
                free.add(statement.target)
        elif viewed in free:
            free.remove(viewed)
        else:
            text = _owned(root, text, write, by_name, viewed)
        shape = write_shape(open_shape(root.shape) if any_rank else root.shape)
        comment = f"  # {shape}" if root.shape else ""
        if target.endswith("]") and is_call_of_entries(root, text):  # a step of an array: nothing is made to be copied
            lines.append(f"{text[:-1]}, out={target}){comment}")
        else:
            lines += [f"{target} = {text}{comment}", *changes] if text else changes
        if is_work(root):
            known.setdefault(root, target)
        known.update(dict.fromkeys(of_target.get(statement.target, ()), target))
        if own is not None:
            known[root] = own
    return lines


def _scaled_mask(root: Array, target: str, write: Writer, dtype: str) -> tuple[str, list[str]]:
    """A mask times a number, in two steps: to change the type by itself takes half as long as within a product."""
    mask, number = sorted(root.operands, key=lambda operand: isinstance(operand.op, Constant))
    assert isinstance(number.op, Constant)
    return f"{write(mask, write.ATOM)}.astype({dtype})", [f"{target} *= {write.number(number.op.value)[0]}"]


def _owned(root: Array, text: str, write: Writer, by_name: bool, viewed: str | None) -> str:
    """The text of a result that shares no memory with anything else."""
    if viewed is None:
        return text
    if not root.shape:
        return f"np.copy({text})[()]"
    return f"{text}.copy()" if by_name or write.text(root)[1] >= write.ATOM else f"({text}).copy()"


def _viewed(array: Array) -> str | None:
    """The array that this one is a view of, "" for one without a name; None if it is none."""
    while isinstance(array.op, VIEWS):
        if isinstance(array.op, Named | Broadcast):
            return label(array) or ""
        (array,) = array.operands
    return None
