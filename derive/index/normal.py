"""The normal form of a term, and equality: equal normal forms are equal for every size and every real value.

A term is multiplied out into a polynomial (polynomial.py) by the laws of arithmetic (laws.py); each monomial is then
tidied: Kronecker symbols are sifted, sums over nothing become sizes, and a sum that stands above its own inverse is
cancelled.  Unequal normal forms mean nothing more than "not shown".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from derive.index import laws
from derive.index.laws import exact, is_whole, join, multiply, number, power_of, scale, size_terms
from derive.index.polynomial import Atom, Factors, Monomial, Number, Polynomial, Terms, split
from derive.index.terms import (
    Apply,
    Delta,
    Entry,
    Extent,
    Index,
    Plus,
    Position,
    Power,
    Term,
    Times,
    Total,
)
from derive.index.terms import Number as NumberTerm

MAX_STEPS = 20_000  # tidying steps for one product; more means that the term is out of reach


def normal_form(term: Term) -> Polynomial:
    """The normal form; Exhausted if it is too large, ZeroDivisionError if the term is nowhere defined."""
    return Polynomial(expand(term))


def equal(left: Term, right: Term) -> bool:
    """True if the two terms are shown equal wherever both are defined; False only means "not shown"."""
    return vanishes(normal_form(left - right))


def expand(term: Term) -> Terms:
    """The term multiplied out and tidied."""
    match term:
        case NumberTerm(value=value):
            return number(value)
        case Extent(size=size):
            return size_terms(size)
        case Entry(array=array, at=at, kind=fact):
            return power_of(Atom("entry", array, at, fact=fact))
        case Delta(left=left, right=right):
            return laws.kronecker(left - right)
        case Plus(terms=terms):
            return [t for u in terms for t in expand(u)]
        case Times(factors=factors):
            result = number(1)
            for u in factors:
                result = tidy(multiply(result, expand(u)))
                if not result:
                    break
            return result
        case Total(index=index, body=body):
            return tidy([(c, Monomial((*m.bound, index), m.factors)) for c, m in map(_own(index), expand(body))])
        case Power(base=base, exponent=exponent):
            return tidy(laws.power(Polynomial(expand(base)), exponent))
        case Apply(function=function, argument=argument):
            return tidy(laws.call(function, Polynomial(expand(argument))))
    raise TypeError(f"{type(term).__name__} is not an index term")


def _own(index: Index) -> Callable[[tuple[Number, Monomial]], tuple[Number, Monomial]]:
    return lambda term: (term[0], laws.apart(term[1]) if index in term[1].bound else term[1])


# ---- tidying one monomial

def tidy(terms: Terms) -> Terms:
    """The terms with every monomial in its final form."""
    done: Terms = []
    todo = terms[::-1]
    steps = 0
    while todo:
        c, mono = todo.pop()
        better = _step(mono) if mono.factors or mono.bound else None
        if better is None:
            done.append((c, mono))
            continue
        todo += scale(better, c)
        steps += 1
        if steps > MAX_STEPS:
            raise laws.Exhausted(f"more than {MAX_STEPS} steps")
    return done


def _step(mono: Monomial) -> Terms | None:
    """One step of tidying, or None if there is nothing to do."""
    used: set[Index] = set()
    bases: list[Atom] = []
    for atom, e in mono.factors.items():
        used |= atom.free
        if not e:
            return [(1, _without(mono, atom))]
        if atom.kind == "delta" and (sifted := _sift(mono, atom)) is not None:
            return sifted
        if e != 1 and e > 0 and laws.is_indicator(atom):
            return [(1, Monomial(mono.bound, {**mono.factors, atom: 1}))]
        if atom.head == "step" and laws.opposite(atom) in mono.factors:
            return []
        if atom.kind == "prime" and not 0 < e < 1:
            whole = e.numerator // e.denominator
            return [(Fraction(int(atom.head)) ** whole, Monomial(mono.bound, {**mono.factors, atom: e - whole}))]
        if atom.kind == "base":
            assert atom.inner is not None
            if is_whole(e) and e > 0:
                return multiply([(1, _without(mono, atom))], laws.power(atom.inner, e))
            bases.append(atom)
    for i in mono.bound:
        if i not in used:
            return multiply([(1, Monomial(tuple(j for j in mono.bound if j is not i), mono.factors))], size_terms(i.size))
    for base in bases:
        if (reduced := _reduce(mono, base)) is not None:
            return reduced
    return None


def _without(mono: Monomial, *atoms: Atom) -> Monomial:
    return Monomial(mono.bound, {a: e for a, e in mono.factors.items() if a not in atoms})


def _sift(mono: Monomial, atom: Atom) -> Terms | None:
    """``sum_i [i = p] f(i) = f(p)`` if p is surely in the range of i."""
    difference = atom.at[0]
    for i, c in difference.parts:
        if i in mono.bound and c.constant in (1, -1):
            place = difference - Position.of(i) * c
            place = place * -1 if c.constant == 1 else place
            other = place.index
            if other is None or other.size != i.size:
                bounds = place.bounds()
                if bounds is None or not (bounds[0].is_nonnegative() and (i.size - 1 - bounds[1]).is_nonnegative()):
                    continue
            rest = Monomial(tuple(j for j in mono.bound if j is not i), _without(mono, atom).factors)
            return substitute(rest, {i: place})
    return None


def substitute(mono: Monomial, places: dict[Index, Position]) -> Terms:
    """The monomial with free indices replaced by positions."""
    incoming = {i for p in places.values() for i, _ in p.parts}
    return _rebuild(mono, lambda a: not a.free.isdisjoint(places), incoming, lambda a: _moved(a, places))


def _moved(atom: Atom, places: dict[Index, Position]) -> Terms | None:
    if atom.kind == "entry":
        return power_of(Atom("entry", atom.head, tuple(p.at(places) for p in atom.at), fact=atom.fact))
    return laws.kronecker(atom.at[0].at(places)) if atom.kind == "delta" else None


def _rebuild(
    mono: Monomial, touched: Callable[[Atom], bool], incoming: set[Index], leaf: Callable[[Atom], Terms | None]
) -> Terms:
    """The monomial with the touched atoms made anew: by ``leaf`` where it gives terms, else from their inner parts."""
    if incoming and not incoming.isdisjoint(mono.bound):
        mono = laws.apart(mono)
    kept: Factors = {}
    made: list[Terms] = []
    for atom, e in mono.factors.items():
        if not touched(atom):
            kept[atom] = e
            continue
        new = leaf(atom)
        if new is None:
            assert atom.inner is not None
            inner = Polynomial(t for c, m in atom.inner.terms for t in scale(_rebuild(m, touched, incoming, leaf), c))
            new = tidy(laws.power(inner, e) if atom.kind == "base" else laws.call(atom.head, inner))
            e = 1 if atom.kind == "base" else e
        made.append(new if e == 1 else laws.power(Polynomial(new), e))
    result: Terms = [(1, Monomial(mono.bound, kept))]
    for terms in made:
        result = multiply(result, terms)
    return tidy(result)


# ---- a sum above its own inverse

@dataclass(frozen=True)
class _Relation:
    """``lead = (base - rest) / coefficient``, by which a lead next to a power of the base is replaced."""

    coefficient: Number
    lead: Monomial
    rest: Terms


def _reduce(mono: Monomial, base: Atom) -> Terms | None:
    """Replace the lead of a base beside a broken or negative power of it: ``e p^q = p^(q+1) - rest p^q``."""
    assert base.inner is not None
    if base.rule is None:
        base.rule = _lead(base.inner) or ()
    relations = [base.rule] if isinstance(base.rule, _Relation) else []
    relations += _trailing(mono, base)
    for relation in relations:
        remaining = _take(mono, base, relation.lead)
        if remaining is None:
            continue
        e = mono.factors[base]
        once_more = Monomial(remaining.bound, {**remaining.factors, base: exact(e + 1)})
        as_before = Monomial(remaining.bound, {**remaining.factors, base: e})
        replaced = [(1, once_more), *multiply([(-1, as_before)], relation.rest)]
        return scale(replaced, Fraction(1) / relation.coefficient)
    return None


def _lead(poly: Polynomial) -> _Relation | None:
    """The term that is replaced: without sums if possible, of high degree, not dividing another; None for a tie."""
    if poly.single is not None:
        return _Relation(poly.single[0], poly.single[1], [])
    blind = {i: f"*<{i.size}>" for i in poly.free}

    def rank(mono: Monomial) -> tuple[bool, Number, str]:
        return not mono.bound, sum(mono.factors.values()), mono.write(blind)

    ranked = sorted(((rank(m), c, m) for c, m in poly.terms if m.factors), key=lambda entry: entry[0])
    for (order, c, lead), others in zip(reversed(ranked), range(len(ranked) - 1, -1, -1), strict=True):
        if any(rank(m) == order for k, (_, _, m) in enumerate(ranked) if k != others):
            continue
        if any(_divides(lead, m) for _, m in poly.terms if m is not lead):
            continue
        return _Relation(c, lead, [(d, m) for d, m in poly.terms if m is not lead])
    return None


def _divides(lead: Monomial, mono: Monomial) -> bool:
    return not lead.bound and all(mono.factors.get(a, 0) >= e for a, e in lead.factors.items())


def _trailing(mono: Monomial, base: Atom) -> list[_Relation]:
    """For an atom under a negative power: the one term of the base without it, so that its power rises to 0."""
    assert base.inner is not None
    relations = []
    for atom, e in mono.factors.items():
        if e < 0 and atom is not base and any(atom in m.factors for _, m in base.inner.terms):
            without = [(c, m) for c, m in base.inner.terms if atom not in m.factors]
            if len(without) == 1:
                (c, lead), = without
                relations.append(_Relation(c, lead, [(d, m) for d, m in base.inner.terms if m is not lead]))
    return relations


def _take(mono: Monomial, base: Atom, lead: Monomial) -> Monomial | None:
    """The monomial with the lead taken out of it (and the base left out), or None if the lead is not in it."""
    factors = {a: e for a, e in mono.factors.items() if a is not base and a != base}
    bound = mono.bound
    loose, parts = split(lead.factors, lead.bound)
    for atom, e in loose.items():
        if factors.get(atom, 0) < e or e < 0:
            return None
        if not (rest := exact(factors[atom] - e)):
            del factors[atom]
        else:
            factors[atom] = rest
    for indices, group in parts:
        wanted = Monomial(indices, group).write()
        outer = base.free
        _, present = split(factors, [i for i in bound if i not in outer])
        match = next((p for p in present if len(p[0]) == len(indices) and Monomial(*p).write() == wanted), None)
        if match is None:
            return None
        factors = {a: e for a, e in factors.items() if a not in match[1]}
        bound = tuple(i for i in bound if i not in match[0])
    return Monomial(bound, factors)


# ---- equality

def vanishes(poly: Polynomial) -> bool:
    """True if the polynomial is 0: by itself, over a common denominator, or in each of the cases of a step."""
    if not poly.terms:
        return True
    cleared = _over_common_denominator(poly)
    if cleared is not None:
        return vanishes(cleared)
    steps = [a for _, m in poly.terms for a in m.factors if laws.is_indicator(a) and a.head == "step"
             and a.free.isdisjoint(m.bound)]
    if steps:
        atom = min(steps, key=lambda a: a.key)
        other = laws.opposite(atom)
        assert other is not None
        return (
            vanishes(Polynomial(laws.fix(poly, {atom: 1, other: 0})))
            and vanishes(Polynomial(laws.fix(poly, {atom: 0, other: 1})))
            and vanishes(_at_zero(Polynomial(laws.fix(poly, {atom: 0, other: 0})), atom))
        )
    return False


def _at_zero(poly: Polynomial, step: Atom) -> Polynomial:
    """The polynomial where the argument of the step is 0, if that argument is a single entry; else as it is."""
    assert step.inner is not None
    single = step.inner.single
    if single is None or single[1].bound or len(single[1].factors) != 1:
        return poly
    (zero, e), = single[1].factors.items()
    if zero.kind != "entry" or e != 1:
        return poly
    return Polynomial(
        t for c, m in poly.terms
        for t in scale(_rebuild(m, lambda a: _mentions(a, zero), set(), lambda a: [] if a == zero else None), c)
    )


def _mentions(atom: Atom, other: Atom) -> bool:
    if atom == other:
        return True
    return atom.inner is not None and any(_mentions(a, other) for _, m in atom.inner.terms for a in m.factors)


def _over_common_denominator(poly: Polynomial) -> Polynomial | None:
    """The polynomial times the bases that stand below in it; None if there is none."""
    below: dict[Atom, int] = {}
    for _, mono in poly.terms:
        for atom, e in mono.factors.items():
            if atom.kind == "base" and e < 0 and atom.free.isdisjoint(mono.bound):
                below[atom] = max(below.get(atom, 0), -(e.numerator // e.denominator))
    if not below:
        return None
    raised = Monomial((), dict(below))
    return Polynomial(tidy([join(c, m, 1, raised) for c, m in poly.terms]))
