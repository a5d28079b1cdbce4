"""Stable forms of weighted means: the weights are scaled by the largest, so that no product with them overflows."""

from __future__ import annotations

from derive.arrays import build, reducing
from derive.arrays.array import Array
from derive.arrays.named import Named
from derive.arrays.operations import Elementwise, Sum
from derive.arrays.rewriting import replaced
from derive.rules.forms import Definition, stable


@stable(Elementwise)
def weights_scaled(node: Array, definition: Definition) -> Array | None:
    """sum(W A) / sum(W) = sum((W / m) A) / sum(W / m) for m the largest |W|, or 1 where all are 0"""
    if node.shape or node.op.name != "divide" or not isinstance(node.operands[1].op, Sum):
        return None
    above, below = node.operands
    (weights,) = below.operands
    if weights.kind != "float" or not isinstance(weights.op, Named):
        return None
    factor = next((array for array in above.walk() if _floats(array, definition) & _floats(weights, definition)), None)
    if factor is None:
        return None
    largest = reducing.extreme(abs(weights))
    scale = largest + (largest == 0)

    def scaled(array: Array, part: Array) -> Array:
        return replaced(array, {part: part / build.spread(scale, part.shape)}.get)

    return scaled(above, factor) / scaled(below, weights)


def _floats(array: Array, definition: Definition) -> set[Array]:
    """A name, and the names of floats of which it is made; nothing for anything else."""
    made = definition(array).walk() if isinstance(array.op, Named) else []
    return {part for part in [array, *made] if isinstance(part.op, Named) and part.kind == "float"}
