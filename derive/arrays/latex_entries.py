"""Expressions in LaTeX, entry by entry: ``dW_{o,c,i,j} = Σ_{n,y,x} dY_{n,o,y,x} X_{n,c,y+i,x+j}``.

An entry is written from the operation's meaning, so that what is printed is what is proved; operations that have a
better spelling give their own.  An index runs from 0 over its axis and is named as the author's subscripts name it, or
by the size of its axis if that is a letter, else i, j, k, ..
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction

from derive.arrays.array import Array
from derive.arrays.latex import FRACTION, Latex, bracket, choice, filled
from derive.arrays.latex_names import PLAIN, Notation, Text, math_size, number, operator, subscripted
from derive.arrays.methods import Reduction, reduction
from derive.arrays.moves import Transpose
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, PowerOf, Sum
from derive.index.size import ONE, Size
from derive.index.terms import Delta, Entry, Index, Number, Position, Term, Times, Total

LETTERS = "ijklpqrstuvabcefgmnowxyzd"
Places = tuple[Position, ...]
NO_HINTS: Mapping[Index, str] = {}


def entries_of(array: Array, notation: Notation = PLAIN, label: str = "") -> tuple[list[str], Text]:
    """The subscripts of an entry, and the entry; no index goes by the name of an array or of a size that is written."""
    taken: set[str] = {label, *array.names(), *notation.names.values(), "d"}  # d is the sign of an adjoint
    while True:
        write = Entries(notation, taken)
        indices = [Index(size) for size in array.shape]
        own = notation.letters.get(label) or write.letters_of(array)
        with write.bound(indices, dict(zip(indices, own, strict=True))):
            at = tuple(map(Position.of, indices))
            subscripts = write.places(at)
            text = write.text(array, at)
        if not write.sizes & write.used:
            return subscripts, text
        taken |= write.sizes


class Entries:
    """Writes entries of arrays at positions."""

    ATOM, POWER, SIGN, TIMES, PLUS, SUM = Latex.ATOM, Latex.POWER, Latex.SIGN, Latex.TIMES, Latex.PLUS, Latex.SUM

    def __init__(self, notation: Notation, taken: Collection[str]) -> None:
        self.notation, self.names, self.taken = notation, notation.names, taken
        self.scope: dict[Index, str] = {}
        self.used: set[str] = set()  # letters of indices
        self.sizes: set[str] = set()  # sizes that are written
        self.seen: set[Index] = set()  # indices that stand alone on an axis, which says how far they run

    def text(self, array: Array, at: Places) -> Text:
        """The entry and its precedence."""
        if array in self.names or isinstance(array.op, Named):
            self.seen |= {place.index for place in at if place.index is not None}
            return self.entry_at(array, self.places(at))
        match array.op:
            case Constant(value=value):
                self.sizes |= value.names if isinstance(value, Size) else set()
                return number(value)
            case Elementwise() as op:
                mean = reduction(array, self.names)
                return self.mean(mean, at) if mean else self.template(op.scalar.math, op.scalar.binds, array, at)
            case PowerOf(exponent=exponent):
                return f"{self(array.operands[0], at, self.POWER + 1)}^{{{exponent}}}", self.POWER
        return array.op.entry(self, array, at)

    def __call__(self, array: Array, at: Places, binds: int) -> str:
        """The entry of an operand, in brackets if it binds less tightly than ``binds``."""
        text, own = self.text(array, at)
        return text if own >= binds else bracket(text)

    def entry_at(self, array: Array, places: Sequence[str]) -> Text:
        """The entry of a name, or of what is written as a whole array, at places: ``W_{i,j}``, ``(A⁻¹)_{i,j}``."""
        write = Latex(self.notation)
        text, own = write.text(array)
        return subscripted(text if own == self.ATOM or not places else bracket(text), places), self.ATOM

    def places(self, at: Sequence[Position]) -> list[str]:
        """Positions as subscripts."""
        return [self.place(position) for position in at]

    def place(self, position: Position) -> str:
        """``2 y + i``."""
        parts = [self.letter(i) if c == ONE else f"{self._factor(c)} {self.letter(i)}" for i, c in position.parts]
        if position.offset.terms or not parts:
            parts.append(self.size(position.offset))
        return " + ".join(parts).replace("+ -", "- ")

    def _factor(self, size: Size) -> str:
        text = self.size(size)
        return f"({text})" if len(size.terms) > 1 else text

    def size(self, size: Size) -> str:
        """A size as a number."""
        self.sizes |= size.names
        return math_size(size)

    def letter(self, index: Index) -> str:
        """The letter of an index; that of one from outside, such as a step, is its name."""
        return self.scope.get(index) or index.name or index.label

    @contextmanager
    def bound(self, indices: Sequence[Index], hints: Mapping[Index, str] = NO_HINTS) -> Iterator[None]:
        """Letters for some indices, each its hint if that is free, else the next of the alphabet."""
        for index in indices:
            if index.size == ONE:  # it is 0 everywhere
                continue
            wanted = [index.name, hints.get(index, ""), index.size.name or "", *LETTERS]
            free = (c for c in wanted if len(c) == 1 and c not in self.taken and c not in self.scope.values())
            self.scope[index] = next(free)
            self.used.add(self.scope[index])
        yield
        for index in indices:
            self.scope.pop(index, None)

    def letters_of(self, array: Array) -> Sequence[str]:
        """For each axis the letter by which the author's subscripts call it, or its size if that is one; else empty."""
        op = array.op
        sizes = [size.name if size.name and len(size.name) == 1 else "" for size in array.shape]
        if isinstance(op, Named):
            return self.notation.letters.get(op.label, sizes)
        if isinstance(op, Einsum):
            return list(op.output)
        inner = [self.letters_of(operand) for operand in array.operands]
        if isinstance(op, Broadcast):
            return [inner[0][op.axes.index(k)] if k in op.axes else sizes[k] for k in range(array.ndim)]
        if isinstance(op, Sum):
            return [letter for k, letter in enumerate(inner[0]) if k not in op.axes]
        if isinstance(op, Transpose):
            return [inner[0][k] for k in op.order]
        if isinstance(op, Elementwise | PowerOf):
            first = sorted(zip(array.operands, inner, strict=True), key=lambda pair: not _contracts(pair[0]))
            return [next((c for c in axis if c), "") for axis in zip(*[own for _, own in first], strict=True)]
        return sizes

    # ---- spellings

    def template(self, template: str, binds: int, node: Array, at: Places) -> Text:
        """A scalar function by its template."""
        known = {"multiply": r"{0} \, {1}", "divide": FRACTION}
        template = template.replace(r"\oslash", "/")
        operands = [self.text(operand, at) for operand in node.operands]
        if node.op.name == "multiply" and operands[0][0].replace(".", "").isdigit():
            known["multiply"] = "{0} {1}"
        return filled(known.get(node.op.name, template), binds, node, operands)

    def over(self, word: str, indices: Sequence[Index], array: Array, at: Places) -> Text:
        """``max_{i,j} A_{n,i,j}``: a function of the entries over some indices."""
        with self.bound(indices, _hints(indices, [(self.letters_of(array), at)])):
            text, own = self.text(array, at)
            below = self.ranges(indices)
            if not below and word in ("sum", "mean", "max", "min"):
                return text, own
            return f"{operator(word)}_{{{below}}} {text if own >= self.TIMES else bracket(text)}", self.SUM

    def mean(self, found: Reduction, at: Places) -> Text:
        """``1/n Σ_i A_{i}``; over several axes ``mean_{i,j} A_{i,j}``."""
        operand, axes = found.operand, found.axes
        run = {axis: Index(operand.shape[axis]) for axis in axes}
        rest = iter(at)
        places = tuple([Position.of(run[k]) if k in run else next(rest) for k in range(operand.ndim)])
        if len(axes) > 1 or operand.shape[axes[0]] == ONE:
            return self.over("mean", list(run.values()), operand, places)
        total = self.over("sum", list(run.values()), operand, places)[0]
        return rf"\frac{{1}}{{{self.size(operand.shape[axes[0]])}}} {total}", self.SUM

    def between(self, least: Size, place: Position, end: Size) -> str:
        """``1 ≤ i < h + 1``."""
        return rf"{self.size(least)} \le {self.place(place)} < {self.size(end)}"

    def fill(self, value: Fraction | str) -> str:
        """What is around an array: a number, or what is below every entry."""
        return value.replace("inf", r"\infty") if isinstance(value, str) else number(value)[0]

    def cases(self, rows: Sequence[tuple[str, Sequence[str]]]) -> Text:
        """Entries, each where all its conditions hold; the last where those of no other do."""
        said = [(text, r",\, ".join(conditions)) for text, conditions in rows[:-1] if conditions]
        return choice(said, rows[-1][0]) if said else rows[0][0], 0

    def ranges(self, indices: Sequence[Index]) -> str:
        """``i,j<2``: the letters of some indices, and how far one runs that stands alone on no axis."""
        run = [i for i in indices if i.size != ONE]
        return ",".join(self.letter(i) + ("" if i in self.seen else f"<{self.size(i.size)}") for i in run)

    def sum_sign(self, indices: Sequence[Index], links: Sequence[str], body: str) -> Text:
        """``Σ_{i,j : 2i + j = p}`` in front of a body that is written."""
        below = self.ranges(indices)
        below += (r" \,:\, " if below and links else "") + r",\, ".join(links)
        return (rf"\sum_{{{below}}} {body}", self.SUM) if below else (body, self.TIMES)

    def sum(self, indices: Sequence[Index], factors: Sequence[Term], node: Array) -> Text:
        """``Σ_{i,j : cond} A_{i} B_{j}``: the product of entries and Kronecker symbols, over some indices."""
        entries = [(node.operands[int(f.array)], f.at) for f in factors if isinstance(f, Entry)]
        links = [f for f in factors if isinstance(f, Delta)]
        known = dict(enumerate(node.op.inputs)) if isinstance(node.op, Einsum) else {}
        letters = [known.get(k) or self.letters_of(array) for k, (array, _) in enumerate(entries)]
        seen = [place.index for _, at in entries for place in at]
        indices = sorted(indices, key=lambda i: seen.index(i) if i in seen else len(seen))
        with self.bound(indices, _hints(indices, list(zip(letters, [at for _, at in entries], strict=True)))):
            ranges = [f for f in links if any(i in dict(p.parts) for p in (f.left, f.right) for i in indices)]
            last = len(entries) - 1 if len(ranges) == len(links) else -1
            texts = [self(a, at, self.SUM if k == last else self.TIMES) for k, (a, at) in enumerate(entries)]
            texts += [rf"\left[{self._equal(f)}\right]" for f in links if f not in ranges]
            return self.sum_sign(indices, list(map(self._equal, ranges)), r" \, ".join(texts) or "1")

    def _equal(self, link: Delta) -> str:
        first, second = sorted((link.left, link.right), key=lambda position: position.index is not None)
        return f"{self.place(first)} = {self.place(second)}"

    def by_meaning(self, node: Array, at: Places) -> Text:
        """The entry formula of the operation: one entry, or a sum of products of entries."""

        def entry_of(k: int) -> Callable[..., Term]:
            return lambda *places: Entry(str(k), tuple(map(Position.of, places)))

        term = node.op.meaning(at, node.operands, *map(entry_of, range(len(node.operands))))
        indices = []
        while isinstance(term, Total):
            indices.append(term.index)
            term = term.body
        factors = [f for f in _factors(term) if not (isinstance(f, Number) and f.value == 1)]
        if not all(isinstance(f, Entry | Delta) for f in factors):
            return self.entry_at(node, self.places(at))
        if not indices and len(factors) == 1 and isinstance(factors[0], Entry):
            return self.text(node.operands[int(factors[0].array)], factors[0].at)
        return self.sum(indices, factors, node)


def _factors(term: Term) -> list[Term]:
    return [f for part in term.factors for f in _factors(part)] if isinstance(term, Times) else [term]


def _hints(indices: Sequence[Index], entries: Sequence[tuple[Sequence[str], Places]]) -> dict[Index, str]:
    """For each index the letter of an axis on which it runs alone."""
    found: dict[Index, str] = {}
    for letters, at in entries:
        for place, letter in zip(at, letters, strict=True):
            if place.index is not None and place.index in indices and letter:
                found.setdefault(place.index, letter)
    return found


def _contracts(array: Array) -> bool:
    return any(isinstance(node.op, Einsum) for node in array.walk())
