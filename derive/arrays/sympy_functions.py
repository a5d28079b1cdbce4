"""Scalar functions in SymPy expressions: by name, or recognised by their definitions.

``1/(1 + exp(-x))`` and ``exp(x)/(1 + exp(x))`` are both sigmoid: the kernel decides, by equal normal forms.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache, lru_cache
from typing import Any

import sympy
from sympy.core.function import Application

from derive.arrays.evaluate import evaluate
from derive.arrays.functions import ATOM, FUNCTIONS
from derive.index.effort import Exhausted
from derive.index.normal import normal_form
from derive.index.terms import Apply, Entry, Number, Plus, Power, Term, Times

SPELLED = {"Abs": "abs", "Max": "maximum", "Min": "minimum"}  # the others have the same name in both

ROOT = sympy.sqrt(2)  # between erf and the normal distribution
# between inner and outer arguments
RATIOS = (*map(sympy.Rational, ("1", "-1", "1/2", "-1/2", "2", "-2")), ROOT, -ROOT)


@lru_cache(maxsize=1024)
def recognise(e: Any) -> tuple[str, tuple[Any, ...]]:
    """The function of the table that a scalar expression is, and its arguments; ``""`` and none if it is none."""
    if not e.has(Application):
        return "", ()
    found = _by_definition(e) if e.is_Add or e.is_Mul or e.is_Pow or e.is_Function else None
    return found or _by_name(e)


def _by_name(e: Any) -> tuple[str, tuple[Any, ...]]:
    if not isinstance(e, Application):
        return "", ()
    function = FUNCTIONS.get(SPELLED.get(e.func.__name__, e.func.__name__))
    if function is None or function.binds != ATOM or not e.args:
        return "", ()
    arguments = tuple(sorted(e.args, key=lambda a: a.is_number))  # max(x, 0) rather than max(0, x)
    if isinstance(e, sympy.Max | sympy.Min) and len(arguments) > 2:
        arguments = (e.func(*arguments[:-1]), arguments[-1])
    return (function.name, arguments) if len(arguments) == function.arity else ("", ())


@cache
def _defined() -> tuple[str, ...]:
    """The functions of one argument that are defined by others."""
    x = Entry("x")
    return tuple(
        f.name for f in FUNCTIONS.values() if f.arity == 1 and _applies(f.meaning(x)) and not _is_given(f.meaning(x))
    )


def _is_given(term: Term) -> bool:
    """True for a function that the kernel takes as given."""
    return isinstance(term, Apply) and isinstance(term.argument, Entry)


def _applies(term: Term) -> bool:
    match term:
        case Plus(terms=parts) | Times(factors=parts):
            return any(map(_applies, parts))
        case Power(base=base):
            return _applies(base)
    return isinstance(term, Apply)


def _by_definition(e: Any) -> tuple[str, tuple[Any, ...]] | None:
    leaves: dict[Any, Entry] = {}
    term = _term(e, leaves)
    value = _value(term)
    form: Any = None
    for argument in _arguments(e):
        inner = _term(argument, leaves)
        for function in _defined():
            meant = FUNCTIONS[function].meaning(inner)
            if value is None or not math.isclose(value, _value(meant) or math.nan, rel_tol=1e-9):
                continue  # the kernel would say no, more slowly
            try:
                form = form or normal_form(term).key
                if form == normal_form(meant).key:
                    return function, (argument,)
            except (Exhausted, ZeroDivisionError):
                continue
    return None


def _arguments(e: Any) -> Iterator[Any]:
    """What the argument may be: those of the functions inside, and simple multiples."""
    inside = [a for part in sympy.preorder_traversal(e) if part.is_Function for a in part.args]
    free = dict.fromkeys(a for a in inside if isinstance(a, sympy.Expr) and not a.is_number)
    return iter(dict.fromkeys(ratio * argument for ratio in RATIOS for argument in free))


def _value(term: Term) -> float | None:
    """The value at some point, or None where it has none."""
    try:
        return evaluate(term, {}, lambda label, at: 0.31 + 0.17 * int(label.removeprefix("?")))
    except (ZeroDivisionError, ValueError, OverflowError):
        return None


def _term(e: Any, leaves: dict[Any, Entry]) -> Term:
    """A scalar expression as an index term; what is not arithmetic or a function of the table is a leaf."""
    if e.is_Rational:
        return Number(Fraction(int(e.p), int(e.q)))
    if e.is_Add:
        return Plus(tuple(_term(part, leaves) for part in e.args))
    if e.is_Mul:
        return Times(tuple(_term(part, leaves) for part in e.args))
    if e.is_Pow and e.exp.is_Rational:
        return Power(_term(e.base, leaves), Fraction(int(e.exp.p), int(e.exp.q)))
    if e == sympy.E:
        return Apply("exp", Number(1))
    function, arguments = _by_name(e)
    if function:
        return FUNCTIONS[function].meaning(*[_term(argument, leaves) for argument in arguments])
    return leaves.setdefault(e, Entry(f"?{len(leaves)}"))
