"""Formulas that hold at every step: ``Z[s]`` is a step of an array whose first axis is the steps.

The step s is an index of the kernel over ``0 .. t-1``, so that one proof is about every step and every number of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.operations import Constant, Elementwise, Positions, PowerOf
from derive.arrays.shapes import Shape
from derive.index.size import ZERO, Size
from derive.index.terms import Delta, Index, Position, Term, product, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.writing import Writer


class _OfSteps(Operation):
    """What is written with a step; it is no equation's operation, so that it has no rule of its own."""

    def pullback(self, result: Array, grad: Array, *operands: Array) -> tuple[Array | None, ...]:
        """Never asked for: the lines of a recurrence are those of its cell."""
        raise AssertionError("a step has no rule of its own")

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind


@dataclass(frozen=True)
class AtStep(_OfSteps):
    """One step of an array: ``Z[s]``, ``H[s + 1]``; or, without an index, ``H[0]``."""

    step: Index | None
    offset: Size = ZERO
    name = "step"

    @property
    def place(self) -> str:
        """``s + 1``."""
        if self.step is None:
            return str(self.offset)
        return f"{self.step.name} + {self.offset}" if self.offset.terms else self.step.name

    def shape(self, *operands: Array) -> Shape:
        """All axes but the first."""
        return operands[0].shape[1:]

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i] = A[s, i]``."""
        place = Position.of(self.offset)
        return entries[0](place if self.step is None else place + self.step, *at)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A[s]``."""
        return f"{write(node.operands[0], write.ATOM)}[{self.place}]", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A subscript."""
        return f"{{{write(node.operands[0], write.ATOM)}}}_{{{self.place}}}", write.ATOM


@dataclass(frozen=True)
class EachStep(_OfSteps):
    """The value of an expression at every step, along a new first axis."""

    step: Index
    name = "each step"

    def shape(self, *operands: Array) -> Shape:
        """The steps in front."""
        return (self.step.size, *operands[0].shape)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[p, i] = sum_s [p = s] A(s)[i]``."""
        shape = self.shape(*operands)
        return _bound(self.step, at, shape, lambda p, *i: Delta(p, Position.of(self.step)) * entries[0](*i))

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.stack([.. for s in range(t)])``."""
        return f"np.stack([{write(node.operands[0], 0)} {_for(self.step)}])", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """In brackets, with the step beneath."""
        return rf"\left[{write(node.operands[0], 0)}\right]_{{{self.step.name}}}", write.ATOM


@dataclass(frozen=True)
class SumOfSteps(_OfSteps):
    """The sum of an expression over the steps."""

    step: Index
    name = "sum of steps"

    def shape(self, *operands: Array) -> Shape:
        """The expression's."""
        return operands[0].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i] = sum_s A(s)[i]``."""
        return _bound(self.step, at, self.shape(*operands), entries[0])

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``sum(.. for s in range(t))``."""
        return f"sum({write(node.operands[0], 0)} {_for(self.step)})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A sum sign."""
        return rf"\sum_{{{self.step.name}}} {write(node.operands[0], write.TIMES)}", write.SUM


def _bound(step: Index, at: Positions, shape: Shape, body: Entries) -> Term:
    """The body summed over the step; a position that speaks of a step further out is not caught by the sum."""
    if not any(step is index for place in at for index, _ in place.parts):
        return total(body(*at), step)
    inner = [Index(size) for size in shape]
    links = product([Delta(place, Position.of(i)) for place, i in zip(at, inner, strict=True)])
    return total(links * total(body(*map(Position.of, inner)), step), *inner)


def _for(step: Index) -> str:
    return f"for {step.name} in range({step.size})"


def entrywise(expression: Array, arrays: Mapping[Array, Array]) -> Array | None:
    """The formula of entries with other arrays for its own, all of one shape; None for any other formula."""
    done = dict(arrays)
    shape = next((array.shape for array in arrays.values()), ())
    if any(array.shape != shape for array in arrays.values()):
        return None
    for node in expression.walk():
        if node in done:
            continue
        if isinstance(node.op, Constant):
            done[node] = apply(Constant(node.op.value, shape))
        elif isinstance(node.op, Elementwise | PowerOf) and all(operand in done for operand in node.operands):
            done[node] = apply(node.op, *[done[operand] for operand in node.operands])
    return done.get(expression)


def at_step(array: Array, step: Index, offset: Any = ZERO) -> Array:
    """``array[s + offset]``."""
    return apply(AtStep(step, Size.of(offset)), array)


def at_place(array: Array, place: Any) -> Array:
    """``array[place]``."""
    return apply(AtStep(None, Size.of(place)), array)


def each_step(expression: Array, step: Index) -> Array:
    """The expression at every step, stacked."""
    return apply(EachStep(step), expression)


def sum_of_steps(expression: Array, step: Index) -> Array:
    """The expression summed over the steps."""
    return apply(SumOfSteps(step), expression)
