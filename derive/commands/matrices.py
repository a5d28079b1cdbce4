"""SymPy matrix expressions as text that SymPy reads back: ``str`` writes ``OneMatrix(n, d)`` as 1, shape lost."""

from __future__ import annotations

from typing import Any

from sympy import Dummy, Symbol
from sympy.printing.str import StrPrinter


class Spelled(StrPrinter):  # type: ignore[misc]  # SymPy has no types
    """The printer of SymPy, with shapes and functions of entries written out."""

    def _constant(self, expr: Any) -> str:
        return f"{type(expr).__name__}({', '.join(map(self._print, expr.args))})"

    _print_OneMatrix = _print_ZeroMatrix = _print_Identity = _constant

    def _print_Rational(self, expr: Any) -> str:
        return f"Rational({expr.p}, {expr.q})" if expr.q != 1 else str(expr.p)  # 1/2 would be a float

    _print_Half = _print_Rational

    def _print_ElementwiseApplyFunction(self, expr: Any) -> str:
        taken = {str(symbol) for symbol in expr.free_symbols}
        names = (name for name in "xtuvwyz" if name not in taken)
        plain = {dummy: Symbol(name) for dummy, name in zip(expr.function.atoms(Dummy), names, strict=False)}
        inner, function = self._print(expr.expr), self._print(expr.function.xreplace(plain))
        return f"{inner if expr.expr.is_symbol else f'({inner})'}.applyfunc({function})"


def spelled(expr: Any) -> str:
    """The expression as Python, for a session with ``from sympy import *``."""
    return str(Spelled().doprint(expr))
