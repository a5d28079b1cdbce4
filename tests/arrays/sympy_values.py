"""Values of SymPy expressions, as SymPy itself finds them and node by node, beside the values of arrays."""

from functools import reduce

import numpy as np
import sympy as sp
from scipy import special
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixElement
from sympy.matrices.expressions.slice import MatrixSlice

from derive.arrays.shapes import concrete

SIZES = [{"n": 2, "d": 3, "m": 4, "k": 2}, {"n": 1, "d": 2, "m": 1, "k": 3}]


def sympy_value(expression, sizes, arrays):
    """What SymPy itself makes of an expression at numbers: sizes and matrices put in, everything done."""
    sized = {s: sp.Integer(sizes[s.name]) for s in expression.atoms(sp.Symbol) if s.name in sizes and not s.is_Dummy}
    expression = expression.xreplace(sized)
    expression = expression.doit() if expression.has(sp.Sum) else expression
    symbols = expression.atoms(sp.MatrixSymbol) | {s for s in expression.free_symbols if s.name in arrays}
    put = {}
    for symbol in symbols:
        value = np.asarray(arrays[symbol.name])
        put[symbol] = sp.ImmutableMatrix(value.reshape(symbol.shape)) if symbol.is_Matrix else sp.Float(float(value))
    result = expression.xreplace(put).doit()
    if not result.is_Matrix:
        return float(result.evalf())
    rows = sp.Matrix(result.as_explicit()).tolist()
    return np.array([[float(entry.doit().evalf()) for entry in row] for row in rows])


def walked_value(e, sizes, arrays):
    """The value of an expression node by node, the shape that SymPy gives each matrix node checked on the way."""

    def number(size):
        return int(sp.sympify(size).subs({symbol: sizes[symbol.name] for symbol in sp.sympify(size).free_symbols}))

    def value(node):
        result = plain(node)
        if node.is_Matrix:
            assert result.shape == tuple(map(number, node.shape)), f"{node} has shape {node.shape}, but {result.shape}"
        return result

    def same(parts):
        assert len({part.shape for part in parts}) == 1, f"shapes {[part.shape for part in parts]} side by side"
        return parts

    def plain(node):
        match node:
            case sp.MatrixSymbol():
                return np.reshape(arrays[node.name], tuple(map(number, node.shape)))
            case sp.Symbol():
                return float(arrays[node.name] if node.name in arrays else sizes[node.name])
            case sp.Transpose():
                return value(node.arg).T
            case sp.OneMatrix() | sp.ZeroMatrix():
                return np.full(tuple(map(number, node.shape)), float(isinstance(node, sp.OneMatrix)))
            case sp.Identity():
                return np.eye(number(node.shape[0]))
            case sp.Inverse():
                return np.linalg.inv(value(node.arg))
            case sp.Determinant():
                return np.linalg.det(value(node.arg))
            case sp.MatPow():
                return np.linalg.matrix_power(value(node.base), int(node.exp))
            case sp.MatMul():
                scalars = [value(part) for part in node.args if not part.is_Matrix]
                return np.prod(scalars) * reduce(np.matmul, [value(part) for part in node.args if part.is_Matrix])
            case sp.MatAdd():
                return sum(same([value(part) for part in node.args]))
            case sp.HadamardProduct():
                return reduce(np.multiply, same([value(part) for part in node.args]))
            case sp.HadamardPower():
                return value(node.base) ** value(node.exp)
            case ElementwiseApplyFunction():
                return np.vectorize(lambda z: value(node.function(sp.Float(z))))(value(node.expr))
            case MatrixSlice():
                rows, columns = (slice(*map(number, axis)) for axis in (node.rowslice, node.colslice))
                return value(node.parent)[rows, columns]
            case sp.Trace():
                matrix = value(node.arg)
                assert matrix.shape[0] == matrix.shape[1], f"the trace of {matrix.shape}"
                return np.trace(matrix)
            case MatrixElement():
                return value(node.parent)[tuple(map(number, node.indices))]
        return float(node.func(*[sp.Float(value(part)) for part in node.args]).evalf()) if node.args else float(node)

    return value(e)


def numpy_value(array, sizes, arrays):
    """What NumPy makes of the text of an array."""
    return eval(str(array), {"np": np, "special": special, "sigmoid": special.expit, **sizes, **arrays})


def values(named, sizes, seed=0):
    rng = np.random.default_rng(seed)
    return {label: rng.uniform(0.4, 1.9, concrete(array.shape, sizes)) for label, array in named.items()}
