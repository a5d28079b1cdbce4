"""Functions of a matrix: inverse, determinant, solution, of the last two axes; and norms.  Each with its five facts.

Reference: Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.functions import HALF, log
from derive.arrays.moves import Transpose
from derive.arrays.named import Named
from derive.arrays.operations import Adjoints, Broadcast, Positions
from derive.arrays.rows import RowFunction, copies, total_over, widened, without
from derive.arrays.shapes import Shape
from derive.index.terms import Index, OfMatrix, Position, Term, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.writing import Writer


def transposed(array: Array) -> Array:
    """The array with the rows and columns of its matrices exchanged."""
    return array.swapaxes(-1, -2)


def _of(function: str, array: Array, leading: Positions, entry: Entries, at: Positions = ()) -> Term:
    """A function of the matrix at some leading positions of an array, in index terms."""
    rows, columns = Index(array.shape[-2]), Index(array.shape[-1])
    return OfMatrix(function, rows, columns, entry(*leading, rows, columns), at)


class _OfMatrix(Operation):
    """An operation whose first operand is a matrix that can be inverted."""

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The matrix can be inverted, where that is not declared."""
        matrix = node.operands[0]
        known = isinstance(matrix.op, Named) and matrix.op.fact == "spd"
        return () if known else (f"{matrix} is invertible",)


@dataclass(frozen=True)
class Inverse(_OfMatrix):
    """The inverse."""

    name = "inv"
    source = "Giles 2008, 2.2.3"

    def shape(self, *operands: Array) -> Shape:
        """The operand's."""
        return operands[0].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, j]`` of the matrix with ``sum_k Y[i, k] A[k, j] = [i = j]``."""
        return _of("inv", operands[0], at[:-2], entries[0], at[-2:])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A⁻¹  =>  dA = -Yᵀ G Yᵀ"""
        return (-(transposed(result) @ grad @ transposed(result)),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.linalg.inv(A)``."""
        return f"np.linalg.inv({write(node.operands[0], 0)})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A superscript, one with the transpose if there is one."""
        (operand,) = node.operands
        if isinstance(operand.op, Transpose) and operand.op.swaps and operand not in write.names:
            return f"{write(operand.operands[0], write.POWER + 1)}^{{-\\top}}", write.POWER
        return f"{write(operand, write.POWER + 1)}^{{-1}}", write.POWER


class _Number(_OfMatrix):
    """An operation that makes a number of each matrix."""

    def shape(self, *operands: Array) -> Shape:
        """The operand's without its last two axes."""
        return operands[0].shape[:-2]

    def _along(self, grad: Array, operand: Array) -> Array:
        """``A⁻ᵀ``, times a number a matrix."""
        leading = tuple(range(operand.ndim - 2))
        return apply(Broadcast(operand.shape, leading), grad) * transposed(apply(Inverse(), operand))


@dataclass(frozen=True)
class Determinant(_Number):
    """The determinant."""

    name = "det"
    source = "Giles 2008, 2.2.4"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``det(A)``."""
        return _of("det", operands[0], at, entries[0])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = det(A)  =>  dA = G Y A⁻ᵀ"""
        return (self._along(grad * result, operands[0]),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.linalg.det(A)``."""
        return f"np.linalg.det({write(node.operands[0], 0)})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``det(A)``."""
        return rf"\det({write(node.operands[0], 0)})", write.ATOM


@dataclass(frozen=True)
class LogDeterminant(_Number):
    """The logarithm of the absolute value of the determinant."""

    name = "logdet"
    source = "Giles 2008, 2.2.4"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``log |det(A)| = log(det(A)²) / 2``."""
        return log(_of("det", operands[0], at, entries[0]) ** 2) * HALF

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = log |det(A)|  =>  dA = G A⁻ᵀ"""
        return (self._along(grad, operands[0]),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.linalg.slogdet(A)[1]``."""
        return f"np.linalg.slogdet({write(node.operands[0], 0)})[1]", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``log |det(A)|``."""
        return rf"\log \lvert\det({write(node.operands[0], 0)})\rvert", write.ATOM


@dataclass(frozen=True)
class Solve(_OfMatrix):
    """The solution X of ``A X = B``, a matrix as B is, or the vector that it is for a vector."""

    name = "solve"
    source = "Giles 2008, 2.3.1"

    def shape(self, *operands: Array) -> Shape:
        """That of the right-hand side."""
        return operands[1].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``X[i, j] = sum_k inv(A)[i, k] B[k, j]``."""
        leading = operands[0].ndim - 2
        k = Index(operands[0].shape[-1])
        inverse = _of("inv", operands[0], at[:leading], entries[0], (at[leading], Position.of(k)))
        return total(inverse * entries[1](*at[:leading], k, *at[leading + 1 :]), k)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """X = A⁻¹ B  =>  dB = A⁻ᵀ G, dA = -dB Xᵀ"""
        from derive.arrays.products import outer

        right = apply(self, transposed(operands[0]), grad)
        return -(outer(right, result) if result.ndim == 1 else right @ transposed(result)), right

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.linalg.solve(A, B)``."""
        return f"np.linalg.solve({', '.join(write(operand, 0) for operand in node.operands)})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``A⁻¹ B``."""
        left, right = node.operands
        return write.matmul(apply(Inverse(), left), right)


@dataclass(frozen=True)
class Norm(RowFunction):
    """The root of the sum of squares over some axes: of a vector its length, of a matrix the Frobenius norm."""

    name = "norm"
    source = "Petersen, Pedersen, The Matrix Cookbook, 2012, eq. 130"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axes."""
        return without(operands[0].shape, self.axes)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y = (sum_k A[k]**2) ** (1/2)``."""
        return total_over(lambda *k: entries[0](*k) ** 2, widened(at, self.axes), operands[0].shape, self.axes) ** HALF

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = ‖A‖  =>  dA = G A / y"""
        (operand,) = operands
        return (copies(grad, operand.shape, self.axes) * (operand / copies(result, operand.shape, self.axes)),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The entries are not all 0."""
        return (f"{node.operands[0]} ≠ 0",)

    def formula(self, *operands: Array) -> Array:
        """``np.sqrt(np.sum(A ** 2))``."""
        from derive.arrays import build

        return build.elementwise("sqrt", build.sum(operands[0] ** 2, self.axes))

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.linalg.norm(A)``."""
        (operand,) = node.operands
        if 2 < len(self.axes) < operand.ndim:  # NumPy has norms along one axis, two, or all
            return super().numpy(write, node)
        axes = "" if len(self.axes) == operand.ndim else f", axis={write.axes(self.axes, operand.ndim)}"
        return f"np.linalg.norm({write(operand, 0)}{axes})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``‖A‖``, with its axes where they are not all."""
        (operand,) = node.operands
        below = (
            "F" if operand.ndim == 2 else "" if operand.ndim == len(self.axes) == 1 else ",".join(map(str, self.axes))
        )
        below = below if len(self.axes) == operand.ndim else ",".join(map(str, self.axes))
        return rf"\lVert {write(operand, 0)} \rVert{f'_{{{below}}}' if below else ''}", write.ATOM
