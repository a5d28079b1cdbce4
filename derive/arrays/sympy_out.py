"""Arrays out: an expression of rank 0, 1 or 2 as a SymPy expression in which every part has the right shape.

A rank-1 array is a row or a column.  Elementwise formulas are written by their definitions, so a scalar function needs
nothing here; SymPy's names are used where it has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import Any

import sympy
from sympy.matrices.expressions.slice import MatrixSlice

from derive.arrays.array import Array
from derive.arrays.functions import ATOM, ScalarFunction
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Solve
from derive.arrays.moves import Reshape, Slice, Transpose
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf, Sum
from derive.arrays.rows import RowFunction
from derive.arrays.shapes import Shape, write_shape
from derive.arrays.size_text import SizeSyntaxError, read_size
from derive.arrays.sympy_matrices import (
    add,
    applied,
    contraction,
    flip,
    hadamard,
    matmul,
    only_entry,
    power,
    scale,
    total,
)
from derive.arrays.writing import uncopied
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Quotient, Size
from derive.index.terms import Apply, Entry, Number, Plus, Power, Term, Times

SPELLED = {"abs": sympy.Abs, "exp": sympy.exp, "log": sympy.log, "tanh": sympy.tanh, "sin": sympy.sin,
           "cos": sympy.cos, "erf": sympy.erf, "sign": sympy.sign}  # fmt: skip


def write(array: Array, symbols: Mapping[str, Any] | None = None, shape: Sequence[Any] | None = None) -> Any:
    """The array as a SymPy expression; DeriveError where it has no matrix form.

    ``symbols`` gives the MatrixSymbols and Symbols that stand for named arrays; others are made.  ``shape`` is the
    wanted SymPy shape: rank 1 is a row by default, a column for ``(m, 1)``; rank 0 a scalar, or 1x1 for ``(1, 1)``.
    """
    writer = _Writer(symbols or {})
    if shape is None:
        return writer.matrix(array) if array.shape else writer.scalar(array)
    wanted = tuple(writer.extent(s) if isinstance(s, Size) else sympy.sympify(s) for s in shape)
    if not wanted and not array.shape:
        return writer.scalar(array)
    result = writer.matrix(array)
    if array.ndim < 2 and result.shape != wanted:
        result = flip(result)
    if result.shape != wanted:
        raise DeriveError(
            f"the SymPy shape {wanted} for {array}, which is {write_shape(array.shape)}",
            "the same sizes were wanted, a row or a column for rank 1",
            callers_place(),
            f"shape={writer.shape(array)}",
        )
    return result


class _Writer:
    """The symbols of arrays and sizes, and the walk over an array."""

    def __init__(self, symbols: Mapping[str, Any]) -> None:
        self.symbols = symbols
        self.names: dict[str, Any] = {}  # the symbols of sizes
        self.extents: dict[Size, Any] = {}  # sizes as the user wrote them
        self.done: dict[tuple[Array, bool], Any] = {}
        shapes = [symbol.shape for symbol in symbols.values() if isinstance(symbol, sympy.MatrixSymbol)]
        for part in [part for shape in shapes for part in shape]:
            self.names.update({symbol.name: symbol for symbol in part.free_symbols})
            with suppress(SizeSyntaxError):  # a power: written in one way only
                self.extents[read_size(str(part))] = part

    def extent(self, size: Size) -> Any:
        """A size in SymPy."""
        if size not in self.extents:
            parts = []
            for monomial, c in size.terms:
                parts.append(c * sympy.Mul(*[self.factor(n) ** p for n, p in monomial]))
            self.extents[size] = sympy.Add(*parts)
        return self.extents[size]

    def factor(self, size_name: str) -> Any:
        """A name in a size, which may be a whole quotient."""
        if isinstance(size_name, Quotient):
            return sympy.floor(self.extent(size_name.over) / self.extent(size_name.by))
        return self.names.get(size_name, sympy.Symbol(size_name))

    def shape(self, array: Array, column: bool = False) -> tuple[Any, Any]:
        """The SymPy shape of an array."""
        sizes: Shape = (ONE,) * (2 - array.ndim) + array.shape
        rows, columns = (self.extent(size) for size in sizes)
        return (columns, rows) if column and array.ndim < 2 else (rows, columns)

    def number(self, value: Fraction | Size | str) -> Any:
        """A constant."""
        if isinstance(value, Size):
            return self.extent(value)
        return sympy.pi if isinstance(value, str) else sympy.Rational(value.numerator, value.denominator)

    # ---- rank 0

    def scalar(self, array: Array) -> Any:
        """An array of rank 0 as a scalar expression."""
        op, operands = array.op, array.operands
        match op:
            case Constant():
                return self.number(op.value)
            case Named():
                symbol = self.symbols.get(op.label, sympy.Symbol(op.label))
                return symbol[0, 0] if symbol.is_Matrix else symbol
            case Sum():
                return total(self.matrix(operands[0])) if operands[0].shape else self.scalar(operands[0])
            case Reshape() if all(size == ONE for size in operands[0].shape) and operands[0].ndim <= 2:
                return only_entry(self.matrix(operands[0])) if operands[0].shape else self.scalar(operands[0])
            case Broadcast() | Transpose():
                return self.scalar(operands[0])
            case Elementwise() | PowerOf():
                return self._map(array, False)
            case Einsum():
                return self._einsum(array)
            case Determinant():
                return sympy.Determinant(self.matrix(operands[0]))
            case RowFunction():
                return self.scalar(op.formula(*operands))
            case LogDeterminant():
                return sympy.log(sympy.Abs(sympy.Determinant(self.matrix(operands[0]))))
        raise self._lacking(array)

    # ---- ranks 1 and 2

    def matrix(self, array: Array, column: bool = False) -> Any:
        """An array as a matrix; rank 1 as a row or as a column, rank 0 as 1x1."""
        key = (array, column and array.ndim == 1)
        if key not in self.done:
            if array.ndim > 2:
                raise self._lacking(array)
            self.done[key] = self._matrix(*key)
        return self.done[key]

    def _matrix(self, array: Array, column: bool) -> Any:
        shape = self.shape(array, column)
        op, operands = array.op, array.operands
        if not array.shape:
            symbol = self.symbols.get(op.label) if isinstance(op, Named) else None
            if symbol is not None and symbol.is_Matrix:
                return symbol
            return scale(self.scalar(array), sympy.OneMatrix(1, 1))
        match op:
            case Named():
                found = self.symbols.get(op.label) or sympy.MatrixSymbol(op.label, *self.shape(array))
                return found if found.shape == shape else flip(found)
            case Constant():
                return scale(self.number(op.value), sympy.OneMatrix(*shape))
            case Eye():
                return sympy.Identity(shape[0])
            case Elementwise() | PowerOf():
                value = self._map(array, column)
                return value if value.is_Matrix else scale(value, sympy.OneMatrix(*shape))
            case Transpose():
                return flip(self.matrix(operands[0])) if array.ndim == 2 else self.matrix(operands[0], column)
            case Matmul() if array.ndim == 2:
                return matmul(self.matrix(operands[0]), self.matrix(operands[1]))
            case Broadcast():
                return self._copies(array, column)
            case Sum() if not op.axes:
                return self.matrix(operands[0], column)
            case Sum():
                return self._sum(op.axes, operands[0], column)
            case Einsum():
                result = self._einsum(array)  # rank 1 as a column
                return result if array.ndim == 2 or column else flip(result)
            case Reshape() if _long(array) == _long(operands[0]) and operands[0].ndim <= 2:
                inner = self.matrix(operands[0])
                return inner if inner.shape == shape else flip(inner)
            case RowFunction():
                return self.matrix(op.formula(*operands), column)
            case Inverse() if array.ndim == 2:
                return sympy.Inverse(self.matrix(operands[0]))
            case Solve() if array.ndim <= 2:
                solution = matmul(sympy.Inverse(self.matrix(operands[0])), self.matrix(operands[1], column=True))
                return solution if array.ndim == 2 or column else flip(solution)
            case Slice() if all(stride == 1 for stride in op.stride):
                return self._slice(array, column)
        raise self._lacking(array)

    def _copies(self, array: Array, column: bool) -> Any:
        """Copies: a column of ones in front, a row of ones behind."""
        (core,) = array.operands
        rows, columns = self.shape(array, column)
        assert isinstance(array.op, Broadcast)
        if not core.shape:
            return scale(self.scalar(core), sympy.OneMatrix(rows, columns))
        upright = array.op.axes == (0,) if array.ndim == 2 else column
        inner = self.matrix(core, upright)
        before = [sympy.OneMatrix(rows, 1)] if inner.shape[0] != rows else []
        after = [sympy.OneMatrix(1, columns)] if inner.shape[1] != columns else []
        return matmul(*before, inner, *after) if before or after else inner

    def _sum(self, axes: tuple[int, ...], operand: Array, column: bool) -> Any:
        """A sum over one axis of a matrix: a row of ones in front, or a column of ones behind."""
        inner = self.matrix(operand)
        rows, columns = inner.shape
        if axes == (0,):
            summed = matmul(sympy.OneMatrix(1, rows), inner) if rows != 1 else inner
            return flip(summed) if column else summed
        summed = matmul(inner, sympy.OneMatrix(columns, 1)) if columns != 1 else inner
        return summed if column else flip(summed)

    def _einsum(self, array: Array) -> Any:
        assert isinstance(array.op, Einsum)
        terms = []
        for labels, operand in zip(array.op.inputs, array.operands, strict=True):
            terms.append((labels, self.matrix(operand, True) if labels else self.scalar(operand)))
        written = contraction(terms, array.op.output)
        if written is None:
            raise self._lacking(array)
        return written

    def _slice(self, array: Array, column: bool) -> Any:
        assert isinstance(array.op, Slice)
        ends = [(self.extent(b), self.extent(b + e), 1) for b, e in zip(array.op.begin, array.op.extent, strict=True)]
        if array.ndim == 1:
            ends = [*ends, (0, 1, 1)] if column else [(0, 1, 1), *ends]
        return MatrixSlice(self.matrix(array.operands[0], column), *ends)

    # ---- elementwise formulas, by their definitions

    def _map(self, array: Array, column: bool) -> Any:
        values = [self._value(operand, column) for operand in array.operands]
        if isinstance(array.op, PowerOf):
            return power(values[0], self.number(array.op.exponent))
        assert isinstance(array.op, Elementwise)
        line: ScalarFunction = array.op.scalar
        places = [Entry(f"?{k}") for k in range(len(values))]
        term = line.meaning(*places)
        if len(values) == 1 and line.binds == ATOM and not isinstance(term, Power):
            known = SPELLED.get(line.name)
            return applied(known or (lambda x: self._meant(term, {"?0": x})), values[0])
        return self._meant(term, {place.array: value for place, value in zip(places, values, strict=True)})

    def _value(self, operand: Array, column: bool) -> Any:
        """An operand: a number where it is a number in every entry."""
        core = uncopied(operand) if operand.shape else operand
        if core is not None and isinstance(core.op, Constant):
            return self.number(core.op.value)
        return self.scalar(core) if core is not None and not core.shape else self.matrix(operand, column)

    def _meant(self, term: Term, values: Mapping[str, Any]) -> Any:
        """A definition with numbers and matrices in the place of its arguments."""
        match term:
            case Number(value=value):
                return self.number(Fraction(value))
            case Entry(array=label):
                return values[label]
            case Plus(terms=parts):
                return add(*[self._meant(part, values) for part in parts])
            case Times(factors=parts):
                return hadamard(*[self._meant(part, values) for part in parts])
            case Power(base=base, exponent=exponent):
                return power(self._meant(base, values), self.number(exponent))
            case Apply(function="step", argument=argument):
                return applied(lambda x: sympy.Heaviside(x, 0), self._meant(argument, values))
            case Apply(function=function, argument=argument):
                return applied(SPELLED[function], self._meant(argument, values))
        raise AssertionError(f"a definition with {type(term).__name__}")

    @staticmethod
    def _lacking(array: Array) -> DeriveError:
        what = f"has rank {array.ndim}" if array.ndim > 2 else f"is made by {array.op.name}"
        return DeriveError(
            f"{array} {what}, which has no form in SymPy matrices",
            "ranks 0 to 2, products, sums, maps, traces, inverses and transposes were wanted",
            callers_place(),
            "str() for NumPy code or _repr_latex_() for LaTeX; both write every expression",
        )


def _long(array: Array) -> list[Size]:
    return [size for size in array.shape if size != ONE]
