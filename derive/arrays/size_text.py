"""Sizes as they are written: ``n``, ``4*k``, ``n+1``, ``(n - 3)//s``.  Text is parsed, never evaluated."""

from __future__ import annotations

import ast
import operator
from functools import lru_cache

from derive.index.size import Size

MAX_TEXT = 200  # a size is short; longer text is not parsed
OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}


class SizeSyntaxError(ValueError):
    """Text that is not a size: only names, whole numbers, ``+ - * //`` and brackets are."""


@lru_cache(maxsize=4096)
def read_size(text: str) -> Size:
    """The size that is written; SizeSyntaxError if the text is none."""
    if len(text) > MAX_TEXT:
        raise SizeSyntaxError(f"a size of {len(text)} characters; at most {MAX_TEXT} are read")

    def read(node: ast.expr) -> Size:
        match node:
            case ast.Name(id=name):
                return Size.of(name)
            case ast.Constant(value=int(number)) if not isinstance(number, bool):
                return Size.of(number)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return -read(operand)
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                result: Size = OPERATORS[type(op)](read(left), read(right))
                return result
        raise SizeSyntaxError(
            f"{text!r} is not a size: {ast.unparse(node)!r} is not a name, a whole number, +, -, * or //"
        )

    try:
        return read(ast.parse(text.strip(), mode="eval").body)
    except SizeSyntaxError:
        raise
    except (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError):
        raise SizeSyntaxError(f"{text!r} is not a size") from None
