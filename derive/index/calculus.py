"""The six laws of ∂, for one entry of one array.

constants and sizes         ∂c = 0
entries                     ∂X[i, ..] / ∂X[a, ..] = [i = a] ..      and 0 for any other array
sums of a few terms         ∂(u + v) = ∂u + ∂v
products                    ∂(u v) = ∂u v + u ∂v
sums over an index          ∂ sum_i u = sum_i ∂u
functions and powers        ∂f(u) = f'(u) ∂u                        (f' from the table in functions.py)
"""

from __future__ import annotations

from derive.index.functions import PRIMITIVES
from derive.index.terms import Apply, Delta, Entry, Extent, Number, Plus, Position, Power, Term, Times, Total

ZERO = Number(0)


def partial(body: Term, array: str, at: tuple[Position, ...]) -> Term:
    """The partial derivative of a term with respect to the entry ``array[at]``; ``at`` must be free in the body."""
    return _partial(body, array, at) or ZERO


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
    raise TypeError(f"{type(body).__name__} is not an index term")


def _sum(derivatives: list[Term | None]) -> Term | None:
    terms = tuple([d for d in derivatives if d is not None])
    return Plus(terms) if len(terms) > 1 else terms[0] if terms else None
