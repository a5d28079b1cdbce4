"""Conditions on sizes, such as ``"h + 2*pad >= p"``: parsed, never evaluated as Python."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from derive.errors import DeriveError

MAX_TEXT = 200  # a condition is short; longer text is not parsed

_COMPARISONS: dict[type[ast.cmpop], Callable[[int, int], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


@dataclass(frozen=True)
class Condition:
    """A parsed condition; ``names`` are the sizes it speaks of."""

    text: str
    tree: ast.expr
    names: frozenset[str]

    def holds(self, sizes: Mapping[str, int]) -> bool:
        """True if it holds at these sizes, False where it divides by zero; KeyError if a name is not given."""
        try:
            return _truth(self.tree, sizes)
        except ZeroDivisionError:
            return False


@lru_cache(maxsize=1024)
def condition(text: str) -> Condition:
    """Read comparisons of ``+ - * // %`` over sizes, joined by ``and``, ``or``, ``not``; DeriveError otherwise."""
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise _unreadable(text, f"at most {MAX_TEXT} characters of text are read")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise _unreadable(text, "it is not an expression") from None
    _check_truth(tree, text)
    return Condition(text, tree, frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))


def _check_truth(node: ast.expr, text: str) -> None:
    match node:
        case ast.BoolOp(values=values):
            for value in values:
                _check_truth(value, text)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            _check_truth(operand, text)
        case ast.Compare(left=left, ops=ops, comparators=others) if all(type(op) in _COMPARISONS for op in ops):
            for value in (left, *others):
                _check_number(value, text)
        case _:
            raise _unreadable(text, f"{ast.unparse(node)!r} is not a comparison of sizes")


def _check_number(node: ast.expr, text: str) -> None:
    match node:
        case ast.Name():
            return
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            return
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            _check_number(operand, text)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            _check_number(left, text)
            _check_number(right, text)
        case _:
            raise _unreadable(text, f"{ast.unparse(node)!r} is not a name, a whole number, or + - * // % of these")


def _truth(node: ast.expr, sizes: Mapping[str, int]) -> bool:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_truth(value, sizes) for value in values)
        case ast.BoolOp(values=values):
            return any(_truth(value, sizes) for value in values)
        case ast.UnaryOp(operand=operand):
            return not _truth(operand, sizes)
        case ast.Compare(left=left, ops=ops, comparators=others):
            numbers = [_number(value, sizes) for value in (left, *others)]
            pairs = zip(ops, numbers, numbers[1:], strict=False)
            return all(_COMPARISONS[type(op)](low, high) for op, low, high in pairs)
    raise AssertionError(node)  # condition() let it through


def _number(node: ast.expr, sizes: Mapping[str, int]) -> int:
    match node:
        case ast.Name(id=name):
            return sizes[name]
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(operand=operand):
            return -_number(operand, sizes)
        case ast.BinOp(left=left, op=op, right=right):
            return _ARITHMETIC[type(op)](_number(left, sizes), _number(right, sizes))
    raise AssertionError(node)  # condition() let it through


def _unreadable(text: object, why: str) -> DeriveError:
    return DeriveError(
        f"condition {text!r}: {why}",
        "comparisons of sizes were wanted",
        "where",
        '"h + 2*pad >= p" or "d % heads == 0"',
    )
