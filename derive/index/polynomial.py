"""Polynomials in atoms, written canonically: what the normal form of a term is made of.

    polynomial = sum of  coefficient * (sum over bound indices of) product of  atom ** exponent

Atoms are entries, Kronecker symbols, sizes, primes (under a root), exponentials, function values, and bases (sums under
a negative or broken power).  Two polynomials are equal when their keys are; a key does not depend on the names of bound
indices.  Bound indices are told apart by refinement: each gets a colour from where it stands and from the colours of
its neighbours, until nothing changes; only a remaining tie is tried both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from derive.index.terms import Index, Position

Number = Fraction | int
Names = Mapping[Index, str]
NO_NAMES: Names = {}


class Atom:
    """A factor that is not taken apart further.

    ``kind`` is entry, delta, size, prime, exp, call or base; ``head`` its name, ``at`` its positions, ``inner`` the
    polynomial inside it, ``fact`` what is known of its value (positive, bool).
    """

    __slots__ = ("at", "fact", "free", "head", "inner", "key", "kind", "rule")

    def __init__(
        self, kind: str, head: str, at: tuple[Position, ...] = (), inner: Polynomial | None = None, fact: str = "float"
    ) -> None:
        self.kind, self.head, self.at, self.inner, self.fact = kind, head, at, inner, fact
        free = {i for position in at for i, _ in position.parts}
        self.free: frozenset[Index] = frozenset(free) if inner is None else inner.free
        self.key = self.write(NO_NAMES)
        self.rule: object = None  # for a base: how it is reduced, found once (normal.py)

    def write(self, names: Names) -> str:
        """The key under new names for free indices."""
        match self.kind:
            case "entry":
                return f"{self.head}[{','.join([write_position(p, names) for p in self.at])}]" if self.at else self.head
            case "delta":
                return f"[{min(write_position(self.at[0], names), write_position(self.at[0] * -1, names))}=0]"
            case "size" | "prime":
                return f"#{self.head}"
        assert self.inner is not None
        return f"{self.head}({self.inner.write(names)})"

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Atom) and self.key == other.key)

    def __repr__(self) -> str:
        return self.key


Factors = dict[Atom, Number]


class Monomial:
    """``sum over bound of product of atom ** exponent``, without its coefficient."""

    __slots__ = ("bound", "factors")

    def __init__(self, bound: tuple[Index, ...] = (), factors: Factors | None = None) -> None:
        self.bound, self.factors = bound, factors if factors is not None else {}

    def write(self, names: Names = NO_NAMES) -> str:
        """The key: the parts that share no bound index are written one by one, then sorted."""
        if not self.bound:
            return "·".join(sorted([write_power(atom, e, names) for atom, e in self.factors.items()])) or "1"
        loose, parts = split(self.factors, self.bound)
        written = [write_power(atom, e, names) for atom, e in loose.items()]
        written += [write_sum(bound, factors, names) for bound, factors in parts]
        return "·".join(sorted(written))


Terms = list[tuple[Number, Monomial]]


class Polynomial:
    """Monomials with their coefficients, like terms collected, in the order of their keys."""

    __slots__ = ("free", "key", "terms")

    def __init__(self, terms: Iterable[tuple[Number, Monomial]]) -> None:
        collected: dict[str, tuple[Number, Monomial]] = {}
        for c, mono in terms:
            key = mono.write()
            old = collected.get(key)
            collected[key] = (c if old is None else old[0] + c, mono)
        kept = sorted((key, c, mono) for key, (c, mono) in collected.items() if c) if len(collected) > 1 else [
            (key, c, mono) for key, (c, mono) in collected.items() if c
        ]
        self.terms: Terms = [(c, mono) for _, c, mono in kept]
        self.key = " + ".join([f"{c}·{key}" for key, c, _ in kept]) or "0"
        free: set[Index] = set()
        for _, mono in self.terms:
            for atom in mono.factors:
                free |= atom.free
            free.difference_update(mono.bound)
        self.free = frozenset(free)

    def write(self, names: Names) -> str:
        """The key under new names for free indices."""
        if not any(i in names for i in self.free):
            return self.key
        return " + ".join(sorted([f"{c}·{mono.write(names)}" for c, mono in self.terms]))

    @property
    def single(self) -> tuple[Number, Monomial] | None:
        """The only term, or None if there is none or more than one."""
        return self.terms[0] if len(self.terms) == 1 else None

    def __repr__(self) -> str:
        return self.key


def split(factors: Factors, bound: Sequence[Index]) -> tuple[Factors, list[tuple[tuple[Index, ...], Factors]]]:
    """The factors without bound indices, and the connected parts of the rest, each with its bound indices."""
    loose: Factors = {}
    groups: list[tuple[set[Index], Factors]] = []
    active = set(bound)
    for atom, e in factors.items():
        touched = active & atom.free
        if not touched:
            loose[atom] = e
            continue
        merged: Factors = {}
        apart = []
        for indices, group in groups:
            if indices & touched:
                touched |= indices
                merged.update(group)
            else:
                apart.append((indices, group))
        merged[atom] = e
        groups = [*apart, (touched, merged)]
    return loose, [(tuple(i for i in bound if i in indices), group) for indices, group in groups]


def write_position(position: Position, names: Names) -> str:
    """A position with its indices named; equal positions are written alike."""
    parts = position.parts
    if len(parts) == 1 and not position.offset.terms and parts[0][1].constant == 1:
        return names.get(parts[0][0]) or parts[0][0].label
    written = sorted([f"({c})*{names.get(i) or i.label}" for i, c in parts])
    return "+".join([*written, f"({position.offset})"])


def write_power(atom: Atom, exponent: Number, names: Names) -> str:
    """An atom to its power under the given names."""
    text = atom.key if not names or not any(i in names for i in atom.free) else atom.write(names)
    return text if exponent == 1 else f"{text}^({exponent})"


def write_sum(bound: tuple[Index, ...], factors: Factors, names: Names) -> str:
    """The key of one connected sum: its bound indices named by refinement."""
    around = {i: [(atom, e) for atom, e in factors.items() if i in atom.free] for i in bound}
    level = depth(factors)  # inner sums have a lower level, so that inner and outer names never meet

    def written(atoms: Iterable[tuple[Atom, Number]], colours: Names) -> list[str]:
        return sorted([write_power(atom, e, colours) for atom, e in atoms])

    def refine(colours: dict[Index, str]) -> dict[Index, str]:
        while (count := len(set(colours.values()))) < len(bound):
            named = {**names, **colours}
            seen = {i: (colours[i], *written(around[i], {**named, i: "*"})) for i in bound}
            order = {mark: rank for rank, mark in enumerate(sorted(set(seen.values())))}
            colours = {i: f"{level}.{order[seen[i]]:03}<{i.size}>" for i in bound}
            if len(order) == count:
                break
        return colours

    def twins(i: Index, j: Index) -> bool:
        both = {**dict(around[i]), **dict(around[j])}.items()
        return written(both, {**names, i: "1", j: "2"}) == written(both, {**names, i: "2", j: "1"})

    def least(colours: dict[Index, str]) -> str:
        colours = refine(colours)
        classes: dict[str, list[Index]] = {}
        for i in bound:
            classes.setdefault(colours[i], []).append(i)
        tied = min((colour for colour, members in classes.items() if len(members) > 1), default=None)
        if tied is None:
            body = "·".join(written(factors.items(), {**names, **colours}))
            return f"Σ{','.join(sorted(colours.values()))}:{body}"
        tried: list[Index] = []  # one of each set of interchangeable indices is enough
        for i in classes[tied]:
            if not any(twins(i, j) for j in tried):
                tried.append(i)
        return min(least({**colours, i: f"{colours[i]}!"}) for i in tried)

    return least({i: f"{level}.<{i.size}>" for i in bound})


def depth(factors: Factors) -> int:
    """How deep sums are nested inside the factors, so that inner and outer bound names never meet."""
    deepest = 0
    for atom in factors:
        if atom.inner is not None:
            for _, mono in atom.inner.terms:
                deepest = max(deepest, depth(mono.factors) + (1 if mono.bound else 0))
    return deepest
