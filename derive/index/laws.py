"""The laws of scalar arithmetic on polynomials: products, powers, exponentials, functions, cases, Kronecker symbols.

Nothing here knows of arrays.  A law is applied only if it holds for all real values at which its left side is defined
and its right side is defined there as well, so that laws may be chained.  With a 0/1 factor this is meant case by case:
``m log(x)`` is 0 where m is 0, whatever x is.  A root is defined for arguments of at least 0 only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import gcd, lcm

from derive.index.effort import FACTOR, MONOMIAL, PLACE, raised, spend
from derive.index.functions import PRIMITIVES
from derive.index.polynomial import Atom, Factors, Monomial, Number, Polynomial, Terms, split
from derive.index.size import ZERO, Quotient, Size
from derive.index.terms import Index, Position

POSITIVE_FACTS = frozenset({"positive", "unit", "stochastic"})

ONE = Monomial()


def exact(value: Number) -> Number:
    """The number, as an int where it is whole."""
    return value.numerator if value.denominator == 1 else value


def number(value: Number) -> Terms:
    """A constant."""
    return [(exact(value), ONE)] if value else []


def monomial(factors: Factors, c: Number = 1) -> Terms:
    """A number times a product of atoms to their powers."""
    return [(c, Monomial((), factors))]


def power_of(atom: Atom, exponent: Number = 1) -> Terms:
    """One atom to a power."""
    return monomial({atom: exponent})


def size_terms(size: Size) -> Terms:
    """A size as a number in a formula."""
    return [(c, Monomial((), {Atom("size", name): p for name, p in powers})) for powers, c in size.terms]


def scale(terms: Terms, by: Number) -> Terms:
    """The terms times a number."""
    return terms if by == 1 else [(exact(c * by), mono) for c, mono in terms] if by else []


def negative(poly: Polynomial) -> Polynomial:
    """The polynomial times -1."""
    return Polynomial(scale(poly.terms, -1))


def multiply(left: Terms, right: Terms) -> Terms:
    """The product of two sums, bound indices kept apart; not yet tidied."""
    spend(sum([MONOMIAL + FACTOR * len(m.factors) for _, m in left]) * len(right))
    return [(exact(a * b), join(s, t)) for a, s in left for b, t in right]


def join(s: Monomial, t: Monomial) -> Monomial:
    """The product of two monomials side by side: a bound index of one is not the same index in the other."""
    if t.bound and not s.indices.union(s.bound).isdisjoint(t.bound):
        t = renamed(t)
    if s.bound and not t.indices.isdisjoint(s.bound):
        s = renamed(s)
    if not (s.factors and t.factors):
        return Monomial(s.bound + t.bound, s.factors or t.factors)
    factors = dict(s.factors)
    for atom, e in t.factors.items():
        factors[atom] = exact(factors[atom] + e) if atom in factors else e
    return Monomial(s.bound + t.bound, factors)


def linear(terms: Terms, change: Callable[[Monomial], Terms]) -> Terms:
    """The sum of what becomes of each monomial, times its coefficient."""
    return [t for c, m in terms for t in scale(change(m), c)]


def bind(bound: tuple[Index, ...], terms: Terms) -> Terms:
    """The sum over some indices of terms in which they are free."""
    if not bound:
        return terms
    safe = [(c, m if set(bound).isdisjoint(m.bound) else renamed(m)) for c, m in terms]
    return [(c, Monomial(bound + m.bound, m.factors)) for c, m in safe]


def renamed(mono: Monomial) -> Monomial:
    """The monomial with fresh bound indices.  Renaming keeps the form of everything inside, so no law is needed."""
    if not mono.bound:
        return mono
    fresh = [i.fresh() for i in mono.bound]
    places = {i: Position.of(j) for i, j in zip(mono.bound, fresh, strict=True)}

    def rename(factors: Factors) -> Factors:
        return {atom if atom.free.isdisjoint(places) else again(atom): e for atom, e in factors.items()}

    def again(atom: Atom) -> Atom:
        inner = atom.inner and Polynomial([(c, Monomial(m.bound, rename(m.factors))) for c, m in atom.inner.terms])
        return Atom(atom.kind, atom.head, tuple([p.at(places) for p in atom.at]), inner, atom.fact, atom.row, atom.axes)

    return Monomial(tuple(fresh), rename(mono.factors))


# ---- signs, and what divides every term


def is_positive_power(atom: Atom, e: Number, strictly: bool) -> bool:
    """True if ``atom ** e`` is plainly at least 0 (strictly: more than 0) wherever it is defined."""
    if atom.kind in ("exp", "size", "prime") or atom.fact in POSITIVE_FACTS:
        return not (strictly and e > 0 and isinstance(atom.head, Quotient))
    if atom.inner is not None and atom.kind == "base" and is_positive(atom.inner, strictly and e > 0):
        return True
    return (e < 0 or not strictly) and (e.denominator > 1 or e % 2 == 0 or is_indicator(atom))


def is_positive(poly: Polynomial, strictly: bool) -> bool:
    """True if every term is plainly at least 0 (strictly: and one of them more)."""

    def plainly(mono: Monomial, more: bool) -> bool:
        some = not more or all((i.size - 1).is_nonnegative() for i in mono.bound)  # a sum over nothing is 0
        return some and all(is_positive_power(a, e, more) for a, e in mono.factors.items())

    least = all(c > 0 and plainly(m, False) for c, m in poly.terms)
    return least and (not strictly or any(plainly(m, True) for _, m in poly.terms))


def is_flipped(poly: Polynomial) -> bool:
    """True if of p and -p this is the one not chosen; that does not look at index names, and a tie is not flipped."""
    names = blind(poly)
    texts = [(m.write(names), c) for c, m in poly.terms]
    return sorted([(text, -c) for text, c in texts]) > sorted(texts)


def blind(whole: Polynomial | Atom) -> dict[Index, str]:
    """Names for the free indices that tell no two of one size apart."""
    return {i: f"*<{i.size}>" for i in whole.free}


def content(poly: Polynomial, leaves: Callable[[Atom, Number], bool]) -> tuple[Number, Factors, Polynomial]:
    """``poly = number * factors * rest``, the number positive, the factors what divides every term and ``leaves``."""
    scaled = Fraction(gcd(*[c.numerator for c, _ in poly.terms]), lcm(*[c.denominator for c, _ in poly.terms]))
    front: Factors = {}
    if poly.single is not None:
        c, mono = poly.single
        loose, parts = split(mono)
        front = {atom: e for atom, e in loose.items() if leaves(atom, e)}
        stuck = Monomial((), loose).without(front)
        for part in parts:
            whole = Atom("base", inner=Polynomial([(1, part)]))
            if leaves(whole, 1):
                front[whole] = exact(front.get(whole, 0) + 1)
            else:
                stuck = join(stuck, part)
        return exact(scaled), front, Polynomial([(1 if c > 0 else -1, stuck)])
    for atom in {atom: None for _, m in poly.terms for atom in m.factors}:
        spend(len(poly.terms))
        least = min([m.factors.get(atom, 0) for _, m in poly.terms])
        if least and leaves(atom, least) and all(atom.free.isdisjoint(m.bound) for _, m in poly.terms):
            front[atom] = least
    if scaled == 1 and not front:
        return 1, {}, poly

    def rest(factors: Factors) -> Factors:
        powers = {**dict.fromkeys(front, 0), **factors}
        return {a: d for a, e in powers.items() if (d := exact(e - front.get(a, 0)))}

    left = Polynomial([(exact(c / scaled), Monomial(m.bound, rest(m.factors))) for c, m in poly.terms])
    return exact(scaled), front, left


def positive_content(poly: Polynomial, strictly: bool) -> tuple[Number, Factors, Polynomial]:
    """``poly = number * factors * rest`` with factors that are at least 0, for a root or a logarithm."""
    c, front, rest = content(poly, lambda atom, e: is_positive_power(atom, e, strictly))
    if rest.key == "-1·1":
        raise ZeroDivisionError("a root or a logarithm of a negative number")
    sign, last = rest.single or (0, ONE)
    if sign == 1 and len(last.factors) == 1 and not last.bound:  # nothing else is left that could be negative with it
        return c, {**front, **last.factors}, Polynomial(number(1))
    return c, front, rest


def magnitude(atom: Atom, e: Number) -> Terms | None:
    """``|atom|`` if it is only an even power of the atom that is known to be positive: ``(x^2)^(1/2) = |x|``."""
    return call("abs", inside(atom)) if e % 2 == 0 and not is_positive_power(atom, 1, False) else None


def inside(atom: Atom) -> Polynomial:
    """The atom as a polynomial; a base, for one, is what it is made of."""
    return atom.inner if atom.kind == "base" and atom.inner is not None else Polynomial(power_of(atom))


# ---- powers


def power(poly: Polynomial, exponent: Number) -> Terms:
    """A polynomial to a rational power; ZeroDivisionError for 0 to a negative one."""
    exponent = exact(exponent)
    if not poly.terms and exponent < 0:
        raise ZeroDivisionError("0 to a negative power")
    is_whole = exponent.denominator == 1
    if is_whole and exponent >= 0:
        return _repeated(poly, int(exponent))
    if not poly.terms:
        return []
    if (cases := by_cases(poly, lambda p: power(p, exponent))) is not None:
        return cases
    if is_whole:
        c, front, rest = content(poly, lambda atom, e: True)
        if is_flipped(rest):
            c, rest = -c, negative(rest)
        result = number(raised(c, int(exponent)))
    else:  # (s t)^(1/2) = s^(1/2) t^(1/2) needs s > 0, or that no factor is negative
        c, front, rest = positive_content(poly, strictly=exponent > 0 and not is_positive(poly, False))
        result = _root(c, exponent)
    if rest.key != "1·1":
        result = multiply(result, power_of(Atom("base", inner=rest), exponent))
    for atom, e in front.items():
        size = None if is_whole else magnitude(atom, e)
        part = power_of(atom, exact(e * exponent)) if size is None else power(Polynomial(size), e * exponent)
        result = multiply(result, part)
    return result


def _repeated(poly: Polynomial, times: int) -> Terms:
    if poly.single is not None and not poly.single[1].bound:
        c, mono = poly.single
        factors = {a: exact(e * times) for a, e in mono.factors.items()} if times else {}
        return monomial(factors, raised(c, times))
    result = number(1)
    for _ in range(times):
        result = Polynomial(multiply(result, poly.terms)).terms
    return result


def _root(value: Number, exponent: Number) -> Terms:
    """A positive rational to a broken power, as a product of powers of primes; what is whole in them is tidied away."""
    return monomial({Atom("prime", str(p)): exact(e * exponent) for p, e in _factorized(value).items()})


def _factorized(value: Number) -> dict[int, int]:
    """A positive rational as a product of powers; a factor with no divisor below a bound counts as prime."""
    found: dict[int, int] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        prime, left = 2, part
        while prime * prime <= left and prime < 10_000:
            while left % prime == 0:
                left, found[prime] = left // prime, found.get(prime, 0) + sign
            prime += 1
        spend(prime)
        if left > 1:
            found[left] = found.get(left, 0) + sign
    return found


# ---- functions


def call(function: str, poly: Polynomial) -> Terms:
    """The value of a function of the table, by its symmetry and its links to the others."""
    if function == "sign":  # sign p = [p > 0] - [-p > 0]
        return call("step", poly) + scale(call("step", negative(poly)), -1)
    if function == "abs":  # |p| = p sign p
        return multiply(poly.terms, call("sign", poly))
    if (cases := by_cases(poly, lambda p: call(function, p))) is not None:
        return cases
    if (law := {"exp": exponential, "log": logarithm, "step": step}.get(function)) is not None:
        return law(poly)
    symmetry = PRIMITIVES[function].symmetry
    if not poly.terms and symmetry == "odd":
        return []
    if symmetry and is_flipped(poly):
        return scale(power_of(Atom(function, inner=negative(poly))), -1 if symmetry == "odd" else 1)
    return power_of(Atom(function, inner=poly))


def exponential(poly: Polynomial) -> Terms:
    """``exp(sum of c * m) = product of exp(m) ** c``, and ``exp(c log p) = p ** c``."""
    result = number(1)
    for c, mono in poly.terms:
        log = next(iter(mono.factors)) if len(mono.factors) == 1 and not mono.bound else None
        if log is not None and log.kind == "log" and log.inner is not None and mono.factors[log] == 1:
            result = multiply(result, power(log.inner, c))
        else:
            result = multiply(result, power_of(Atom("exp", inner=Polynomial([(1, mono)])), c))
    return result


def logarithm(poly: Polynomial) -> Terms:
    """``log(c * positive factors * p) = log c + sum of e log(factor) + log p``, and ``log(exp(p)) = p``."""
    if not poly.terms:
        raise ZeroDivisionError("the logarithm of 0")
    c, front, rest = positive_content(poly, strictly=False)
    result = [] if rest.key == "1·1" else power_of(Atom("log", inner=rest))
    for prime, times in _factorized(c).items():
        result = result + scale(power_of(Atom("log", inner=Polynomial(number(prime)))), times)
    for atom, e in front.items():
        if (size := magnitude(atom, e)) is not None:
            result = result + scale(call("log", Polynomial(size)), e)
        elif atom.kind == "exp" and atom.inner is not None:
            result = result + scale(atom.inner.terms, e)
        else:
            result = result + scale(power_of(Atom("log", inner=inside(atom))), e)
    return result


def step(poly: Polynomial) -> Terms:
    """1 where the polynomial is more than 0, else 0: positive factors are left out."""
    if not poly.terms:
        return []
    _, _, rest = content(without_denominators(poly), lambda atom, e: is_positive_power(atom, e, strictly=True))
    if is_positive(rest, strictly=True):
        return number(1)
    return [] if is_positive(negative(rest), strictly=False) else power_of(Atom("step", inner=rest))


def without_denominators(poly: Polynomial) -> Polynomial:
    """A sum times what is below the line in some of its terms and plainly positive: ``1 - 1/(1 + t)`` is t."""
    for atom in {a: None for _, m in poly.terms for a, e in m.factors.items() if e == -1 and a.kind == "base"}:
        powers = {m.factors.get(atom, 0) for _, m in poly.terms if atom.free.isdisjoint(m.bound)}
        if powers == {0, -1} and is_positive_power(atom, 1, strictly=True):
            above = {True: number(1), False: inside(atom).terms}
            parts = [multiply([(c, m.without({atom}))], above[atom in m.factors]) for c, m in poly.terms]
            poly = Polynomial([t for part in parts for t in part])
    return poly


# ---- indicators: atoms whose value is 0 or 1


def is_indicator(atom: Atom) -> bool:
    """True for steps, Kronecker symbols and entries of masks."""
    return atom.kind in ("step", "delta") or atom.fact in ("bool", "onehot")


def opposite(atom: Atom) -> Atom | None:
    """For the step of p the step of -p, which is never 1 at the same time; None if -p is never more than 0."""
    if atom.rule is None and atom.kind == "step" and atom.inner is not None:
        terms = step(negative(atom.inner))
        atom.rule = next(iter(terms[0][1].factors)) if terms else ()
    return atom.rule if isinstance(atom.rule, Atom) else None


def cases_of(atom: Atom) -> list[dict[Atom, int]]:
    """The values that an indicator and its opposite can have together."""
    other = opposite(atom)
    return [{atom: 0}, {atom: 1}] if other is None else [{atom: 0, other: 0}, {atom: 1, other: 0}, {atom: 0, other: 1}]


def by_cases(poly: Polynomial, function: Callable[[Polynomial], Terms]) -> Terms | None:
    """``f(p) = f(p at 0) + m (f(p at 1) - f(p at 0))`` for a 0/1 atom m in p; None if p has none.

    A case in which f is not defined is left out: there is nothing to be said about it.  But a Kronecker symbol is 0 at
    some entries whatever the arrays are, so that such an array is nowhere defined.
    """
    atom = next((a for _, m in poly.terms for a in m.factors if is_indicator(a) and a.free.isdisjoint(m.bound)), None)
    if atom is None:
        return None
    values = []
    for case in cases_of(atom):
        try:
            values.append(function(Polynomial(fix(poly, case))))
        except ZeroDivisionError:
            if atom.kind == "delta":
                raise
            values.append([])
    result = values[0]
    for case, value in zip(cases_of(atom)[1:], values[1:], strict=True):
        here = next(a for a, v in case.items() if v)
        result = result + multiply(power_of(here), value + scale(values[0], -1))
    return result


def fix(poly: Polynomial, values: dict[Atom, int]) -> Terms:
    """The polynomial with some 0/1 atoms set; under a sum that binds their index they are other ones."""
    kept: Terms = []
    for c, m in poly.terms:
        here = {a: v for a, v in values.items() if a in m.factors and a.free.isdisjoint(m.bound)}
        if all(here.values()):
            kept.append((c, m.without(here)))
    return kept


# ---- Kronecker symbols


def kronecker(difference: Position) -> Terms:
    """``[difference = 0]``: decided by range where it can be, taken apart where it is a mixed-radix number."""
    spend(PLACE)
    match difference.bounds():
        case low, high if not low.terms and not high.terms:
            return number(1)
        case low, high if (low - 1).is_nonnegative() or (-high - 1).is_nonnegative():
            return []
    for radix in sorted({c for _, c in difference.parts} | {-c for _, c in difference.parts}, key=str):
        if (digits := _digits(difference, radix)) is not None:
            return multiply(kronecker(digits[0]), kronecker(digits[1]))
    return power_of(Atom("delta", at=(difference,)))


def _digits(position: Position, radix: Size) -> tuple[Position, Position] | None:
    """``position = radix * high + low`` with ``|low| < radix``: both must vanish.  None if it is not of this form."""
    if radix.constant in (1, -1):
        return None
    high = {i: quotient for i, c in position.parts if (quotient := c.over(radix)) is not None}
    offset = position.offset.over(radix)
    rest = Position(position.offset if offset is None else ZERO, {i: c for i, c in position.parts if i not in high})
    bounds = rest.bounds()
    if bounds is None or not ((radix - 1 - bounds[1]).is_nonnegative() and (radix - 1 + bounds[0]).is_nonnegative()):
        return None
    return Position(offset or ZERO, high), rest


def solutions(difference: Position) -> Iterator[tuple[Index, Position]]:
    """Indices, each with the place it has where the difference is 0."""
    for i, c in difference.parts:
        if c.constant in (1, -1):
            yield i, (difference - Position.of(i) * c) * -c


def solve(difference: Position, bound: tuple[Index, ...]) -> tuple[Index, Position] | None:
    """A bound index and the place it has where the difference is 0, if that place is surely in its range."""
    found = solutions(difference) if bound else iter(())
    return next(((i, place) for i, place in found if i in bound and fits(place, i.size)), None)


def fits(place: Position, size: Size) -> bool:
    """True if the place is surely in the range of an axis."""
    if place.index is not None and place.index.size == size:
        return True
    bounds = place.bounds()
    return bounds is not None and bounds[0].is_nonnegative() and (size - 1 - bounds[1]).is_nonnegative()
