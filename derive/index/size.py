"""Sizes of axes: polynomials with whole coefficients in named sizes, such as ``n``, ``4*k``, ``n+1``, ``(n - 3)//s``.

A size is both the range of an index and, as a scalar, a number in a formula.  Two sizes are equal when their
polynomials are.  Of a name nothing is assumed but that it is a whole number of at least 1, of an axis and of a whole
quotient that it is at least 0: a theorem is about the sizes for which that holds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from numbers import Integral
from operator import index

from derive.index.effort import Exhausted

Powers = tuple[tuple[str, int], ...]  # (("h", 1), ("k", 2)) is h*k**2

MAX_TERMS = 1_000  # in one product


class Quotient(str):
    """A quotient rounded down, ``(n - 3)//s``: a name in a size; ``names`` are those inside.  Made by ``//`` alone."""

    over: Size
    by: Size
    names: frozenset[str]

    def __new__(cls, over: Size, by: Size) -> Quotient:
        """The name of ``over // by``."""
        parts = [str(s) if s.name or s.constant is not None else f"({s})" for s in (over, by)]
        self = super().__new__(cls, "//".join(parts))
        self.over, self.by, self.names = over, by, over.names | by.names
        return self


class Size:
    """A polynomial with whole coefficients in named sizes; immutable and hashable."""

    __slots__ = ("_hash", "terms")

    terms: tuple[tuple[Powers, int], ...]

    def __init__(self, terms: Mapping[Powers, int]) -> None:
        self.terms = tuple(sorted([(powers, c) for powers, c in terms.items() if c]))
        self._hash = hash(self.terms if self.constant is None else self.constant)

    @staticmethod
    def of(value: Size | str | int) -> Size:
        """The size that a name or a whole number stands for."""
        if isinstance(value, Size):
            return value
        if isinstance(value, str) and not value.isidentifier():
            raise ValueError(f"{value!r} is not the name of a size")
        return Size({((str(value), 1),): 1} if isinstance(value, str) else {(): index(value)})

    @property
    def names(self) -> frozenset[str]:
        """The names that occur, also inside quotients."""
        held = [name for powers, _ in self.terms for name, _ in powers]
        return frozenset().union(*[name.names if isinstance(name, Quotient) else (name,) for name in held])

    @property
    def quotients(self) -> frozenset[Quotient]:
        """The whole quotients that occur, not those inside others."""
        return frozenset(name for powers, _ in self.terms for name, _ in powers if isinstance(name, Quotient))

    @property
    def constant(self) -> int | None:
        """The number this size is, or None if it has names."""
        if not self.terms:
            return 0
        return self.terms[0][1] if len(self.terms) == 1 and not self.terms[0][0] else None

    @property
    def plain(self) -> Size:
        """Itself, without what an heir may add to it."""
        return self if type(self) is Size else Size(dict(self.terms))

    @property
    def name(self) -> str | None:
        """The single name this size is, or None if it is anything else."""
        match self.terms:
            case ((((name, 1),), 1),) if not isinstance(name, Quotient):
                return name
        return None

    def __add__(self, other: Size | int) -> Size:
        if not isinstance(other, Size | Integral):
            return NotImplemented  # an array, say, which knows what to do
        other = Size.of(other)
        if not (self.terms and other.terms):
            return self if self.terms else other
        total = dict(self.terms)
        for powers, c in other.terms:
            total[powers] = total.get(powers, 0) + c
        return Size(total)

    def __neg__(self) -> Size:
        return Size({powers: -c for powers, c in self.terms})

    def __sub__(self, other: Size | int) -> Size:
        if not isinstance(other, Size | Integral):
            return NotImplemented
        return self + -Size.of(other)

    def __mul__(self, other: Size | int) -> Size:
        if not isinstance(other, Size | Integral):
            return NotImplemented
        other = Size.of(other)
        if ONE in (self, other):
            return other if self == ONE else self
        if len(self.terms) * len(other.terms) > MAX_TERMS:
            raise Exhausted(f"a size of more than {MAX_TERMS} terms")
        product: dict[Powers, int] = {}
        for left, a in self.terms:
            for right, b in other.terms:
                powers = tuple(sorted(_joined(left, right, 1).items()))
                product[powers] = product.get(powers, 0) + a * b
        return Size(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Size:
        return Size.of(other) - self

    def over(self, divisor: Size) -> Size | None:
        """The exact quotient by a divisor that is not 0, or None if there is none: division term by leading term."""
        names = sorted({name for powers, _ in self.terms + divisor.terms for name, _ in powers})

        def rank(term: tuple[Powers, int]) -> list[int]:
            return [dict(term[0]).get(name, 0) for name in names]

        (right, d), quotient, rest = max(divisor.terms, key=rank), ZERO, self.plain
        while rest.terms:
            left, c = max(rest.terms, key=rank)
            powers = _joined(left, right, -1)
            if c % d or min(powers.values(), default=0) < 0:
                return None
            part = Size({tuple(sorted((name, p) for name, p in powers.items() if p)): c // d})
            quotient, rest = quotient + part, rest - part * divisor.plain
        return quotient

    def __floordiv__(self, divisor: Size | int) -> Size:
        """The quotient rounded down, by a divisor supposed to be at least 1; what it divides exactly is taken out."""
        over, by = self.plain, Size.of(divisor).plain
        if (-by).is_nonnegative():
            raise ZeroDivisionError(f"{self} // {divisor}")
        whole = ZERO
        for powers, c in over.terms if len(by.terms) == 1 else ():
            d = by.terms[0][1]
            shift = c // d if c > 0 or not powers else -(-c // d)  # a number leaves 0 <= rest < d, so that it is unique
            whole = whole + (Size({powers: shift * d}).over(by) or ZERO)
        rest = over - whole * by
        for few in (0, -1, 1):
            if (rest - by * few).is_nonnegative() and (by * few + by - 1 - rest).is_nonnegative():
                return whole + few
        return whole + Size({((Quotient(rest, by), 1),): 1})

    def at(self, values: Mapping[str, Size | int]) -> Size:
        """This size with names replaced by sizes or numbers, also inside quotients; names not given stay."""
        return self._with(lambda name: Size.of(values.get(name, name)))

    def _with(self, value: Callable[[str], Size], inside: bool = True) -> Size:
        total = ZERO
        for powers, c in self.terms:
            part = Size.of(c)
            for name, power in powers:
                if inside and isinstance(name, Quotient):
                    new = name.over._with(value) // name.by._with(value)
                else:
                    new = value(name)
                for _ in range(power):
                    part = part * new
            total = total + part
        return total

    @lru_cache(maxsize=4096)  # noqa: B019 - sizes are few and small
    def is_nonnegative(self) -> bool:
        """True if this is surely at least 0 when every name is at least 1 and every quotient at least 0.

        False when that is not plain to see.
        """
        if sum([2 ** sum([p for _, p in powers]) for powers, _ in self.terms]) > MAX_TERMS:
            return all(c >= 0 for _, c in self.terms)
        moved = self._with(lambda name: Size({((name, 1),): 1}) + (not isinstance(name, Quotient)), inside=False)
        if all(c >= 0 for _, c in moved.terms):
            return True
        if self.quotients and all(q.by.constant and not q.over.quotients for q in self.quotients):
            moved = self.at({name: Size.of(name) + 1 for name in self.names})  # its quotients too, by numbers alone
            if all(c >= 0 for part in (moved, *[q.over for q in moved.quotients]) for _, c in part.terms):
                return True
        for powers, c in self.terms:
            for q in [name for name, _ in powers if isinstance(name, Quotient) and c < 0 and len(name.by.terms) == 1]:
                for by in (ONE, q.by) if q.by.constant else (ONE,):  # itself, or so many times itself
                    part = Size({powers: c}) * by
                    if (times := part.over(q.by * Size({((q, 1),): 1}))) is not None:
                        return (self.plain * by - part + times * q.over).is_nonnegative()  # b (a // b) <= a
        return False

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):  # W.shape[1] == 1, as code asks; a name is equal to no number
            return self.constant == other
        return self is other or (isinstance(other, Size) and self.terms == other.terms)

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        return _written(self.terms)

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


ZERO, ONE = Size({}), Size({(): 1})


def _joined(left: Powers, right: Powers, sign: int) -> dict[str, int]:
    powers = dict(left)
    for name, power in right:
        powers[name] = powers.get(name, 0) + sign * power
    return powers


@lru_cache(maxsize=4096)
def _written(terms: tuple[tuple[Powers, int], ...]) -> str:
    text = ""
    for powers, c in sorted(terms, key=lambda term: (-sum(p for _, p in term[0]), term[1] < 0, term[0])):
        factors = [name for name, power in powers for _ in range(power)]
        bare = len(factors) == 1 and (c == 1 or (c == -1 and text))
        names = "*".join(f"({f})" if isinstance(f, Quotient) and not bare else f for f in factors)
        body = f"{abs(c)}*{names}" if names and abs(c) != 1 else names or str(abs(c))
        text += (" - " if c < 0 else " + ") + body
    return text[3:] if text.startswith(" + ") else "-" + text[3:] if text else "0"
