"""Row functions: what a row of entries has in common; each operation with its five facts (operations.py).

A row runs along one axis or several.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.functions import COMPARE, step
from derive.arrays.operations import Adjoints, Broadcast, Elementwise, Positions
from derive.arrays.shapes import Shape, not_empty
from derive.index.size import ONE, Size
from derive.index.terms import Delta, Entry, Index, Position, Term, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer


def whole(place: Position) -> Entry:
    """A position as a number; the kernel knows nothing else of it."""
    return Entry("ℕ", (place,))


class OfRows(Operation):
    """An operation on rows, which must have at least one entry."""

    @property
    @abstractmethod
    def along(self) -> tuple[int, ...]:
        """The axes along which a row runs."""

    def lengths(self, node: Array) -> Shape:
        """How long a row is along each of its axes."""
        return tuple(node.operands[0].shape[axis] for axis in self.along)

    def filled(self, node: Array) -> tuple[str, ...]:
        """That a row has an entry, where that is not plain to see."""
        return not_empty(self.lengths(node))


@dataclass(frozen=True)
class RowFunction(OfRows):
    """A function of rows along some axes, written by a formula in the language."""

    axes: tuple[int, ...]

    @property
    def along(self) -> tuple[int, ...]:
        """All its axes."""
        return self.axes

    def shape(self, *operands: Array) -> Shape:
        """The operand's."""
        return operands[0].shape

    @abstractmethod
    def formula(self, *operands: Array) -> Array:
        """What it stands for; its NumPy spelling is that of this."""

    def sum(self, array: Array) -> Array:
        """The sum of each row, its axes kept."""
        from derive.arrays import build

        return build.sum(array, self.axes, keepdims=True)

    def mean(self, array: Array) -> Array:
        """The mean of each row, its axes kept."""
        from derive.arrays import build

        return build.mean(array, self.axes, keepdims=True)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """Its formula."""
        return write.text(self.formula(*node.operands))

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """By name, of rows along the last axis that stay rows; else with indices."""
        (operand, *_) = node.operands
        whole = node.shape == operand.shape and self.axes == (operand.ndim - 1,)
        return write.call(self.name, *node.operands) if whole else write.entries(node)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """By its formula."""
        return write.text(self.formula(*node.operands), at)


def total_over(entry: Entries, at: Positions, shape: Shape, axes: tuple[int, ...]) -> Term:
    """The sum of entries over the row that a place is in."""
    run = {axis: Index(shape[axis]) for axis in axes}
    return total(entry(*[Position.of(run.get(axis, place)) for axis, place in enumerate(at)]), *run.values())


def widened(at: Positions, axes: tuple[int, ...]) -> Positions:
    """A place in what is left of rows as a place in its row: the first."""
    rest = iter(at)
    return tuple([Position.of(0) if axis in axes else next(rest) for axis in range(len(at) + len(axes))])


