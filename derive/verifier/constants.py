"""The numbers in some code: where it compares, it may change its mind, so sizes and values near them are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isfinite
from types import CodeType, FunctionType, MethodType
from typing import Any

from derive.verifier.lifting import filled

MOST = 24  # numbers of either sort that are looked at
LARGEST_SIZE = 3000


@dataclass(frozen=True)
class Constants:
    """Whole numbers that a size could be, and numbers that an entry could be."""

    sizes: tuple[int, ...]
    values: tuple[float, ...]


def constants_of(*functions: Callable[..., Any]) -> Constants:
    """The numbers in some functions, in the functions of their modules that they call, and in names that they use."""
    found = [number for function in functions for number in _numbers(_plain(function), set())]
    sizes = dict.fromkeys(n for n in found if isinstance(n, int) and 2 < n <= LARGEST_SIZE)
    values = dict.fromkeys(abs(float(n)) for n in found if abs(n) not in (0, 1) and isfinite(n))
    return Constants(tuple(sizes)[:MOST], tuple(values)[:MOST])


def _plain(function: Any) -> Any:
    return function.__func__ if isinstance(function, MethodType) else function


def _numbers(function: Any, seen: set[int]) -> Iterator[int | float]:
    if not isinstance(function, FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    cells = [cell.cell_contents for cell in function.__closure__ or () if filled(cell)]
    for value in [*cells, *(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]:
        yield from _of(value, function, seen)
    names: set[str] = set()
    for code in _codes(function.__code__):
        names.update(code.co_names)
        for value in code.co_consts:
            yield from _of(value, function, seen)
    for name in sorted(names):
        if name in function.__globals__:
            yield from _of(function.__globals__[name], function, seen)


def _of(value: Any, function: FunctionType, seen: set[int]) -> Iterator[int | float]:
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from _of(part, function, seen)
    elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
        yield from _numbers(value, seen)


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _codes(value)
