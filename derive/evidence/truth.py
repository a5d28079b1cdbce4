"""The truth that floats are measured against: a program's results in balls far smaller than an ulp, and how they move.

Precision is raised until the balls are that small.  Nothing here runs generated code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from derive.evidence.balls import Balls, Nudge, Program, balls, precision
from derive.evidence.regimes import Batch, scale_free
from derive.evidence.structure import chains, contracting, eliminates, structure_of

BITS = (192, 1280, 6000)  # tried in turn
SHARP = 2.0**-40  # of an ulp: balls as small as that are the truth
STEP = 2.0**-8  # of an ulp: by which an input is moved to see what moves with it
DIRECTIONS = 3  # all inputs moved at random, for a first bound of the denominator
UNDERFLOW = 64  # smallest floats: 8 times as many are half of one, times the largest |x| of 1e3
SUMS = 12  # groups of sums that are moved one after the other

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Entry = tuple[str, int, int]  # a result, a point, a flat place


@dataclass(frozen=True)
class Allowance:
    """What is allowed for besides rounding inputs and results.

    ``sums``: of which results an ulp in each of the formulas' sums; ``arrays``: an ulp of a result is that of its
    largest entry; ``matrices``: an ulp of an input too; ``least``: no ulp is less than so many of the smallest floats.
    Why each is allowed is said in accuracy.py.
    """

    sums: frozenset[str] = frozenset()
    arrays: bool = False
    matrices: bool = False
    least: int = 1

    @staticmethod
    def of(program: Program) -> Allowance:
        """By the structure of the program."""
        match structure_of(program):
            case "elementwise":
                return Allowance(least=UNDERFLOW)
            case "rows":
                return Allowance(frozenset(program.gradients.values() if scale_free(program) else ()))
            case "contraction":
                sums = frozenset(program.results if chains(program) else ())
                return Allowance(sums, arrays=True, matrices=eliminates(program))


class Truth:
    """The results of a program at the points of a batch, in balls, and how they move with the inputs.

    ``known`` tells the entries that are finite floats of the dtype; ``ulps`` are exact balls; ``rounding``, of points
    whose moves were asked for, by how many ulps a result moves with an ulp of the formulas' sums.
    """

    def __init__(self, program: Program, batch: Batch, dtype: str, allowance: Allowance) -> None:
        self.program, self.batch, self.dtype, self.allowance = program, batch, np.dtype(dtype), allowance
        arrays = {**batch.inputs, **batch.upstream}
        self.given = {key: balls(value) for key, value in arrays.items()}
        floats = {key: value for key, value in arrays.items() if value.dtype.kind == "f"}
        self.steps = {key: balls(self._spacing(value) * STEP) for key, value in floats.items()}
        self._precisions = np.full(batch.points, BITS[-1])
        self.results: dict[str, Balls] = {}
        self.ulps: dict[str, Balls] = {}
        self.known: dict[str, Mask] = {}
        self.undecided = 0  # entries that have no truth
        self._find()

    def _find(self) -> None:
        """The results at the lowest precision at which they are sharp."""
        points = np.arange(self.batch.points)
        shapes = {key: value.shape for key, value in self.lines(points, {}, BITS[0]).items()}
        self.results = {key: np.empty(shapes[key], dtype=object) for key in self.program.results}
        self.known = {key: np.zeros(shapes[key], dtype=bool) for key in self.program.results}
        fits = {key: np.zeros(shape, dtype=bool) for key, shape in shapes.items()}
        for bits in BITS:
            with precision(bits):
                for key, value in self.lines(points, {}, bits).items():
                    fits[key][points] = mapped(self._is_float, value)
                    if key in self.results:
                        self.results[key][points] = value
                        self.known[key][points] = mapped(self._is_sharp, value)
            self._precisions[points] = bits
            sharp = [by_point(known).all(axis=1) for known in self.known.values()]
            points = np.flatnonzero(~np.all(sharp, axis=0))
            if not len(points):
                break
        self.undecided = sum(int((~known).sum()) for known in self.known.values())
        contracted = [by_point(fits[key]).all(axis=1) for key in contracting(self.program)]
        for key, value in self.results.items():
            largest = self._largest(value) if self.allowance.arrays else value
            self.ulps[key] = mapped(self._ulp, largest)
            self.known[key] &= fits[key]
            if self.allowance.arrays:
                self.known[key] &= _like(np.all(contracted, axis=0), value)
        self.rounding = {key: np.zeros(value.shape) for key, value in self.results.items()}

    def lines(
        self, points: NDArray[Any], moved: Mapping[str, Balls], bits: int, nudge: Nudge | None = None
    ) -> dict[str, Balls]:
        """The lines at some points, the arrays in ``moved`` being others there, and sums nudged."""
        given = {key: moved[key] if key in moved else value[points] for key, value in self.given.items()}
        with precision(bits):
            found = self.program.values(given, self.batch.sizes, bits == BITS[-1], nudge)
        return {key: np.broadcast_to(value, (len(points), *value.shape[1:])) for key, value in found.items()}

    # ---- ulps

    def _ulp(self, value: Any) -> Any:
        """The ulp of the midpoint of a ball in the dtype, as an exact ball."""
        from flint import arb

        info = np.finfo(self.dtype)
        least = int(info.minexp) - int(info.nmant) + self.allowance.least.bit_length() - 1
        mid = arb(value).mid()
        if not mid.is_finite() or mid.is_zero():
            return arb((1, least))
        mantissa, exponent = mid.man_exp()
        top = int(exponent) + int(abs(mantissa)).bit_length() - 1
        return arb((1, max(top - int(info.nmant), least)))

    def _spacing(self, value: NDArray[Any]) -> NDArray[Any]:
        """The ulps of inputs."""
        sizes = np.abs(value)
        if self.allowance.matrices:
            sizes = np.broadcast_to(_like(by_point(sizes).max(axis=1, initial=0), value), value.shape)
        return np.asarray(np.spacing(sizes), dtype=np.float64)

    def _is_sharp(self, value: Any) -> bool:
        return isinstance(value, int) or bool(value.is_finite() and value.rad() <= self._ulp(value) * SHARP)

    def _is_float(self, value: Any) -> bool:
        """True for what is no larger than the largest float; for determinants, nor smaller than the smallest."""
        info, size = np.finfo(self.dtype), abs(value)
        small = self.allowance.matrices and size < float(info.tiny) and value != 0
        return bool(size <= float(info.max)) and not small

    def _largest(self, value: Balls) -> Balls:
        """At every entry the largest of the point."""
        largest = np.maximum.reduce(by_point(mapped(_size, value)), axis=1, initial=0)
        return np.broadcast_to(_like(largest, value), value.shape)

    # ---- moves

    def moves(self, points: NDArray[Any]) -> dict[str, Floats]:
        """By how many ulps of their own the results at some points move at least, with an ulp of every input."""
        found = {key: np.zeros(value[points].shape) for key, value in self.results.items()}
        for bits in np.unique(self._precisions[points]):
            rows = np.flatnonzero(self._precisions[points] == bits)
            here = _At(self, points[rows], int(bits))
            for key, value in here.rounding().items():
                self.rounding[key][points[rows]] = value
            for key, value in here.moves().items():
                found[key][rows] = value + self.rounding[key][points[rows]]
        return found

    def units(self, entries: Sequence[Entry]) -> Floats:
        """The denominators of the mixed ulps of some entries, in their own ulps; the points' moves were asked for."""
        found = np.zeros(len(entries))
        precisions = self._precisions[[point for _, point, _ in entries]]
        for bits in np.unique(precisions):
            rows = np.flatnonzero(precisions == bits)
            chosen = [entries[row] for row in rows.tolist()]
            here = _At(self, np.array([point for _, point, _ in chosen]), int(bits))
            found[rows] = 1 + here.reach(chosen) + [at(self.rounding[key], *place) for key, *place in chosen]
        return found


