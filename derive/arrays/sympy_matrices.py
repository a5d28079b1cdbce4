"""SymPy matrix expressions put together so that shapes and values stay right, and contractions written as products.

SymPy evaluates deeply where operators are used, and turns ``[0, 0]`` into sums over indices; here only the top level
is tidied, so that a result equals what one would have typed, and a 1x1 product becomes a number by its trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import sympy
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction

Labelled = tuple[str, Any]  # the labels of a matrix, or the one label of a column


def matmul(*factors: Any) -> Any:
    """The matrix product."""
    return sympy.MatMul(*factors).doit(deep=False)


def scale(number: Any, matrix: Any) -> Any:
    """A number times a matrix."""
    if number == 1:
        return matrix
    if number == 0:
        return sympy.ZeroMatrix(*matrix.shape)
    if number.is_Rational and isinstance(matrix, sympy.MatAdd):
        return add(*[scale(number, part) for part in matrix.args])
    return sympy.MatMul(number, matrix).doit(deep=False)


def unscaled(matrix: Any) -> tuple[Any, Any]:
    """The number in front of a matrix, and the rest."""
    if not isinstance(matrix, sympy.MatMul):
        return sympy.S.One, matrix
    number, factors = matrix.as_coeff_matrices()
    return (number, factors[0] if len(factors) == 1 else sympy.MatMul(*factors)) if number != 1 else (number, matrix)


def add(*parts: Any) -> Any:
    """The sum of numbers, of matrices of one shape, or of both: a number beside a matrix is in every entry."""
    matrices = [part for part in parts if part.is_Matrix]
    numbers = sympy.Add(*[part for part in parts if not part.is_Matrix])
    if not matrices:
        return numbers
    if numbers != 0:
        matrices.append(scale(numbers, sympy.OneMatrix(*matrices[0].shape)))
    return sympy.MatAdd(*matrices).doit(deep=False) if len(matrices) > 1 else matrices[0]


def hadamard(*parts: Any) -> Any:
    """The product, entry by entry, of numbers and matrices of one shape."""
    number = sympy.Mul(*[part for part in parts if not part.is_Matrix])
    factors: list[Any] = []
    for part in parts:
        if part.is_Matrix:
            own, rest = unscaled(part)
            number = number * own
            factors += rest.args if isinstance(rest, sympy.HadamardProduct) else [rest]
    if not factors:
        return number
    kept = [factor for factor in factors if not isinstance(factor, sympy.OneMatrix)] or factors[:1]
    return scale(number, kept[0] if len(kept) == 1 else sympy.HadamardProduct(*kept))


def power(base: Any, exponent: Any) -> Any:
    """The power of a number, or of each entry."""
    if not base.is_Matrix or exponent == 1:
        return base**exponent if not base.is_Matrix else base
    return sympy.HadamardPower(base, exponent)


def applied(function: Any, argument: Any) -> Any:
    """A scalar function of a number, or of each entry."""
    if not argument.is_Matrix:
        return function(argument)
    if argument.shape == (1, 1):  # here SymPy's applyfunc would try the function on the matrix itself
        return scale(function(only_entry(argument)), sympy.OneMatrix(1, 1))
    x = sympy.Symbol("x")
    return ElementwiseApplyFunction(sympy.Lambda(x, function(x)), argument)


def flip(matrix: Any) -> Any:
    """The transpose, moved inwards."""
    match matrix:
        case sympy.Transpose():
            return matrix.arg
        case sympy.OneMatrix() | sympy.ZeroMatrix():
            return matrix.func(*reversed(matrix.shape))
        case sympy.Identity():
            return matrix
        case sympy.Inverse():
            return sympy.Inverse(flip(matrix.arg))
        case sympy.MatMul():
            number, factors = matrix.as_coeff_matrices()
            return scale(number, matmul(*[flip(factor) for factor in reversed(factors)]))
        case sympy.MatAdd():
            return add(*[flip(part) for part in matrix.args])
        case sympy.HadamardProduct():
            return hadamard(*[flip(part) for part in matrix.args])
        case sympy.HadamardPower():
            return power(flip(matrix.base), matrix.exp)
        case ElementwiseApplyFunction():
            return ElementwiseApplyFunction(matrix.function, flip(matrix.expr))
    return sympy.Transpose(matrix)


def only_entry(matrix: Any) -> Any:
    """The number that a 1x1 matrix is."""
    number, rest = unscaled(matrix)
    if isinstance(rest, sympy.OneMatrix | sympy.Identity):
        return number
    return number * (rest[0, 0] if isinstance(rest, sympy.MatrixSymbol) else sympy.Trace(rest))


def trace(matrix: Any) -> Any:
    """The trace, numbers in front."""
    number, rest = unscaled(matrix)
    return number * (rest.shape[0] if isinstance(rest, sympy.Identity) else sympy.Trace(rest))


def total(matrix: Any) -> Any:
    """The sum of all entries: ``tr(Aᵀ B)`` of a product entry by entry, else ``1ᵀ A 1``."""
    number, rest = unscaled(matrix)
    rows, columns = rest.shape
    pair: tuple[Any, ...] = ()
    if isinstance(rest, sympy.HadamardProduct):
        pair = rest.args[0], hadamard(*rest.args[1:])
    elif isinstance(rest, sympy.HadamardPower) and rest.exp == 2:
        pair = rest.base, rest.base
    if pair and rows == 1:
        return number * only_entry(matmul(pair[0], flip(pair[1])))
    if pair:
        return number * trace(matmul(flip(pair[0]), pair[1]))
    left = [sympy.OneMatrix(1, rows)] if rows != 1 else []
    right = [sympy.OneMatrix(columns, 1)] if columns != 1 else []
    return number * only_entry(matmul(*left, rest, *right))


# ---- contractions


def contraction(terms: Sequence[Labelled], output: str) -> Any | None:
    """The contraction of labelled matrices and columns to a number, a column or a matrix; None if it is none."""
    number = sympy.Mul(*[part for labels, part in terms if not labels])
    cells: list[Labelled] = []
    for labels, part in terms:
        if len(set(labels)) < len(labels):  # a diagonal, as a column
            if len(terms) == 1 and not output:
                return trace(part)
            cells.append((labels[0], _times_ones(sympy.HadamardProduct(part, sympy.Identity(part.shape[0])))))
        elif labels:
            cells.append((labels, part))
    if not output and len(cells) == 2 and len(cells[0][0]) == 2 and set(cells[0][0]) == set(cells[1][0]):
        return number * trace(matmul(cells[0][1], _turned(cells[1], cells[0][0][1])))
    for label in dict.fromkeys("".join(labels for labels, _ in cells)):
        if label not in output:
            done = _summed(label, cells)
            if done is None:
                return None
            cells = done
    number = number * sympy.Mul(*[part for labels, part in cells if not labels])
    cells = [cell for cell in cells if cell[0]]
    if not output:
        return number
    if len(output) == 1:
        return scale(number, hadamard(*[part for _, part in cells]))
    return scale(number, _matrix(cells, output))


def _times_ones(matrix: Any) -> Any:
    return matrix if matrix.shape[1] == 1 else matmul(matrix, sympy.OneMatrix(matrix.shape[1], 1))


def _turned(cell: Labelled, first: str) -> Any:
    return cell[1] if cell[0][0] == first else flip(cell[1])


def _summed(label: str, cells: list[Labelled]) -> list[Labelled] | None:
    """The cells with a label summed, or None where three matrices meet in it."""
    rest = [cell for cell in cells if label not in cell[0]]
    columns = [part for labels, part in cells if labels == label]
    matrices = [cell for cell in cells if label in cell[0] and len(cell[0]) == 2]
    pairs: dict[str, list[Any]] = {}
    for cell in matrices:
        pairs.setdefault(cell[0].replace(label, ""), []).append(_turned(cell, cell[0].replace(label, "")))
    if not pairs:
        return [*rest, ("", total(hadamard(*columns)))]
    if len(pairs) > 2:
        return None
    (other, left), *more = [(key, hadamard(*parts)) for key, parts in pairs.items()]
    weight = hadamard(*columns) if columns else None
    if not more:
        return [*rest, (other, _times_ones(left) if weight is None else matmul(left, weight))]
    ((last, right),) = more
    right = flip(right)
    if weight is not None:
        copies = weight if right.shape[1] == 1 else matmul(weight, sympy.OneMatrix(1, right.shape[1]))
        right = hadamard(copies, right)
    return [*rest, (other + last, matmul(left, right))]


def _matrix(cells: list[Labelled], output: str) -> Any:
    """The matrix with two labels: matrices entry by entry, columns copied, or a column times a row."""
    matrices = [_turned(cell, output[0]) for cell in cells if len(cell[0]) == 2]
    column, row = ([part for labels, part in cells if labels == label] for label in output)
    if column and row and not matrices:
        return matmul(hadamard(*column), flip(hadamard(*row)))
    rows, columns = matrices[0].shape
    if column:
        matrices.insert(0, matmul(hadamard(*column), sympy.OneMatrix(1, columns)))
    if row:
        matrices.append(matmul(sympy.OneMatrix(rows, 1), flip(hadamard(*row))))
    return reduce(hadamard, matrices)
