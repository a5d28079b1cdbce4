"""The numbers in some code: where it compares, it may change its mind, so sizes and values near them are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import exp, isfinite, log, sqrt
from types import CodeType, FunctionType, MethodType
from typing import Any

import numpy as np

from derive.reading.lifting import filled

MOST = 24  # numbers of either sort that are looked at
LARGEST_SIZE = 3000
LEAST_TOTAL, LARGEST_TOTAL = 32, 100_000
LARGEST_VALUE = 1000.0
FEW = 16  # numbers in one list, array or object; with more they are data
Number = int | float


@dataclass(frozen=True)
class Constants:
    """Whole numbers that a size could be, numbers that an entry could be, and numbers of entries of an array."""

    sizes: tuple[int, ...]
    values: tuple[float, ...]
    totals: tuple[int, ...] = ()

    @property
    def derived(self) -> tuple[float, ...]:
        """The values, what lies between two of them, and entries whose exp, log, square or root is one of them."""
        ordered = sorted(self.values)
        found = [*ordered, *((a + b) / 2 for a, b in pairwise(ordered))]
        for value in ordered:
            found += [log(value), sqrt(value), value * value, 1 / value]
            found += [exp(value)] if value < log(LARGEST_VALUE) else []
        return tuple(dict.fromkeys(v for v in map(abs, found) if 1 / LARGEST_VALUE**2 <= v <= LARGEST_VALUE))


def constants_of(*functions: Callable[..., Any]) -> Constants:
    """The numbers in some functions, in the functions that they call, and in names and objects that they use."""
    seen: set[int] = set()
    found = [number for function in functions for number in _numbers(function, seen)]
    plain = [n for n in found if isinstance(n, int) and n > 2]
    sizes = [*plain[:MOST], *_computed([abs(n) for n in found if isinstance(n, int) and abs(n) > 1])]
    sizes += [round(1 / abs(n)) for n in found if isinstance(n, float) and 1 / LARGEST_SIZE <= abs(n) < 1 / 2]
    values = dict.fromkeys(abs(float(n)) for n in found if abs(n) not in (0, 1) and isfinite(n))
    whole = dict.fromkeys(n for n in sizes if 2 < n <= LARGEST_SIZE)
    totals = dict.fromkeys(n for n in plain if LEAST_TOTAL < n <= LARGEST_TOTAL)
    return Constants(tuple(whole)[: 2 * MOST], tuple(values)[:MOST], tuple(totals)[:FEW])


def _computed(whole: Iterable[int]) -> Iterator[int]:
    """What code may compute of its whole numbers: powers of two, and sums, differences and products of two."""
    few = [*dict.fromkeys(whole)][: FEW // 2]
    yield from (2**n for n in few if 2 < n < LARGEST_SIZE.bit_length())
    for one, other in combinations(few, 2):
        yield from (one * other, one + other, abs(one - other))


def _numbers(function: Any, seen: set[int]) -> Iterator[Number]:
    if isinstance(function, MethodType):
        yield from _of_object(function.__self__, function.__func__, seen)
        function = function.__func__
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


def _of(value: Any, function: FunctionType, seen: set[int]) -> Iterator[Number]:
    """The numbers in a value that a function uses."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float):
        if not isinstance(value, bool):
            yield value
    elif isinstance(value, Mapping):
        yield from _of(tuple(value.values()), function, seen)
    elif isinstance(value, np.ndarray):
        yield from _of(tuple(value.ravel().tolist()) if value.size <= FEW else (), function, seen)
    elif isinstance(value, tuple | list | set | frozenset):
        for part in [*value] if len(value) <= FEW else ():
            yield from _of(part, function, seen)
    elif isinstance(value, FunctionType | MethodType):
        yield from _numbers(value, seen) if _near(value.__module__, function) else ()
    elif isinstance(value, type) or _near(type(value).__module__, function):
        yield from _of_object(value, function, seen)


def _of_object(owner: Any, function: Any, seen: set[int]) -> Iterator[Number]:
    """The numbers that an object or a class holds, and those in its methods."""
    kind = owner if isinstance(owner, type) else type(owner)
    if id(owner) in seen or not _near(kind.__module__, function):
        return
    seen.add(id(owner))
    for value in [*vars(kind).values(), *(getattr(owner, "__dict__", {}).values() if owner is not kind else ())]:
        yield from _of(value, function, seen)


def _near(module: Any, function: Any) -> bool:
    """True for a module of the same package."""
    return str(module).partition(".")[0] == str(function.__module__).partition(".")[0]


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _codes(value)
