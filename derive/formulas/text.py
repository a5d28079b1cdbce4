"""Formulas as text: NumPy-style expressions over declared names.  Text is parsed, never evaluated.

What may be written is in the tables below; anything else is an error that names it.  Numbers are exact: ``1/3`` is one
third, and ``0.1`` one tenth.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.axis import axis_size
from derive.arrays.operations import Constant
from derive.errors import DeriveError
from derive.formulas import habits
from derive.formulas.words import ALIASES, LINALG, OPTIONS, Value, has_options, word, words
from derive.index.size import Size

MAX_TEXT = 4000  # characters of one formula
MAX_DEPTH = 60  # of brackets, and of what is inside what
MAX_POWER = 100  # of an exponent
MAX_NUMBER = 10**40  # so that the product of two long decimals is read

_METHODS = ("reshape", "sum", "mean", "max", "min", "transpose", "dot", "swapaxes", "var", "std")
_OPERATORS: dict[type[ast.operator], Callable[[Value, Value], Value]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.MatMult: lambda a, b: a @ b,
}
_COMPARISONS = {
    ast.Gt: "greater",
    ast.Lt: "less",
    ast.GtE: "greater_equal",
    ast.LtE: "less_equal",
    ast.Eq: "equal",
    ast.NotEq: "not_equal",
}


@dataclass(frozen=True)
class Reader:
    """Reads formulas over declared arrays and the names of their sizes."""

    arrays: Mapping[str, Array]
    sizes: frozenset[str]
    where: str = ""

    def read(self, text: str) -> Array:
        """The expression that a text is; DeriveError for anything outside the language, naming it."""
        value = self._value(self._tree(text), 0)
        return self._array(value, text)

    # ---- from text to a tree

    def _tree(self, text: str) -> ast.expr:
        if not isinstance(text, str):
            raise self._wrong(f"a formula of type {type(text).__name__}", "text was wanted", '"sum(G * (X @ W))"')
        if len(text) > MAX_TEXT:
            raise self._wrong(f"a formula of {len(text)} characters", f"at most {MAX_TEXT} are read")
        depth = deepest = 0
        for character in text:
            depth += (character in "([{") - (character in ")]}")
            deepest = max(deepest, depth)
        if deepest > MAX_DEPTH:
            raise self._wrong(f"brackets {deepest} deep", f"at most {MAX_DEPTH} are read")
        if (strange := habits.sign(text)) is not None:
            raise self._wrong(f"the character {strange[0]!r} in a formula", "ASCII text was wanted", strange[1])
        try:
            return ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            at = getattr(error, "offset", None)
            near = f" near {text.strip()[max(0, at - 6) : at + 6]!r}" if isinstance(at, int) and text.strip() else ""
            hint = f"closing {depth} more bracket{'s' * (depth > 1)}" if depth > 0 else habits.meant(text)
            raise self._wrong(f"{_short(text)!r} is no expression{near}", "NumPy-style text was wanted", hint) from None

    def _wrong(self, got: str, wanted: str, hint: str = "") -> DeriveError:
        return DeriveError(got, wanted, self.where, hint)

    def _refused(self, node: ast.AST, wanted: str = "", hint: str = "") -> DeriveError:
        kinds = "names, numbers, + - * / ** @, comparisons, indices and calls of the language"
        kind = type(node.op if isinstance(node, ast.BinOp) else node).__name__
        hint = hint or habits.KINDS.get(kind, "")
        return self._wrong(f"{_short(_unparsed(node))!r} in a formula", wanted or f"{kinds} were wanted", hint)

    # ---- from a tree to a value

    def _value(self, node: ast.expr, depth: int) -> Value:
        if depth > MAX_DEPTH:
            raise self._wrong("a formula more than that deep", f"at most {MAX_DEPTH} operations inside each other")
        try:
            return self._of(node, depth + 1)
        except DeriveError as error:
            if error.where == self.where:
                raise
            got, wanted, hint = (_short(text, 300) for text in (error.got, error.wanted, error.hint))
            raise DeriveError(got, wanted, self.where, hint) from None
        except (TypeError, ValueError, ZeroDivisionError, OverflowError, AttributeError, IndexError) as error:
            raise self._refused(node, _short(str(error), 300)) from None

    def _of(self, node: ast.expr, depth: int) -> Value:
        match node:
            case ast.Constant(value=bool()):
                raise self._refused(node)
            case ast.Constant(value=int(number)) if abs(number) <= MAX_NUMBER:
                return number
            case ast.Constant(value=float(number)) if number - number == 0:
                return _tidy(Fraction(Decimal(repr(number))))
            case ast.Name(id=name):
                return self._named(node, name)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Invert(), operand=operand):
                value = self._value(operand, depth)
                if isinstance(node.op, ast.Invert):
                    return ~self._array(value, operand)
                return -value if isinstance(node.op, ast.USub) else value
            case ast.BinOp(left=left, op=ast.Pow(), right=right):
                return self._power(node, self._value(left, depth), self._value(right, depth))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return self._binary(op, self._value(left, depth), self._value(right, depth))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARISONS:
                sides = self._value(left, depth), self._value(right, depth)
                return build.elementwise(_COMPARISONS[type(op)], *sides)
            case ast.Call():
                return self._call(node, depth)
            case ast.Attribute(value=inner, attr="T"):
                return self._array(self._value(inner, depth), inner).T
            case ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="pi"):
                return apply(Constant("pi"))
            case ast.Attribute(attr=name):
                hint = habits.ATTRIBUTES.get(name) or (f".{name}()" if name in _METHODS else "")
                raise self._refused(node, ".T was wanted, or a call", hint)
            case ast.Subscript(value=ast.Call() as call, slice=ast.Constant(value=0 | 1 as place)) if (
                _called(call) == "slogdet"
            ):
                return self._value(call, depth)[place]
            case ast.Subscript(value=inner, slice=key):
                return self._array(self._value(inner, depth), inner)[self._key(key, depth)]
        raise self._refused(node)

    def _named(self, node: ast.expr, name: str) -> Value:
        if name in self.arrays:
            return self.arrays[name]
        if name in self.sizes:
            return axis_size(Size.of(name))
        if name == "pi":
            return apply(Constant("pi"))
        known = [*self.arrays, *sorted(self.sizes)]
        near = habits.nearest(name, known)
        if word(name) is not None:
            raise self._wrong(f"{name} without brackets", "an array or a number was wanted", f"{name}(...)")
        wanted = f"one of {', '.join(known)} was wanted" if known else "a declared name was wanted"
        hint = near or habits.WORDS.get(name) or f'declaring it: {_short(name)}: "n d"'
        raise self._wrong(f"the name {_short(name)} in a formula", wanted, hint)

    def _binary(self, op: ast.operator, left: Value, right: Value) -> Value:
        if isinstance(op, ast.MatMult):
            left, right = build.constant(left), build.constant(right)
        if isinstance(left, int | Fraction) and isinstance(right, int | Fraction):
            left, right = Fraction(left), Fraction(right)
            return _limited(_tidy(_OPERATORS[type(op)](left, right)))
        return _OPERATORS[type(op)](left, right)

    def _power(self, node: ast.expr, base: Value, exponent: Value) -> Value:
        if isinstance(exponent, int | Fraction) and not -MAX_POWER <= exponent <= MAX_POWER:
            raise self._refused(node, f"an exponent from {-MAX_POWER} to {MAX_POWER} was wanted")
        if isinstance(base, int | Fraction) and isinstance(exponent, int):
            return _limited(_tidy(Fraction(base) ** exponent))
        if isinstance(base, Size) and isinstance(exponent, int) and exponent >= 0:
            product: Value = 1
            for _ in range(exponent):
                product = product * base
            return product
        return build.power(base, exponent)

    def _call(self, node: ast.Call, depth: int) -> Value:
        match node.func:
            case ast.Name(id=name) | ast.Attribute(value=ast.Name(id="np" | "numpy" | "special"), attr=name):
                function = self._function(node, name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="np" | "numpy"), attr="linalg"), attr=name) if (
                name in LINALG
            ):
                function = self._function(node, name)
            case ast.Attribute(value=inner, attr=name) if name in _METHODS:
                array = self._array(self._value(inner, depth), inner)
                function = getattr(array, name)
            case ast.Attribute(attr=name):
                wanted = f"a call of {', '.join(f'.{method}' for method in _METHODS)} was wanted"
                hint = habits.ATTRIBUTES.get(name) or (f"{name}(...)" if word(name) else "")
                raise self._refused(node.func, wanted, hint)
            case _:
                raise self._refused(node.func, "a call of a function by its name was wanted", "* for a product")
        given: list[Value] = []
        for place, argument in enumerate(node.args):
            if place == 0 and name == "einsum" and isinstance(argument, ast.Constant):
                given.append(argument.value)
            else:
                given.append(self._argument(argument, depth))
        own = isinstance(node.func, ast.Name) and name not in _METHODS and has_options(name)
        keywords = {}
        for keyword in node.keywords:
            if keyword.arg in ALIASES:
                raise self._refused(node, f"{ALIASES[keyword.arg]}= was wanted, not {keyword.arg}=")
            if keyword.arg is None or not (own or keyword.arg in OPTIONS):
                raise self._refused(node, f"{' and '.join(f'{key}=' for key in OPTIONS[:2])} were wanted")
            keywords[keyword.arg] = self._option(keyword.value, depth, own)
        try:
            return function(*given, **keywords)
        except TypeError as error:  # of Python's, about the arguments of a function that has another name here
            raise self._refused(node, re.sub(r"^[\w<>.]+\(\)", f"{name}()", _short(str(error), 300))) from None

    def _function(self, node: ast.expr, name: str) -> Callable[..., Any]:
        if (function := word(name)) is not None:
            return function
        listed = ", ".join(word for word in words(False))
        hint = habits.WORDS.get(name) or habits.nearest(name, words())
        raise self._refused(node, f"one of {listed}, or an activation of the catalogue, was wanted", hint)

    def _argument(self, node: ast.expr, depth: int) -> Value:
        if isinstance(node, ast.Starred):
            raise self._refused(node)
        if isinstance(node, ast.Tuple | ast.List):
            return tuple(self._argument(item, depth) for item in node.elts)
        return self._value(node, depth)

    def _option(self, node: ast.expr, depth: int, own: bool) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | None):
            return node.value
        if own and isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        return self._argument(node, depth)

    def _key(self, node: ast.expr, depth: int) -> Value:
        match node:
            case ast.Tuple(elts=items):
                return tuple(self._key(item, depth) for item in items)
            case ast.Constant(value=None):
                return None
            case ast.Constant(value=value) if value is Ellipsis:
                return Ellipsis
            case ast.Slice(lower=lower, upper=upper, step=step):
                return slice(*[None if end is None else self._value(end, depth) for end in (lower, upper, step)])
        return self._value(node, depth)

    def _array(self, value: Value, said: Any) -> Array:
        try:
            return build.constant(value)
        except DeriveError:
            text = said if isinstance(said, str) else _unparsed(said)
            raise self._wrong(f"{_short(text)!r} is no array", "an array or a number was wanted") from None


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _tidy(number: Fraction) -> int | Fraction:
    return int(number) if number.denominator == 1 else number


def _limited(number: int | Fraction) -> int | Fraction:
    if max(abs(number.numerator), number.denominator) > MAX_NUMBER:
        raise OverflowError(f"numbers up to {MAX_NUMBER:.0e} were wanted")
    return number


def _unparsed(node: ast.AST) -> str:
    try:
        return ast.unparse(node)
    except (RecursionError, ValueError):
        return type(node).__name__


def _short(text: str, most: int = 60) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."
