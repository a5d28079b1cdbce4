"""The regimes in which accuracy is measured: where inputs come from, by the structure of what is computed.

Numbers are made by exact scaling of random bits, so that they are the same on every machine.  A batch is many points of
the same sizes; what acts along a size side by side is given all points in one call.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.arrays.shapes import Declaration, Shape
from derive.evidence.balls import Balls, NoValue, Program, balls, precision
from derive.evidence.cases import draw_whole
from derive.evidence.conditions import condition
from derive.evidence.sizes import Signature, admissible, number, numbers
from derive.evidence.structure import Structure, lanes, structure_of, summed_sizes
from derive.evidence.values import draw_onehot

Floats = NDArray[Any]

LOW, HIGH = -99, 9  # binary exponents of entries: 1e-30 to 1e3
MOST = 1e3
LENGTHS = (1, 2, 3, 8, 64)  # of rows
SCALES = {"float32": (1e-8, 1.0, 1e4, 1e30), "float64": (1e-8, 1.0, 1e4, 1e30, 1e200)}
HEAVY = 1e4  # the largest scale of a contraction of several inputs: products stay floats
PATTERNS = ("mixed", "alike", "offset", "peak")
WORKING = 192  # bits
FEW = 60  # entries of the inputs of a contraction, all together
MUCH = 100  # entries of one line of a contraction
MIDDLE = -5  # half of them lie above this exponent, where functions turn
POINTS = {"ci": 480, "deep": 4000}  # at which what acts entry by entry is taken
REPEATS = {"ci": 1, "deep": 8}  # of each scale and pattern, otherwise
CONTRACTIONS = {"ci": 3, "deep": 6}  # choices of sizes

REGIMES: Mapping[Structure, str] = {
    "elementwise": "entries of 1e-30 ≤ |x| ≤ 1e3, both signs, log-spaced, half of them above 0.03",
    "rows": (
        "rows of 1 to 64 entries at the scales 1e-8, 1, 1e4, 1e30 (and 1e200 in float64): mixed magnitudes, nearly "
        "equal entries, a mean far above the spread, one dominant entry"
    ),
    "contraction": (
        "small sizes at the scales 1e-8, 1, 1e4, and for a single input 1e30 (and 1e200 in float64): mixed magnitudes, "
        "nearly equal entries, a mean far above the spread, one dominant entry"
    ),
}


@dataclass(frozen=True, eq=False)
class Batch:
    """Points of the same sizes, along axis 0 of every array; ``lane`` is the size that can hold them all, if any."""

    sizes: Mapping[str, int]
    inputs: Mapping[str, Floats]
    upstream: Mapping[str, Floats]
    lane: str | None

    @property
    def points(self) -> int:
        """How many."""
        return max(len(value) for value in (*self.inputs.values(), *self.upstream.values()))

    def calls(self, program: Program) -> Iterator[tuple[list[Any], list[Any]]]:
        """The arguments of each call: inputs, and upstream gradients; all points in one where there is a lane."""
        shapes = {**{key: d.shape for key, d in program.inputs.items()}, **program.upstream}
        arrays = {**self.inputs, **self.upstream}
        scalars = {key for key, d in program.inputs.items() if d.kind.scalar}

        def given(names: Sequence[str], point: int) -> list[Any]:
            if self.lane is not None:
                return [_laid(arrays[key], shapes[key], self.lane) for key in names]
            return [int(arrays[key][0]) if key in scalars else arrays[key][point].copy() for key in names]

        for point in range(1) if self.lane is not None else range(self.points):
            yield given([*self.inputs], point), given([*self.upstream], point)

    def gathered(self, program: Program, results: Sequence[Mapping[str, Any]]) -> dict[str, Floats]:
        """The results of the calls, points along axis 0."""
        shapes = _result_shapes(program)
        if self.lane is None:
            return {key: np.stack([np.asarray(result[key]) for result in results]) for key in program.results}
        return {key: _taken(np.asarray(results[0][key]), shapes[key], self.lane) for key in program.results}


def _result_shapes(program: Program) -> dict[str, Shape]:
    lines = dict((*program.equations, *program.adjoints))
    return {key: lines[key].shape for key in program.results}


def _laid(value: Floats, shape: Shape, lane: str) -> Floats:
    """Points along the lane's axis."""
    axis = [size.name for size in shape].index(lane)
    return np.ascontiguousarray(np.moveaxis(value.squeeze(axis + 1), 0, axis))


def _taken(value: Floats, shape: Shape, lane: str) -> Floats:
    """The reverse."""
    axis = [size.name for size in shape].index(lane)
    return np.expand_dims(np.moveaxis(value, axis, 0), axis + 1)


