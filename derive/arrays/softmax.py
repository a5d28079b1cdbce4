"""Rows of exponentials: softmax, its logarithm, and the logarithm of the sum; each with its five facts (operations.py).

Reference: Goodfellow, Bengio, Courville, "Deep Learning", 2016, 6.2.2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, apply
from derive.arrays.functions import exp, log
from derive.arrays.operations import Adjoints, Positions
from derive.arrays.rows import RowFunction, copies, total_over, widened, without
from derive.arrays.shapes import Shape
from derive.index.terms import Term, product

if TYPE_CHECKING:
    pass


def _weight(entries: tuple[Entries, ...]) -> Entries:
    """``exp(A[i, k])``, or 0 where a mask says so."""
    return lambda *at: product([exp(entries[0](*at)), *[mask(*at) for mask in entries[1:]]])


@dataclass(frozen=True)
class Softmax(RowFunction):
    """The exponentials of a row, divided by their sum; of a mask's entries only, if there is a second operand."""

    name = "softmax"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = exp(A[i, k]) / sum_j exp(A[i, j])``."""
        weight = _weight(entries)
        return weight(*at) / total_over(weight, at, operands[0].shape, self.axes)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = softmax of the rows of A  =>  dA = Y ∘ (G - rowsum(G ∘ Y))"""
        return (result * (grad - self.sum(grad * result)), *[None for _ in operands[1:]])

    def formula(self, *operands: Array) -> Array:
        """``np.exp(A) / np.exp(A).sum(axis=1, keepdims=True)``."""
        from derive.arrays.build import elementwise

        weights = elementwise("exp", operands[0])
        if len(operands) > 1:
            weights = elementwise("where", operands[1], weights, 0)
        return weights / self.sum(weights)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """A row has an entry."""
        from derive.arrays.signs import filled

        return tuple(told for mask in node.operands[1:] for told in filled(mask, self.axes))


@dataclass(frozen=True)
class LogSoftmax(RowFunction):
    """The logarithm of the softmax."""

    name = "log_softmax"

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = A[i, k] - log sum_j exp(A[i, j])``."""
        return entries[0](*at) - log(total_over(_weight(entries), at, operands[0].shape, self.axes))

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = log softmax of the rows of A  =>  dA = G - exp(Y) ∘ rowsum(G)"""
        from derive.arrays.build import elementwise

        return (grad - elementwise("exp", result) * self.sum(grad),)

    def formula(self, *operands: Array) -> Array:
        """``A - np.log(np.exp(A).sum(axis=1, keepdims=True))``."""
        from derive.arrays.build import elementwise

        (operand,) = operands
        return operand - elementwise("log", self.sum(elementwise("exp", operand)))


@dataclass(frozen=True)
class LogSumExp(RowFunction):
    """The logarithm of the sum of a row's exponentials."""

    name = "logsumexp"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axes."""
        return without(operands[0].shape, self.axes)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``y[i] = log sum_k exp(A[i, k])``."""
        (operand,) = operands
        return log(total_over(_weight(entries), widened(at, self.axes), operand.shape, self.axes))

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """y = log of the sum of exp A over a row  =>  dA = G ∘ softmax(A)"""
        (operand,) = operands
        return (copies(grad, operand.shape, self.axes) * apply(Softmax(self.axes), operand),)

    def formula(self, *operands: Array) -> Array:
        """``np.log(np.exp(A).sum(axis=1))``."""
        from derive.arrays.build import elementwise, sum

        return elementwise("log", sum(elementwise("exp", operands[0]), self.axes))

    def assumes(self, node: Array) -> tuple[str, ...]:
        """A row has an entry."""
        return self.filled(node)
