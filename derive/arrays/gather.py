"""Whole numbers as places: gathering rows and entries, adding rows up, one-hot rows; each with its five facts.

The meaning of whole numbers that say a place is ``[index[n] = v]``, an array of 0 and 1 (entries.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.functions import COMPARE
from derive.arrays.named import Named
from derive.arrays.operations import Adjoints, Broadcast, Constant, Elementwise, Positions
from derive.arrays.rows import Arange, ArgMax, copied, copies, without
from derive.arrays.shapes import Shape
from derive.index.size import ONE, Size
from derive.index.terms import Index, Position, Term, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer


def is_place(array: Array) -> bool:
    """True for whole numbers that may say a place: declared ones, counted ones, and choices among them."""
    op = array.op
    if isinstance(op, Constant):
        return not isinstance(op.value, str) and (isinstance(op.value, Size) or op.value.denominator == 1)
    if op.moves:
        return all(map(is_place, [operand for operand in array.operands if operand.kind != "bool"]))
    return array.kind == "int" and type(op).chosen is not Operation.chosen


def in_range(index: Array, size: Size) -> tuple[str, ...]:
    """The condition that whole numbers are places of an axis, where that is not plain to see."""
    while index.op.moves and len(index.operands) == 1:
        (index,) = index.operands
    below = _below(index)
    return () if below is not None and (size - below).is_nonnegative() else (f"0 ≤ {index} < {size}",)


def _below(index: Array) -> Size | None:
    """What whole numbers from 0 up are less than, if that is known."""
    from derive.arrays import build

    match index.op:
        case Named(range=(below,)) | Arange(size=below):
            return below
        case Elementwise(function="where"):
            condition, some, rest = index.operands
            within, most = some.op.range if isinstance(some.op, Named) else (), _below(rest)
            if len(within) == 2 and most is not None and (within[0] - most).is_nonnegative():
                return within[0] if condition is build.elementwise("not_equal", some, within[1]) else None
        case ArgMax(axis=axis):
            return index.operands[0].shape[axis]
        case Constant(value=Fraction() as value) if value >= 0:
            return ONE + int(value)
    return None


def compared(left: Array, right: Array) -> Array | None:
    """``t[:, None] == np.arange(c)`` is one-hot; None where no side counts along an axis of its own."""
    for (index, own), (run, along) in ((copied(left), copied(right)), (copied(right), copied(left))):
        if isinstance(run.op, Arange) and not {*along} & {*own} and is_place(index) and index.op is not run.op:
            (axis,) = along
            lead = without(left.shape, along)
            axes = tuple(k - (k > axis) for k in own)
            rows = index if index.shape == lead else apply(Broadcast(lead, axes), index)
            return apply(OneHot(run.shape[0], axis), rows)
    return None


def _shrunk(at: Positions, axis: int) -> Positions:
    """A position without one axis."""
    return (*at[:axis], *at[axis + 1 :])


def _grown(index: Array, axis: int) -> Array:
    """``t[:, None]``: an array with one axis more."""
    return copies(index, (*index.shape[:axis], ONE, *index.shape[axis:]), (axis,))


@dataclass(frozen=True)
class OneHot(Operation):
    """For each whole number a row of zeros with a one at its place, and no one for a number that is no place."""

    classes: Size
    axis: int  # of the result, along which its rows run
    name = "onehot"

    def shape(self, *operands: Array) -> Shape:
        """The operand's, and one axis more."""
        (index,) = operands
        return (*index.shape[: self.axis], self.classes, *index.shape[self.axis :])

    def kind(self, *operands: Array) -> str:
        """A mask."""
        return "bool"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[n, v] = [t[n] = v]``."""
        return entries[0](*_shrunk(at, self.axis), at[self.axis])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = onehot(t) has no adjoint"""
        return (None,)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``t[:, None] == np.arange(c)``."""
        index = copies(node.operands[0], node.shape, (self.axis,))
        run = apply(Broadcast(node.shape, (self.axis,)), apply(Arange(self.classes)))
        return write.template("{0} == {1}", COMPARE, apply(Elementwise("equal"), index, run))

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``onehot(t)``, of rows along the last axis."""
        return write.call("onehot", *node.operands) if self.axis == node.ndim - 1 else write.entries(node)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``[t_i = v]``."""
        place = write.text(node.operands[0], _shrunk(at, self.axis))[0]
        return rf"\left[{place} = {write.place(at[self.axis])}\right]", write.ATOM


@dataclass(frozen=True)
class Rows(Operation):
    """Rows of a table, those at the given places."""

    name = "gather"

    def shape(self, *operands: Array) -> Shape:
        """``(v, d)`` at ``(n,)``: ``(n, d)``."""
        table, index = operands
        return (*index.shape, *table.shape[1:])

    def kind(self, *operands: Array) -> str:
        """The table's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[n, j] = sum_v T[v, j] [t[n] = v]``."""
        table, index = operands
        v = Index(table.shape[0])
        return total(entries[0](v, *at[index.ndim :]) * entries[1](*at[: index.ndim], v), v)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = T[t], rows of T  =>  dT[v] = the sum of the rows G[n] with t[n] = v"""
        table, index = operands
        return apply(AddRows(table.shape[0]), index, grad), None

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Every place is one of the table."""
        return in_range(node.operands[1], node.operands[0].shape[0])

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``T[t]``; ``np.take(T, t, axis=0)`` where t may be a number, of which T[t] would be a view."""
        table, index = node.operands
        if write.leading:
            return f"np.take({write(table, 0)}, {write(index, 0)}, axis=0)", write.ATOM
        return f"{write(table, write.ATOM)}[{write(index, 0)}]", write.ATOM

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``T_{t_i,j}``."""
        table, index = node.operands
        row = write.text(index, at[: index.ndim])[0]
        return write.entry_at(table, [row, *write.places(at[index.ndim :])])