def batches(program: Program, dtype: str, budget: str, seed: int = 0) -> Iterator[Batch]:
    """The batches in which a program is measured; the same for the same seed."""
    chance = np.random.default_rng([seed, np.dtype(dtype).itemsize])
    structure = structure_of(program)
    lane = next((name for name in lanes(program) if any(sizes[name] == 1 for sizes in _small(program))), None)
    for sizes in _sizes(program, structure, lane, budget):
        plans = _plans(program, structure, sizes, dtype, budget)
        drawn = [[_draw(chance, d, sizes, plan) for plan in plans[key]] for key, d in program.inputs.items()]
        inputs = {
            key: np.stack(values).astype(dtype) if d.kind.is_float else np.stack(values)
            for (key, d), values in zip(program.inputs.items(), drawn, strict=True)
        }
        count = len(drawn[0])
        upstream = {
            key: _signed(chance, (1 + chance.random((count, *numbers(shape, sizes)))) / 2).astype(dtype)
            for key, shape in program.upstream.items()
        }
        yield Batch(sizes, inputs, upstream, lane)


def scale_free(program: Program) -> bool:
    """True if the outputs stay as they are when an input is doubled, as far as an eps lets them."""
    sizes = _sizes(program, "rows", None, "ci")[: LENGTHS.index(8) + 1][-1]
    chance = np.random.default_rng(0)
    plan = _Plan("mixed", 16.0)
    with precision(WORKING):
        given = {
            key: balls(np.stack([_draw(chance, d, sizes, plan) for _ in range(8)])) for key, d in program.inputs.items()
        }
        given |= {key: balls(np.ones((1, *numbers(shape, sizes)))) for key, shape in program.upstream.items()}
        before = program.values(given, sizes, ties=True)
        for key in [key for key, d in program.inputs.items() if d.kind.name == "float"]:
            after = program.values({**given, key: given[key] * 2}, sizes, ties=True)
            if all(_alike(before[output], after[output]) for output in program.outputs):
                return True
    return False


def _alike(before: Balls, after: Balls) -> bool:
    """True for the same values, as far as there are any: of rows that are all ignored there is no mean."""
    known = [(a, b) for a, b in zip(before.flat, after.flat, strict=True) if isinstance(a, int) or a.is_finite()]
    return bool(known) and all(abs(b - a) <= abs(a) / 256 for a, b in known)


# ---- sizes


def _sizes(program: Program, structure: Structure, lane: str | None, budget: str) -> list[dict[str, int]]:
    """The sizes of the batches; that of a lane is 1."""
    pool = [sizes for sizes in _small(program) if lane is None or sizes[lane] == 1]
    names = tuple(pool[0])
    if structure == "elementwise":
        apart = lanes(program)
        wanted = [{name: 1 if name in apart else 3 for name in names}]
    elif structure == "rows":
        wanted = [_of_length(names, [s for s in summed_sizes(program) if s != lane], length) for length in LENGTHS]
        wanted = [sizes if lane is None else {**sizes, lane: 1} for sizes in wanted]
    else:
        wanted = []
    fitting = [sizes for sizes in wanted if all(condition(text).holds(sizes) for text in program.where)]
    if fitting and not any(declared.kind.scalar for declared in program.inputs.values()):
        return fitting
    pool = sorted(pool, key=lambda sizes: _entries(program, sizes))
    small = [sizes for sizes in pool if _entries(program, sizes) <= FEW and _work(program, sizes) <= MUCH] or pool[:1]
    chosen = random.Random(0).sample(small, min(len(small), CONTRACTIONS[budget] - 1))
    return [small[-1], *chosen]


@lru_cache(maxsize=8)
def _small(program: Program) -> list[dict[str, int]]:
    """Sizes up to 6 that obey the conditions."""
    signature = Signature(program.inputs, tuple(program.upstream.values()), program.where)
    found = list(admissible(signature, 1))
    if not found:
        raise NoValue(f"no sizes from 1 to 6 obey {', '.join(program.where)}")
    return found


def _of_length(names: Sequence[str], summed: Sequence[str], length: int) -> dict[str, int]:
    """Sizes with so many entries in a row, which may lie along several of them."""
    sizes = dict.fromkeys(names, 2)
    if len(summed) == 1 or length <= len(LENGTHS):
        sizes |= dict.fromkeys(summed, 1)
        sizes |= {summed[length % len(summed)]: length} if summed else {}
        return sizes
    return sizes | dict.fromkeys(summed, round(length ** (1 / max(1, len(summed)))))


def _entries(program: Program, sizes: Mapping[str, int]) -> int:
    return sum(prod(numbers(declared.shape, sizes)) for declared in program.inputs.values())


