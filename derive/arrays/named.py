"""Named arrays, the leaves of expressions: inputs and the results of earlier equations; what is put in their place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.rewriting import replaced
from derive.arrays.shapes import ROW_KINDS, Declaration, Shape
from derive.index.size import Size
from derive.index.terms import Entry, Position, Term

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.writing import Writer


@dataclass(frozen=True)
class Named(Operation):
    """A named array: an input, or the result of an earlier equation."""

    label: str
    extent: Shape
    fact: str = "float"
    range: tuple[Size, ...] = ()  # whole numbers from 0 up are less than the first, or one of the others
    axis: int = -1  # along which rows run that sum to 1
    name = "name"

    def shape(self) -> Shape:  # type: ignore[override]  # a leaf has no operands
        """As declared."""
        return self.extent

    def kind(self, *operands: Array) -> str:
        """As declared."""
        return self.fact if self.fact in ("int", "bool") else "float"

    def meaning(self, at: tuple[Position, ...], operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``X[i, j]``; of rows that sum to 1 the place in the row comes last."""
        if self.fact not in ROW_KINDS or not at:
            return Entry(self.label, at, self.fact)
        k = self.axis % len(at)
        return Entry(self.label, (*at[:k], *at[k + 1 :], at[k]), self.fact, self.extent[k].plain)

    def chosen(self, at: tuple[Position, ...], operands: tuple[Array, ...], *entries: Entries) -> Term:
        """The entry of an array of 0 and 1, of which nothing else is known."""
        return Entry(f"{self.label}=", at, "onehot", self.range[0].plain if len(self.range) == 1 else None)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> tuple[Array | None, ...]:
        """A name has no operands."""
        return ()

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """The name."""
        return self.label, write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """The name, a trailing number as a subscript, a leading d as an adjoint."""
        return write.named(self.label)


def name(label: str, shape: Sequence[Size], fact: str = "float", range: tuple[Size, ...] = ()) -> Array:
    """A named array of the given shape."""
    return apply(Named(label, tuple(shape), fact, range))


def as_declared(label: str, declaration: Declaration) -> Array:
    """A named array as it is declared."""
    kind = declaration.kind
    return apply(Named(label, declaration.shape, kind.name, kind.range, kind.axis))


def label(array: Array) -> str | None:
    """The name of a named array, or None."""
    return array.op.label if isinstance(array.op, Named) else None


def substitute(array: Array, names: Mapping[str, Array], sizes: Mapping[str, Size] | None = None) -> Array:
    """The expression with named arrays replaced by arrays of the same shape, and sizes by sizes."""

    def instead(node: Array) -> Array | None:
        return names.get(node.op.label) if isinstance(node.op, Named) else None

    return replaced(array, instead, sizes=sizes)
