"""Known scales of gradients, such as ``"1/n"`` or ``"W: 1/n, b: 1/n"``: parsed, never evaluated as Python.

A scale says that a gradient is meant to be so many times the true one: the code of a mean loss whose backward leaves
out the division, or puts it in twice.  It is a quotient of whole sizes and numbers, and exact.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from derive.arrays.array import Array
from derive.arrays.axis import axis_size
from derive.arrays.build import constant
from derive.errors import DeriveError
from derive.index.size import Size

MAX_TEXT = 200  # a scale is short; longer text is not parsed
MAX_POWER = 8
TRY = '"1/n", or "W: 1/n, b: 1/n"'


@dataclass(frozen=True)
class Scale:
    """What a gradient is a known multiple of the true one by."""

    text: str
    tree: ast.expr

    def at(self, sizes: Mapping[str, int]) -> Fraction:
        """The exact factor at some sizes; ZeroDivisionError where it has no value, or is 0."""
        found = Fraction(_value(self.tree, {name: Fraction(size) for name, size in sizes.items()}))
        if not found:
            raise ZeroDivisionError(f"{self.text} is 0")
        return found

    def symbolic(self, sizes: Mapping[str, Size]) -> Array:
        """The factor as a scalar of the language; ``sizes`` are what sizes are called that are given as inputs."""
        names = {node.id for node in ast.walk(self.tree) if isinstance(node, ast.Name)}
        return constant(_value(self.tree, {name: axis_size(sizes.get(name, Size.of(name))) for name in names}))


def scales(text: str | None, floats: Collection[str], sizes: Collection[str]) -> dict[str, Scale]:
    """The scale of each gradient that has one; DeriveError for text that is none, and for unknown names."""
    if text is None:
        return {}
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise _unreadable(text, f"at most {MAX_TEXT} characters of text are read")
    if ":" not in text:
        return dict.fromkeys(floats, _scale(text, text, sizes))
    found: dict[str, Scale] = {}
    for part in text.split(","):
        name, colon, factor = (piece.strip() for piece in part.partition(":"))
        if not colon or name in found:
            raise _unreadable(text, f"{part.strip()!r} is no further NAME: SCALE")
        if name not in floats:
            raise _unreadable(text, f"{name!r} has no gradient; those of {', '.join(floats)} were wanted")
        found[name] = _scale(factor, text, sizes)
    return found


def _scale(factor: str, text: str, sizes: Collection[str]) -> Scale:
    try:
        tree = ast.parse(factor.strip(), mode="eval").body
        _check(tree, text, sizes)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, DeriveError):
            raise
        raise _unreadable(text, f"{factor.strip()!r} is no expression") from None
    return Scale(factor.strip(), tree)


def _check(node: ast.expr, text: str, sizes: Collection[str]) -> None:
    match node:
        case ast.Name(id=name):
            if name not in sizes:
                raise _unreadable(text, f"{name!r} is no size; the sizes are {', '.join(sizes) or 'none'}")
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check(operand, text, sizes)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int(power))) if 0 <= power <= MAX_POWER:
            _check(left, text, sizes)
        case ast.BinOp(left=left, op=ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right=right):
            _check(left, text, sizes)
            _check(right, text, sizes)
        case _:
            raise _unreadable(text, f"{ast.unparse(node)!r} is not a size, a whole number, or + - * / ** of these")


def _value(node: ast.expr, named: Mapping[str, Any]) -> Any:
    """The value over any kind of numbers."""
    match node:
        case ast.Name(id=name):
            return named[name]
        case ast.Constant(value=int(number)):
            return Fraction(number)
        case ast.UnaryOp(operand=operand):
            return -1 * _value(operand, named)
        case ast.BinOp(left=left, op=op, right=right):
            one, other = _value(left, named), _value(right, named)
            match op:
                case ast.Add():
                    return one + other
                case ast.Sub():
                    return one - other
                case ast.Mult():
                    return one * other
                case ast.Div():
                    return one / other
            return one ** int(other)
    raise AssertionError(node)  # _check let it through


def _unreadable(text: object, why: str) -> DeriveError:
    return DeriveError(f"convention {text!r}: {why}", "a known scale of the gradients was wanted", "convention", TRY)
