"""Sizes of axes: polynomials with whole coefficients in named sizes, such as ``n``, ``4*k``, ``n+1``.

A size is both the range of an index and, as a scalar, a number in a formula.  Two sizes are equal when their
polynomials are; nothing is assumed about a name except that it is a whole number, at least 1 where an index over it
exists.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import lru_cache

Monomial = tuple[tuple[str, int], ...]  # (("h", 1), ("k", 2)) is h*k**2

MAX_TEXT = 200  # a size is short; longer text is not parsed


class SizeSyntaxError(ValueError):
    """Text that is not a size: only names, whole numbers, ``+ - *`` and brackets are."""


class Size:
    """A polynomial with whole coefficients in named sizes; immutable and hashable."""

    __slots__ = ("_hash", "terms")

    terms: tuple[tuple[Monomial, int], ...]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        self.terms = tuple(sorted((mono, c) for mono, c in terms.items() if c))
        self._hash = hash(self.terms)

    @staticmethod
    def of(value: Size | str | int) -> Size:
        """The size that a name, a number or a text such as ``"h*k"`` stands for; SizeSyntaxError otherwise."""
        return value if isinstance(value, Size) else _parse(str(value))

    @property
    def names(self) -> frozenset[str]:
        """The names that occur."""
        return frozenset(name for mono, _ in self.terms for name, _ in mono)

    @property
    def constant(self) -> int | None:
        """The number this size is, or None if it has names."""
        if not self.terms:
            return 0
        return self.terms[0][1] if self.terms == (((), self.terms[0][1]),) else None

    @property
    def name(self) -> str | None:
        """The single name this size is, or None if it is anything else."""
        if len(self.terms) == 1 and self.terms[0][1] == 1 and len(self.terms[0][0]) == 1:
            (name, power), = self.terms[0][0]
            return name if power == 1 else None
        return None

    def __add__(self, other: Size | int) -> Size:
        total = dict(self.terms)
        for mono, c in Size.of(other).terms:
            total[mono] = total.get(mono, 0) + c
        return Size(total)

    def __neg__(self) -> Size:
        return Size({mono: -c for mono, c in self.terms})

    def __sub__(self, other: Size | int) -> Size:
        return self + (-Size.of(other))

    def __mul__(self, other: Size | int) -> Size:
        product: dict[Monomial, int] = {}
        for left, a in self.terms:
            for right, b in Size.of(other).terms:
                powers = dict(left)
                for name, power in right:
                    powers[name] = powers.get(name, 0) + power
                mono = tuple(sorted(powers.items()))
                product[mono] = product.get(mono, 0) + a * b
        return Size(product)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: int) -> Size:
        return Size.of(other) - self

    def at(self, values: Mapping[str, Size | int]) -> Size:
        """This size with names replaced by sizes or numbers; names not given stay."""
        if not any(name in values for name in self.names):
            return self
        total = ZERO
        for mono, c in self.terms:
            part = Size.of(c)
            for name, power in mono:
                factor = Size.of(values[name]) if name in values else Size.of(name)
                for _ in range(power):
                    part = part * factor
            total = total + part
        return total

    def is_nonnegative(self) -> bool:
        """True if this is surely at least 0 when every name is at least 1 (False when that is not plain to see)."""
        shifted = self.at({name: Size.of(name) + 1 for name in self.names})
        return all(c >= 0 for _, c in shifted.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Size) and self.terms == other.terms

    def __hash__(self) -> int:
        return self._hash

    def __str__(self) -> str:
        if not self.terms:
            return "0"
        text = ""
        for mono, c in sorted(self.terms, key=lambda term: (-sum(p for _, p in term[0]), term[0])):
            names = "*".join(name if power == 1 else "*".join([name] * power) for name, power in mono)
            body = f"{abs(c)}*{names}" if names and abs(c) != 1 else names or str(abs(c))
            text += (" - " if c < 0 else " + ") + body
        return text[3:] if text.startswith(" + ") else "-" + text[3:]

    def __repr__(self) -> str:
        return f"Size({str(self)!r})"


ZERO, ONE = Size({}), Size({(): 1})


@lru_cache(maxsize=4096)
def _parse(text: str) -> Size:
    if len(text) > MAX_TEXT:
        raise SizeSyntaxError(f"a size of {len(text)} characters; at most {MAX_TEXT} are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise SizeSyntaxError(f"{text!r} is not a size") from None
    return _read(tree, text)


def _read(node: ast.expr, text: str) -> Size:
    match node:
        case ast.Name(id=name):
            return Size({((name, 1),): 1})
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return Size({(): number})
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_read(operand, text)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _read(left, text) + _read(right, text)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _read(left, text) - _read(right, text)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return _read(left, text) * _read(right, text)
    raise SizeSyntaxError(f"{text!r} is not a size: {ast.unparse(node)!r} is not a name, a whole number, +, - or *")
