"""SymPy matrix expressions in: ``X*W + OneMatrix(n, 1)*b`` read into the array language.

SymPy accepts clashing shapes silently, so every shape is checked here.  SymPy also flattens and rewrites at
construction; what it made of an expression is read as it stands.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.slice import MatrixSlice

from derive.arrays import build, indexing, linalg, products
from derive.arrays.array import Array, apply
from derive.arrays.matrices import Inverse
from derive.arrays.named import as_declared
from derive.arrays.operations import Broadcast, Constant, Eye
from derive.arrays.shapes import FLOAT, Declaration, Kind, Shape, check_name, declare, write_declaration, write_shape
from derive.arrays.sympy_scalars import MATRICES, Scalars, outside
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, Size

MAX_POWER = 64  # a power of a matrix is written out as products
MAPS = (sympy.MatAdd, sympy.HadamardProduct, sympy.HadamardPower, ElementwiseApplyFunction)


def read(
    expression: Any, inputs: Sequence[Any], shapes: Mapping[str, str] | None = None
) -> tuple[dict[str, Array], Array]:
    """The declared inputs as named arrays, in order, and the expression as an array; DeriveError if it cannot be read.

    ``shapes`` gives an input another rank than SymPy's, ``{"b": "m"}`` for the 1 x m symbol b, or a kind.
    """
    if isinstance(expression, sympy.MatrixBase):
        raise outside(expression, MATRICES)
    if not isinstance(expression, sympy.Expr):
        raise DeriveError(
            f"an output of type {type(expression).__name__}: {expression}",
            "a SymPy expression was wanted",
            callers_place(),
            "X*W + OneMatrix(n, 1)*b",
        )
    reader = Reader(inputs, shapes or {})
    array = reader.matrix(expression) if expression.is_Matrix else reader.scalar(expression)
    for label in reader.arrays:
        if label not in reader.used:
            raise DeriveError(
                f"the input {label} does not occur in {expression}",
                "every input must be used",
                callers_place(),
                f"leaving {label} out of inputs; check whether SymPy has cancelled it",
            )
    return reader.arrays, array


class Reader:
    """The inputs and sizes of an expression, and the walk over its matrices."""

    def __init__(self, inputs: Sequence[Any], shapes: Mapping[str, str]) -> None:
        if not isinstance(inputs, Sequence) or isinstance(inputs, str):
            raise DeriveError(
                f"inputs of type {type(inputs).__name__}",
                "a list of MatrixSymbols and Symbols was wanted",
                callers_place(),
                "inputs=[X, W, b]",
            )
        self.arrays: dict[str, Array] = {}
        self.symbols: dict[str, Any] = {}  # of inputs
        self.sizes: dict[str, Any] = {}  # the symbols of sizes
        self.views: dict[str, Array] = {}  # the inputs with the rank that they have in SymPy
        self.used: set[str] = set()
        self.scalars = Scalars(self)
        for symbol in inputs:
            self._declare(symbol, shapes)
        for label in shapes:
            if label not in self.symbols:
                raise DeriveError(
                    f"a shape for {label!r}, which is not an input", f"the inputs are {self._inputs}", callers_place()
                )
        for label in self.symbols:
            if label in self.sizes:
                raise DeriveError(
                    f"{label} is an input and a size",
                    "one name for one thing",
                    callers_place(),
                    f'another name for the input, such as "{label}_"',
                )

    @property
    def _inputs(self) -> str:
        return ", ".join(self.symbols) or "none"

    def _declare(self, symbol: Any, shapes: Mapping[str, str]) -> None:
        if not isinstance(symbol, sympy.MatrixSymbol | sympy.Symbol):
            raise DeriveError(
                f"the input {symbol} of type {type(symbol).__name__}",
                "a MatrixSymbol or a Symbol was wanted",
                callers_place(),
                'MatrixSymbol("X", n, d)',
            )
        label = symbol.name
        check_name(label, "an input", callers_place())
        if label in self.symbols:
            raise DeriveError(
                f"the input {label} is declared twice",
                "every input once was wanted",
                callers_place(),
                "another name for one of them",
            )
        self.symbols[label] = symbol
        view: Shape = ()
        if isinstance(symbol, sympy.MatrixSymbol):
            for size in sorted(set().union(*(part.free_symbols for part in symbol.shape)), key=str):
                check_name(size.name, "a size", callers_place())
                self._same(size, self.sizes.setdefault(size.name, size))
            view = tuple(self.size(part, f"the shape {symbol.shape} of {label}") for part in symbol.shape)
        shape, kind = view, Kind("positive") if symbol.is_positive else FLOAT
        if label in shapes:
            declared = declare(shapes[label], callers_place())
            shape, kind = declared.shape, kind if declared.kind == FLOAT else declared.kind
        if [size for size in shape if size != ONE] != [size for size in view if size != ONE] or len(shape) > len(view):
            rank1 = tuple(size for size in view if size != ONE)
            raise DeriveError(
                f"the shape {shapes[label]!r} for {label}, which is {write_shape(view)} in SymPy",
                "the same sizes, without a 1 or with it, were wanted",
                callers_place(),
                f'"{write_declaration(rank1)}"',
            )
        array = self.arrays[label] = as_declared(label, Declaration(shape, kind))
        if shape != view:
            kept = [axis for axis, size in enumerate(view) if size != ONE] or [0]
            array = apply(Broadcast(view, tuple(kept[: len(shape)])), array)
        self.views[label] = array

    def _same(self, symbol: Any, known: Any) -> None:
        if symbol != known:
            raise DeriveError(
                f"two different symbols are named {symbol.name}",
                "one symbol for one name",
                callers_place(),
                f"one {symbol.name}, with the same assumptions and shape everywhere",
            )

    def input(self, e: Any) -> Array:
        """An input, with the rank that it has in SymPy."""
        if e.name not in self.symbols:
            raise DeriveError(
                f"{e.name} is not among the inputs",
                f"the inputs are {self._inputs}",
                callers_place(),
                f"adding {e.name} to inputs",
            )
        self._same(e, self.symbols[e.name])
        self.used.add(e.name)
        return self.views[e.name]

    def size(self, e: Any, what: str) -> Size:
        """A polynomial in the sizes of the inputs as a size."""
        if e.is_Integer:
            return Size.of(int(e))
        if e.is_Symbol and e.name in self.sizes:
            self._same(e, self.sizes[e.name])
            return Size.of(e.name)
        if e.is_Add or e.is_Mul:
            return reduce(Size.__add__ if e.is_Add else Size.__mul__, [self.size(part, what) for part in e.args])
        if e.is_Pow and e.exp.is_Integer and 0 < e.exp <= MAX_POWER:
            return reduce(Size.__mul__, [self.size(e.base, what)] * int(e.exp))
        if e.is_Symbol:
            raise DeriveError(
                f"the size {e} in {what}",
                "a size that an input has was wanted",
                callers_place(),
                f"an input with {e} in its shape",
            )
        raise DeriveError(
            f"the size {e} in {what}",
            "whole numbers and symbols with + - * were wanted",
            callers_place(),
            "a size such as n, 4*k or n+1",
        )

    def scalar(self, e: Any) -> Array:
        """A scalar expression as an array of rank 0."""
        return self.scalars.read(e, {})[1]

    def matrix(self, e: Any) -> Array:
        """A matrix expression as an array of rank 2."""
        kind = type(e)
        if kind is sympy.MatrixSymbol:
            return self.input(e)
        if kind is sympy.Transpose:
            return self.matrix(e.arg).T
        if kind is sympy.MatMul:
            factor, matrices = e.as_coeff_matrices()
            product = chain([self.matrix(part) for part in matrices])
            return product if factor == 1 else self.scalar(factor) * product
        if kind in MAPS:
            return self.matrix(e.T).T if _transposes(e.T) < _transposes(e) else self._map(e)
        if kind in (sympy.OneMatrix, sympy.ZeroMatrix):
            shape = tuple(self.size(part, f"{kind.__name__}{e.shape}") for part in e.shape)
            return apply(Constant(Fraction(int(kind is sympy.OneMatrix)), shape))
        if kind is sympy.Identity:
            return apply(Eye(self.size(e.shape[0], f"Identity({e.shape[0]})")))
        if kind in (sympy.MatPow, sympy.Inverse):
            return self._power(e)
        if kind is MatrixSlice and e.rowslice[2] == e.colslice[2] == 1:
            bounds = [[self.size(end, str(e)) for end in axis[:2]] for axis in (e.rowslice, e.colslice)]
            return indexing.index(self.matrix(e.parent), tuple(slice(begin, end) for begin, end in bounds))
        raise outside(e, MATRICES)

    def _map(self, e: Any) -> Array:
        """An elementwise formula of matrices of one shape."""
        if isinstance(e, ElementwiseApplyFunction):
            argument, bound = self.matrix(e.expr), sympy.Dummy("x")
            cell = self.scalars.read(e.function(bound), {bound: (("row", "column"), argument)})
            return build.spread(cell[1], argument.shape)
        parts = [self.matrix(part) if part.is_Matrix else self.scalar(part) for part in e.args]
        function = {sympy.MatAdd: "add", sympy.HadamardProduct: "multiply"}.get(type(e), "power")
        matrices = [(part, text) for part, text in zip(parts, e.args, strict=True) if part.shape]
        for part, text in matrices[1:]:
            _check_same(function, *matrices[0], part, text)
        if function == "power":
            return build.power(*parts)
        return reduce(lambda a, b: build.elementwise(function, a, b), parts)

    def _power(self, e: Any) -> Array:
        if not (e.exp.is_Integer and -MAX_POWER <= e.exp <= MAX_POWER):
            raise DeriveError(
                f"MatPow: {e}",
                f"a whole exponent from -{MAX_POWER} to {MAX_POWER} was wanted",
                callers_place(),
                "HadamardPower(A, p) for a power of each entry",
            )
        base = self.matrix(e.base)
        if e.exp == 0:
            products.matmul(base, base)  # checks that it is square
            return apply(Eye(base.shape[0]))
        return chain([base if e.exp > 0 else linalg.inv(base)] * abs(int(e.exp)))


def _transposes(e: Any) -> int:
    return sum(isinstance(part, sympy.Transpose) for part in sympy.preorder_traversal(e))


def _check_same(function: str, first: Array, first_text: Any, other: Array, text: Any) -> None:
    if first.shape == other.shape:
        return
    hint = f"{text} of shape {write_shape(first.shape)}"
    if other.shape == first.shape[::-1]:
        hint = f"{text}.T"
    elif other.shape == (ONE, first.shape[1]):
        hint = f"OneMatrix({first.shape[0]}, 1)*{text} to copy the row"
    elif first.shape == (ONE, other.shape[1]):
        hint = f"OneMatrix({other.shape[0]}, 1)*{first_text} to copy the row"
    came = f"{first_text} is {write_shape(first.shape)} but {text} is {write_shape(other.shape)}"
    raise DeriveError(f"{function}: {came}", "matrices of one shape were wanted", callers_place(), hint)


def chain(factors: list[Array]) -> Array:
    """The product of matrices from the left; where a column meets a row, what is on either side comes first."""
    segments = [[factors[0]]]
    for left, right in itertools.pairwise(factors):
        if left.shape[1] == right.shape[0] == ONE:
            segments.append([right])
        else:
            segments[-1].append(right)
    return reduce(_outer, [_product(segment) for segment in segments])


def _product(factors: list[Array]) -> Array:
    """The product of matrices from the left; ``A⁻¹ B`` is the solution of a system."""
    for k, factor in enumerate(factors[:-1]):
        if isinstance(factor.op, Inverse):
            solution = linalg.solve(factor.operands[0], _product(factors[k + 1 :]))
            return reduce(products.matmul, [*factors[:k], solution])
    return reduce(products.matmul, factors)


def _outer(left: Array, right: Array) -> Array:
    """A column times a row; copies where one of them is of ones."""
    for ones, other in ((left, right), (right, left)):
        if isinstance(ones.op, Constant) and ones.op.value == 1:
            return build.spread(other, (left.shape[0], right.shape[1]))
    return products.matmul(left, right)
