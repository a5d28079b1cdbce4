"""Scalar SymPy expressions in: formulas of numbers, traces and entries, and the bodies of mapped functions.

An expression is read as a cell, an array with one label an axis: the bound variable of a mapped function has the two
labels of its matrix, an entry ``A[i, j]`` under SymPy's ``Sum`` has its indices.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

import sympy
from sympy.core.function import Application
from sympy.matrices.expressions.matexpr import MatrixElement

from derive.arrays import build, indexing, linalg, products
from derive.arrays.array import Array, apply
from derive.arrays.functions import FUNCTIONS
from derive.arrays.matrices import Solve
from derive.arrays.moves import Reshape, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Matmul, PowerOf
from derive.arrays.shapes import write_shape
from derive.arrays.sympy_functions import recognise
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Size

if TYPE_CHECKING:
    from derive.arrays.sympy_in import Reader

Cell = tuple[tuple[Any, ...], Array]  # the label of each axis, and the array
Bound = Mapping[Any, Cell | Size]  # variables of mapped functions as cells, indices of sums with their sizes

MATRICES = (
    "+ - *, .T, applyfunc, HadamardProduct, HadamardPower, OneMatrix, ZeroMatrix, Identity, Trace,"
    " Inverse, Determinant, whole powers, slices and [0, 0]"
)
SCALARS = (
    "numbers, sizes, inputs, + - * / **, Trace, Determinant, [0, 0] of a 1x1 result, Piecewise, Max, Min, Abs, sign,"
    " exp, log, sqrt, tanh, sin, cos"
)
EXPLICIT = "a MatrixSymbol among the inputs, or OneMatrix, ZeroMatrix and Identity"
INSTEAD = {
    "ImmutableDenseMatrix": EXPLICIT,
    "MutableDenseMatrix": EXPLICIT,
    "Derivative": "the forward formula itself; its derivatives are found from it",
    "DotProduct": "Trace(a.T*b)",
    "BlockMatrix": "a MatrixSymbol for each block",
    "KroneckerProduct": "a NumPy-style function with np.einsum",
    "DiagMatrix": "HadamardProduct with OneMatrix(n, 1)*v.T in place of a product with a diagonal matrix",
    "Heaviside": "Heaviside(x, 0), which is 0 at 0",
}
RELATIONS = {sympy.StrictGreaterThan: "greater", sympy.StrictLessThan: "less", sympy.GreaterThan: "greater_equal",
             sympy.LessThan: "less_equal", sympy.Equality: "equal", sympy.Unequality: "not_equal"}  # fmt: skip


def outside(e: Any, language: str) -> DeriveError:
    """The error for a node that the language lacks."""
    kind = type(e).__name__
    return DeriveError(
        f"{kind}: {e} is outside the language",
        f"the language has {language}",
        callers_place(),
        INSTEAD.get(kind, "writing it with these, or a NumPy-style function"),
    )


class Scalars:
    """The walk over scalar expressions; the reader knows the inputs, the sizes and the matrices."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def read(self, e: Any, bound: Bound) -> Cell:
        """A scalar expression as a cell."""
        known = bound.get(e)
        if isinstance(known, Size):
            raise DeriveError(f"the index {e} as a number", "indices only as places of entries", callers_place())
        if known is not None:
            return known
        if e.is_Symbol and (e.name in self.reader.symbols or e.name not in self.reader.sizes):
            return (), self.reader.input(e)
        if self._is_size(e, bound):
            return (), build.constant(self.reader.size(e, str(e)))
        if e.is_Number or e in (sympy.pi, sympy.E):
            return (), _number(e)
        if e.is_Matrix or (e.is_Function and any(getattr(part, "is_Matrix", False) for part in e.args)):
            what = f"{type(e).__name__} of a matrix, {e}" if e.is_Function else f"the matrix {e}"
            raise DeriveError(
                f"{what}, where a scalar belongs",
                "a scalar was wanted",
                callers_place(),
                "A.applyfunc(f) for a function of each entry, or Trace(A), or A[0, 0]",
            )
        if isinstance(e, sympy.log) and isinstance(
            inside := e.args[0].args[0] if isinstance(e.args[0], sympy.Abs) else e.args[0], sympy.Determinant
        ):
            return (), linalg.slogdet(self.reader.matrix(inside.arg)).logabsdet
        function, arguments = recognise(e)
        if function:
            return self._fold(function, [self.read(a, bound) for a in arguments])
        if e.is_Add:
            return self._fold("add", [self.read(part, bound) for part in e.args])
        if e.is_Mul:
            return self._product(e, bound)
        if e.is_Pow:
            return self._power(e, bound)
        match e:
            case sympy.Trace():
                array = self.reader.matrix(e.arg)
                return (), squeeze(squeeze(array, 1), 0) if array.shape == (ONE, ONE) else products.trace(array)
            case sympy.Determinant():
                return (), linalg.det(self.reader.matrix(e.arg))
            case MatrixElement():
                return self._entry(e, bound)
            case sympy.Sum():
                return self._sum(e, bound)
            case sympy.Piecewise():
                return self._piecewise(e, bound)
            case sympy.Heaviside() if e.args[1:] == (0,):
                return self._fold("greater", [self.read(e.args[0], bound), ((), build.constant(0))])
        raise outside(e, SCALARS)

    def _is_size(self, e: Any, bound: Bound) -> bool:
        """True for n, 4*k, n+1: then it is one number."""
        names = [symbol.name for symbol in e.free_symbols if symbol.is_Symbol and symbol not in bound]
        known = names and len(names) == len(e.free_symbols) and all(label in self.reader.sizes for label in names)
        return bool(known and e.is_polynomial() and all(number.is_Integer for number in e.atoms(sympy.Number)))

    def _fold(self, function: str, cells: Sequence[Cell]) -> Cell:
        """A function of the table; one of two arguments is folded over any number of cells."""

        def plainly(*arrays: Array) -> Array:
            return build.elementwise(function, *arrays)

        if len(cells) == FUNCTIONS[function].arity:
            return self._map(plainly, cells)
        return reduce(lambda a, b: self._map(plainly, [a, b]), cells)

    @staticmethod
    def _map(function: Callable[..., Array], cells: Sequence[Cell]) -> Cell:
        """A function of cells, entry by entry, with copies along the labels that a cell lacks."""
        sizes = {label: size for labels, array in cells for label, size in zip(labels, array.shape, strict=True)}
        labels = tuple(sizes)
        return labels, function(*[_aligned(cell, labels, sizes) for cell in cells])

    def _product(self, e: Any, bound: Bound) -> Cell:
        applied = [part for part in e.args if part.has(Application)]
        numbers = [part for part in e.args if part.is_Rational and abs(part) != 1]
        for some in itertools.chain(itertools.combinations(applied, 2), itertools.product(numbers, applied)):
            found = sympy.Mul(*some)
            if recognise(found)[0]:  # exp(x) / (1 + exp(x)), or (1 + erf(x)) / 2, among other factors
                others = [part for part in e.args if part not in some]
                return self._times([self.read(part, bound) for part in [*others, found]])
        below = [part for part in e.args if _is_below(part)]
        above = self._times([self.read(part, bound) for part in e.args if part not in below])
        if not below:
            return above
        return self._fold("divide", [above, self._times([self.read(1 / part, bound) for part in below])])

    def _times(self, cells: Sequence[Cell]) -> Cell:
        return reduce(lambda a, b: self._fold("multiply", [a, b]), cells) if cells else ((), build.constant(1))

    def _power(self, e: Any, bound: Bound) -> Cell:
        if not e.exp.is_Number:
            return self._map(build.power, [self.read(e.base, bound), self.read(e.exp, bound)])
        exponent = e.exp
        if exponent == sympy.S.Half and (matrix := _squared(e.base)) is not None:
            return (), linalg.norm(self.reader.matrix(matrix))
        if exponent.is_negative and recognise(1 / e.base)[0]:
            labels, base = self.read(1 / e.base, bound)
            exponent = -exponent
        elif exponent == -1:
            return self._fold("divide", [((), build.constant(1)), self.read(e.base, bound)])
        else:
            labels, base = self.read(e.base, bound)
        return labels, build.power(base, _number(exponent))

    def _piecewise(self, e: Any, bound: Bound) -> Cell:
        *cases, (last, otherwise) = e.args
        if otherwise != sympy.true or any(type(condition) not in RELATIONS for _, condition in cases):
            raise DeriveError(
                f"Piecewise: {e}",
                "single comparisons, and True last, were wanted",
                callers_place(),
                "Piecewise((a, x > 0), (b, True))",
            )
        result = self.read(last, bound)
        for value, condition in reversed(cases):
            test = self._fold(RELATIONS[type(condition)], [self.read(side, bound) for side in condition.args])
            result = self._map(lambda *x: build.elementwise("where", *x), [test, self.read(value, bound), result])
        return result

    # ---- entries, and sums of entries, as SymPy writes [0, 0] of a product

    def _entry(self, e: Any, bound: Bound) -> Cell:
        array = self.reader.matrix(e.parent)
        labels = tuple(place for place in e.indices if isinstance(bound.get(place), Size))
        for place, size in zip(e.indices, array.shape, strict=True):
            if place in labels and bound[place] != size:
                raise DeriveError(
                    f"{e}: {e.parent} is {write_shape(array.shape)} but {place} runs over {bound[place]}",
                    f"the sizes {size} and {bound[place]} differ",
                    callers_place(),
                    "shapes that fit; SymPy does not check the factors of a product",
                )
        if not labels and array.shape == (ONE, ONE) and e.indices == (0, 0):
            return (), squeeze(squeeze(array, 1), 0)
        if len(labels) < 2:
            fixed = [slice(None) if place in labels else self.reader.size(place, str(e)) for place in e.indices]
            ones = [axis for axis, size in enumerate(array.shape) if size == ONE and e.indices[axis] == 0]
            return labels, squeeze(array, ones[0]) if labels and ones else indexing.index(array, tuple(fixed))
        return (labels[:1], products.contract([("ii", array)], "i")) if labels[0] == labels[1] else (labels, array)

    def _sum(self, e: Any, bound: Bound) -> Cell:
        inner = dict(bound)
        for index, low, high in e.limits:
            if low != 0:
                raise DeriveError(
                    f"Sum: {index} from {low}",
                    "a sum from 0 was wanted",
                    callers_place(),
                    "OneMatrix(1, n)*A*OneMatrix(m, 1), or Trace",
                )
            inner[index] = self.reader.size(high + 1, str(e))
        cells = [self.read(part, inner) for part in (e.function.args if e.function.is_Mul else (e.function,))]
        for index, _, _ in e.limits:
            group = [cell for cell in cells if index in cell[0]]
            cells = [cell for cell in cells if index not in cell[0]]
            cells.append(self._summed(group, index) if group else ((), build.constant(inner[index])))
        return self._times(cells)

    def _summed(self, group: list[Cell], index: Any) -> Cell:
        """The product of some cells, summed over a label that each has."""
        labels = tuple(dict.fromkeys(label for cell in group for label in cell[0]))
        kept = tuple(label for label in labels if label != index)
        if all(set(cell[0]) == set(labels) for cell in group):
            found, array = self._times(group)
            return tuple(label for label in found if label != index), array.sum(axis=found.index(index))
        letter = {label: chr(ord("a") + k) for k, label in enumerate(labels)}
        terms = [("".join(letter[label] for label in cell[0]), cell[1]) for cell in group]
        return kept, products.contract(terms, "".join(letter[label] for label in kept))


