"""The operations on arrays, each with its five facts: shape, meaning, pullback, NumPy spelling, math spelling.

Elementwise maps, contractions and sums; the moves of entries are in moves.py.  The pullback's docstring is the rule as
it is printed; the kernel proves it from the meaning (derive/rules).  Reference: Giles, "Collected matrix derivative
results for forward and reverse mode algorithmic differentiation", 2008.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.contractions import call_behind, call_of
from derive.arrays.functions import FUNCTIONS, KEEP_WHOLE, ScalarFunction
from derive.arrays.shapes import Shape, not_empty
from derive.index.functions import PI
from derive.index.size import ONE, Size
from derive.index.terms import Delta, Extent, Index, Position, Power, Term, product, total
from derive.index.terms import Number as NumberTerm

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.writing import Writer

Positions = tuple[Position, ...]
Adjoints = tuple[Array | None, ...]


class _Leaf(Operation):
    """An operation without operands."""

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """A constant has no adjoint."""
        return ()


@dataclass(frozen=True)
class Constant(_Leaf):
    """A number in every entry: a rational, a size as a number, or π (the text "pi")."""

    value: Fraction | Size | str
    extent: Shape = ()
    name = "constant"

    def shape(self, *operands: Array) -> Shape:
        """As given."""
        return self.extent

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``c``, at every position."""
        if isinstance(self.value, Size):
            return Extent(self.value)
        return PI if isinstance(self.value, str) else NumberTerm(self.value)

    def chosen(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``[c = v]``."""
        return Delta(Position.of(self.value if isinstance(self.value, Size) else int(self.value)), at[-1])

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """The number; an array of it where its shape matters."""
        text, binds = write.number(self.value)
        if not self.extent:
            return text, binds
        return f"np.full({write.numpy_shape(self.extent)}, {text}{write.dtype})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """The number; with the matrix of ones where its shape matters."""
        return write.constant(self.value, self.extent)


@dataclass(frozen=True)
class Eye(_Leaf):
    """The identity matrix."""

    size: Size
    name = "eye"

    def shape(self, *operands: Array) -> Shape:
        """``(n, n)``."""
        return (self.size, self.size)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``I[i, j] = [i = j]``."""
        return Delta(at[0], at[1])

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.eye(n)``."""
        return f"np.eye({self.size}{write.dtype})", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """I with its size."""
        return f"I_{{{write.number(self.size)[0]}}}", write.ATOM


@dataclass(frozen=True)
class Elementwise(Operation):
    """A scalar function of arrays of one shape, entry by entry; ``exponent`` belongs to ``power`` alone."""

    function: str
    exponent: Fraction | None = None

    @property
    def scalar(self) -> ScalarFunction:
        """The line of the table."""
        return FUNCTIONS[self.function]

    @property
    def name(self) -> str:  # type: ignore[override]  # the function's own name
        """The function's name."""
        return self.function

    @property
    def rule(self) -> str:
        """The statement of the pullback."""
        return self.scalar.statement

    @property
    def moves(self) -> bool:  # type: ignore[override]  # of one function
        """True for a choice."""
        return self.function == "where"

    def shape(self, *operands: Array) -> Shape:
        """The shape that all operands have."""
        return operands[0].shape

    def kind(self, *operands: Array) -> str:
        """``bool`` for comparisons, and for what keeps masks masks; ``int`` for what keeps numbers whole."""
        values = operands[1:] if self.function == "where" else operands
        if self.function in ("multiply", "maximum", "minimum", "where") and all(a.kind == "bool" for a in values):
            return "bool"
        whole = self.function in KEEP_WHOLE and any(a.kind == "int" for a in values) and all(map(is_whole, values))
        return "int" if whole else self.scalar.kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, j] = f(A[i, j], ...)``."""
        return self.scalar.meaning(*[entry(*at) for entry in entries])

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """The table's."""
        return self.scalar.pullback(result, grad, *operands)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Where the function is smooth."""
        if not self.scalar.smooth or not any(a.names() or _of_sizes(a) for a in node.operands):
            return ()
        floats = [a for a in node.operands if a.kind == "float" and a.names()]
        if self.scalar.kind == "bool" and not floats:  # whole numbers and masks have no neighbours
            return ()
        if (
            len(node.operands) == 2
            and node.operands[0] is node.operands[1]
            and "≠" in self.scalar.smooth
            and self.function != "divide"
        ):
            return ()
        if self.function == "divide" and not node.operands[1].names():  # by a number, or by a size
            divisor = node.operands[1].op
            return (
                not_empty([divisor.value]) if isinstance(divisor, Constant) and isinstance(divisor.value, Size) else ()
            )
        if self.scalar.smooth.endswith(" 0"):
            sizes = _positive_if(node.operands[int(self.scalar.smooth[1])])
            if sizes is not None:
                return sizes
        return (self.scalar.smooth.format(*map(_plainly, node.operands)),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """By the template of the table; a sum divided by the number of its terms is a mean."""
        return write.mean(node) or write.template(self.scalar.numpy, self.scalar.binds, node)

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """By the template of the table."""
        return write.template(self.scalar.math, self.scalar.binds, node)


def _positive_if(array: Array) -> tuple[str, ...] | None:
    from derive.arrays.signs import positive_if

    return positive_if(array)


def is_whole(array: Array) -> bool:
    """True for whole numbers, and masks, which are 0 and 1."""
    value = array.op.value if isinstance(array.op, Constant) else None
    return array.kind != "float" or isinstance(value, Size) or (isinstance(value, Fraction) and value.denominator == 1)


def _of_sizes(array: Array) -> bool:
    return any(isinstance(node.op, Constant) and isinstance(node.op.value, Size) for node in array.walk())


def _plainly(array: Array) -> str:
    """An operand as a condition names it: without its copies."""
    while isinstance(array.op, Broadcast):
        (array,) = array.operands
    return str(array.op.value) if isinstance(array.op, Constant) else str(array)


@dataclass(frozen=True)
class PowerOf(Operation):
    """Every entry to a constant rational power."""

    exponent: Fraction
    name = "power"

    def shape(self, *operands: Array) -> Shape:
        """The operand's."""
        return operands[0].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, j] = A[i, j] ** p``."""
        return Power(entries[0](*at), self.exponent)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A^p  =>  dA = p G ∘ A^(p-1)"""
        (base,) = operands
        return (self.exponent * grad * base ** (self.exponent - 1),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Broken powers want a positive base, negative ones a base that is not 0."""
        if self.exponent.denominator == 1 and self.exponent > 0:
            return ()
        sizes = _positive_if(node.operands[0])
        if sizes is not None:
            return sizes
        return (f"{node.operands[0]} {'≠' if self.exponent.denominator == 1 else '>'} 0",)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A ** p``."""
        exponent, binds = write.number(self.exponent)
        exponent = exponent if binds == write.ATOM else f"({exponent})"
        return f"{write(node.operands[0], write.POWER + 1)} ** {exponent}", write.POWER

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A Hadamard power, or a power of a scalar."""
        circle = r"\odot " if node.shape else ""
        return f"{write(node.operands[0], write.POWER + 1)}^{{{circle}{self.exponent}}}", write.POWER


@dataclass(frozen=True)
class Broadcast(Operation):
    """Copies along new axes: axis k of the operand becomes axis ``axes[k]``; an axis of literal size 1 is stretched."""

    extent: Shape
    axes: tuple[int, ...]
    name = "broadcast"
    moves = True

    def shape(self, *operands: Array) -> Shape:
        """As given."""
        return self.extent

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, j] = b[j]``."""
        places = [
            Position.of(0) if size == ONE else at[axis] for axis, size in zip(self.axes, operands[0].shape, strict=True)
        ]
        return entries[0](*places)

    @property
    def new_axes(self) -> tuple[int, ...]:
        """The axes of the result that are not an axis of the operand."""
        return tuple(axis for axis in range(len(self.extent)) if axis not in self.axes)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = 1 b (copies of b)  =>  db = 1ᵀ G (summed over the copies)"""
        (operand,) = operands
        stretched = tuple(
            a for a, s in zip(self.axes, operand.shape, strict=True) if s == ONE and self.extent[a] != ONE
        )
        summed = grad.sum(axis=self.new_axes + stretched)
        if not stretched:
            return (summed,)
        kept = tuple(k for k, a in enumerate(self.axes) if a not in stretched)
        return (apply(Broadcast(operand.shape, kept), summed),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.broadcast_to(b, (n, d))``; inside an elementwise formula just ``b``."""
        return write.numpy_broadcast(node)

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A column of ones times a row, or what each row has in common."""
        return write.copies(node)


@dataclass(frozen=True)
class Sum(Operation):
    """The sum over some axes."""

    axes: tuple[int, ...]
    name = "sum"

    def shape(self, *operands: Array) -> Shape:
        """The operand's without the axes."""
        return tuple(size for axis, size in enumerate(operands[0].shape) if axis not in self.axes)

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[j] = sum_i A[i, j]``."""
        summed = {axis: Index(operands[0].shape[axis]) for axis in self.axes}
        rest = iter(at)
        places = [summed[axis] if axis in summed else next(rest) for axis in range(operands[0].ndim)]
        return total(entries[0](*places), *summed.values())

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = sum of A over axes  =>  dA = copies of G along those axes"""
        (operand,) = operands
        kept = tuple(axis for axis in range(operand.ndim) if axis not in self.axes)
        return (apply(Broadcast(operand.shape, kept), grad),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A.sum(axis=0)``; over windows by slices."""
        from derive.arrays.pooling import window_sum_text

        return window_sum_text(write, node) or write.reduced(node)

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A row of ones times a matrix."""
        return write.sum(node, self.axes)


@dataclass(frozen=True)
class Matmul(Operation):
    """The matrix product over the last two axes; leading axes are equal."""

    name = "matmul"
    source = "Giles 2008, 2.2.2"

    def shape(self, *operands: Array) -> Shape:
        """``(.., n, k) @ (.., k, m) -> (.., n, m)``."""
        left, right = operands
        return (*left.shape[:-1], right.shape[-1])

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, j] = sum_k A[i, k] B[k, j]``."""
        *leading, i, j = at
        k = Index(operands[0].shape[-1])
        return total(entries[0](*leading, i, k) * entries[1](*leading, k, j), k)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A B  =>  dA = G Bᵀ, dB = Aᵀ G"""
        left, right = operands
        return grad @ right.swapaxes(-1, -2), left.swapaxes(-1, -2) @ grad

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``A @ B``; a column times a row runs several times faster as ``a * b``."""
        left, right = write.factors(*node.operands)
        if write.quick and left.shape[-1] == ONE:
            return f"{write(left, write.TIMES)} * {write(right, write.TIMES + 1)}", write.TIMES
        return f"{write(left, write.TIMES)} @ {write(right, write.TIMES + 1)}", write.TIMES

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``A B``."""
        return write.matmul(*node.operands)


_PRODUCTS = ("a,a->", "ab,b->a", "a,ab->b", "ab,a->b", "a,ba->b")  # written with @, the last with its factors swapped
_CALLS = {"a,b->ab": "np.outer", "aa->": "np.trace"}


@dataclass(frozen=True)
class Einsum(Operation):
    """The contraction of some arrays: ``einsum("ij,jk->ik", A, B)``; labels not in the result are summed."""

    inputs: tuple[str, ...]
    output: str
    name = "einsum"

    @property
    def spec(self) -> str:
        """The subscripts as NumPy takes them."""
        return f"{','.join(self.inputs)}->{self.output}"

    def _sizes(self, operands: tuple[Array, ...]) -> dict[str, Size]:
        return {
            c: s
            for letters, a in zip(self.inputs, operands, strict=True)
            for c, s in zip(letters, a.shape, strict=True)
        }

    def shape(self, *operands: Array) -> Shape:
        """The sizes of the output labels."""
        return tuple(map(self._sizes(operands).__getitem__, self.output))

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[i, k] = sum_j A[i, j] B[j, k]``."""
        sizes = self._sizes(operands)
        summed = {letter: Index(size) for letter, size in sizes.items() if letter not in self.output}
        places = {**{c: Position.of(i) for c, i in summed.items()}, **dict(zip(self.output, at, strict=True))}
        factors = [entry(*[places[c] for c in letters]) for letters, entry in zip(self.inputs, entries, strict=True)]
        return total(product(factors), *summed.values())

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = contraction of A, B, ..  =>  dA = contraction of G with the others, to A's labels"""
        from derive.arrays import products

        sizes = self._sizes(operands)
        adjoints = []
        for k, letters in enumerate(self.inputs):
            others = [(other, a) for j, (other, a) in enumerate(zip(self.inputs, operands, strict=True)) if j != k]
            terms = [(self.output, grad), *others]
            if max(map(len, self.inputs)) > 2:  # so np.tensordot copies images row by row: several times faster
                terms = [*others, (self.output, grad)]
            wanted = ""
            for place, letter in enumerate(letters):  # a repeated label is a diagonal: pull it apart with I
                if letter in letters[:place]:
                    fresh = next(c for c in "zyxwvutsrq" if c not in "".join(self.inputs) + wanted)
                    terms.append((letter + fresh, apply(Eye(sizes[letter]))))
                    wanted += fresh
                else:
                    if not any(letter in other for other, _ in terms):  # summed alone: the same for all its entries
                        terms.append((letter, apply(Constant(Fraction(1), (sizes[letter],)))))
                    wanted += letter
            adjoints.append(products.contract(terms, wanted))
        return tuple(adjoints)

    @property
    def pattern(self) -> str:
        """The subscripts with letters in order of first appearance."""
        order = {letter: chr(ord("a") + k) for k, letter in enumerate(dict.fromkeys("".join(self.inputs)))}
        return "".join(order.get(c, c) for c in self.spec)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.einsum("ij,jk->ik", A, B)``, or the plain product that it is."""
        texts = [write(operand, 0) for operand in node.operands]
        if write.leading and (behind := call_behind(self.inputs, self.output, node.operands, write.quick)):
            return behind.format(*texts), write.ATOM
        if self.pattern in _PRODUCTS:
            left, right = node.operands[::-1] if self.pattern == _PRODUCTS[-1] else node.operands
            before = f"{write(left, write.ATOM)}.T" if self.pattern == "ab,a->b" else write(left, write.TIMES)
            return f"{before} @ {write(right, write.TIMES + 1)}", write.TIMES
        if self.pattern in _CALLS:
            return f"{_CALLS[self.pattern]}({', '.join(texts)})", write.ATOM
        if write.quick and (quick := call_of(self.inputs, self.output)):
            return quick.format(*texts), write.ATOM
        pairwise = ", optimize=True" if write.quick and len(node.operands) > 2 else ""
        return f'np.einsum("{self.spec}", {", ".join(texts)}{pairwise})', write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """A trace, products of matrices and vectors, or a sum over indices."""
        return write.einsum(node)
