"""What the entries of a program depend on, read off the meanings of its operations: never off its name.

``kind_of`` tells a program that acts entry by entry from one that sums along rows and from one that contracts several
arrays; ``lanes`` are the sizes along which a program does the same thing side by side.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from derive.arrays.array import Array
from derive.arrays.named import Named
from derive.arrays.rewriting import unfolded
from derive.arrays.shapes import Shape
from derive.evidence.balls import Program, meaning_of
from derive.index.size import ONE
from derive.index.terms import Delta, Entry, Extent, Index, OfMatrix, Term, Total

Structure = Literal["elementwise", "rows", "contraction"]


def structure_of(program: Program) -> Structure:
    """Whether the equations act entry by entry, sum along axes, or contract several arrays."""
    if any(map(_contracts, _nodes(program.equations))):
        return "contraction"
    return "rows" if any(_sums(_Meaning.of(node)) for node in _nodes(program.equations)) else "elementwise"


def contracting(program: Program) -> tuple[str, ...]:
    """The names of the lines that contract several arrays."""
    lines = (*program.equations, *program.adjoints)
    return tuple(label for label, line in lines if any(map(_contracts, _nodes(((label, line),)))))


def eliminates(program: Program) -> bool:
    """True if the equations invert matrices or take determinants."""
    return any(map(_eliminates, _nodes(program.equations)))


def chains(program: Program) -> bool:
    """True if some line contracts what another contraction has given."""
    made: set[str] = set()  # names that were computed by way of a contraction

    def known(node: Array, found: dict[Array, bool]) -> bool:
        return node.op.label in made if isinstance(node.op, Named) else any(found[a] for a in node.operands)

    for label, line in (*program.equations, *program.adjoints):
        found: dict[Array, bool] = {}
        whole = unfolded(line)
        for node in whole.walk():
            by_way = known(node, found)
            if by_way and not isinstance(node.op, Named) and _contracts(node):
                return True
            found[node] = by_way or (not isinstance(node.op, Named) and _contracts(node))
        if found[whole]:
            made.add(label)
    return False


def _eliminates(node: Array) -> bool:
    return any(isinstance(part, OfMatrix) for part in parts(_Meaning.of(node).term))


def _contracts(node: Array) -> bool:
    return _eliminates(node) or any(len(_summed_operands(total)) > 1 for total in _sums(_Meaning.of(node)))


def summed_sizes(program: Program) -> tuple[str, ...]:
    """The names of the sizes along which the equations sum, in order."""
    sums = [total for node in _nodes(program.equations) for total in _sums(_Meaning.of(node))]
    return tuple(dict.fromkeys(name for total in sums for name in sorted(total.index.size.names)))


def lanes(program: Program) -> tuple[str, ...]:
    """The sizes that every array has as one axis, and along which no entry depends on another."""
    shapes = [*(d.shape for d in program.inputs.values()), *program.upstream.values()]
    names = dict.fromkeys(size.name for shape in shapes for size in shape if size.name is not None)
    meanings = [_Meaning.of(node) for node in _nodes((*program.equations, *program.adjoints))]
    return tuple(
        name
        for name in names
        if all(_axis(shape, name) is not None for shape in shapes) and all(m.apart(name) for m in meanings)
    )


def _axis(shape: Shape, name: str) -> int | None:
    """The only axis that speaks of a size, if it is just that size; else None."""
    found = [axis for axis, size in enumerate(shape) if name in size.names]
    return found[0] if len(found) == 1 and shape[found[0]].name == name else None


def _nodes(lines: tuple[tuple[str, Array], ...]) -> Iterator[Array]:
    """The operations of some lines; of a defined one, those that it stands for."""
    todo, seen = [line for _, line in lines], set()
    while todo:
        for node in todo.pop().walk():
            if node in seen or isinstance(node.op, Named):
                continue
            seen.add(node)
            inner = node.op.unfold(node)
            if inner is None:
                yield node
            else:
                todo.append(inner)


@dataclass(frozen=True)
class _Meaning:
    """The meaning of an operation at free indices."""

    node: Array
    at: tuple[Index, ...]
    term: Term

    @staticmethod
    def of(node: Array) -> _Meaning:
        return _Meaning(node, *meaning_of(node))

    def apart(self, name: str) -> bool:
        """True if along a size the entries of the result depend on the operands' own entries only."""
        own = None
        if any(name in size.names for size in self.node.shape):
            axis = _axis(self.node.shape, name)
            if axis is None:
                return False
            own = self.at[axis]
        return all(self._apart(part, name, own) for part in parts(self.term))

    def _apart(self, part: Term, name: str, own: Index | None) -> bool:
        match part:
            case Extent(size=size):
                return name not in size.names
            case Delta(left=left, right=right):
                return not any(name in i.size.names for side in (left, right) for i, _ in side.parts)
            case Entry(array=label, at=at):
                shape = self.node.operands[int(label)].shape if label.isdigit() else ()
                if any(name in i.size.names for place in at[len(shape) :] for i, _ in place.parts):
                    return False
                if not any(name in size.names for size in shape):
                    return True
                axis = _axis(shape, name)
                return axis is not None and own is not None and at[axis].index is own
            case Total(index=index):
                return name not in index.size.names
            case OfMatrix(rows=rows, at=at):
                reached = [rows, *(i for place in at for i, _ in place.parts)]
                return not any(name in i.size.names for i in reached)
        return True


def _sums(meaning: _Meaning) -> list[Total]:
    """The sums of a meaning; a sum over one entry that is picked by its place is none."""
    ranks = {str(k): operand.ndim for k, operand in enumerate(meaning.node.operands)}
    totals = [part for part in parts(meaning.term) if isinstance(part, Total)]
    return [total for total in totals if not any(_picks(part, total.index, ranks) for part in parts(total.body))]


def _picks(part: Term, index: Index, ranks: Mapping[str, int]) -> bool:
    """True for a Kronecker symbol of the index, and for [t[n] = index]."""
    match part:
        case Delta(left=left, right=right):
            return any(i is index for side in (left, right) for i, _ in side.parts)
        case Entry(array=label, at=at) if label in ranks:
            return any(i is index for place in at[ranks[label] :] for i, _ in place.parts)
    return False


def _summed_operands(total: Total) -> set[str]:
    """The operands of floats that a sum goes over; over an axis of 1, all in it."""
    entries = [part for part in parts(total.body) if isinstance(part, Entry) and part.kind == "float"]
    if total.index.size == ONE:
        return {entry.array for entry in entries}
    return {entry.array for entry in entries if any(i is total.index for place in entry.at for i, _ in place.parts)}


def parts(term: Term) -> Iterator[Term]:
    """A term and the terms in it."""
    yield term
    for each in fields(term):  # type: ignore[arg-type]  # every kind of term is a dataclass
        value: Any = getattr(term, each.name)
        for inner in value if isinstance(value, tuple) else (value,):
            if isinstance(inner, Term):
                yield from parts(inner)
