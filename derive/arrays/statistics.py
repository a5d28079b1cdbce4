"""Statistics of rows: the variance, and rows scaled by it; each with its five facts (operations.py).

References: Ioffe and Szegedy, "Batch normalization", 2015; Ba, Kiros, Hinton, "Layer normalization", 2016; Zhang and
Sennrich, "Root mean square layer normalization", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries
from derive.arrays.operations import Adjoints, Positions
from derive.arrays.rows import RowFunction, copies, total_over, widened, without
from derive.arrays.shapes import Shape
from derive.index.terms import Extent, Index, Number, Position, Term, product

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer

HALF = Fraction(1, 2)


def _mean(entry: Entries, at: Positions, shape: Shape, axes: tuple[int, ...]) -> Term:
    return total_over(entry, at, shape, axes) / product([Extent(shape[axis]) for axis in axes])


def _variance(entry: Entries, at: Positions, shape: Shape, axes: tuple[int, ...]) -> Term:
    """The mean of the squares, less the square of the mean."""
    return _mean(lambda *there: entry(*there) ** 2, at, shape, axes) - _mean(entry, at, shape, axes) ** 2


@dataclass(frozen=True)
class Variance(RowFunction):
    """The mean squared distance of a row's entries from their mean."""

    name = "var"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axes."""
        return without(operands[0].shape, self.axes)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[i] = (sum_k A[i, k]^2) / d - ((sum_k A[i, k]) / d)^2``."""
        return _variance(entries[0], widened(at, self.axes), operands[0].shape, self.axes)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = variance of the rows of A, of d entries each  =>  dA = (2/d) G ∘ (A - mean(A))"""
        from derive.arrays.build import count

        (operand,) = operands
        d = count([operand.shape[axis] for axis in self.axes])
        return (2 * copies(grad, operand.shape, self.axes) * (operand - self.mean(operand)) / d,)

    def formula(self, *operands: Array) -> Array:
        """``((A - A.mean(axis=1, keepdims=True)) ** 2).mean(axis=1)``."""
        from derive.arrays.build import mean

        (operand,) = operands
        return mean((operand - self.mean(operand)) ** 2, self.axes)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.var(axis=1)``."""
        return write.reduced(node)

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``var_k A_{i,k}``."""
        (operand,) = node.operands
        run = {axis: Index(operand.shape[axis]) for axis in self.axes}
        rest = iter(at)
        places = tuple([Position.of(run[k]) if k in run else next(rest) for k in range(operand.ndim)])
        return write.over("var", list(run.values()), operand, places)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """A row has an entry."""
        return self.filled(node)


@dataclass(frozen=True)
class Standardize(RowFunction):
    """A row, less its mean, divided by the root of its variance plus eps."""

    eps: Fraction
    name = "standardize"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = (A[i, k] - mean(A[i])) / sqrt(var(A[i]) + eps)``."""
        shape = operands[0].shape
        centred = entries[0](*at) - _mean(entries[0], at, shape, self.axes)
        return centred * (_variance(entries[0], at, shape, self.axes) + Number(self.eps)) ** -HALF

    def deviation(self, operand: Array) -> Array:
        """What is divided by."""
        from derive.arrays.build import elementwise
        from derive.arrays.reducing import variance

        square = variance(operand, self.axes, keepdims=True)
        return elementwise("sqrt", square + self.eps if self.eps else square)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = (A - mean(A)) / σ, σ = √(var(A) + ε)  =>  dA = (G - mean(G) - Y ∘ mean(G ∘ Y)) / σ"""
        (operand,) = operands
        return ((grad - self.mean(grad) - result * self.mean(grad * result)) / self.deviation(operand),)

    def formula(self, *operands: Array) -> Array:
        """``(A - A.mean(axis=1, keepdims=True)) / np.sqrt(A.var(axis=1, keepdims=True) + eps)``."""
        (operand,) = operands
        return (operand - self.mean(operand)) / self.deviation(operand)

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """Its formula."""
        return write.text(self.formula(*node.operands))

    def assumes(self, node: Array) -> tuple[str, ...]:
        """A row with a variance, where nothing is added to it."""
        return () if self.eps else (f"{node.operands[0]} varies in each row",)


@dataclass(frozen=True)
class RootMeanSquare(RowFunction):
    """A row divided by the root of its mean square plus eps."""

    eps: Fraction
    name = "rms_normalize"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = A[i, k] / sqrt(mean(A[i]^2) + eps)``."""
        (entry,) = entries
        square = _mean(lambda *there: entry(*there) ** 2, at, operands[0].shape, self.axes)
        return entry(*at) * (square + Number(self.eps)) ** -HALF

    def deviation(self, operand: Array) -> Array:
        """What is divided by."""
        from derive.arrays.build import elementwise

        square = self.mean(operand**2)
        return elementwise("sqrt", square + self.eps if self.eps else square)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A / σ, σ = √(mean(A²) + ε)  =>  dA = (G - Y ∘ mean(G ∘ Y)) / σ"""
        (operand,) = operands
        return ((grad - result * self.mean(grad * result)) / self.deviation(operand),)

    def formula(self, *operands: Array) -> Array:
        """``A / np.sqrt((A ** 2).mean(axis=1, keepdims=True) + eps)``."""
        (operand,) = operands
        return operand / self.deviation(operand)

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """Its formula."""
        return write.text(self.formula(*node.operands))

    def assumes(self, node: Array) -> tuple[str, ...]:
        """A row that is not 0, where nothing is added."""
        return () if self.eps else (f"{node.operands[0]} is not 0 in each row",)