ADD_ROWS = '''def add_rows(places, values, rows):
    """Zeros of so many rows, with values[n] added to row places[n] for every n."""
    result = np.zeros((rows, *values.shape[np.ndim(places) :]), values.dtype)
    width = np.prod(result.shape[1:], dtype=int)
    flat = np.reshape(places, (-1, 1)).astype(int) * width + np.arange(width)
    np.add.at(result.reshape(-1), flat.reshape(-1), values.reshape(-1))  # several times faster than along two axes
    return result
'''


@dataclass(frozen=True)
class AddRows(Operation):
    """Rows added up at the given places of a table that is 0 elsewhere."""

    rows: Size
    name = "add rows"

    def shape(self, *operands: Array) -> Shape:
        """``(n, d)`` at ``(n,)``: ``(v, d)``."""
        index, values = operands
        return (self.rows, *values.shape[index.ndim :])

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[v, j] = sum_n A[n, j] [t[n] = v]``."""
        index, _ = operands
        lead = [Index(size) for size in index.shape]
        return total(entries[0](*lead, at[0]) * entries[1](*lead, *at[1:]), *lead)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y[v] = the sum of the rows A[n] with t[n] = v  =>  dA = G[t], rows of G"""
        return None, apply(Rows(), grad, operands[0])

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Every place is one of the table."""
        return in_range(node.operands[0], self.rows)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``add_rows(t, A, v)``."""
        index, values = node.operands
        rows = write.numpy_shape((self.rows,))[1:-2]
        return f"add_rows({write(index, 0)}, {write(values, 0)}, {rows})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``onehot(t)ᵀ A`` for a matrix, else a sum with indices."""
        index, values = node.operands
        if index.ndim == 1 and values.ndim == 2:
            onehot = apply(OneHot(self.rows, 1), index)
            return write.matmul(onehot.T, values)
        return write.entries(node)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``sum over i with t_i = v of A_{i,j}``."""
        index, values = node.operands
        lead = [Index(size) for size in index.shape]
        here = tuple(map(Position.of, lead))
        with write.bound(lead):
            given = f"{write.text(index, here)[0]} = {write.place(at[0])}"
            return write.sum_sign(lead, [given], write(values, (*here, *at[1:]), write.TIMES))


def add_rows(places: Any, values: Array, rows: Any) -> Array:
    """``add_rows(t, A, v)``: rows added up."""
    return apply(AddRows(Size.of(rows)), places, values)


@dataclass(frozen=True)
class Pick(Operation):
    """One entry of each row along an axis, the one at the given place."""

    axis: int
    name = "pick"

    def shape(self, *operands: Array) -> Shape:
        """``(n, c)`` at ``(n,)``: ``(n,)``."""
        return operands[1].shape

    def kind(self, *operands: Array) -> str:
        """The rows'."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[n] = sum_v A[n, v] [t[n] = v]``."""
        v = Index(operands[0].shape[self.axis])
        return total(entries[0](*at[: self.axis], v, *at[self.axis :]) * entries[1](*at, v), v)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = A[n, t[n]] for every n  =>  dA = G ∘ onehot(t)"""
        array, index = operands
        onehot = apply(OneHot(array.shape[self.axis], self.axis), index)
        return copies(grad, array.shape, (self.axis,)) * onehot, None

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Every place is one of the row."""
        return in_range(node.operands[1], node.operands[0].shape[self.axis])

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A[np.arange(n), t]``; for more axes ``np.take_along_axis``."""
        array, index = node.operands
        if node.ndim < 2 and not write.leading:
            keys = [write(apply(Arange(size)), 0) for size in node.shape]
            keys.insert(self.axis, write(index, 0))
            return f"{write(array, write.ATOM)}[{', '.join(keys)}]", write.ATOM
        return f"{self.kept(write, node)}[{write.keys([':'] * self.axis + ['0'], array)}]", write.ATOM

    def kept(self, write: Writer, node: Array) -> str:
        """``np.take_along_axis(A, t[:, None], axis=1)``: the entries, the axis kept."""
        array, index = node.operands
        places = write(_grown(index, self.axis), 0)
        return f"np.take_along_axis({write(array, 0)}, {places}, axis={write.axes((self.axis,), array.ndim)})"

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``A_{i,t_i}``."""
        array, index = node.operands
        keys = write.places(at)
        keys.insert(self.axis, write.text(index, at)[0])
        return write.entry_at(array, keys)


