"""The sizes at which code is tried: small, mostly pairwise different, 1 and 0 among them, obeying the conditions."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

from hypothesis import strategies as st

from derive.arrays.shapes import ROW_KINDS, Declaration, Kind, Shape, size_names
from derive.errors import DeriveError
from derive.evidence.conditions import Condition, condition
from derive.evidence.scales import Scale
from derive.index.size import Quotient, Size

LARGEST = 6  # of a named size
MOST_TRIED = 4000  # combinations of sizes looked at before drawing
MOST_ENTRIES = 600  # in one array; larger arrays make differences slow and counterexamples unreadable
_POOLS = ("positive", "distinct", "distinct", "positive", "distinct", "distinct", "zero", "positive")


@dataclass(frozen=True)
class Signature:
    """What a layer takes and gives: declared inputs, the shapes of its outputs, conditions on the sizes.

    Where the shapes of the outputs are not known beforehand, ``found`` tells them from inputs; None where the inputs
    have no value.  ``scales`` are the known multiples of the true gradients that are wanted.
    """

    inputs: Mapping[str, Declaration]
    outputs: tuple[Shape, ...]
    where: tuple[str, ...] = ()
    found: Callable[[Sequence[Any]], tuple[tuple[int, ...], ...] | None] | None = None
    scales: Mapping[str, Scale] = field(default_factory=dict)

    @property
    def floats(self) -> tuple[str, ...]:
        """The inputs with respect to which a gradient makes sense."""
        return tuple(name for name, declared in self.inputs.items() if declared.kind.is_float)

    @property
    def plain_ints(self) -> dict[str, Kind]:
        """The inputs that are plain Python ints, no sizes by their own name; sizes may speak of them."""
        given = {name: declared.kind for name, declared in self.inputs.items() if declared.kind.scalar}
        return {name: kind for name, kind in given.items() if kind.equals is None or kind.equals.name != name}

    def scales_at(self, sizes: Mapping[str, int]) -> dict[str, Fraction] | None:
        """The scales of the gradients at some sizes; None where one has no value."""
        try:
            return {name: scale.at(sizes) for name, scale in self.scales.items()}
        except ZeroDivisionError:
            return None


def number(size: Size, sizes: Mapping[str, int]) -> int:
    """The value of a size; KeyError if a name is not given, ZeroDivisionError for a quotient by 0."""
    if size.name is not None:
        return sizes[size.name]

    def named(name: str) -> int:
        return number(name.over, sizes) // number(name.by, sizes) if isinstance(name, Quotient) else sizes[name]

    return sum(c * prod(named(name) ** power for name, power in mono) for mono, c in size.terms)


def numbers(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The value of a shape; KeyError if a name is not given."""
    return tuple(number(size, sizes) for size in shape)


def sizes_of(
    signature: Signature, smallest: int = 0, positive: frozenset[str] = frozenset()
) -> st.SearchStrategy[dict[str, int]]:
    """A strategy for the named sizes, each from ``smallest`` (1 for those in ``positive``) to 6.

    DeriveError if no such sizes obey the conditions.
    """
    return _strategy(_pools(signature, smallest, positive))


def drawn_sizes(signature: Signature, how_many: int, seed: int) -> list[dict[str, int]]:
    """So many choices of such sizes, from a seed, where nothing has to be shrunk; DeriveError as above."""
    chance, pools = random.Random(seed), _pools(signature, 0, frozenset())
    return [dict(chance.choice(chance.choice(pools.lists))) for _ in range(how_many)]


def _pools(signature: Signature, smallest: int, positive: frozenset[str]) -> _Pools:
    inputs, known = tuple(signature.inputs.items()), tuple(signature.scales.items())
    return _sorted_into_pools(inputs, signature.outputs, signature.where, known, smallest, positive)


@lru_cache(maxsize=64)
def _sorted_into_pools(
    inputs: tuple[tuple[str, Declaration], ...],
    outputs: tuple[Shape, ...],
    where: tuple[str, ...],
    scales: tuple[tuple[str, Scale], ...],
    smallest: int,
    positive: frozenset[str],
) -> _Pools:
    signature = Signature(dict(inputs), outputs, where, scales=dict(scales))
    found = list(admissible(signature, smallest, positive))
    if not found:
        raise DeriveError(
            f"no sizes from {smallest} to {LARGEST} obey {', '.join(signature.where) or 'the ranges'}",
            "at least one choice of sizes was wanted",
            "where",
            "conditions that small sizes can meet",
        )
    pools: dict[str, list[dict[str, int]]] = {"positive": [], "distinct": [], "zero": []}
    names = _free_names(signature)[0]
    for sizes in found:
        values = [sizes[name] for name in names]
        pools["positive" if all(values) else "zero"].append(sizes)
        if all(values) and len({*values}) == len(values):
            pools["distinct"].append(sizes)
    return _Pools(tuple(pools[pool] for pool in _POOLS if pools[pool]))


