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

    def math(self, write: Writer, node: Array) -> tuple[str, int]:
        """Its name, and its axes below."""
        title = self.name.replace("_", r"\_")
        operands = r" \mid ".join(write(operand, 0) for operand in node.operands)
        return rf"\operatorname{{{title}}}_{{{','.join(map(str, self.axes))}}}({operands})", write.ATOM


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


# ---- the largest entry


class _OfOneAxis(OfRows):
    axis: int

    @property
    def along(self) -> tuple[int, ...]:
        """The one axis."""
        return (self.axis,)


def _share(entry: Entries, at: Positions, shape: Shape, axis: int, least: bool) -> Term:
    """1 where no entry of the row exceeds this one, else 0; of several alike each gets an equal share of the 1."""

    def at_place(k: Index) -> Positions:
        return (*at[:axis], Position.of(k), *at[axis + 1 :])

    def unbeaten(here: Positions) -> Term:
        k = Index(shape[axis])
        ahead = entry(*at_place(k)) - entry(*here)
        return 1 - step(total(step(-ahead if least else ahead), k))

    k = Index(shape[axis])
    return unbeaten(at) / total(unbeaten(at_place(k)), k)


def _one_largest(node: Array, axis: int, least: bool) -> tuple[str, ...]:
    (operand,) = node.operands
    assert isinstance(node.op, OfRows)
    if operand.kind != "float" or not operand.names() or operand.shape[axis] == ONE:
        return node.op.filled(node)
    return (*node.op.filled(node), f"{operand} has one {'smallest' if least else 'largest'} entry along axis {axis}")


@dataclass(frozen=True)
class Max(_OfOneAxis):
    """The largest entry of each row along one axis, or the least."""

    axis: int
    least: bool = False

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
        shape = operands[0].shape
        k = Index(shape[self.axis])
        places = (*at[: self.axis], Position.of(k), *at[self.axis :])
        return total(entries[0](*places) * _share(entries[0], places, shape, self.axis, self.least), k)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = max of A over an axis  =>  dA = G where A is the largest, 0 elsewhere"""
        from derive.arrays.build import elementwise

        (operand,) = operands
        mask = apply(Largest(self.axis, self.least), operand)
        return (elementwise("where", mask, copies(grad, operand.shape, (self.axis,)), 0),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """No ties."""
        return _one_largest(node, self.axis, self.least)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.max(axis=1)``."""
        return write.reduced(node)

    def math(self, write: Writer, node: Array) -> tuple[str, int]:
        """``max A``, over the axis."""
        (operand,) = node.operands
        over = "" if operand.ndim == 1 else f"_{{{self.axis}}}"
        return rf"\{self.name}\nolimits{over} {write(operand, write.TIMES + 1)}", write.TIMES


@dataclass(frozen=True)
class Largest(_OfOneAxis):
    """The mask of the largest entry of each row along one axis, or of the least; of several alike, of the first."""

    axis: int
    least: bool = False
    name = "largest"

    def shape(self, *operands: Array) -> Shape:
        """The operand's."""
        return operands[0].shape

    def kind(self, *operands: Array) -> str:
        """A mask."""
        return "bool"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = [no A[i, j] exceeds A[i, k]]``, divided by how many such k there are."""
        return _share(entries[0], at, operands[0].shape, self.axis, self.least)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = [A is the largest of its row] has no adjoint"""
        return (None,)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """No ties."""
        return _one_largest(node, self.axis, self.least)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.arange(d) == A.argmax(axis=1, keepdims=True)``."""
        (operand,) = node.operands
        places = apply(Arange(operand.shape[self.axis]))
        spread = apply(Broadcast(node.shape, (self.axis,)), places)
        first = copies(apply(ArgMax(self.axis, self.least), operand), node.shape, (self.axis,))
        return write.template("{0} == {1}", COMPARE, apply(Elementwise("equal"), spread, first))

    def math(self, write: Writer, node: Array) -> tuple[str, int]:
        """``[A = max A]``."""
        top = apply(Max(self.axis, self.least), *node.operands)
        return rf"\left[{write(node.operands[0], 0)} = {write(top, 0)}\right]", write.ATOM


@dataclass(frozen=True)
class ArgMax(_OfOneAxis):
    """The place of the largest entry of each row along one axis, or of the least; of several alike, of the first."""

    axis: int
    least: bool = False

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
        shape = operands[0].shape
        k = Index(shape[self.axis])
        places = (*at[: self.axis], Position.of(k), *at[self.axis :])
        return total(whole(Position.of(k)) * _share(entries[0], places, shape, self.axis, self.least), k)

    def chosen(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """The mask of the largest."""
        here = (*at[: self.axis], at[-1], *at[self.axis : -1])
        return _share(entries[0], here, operands[0].shape, self.axis, self.least)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = the place of the largest has no adjoint"""
        return (None,)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """No ties."""
        return _one_largest(node, self.axis, self.least)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.argmax(axis=1)``."""
        return write.reduced(node)

    def math(self, write: Writer, node: Array) -> tuple[str, int]:
        """``arg max A``, along the axis."""
        word = f"arg\\,{self.name[3:]}"
        return rf"\operatorname{{{word}}}_{{{self.axis}}} {write(node.operands[0], write.TIMES + 1)}", write.TIMES


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

    def math(self, write: Writer, node: Array) -> tuple[str, int]:
        """``(0, .., n-1)``."""
        return rf"(0, \ldots, {write.math_number(self.size - 1)[0]})", write.ATOM