def _squared(e: Any) -> Any | None:
    """The A in ``Trace(A.T*A)``, or None."""
    factors: tuple[Any, ...] = e.arg.args if isinstance(e, sympy.Trace) and isinstance(e.arg, sympy.MatMul) else ()
    return factors[1] if len(factors) == 2 and factors[0] == sympy.Transpose(factors[1]) else None


def _is_below(part: Any) -> bool:
    """True for a factor that is written below the line."""
    return bool(part.is_Pow and part.exp.is_Rational and part.exp < 0 and not recognise(1 / part.base)[0])


def _aligned(cell: Cell, labels: tuple[Any, ...], sizes: Mapping[Any, Size]) -> Array:
    own, array = cell
    shape = tuple(sizes[label] for label in labels)
    if not own:
        return build.spread(array, shape)
    order = sorted(range(len(own)), key=lambda axis: labels.index(own[axis]))
    array = build.transpose(array, order)
    return array if array.shape == shape else apply(Broadcast(shape, tuple(labels.index(own[k]) for k in order)), array)


def _number(e: Any) -> Array:
    if e == sympy.E:
        return build.elementwise("exp", 1)
    if e == sympy.pi:
        return apply(Constant("pi"))
    if not e.is_finite:
        raise DeriveError(f"the number {e}", "a finite number was wanted", callers_place(), "Max, Min or Piecewise")
    return build.constant(Fraction(int(e.p), int(e.q)) if e.is_Rational else float(e))