def _work(program: Program, sizes: Mapping[str, int]) -> int:
    """The entries of the largest line."""
    return max(prod(numbers(line.shape, sizes)) for _, line in (*program.equations, *program.adjoints))


# ---- values


@dataclass(frozen=True)
class _Plan:
    """How an input is drawn at a point."""

    pattern: str
    scale: float
    exponent: int = 0


def _plans(
    program: Program, structure: Structure, sizes: Mapping[str, int], dtype: str, budget: str
) -> dict[str, list[_Plan]]:
    """For each input, how it is drawn at each point."""
    floats = [key for key, d in program.inputs.items() if d.kind.is_float]
    if structure == "elementwise":
        order = random.Random(0)
        entries = max(1, *(prod(numbers(program.inputs[key].shape, sizes)) for key in floats))
        half = -(-POINTS[budget] // (2 * entries))
        spaced = [low + (HIGH + 1 - low) * k // half for low in (LOW, MIDDLE) for k in range(half)]
        plans = {}
        for key in program.inputs:
            plans[key] = [_Plan("entries", 1.0, exponent) for exponent in spaced]
            order.shuffle(spaced)
        return plans
    several = len(floats) > 1
    scales = [s for s in SCALES[dtype] if s <= HEAVY or structure == "rows" or not several]
    turns = [None, floats[0]] if several and structure == "rows" else [None]  # whose scale it is: all inputs', or one's
    told = product(range(REPEATS[budget]), scales, PATTERNS, turns)
    points = [(pattern, scale, one) for _, scale, pattern, one in told]
    return {
        key: [_Plan(pattern, scale if one in (None, key) else 1.0) for pattern, scale, one in points]
        for key in program.inputs
    }


def _draw(chance: np.random.Generator, declared: Declaration, sizes: Mapping[str, int], plan: _Plan) -> Floats:
    """An input at a point, of its kind, in float64."""
    kind, shape = declared.kind, numbers(declared.shape, sizes)
    if kind.scalar:
        size = kind.low if kind.equals is None else kind.equals
        assert size is not None, "a scalar kind is a size, or begins at one"
        return np.asarray(number(size, sizes))
    if kind.name == "bool":
        return np.asarray(chance.random(shape) < 1 / 2)
    if kind.name == "int":
        return np.asarray(chance.integers(-3, 4, shape)) if kind.low is None else draw_whole(chance, kind, sizes, shape)
    if kind.name == "onehot":
        return draw_onehot(chance, kind, shape)
    if kind.name == "spd":
        roots = chance.integers(-3, 4, shape).astype(float)  # whole numbers, whose products are exact
        return np.asarray((roots @ np.swapaxes(roots, -1, -2) + np.eye(shape[-1])) * _power_of_2(plan))
    values = _entrywise(chance, shape, plan) if plan.pattern == "entries" else _pattern(chance, shape, plan.pattern)
    values = values * plan.scale
    if kind.name == "positive":
        return np.abs(values)
    if kind.name == "unit":
        parts = np.abs(_entrywise(chance, shape, _Plan("entries", 1.0, max(LOW, min(plan.exponent - HIGH, -1)) - 1)))
        return np.where(chance.random(shape) < 1 / 2, parts, 1 - np.maximum(parts, 2.0**-20))
    if kind.name == "stochastic":
        weights = np.abs(values) / np.max(np.abs(values), axis=kind.axis, keepdims=True)
        return np.asarray(weights / weights.sum(axis=kind.axis, keepdims=True))
    if kind.name == "symmetric":
        return np.where(np.tri(shape[-1], dtype=bool), values, np.swapaxes(values, -1, -2))
    return values


def _power_of_2(plan: _Plan) -> float:
    return float(np.ldexp(1.0, int(np.frexp(plan.scale)[1]) + plan.exponent))


def _signed(chance: np.random.Generator, values: Floats) -> Floats:
    return np.where(chance.random(values.shape) < 1 / 2, -values, values)


def _entrywise(chance: np.random.Generator, shape: tuple[int, ...], plan: _Plan) -> Floats:
    """Entries of one binary exponent with random mantissas."""
    return _signed(chance, np.minimum(np.ldexp(1 + chance.random(shape), plan.exponent), MOST))


def _pattern(chance: np.random.Generator, shape: tuple[int, ...], pattern: str) -> Floats:
    """Entries of about 1 in a pattern."""
    mixed = _signed(chance, np.ldexp(1 + chance.random(shape), chance.integers(-4, 1, shape)))
    if pattern in ("alike", "offset"):
        return np.asarray(1 + np.ldexp(mixed, -18 if pattern == "alike" else -8))
    if pattern == "peak" and mixed.size:
        mixed.flat[chance.integers(mixed.size)] *= 1024
    return mixed
