"""Contractions in the order in which NumPy does them fast."""

from __future__ import annotations

from derive.arrays.array import Array
from derive.arrays.contractions import call_of
from derive.arrays.operations import Einsum
from derive.arrays.products import contract
from derive.arrays.windows import Windows
from derive.rules.forms import Definition, stable


@stable(Einsum)
def windows_copied_row_by_row(node: Array, definition: Definition) -> Array | None:
    """a contraction of A and B is one of B and A: windows come first where their positions are summed, else last"""
    assert isinstance(node.op, Einsum)
    if call_of(node.op.inputs, node.op.output) is None:
        return None
    for k, (letters, operand) in enumerate(zip(node.op.inputs, node.operands, strict=True)):
        made = definition(operand)
        if isinstance(made.op, Windows):
            summed = {letters[axis] not in node.op.output for axis in made.op.axes}
            if summed == {k == 1}:  # so that a row of positions is copied at a time, not one of a window
                return contract(list(zip(node.op.inputs, node.operands, strict=True))[::-1], node.op.output)
    return None