def squeeze(array: Array, axis: int) -> Array:
    """The array without an axis of literal size 1, pushed inside as far as it goes."""
    op, operands = array.op, array.operands
    shape = array.shape[:axis] + array.shape[axis + 1 :]
    if isinstance(op, Constant):
        return apply(Constant(op.value, shape))
    if isinstance(op, Broadcast) and axis not in op.axes:
        axes = tuple(k - (k > axis) for k in op.axes)
        return operands[0] if operands[0].shape == shape else apply(Broadcast(shape, axes), *operands)
    if isinstance(op, Elementwise | PowerOf):
        return apply(op, *[squeeze(operand, axis) for operand in operands])
    if isinstance(op, Transpose) and array.ndim == 2:
        return squeeze(operands[0], 1 - axis)
    if isinstance(op, Solve) and axis == array.ndim - 1 == 1:
        return apply(op, operands[0], squeeze(operands[1], axis))
    if isinstance(op, Matmul) and array.ndim == 2:
        left, right = operands
        if axis == 0:
            return products.contract([("k", squeeze(left, 0)), ("kj", right)], "j")
        return products.contract([("ik", left), ("k", squeeze(right, 1))], "i")
    if isinstance(op, Einsum) and all(letters.count(op.output[axis]) <= 1 for letters in op.inputs):
        letter = op.output[axis]
        terms = [
            (letters.replace(letter, ""), squeeze(a, letters.index(letter)) if letter in letters else a)
            for letters, a in zip(op.inputs, operands, strict=True)
        ]
        return products.contract(terms, op.output.replace(letter, ""))
    return apply(Reshape(shape), array)
