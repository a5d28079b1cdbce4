"""The operations that move entries: transposes, reshapes, slices, padding; each with its five facts (operations.py)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.operations import Adjoints, Positions
from derive.arrays.shapes import Shape, not_empty, reshape_groups, supposed
from derive.index.size import Size
from derive.index.terms import Delta, Entry, Index, Number, Position, Term, product, total

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer


@dataclass(frozen=True)
class Transpose(Operation):
    """The axes in another order: axis k of the result is axis ``order[k]`` of the operand."""

    order: tuple[int, ...]
    name = "transpose"
    moves = True

    @property
    def swaps(self) -> bool:
        """True if the last two axes change places, and no others."""
        rank = len(self.order)
        return rank > 1 and self.order == (*range(rank - 2), rank - 1, rank - 2)

    def shape(self, *operands: Array) -> Shape:
        """The sizes in the new order."""
        return tuple(operands[0].shape[axis] for axis in self.order)

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[j, i] = A[i, j]``."""
        return entries[0](*[at[self.order.index(axis)] for axis in range(len(self.order))])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = Aᵀ  =>  dA = Gᵀ"""
        return (grad.transpose(tuple(self.order.index(axis) for axis in range(len(self.order)))),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.T``; ``A.swapaxes(-1, -2)`` where two axes change places."""
        rank = len(self.order)
        operand = write(node.operands[0], write.ATOM)
        if self.order == tuple(reversed(range(rank))) and not write.leading:
            return f"{operand}.T", write.ATOM
        moved = [axis for axis in range(rank) if self.order[axis] != axis]
        if len(moved) == 2 and (write.leading or moved == [rank - 2, rank - 1]):
            return f"{operand}.swapaxes({moved[1] - rank}, {moved[0] - rank})", write.ATOM
        return f"{operand}.transpose{self.order}", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A superscript, where the last two axes change places."""
        return write.transposed(node.operands[0]) if self.swaps else write.entries(node)


@dataclass(frozen=True)
class Reshape(Operation):
    """The same entries, row by row, in a shape whose sizes are products of the operand's or the other way round."""

    extent: Shape
    name = "reshape"
    moves = True

    def shape(self, *operands: Array) -> Shape:
        """As given."""
        return self.extent

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i*k + j] = A[i, j]``: group by group, the flat position on both sides is the same."""
        places: list[Position | Index] = []
        bound: list[Index] = []
        links: list[Term] = []
        for new, old in reshape_groups(self.extent, operands[0].shape):
            here = _flat([at[axis] for axis in new], [self.extent[axis] for axis in new])
            if len(old) == 1:
                places.append(here)
                continue
            indices = [Index(operands[0].shape[axis]) for axis in old]
            places += indices
            bound += indices
            links.append(Delta(here, _flat([Position.of(i) for i in indices], [i.size for i in indices])))
        return total(product([entries[0](*places), *links]), *bound)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A in another shape  =>  dA = G in A's shape"""
        return (apply(Reshape(operands[0].shape), grad),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.reshape(n, k)``."""
        shape = write.numpy_shape(self.extent)[1:-1].rstrip(",") or "()"
        if not node.operands[0].shape:  # a scalar may be a plain number
            return f"np.reshape({write(node.operands[0], 0)}, {write.numpy_shape(self.extent)})", write.ATOM
        return f"{write(node.operands[0], write.ATOM)}.reshape({shape})", write.ATOM


def _flat(places: list[Position], sizes: list[Size]) -> Position:
    flat = Position.of(0)
    for place, size in zip(places, sizes, strict=True):
        flat = flat * size + place
    return flat


def at_least_zero(sizes: list[Size]) -> tuple[str, ...]:
    """The conditions that sizes are at least 0, ``h + 2*p ≥ k``, where that is not plain to see."""
    found = []
    for size in sizes:
        if not size.is_nonnegative():
            more = Size({powers: c for powers, c in size.terms if c > 0})
            found.append(f"{more} ≥ {more - size}")
    return tuple(dict.fromkeys(found))


def _lacks(size: Size) -> bool:
    """True if the size is less than 0 where every name in it is 0."""
    return any(not powers and c < 0 for powers, c in size.terms)


LOWEST = Entry("-∞")  # of which nothing is known; arrays have ASCII names, so none is taken for it

PLACED = '''def placed(array, shape, keys):
    """Zeros with an array put where an index says."""
    result = np.zeros(shape, array.dtype)
    result[keys] = array
    return result
'''


@dataclass(frozen=True)
class Slice(Operation):
    """A box of entries: axis k runs from ``begin[k]`` for ``extent[k]`` entries in steps of ``stride[k]``, or of -1."""

    begin: Shape
    extent: Shape
    stride: tuple[Size | int, ...]
    name = "slice"
    moves = True

    def shape(self, *operands: Array) -> Shape:
        """As given."""
        return self.extent

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i] = A[i * stride + begin]``."""
        return entries[0](*[p * step + start for p, step, start in zip(at, self.stride, self.begin, strict=True)])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = a slice of A  =>  dA = G in its place, 0 elsewhere"""
        return (apply(Place(self.begin, operands[0].shape, self.stride), grad),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The box lies inside, where that is not plain to see."""
        wanted = [size for sizes in self._inside(node) for size in sizes]
        return (*at_least_zero(wanted), *not_empty(self.lengths(node)))

    def lengths(self, node: Array) -> Shape:
        """The axes that must not be empty: of no entries none can be picked."""
        axes = zip(self._inside(node), node.operands[0].shape, strict=True)
        return tuple(size for wanted, size in axes if any(w.is_nonnegative() and _lacks(w) for w in wanted))

    def _inside(self, node: Array) -> Iterator[list[Size]]:
        """For each axis the sizes that are at least 0 if the box lies inside."""
        for begin, extent, stride, size in zip(
            self.begin, self.extent, self.stride, node.operands[0].shape, strict=True
        ):
            if stride == -1:
                yield []
            elif extent == (size - begin + stride - 1).plain // stride:  # to the end
                yield [begin, *supposed(extent), *([size - begin] if begin.terms else [])]
            else:
                yield [begin, *supposed(extent), extent, size - begin - (extent - 1) * stride - 1]

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A[:, 1:]``."""
        (operand,) = node.operands
        keys = [
            write.numpy_slice(*axis) for axis in zip(self.begin, self.extent, self.stride, operand.shape, strict=True)
        ]
        while len(keys) > 1 and keys[-1] == ":" and not write.leading:
            keys.pop()
        return f"{write(operand, write.ATOM)}[{write.keys(keys, operand)}]", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """As in NumPy, below the array."""
        return write.slice(node) if node.ndim < 3 and -1 not in self.stride else write.entries(node)


@dataclass(frozen=True)
class Place(Operation):
    """Zeros with a box of entries put in: the reverse of a slice, and padding; or ``fill`` in place of zeros.

    A fill of "-inf" stands for a number below every entry: to the proof it is a number of which nothing is known.
    """

    begin: Shape
    extent: Shape
    stride: tuple[Size | int, ...]
    fill: Fraction | str = Fraction(0)
    name = "pad"

    def shape(self, *operands: Array) -> Shape:
        """As given."""
        return self.extent

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[p] = sum_i A[i] [p = i * stride + begin]``."""
        moved = [k for k, size in enumerate(self.extent) if self.stride[k] != 1 or operands[0].shape[k] != size]
        inside = {k: Index(operands[0].shape[k]) for k in moved}
        links = [Delta(at[k], Position.of(i) * self.stride[k] + self.begin[k]) for k, i in inside.items()]
        put = total(product([entries[0](*[inside.get(k, p) for k, p in enumerate(at)]), *links]), *inside.values())
        if self.fill == 0:
            return put
        fill = LOWEST if isinstance(self.fill, str) else Number(self.fill)
        return put + fill * (1 - total(product(links), *inside.values()))

    def assumes(self, node: Array) -> tuple[str, ...]:
        """What stands for what is below every entry."""
        return ("the -inf around it is below every entry",) if isinstance(self.fill, str) else ()

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A between zeros  =>  dA = that slice of G"""
        return (apply(Slice(self.begin, operands[0].shape, self.stride), grad),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.pad(A, ((1, 0), (0, 0)))``; with steps, ``placed(A, (n, d), np.s_[::2])``."""
        (operand,) = node.operands
        text = write(operand, 0)
        if any(step not in (1, -1) for step in self.stride):
            boxes = zip(self.begin, operand.shape, self.stride, self.extent, strict=True)
            keys = ", ".join(write.numpy_slice(*box) for box in boxes)
            return f"placed({text}, {write.numpy_shape(self.extent)}, np.s_[{keys}])", write.ATOM
        if -1 in self.stride:
            keys = ", ".join("::-1" if step == -1 else ":" for step in self.stride)
            text = f"{write(operand, write.ATOM)}[{keys}]"
        pads = []
        for start, size, step, inner in zip(self.begin, self.extent, self.stride, operand.shape, strict=True):
            before = start if step == 1 else start - inner + 1
            pads.append(f"({before}, {size - before - inner})")
        fill = f"np.{self.fill}" if isinstance(self.fill, str) else write.number(self.fill)[0]
        told = f", constant_values={fill.replace('np.-', '-np.')}" if self.fill != 0 else ""
        return f"np.pad({text}, ({', '.join(pads)}{',' if len(pads) == 1 else ''}){told})", write.ATOM

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``A_{i-1}`` where that is inside, else the fill; by the meaning where there are steps."""
        (operand,) = node.operands
        if any(step != 1 for step in self.stride):
            return write.by_meaning(node, at)
        moved = [k for k, size in enumerate(operand.shape) if self.extent[k] != size]
        inside = [write.between(self.begin[k], at[k], self.begin[k] + operand.shape[k]) for k in moved]
        there = tuple(place - start for place, start in zip(at, self.begin, strict=True))
        return write.cases([(write.text(operand, there)[0], inside), (write.fill(self.fill), [])])
