"""The laws of scalar arithmetic on polynomials: products, powers, exponentials, function values, Kronecker symbols.

Each function takes polynomials (or their terms) and gives terms; nothing here knows of arrays.  A law is applied only
where it holds for every real value at which both sides are defined.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import gcd, lcm

from derive.index.functions import PRIMITIVES
from derive.index.polynomial import Atom, Factors, Monomial, Number, Polynomial, Terms, split
from derive.index.size import Size
from derive.index.terms import Index, Position

MAX_TERMS = 20_000  # more terms than this in one product are not multiplied out

ONE = Monomial()
POSITIVE_FACTS = frozenset({"positive", "unit", "stochastic"})


class Exhausted(ArithmeticError):
    """The normal form would be too large to write; what was asked stays undecided."""


def exact(value: Number) -> Number:
    """The number, as an int where it is whole."""
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def is_whole(value: Number) -> bool:
    """True for whole numbers."""
    return value.denominator == 1


def number(value: Number) -> Terms:
    """A constant."""
    return [(exact(value), ONE)] if value else []


def power_of(atom: Atom, exponent: Number = 1) -> Terms:
    """One atom to a power."""
    return [(1, Monomial((), {atom: exponent}))]


def size_terms(size: Size) -> Terms:
    """A size as a number in a formula."""
    return [(c, Monomial((), {Atom("size", name): p for name, p in mono})) for mono, c in size.terms]


def scale(terms: Terms, by: Number) -> Terms:
    """The terms times a number."""
    return [(exact(c * by), mono) for c, mono in terms] if by else []


def negative(poly: Polynomial) -> Polynomial:
    """The polynomial times -1."""
    return Polynomial(scale(poly.terms, -1))


def multiply(left: Terms, right: Terms) -> Terms:
    """The product of two sums, bound indices kept apart; not yet tidied."""
    if len(left) * len(right) > MAX_TERMS:
        raise Exhausted(f"a product of {len(left)} and {len(right)} terms")
    return [join(a, s, b, t) for a, s in left for b, t in right]


def join(a: Number, s: Monomial, b: Number, t: Monomial) -> tuple[Number, Monomial]:
    """The product of two terms."""
    if s.bound and t.bound and not set(s.bound).isdisjoint(t.bound):
        t = apart(t)
    if not t.factors or not s.factors:
        return exact(a * b), Monomial(s.bound + t.bound, s.factors or t.factors)
    factors = dict(s.factors)
    for atom, e in t.factors.items():
        factors[atom] = exact(factors[atom] + e) if atom in factors else e
    return exact(a * b), Monomial(s.bound + t.bound, factors)


def apart(mono: Monomial) -> Monomial:
    """The monomial with fresh bound indices; renaming keeps its form."""
    fresh = {i: Index(i.size, i.name) for i in mono.bound}
    places = {i: Position.of(j) for i, j in fresh.items()}
    factors: Factors = {}
    for atom, e in mono.factors.items():
        factors[_renamed(atom, places) if not atom.free.isdisjoint(fresh) else atom] = e
    return Monomial(tuple(fresh.values()), factors)


def _renamed(atom: Atom, places: dict[Index, Position]) -> Atom:
    inner = atom.inner
    if inner is not None:
        inner = Polynomial(
            (c, Monomial(m.bound, {_renamed(a, places) if not a.free.isdisjoint(places) else a: e
                                   for a, e in m.factors.items()}))
            for c, m in inner.terms
        )
    return Atom(atom.kind, atom.head, tuple(p.at(places) for p in atom.at), inner, atom.fact)


# ---- signs

def is_nonnegative(atom: Atom) -> bool:
    """True if the atom is plainly at least 0 (and, entries and functions being what they are, more than 0 but for steps)."""
    if atom.kind == "entry":
        return atom.fact in POSITIVE_FACTS
    if atom.kind == "base":
        assert atom.inner is not None
        return is_positive(atom.inner)
    return atom.kind in ("exp", "size", "prime")


def is_positive(poly: Polynomial) -> bool:
    """True if every term is plainly at least 0: positive coefficients, positive atoms or even powers."""
    return bool(poly.terms) and all(
        c > 0 and all(is_nonnegative(a) or (is_whole(e) and e % 2 == 0) or not is_whole(e) for a, e in m.factors.items())
        for c, m in poly.terms
    )


def is_flipped(poly: Polynomial) -> bool:
    """True if of p and -p this is the one not chosen; the choice does not look at index names, so a tie is not flipped."""
    blind = {i: f"*<{i.size}>" for i in poly.free}
    return sorted((m.write(blind), -c) for c, m in poly.terms) > sorted((m.write(blind), c) for c, m in poly.terms)


def content(poly: Polynomial, positive: bool) -> tuple[Number, Factors, Polynomial]:
    """``poly = number * factors * rest`` with as much as possible in front; only what is positive, if so asked."""
    scaled = Fraction(gcd(*(c.numerator for c, _ in poly.terms)), lcm(*(c.denominator for c, _ in poly.terms)))
    if not positive and is_flipped(poly):
        scaled = -scaled
    common: Factors = {}
    for atom in {a for c, m in poly.terms for a in m.factors}:
        if any(not atom.free.isdisjoint(m.bound) for _, m in poly.terms) or (positive and not is_nonnegative(atom)):
            continue
        least = min(m.factors.get(atom, 0) for _, m in poly.terms)
        if least:
            common[atom] = least
    if scaled == 1 and not common:
        return 1, {}, poly
    rest = [
        (exact(c / scaled), Monomial(m.bound, {a: e for a in {**m.factors, **common}
                                               if (e := exact(m.factors.get(a, 0) - common.get(a, 0)))}))
        for c, m in poly.terms
    ]
    return exact(scaled), common, Polynomial(rest)


# ---- powers

def power(poly: Polynomial, exponent: Number) -> Terms:
    """A polynomial to a rational power; ZeroDivisionError for 0 to a negative one."""
    exponent = exact(exponent)
    if is_whole(exponent) and exponent >= 0:
        return _whole_power(poly, int(exponent))
    if not poly.terms:
        if exponent < 0:
            raise ZeroDivisionError("0 to a negative power")
        return []
    if (cases := by_cases(poly, lambda p: power(p, exponent))) is not None:
        return cases
    whole = is_whole(exponent)
    if poly.single is not None:
        return _single_power(*poly.single, exponent, whole)
    c, common, rest = content(poly, positive=not whole)
    if rest.single is not None:
        return multiply(power(Polynomial([(c, Monomial((), common))]), exponent), power(rest, exponent))
    front = _single_power(c, Monomial((), common), exponent, whole)
    return multiply(front, power_of(Atom("base", "base", inner=rest), exponent))


def _whole_power(poly: Polynomial, exponent: int) -> Terms:
    if poly.single is not None and not poly.single[1].bound:
        c, mono = poly.single
        return [(c**exponent, Monomial((), {a: exact(e * exponent) for a, e in mono.factors.items()} if exponent else {}))]
    result: Terms = number(1)
    for _ in range(exponent):
        result = Polynomial(multiply(result, poly.terms)).terms
    return result


def _single_power(c: Number, mono: Monomial, exponent: Number, whole: bool) -> Terms:
    """``(c sum_bound factors) ** exponent``: what may leave the root does, the rest stays as one base."""
    loose, parts = split(mono.factors, mono.bound)
    result: Terms = number(1)
    out: Factors = {}
    stuck: Factors = {}
    bound: tuple[Index, ...] = ()
    for atom, e in loose.items():
        if whole or is_nonnegative(atom) or not is_whole(e):
            out[atom] = exact(e * exponent)
        elif e % 2 == 0 and is_whole(e * exponent):  # (x^2)^(1/2) = |x|
            out[atom] = exact(e * exponent)
            if out[atom] % 2:
                result = multiply(result, call("sign", Polynomial(power_of(atom))))
        else:
            stuck[atom] = e
    for indices, factors in parts:
        inner = Polynomial([(1, Monomial(indices, factors))])
        if whole or is_positive(inner):
            out[Atom("base", "base", inner=inner)] = exponent
        else:
            stuck.update(factors)
            bound += indices
    if whole:
        constant = number(Fraction(c) ** int(exponent))
    else:
        constant = _root(abs(c), exponent)
        if c < 0 or stuck:
            inner = Polynomial([(1 if c > 0 else -1, Monomial(bound, stuck))])
            out[Atom("base", "base", inner=inner)] = exponent
    return multiply(multiply(constant, [(1, Monomial((), out))]), result)


def _root(value: Number, exponent: Number) -> Terms:
    """A positive rational to a broken power: primes to powers between 0 and 1, the rest multiplied out."""
    outside, primes = Fraction(1), {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, times in _factorized(part).items():
            e = Fraction(exponent) * times * sign
            outside *= Fraction(prime) ** (e.numerator // e.denominator)
            if rest := e - e.numerator // e.denominator:
                primes[Atom("prime", str(prime))] = rest
    return [(exact(outside), Monomial((), primes))]


def _factorized(value: int) -> dict[int, int]:
    found: dict[int, int] = {}
    prime = 2
    while prime * prime <= value and prime < 10_000:
        while value % prime == 0:
            value, found[prime] = value // prime, found.get(prime, 0) + 1
        prime += 1
    if value > 1:
        found[value] = found.get(value, 0) + 1
    return found


# ---- functions

def exponential(poly: Polynomial) -> Terms:
    """``exp(sum of c * m) = product of exp(m) ** c``, and ``exp(c log p) = p ** c``."""
    if (cases := by_cases(poly, exponential)) is not None:
        return cases
    result: Terms = number(1)
    factors: Factors = {}
    for c, mono in poly.terms:
        log = next(iter(mono.factors)) if len(mono.factors) == 1 and not mono.bound else None
        if log is not None and log.head == "log" and mono.factors[log] == 1:
            assert log.inner is not None
            result = multiply(result, power(log.inner, c))
        else:
            factors[Atom("exp", "exp", inner=Polynomial([(1, mono)]))] = c
    return multiply(result, [(1, Monomial((), factors))])


def logarithm(poly: Polynomial) -> Terms:
    """``log(c * positive factors * p) = log c + sum of e log(factor) + log p``."""
    if (cases := by_cases(poly, logarithm)) is not None:
        return cases
    if not poly.terms:
        raise ZeroDivisionError("the logarithm of 0")
    c, common, rest = content(poly, positive=True)
    if rest.single is not None and not rest.single[1].bound:
        stuck = {a: e for a, e in rest.single[1].factors.items() if is_whole(e)}
        common = {**common, **{a: e for a, e in rest.single[1].factors.items() if not is_whole(e)}}
        rest = Polynomial([(rest.single[0], Monomial((), stuck))])
    result = []
    for prime, e in (*_factorized(c.numerator).items(), *((p, -e) for p, e in _factorized(c.denominator).items())):
        result += scale(power_of(Atom("call", "log", inner=Polynomial(number(prime)))), e)
    for atom, e in common.items():
        if atom.kind == "exp":
            assert atom.inner is not None
            result += scale(atom.inner.terms, e)
        elif atom.kind == "base":
            assert atom.inner is not None
            result += scale(logarithm(atom.inner), e)
        else:
            result += scale(power_of(Atom("call", "log", inner=Polynomial(power_of(atom)))), e)
    return result if rest.key == "1·1" else result + power_of(Atom("call", "log", inner=rest))


def step(poly: Polynomial) -> Terms:
    """1 where the polynomial is more than 0, else 0."""
    if (cases := by_cases(poly, step)) is not None:
        return cases
    if not poly.terms:
        return []
    if poly.single is not None and not poly.single[1].factors:
        return number(int(poly.single[0] > 0))
    _, _, rest = content(poly, positive=True)
    if is_positive(rest) and all(is_nonnegative(a) for _, m in rest.terms[:1] for a in m.factors):
        return number(1)
    return power_of(Atom("call", "step", inner=rest))


def call(function: str, poly: Polynomial) -> Terms:
    """The value of a function of the table, by its symmetry and its links to the others."""
    if function == "exp":
        return exponential(poly)
    if function == "log":
        return logarithm(poly)
    if function == "step":
        return step(poly)
    if function == "sign":  # sign p = [p > 0] - [-p > 0], and |p| = p sign p
        return step(poly) + scale(step(negative(poly)), -1)
    if function == "abs":
        return multiply(poly.terms, call("sign", poly))
    if (cases := by_cases(poly, lambda p: call(function, p))) is not None:
        return cases
    symmetry = PRIMITIVES[function].symmetry
    if not poly.terms and symmetry == "odd":
        return []
    if symmetry and is_flipped(poly):
        return scale(power_of(Atom("call", function, inner=negative(poly))), -1 if symmetry == "odd" else 1)
    return power_of(Atom("call", function, inner=poly))


# ---- indicators: atoms whose value is 0 or 1

def is_indicator(atom: Atom) -> bool:
    """True for steps, Kronecker symbols and entries of masks."""
    return atom.head == "step" or atom.kind == "delta" or atom.fact == "bool"


def opposite(atom: Atom) -> Atom | None:
    """For the step of p the step of -p, which is never 1 at the same time."""
    if atom.head != "step" or atom.inner is None:
        return None
    if atom.rule is None:
        atom.rule = Atom("call", "step", inner=content(negative(atom.inner), positive=True)[2])
    assert isinstance(atom.rule, Atom)
    return atom.rule


def by_cases(poly: Polynomial, function: Callable[[Polynomial], Terms]) -> Terms | None:
    """``f(p)`` with a 0/1 atom in p is ``atom f(p at 1) + (1 - atom) f(p at 0)``; None if p has no such atom."""
    for _, mono in poly.terms:
        for atom in mono.factors:
            if (atom.head == "step" or atom.fact == "bool") and atom.free.isdisjoint(mono.bound):
                other = opposite(atom)
                neither = function(Polynomial(fix(poly, {atom: 0} if other is None else {atom: 0, other: 0})))
                cases = neither + multiply(power_of(atom), scale(neither, -1))
                cases += multiply(power_of(atom), function(Polynomial(fix(poly, {atom: 1, **({other: 0} if other else {})}))))
                if other is not None:
                    cases += multiply(power_of(other), scale(neither, -1))
                    cases += multiply(power_of(other), function(Polynomial(fix(poly, {atom: 0, other: 1}))))
                return cases
    return None


def fix(poly: Polynomial, values: dict[Atom, int]) -> Terms:
    """The polynomial with some 0/1 atoms set."""
    kept: Terms = []
    for c, mono in poly.terms:
        if all(values.get(a, 1) for a in mono.factors):
            kept.append((c, Monomial(mono.bound, {a: e for a, e in mono.factors.items() if a not in values})))
    return kept


# ---- Kronecker symbols

def kronecker(difference: Position) -> Terms:
    """``[difference = 0]``: decided by range where it can be, taken apart digit by digit where it is a mixed-radix number."""
    bounds = difference.bounds()
    if bounds is not None:
        low, high = bounds
        if not low.terms and not high.terms:
            return number(1)
        if (low - 1).is_nonnegative() or (-high - 1).is_nonnegative():
            return []
    for radix in sorted({c for _, c in difference.parts} | {-c for _, c in difference.parts}, key=str):
        digits = _digits(difference, radix)
        if digits is not None:
            return multiply(kronecker(digits[0]), kronecker(digits[1]))
    return power_of(Atom("delta", "delta", (difference,)))


def _digits(position: Position, radix: Size) -> tuple[Position, Position] | None:
    """``position = radix * high + low`` with ``|low| < radix``: both must vanish.  None if it is not of this form."""
    if radix.constant == 1 or len(radix.terms) != 1 or radix.terms[0][1] <= 0:
        return None
    high: dict[Index, Size] = {}
    low: dict[Index, Size] = {}
    for i, c in position.parts:
        quotient = _divide(c, radix)
        if quotient is None:
            low[i] = c
        else:
            high[i] = quotient
    offset = _divide(position.offset, radix) if position.offset.terms else Size({})
    rest = Position(position.offset if offset is None else Size({}), low)
    bounds = rest.bounds()
    if not high or not rest.parts or bounds is None:
        return None
    if not ((radix - 1 - bounds[1]).is_nonnegative() and (radix - 1 + bounds[0]).is_nonnegative()):
        return None
    return Position(offset or Size({}), high), rest


def _divide(size: Size, radix: Size) -> Size | None:
    """The exact quotient by a single term, or None."""
    (divisor, d), = radix.terms
    result = {}
    for mono, c in size.terms:
        powers = dict(mono)
        for name, p in divisor:
            powers[name] = powers.get(name, 0) - p
        if c % d or any(p < 0 for p in powers.values()):
            return None
        result[tuple(sorted((name, p) for name, p in powers.items() if p))] = c // d
    return Size(result)
