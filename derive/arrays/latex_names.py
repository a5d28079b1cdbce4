"""Names, numbers and sizes in LaTeX."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from derive.arrays.functions import ATOM, PLUS, POWER, TIMES
from derive.index.size import Size

if TYPE_CHECKING:
    from derive.arrays.array import Array

GREEK = {"alpha", "beta", "gamma", "delta", "epsilon", "eps", "lambda", "mu", "sigma", "theta"}
DECIMAL = 16  # a fraction of a larger denominator is written with decimals, if that is exact
MINUS = 15  # how tightly a sign binds: A(-B) and A - (-B) want brackets, which Python does without

Text = tuple[str, int]  # LaTeX and its precedence


@dataclass(frozen=True)
class Notation:
    """What a formula does not say itself.

    ``adjoints``: the names that are adjoints, since ``doutput`` is that of output, and ``data`` is none; ``letters``:
    by which letters the axes of a name go; ``names``: expressions that are written by a name.
    """

    adjoints: frozenset[str] = frozenset()
    letters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[Array, str] = field(default_factory=dict)


PLAIN = Notation()


def symbol(label: str, notation: Notation = PLAIN) -> str:
    """A name: ``W1`` as W₁, ``dW1`` as an adjoint, ``eps`` as ε, ``mask`` as a word, ``w_ih``, ``h[s]``, ``X_bar``."""
    if indexed := re.fullmatch(r"(\w+)\[(.+)\]", label):
        return f"{{{symbol(indexed[1], notation)}}}_{{{indexed[2]}}}"
    if barred := re.fullmatch(r"(\w+)_bar(\d*)", label):
        return rf"\overline{{{symbol(barred[1], notation)}}}" + (f"_{{{barred[2]}}}" if barred[2] else "")
    if label in notation.adjoints or re.fullmatch(r"d([A-Z]\w*|[A-Za-z](_?\d+|_[A-Za-z]+)?)", label):
        stem, above = (label[1:-4], r"^{\mathrm{out}}") if label.endswith("_out") else (label[1:], "")
        return rf"\mathrm{{d}}{symbol(stem)}{above}"
    if told := re.fullmatch(r"([A-Za-z])_([A-Za-z]+)", label):
        return f"{told[1]}_{{{told[2] if len(told[2]) == 1 else word(told[2])}}}"
    found = re.fullmatch(r"([A-Za-z]+?)_?(\d*)", label)
    if not found:
        return word(label)
    stem, digits = found.groups()
    greek = "\\epsilon" if stem == "eps" else f"\\{stem}" if stem in GREEK else ""
    return (greek or (stem if len(stem) == 1 else word(stem))) + (f"_{{{digits}}}" if digits else "")


def subscripted(symbol: str, places: Sequence[str]) -> str:
    """``W_{i,j}``; a symbol that has a subscript is put in braces."""
    if not places:
        return symbol
    stem = f"{{{symbol}}}" if "_{" in symbol and not symbol.startswith(r"\left") else symbol
    return f"{stem}_{{{','.join(places)}}}"


def word(text: str) -> str:
    """A name of several letters: in one piece, unlike a product of letters."""
    return rf"\mathit{{{text}}}".replace("_", r"\_")


def operator(function: str) -> str:
    r"""A function's name: ``\log``, ``\operatorname{softmax}``."""
    known = function in ("log", "exp", "det", "max", "min", "sum")
    return f"\\{function}" if known else rf"\operatorname{{{function}}}".replace("_", r"\_")


def number(value: Fraction | Size | str) -> Text:
    """A number: whole, a fraction, or with decimals; a power of ten where it is one."""
    if isinstance(value, str):
        return rf"\{value}", ATOM
    if isinstance(value, Size):
        return math_size(value), ATOM if value.name or value.constant is not None else PLUS
    if value < 0:
        return f"-{number(-value)[0]}", MINUS
    if value.denominator == 1:
        return str(value.numerator), ATOM
    decimal = repr(float(value))
    if value.denominator <= DECIMAL or Fraction(decimal) != value:
        return rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}", ATOM
    digits, _, power = decimal.partition("e")
    if not power and value < Fraction(1, 100):
        digits, _, power = f"{float(value):e}".partition("e")
        digits = digits.rstrip("0").rstrip(".")
    if not power:
        return decimal, ATOM
    raised = f"10^{{{int(power)}}}"
    return (raised, POWER) if digits == "1" else (rf"{digits} \cdot {raised}", TIMES)


def math_size(size: Size, times: str = r" \, ") -> str:
    """A size, its factors side by side; a quotient rounded down between floor signs."""
    floors: dict[str, str] = {quotient: f"<{k}>" for k, quotient in enumerate(sorted(size.quotients))}
    text = str(Size({tuple((floors.get(n, n), p) for n, p in powers): c for powers, c in size.terms}))
    text = re.sub(r"[A-Za-z_]\w+", lambda long: word(long[0]), text).replace("*", times)
    for quotient in size.quotients:
        over, by = math_size(quotient.over, times), math_size(quotient.by, times)
        text = text.replace(floors[quotient], rf"\lfloor \tfrac{{{over}}}{{{by}}} \rfloor")
    return text
