"""The seven laws of ∂, for one entry of one array.

constants and sizes         ∂c = 0
entries                     ∂X[i, ..] / ∂X[a, ..] = [i = a] ..      and 0 for any other array
sums of a few terms         ∂(u + v) = ∂u + ∂v
products                    ∂(u v) = ∂u v + u ∂v
sums over an index          ∂ sum_i u = sum_i ∂u
functions and powers        ∂f(u) = f'(u) ∂u                        (f' from the table in functions.py)
matrix functions            ∂inv(M)[p,q] = -sum_{s,t} inv(M)[p,s] ∂M[s,t] inv(M)[t,q]        where M is invertible
                            ∂det(M) = det(M) sum_{s,t} inv(M)[t,s] ∂M[s,t]
"""

from __future__ import annotations

from derive.index.functions import PRIMITIVES
from derive.index.terms import Apply, Delta, Entry, Extent, Number, OfMatrix, Plus, Position, Power, Term, Times, Total


def partial(body: Term, array: str, at: tuple[Position, ...]) -> Term:
    """The partial derivative of a term with respect to the entry ``array[at]``; ``at`` must be free in the body."""
    return _partial(body, array, at) or Number(0)


def _partial(body: Term, array: str, at: tuple[Position, ...]) -> Term | None:
    """The derivative, or None where it is plainly zero, so that nothing is built in vain."""
    match body:
        case Number() | Extent() | Delta():
            return None
        case Entry(array=name, at=places):
            if name != array:
                return None
            if len(places) != len(at):
                raise ValueError(f"{name} has rank {len(places)} here and rank {len(at)} there")
            return Times(tuple(Delta(here, there) for here, there in zip(places, at, strict=True)))
        case Plus(terms=terms):
            return _sum([_partial(u, array, at) for u in terms])
        case Times(factors=factors):
            inner = [_partial(u, array, at) for u in factors]
            return _sum([d and Times((*factors[:k], d, *factors[k + 1 :])) for k, d in enumerate(inner)])
        case Total(index=index, body=summand):
            d = _partial(summand, array, at)
            return d and Total(index, d)
        case Power(base=base, exponent=exponent):
            d = _partial(base, array, at) if exponent else None
            return d and Times((Number(exponent), Power(base, exponent - 1), d))
        case Apply(function=function, argument=argument):
            d = _partial(argument, array, at)
            return d and Times((PRIMITIVES[function].derivative(argument), d))
        case OfMatrix(function=function, rows=rows, columns=columns, body=matrix, at=places):
            if (d := _partial(matrix, array, at)) is None:
                return None
            s, t = rows.fresh(), columns.fresh()  # for the places may be rows and columns themselves
            p, q = Position.of(s), Position.of(t)
            d = Total(rows, Total(columns, Times((Delta(Position.of(rows), p), Delta(Position.of(columns), q), d))))
            around = [(q, p)] if function == "det" else [(places[0], p), (q, places[1])]
            inverses = [OfMatrix("inv", rows, columns, matrix, pair) for pair in around]
            return Total(s, Total(t, Times((body if function == "det" else Number(-1), *inverses, d))))
    raise TypeError(f"{type(body).__name__} is not an index term")


def _sum(derivatives: list[Term | None]) -> Term | None:
    terms = tuple([d for d in derivatives if d is not None])
    return Plus(terms) if len(terms) > 1 else terms[0] if terms else None
