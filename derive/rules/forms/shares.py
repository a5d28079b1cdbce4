"""Stable forms of cross-entropy with probabilities: softmax less the shares of the classes, whose rows sum to 0.

Where one class has nearly all, its entry is the difference of two numbers near its share; it is minus the sum of the
others.  What is spread evenly over the classes is set against even probabilities, from which they may differ little.
"""

from __future__ import annotations

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.gather import Pick, put
from derive.arrays.operations import Broadcast, Elementwise
from derive.arrays.rewriting import replaced
from derive.arrays.softmax import Softmax
from derive.rules.forms import Definition, stable
from derive.rules.forms.apart import Apart, Largest, slope
from derive.rules.forms.labels import scalar
from derive.rules.identities.algebra import Product
from derive.rules.identities.rows import repeat
from derive.rules.simplify import simplify


@stable(Elementwise)
def softmax_less_even(node: Array, definition: Definition) -> Array | None:
    """g (softmax(A) - R - b) = g ((1 - d b) softmax(A) - R) + b g (d softmax(A) - 1)"""

    def rows_of(factor: Array) -> Apart | None:
        soft, _, even = _three(factor)
        return None if even is None else _rows(soft, definition)

    def parts(row: Apart, factor: Array, g: Array) -> Array:
        _, rest, even = _three(factor)
        assert even is not None
        whole = Product.of(even)
        repeat(whole, row.rows.shape[row.axis])
        left = simplify(1 - whole.write(()))
        return row.times(g, left * row.softmax - rest) + row.scaled(g, even) * row.uneven

    return slope(node, rows_of, parts)


def _three(factor: Array) -> tuple[Array, Array, Array | None]:
    """``(P, R, b)`` for ``P - R - b`` with the same number b everywhere; None for b in anything else."""
    if factor.op.name != "subtract" or factor.operands[0].op.name != "subtract":
        return factor, factor, None
    return *factor.operands[0].operands, scalar(factor.operands[1])  # type: ignore[return-value]  # there are two


@stable(Elementwise)
def softmax_less_shares(node: Array, definition: Definition) -> Array | None:
    """g (r softmax(A) - Q), r = rowsum(Q), is -g times the sum of the others at the largest entry if e > s"""

    def rows_of(factor: Array) -> Apart | None:
        copies = factor.op.name == "subtract" and factor.operands[0].op.name == "multiply"
        parts = factor.operands[0].operands if copies else ()
        if [isinstance(part.op, Broadcast) for part in parts].count(True) != 1:
            return None
        return next((row for part in parts if (row := _rows(part, definition)) is not None), None)

    def balanced(row: Apart, factor: Array, g: Array) -> Array:
        soft = next(part for part in factor.operands[0].operands if not isinstance(part.op, Broadcast))
        plain = replaced(factor, {soft: row.softmax}.get)
        others = build.sum(put(plain, row.place, 0, row.axis), row.axis)
        largest = build.elementwise("where", row.rest < row.own, -others, apply(Pick(row.axis), plain, row.place))
        return row.times(g, put(plain, row.place, largest, row.axis))

    return slope(node, rows_of, balanced)


def _rows(array: Array, definition: Definition) -> Largest | None:
    """The rows whose softmax an array is."""
    soft = definition(array)
    match soft.op, soft.operands:
        case Softmax(axes=(axis,)), (rows,):
            return Largest.of(rows, axis)
    return None
