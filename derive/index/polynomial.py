"""Polynomials in atoms, written canonically: what the normal form of a term is made of.

    polynomial = sum of  coefficient * monomial
    monomial   = sum over bound indices of  product of  atom ** exponent             (exponents are rational)
    atom       = entry | Kronecker symbol | size | prime (under a root) | function(polynomial) | base(polynomial)
               | inv(polynomial)[position, position] | det(polynomial)      of a matrix, over two indices bound inside

A base is a sum that is not multiplied out: it stands under a negative or a broken power.

Every polynomial has a key, a text that says all there is to say about it, so that equal keys mean equal polynomials.
The key does not depend on the names of bound indices: they are told apart by refinement.  Each begins with the colour
"depth of its sum, its size"; then its colour becomes the rank of how its atoms are written with the present colours,
until nothing changes.  Indices that still share a colour are named in each order that matters, and the least text wins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from typing import Any

from derive.index.effort import MONOMIAL, digits, spend
from derive.index.size import Size
from derive.index.terms import Index, Position

Number = Fraction | int
Names = Mapping[Index, str]
NO_NAMES: Names = {}
SYMMETRIC_FACTS = frozenset({"symmetric", "spd"})


class Atom:
    """A factor that is not taken apart further.

    ``kind`` is entry, delta, size, prime, base, inv, det or the name of a function; ``head`` the name of an array or
    a size; ``at`` the positions of an entry, or the one that is 0 where a Kronecker symbol is 1; ``inner`` what is
    inside; ``fact`` and ``row`` what is known of the values; ``axes`` the row and the column of a matrix, bound inside;
    ``free`` the free indices; ``depth`` how deep sums and matrices are nested inside; ``rule`` what was found out once.
    """

    __slots__ = ("at", "axes", "depth", "fact", "free", "head", "inner", "key", "kind", "row", "rule")

    def __init__(
        self, kind: str, head: str = "", at: tuple[Position, ...] = (), inner: Polynomial | None = None, fact: str = "",
        row: Size | None = None, axes: tuple[Index, ...] = (),
    ) -> None:  # fmt: skip
        self.kind, self.head, self.at, self.inner, self.fact = kind, head, at, inner, fact
        self.row, self.axes = row, axes
        self.free = frozenset([i for position in at for i, _ in position.parts])
        self.depth = 0
        if inner is not None:
            self.free, self.depth = self.free | inner.free.difference(axes), inner.depth + (1 if axes else 0)
        self.key = self.write(NO_NAMES)
        self.rule: Any = None

    def write(self, names: Names) -> str:
        """The key under new names for free indices."""
        if self.kind == "delta":  # [p = 0] and [-p = 0] are the same
            return f"[{min(self.at[0].write(names), (self.at[0] * -1).write(names))}=0]"
        places = [position.write(names) for position in self.at]
        if self.axes and self.inner is not None:  # M and its transpose: inv(M)[p, q] = inv(Mᵀ)[q, p], det(M) = det(Mᵀ)
            size, (r, c) = self.axes[0].size, self.axes
            depth = self.inner.depth
            as_is = f"({self.inner.write({**names, r: f'{depth}r', c: f'{depth}c'})})[{','.join(places)}]"
            turned = f"({self.inner.write({**names, r: f'{depth}c', c: f'{depth}r'})})[{','.join(places[::-1])}]"
            return f"{self.kind}<{size}>{min(as_is, turned)}"
        if self.inner is not None:
            return f"{self.kind}({self.inner.write(names)})"
        if self.fact in SYMMETRIC_FACTS:
            places[-2:] = sorted(places[-2:])
        return f"{self.head}[{','.join(places)}]" if self.kind == "entry" else f"#{self.head}"

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Atom) and self.key == other.key)


Factors = dict[Atom, Number]


class Monomial:
    """``sum over bound of product of atom ** exponent``, without its coefficient."""

    __slots__ = ("bound", "factors")

    def __init__(self, bound: tuple[Index, ...] = (), factors: Factors | None = None) -> None:
        self.bound, self.factors = bound, factors if factors is not None else {}

    @property
    def indices(self) -> frozenset[Index]:
        """The indices in the factors, free or bound."""
        return frozenset().union(*[atom.free for atom in self.factors])

    def without(self, atoms: Collection[Atom] = (), index: Index | None = None) -> Monomial:
        """The monomial without some factors, and without the sum over an index."""
        bound = tuple([i for i in self.bound if i is not index])
        return Monomial(bound, {a: e for a, e in self.factors.items() if a not in atoms})

    def write(self, names: Names = NO_NAMES) -> str:
        """The key: the parts that share no bound index are written one by one, then sorted."""
        loose, parts = split(self)
        texts = write_factors(loose.items(), names) + [_write_sum(part, names) for part in parts]
        return "·".join(sorted(texts)) or "1"


class Polynomial:
    """Monomials with their coefficients, like terms collected, in the order of their keys."""

    __slots__ = ("depth", "free", "key", "terms")

    def __init__(self, terms: Iterable[tuple[Number, Monomial]]) -> None:
        collected: dict[str, tuple[Number, Monomial]] = {}
        for c, mono in terms:
            key = mono.write()
            collected[key] = (c + collected[key][0] if key in collected else c, mono)
        kept = sorted([(key, c, mono) for key, (c, mono) in collected.items() if c])  # the keys differ
        self.terms: Terms = [(c, mono) for _, c, mono in kept]
        self.key = " + ".join([f"{digits(c)}·{key}" for key, c, _ in kept]) or "0"
        self.free: frozenset[Index] = frozenset().union(*[m.indices.difference(m.bound) for _, m in self.terms])
        self.depth: int = max([_depth(mono) + (1 if mono.bound else 0) for _, mono in self.terms], default=0)

    def write(self, names: Names) -> str:
        """The key under new names for free indices."""
        if self.free.isdisjoint(names):
            return self.key
        return " + ".join(sorted([f"{c}·{mono.write(names)}" for c, mono in self.terms]))

    @property
    def single(self) -> tuple[Number, Monomial] | None:
        """The only term, or None if there is none or more than one."""
        return self.terms[0] if len(self.terms) == 1 else None

    def __repr__(self) -> str:
        return self.key


Terms = list[tuple[Number, Monomial]]


def split(mono: Monomial) -> tuple[Factors, list[Monomial]]:
    """The monomial as a product: factors without bound indices, and sums that share no bound index."""
    if not mono.bound:
        return mono.factors, []
    groups = [frozenset([i]) for i in mono.bound]
    for atom in mono.factors:
        joined = [group for group in groups if not group.isdisjoint(atom.free)]
        if len(joined) > 1:
            groups = [group for group in groups if group.isdisjoint(atom.free)] + [joined[0].union(*joined)]

    def touching(indices: frozenset[Index]) -> Factors:
        return {atom: e for atom, e in mono.factors.items() if not atom.free.isdisjoint(indices)}

    parts = [Monomial(tuple([i for i in mono.bound if i in group]), touching(group)) for group in groups]
    return {atom: e for atom, e in mono.factors.items() if atom.free.isdisjoint(mono.bound)}, parts


def write_factors(factors: Iterable[tuple[Atom, Number]], names: Names) -> list[str]:
    """Atoms to their powers, each under the given names."""
    texts = [(atom.key if atom.free.isdisjoint(names) else atom.write(names), e) for atom, e in factors]
    written = sorted([text if e == 1 else f"{text}^({digits(e)})" for text, e in texts])
    spend(MONOMIAL + sum(map(len, written)))
    return written


def _depth(mono: Monomial) -> int:
    """How deep sums and matrices are nested inside the factors."""
    return max([atom.depth for atom in mono.factors], default=0)


def _write_sum(mono: Monomial, names: Names) -> str:
    """The key of one connected sum.  Its index names begin with its depth, so that no sum inside has the same ones."""
    bound, factors, depth = mono.bound, mono.factors, _depth(mono)
    around = {i: [(atom, e) for atom, e in factors.items() if i in atom.free] for i in bound}

    def seen(i: Index, colours: Names) -> tuple[str, ...]:
        return colours[i], *write_factors(around[i], {**names, **colours, i: "*"})

    def refine(colours: dict[Index, str]) -> dict[Index, str]:
        while (count := len(set(colours.values()))) < len(bound):
            marks = {i: seen(i, colours) for i in bound}
            order = {mark: rank for rank, mark in enumerate(sorted(set(marks.values())))}
            colours = {i: f"{depth}.{order[marks[i]]:03}<{i.size}>" for i in bound}
            if len(order) == count:
                break
        return colours

    def twins(i: Index, j: Index) -> bool:
        """True if exchanging the two indices changes nothing."""
        both = {**dict(around[i]), **dict(around[j])}.items()
        return write_factors(both, {**names, i: "1", j: "2"}) == write_factors(both, {**names, i: "2", j: "1"})

    def least(colours: dict[Index, str]) -> str:
        colours = refine(colours)
        members: dict[str, list[Index]] = {}
        for i in bound:
            members.setdefault(colours[i], []).append(i)
        tied = min([colour for colour in members if len(members[colour]) > 1], default=None)
        if tied is None:
            return f"Σ{','.join(sorted(members))}({'·'.join(write_factors(factors.items(), {**names, **colours}))})"
        tried: list[Index] = []
        for i in members[tied]:
            if not any(twins(i, j) for j in tried):
                tried.append(i)
        return min([least({**colours, i: f"{colours[i]}!"}) for i in tried])

    return least({i: f"{depth}.<{i.size}>" for i in bound})
