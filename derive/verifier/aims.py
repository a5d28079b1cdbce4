"""Points that are aimed: where code often goes wrong, and where it says itself that it may change its mind.

Sizes that coincide, are 1, or lie at numbers of the code; entries that are zeros, ties or whole; masks that keep all
or nothing, labels that are all the same; and arrays large enough to sweep over a range of entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import prod
from typing import Any

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.sizes import number
from derive.evidence.sizes import numbers as numbers_of
from derive.verifier.constants import Constants
from derive.verifier.pair import Pair
from derive.verifier.points import Fill, Pick, fitting, near, output_shapes, point, sizes_near

Sizes = Mapping[str, int]
GROWTH = (256, 64, 16, 8, 5, 3)  # times a small size: as many entries as a sweep needs
SWEPT, MOST_SWEPT = 4000, 100_000  # entries in one input of a sweep, and in all outputs
REACH = 6.0  # of a sweep in plain steps
FEW = 4  # numbers of the code that entries are tied to
CALM = 0.3  # the size of what is not swept, so that nothing saturates


@dataclass(frozen=True)
class Aim:
    """Sizes, how entries of all inputs, or of ``only`` one, are filled, and how whole numbers and masks are picked.

    With a ``tie`` exactly two numbers are equal, so that no two kinks hide each other; ``upstream`` fills the upstream
    gradient, in which backward should be linear.
    """

    sizes: Sizes
    fill: Fill | None = None
    only: str | None = None
    pick: Pick = "drawn"
    tie: Tie | None = None
    upstream: Fill | None = None

    def at(self, given: Pair, sizes: Sizes, seed: int) -> Case | None:
        """The point, at these sizes or others; None where forward has no value."""
        chance = np.random.default_rng(seed)
        fills = self.fill if self.only is None else {self.only: self.fill, "": _calm}
        case = point(given, sizes, chance, fills, seed, self.pick)
        if case is not None and self.upstream is not None:
            return replace(case, upstream=tuple(self.upstream(chance, part.shape) for part in case.upstream))
        if case is None or self.tie is None:
            return case
        return self.tie.made(given, case, chance)


@dataclass(frozen=True)
class Tie:
    """One entry of an input that equals a number, an entry of the same input, or the entry of another one."""

    name: str
    to: float | str

    def made(self, given: Pair, case: Case, chance: np.random.Generator) -> Case | None:
        """The case with the tie in it; None where there is no room for one."""
        value = np.array(case.inputs[self.name])
        if value.size < (2 if self.to == self.name else 1):
            return None
        place, other = chance.choice(value.size, 2, replace=value.size < 2)
        if isinstance(self.to, str):
            source = np.ravel(case.inputs[self.to])
            value.flat[place] = source[other if self.to == self.name else place]
        else:
            value.flat[place] = self.to
        made = case.with_inputs({self.name: value})
        return made if output_shapes(given, [*made.arguments().values()]) is not None else None


def aims(given: Pair, base: Sizes, numbers: Constants) -> Iterator[Aim]:
    """What to aim at, around some small sizes; the most telling first."""
    yield from (Aim(sizes) for sizes in coincidences(given, base))
    yield from (Aim(base, fill) for fill in ENTRIES)
    special = among_exactly((0.0, -1.0, *(sign * value for value in (1.0, *numbers.values) for sign in (1, -1))))
    yield from (Aim(base, upstream=fill) for fill in (_sized(1e3), _sized(1e-9), _same(1.0), special))
    picked = any(not declared.kind.is_float for declared in given.inputs.values())
    if picked:
        for sizes in (base, _larger(given, base, 2)):
            yield from (Aim(sizes, pick="low"), Aim(sizes, pick="high"))
    yield from (Aim(base, tie=tie) for tie in _tied(given, numbers))
    wide = _larger(given, base, 2)
    yield from (Aim(sizes, _ties) for sizes in (base, base, base, wide))
    large = _swept(given, base)
    plain = [key for key in given.floats if given.inputs[key].kind.name == "float"]
    for key in plain:
        yield Aim(large, uniform(REACH), key)
        if numbers.values:
            yield Aim(large, among(numbers.derived), key)
    for sizes in sizes_near(given, numbers.sizes, base):
        yield Aim(sizes)
        if picked:
            yield Aim(sizes, pick="high")
    yield from (Aim(sizes) for sizes in _totals(given, base, numbers))
    yield from (Aim(large, _scattered, key) for key in plain)
    yield from (Aim(base, near(value)) for value in numbers.values)


def coincidences(given: Pair, base: Sizes) -> Iterator[dict[str, int]]:
    """Sizes of which two are equal, or one is 1, the others as in ``base``; all of them equal; plain ints at an end."""
    free = [name for name in base if name not in given.signature.plain_ints]
    found = [{**base, one: base[other]} for one, other in combinations(free, 2)]
    found += [{**base, name: 1} for name in free]
    found += [{**base, **dict.fromkeys(free, size)} for size in (2, 3)]
    ranged = {name: kind for name, kind in given.signature.plain_ints.items() if kind.equals is None}
    for name, kind in ranged.items():
        ends = [size for size in (kind.low, kind.high) if size is not None]
        found += [{**base, name: number(end, base) - (end is kind.high)} for end in ends]
    seen = [dict(base)]
    for wanted in found:
        for sizes in fitting(given, wanted):
            if sizes not in seen:
                seen.append(sizes)
                yield sizes


def _totals(given: Pair, base: Sizes, numbers: Constants) -> Iterator[dict[str, int]]:
    """Sizes at which an input has just more entries than a number says."""
    shapes = {declared.shape: None for declared in given.inputs.values() if len(declared.shape) > 1}
    for total, shape in product(numbers.totals, shapes):
        name = shape[0].name
        rest = prod(numbers_of(shape[1:], base))
        if name is not None and name in base and rest:
            yield from fitting(given, {**base, name: total // rest + 1})


def _tied(given: Pair, numbers: Constants) -> Iterator[Tie]:
    """One tie each: with 0 and the numbers of the code, within an input, and between inputs of one shape."""
    plain = [key for key in given.floats if given.inputs[key].kind.name == "float"]
    few: list[float] = [sign * value for value in numbers.values[:FEW] for sign in (1, -1)]
    for key in plain:
        same = [other for other in plain if given.inputs[other].shape == given.inputs[key].shape]
        targets: list[float | str] = [0.0, *same, *few]
        yield from (Tie(key, to) for to in targets)


def _larger(given: Pair, base: Sizes, growth: int, most_entries: int | None = None) -> Sizes:
    """The sizes times a number, if they obey the conditions."""
    free = [name for name in base if name not in given.signature.plain_ints]
    wanted = {**base, **{name: base[name] * growth for name in free}}
    return next(fitting(given, wanted, *([] if most_entries is None else [most_entries])), dict(base))


def _swept(given: Pair, base: Sizes) -> Sizes:
    """Sizes at which each input has as many entries as a sweep needs, and no output many times more."""
    for growth in GROWTH:
        grown = _larger(given, base, growth, SWEPT)
        case = point(given, grown, np.random.default_rng(0)) if grown != base else None
        if case is not None and sum(map(np.size, case.upstream)) <= MOST_SWEPT:
            return grown
    return base


# ---- entries


def _calm(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return CALM * chance.standard_normal(shape)


def _scattered(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return chance.choice(np.array([-1.0, 1.0]), shape) * 10 ** chance.uniform(-4, 3, shape)


def uniform(reach: float) -> Fill:
    """Entries spread evenly from ``-reach`` to ``reach``."""

    def fill(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
        steps = np.linspace(-reach, reach, int(np.prod(shape)) + 1)[1:]
        return chance.permutation(steps).reshape(shape)

    return fill


def among(values: tuple[float, ...]) -> Fill:
    """Entries near numbers, each near another one."""
    sides = np.array([0.5, 0.9, 0.99, 0.999, 1.001, 1.01, 1.1, 2.0])
    centres = np.array([sign * value for value in values for sign in (1.0, -1.0)])

    def fill(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return chance.choice(centres, shape) * chance.choice(sides, shape)

    return fill


def among_exactly(values: Sequence[float]) -> Fill:
    """Entries that are some numbers."""
    return lambda chance, shape: chance.choice(np.array(values), shape)


def _same(value: float) -> Fill:
    return lambda chance, shape: np.full(shape, value)


def _whole(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return chance.choice(np.array([-0.0, -3, -2, -1, 0, 1, 2, 3]), shape)


def _halves(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return chance.integers(-5, 5, shape) + 0.5


def _ties(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return chance.choice(chance.standard_normal(2), shape)


def _sized(scale: float) -> Fill:
    return lambda chance, shape: scale * chance.standard_normal(shape)


ENTRIES: tuple[Fill, ...] = (_same(0.0), _same(-0.0), _same(1.0), _whole, _halves, _ties, _sized(1e-3), _sized(20.0))
