"""Arrays side by side: concatenation with its five facts (operations.py), and NumPy's ways of joining and splitting."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.build import axes_of, broadcast_to, constant, describe, expand_dims, shaped, size_of
from derive.arrays.moves import Slice
from derive.arrays.operations import Adjoints, Broadcast, Positions
from derive.arrays.shapes import Shape
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, ZERO, Size
from derive.index.terms import Delta, Index, Plus, Position, Term, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer


@dataclass(frozen=True)
class Concatenate(Operation):
    """Arrays side by side along an axis; their other axes are equal."""

    axis: int
    name = "concatenate"
    moves = True
    source = "Giles 2008, 2.1"

    def shape(self, *operands: Array) -> Shape:
        """The sizes added up along the axis."""
        first = operands[0].shape
        whole = ZERO
        for operand in operands:
            whole = whole + operand.shape[self.axis]
        return (*first[: self.axis], whole, *first[self.axis + 1 :])

    def kind(self, *operands: Array) -> str:
        """What holds all of the operands."""
        kinds = {operand.kind for operand in operands}
        return "float" if "float" in kinds else "int" if "int" in kinds else "bool"

    def begins(self, operands: Sequence[Array]) -> list[Size]:
        """Where each operand begins along the axis."""
        found = [ZERO]
        for operand in operands[:-1]:
            found.append(found[-1] + operand.shape[self.axis])
        return found

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[p] = sum_i A[i] [p = i] + sum_j B[j] [p = j + |A|]``."""
        terms = []
        for begin, operand, entry in zip(self.begins(operands), operands, entries, strict=True):
            i = Index(operand.shape[self.axis])
            places = (*at[: self.axis], Position.of(i), *at[self.axis + 1 :])
            terms.append(total(entry(*places) * Delta(at[self.axis], Position.of(i) + begin), i))
        return Plus(tuple(terms))

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = [A B ..]  =>  dA, dB, .. = their slices of G"""
        adjoints = []
        for begin, operand in zip(self.begins(operands), operands, strict=True):
            corner = tuple(begin if k == self.axis else ZERO for k in range(operand.ndim))
            adjoints.append(apply(Slice(corner, operand.shape, (1,) * operand.ndim), grad))
        return tuple(adjoints)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.concatenate((A, B), axis=1)``; ``np.stack`` where the axis is new in each part."""
        axis = write.axes((self.axis,), node.ndim)
        if all(self._stacked(part) and part not in write.names for part in node.operands):
            parts = ", ".join(write(part.operands[0], 0) for part in node.operands)
            return f"np.stack(({parts}), axis={axis})", write.ATOM
        return f"np.concatenate(({', '.join(write(part, 0) for part in node.operands)}), axis={axis})", write.ATOM

    def _stacked(self, part: Array) -> bool:
        kept = tuple(k for k in range(part.ndim) if k != self.axis)
        return part.op == Broadcast(part.shape, kept) and tuple(part.shape[k] for k in kept) == part.operands[0].shape

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A block matrix; with indices where the arrays are no matrices."""
        if node.ndim > 2:
            return write.entries(node)
        between = r" \\ " if self.axis == 0 and node.ndim == 2 else " & "
        blocks = between.join(write(part, 0) for part in node.operands)
        return rf"\begin{{bmatrix}} {blocks} \end{{bmatrix}}", write.ATOM

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``A_i`` for i < n, else ``B_{i-n}``."""
        rows = []
        for begin, part in zip(self.begins(node.operands), node.operands, strict=True):
            there = (*at[: self.axis], at[self.axis] - begin, *at[self.axis + 1 :])
            inside = write.between(begin, at[self.axis], begin + part.shape[self.axis])
            rows.append((write.text(part, there)[0], [inside]))
        return write.cases([*rows[:-1], (rows[-1][0], [])])


def concatenate(arrays: Any, axis: Any = 0) -> Array:
    """``np.concatenate``; DeriveError for shapes that differ in another axis."""
    parts = _parts("concatenate", arrays)
    if axis is None:
        parts, axis = [part.reshape(-1) for part in parts], 0
    if any(part.ndim == 0 for part in parts):
        raise DeriveError(
            "concatenate: a scalar",
            "arrays of rank 1 or more were wanted",
            callers_place(),
            "np.stack for arrays of rank 0",
        )
    (k,) = axes_of(parts[0], axis)
    others = [(*part.shape[:k], *part.shape[k + 1 :]) for part in parts]
    wrong = next(
        (part for part, rest in zip(parts, others, strict=True) if part.ndim != parts[0].ndim or rest != others[0]),
        None,
    )
    if wrong is not None:
        raise DeriveError(
            f"concatenate: {describe(parts[0])} but {describe(wrong)}",
            f"the same sizes but for axis {k}",
            callers_place(),
            "another axis=, or a transpose or broadcast_to of one of the two",
        )
    return parts[0] if len(parts) == 1 else apply(Concatenate(k), *parts)


def stack(arrays: Any, axis: int = 0) -> Array:
    """``np.stack``: arrays of one shape along a new axis."""
    parts = _parts("stack", arrays)
    wrong = next((part for part in parts if part.shape != parts[0].shape), None)
    if wrong is not None:
        raise DeriveError(
            f"stack: {describe(parts[0])} but {describe(wrong)}",
            "arrays of one shape were wanted",
            callers_place(),
            "np.concatenate for parts of several sizes",
        )
    return concatenate([expand_dims(part, axis) for part in parts], axis)


def hstack(arrays: Any) -> Array:
    """``np.hstack``: along the second axis, or the only one."""
    parts = [broadcast_to(part, (ONE,)) if part.ndim == 0 else part for part in _parts("hstack", arrays)]
    return concatenate(parts, 0 if parts[0].ndim == 1 else 1)


def vstack(arrays: Any) -> Array:
    """``np.vstack``: along the first axis, vectors as rows."""
    parts = _parts("vstack", arrays)
    rows = [broadcast_to(part, (ONE, ONE)) if part.ndim == 0 else part for part in parts]
    return concatenate([part[None] if part.ndim == 1 else part for part in rows], 0)


def split(array: Any, sections: Any, axis: int = 0) -> list[Array]:
    """``np.split``: into a number of equal parts, or at the given places; DeriveError if parts cannot be equal."""
    array = constant(array)
    (k,) = axes_of(array, axis)
    size = array.shape[k]
    if isinstance(sections, list | tuple):
        ends = [size_of(end) for end in sections]
        ends = [size + end if end.constant is not None and end.constant < 0 else end for end in ends]
    else:
        number = size_of(sections)
        part = size.over(number) if len(number.terms) == 1 else None
        count = number.constant
        if part is None or count is None or count < 1:
            raise DeriveError(
                f"split: axis {k} of {shaped(array)} into {sections}",
                f"a number of parts that divides the size {size}",
                callers_place(),
                f'declaring the axis as "{sections}*k", or the places to split at',
            )
        ends = [part * place for place in range(1, count)]
    keys = [(slice(None),) * k + (slice(begin, end),) for begin, end in zip([ZERO, *ends], [*ends, size], strict=True)]
    return [array[key] for key in keys]


def _parts(what: str, arrays: Any) -> list[Array]:
    if isinstance(arrays, Array):
        arrays = list(arrays)
    if not isinstance(arrays, list | tuple) or not arrays:
        raise DeriveError(
            f"{what} of {arrays!r}", "a list or tuple of arrays was wanted", callers_place(), f"np.{what}([A, B])"
        )
    return [constant(array) for array in arrays]