class _Pools:
    """Choices of sizes; hypothesis writes its arguments out, and thousands of choices would take it a while."""

    def __init__(self, lists: tuple[list[dict[str, int]], ...]) -> None:
        self.lists = lists

    def __repr__(self) -> str:
        return "sizes"


@lru_cache(maxsize=64)
def _strategy(pools: _Pools) -> st.SearchStrategy[dict[str, int]]:
    return _one_by_one(pools)


@st.composite
def _one_by_one(draw: st.DrawFn, pools: _Pools) -> dict[str, int]:
    """Sizes from one of the pools, name by name, so that hypothesis can shrink one size, or equal ones together."""
    left = pools.lists[draw(st.integers(0, len(pools.lists) - 1))]
    for name in left[0]:
        size = draw(st.sampled_from(sorted({sizes[name] for sizes in left})))
        left = [sizes for sizes in left if sizes[name] == size]
    return dict(left[0])


def _free_names(signature: Signature) -> tuple[tuple[str, ...], tuple[str, ...], tuple[Condition, ...]]:
    """The named sizes, the plain ints in a range, and the parsed conditions."""
    conditions = tuple(map(condition, signature.where))
    ints = signature.plain_ints
    kinds = [declared.kind for declared in signature.inputs.values()]
    bounds = [size for kind in kinds for size in (kind.low, kind.high, kind.other, kind.equals) if size is not None]
    shapes = [declared.shape for declared in signature.inputs.values()]
    spoken = [
        *size_names([*shapes, *signature.outputs, tuple(bounds)]),
        *(name for each in conditions for name in sorted(each.names)),
    ]
    named = tuple(dict.fromkeys(name for name in spoken if name not in ints))
    return named, tuple(name for name, kind in ints.items() if kind.equals is None), conditions


def admissible(signature: Signature, smallest: int, positive: frozenset[str] = frozenset()) -> Iterator[dict[str, int]]:
    """The sizes up to 6 that obey the conditions, or a fixed random choice of them."""
    named, ranged, conditions = _free_names(signature)
    ranges = [range(max(smallest, int(name in positive)), LARGEST + 1) for name in named]
    ranges += [_range_of(signature.inputs[name].kind) for name in ranged]
    equals = {name: kind.equals for name, kind in signature.plain_ints.items() if kind.equals is not None}
    for values in _combinations(ranges):
        sizes = dict(zip((*named, *ranged), values, strict=True))
        for name, size in equals.items():
            sizes[name] = number(size, sizes)
        if not all(each.holds(sizes) for each in conditions) or signature.scales_at(sizes) is None:
            continue
        if _fits(signature, sizes, smallest):
            yield sizes


def _range_of(kind: Kind) -> range:
    """The values to try for a plain int; a range with named bounds is cut to size later."""
    low = kind.low.constant if kind.low is not None else -LARGEST
    high = kind.high.constant if kind.high is not None else LARGEST + 1
    low, high = -LARGEST if low is None else low, LARGEST + 1 if high is None else high
    return range(low, max(low, min(high, low + 2 * LARGEST + 1)))


def _combinations(ranges: list[range]) -> Iterator[tuple[int, ...]]:
    """All combinations, or a fixed random choice where there are too many to look at."""
    if prod(map(len, ranges)) <= MOST_TRIED:
        return product(*ranges)
    chance = random.Random(0)
    ones = tuple(1 if 1 in values else values[0] for values in ranges)
    return iter(dict.fromkeys([ones, *(tuple(map(chance.choice, ranges)) for _ in range(MOST_TRIED))]))


def _fits(signature: Signature, sizes: Mapping[str, int], smallest: int) -> bool:
    shapes = [numbers(shape, sizes) for shape in signature.outputs]
    for name, declared in signature.inputs.items():
        shape, kind = numbers(declared.shape, sizes), declared.kind
        if kind.low is not None and kind.high is not None and 0 not in shape:
            low, high = number(kind.low, sizes), number(kind.high, sizes)
            if low >= high or (kind.scalar and not low <= sizes[name] < high):
                return False
        if kind.name in ROW_KINDS and shape and not shape[kind.axis]:
            return False  # an empty row sums to 0, not to 1
        shapes.append(shape)
    axes = [axis for shape in shapes for axis in shape]
    return min(axes, default=1) >= min(smallest, 1) and all(prod(shape) <= MOST_ENTRIES for shape in shapes)