class _At:
    """Moves at some points, at one precision."""

    def __init__(self, truth: Truth, points: NDArray[Any], bits: int) -> None:
        self.truth, self.points, self.bits = truth, points, bits
        self.results = {key: value[points] for key, value in truth.results.items()}

    def moves(self) -> dict[str, Floats]:
        """The moves of the results with all inputs, at random by an ulp up or down; the most that was seen."""
        chance = np.random.default_rng(0)
        most = {key: np.zeros(value.shape) for key, value in self.results.items()}
        for _ in range(DIRECTIONS):
            signs = {key: _signs(chance, step[self.points].shape) for key, step in self.truth.steps.items()}
            for key, value in self._in_ulps(self._moved(signs)).items():
                most[key] = np.maximum(most[key], value)
        return most

    def rounding(self) -> dict[str, Floats]:
        """The moves of the results with each of the formulas' sums in turn, by an ulp; added up.

        Of contractions they are infinite where that ulp moves a result by half its size: there no digit is certain.
        """
        added = {key: np.zeros(value.shape) for key, value in self.results.items()}
        eps = float(np.finfo(self.truth.dtype).eps)
        nudges, whole, group = _Nudges(STEP * eps), _Nudges(eps), 0
        while group < min(nudges.sums, SUMS):
            nudges.begin(group)
            moved = self._in_ulps(self.truth.lines(self.points, {}, self.bits, nudges))
            for key in self.truth.allowance.sums:
                added[key] += moved[key]
            for _ in range(DIRECTIONS if self.truth.allowance.arrays else 0):
                whole.begin(group)
                moved = self._in_ulps(self.truth.lines(self.points, {}, self.bits, whole))
                for key in self.truth.allowance.sums:
                    added[key][by_point(moved[key]).max(axis=1, initial=0) * STEP > 0.5 / eps] = np.inf
            group += 1
        return added

    def reach(self, entries: Sequence[Entry]) -> Floats:
        """The moves of one entry a point with an ulp of each input, added up.

        Results are the derivatives of <dY, Y>: gradients with respect to inputs, outputs with respect to dY.  Second
        derivatives are symmetric, so that moving one input shows all its dg/dx_j in the moves of the results j.
        """
        program, steps, ulps = self.truth.program, self.truth.steps, self.truth.ulps
        owners = {line: key for key, line in program.gradients.items()}
        owners |= dict(zip(program.outputs, program.upstream, strict=True))
        factors = {key: np.zeros(step[self.points].shape, dtype=object) for key, step in steps.items()}
        for row, (result, _, place) in enumerate(entries):
            by_point(factors[owners[result]])[row, place] = 1
        found = self._moved(factors)
        totals = np.zeros(len(entries))
        with precision(self.bits):
            for row, (result, point, place) in enumerate(entries):
                scale = at(steps[owners[result]], point, place) * at(ulps[result], point, place) * STEP
                for key, before in self.results.items():
                    each = (found[key][row] - before[row]) * steps[owners[key]][point] / scale
                    totals[row] += float(np.sum(mapped(_size_as_float, each)))
        return totals

    def _moved(self, factors: Mapping[str, NDArray[Any]]) -> dict[str, Balls]:
        """The lines, with the inputs moved by some of their ulps."""
        given, steps = self.truth.given, self.truth.steps
        with precision(self.bits):
            moved = {key: given[key][self.points] + steps[key][self.points] * f for key, f in factors.items()}
        return self.truth.lines(self.points, moved, self.bits)

    def _in_ulps(self, lines: Mapping[str, Balls]) -> dict[str, Floats]:
        """By how many of their own ulps results lie beside the truth, for an ulp of what was moved."""
        with precision(self.bits):
            return {
                key: mapped(_size_as_float, (lines[key] - before) / self.truth.ulps[key][self.points]).astype(float)
                / STEP
                for key, before in self.results.items()
            }