def without(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """A shape without some axes."""
    return tuple(size for axis, size in enumerate(shape) if axis not in axes)


def kept(shape: Shape, axes: tuple[int, ...]) -> Shape:
    """A shape with some axes of size 1."""
    return tuple(ONE if axis in axes else size for axis, size in enumerate(shape))


def copies(array: Array, shape: Shape, axes: tuple[int, ...]) -> Array:
    """The array copied along the new axes of a shape."""
    return apply(Broadcast(shape, tuple(axis for axis in range(len(shape)) if axis not in axes)), array)


def copied(array: Array) -> tuple[Array, tuple[int, ...]]:
    """What copies are made of, and its axes among theirs."""
    axes = tuple(range(array.ndim))
    while isinstance(array.op, Broadcast):
        axes = tuple(axes[k] for k in array.op.axes)
        (array,) = array.operands
    return array, axes


# ---- the largest entry


@dataclass(frozen=True)
class _OfLargest(OfRows):
    """What has to do with the largest entry of each row along one axis, or with the least."""

    axis: int
    least: bool = False

    @property
    def along(self) -> tuple[int, ...]:
        """The one axis."""
        return (self.axis,)

    def place(self, at: Positions, k: Position | Index) -> Positions:
        """An entry of a row, by the position of the row and its own place in it."""
        return (*at[: self.axis], Position.of(k), *at[self.axis :])

    def share(self, entry: Entries, at: Positions, k: Position | Index, size: Size) -> Term:
        """1 where no entry of the row exceeds the one at k, else 0; several alike have equal shares of the 1."""

        def unbeaten(here: Position | Index) -> Term:
            other = Index(size)
            ahead = entry(*self.place(at, other)) - entry(*self.place(at, here))
            return 1 - step(total(step(-ahead if self.least else ahead), other))

        each = Index(size)
        return unbeaten(k) / total(unbeaten(each), each)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """No ties."""
        (operand,) = node.operands
        if operand.kind != "float" or not operand.names() or operand.shape[self.axis] == ONE:
            return self.filled(node)
        which = "smallest" if self.least else "largest"
        return (*self.filled(node), f"{operand} has one {which} entry along axis {self.axis}")

    def domain(self, node: Array) -> tuple[str, ...]:
        """A row has an entry."""
        return self.filled(node)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.max(axis=1)``, ``A.argmax(axis=1)``."""
        return write.reduced(node)


@dataclass(frozen=True)
class Max(_OfLargest):
    """The largest entry of each row along one axis, or the least."""

    @property
    def name(self) -> str:  # type: ignore[override]  # one of two
        """``max`` or ``min``."""
        return "min" if self.least else "max"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axis."""
        return without(operands[0].shape, (self.axis,))

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[i] = sum_k A[i, k] [no A[i, j] exceeds A[i, k]]``, divided by how many such k there are."""
        k = Index(operands[0].shape[self.axis])
        return total(entries[0](*self.place(at, k)) * self.share(entries[0], at, k, k.size), k)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = max of A over an axis  =>  dA = G where A is the largest, 0 elsewhere"""
        from derive.arrays.build import elementwise

        (operand,) = operands
        mask = apply(Largest(self.axis, self.least), operand)
        return (elementwise("where", mask, copies(grad, operand.shape, (self.axis,)), 0),)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``max_k A_{i,k}``."""
        k = Index(node.operands[0].shape[self.axis])
        return write.over(self.name, [k], node.operands[0], self.place(at, k))


@dataclass(frozen=True)
class Largest(_OfLargest):
    """The mask of the largest entry of each row along one axis, or of the least; of several alike, of the first."""

    name = "largest"

    def shape(self, *operands: Array) -> Shape:
        """The operand's."""
        return operands[0].shape

    def kind(self, *operands: Array) -> str:
        """A mask."""
        return "bool"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = [no A[i, j] exceeds A[i, k]]``, divided by how many such k there are."""
        row = (*at[: self.axis], *at[self.axis + 1 :])
        return self.share(entries[0], row, at[self.axis], operands[0].shape[self.axis])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = [A is the largest of its row] has no adjoint"""
        return (None,)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.arange(d) == A.argmax(axis=1, keepdims=True)``."""
        (operand,) = node.operands
        places = apply(Arange(operand.shape[self.axis]))
        spread = apply(Broadcast(node.shape, (self.axis,)), places)
        first = copies(apply(ArgMax(self.axis, self.least), operand), node.shape, (self.axis,))
        return write.template("{0} == {1}", COMPARE, apply(Elementwise("equal"), spread, first))

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``[A = rowmax(A)]``."""
        return write.text(self._as_equation(node))

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``[A_{i,k} = max_l A_{i,l}]``."""
        return write.text(self._as_equation(node), at)

    def _as_equation(self, node: Array) -> Array:
        (operand,) = node.operands
        top = copies(apply(Max(self.axis, self.least), operand), operand.shape, (self.axis,))
        return apply(Elementwise("equal"), operand, top)


@dataclass(frozen=True)
class ArgMax(_OfLargest):
    """The place of the largest entry of each row along one axis, or of the least; of several alike, of the first."""

    @property
    def name(self) -> str:  # type: ignore[override]  # one of two
        """``argmax`` or ``argmin``."""
        return "argmin" if self.least else "argmax"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axis."""
        return without(operands[0].shape, (self.axis,))

    def kind(self, *operands: Array) -> str:
        """Whole numbers."""
        return "int"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[i] = sum_k k [no A[i, j] exceeds A[i, k]]``, divided by how many such k there are."""
        k = Index(operands[0].shape[self.axis])
        return total(whole(Position.of(k)) * self.share(entries[0], at, k, k.size), k)

    def chosen(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """The mask of the largest."""
        return self.share(entries[0], at[:-1], at[-1], operands[0].shape[self.axis])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = the place of the largest has no adjoint"""
        return (None,)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``arg max_k A_{i,k}``."""
        k = Index(node.operands[0].shape[self.axis])
        return write.over(f"arg\\,{self.name[3:]}", [k], node.operands[0], self.place(at, k))


@dataclass(frozen=True)
class Arange(Operation):
    """The whole numbers from 0 up."""

    size: Size
    name = "arange"

    def shape(self, *operands: Array) -> Shape:
        """``(n,)``."""
        return (self.size,)

    def kind(self, *operands: Array) -> str:
        """Whole numbers."""
        return "int"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[i] = i``."""
        return whole(at[0])

    def chosen(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``[i = v]``."""
        return Delta(*at)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """A constant has no adjoint."""
        return ()

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.arange(n)``."""
        constant = self.size.constant
        return f"np.arange({write.number(self.size if constant is None else Fraction(constant))[0]})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``(0, .., n-1)``."""
        return rf"(0, \ldots, {write.number(self.size - 1)[0]})", write.ATOM

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``i``."""
        return write.place(at[0]), write.ATOM if at[0].index else write.PLUS
