"""SymPy matrix expressions in: ``X*W + OneMatrix(n, 1)*b`` read into the array language.

SymPy accepts clashing shapes silently, so every shape is checked here.  Scalar expressions are read as cells: an array
with one label an axis, so that the entries and sums that SymPy writes with indices are read like everything else.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice

from derive.arrays import build
from derive.arrays.array import Array, apply, name
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf, Reshape, Transpose
from derive.arrays.shapes import FLOAT, Kind, Shape, check_name, declare, write_shape
from derive.arrays.sympy_functions import recognise
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Size

Cell = tuple[tuple[Any, ...], Array]  # the label of each axis, and the array

MAX_POWER = 64  # a power of a matrix is written out as products

LANGUAGE = "+ - *, .T, applyfunc, HadamardProduct, HadamardPower, OneMatrix, ZeroMatrix, Identity, Trace, whole powers, slices"
SCALARS = "numbers, sizes, inputs, + - * / **, Trace, [0, 0] of a 1x1 result, Sum of entries, Piecewise, exp, log, tanh and kin"

INSTEAD = {
    "Inverse": "HadamardPower(A, -1) if the reciprocal of each entry is meant",
    "ImmutableDenseMatrix": "a MatrixSymbol among the inputs, or OneMatrix, ZeroMatrix and Identity",
    "MutableDenseMatrix": "a MatrixSymbol among the inputs, or OneMatrix, ZeroMatrix and Identity",
    "Derivative": "the forward formula itself; the derivatives are found from it",
    "DotProduct": "Trace(a.T*b)",
    "BlockMatrix": "separate MatrixSymbols, one for each block",
    "KroneckerProduct": "a NumPy-style function with np.einsum",
    "DiagMatrix": "HadamardProduct(OneMatrix(n, 1)*v.T, A) in place of A times a diagonal matrix",
    "Heaviside": "Heaviside(x, 0), which is 0 at 0",
}

RELATIONS = {sympy.StrictGreaterThan: "greater", sympy.StrictLessThan: "less", sympy.GreaterThan: "greater_equal",
             sympy.LessThan: "less_equal", sympy.Equality: "equal", sympy.Unequality: "not_equal"}  # fmt: skip


def read(expression: Any, inputs: Sequence[Any], shapes: Mapping[str, str] | None = None) -> tuple[dict[str, Array], Array]:
    """The declared inputs as named arrays, in order, and the expression as an array; DeriveError where it cannot be read."""
    if not isinstance(expression, sympy.Expr) or expression.is_Matrix and not isinstance(expression, sympy.MatrixExpr):
        if type(expression).__name__ in INSTEAD:
            raise _outside(expression, LANGUAGE)
        raise DeriveError(f"an output of type {type(expression).__name__}: {expression}", "a SymPy expression was wanted",
                          callers_place(), "an expression such as X*W + OneMatrix(n, 1)*b")
    reader = _Reader(inputs, shapes or {})
    array = reader.matrix(expression) if expression.is_Matrix else reader.scalar(expression, {})[1]
    for label in reader.arrays:
        if label not in reader.used:
            raise DeriveError(f"the input {label} does not occur in {expression}", "every input is used", callers_place(),
                              f"leaving {label} out of inputs, if SymPy has not cancelled it by mistake")
    return reader.arrays, array


class _Reader:
    """The inputs as arrays, and the walk over an expression."""

    def __init__(self, inputs: Sequence[Any], shapes: Mapping[str, str]) -> None:
        if not isinstance(inputs, Sequence) or isinstance(inputs, str):
            raise DeriveError(f"inputs of type {type(inputs).__name__}", "a list of MatrixSymbols and Symbols was wanted",
                              callers_place(), "inputs=[X, W, b]")
        self.arrays: dict[str, Array] = {}
        self.symbols: dict[str, Any] = {}  # of inputs
        self.sizes: dict[str, Any] = {}  # the symbols of sizes
        self.views: dict[str, Array] = {}  # inputs with the rank that SymPy gives them
        self.used: set[str] = set()
        for symbol in inputs:
            self._declare(symbol, shapes)
        for label in shapes:
            if label not in self.symbols:
                raise DeriveError(f"a shape for {label!r}, which is no input", f"one of {', '.join(self.symbols)}", callers_place())
        for label in self.symbols:
            if label in self.sizes:
                raise DeriveError(f"{label} is an input and a size", "one name for one thing", callers_place(),
                                  f'another name for the input, such as "{label}_"')

    def _declare(self, symbol: Any, shapes: Mapping[str, str]) -> None:
        if not isinstance(symbol, sympy.MatrixSymbol | sympy.Symbol):
            raise DeriveError(f"the input {symbol} of type {type(symbol).__name__}", "a MatrixSymbol or a Symbol was wanted",
                              callers_place(), 'MatrixSymbol("X", n, d)')
        label = symbol.name
        check_name(label, "an input", callers_place())
        if label in self.symbols:
            raise DeriveError(f"the input {label} is declared twice", "every input once", callers_place(), "another name")
        self.symbols[label] = symbol
        view: Shape = ()
        if isinstance(symbol, sympy.MatrixSymbol):
            for size in sorted(set().union(*(part.free_symbols for part in symbol.shape)), key=str):
                check_name(size.name, "a size", callers_place())
                self._same(size, self.sizes.setdefault(size.name, size))
            view = tuple(self.size(part, f"the shape of {label}") for part in symbol.shape)
        shape, kind = view, Kind("positive") if symbol.is_positive else FLOAT
        if label in shapes:
            declared = declare(shapes[label], callers_place())
            shape, kind = declared.shape, kind if declared.kind == FLOAT else declared.kind
        if [size for size in shape if size != ONE] != [size for size in view if size != ONE] or len(shape) > len(view):
            raise DeriveError(f"the shape {shapes[label]!r} for {label}, which is {write_shape(view)} in SymPy",
                              "the same sizes, with a 1 left out at most", callers_place(),
                              f'"{" ".join(str(s).replace(" ", "") for s in view if s != ONE)}"')
        array = self.arrays[label] = name(label, shape, kind.name)
        if shape != view:
            kept = [axis for axis, size in enumerate(view) if size != ONE] or [0]
            array = apply(Broadcast(view, tuple(kept[: len(shape)])), array)
        self.views[label] = array

    def _same(self, symbol: Any, known: Any) -> None:
        if symbol != known:
            raise DeriveError(f"two different symbols are named {symbol.name}", "one symbol for one name", callers_place(),
                              f"making {symbol.name} once, with the same assumptions and shape everywhere")

    def size(self, expression: Any, what: str) -> Size:
        """A polynomial in the sizes of the inputs as a size."""
        expression = sympy.sympify(expression)
        if isinstance(expression, sympy.Integer):
            return Size.of(int(expression))
        if isinstance(expression, sympy.Symbol) and expression.name in self.sizes:
            self._same(expression, self.sizes[expression.name])
            return Size.of(expression.name)
        if isinstance(expression, sympy.Add):
            return reduce(Size.__add__, [self.size(part, what) for part in expression.args])
        if isinstance(expression, sympy.Mul):
            return reduce(Size.__mul__, [self.size(part, what) for part in expression.args])
        if isinstance(expression, sympy.Pow) and expression.exp.is_Integer and 0 < expression.exp <= MAX_POWER:
            return reduce(Size.__mul__, [self.size(expression.base, what)] * int(expression.exp))
        if isinstance(expression, sympy.Symbol):
            raise DeriveError(f"the size {expression} in {what}", "a size of one of the inputs", callers_place(),
                              f"an input that has {expression} in its shape")
        raise DeriveError(f"the size {expression} in {what}", "whole numbers and symbols with + - * were wanted", callers_place(),
                          "a size such as n, 4*k or n+1")

    # ---- matrices

    def matrix(self, e: Any) -> Array:
        """A matrix expression as an array of rank 2."""
        kind = type(e)
        if kind is sympy.MatrixSymbol:
            return self._input(e)
        if kind is sympy.MatMul:
            scalar, factors = e.as_coeff_matrices()
            product = _chain([self.matrix(factor) for factor in factors])
            return product if scalar == 1 else self.scalar(scalar, {})[1] * product
        if kind in (sympy.MatAdd, HadamardProduct):
            function = "add" if kind is sympy.MatAdd else "multiply"
            parts = [self.matrix(part) for part in e.args]
            for part, text in zip(parts, e.args, strict=True):
                _check_same(function, parts[0], e.args[0], part, text)
            return reduce(lambda a, b: build.elementwise(function, a, b), parts)
        if kind is sympy.Transpose:
            return self.matrix(e.arg).T
        if kind is HadamardPower:
            base, exponent = (self.matrix(a) if a.is_Matrix else self.scalar(a, {})[1] for a in (e.base, e.exp))
            if base.shape and exponent.shape:
                _check_same("power", base, e.base, exponent, e.exp)
            return build.power(base, exponent)
        if isinstance(e, sympy.matrices.expressions.applyfunc.ElementwiseApplyFunction):
            argument, bound = self.matrix(e.expr), sympy.Dummy("x")
            return build.spread(self.scalar(e.function(bound), {bound: (("row", "column"), argument)})[1], argument.shape)
        if kind in (sympy.OneMatrix, sympy.ZeroMatrix):
            return apply(Constant(Fraction(int(kind is sympy.OneMatrix)), tuple(self.size(s, kind.__name__) for s in e.shape)))
        if kind is sympy.Identity:
            return apply(Eye(self.size(e.shape[0], "Identity")))
        if kind is sympy.MatPow:
            return self._matrix_power(e)
        if kind is MatrixSlice and e.rowslice[2] == e.colslice[2] == 1:
            bounds = [[self.size(end, str(e)) for end in axis[:2]] for axis in (e.rowslice, e.colslice)]
            return build.index(self.matrix(e.parent), tuple(slice(begin, end) for begin, end in bounds))
        raise _outside(e, LANGUAGE)

    def _input(self, e: Any) -> Array:
        if e.name not in self.symbols:
            raise DeriveError(f"{e.name} is not among the inputs", f"one of {', '.join(self.symbols)}", callers_place(),
                              f"adding {e.name} to inputs")
        self._same(e, self.symbols[e.name])
        self.used.add(e.name)
        return self.views[e.name]

    def _matrix_power(self, e: Any) -> Array:
        if not (e.exp.is_Integer and 0 <= e.exp <= MAX_POWER):
            raise DeriveError(f"MatPow: {e}", f"a whole exponent from 0 to {MAX_POWER} was wanted", callers_place(),
                              "HadamardPower(A, p) for a power of each entry")
        base = self.matrix(e.base)
        if e.exp == 0:
            build.trace(base)  # checks that it is square
            return apply(Eye(base.shape[0]))
        return reduce(build.matmul, [base] * int(e.exp))

    # ---- scalars

    def scalar(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        """A scalar expression as a cell; ``bound`` gives the bound variables of functions and the indices of sums."""
        known = bound.get(e)
        if known is not None:
            if isinstance(known, Size):
                raise DeriveError(f"the index {e} used as a number", "indices only as places of entries", callers_place())
            return known
        if e.is_Symbol:
            return (), self._input(e) if e.name in self.symbols or e.name not in self.sizes else build.constant(self.size(e, ""))
        if e.is_Number or e in (sympy.pi, sympy.E):
            return (), _number(e)
        if e.free_symbols and e.is_polynomial() and all(s in self.sizes.values() for s in e.free_symbols):
            if not e.atoms(sympy.Rational) - e.atoms(sympy.Integer):
                return (), build.constant(self.size(e, str(e)))
        function, arguments = recognise(e)
        if function:
            return self._map(lambda *a: build.elementwise(function, *a), [self.scalar(a, bound) for a in arguments])
        if e.is_Add:
            return self._fold("add", [self.scalar(part, bound) for part in e.args])
        if e.is_Mul:
            return self._quotient(e, bound)
        if e.is_Pow:
            return self._power(e, bound)
        if isinstance(e, sympy.Trace):
            array = self.matrix(e.arg)
            return (), squeeze(squeeze(array, 1), 0) if array.shape == (ONE, ONE) else build.trace(array)
        if isinstance(e, MatrixElement):
            return self._entry(e, bound)
        if isinstance(e, sympy.Sum):
            return self._sum(e, bound)
        if isinstance(e, sympy.Piecewise):
            return self._piecewise(e, bound)
        if isinstance(e, sympy.Heaviside) and e.args[1:] == (0,):
            return self._fold("greater", [self.scalar(e.args[0], bound), ((), build.constant(0))])
        if e.is_Matrix or any(argument.is_Matrix for argument in e.args):
            raise DeriveError(f"{type(e).__name__} of a matrix: {e}", "a scalar was wanted", callers_place(),
                              f"A.applyfunc({type(e).__name__}) for a function of each entry, or Trace(A) or A[0, 0]")
        raise _outside(e, SCALARS)

    def _map(self, function: Callable[..., Array], cells: Sequence[Cell]) -> Cell:
        """A function of cells, entry by entry, with copies along the labels that a cell lacks."""
        sizes = {label: size for labels, array in cells for label, size in zip(labels, array.shape, strict=True)}
        labels = tuple(sizes)
        return labels, function(*[_aligned(cell, labels, sizes) for cell in cells])

    def _fold(self, function: str, cells: Sequence[Cell]) -> Cell:
        return reduce(lambda a, b: self._map(lambda x, y: build.elementwise(function, x, y), (a, b)), cells)

    def _quotient(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        for pair in itertools.combinations([part for part in e.args if part.has(sympy.Function)], 2):
            if recognise(sympy.Mul(*pair))[0]:  # exp(x) / (1 + exp(x)) among other factors
                rest = sympy.Mul(*[part for part in e.args if part not in pair])
                return self._fold("multiply", [self.scalar(rest, bound), self.scalar(sympy.Mul(*pair), bound)])
        below = [part for part in e.args if part.is_Pow and part.exp.is_Rational and part.exp < 0 and not recognise(1 / part.base)[0]]
        above = [self.scalar(part, bound) for part in e.args if part not in below]
        top = self._fold("multiply", above) if above else ((), build.constant(1))
        if not below:
            return top
        return self._fold("divide", [top, self._fold("multiply", [self.scalar(1 / part, bound) for part in below])])

    def _power(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        if not (e.exp.is_Number and e.exp.is_finite):
            return self._map(build.power, [self.scalar(e.base, bound), self.scalar(e.exp, bound)])
        exponent = _number(e.exp)
        if e.exp.is_negative and recognise(1 / e.base)[0]:
            base, exponent = self.scalar(1 / e.base, bound), _number(-e.exp)
        elif e.exp == -1:
            return self._fold("divide", [((), build.constant(1)), self.scalar(e.base, bound)])
        else:
            base = self.scalar(e.base, bound)
        return base[0], build.power(base[1], exponent)

    def _piecewise(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        *cases, (last, otherwise) = e.args
        if otherwise != sympy.true or any(type(condition) not in RELATIONS for _, condition in cases):
            raise DeriveError(f"Piecewise: {e}", "single comparisons, and True last, were wanted", callers_place(),
                              "Piecewise((a, x > 0), (b, True))")
        result = self.scalar(last, bound)
        for value, condition in reversed(cases):
            test = self._fold(RELATIONS[type(condition)], [self.scalar(side, bound) for side in condition.args])
            result = self._map(lambda *a: build.elementwise("where", *a), [test, self.scalar(value, bound), result])
        return result

    # ---- entries and sums, as SymPy writes them for [0, 0]

    def _entry(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        array = self.matrix(e.parent)
        labels: list[Any] = []
        for axis, place in reversed(list(enumerate(e.indices))):
            extent = bound.get(place)
            if isinstance(extent, Size):
                if extent != array.shape[axis]:
                    raise DeriveError(f"{e}: {place} runs over {extent} but {build.describe(array)}",
                                      f"the sizes {extent} and {array.shape[axis]} differ", callers_place(),
                                      "shapes that fit; SymPy does not check the factors of a product")
                labels.insert(0, place)
            elif array.shape[axis] == ONE and place == 0:
                array = squeeze(array, axis)
            else:
                fixed = self.size(place, str(e))
                array = build.index(array, (slice(None),) * axis + (fixed,))
        if len(labels) == 2 and labels[0] == labels[1]:
            return (labels[0],), build.contract([("ii", array)], "i")
        return tuple(labels), array

    def _sum(self, e: Any, bound: Mapping[Any, Cell | Size]) -> Cell:
        inner = dict(bound)
        for index, low, high in e.limits:
            if low != 0:
                raise DeriveError(f"Sum: {index} from {low}", "sums that begin at 0 were wanted", callers_place())
            inner[index] = self.size(high + 1, str(e))
        cells = [self.scalar(part, inner) for part in (e.function.args if e.function.is_Mul else (e.function,))]
        for index, _, _ in e.limits:
            group = [cell for cell in cells if index in cell[0]]
            cells = [cell for cell in cells if index not in cell[0]]
            cells.append(_summed(self, group, index) if group else ((), build.constant(inner[index])))
        return self._fold("multiply", cells)


def _summed(reader: _Reader, group: list[Cell], index: Any) -> Cell:
    """The product of some cells, summed over a label that each has."""
    labels = tuple(dict.fromkeys(label for cell in group for label in cell[0]))
    if all(set(cell[0]) == set(labels) for cell in group):
        labels, array = reader._fold("multiply", group)
        axis = labels.index(index)
        return labels[:axis] + labels[axis + 1 :], array.sum(axis=axis)
    letter = {label: chr(ord("a") + k) for k, label in enumerate(labels)}
    kept = tuple(label for label in labels if label != index)
    terms = [("".join(letter[label] for label in cell[0]), cell[1]) for cell in group]
    return kept, build.contract(terms, "".join(letter[label] for label in kept))


def _aligned(cell: Cell, labels: tuple[Any, ...], sizes: Mapping[Any, Size]) -> Array:
    own, array = cell
    shape = tuple(sizes[label] for label in labels)
    if not own:
        return build.spread(array, shape)
    order = sorted(range(len(own)), key=lambda axis: labels.index(own[axis]))
    array = build.transpose(array, order)
    axes = tuple(labels.index(own[axis]) for axis in order)
    return array if array.shape == shape else apply(Broadcast(shape, axes), array)


def _number(e: Any) -> Array:
    if e == sympy.E:
        return build.elementwise("exp", 1)
    if e == sympy.pi:
        return apply(Constant("pi"))
    if not e.is_finite:
        raise DeriveError(f"the number {e}", "a finite number was wanted", callers_place())
    return build.constant(Fraction(int(e.p), int(e.q)) if e.is_Rational else float(e))


def _outside(e: Any, language: str) -> DeriveError:
    kind = type(e).__name__
    return DeriveError(f"{kind}: {e} is outside the language", f"it has {language}", callers_place(),
                       INSTEAD.get(kind, "writing it with these, or a NumPy-style function"))


# ---- products

def _check_same(function: str, first: Array, first_text: Any, other: Array, text: Any) -> None:
    if first.shape == other.shape:
        return
    hint = f"{text}.T" if other.shape == first.shape[::-1] else ""
    if other.shape == (ONE, first.shape[1]):
        hint = f"OneMatrix({first.shape[0]}, 1)*{text} to copy the row"
    elif first.shape == (ONE, other.shape[1]):
        hint = f"OneMatrix({other.shape[0]}, 1)*{first_text} to copy the row"
    raise DeriveError(f"{function}: {first_text} is {write_shape(first.shape)} but {text} is {write_shape(other.shape)}",
                      "matrices of one shape were wanted", callers_place(), hint or "OneMatrix to copy a row or a column, or .T")


def _chain(factors: list[Array]) -> Array:
    """The product of matrices from the left; where a column meets a row, what is on either side comes first."""
    segments = [[factors[0]]]
    for left, right in itertools.pairwise(factors):
        if left.shape[1] == right.shape[0] == ONE:
            segments.append([right])
        else:
            segments[-1].append(right)
    return reduce(_outer, [reduce(build.matmul, segment) for segment in segments])


def _outer(left: Array, right: Array) -> Array:
    """A column times a row; copies where one of them is of ones."""
    shape = (left.shape[0], right.shape[1])
    for ones, other in ((left, right), (right, left)):
        if isinstance(ones.op, Constant) and ones.op.value == 1:
            return build.spread(other, shape)
    return build.matmul(left, right)


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
    if isinstance(op, Matmul) and array.ndim == 2:
        left, right = operands
        if axis == 0:
            return build.contract([("k", squeeze(left, 0)), ("kj", right)], "j")
        return build.contract([("ik", left), ("k", squeeze(right, 1))], "i")
    if isinstance(op, Einsum) and all(letters.count(op.output[axis]) <= 1 for letters in op.inputs):
        letter = op.output[axis]
        terms = [(letters.replace(letter, ""), squeeze(a, letters.index(letter)) if letter in letters else a)
                 for letters, a in zip(op.inputs, operands, strict=True)]
        return build.contract(terms, op.output.replace(letter, ""))
    return apply(Reshape(shape), array)