class _Nudges:
    """Moves the sums of one group by a step of either sign; sums are counted, and fall into groups in turn."""

    def __init__(self, step: float) -> None:
        self._step, self._group, self._chance = step, 0, np.random.default_rng(0)
        self.sums = 1

    def begin(self, group: int) -> None:
        """From now on move this group."""
        self._group, self.sums = group, 0

    def __call__(self, total: Balls) -> Balls:
        from flint import arb

        own = self.sums % SUMS == self._group
        self.sums += 1
        return np.asarray(total * (1 + _signs(self._chance, total.shape) * arb(self._step))) if own else total


def _signs(chance: np.random.Generator, shape: tuple[int, ...]) -> NDArray[Any]:
    return chance.choice(np.array([-1, 1]), shape).astype(object)


def mapped(function: Callable[..., Any], *values: Balls) -> NDArray[Any]:
    """A function of numbers over object arrays."""
    return np.asarray(np.frompyfunc(function, len(values), 1)(*values), dtype=object)


def at(values: NDArray[Any], point: int, place: int) -> Any:
    """The entry at a point and a flat place."""
    return by_point(values)[point, place]


def by_point(values: NDArray[Any]) -> NDArray[Any]:
    """One row a point."""
    return values.reshape(len(values), prod(values.shape[1:]))


def _like(by_point: NDArray[Any], value: Balls) -> NDArray[Any]:
    """One value a point, to go with all entries of the point."""
    return by_point.reshape(-1, *[1] * (value.ndim - 1))


def _size(value: Any) -> Any:
    """The size of a number, 0 where it is none."""
    return abs(value) if isinstance(value, int) or value.is_finite() else 0


def _size_as_float(value: Any) -> float:
    return float(_size(value))
