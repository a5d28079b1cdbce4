"""The value of a term at given sizes and entries: what a term means, told independently of the normal form."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from derive.index.functions import PRIMITIVES
from derive.index.size import Size
from derive.index.terms import (
    Apply,
    Delta,
    Entry,
    Extent,
    Index,
    Number,
    OfMatrix,
    Plus,
    Position,
    Power,
    Term,
    Times,
    Total,
)

Entries = Callable[[str, tuple[int, ...]], float]


def evaluate(body: Term, sizes: Mapping[str, int], entries: Entries, at: Mapping[Index, int] | None = None) -> float:
    """The value of a term; ``entries(array, position)`` gives the arrays, ``at`` the free indices.

    ZeroDivisionError or ValueError where the term is not defined.
    """
    places = dict(at or {})

    def number(size: Size) -> int:
        value = size.at(sizes).constant
        if value is None:
            raise KeyError(f"no number given for the size {size}")
        return value

    def place(position: Position) -> int:
        return number(position.offset) + sum(number(c) * places[i] for i, c in position.parts)

    def value(t: Term) -> float:
        match t:
            case Number(value=c):
                return float(c)
            case Extent(size=size):
                return float(number(size))
            case Entry(array=array, at=where):
                return entries(array, tuple(place(p) for p in where))
            case Delta(left=left, right=right):
                return float(place(left) == place(right))
            case Plus(terms=terms):
                return math.fsum(value(u) for u in terms)
            case Times(factors=factors):
                return math.prod(value(u) for u in factors)
            case Power(base=base, exponent=exponent):
                return _power(value(base), float(exponent))
            case Apply(function=function, argument=argument):
                return PRIMITIVES[function].value(value(argument))
            case Total(index=index, body=inner):
                runs = range(number(index.size))
                return math.fsum(evaluate(inner, sizes, entries, {**places, index: k}) for k in runs)
            case OfMatrix(function=function, rows=rows, columns=columns, body=inner, at=where):
                runs = range(number(rows.size))
                matrix = [
                    [evaluate(inner, sizes, entries, {**places, rows: p, columns: q}) for q in runs] for p in runs
                ]
                determinant, inverse = _inverted(matrix)
                if function == "det":
                    return determinant
                if not determinant:
                    raise ZeroDivisionError("the inverse of a singular matrix")
                p, q = (place(p) for p in where)
                return inverse[p][q]
        raise TypeError(f"{type(t).__name__} is not an index term")

    return value(body)


def _inverted(matrix: list[list[float]]) -> tuple[float, list[list[float]]]:
    """The determinant and the inverse, by elimination with row pivots; no inverse where the determinant is 0."""
    size = len(matrix)
    rows = [row + [float(i == k) for k in range(size)] for i, row in enumerate(matrix)]
    determinant = 1.0
    for k in range(size):
        best = max(range(k, size), key=lambda i: abs(rows[i][k]))
        pivot = rows[best][k]
        determinant *= pivot if best == k else -pivot
        if not pivot:
            return 0.0, []
        rows[k], rows[best] = [x / pivot for x in rows[best]], rows[k]
        for i in range(size):
            if i != k and (factor := rows[i][k]):
                rows[i] = [x - factor * y for x, y in zip(rows[i], rows[k], strict=True)]
    return determinant, [row[size:] for row in rows]


def _power(base: float, exponent: float) -> float:
    if base < 0 and not exponent.is_integer():
        raise ValueError("a root of a negative number")
    return float(base**exponent)
