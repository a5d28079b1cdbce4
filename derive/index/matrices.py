"""The laws of inverses and determinants of matrices; each holds wherever what is inverted can be inverted.

A matrix is a polynomial over two indices that are bound in it, its axes.

    inv(I) = I,  inv(inv(N)) = N,  inv(A B) = inv(B) inv(A),  inv(D N E) = inv(E) inv(N) inv(D)    D and E diagonal
    det(I) = 1,  det(inv(N)) = 1 / det(N),  det(A B) = det(A) det(B),  det(c N) = exp(n log(c)) det(N)        c > 0
    sum_q inv(M)[p,q] t[q,j] = [p = j] - sum_q inv(M)[p,q] (M - t)[q,j]            for one chosen term t of a matrix M

That a matrix and its transpose have the same determinant and transposed inverses is in how they are written
(polynomial.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import product

from derive.index import laws
from derive.index.laws import bind, monomial, multiply, number, power_of, scale, size_terms
from derive.index.normal import Relation, power, relation, substitute_all, take, tidy, times
from derive.index.polynomial import Atom, Monomial, Number, Polynomial, Terms, split
from derive.index.size import ONE
from derive.index.terms import Index, Position

Axes = tuple[Index, ...]
Places = tuple[Position, ...]


def value(function: str, axes: Axes, poly: Polynomial, at: Places) -> Terms:
    """``inv(M)[at]`` or ``det(M)`` by what is known of M, else as an atom."""
    rows, columns = axes
    if rows.size != columns.size:
        raise ValueError(f"a matrix of {rows.size} rows and {columns.size} columns")
    if rows.size == ONE:
        return power(poly, -1) if function == "inv" else poly.terms
    if not poly.terms:
        return power_of(Atom(function, at=at, inner=poly, axes=axes))
    if function == "inv":
        c, front, rest = laws.content(poly, lambda a, e: not a.free.issuperset(axes))
        if laws.is_flipped(rest):
            c, rest = -c, laws.negative(rest)
        scaling = substitute_all(power(Polynomial(monomial(front, c)), -1), {rows: at[1], columns: at[0]})
    else:
        c, front, rest = laws.content(poly, lambda a, e: a.free.isdisjoint(axes) and laws.is_positive_power(a, e, True))
        logarithm = laws.logarithm(Polynomial(monomial(front, c)))
        scaling = laws.call("exp", Polynomial(multiply(size_terms(rows.size), logarithm)))
    return times(scaling, _unscaled(function, axes, Polynomial(tidy(rest.terms)) if front else rest, at))


def _unscaled(function: str, axes: Axes, poly: Polynomial, at: Places) -> Terms:
    """The same without a number in front of M."""
    inverse, fact = function == "inv", ""
    sign, mono = poly.single or (0, laws.ONE)
    if sign == 1 and not mono.bound and [*mono.factors.values()] == [1]:
        (only,) = mono.factors
        if poly.key == Polynomial(laws.kronecker(Position.of(axes[0]) - axes[1])).key:
            return laws.kronecker(at[0] - at[1]) if inverse else number(1)
        places = [p.index for p in only.at[-2:]]
        if places == [*axes[::-1]]:  # of the transpose, where it stands
            axes, at = axes[::-1], at[::-1]
        if places == [*axes] and only.inner is not None and only.inner.free.isdisjoint(axes):
            if inverse:
                return substitute_all(only.inner.terms, dict(zip(only.axes, at, strict=True)))
            return power(Polynomial(value("det", only.axes, only.inner, ())), -1)
        if places == [*axes] and only.fact == "spd" and not inverse:
            fact = "positive"
    for k in mono.bound if sign == 1 else ():
        if k.size == axes[0].size and (halves := _halves(mono, axes, k)):
            z = (k.fresh(),) if inverse else ()
            middle = tuple(map(Position.of, z))
            right = value(function, (k, axes[1]), halves[1], at[:1] + middle)
            return tidy(bind(z, multiply(right, value(function, (axes[0], k), halves[0], middle + at[1:]))))
    return power_of(Atom(function, at=at, inner=poly, fact=fact, axes=axes))


def _halves(mono: Monomial, axes: Axes, k: Index) -> list[Polynomial]:
    """L and R with ``M[r, c] = sum_k L[r, k] R[k, c]``; none if M is not such a product."""
    _, parts = split(Monomial((*[i for i in mono.bound if i is not k], *axes), mono.factors))
    right = next(part.factors for part in parts if axes[1] in part.bound)
    sides = [Monomial((), mono.factors).without(right), Monomial((), right)]
    if any(i not in side.indices for side, i in zip(sides, axes, strict=True)) or axes[0] in sides[1].indices:
        return []
    bounds = [tuple([i for i in mono.bound if i is not k and i in side.indices]) for side in sides]
    return [Polynomial([(1, Monomial(bound, side.factors))]) for bound, side in zip(bounds, sides, strict=True)]


# ---- an inverse beside what it inverts


def contracted(mono: Monomial, inverses: list[Atom]) -> Terms | None:
    """The monomial with an inverse contracted, None if none can be; of several ways the one that is written first."""
    ways = [way for inverse in inverses for way in _ways(mono, inverse)]
    polys = [(way, Polynomial(way)) for way in ways]
    return min(polys, key=lambda pair: (pair[1].write(laws.blind(pair[1])), pair[1].key), default=(None, None))[0]


def _ways(mono: Monomial, inverse: Atom) -> Iterator[Terms]:
    """The monomial with ``sum_q inv(M)[p, q] t[q, j]`` replaced, or the same on the other side."""
    assert inverse.inner is not None
    if inverse.rule is None:
        inverse.rule = _leading(inverse.inner, inverse.axes)
    others, free = mono.without({inverse}), inverse.inner.free

    def around(place: Position | Index, factors: Iterable[Atom]) -> list[tuple[str, str]]:
        indices = {place} if isinstance(place, Index) else dict(place.parts)
        return sorted([(atom.kind, atom.head) for atom in factors if not atom.free.isdisjoint(indices)])

    for c, lead, rest in inverse.rule:
        for side in (0, 1):
            p, q = inverse.at[1 - side], inverse.at[side].index
            if q is None or q not in mono.bound or q.size != inverse.axes[0].size or q in free.union(dict(p.parts)):
                continue
            if around(q, others.factors) != around(inverse.axes[1 - side], lead.factors):
                continue
            wanted = set(around(inverse.axes[side], lead.factors))
            beside = [*map(Position.of, others.indices), *[x for a in others.factors for x in a.at if x.index is None]]
            near = [j for j in beside if not j.parts or wanted <= {*around(j, others.factors)}]
            for j in [j for j in near if laws.fits(j, q.size)]:
                here = {inverse.axes[1 - side]: Position.of(q), inverse.axes[side]: j}
                found = substitute_all([(1, lead)], here)
                left = take(others, found[0][1], found[0][1].indices) if len(found) == 1 else None
                if left is not None and q not in left.indices:
                    again = multiply(monomial({**left.factors, inverse: 1}, -1), substitute_all(rest, here))
                    done = multiply(monomial(left.factors), laws.kronecker(p - j)) + bind((q,), again)
                    yield bind(left.without(index=q).bound, scale(done, Fraction(1) / (c * found[0][0])))


def _leading(poly: Polynomial, axes: Axes) -> tuple[Relation, ...]:
    """The term that is replaced: one that ties the axes to each other if possible, of high degree; none if two do."""
    orders = [{**laws.blind(poly), **dict(zip(axes, order, strict=True))} for order in ("rc", "cr")]
    names = min(orders, key=poly.write)  # a matrix and its transpose have the same leading term

    def rank(mono: Monomial) -> tuple[bool, Number, str]:
        tied = any(not set(axes).difference(part.bound) for part in split(Monomial(mono.bound + axes, mono.factors))[1])
        return tied, sum(mono.factors.values()), mono.write(names)

    fit = [m for _, m in poly.terms if m.indices.issuperset(axes) and all(a.kind != "delta" for a in m.factors)]
    fit.sort(key=rank)
    return (relation(poly, fit[-1]),) if fit and [*map(rank, fit)].count(rank(fit[-1])) == 1 else ()


def multiplied(poly: Polynomial) -> Iterator[Polynomial]:
    """The polynomial times M, for each side on which an inverse of M has a free index that is nowhere else."""
    names, done = laws.blind(poly), set()
    found = [(a, m.without({a}).indices.union(m.bound)) for _, m in poly.terms for a in m.factors if a.kind == "inv"]
    found.sort(key=lambda pair: (-pair[0].depth, pair[0].write(names), pair[0].key))
    for (atom, others), side in product(found, (0, 1)):
        i, inner, elsewhere = atom.at[side].index, atom.inner, others.union(dict(atom.at[1 - side].parts))
        if inner is None or i is None or i.size != atom.axes[0].size or (atom.key, side) in done:
            continue
        if i in poly.free.difference(elsewhere, inner.free):
            done.add((atom.key, side))
            there = {atom.axes[side]: Position.of(i.fresh()), atom.axes[1 - side]: Position.of(i)}
            yield Polynomial(tidy(bind((i,), multiply(substitute_all(inner.terms, there), poly.terms))))
