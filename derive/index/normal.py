"""The normal form of a term, and equality: equal normal forms are equal for every size and every real value.

A term is multiplied out into a polynomial by the laws of arithmetic (laws.py), Kronecker symbols first:

    sum_i [i = p] f(i) = f(p)             if p is surely in the range of i
    sum_i f            = size(i) f        if i is not in f
    sum_i A[.., i] = 1, A[.., i] A[.., j] = A[.., i] A[.., j] [i = j]     in rows of probabilities, with a single 1
    t B^e              = B^(e+1) - (B - t) B^e        for one chosen term t of a base B: partial fractions

The last law is what cancels a sum that stands above its own inverse; for inverses of matrices it is in matrices.py.
Unequal normal forms mean nothing more than "not shown": ``equal`` also looks at them over a common denominator, and in
each case of a step or Kronecker symbol.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from derive.index import laws
from derive.index.effort import MONOMIAL, bounded, raised, spend
from derive.index.kinks import Ties, implied, steps, turned, untold
from derive.index.laws import bind, exact, linear, monomial, multiply, number, power_of, scale, size_terms
from derive.index.polynomial import Atom, Factors, Monomial, Number, Polynomial, Terms, split
from derive.index.terms import Apply, Delta, Entry, Extent, Index, OfMatrix, Plus, Position, Power, Term, Times, Total
from derive.index.terms import Number as NumberTerm

Places = dict[Index, Position]
Relation = tuple[Number, Monomial, Terms]  # c * monomial + rest, the terms of a base


@bounded
def normal_form(term: Term) -> Polynomial:
    """The normal form; Exhausted if it is too large, ZeroDivisionError if the term is nowhere defined."""
    return Polynomial(expand(term, {}))


@bounded
def equal(left: Term, right: Term, ties: Ties = True) -> bool:
    """True if the two terms are shown equal wherever both are defined; False only means "not shown".

    Without ``ties`` nothing is said of places where the argument of a step is 0; with the ``kinks`` of a term for them,
    of places where that of a step in it is.
    """
    return vanishes(normal_form(left - right), ties=ties)


def kinks(term: Term) -> frozenset[str]:
    """The steps in a term, wherever they stand, at any of its indices."""
    return steps(normal_form(term))


def expand(term: Term, places: Places) -> Terms:
    """The term multiplied out and tidied, its indices at the given places."""
    match term:
        case NumberTerm(value=value):
            return number(value)
        case Extent(size=size):
            return size_terms(size)
        case Entry(array=array, at=at, kind=fact, row=row):
            found = power_of(Atom("entry", array, tuple([p.at(places) for p in at]), None, fact, row))
            return found if row is None else tidy(found)
        case Delta(left=left, right=right):
            return laws.kronecker(left.at(places) - right.at(places))
        case Plus(terms=terms):
            spend(MONOMIAL)
            return [t for u in terms for t in expand(u, places)]
        case Power(base=base, exponent=exponent):
            return power(Polynomial(expand(base, places)), exponent)
        case Apply(function=function, argument=argument):
            return call(function, Polynomial(expand(argument, places)))
        case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
            axes = rows.fresh(), columns.fresh()
            inside = {**places, rows: Position.of(axes[0]), columns: Position.of(axes[1])}
            return matrices.value(function, axes, Polynomial(expand(body, inside)), tuple([p.at(places) for p in at]))
        case Times() | Total():
            return _product([(term, places)], [], ())
    raise TypeError(f"{type(term).__name__} is not an index term")


def _product(todo: list[tuple[Term, Places]], done: list[tuple[Term, Places]], bound: tuple[Index, ...]) -> Terms:
    """The sum over ``bound`` of a product.  Kronecker symbols are sifted before anything else is multiplied out."""
    todo, done = list(todo), list(done)
    while todo:
        factor, places = todo.pop()
        spend(MONOMIAL)
        match factor:
            case Times(factors=factors):
                todo += [(u, places) for u in factors]
            case Total(index=index, body=body):  # a sum may begin further out, for its index is made afresh
                fresh = index.fresh()
                bound = (*bound, fresh)
                todo.append((body, {**places, index: Position.of(fresh)}))
            case Plus(terms=terms) if any(map(_sifts, terms)):
                return [t for u in terms for t in _product([*todo, (u, places)], done, bound)]
            case Delta(left=left, right=right) if found := laws.solve(left.at(places) - right.at(places), bound):
                moved = dict([found])
                bound = tuple([i for i in bound if i is not found[0]])
                todo = [(u, {i: p.at(moved) for i, p in where.items()}) for u, where in todo]
                done = [(u, {i: p.at(moved) for i, p in where.items()}) for u, where in done]
            case _:
                done.append((factor, places))
    result = number(1)
    for factor, places in done:
        result = multiply(result, expand(factor, places))
        result = tidy(result) if len(result) > 1 else result
    return tidy(bind(bound, result))


def _sifts(term: Term) -> bool:
    """True if a Kronecker symbol is a factor of the term, or of a part of it."""
    spend(1)
    match term:
        case Plus(terms=parts) | Times(factors=parts):
            return any(map(_sifts, parts))
        case Total(body=body):
            return _sifts(body)
    return isinstance(term, Delta)


# ---- tidying one monomial


def tidy(terms: Terms) -> Terms:
    """The terms with every monomial in its final form."""
    done: Terms = []
    todo = terms[::-1]
    while todo:
        c, mono = todo.pop()
        spend(MONOMIAL)
        if (better := _step(mono)) is None:
            done.append((c, mono))
        else:
            todo += scale(better, c)
    return done


def _step(mono: Monomial) -> Terms | None:
    """One step of tidying, or None if there is nothing to do."""
    bases, inverses = [], []
    for atom, e in mono.factors.items():
        if not e:
            return [(1, mono.without({atom}))]
        match atom.kind:
            case "entry" if atom.row is None and not laws.is_indicator(atom):
                continue
            case "entry" if atom.at and e > 0 and (known := _in_row(mono, atom, e)) is not None:
                return known
            case "delta" if found := laws.solve(atom.at[0], mono.bound):
                return substitute(mono.without({atom}, found[0]), dict([found]))
            case "step" if laws.opposite(atom) in mono.factors:
                return []
            case "prime" if not 0 < e < 1:
                whole = e.numerator // e.denominator
                return [(raised(int(atom.head), whole), Monomial(mono.bound, {**mono.factors, atom: e - whole}))]
            case "base" if atom.inner is not None:
                if e > 0 and e.denominator == 1:
                    others = monomial(mono.without({atom}).factors)
                    return bind(mono.bound, multiply(others, laws.power(atom.inner, e)))
                bases.append(atom)
            case "inv" if e == 1:
                inverses.append(atom)
        if e > 0 and e != 1 and laws.is_indicator(atom):
            return [(1, Monomial(mono.bound, {**mono.factors, atom: 1}))]
    used = mono.indices if mono.bound else frozenset()
    for i in mono.bound:
        if i not in used:
            return multiply([(1, mono.without(index=i))], size_terms(i.size))
    for base in bases:
        if (reduced := _reduce(mono, base)) is not None:
            return reduced
    return matrices.contracted(mono, inverses) if inverses and mono.bound else None


def _in_row(mono: Monomial, atom: Atom, e: Number) -> Terms | None:
    """The laws of rows: two entries of a row with a single 1 are at one place, a whole row sums to 1; else None."""
    *outer, last = atom.at
    others = [a for a in mono.factors if a is not atom]
    alike = [a for a in others if (a.kind, a.head) == (atom.kind, atom.head)] if atom.fact == "onehot" else []
    for other in alike:
        if mono.factors[other] > 0 and [p.write({}) for p in outer] == [p.write({}) for p in other.at[:-1]]:
            link = laws.kronecker(last - other.at[-1])
            if not link or not link[0][1].factors.keys() <= mono.factors.keys():
                return [(c, Monomial(mono.bound, {**mono.factors, **m.factors})) for c, m in link]
    if atom.row == 1 and not last.parts and not last.offset.terms:
        return [(1, mono.without({atom}))]
    i = last.index
    if e != 1 or i is None or i not in mono.bound or i.size != atom.row:
        return None
    elsewhere = any(i in a.free for a in others) or any(i in dict(place.parts) for place in outer)
    return None if elsewhere else [(1, mono.without({atom}, i))]


def substitute(mono: Monomial, places: Places) -> Terms:
    """The monomial with indices replaced by positions."""

    def moved(atom: Atom) -> Terms | None:
        if atom.kind == "delta":
            return laws.kronecker(atom.at[0].at(places))
        at = tuple([p.at(places) for p in atom.at])
        return power_of(Atom(atom.kind, atom.head, at, None, atom.fact, atom.row)) if atom.inner is None else None

    return _rewrite(mono, lambda atom: not atom.free.isdisjoint(places), moved, places)


def substitute_all(terms: Terms, places: Places) -> Terms:
    """The terms with indices replaced by positions, which no bound index captures."""
    return linear(terms, lambda m: substitute(laws.renamed(m), places))


Change = Callable[[Atom], Terms | None]


def _rewrite(mono: Monomial, touched: Callable[[Atom], bool], change: Change, places: Places) -> Terms:
    """The monomial with the touched atoms made anew: as ``change`` says or, if it gives None, from what is inside."""
    moved = {atom: e for atom, e in mono.factors.items() if touched(atom)}
    result = monomial(mono.without(moved).factors)
    for atom, e in moved.items():
        new = change(atom)
        if new is None:
            assert atom.inner is not None
            inner = Polynomial(linear(atom.inner.terms, lambda m: _rewrite(laws.renamed(m), touched, change, places)))
            if atom.axes:
                new = matrices.value(atom.kind, atom.axes, inner, tuple([p.at(places) for p in atom.at]))
            else:
                new = inner.terms if atom.kind == "base" else tidy(laws.call(atom.kind, inner))
        result = multiply(result, new if e == 1 else power(Polynomial(new), e))
    return tidy(bind(mono.bound, result))


# ---- partial fractions: a term of a base above the base itself


def _reduce(mono: Monomial, base: Atom) -> Terms | None:
    """``t B^e = (B^(e+1) - (B - t) B^e)`` for a chosen term t of B, or None if t is not there."""
    assert base.inner is not None
    if base.rule is None:
        base.rule = _leading(base.inner)
    e = mono.factors[base]
    for c, lead, others in [*base.rule, *_trailing(mono, base.inner)]:
        remaining = take(mono.without({base}), lead, base.free)
        if remaining is not None:
            once_more = monomial({**remaining.factors, base: exact(e + 1)})
            as_before = monomial({**remaining.factors, base: e}, -1)
            return bind(remaining.bound, scale(once_more + multiply(as_before, others), Fraction(1) / c))
    return None


def relation(poly: Polynomial, lead: Monomial) -> Relation:
    """A term of a polynomial, set apart from the others."""
    (c,) = [c for c, m in poly.terms if m is lead]
    return c, lead, [(d, m) for d, m in poly.terms if m is not lead]


def _leading(poly: Polynomial) -> tuple[Relation, ...]:
    """The term that is replaced: no sum if possible, of high degree, not in another term; none where that is a tie."""
    blind = laws.blind(poly)
    ranks = [(not m.bound, sum(m.factors.values()), m.write(blind)) for _, m in poly.terms]
    for rank, (_, lead) in sorted(zip(ranks, poly.terms, strict=True), key=lambda pair: pair[0], reverse=True):
        spend(len(poly.terms))
        holding = [m for _, m in poly.terms if all(m.factors.get(a, 0) >= e for a, e in lead.factors.items())]
        if lead.factors and ranks.count(rank) == 1 and (lead.bound or holding == [lead]):
            return (relation(poly, lead),)
    return ()


def _trailing(mono: Monomial, poly: Polynomial) -> list[Relation]:
    """For an atom under a negative power: the one term of the base without it, so that its power rises to 0."""
    others = [[m for _, m in poly.terms if atom not in m.factors] for atom, e in mono.factors.items() if e < 0]
    return [relation(poly, rest[0]) for rest in others if len(rest) == 1 < len(poly.terms)]


def take(mono: Monomial, lead: Monomial, outer: frozenset[Index]) -> Monomial | None:
    """The monomial with the lead taken out of it, or None if the lead is not in it; ``outer`` is free in the lead."""
    factors = dict(mono.factors)
    bound = mono.bound
    loose, parts = split(lead)
    for atom, e in loose.items():
        left = exact(factors.pop(atom, 0) - e)
        if left < 0 or e < 0:
            return None
        if left:
            factors[atom] = left
    for part in parts:
        _, present = split(Monomial(tuple([i for i in bound if i not in outer]), factors))
        match = next((p for p in present if p.write() == part.write()), None)
        if match is None:
            return None
        factors = {a: e for a, e in factors.items() if a not in match.factors}
        bound = tuple([i for i in bound if i not in match.bound])
    return Monomial(bound, factors)


# ---- equality


@bounded
def vanishes(poly: Polynomial, tries: int = 4, ties: Ties = True, cleared: frozenset[str] = frozenset()) -> bool:
    """True if the polynomial is 0: by itself, with nothing below or inverted, or in each case of an indicator.

    ``tries`` is how long matrices are tried by which it may be multiplied so that their inverses go; ``cleared`` has
    the keys of what it was multiplied by, so that it is 0 where that is.
    """
    one_sided = {a: new for _, m in poly.terms for a in m.factors if (new := turned(a, ties)) is not None}
    if one_sided:  # they are replaced under sums too
        poly = Polynomial(linear(poly.terms, lambda m: _rewrite(m, one_sided.__contains__, one_sided.get, {})))
    if not poly.terms:
        return True
    if below := _denominator(poly):
        return vanishes(_cleared(poly, below), ties=ties, cleared=frozenset([a.inner.key for a in below if a.inner]))
    multiplied = zip(range(1, tries + 1, 2), matrices.multiplied(poly), strict=False)  # the likely ones first
    if any(vanishes(times, tries - k, ties, cleared) for k, times in multiplied):
        return True
    free = [a for _, m in poly.terms for a in m.factors if a.kind in ("step", "delta") and a.free.isdisjoint(m.bound)]
    atom = min(free, key=lambda a: a.key, default=None)
    if atom is None:
        return False
    cases = laws.cases_of(atom)
    if len(cases) == 3 and untold(atom, ties):  # neither p > 0 nor -p > 0
        cases = cases[1:]
    left = {case.key: case for case in [_in_case(poly, atom, case, cleared) for case in cases]}  # often much the same
    return all(vanishes(case, ties=ties, cleared=cleared) for case in reversed(left.values()))


def _in_case(poly: Polynomial, atom: Atom, case: dict[Atom, int], cleared: frozenset[str]) -> Polynomial:
    """What the polynomial is in a case of an indicator, what holds there being used; 0 if undefined."""
    here = Polynomial(laws.fix(poly, case))
    for positive in [a.inner for a, value in case.items() if value and a.kind == "step"]:
        here = Polynomial(laws.fix(here, implied(here, positive))) if positive is not None else here
    try:
        if atom.kind == "delta" and case[atom]:
            for i, place in laws.solutions(atom.at[0]):
                return Polynomial(substitute_all(here.terms, {i: place}))
        if atom.inner is not None and not any(case.values()):  # neither p > 0 nor -p > 0
            if not cleared.isdisjoint((atom.inner.key, laws.negative(atom.inner).key)):
                return Polynomial([])
            for _, lead in atom.inner.terms:
                c, _, others = relation(atom.inner, lead)
                x = next(iter(lead.factors), atom)
                alone = lead.factors == {x: 1} and not lead.bound and not _mention(others, x)
                if x.kind in ("entry", "det", "inv") and alone:
                    return _put(here, x, scale(others, Fraction(-1) / c))
    except ZeroDivisionError:
        return Polynomial([])
    return here


def _put(poly: Polynomial, atom: Atom, value: Terms) -> Polynomial:
    """The polynomial with a value put for an atom, wherever it stands."""
    change = {atom: value}.get
    return Polynomial(linear(poly.terms, lambda m: _rewrite(m, lambda a: _mention(power_of(a), atom), change, {})))


def _mention(terms: Terms, atom: Atom) -> bool:
    return any(a == atom or (a.inner and _mention(a.inner.terms, atom)) for _, m in terms for a in m.factors)


# ---- common denominators


def _denominator(poly: Polynomial) -> Factors:
    """The bases that stand below in a polynomial, each to the highest power."""
    below: Factors = {}
    for _, mono in poly.terms:
        for atom, e in mono.factors.items():
            if atom.kind == "base" and e < 0 and atom.free.isdisjoint(mono.bound):
                below[atom] = max(below.get(atom, 0), -(e.numerator // e.denominator))
    return below


def _cleared(poly: Polynomial, below: Factors) -> Polynomial:
    return Polynomial(times(poly.terms, monomial(below)))


def _as_fraction(poly: Polynomial) -> Polynomial:
    """``1 - 1 / (1 + u) = u / (1 + u)``: a sum over its common denominator, if one term is left above."""
    below = _denominator(poly) if len(poly.terms) > 1 else {}
    if not below or (above := _cleared(poly, below)).single is None:
        return poly
    return Polynomial(multiply(above.terms, monomial({atom: -e for atom, e in below.items()})))


# ---- reckoning with normal forms, as with numbers


def times(left: Terms, right: Terms) -> Terms:
    """The product of two sums, tidied."""
    return tidy(multiply(left, right))


def power(poly: Polynomial, exponent: Number) -> Terms:
    """A polynomial to a rational power; ``1 / (p / q) = q / p``."""
    below = _denominator(poly) if exponent < 0 and exponent.denominator == 1 and poly.single is None else {}
    if not below:
        return tidy(laws.power(poly, exponent))
    above = monomial({atom: e * -exponent for atom, e in below.items()})
    return times(above, power(_cleared(poly, below), exponent))


def call(function: str, poly: Polynomial) -> Terms:
    """The value of a function of the table; ``log(1 - 1 / (1 + u)) = log(u) - log(1 + u)``."""
    return tidy(laws.call(function, _as_fraction(poly) if function == "log" else poly))


from derive.index import matrices  # noqa: E402  # inverses hold polynomials, and polynomials inverses
