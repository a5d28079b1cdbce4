"""Steps, at whose places of equality a term may have a kink: what need not be said there, and what one says of another.

[-p > 0] = 1 - [p > 0]                 where nothing is to be said of places with p = 0
[p > 0] = 1                            there, if p is plainly at least 0, and no count of cases
[c p + r > 0] = 1 and [-c p - r > 0] = 0        where p > 0, for c > 0 and r >= 0
"""

from __future__ import annotations

from fractions import Fraction

from derive.index import laws
from derive.index.polynomial import Atom, Polynomial, Terms

Ties = bool | frozenset[str]  # False: nothing is said of places where a step's argument is 0; or of some steps' alone


def steps(poly: Polynomial) -> frozenset[str]:
    """The steps in a polynomial, wherever they stand."""
    atoms = {atom for _, mono in poly.terms for atom in mono.factors}
    inner: frozenset[str] = frozenset().union(*[steps(atom.inner) for atom in atoms if atom.inner is not None])
    return inner.union([atom.write(laws.blind(atom)) for atom in atoms if atom.kind == "step"])


def untold(atom: Atom, ties: Ties) -> bool:
    """True if nothing is to be said of places where the argument of a step is 0."""
    if isinstance(ties, bool):
        return not ties
    return not ties.isdisjoint([a.write(laws.blind(a)) for a in (atom, laws.opposite(atom)) if a is not None])


def turned(atom: Atom, ties: Ties) -> Terms | None:
    """``[-p > 0]`` as ``1 - [p > 0]``, and 1 for what is at least 0, where that holds; None for what stays."""
    if atom.kind != "step" or atom.inner is None or ties is True or not untold(atom, ties):
        return None
    if (other := laws.opposite(atom)) is None:
        return laws.number(1) if _is_smooth(atom.inner) else None
    return None if other.key > atom.key else laws.number(1) + laws.scale(laws.power_of(other), -1)


def _is_smooth(poly: Polynomial) -> bool:
    """True if no indicator and no whole number is inside: what is made of them is 0 at more than a few places."""
    inside = {atom for _, mono in poly.terms for atom in mono.factors}
    whole = any(laws.is_indicator(a) or a.fact == "int" for a in inside)
    return not whole and all(a.inner is None or _is_smooth(a.inner) for a in inside)


def implied(poly: Polynomial, known: Polynomial) -> dict[Atom, int]:
    """The free steps of a polynomial that are decided where ``known`` is more than 0."""
    found = {}
    for atom in {a for _, m in poly.terms for a in m.factors if a.kind == "step" and a.free.isdisjoint(m.bound)}:
        for value, inner in ((1, atom.inner), (0, atom.inner and laws.negative(atom.inner))):
            slopes = {m.write(): c for c, m in inner.terms if m.factors} if inner else {}
            c = next((Fraction(slopes[m.write()]) / d for d, m in known.terms if m.write() in slopes), Fraction(0))
            rest = Polynomial([*inner.terms, *laws.scale(known.terms, -c)]) if inner and c > 0 else None
            if rest is not None and laws.is_positive(rest, strictly=False):
                found[atom] = value
    return found
