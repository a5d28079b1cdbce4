"""Points to try a pair at: sizes as evidence draws them or given ones, entries without ties, at any scale."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice, product
from math import prod
from typing import Any, Literal

import numpy as np

from derive.arrays.shapes import Declaration
from derive.evidence.cases import Case, draw_whole
from derive.evidence.conditions import condition
from derive.evidence.sizes import drawn_sizes, number, numbers
from derive.evidence.values import draw_floats
from derive.verifier.pair import Pair

MOST_ENTRIES = 200_000  # in one array
DRAWN = 16  # choices of small sizes
LARGE = (17, 100, 300)  # sizes that no small case has; the last is more than a byte counts
Fill = Callable[[np.random.Generator, tuple[int, ...]], Any]
Fills = Fill | Mapping[str, Fill | None] | None  # of all inputs, or by name, "" being the others
Pick = Literal["drawn", "low", "high"]  # whole numbers and masks: at random, or all at one end of their range
_BASE: ContextVar[int] = ContextVar("base", default=0)


@contextmanager
def other_draws(base: int) -> Iterator[None]:
    """Every rung draws other points inside: how a verdict hangs on its seed is seen by asking again."""
    before = _BASE.set(base)
    try:
        yield
    finally:
        _BASE.reset(before)


def seed_of(rung: int) -> int:
    """The seed of a rung, which has a number of its own."""
    return rung + 10 * _BASE.get()


def output_shapes(given: Pair, inputs: Sequence[Any]) -> tuple[tuple[int, ...], ...] | None:
    """The shapes of what forward returns, or None where it raises: inputs on which it has no value."""
    try:
        y, _ = given.forward(*inputs)
        parts = y if isinstance(y, tuple | list) else (y,)
        kinds = [np.asarray(part).dtype.kind for part in parts]
    except Exception:
        return None
    return tuple(np.shape(part) for part in parts) if all(kind in "fiub" for kind in kinds) else None


def small_points(given: Pair, how_many: int, seed: int) -> Iterator[Case]:
    """Points at sizes that are drawn once for all rungs, each rung beginning with others; none with an empty array.

    Entries are neither zeros nor ties.  Sizes at which forward has no value do not count, as long as there are others.
    """
    key = max(how_many, DRAWN), seed_of(0)
    if key not in given.drawn:
        given.drawn[key] = drawn_sizes(given.signature, *key)
    drawn, chance = given.drawn[key], np.random.default_rng(seed)
    start = seed % 10 if how_many < len(drawn) else 0
    cases = (point(given, sizes, chance, seed=int(chance.integers(2**32))) for sizes in drawn[start:] + drawn[:start])
    for case in islice(filter(None, cases), how_many):
        if all(np.size(value) for value in (*case.inputs.values(), *case.upstream)):
            yield case


def telling_sizes(given: Pair, how_many: int, seed: int) -> list[Mapping[str, int]]:
    """The sizes of small points, those first that have few 1s and differ: at others many faults do not show."""
    return sorted((case.sizes for case in small_points(given, how_many, seed)), key=_telling)


def _telling(sizes: Mapping[str, int]) -> tuple[int, int, int]:
    return sum(n == 1 for n in sizes.values()), -len({*sizes.values()}), sum(sizes.values())


def point(
    given: Pair,
    sizes: Mapping[str, int],
    chance: np.random.Generator,
    fill: Fills = None,
    seed: int = 0,
    pick: Pick = "drawn",
) -> Case | None:
    """A point at given sizes; ``fill`` draws the entries of plain float inputs.  None where forward has no value."""

    def filled(key: str) -> Fill | None:
        return fill.get(key, fill.get("")) if isinstance(fill, Mapping) else fill

    inputs = {
        key: sizes[key] if key in sizes else _drawn(declared, sizes, chance, filled(key), pick)
        for key, declared in given.inputs.items()
    }
    shapes = output_shapes(given, [np.copy(v) if isinstance(v, np.ndarray) else v for v in inputs.values()])
    scales = given.signature.scales_at(sizes)
    if shapes is None or scales is None:
        return None
    upstream = tuple(np.asarray(chance.standard_normal(shape)) for shape in shapes)
    kinds = {key: declared.kind for key, declared in given.inputs.items()}
    return Case(dict(sizes), inputs, upstream, kinds, seed=seed, scales=scales)


def _drawn(
    declared: Declaration, sizes: Mapping[str, int], chance: np.random.Generator, fill: Fill | None, pick: Pick
) -> Any:
    kind, shape = declared.kind, numbers(declared.shape, sizes)
    if kind.name == "bool":
        return np.asarray(chance.random(shape) < 1 / 2) if pick == "drawn" else np.full(shape, pick == "high")
    if kind.name == "int":
        return _whole(declared, sizes, chance, pick)
    if kind.name == "float" and fill is not None:
        return np.asarray(fill(chance, shape), dtype=np.float64)
    return np.asarray(draw_floats(chance, kind, "normal", 1.0, shape))


def _whole(declared: Declaration, sizes: Mapping[str, int], chance: np.random.Generator, pick: Pick) -> Any:
    """Whole numbers of a declared range."""
    kind, shape = declared.kind, numbers(declared.shape, sizes)
    low = number(kind.low, sizes) if kind.low is not None else -3
    high = max(number(kind.high, sizes) if kind.high is not None else 4, low + 1)
    if pick != "drawn":
        return np.full(shape, low if pick == "low" else high - 1)
    if kind.low is not None and kind.high is not None:
        return draw_whole(chance, kind, sizes, shape)
    return np.asarray(chance.integers(low, high, shape))


def sizes_near(given: Pair, numbers_: Sequence[int], base: Mapping[str, int]) -> Iterator[dict[str, int]]:
    """Sizes with one of them just below, at, and just above each number, and large ones, the others as in ``base``."""
    wanted = dict.fromkeys([*(n + d for n in numbers_ for d in (1, 0, -1)), *LARGE])
    for size, name in product(wanted, base):
        if size > 0 and name not in given.signature.plain_ints:
            yield from fitting(given, {**base, name: size}, MOST_ENTRIES)


def small_sizes(given: Pair, base: Mapping[str, int], most_entries: int) -> list[dict[str, int]]:
    """Sizes of 1 to 3 that no array is too large for, as few 1s among them and as different as can be first.

    Plain ints are as in ``base``.
    """
    free = [name for name in base if name not in given.signature.plain_ints]
    choices = ({**base, **dict(zip(free, v, strict=True))} for v in product(range(1, 4), repeat=len(free)))
    found = [sizes for choice in choices for sizes in fitting(given, choice, most_entries)]
    return sorted(found, key=_telling)


def fitting(given: Pair, sizes: dict[str, int], most_entries: int = MOST_ENTRIES) -> Iterator[dict[str, int]]:
    """The sizes, if they obey the conditions and no array is too large."""
    for key, kind in given.signature.plain_ints.items():
        if kind.equals is not None:
            sizes[key] = number(kind.equals, sizes)
    shapes = [numbers(declared.shape, sizes) for declared in given.inputs.values()]
    small = all(prod(shape) <= most_entries and min(shape, default=0) >= 0 for shape in shapes)
    defined = all(condition(text).holds(sizes) for text in given.where) and given.signature.scales_at(sizes) is not None
    if small and defined:
        yield sizes


def near(value: float) -> Fill:
    """Entries at a number and on both sides of it, far from it, near it and very near it, of either sign."""
    factors = np.array([1.0, 1 - 1e-5, 1 + 1e-5, 0.999, 1.001, 0.9, 1.1, 0.5, 2.0, 0.01, 30.0])

    def fill(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
        side = chance.choice(np.array([-1.0, 1.0]), shape)
        return (
            value * side * chance.choice(factors, shape) * (1 + 1e-3 * chance.random(shape) * (chance.random() < 0.5))
        )

    return fill


def at_scale(scale: float, one: bool = False) -> Fill:
    """Entries of a size; with ``one`` only one of them, the others being about 1."""

    def fill(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
        signs = chance.permutation(np.resize([1.0, -1.0], int(np.prod(shape)))).reshape(shape)  # both
        drawn = signs * chance.uniform(0.75, 1.0, shape)
        if not one or not drawn.size:
            return scale * drawn
        drawn.flat[int(chance.integers(drawn.size))] = scale
        return drawn

    return fill