PUT = '''def put(rows, places, values, axis):
    """The rows along an axis, values[n] now at place places[n] of row n; changed in place."""
    keys = [*np.ogrid[tuple(map(slice, np.shape(places)))]]
    keys.insert(axis, places)
    rows[tuple(keys)] = values
    return rows
'''


@dataclass(frozen=True)
class Put(Operation):
    """Rows along an axis with one entry of each replaced, the one at the given place."""

    axis: int
    name = "put"

    def shape(self, *operands: Array) -> Shape:
        """The rows'."""
        return operands[0].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[n, v] = w[n] where t[n] = v, else A[n, v]``."""
        rows, places, values = entries
        row = _shrunk(at, self.axis)
        return rows(*at) + places(*row, at[self.axis]) * (values(*row) - rows(*at))

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A, but Y[n, t[n]] = w[n]  =>  dA = G, but 0 there; dw[n] = G[n, t[n]]"""
        index = operands[1]
        return put(grad, index, 0, self.axis), None, apply(Pick(self.axis), grad, index)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Every place is one of the row."""
        return in_range(node.operands[1], node.shape[self.axis])

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``put(A.copy(), t, w, axis=1)``; what was computed just now needs no copy."""
        rows, index, values = node.operands
        value = write.number(values.op.value)[0] if isinstance(values.op, Constant) else write(values, 0)
        own = rows not in write.names and isinstance(rows.op, Elementwise)
        text = write(rows, 0) if own else f"{write(rows, write.ATOM)}.copy()"
        return f"put({text}, {write(index, 0)}, {value}, axis={self.axis})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``put(A, t, w)``."""
        return write.call("put", *node.operands)


def put(rows: Array, places: Array, values: Any, axis: int) -> Array:
    """``put(A, t, w, axis=1)``: one entry of each row replaced."""
    from derive.arrays.build import constant, spread

    return apply(Put(axis), rows, places, spread(constant(values), places.shape))
