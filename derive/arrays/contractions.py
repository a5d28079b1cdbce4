"""Contractions of two arrays in generated code: by ``np.tensordot``, a product of matrices, not by ``np.einsum``."""

from __future__ import annotations

from collections.abc import Sequence

from derive.arrays.array import Array
from derive.arrays.shapes import is_leading

TENSORDOTS = '''def tensordots(left, right, each, axes):
    """np.tensordot(left, right, axes) for every index of the axes ``each`` of both, which come first in the result."""
    n, k = len(each[0]), len(axes[0])
    rows = [axis for axis in range(left.ndim) if axis not in each[0] + axes[0]]
    columns = [axis for axis in range(right.ndim) if axis not in each[1] + axes[1]]
    left = left.transpose(*each[0], *rows, *axes[0])
    right = right.transpose(*each[1], *axes[1], *columns)
    front, rows, columns = left.shape[:n], left.shape[n : left.ndim - k], right.shape[n + k :]
    inner = int(np.prod(right.shape[n : n + k]))
    left = left.reshape(*front, int(np.prod(rows)), inner)
    right = right.reshape(*front, inner, int(np.prod(columns)))
    return (left @ right).reshape(*front, *rows, *columns)
'''


def call_of(inputs: tuple[str, ...], output: str) -> str | None:
    """A call with places for the operands, and maybe a transpose behind it; None where it takes more than products.

    None for other than two operands, for a label that stands twice in one or is summed in one alone, where nothing is
    summed, and where for every index of shared axes there is no product of matrices left.
    """
    if len(inputs) != 2 or any(len(set(letters)) != len(letters) for letters in inputs):
        return None
    left, right = inputs
    if left == right and output == left[:-1]:
        return "np.vecdot({0}, {1})"
    each = [c for c in left if c in right and c in output]
    summed = [c for c in left if c in right and c not in output]
    if not summed or not {*left, *right} <= {*summed, *output}:
        return None
    axes = tuple(map(left.index, summed)), tuple(map(right.index, summed))
    made = [*each, *(c for c in left + right if c in output and c not in each)]
    order = tuple(made.index(c) for c in output)
    turned = "" if order == tuple(range(len(order))) else f".transpose{order}"
    if not each:
        return f"np.tensordot({{0}}, {{1}}, axes={axes}){turned}"
    if {*left} <= {*right} or {*right} <= {*left}:
        return None
    fronts = tuple(map(left.index, each)), tuple(map(right.index, each))
    return f"tensordots({{0}}, {{1}}, each={fronts}, axes={axes}){turned}"


def call_behind(inputs: tuple[str, ...], output: str, operands: Sequence[Array], quick: bool) -> str | None:
    """``np.einsum("...j,jk->...k", {0}, {1})``: the call for any number of leading axes, those of operands that lead.

    None if there is none that leads, and for a matrix times a vector.
    """
    leads = [is_leading(operand.shape) for operand in operands]
    if not any(leads) or inputs == (output + inputs[0][-1:], inputs[0][-1:]):
        return None
    places = ", ".join(f"{{{k}}}" for k in range(len(inputs)))
    if quick and inputs == (output + inputs[0][-1:],) * 2:
        return f"np.vecdot({places})"
    said = ",".join(f"...{letters[1:]}" if lead else letters for lead, letters in zip(leads, inputs, strict=True))
    return f'np.einsum("{said}->...{output[1:]}", {places}{", optimize=True" if quick and len(inputs) > 2 else ""})'
