"""The rung of range: gradients at entries up to 1e3, tiny ones, and ones far from 0 that differ little, in floats.

There forward and backward are paired once more on balls, for shortcuts that begin far out; and what floats make of
backward is compared with what it stands for.  A nan or an infinity where that is a float refutes, and so does a
gradient without a right digit where forward keeps its own; lost digits are told in ulp.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from derive.evidence.balls import precision
from derive.evidence.cases import Case
from derive.evidence.contract import Failure
from derive.evidence.differences import curve_along, directional
from derive.evidence.properties import Outcome
from derive.evidence.snippets import counterexample
from derive.reading.refusal import NotRun
from derive.verdict import Rung
from derive.verifier.duals import Undecided
from derive.verifier.enclosure import DOUBLES, PRECISIONS, Kink, Look, lifted, looked, refuted, run_on_balls
from derive.verifier.meter import metered
from derive.verifier.pair import Pair
from derive.verifier.points import Fill, at_scale, fitting, point, seed_of, telling_sizes
from derive.verifier.sources import source

NAME = "range"
SCALES = (1e-9, 1e-3, 12.0, 40.0, 120.0, 400.0, 1000.0)
WORK = {"light": 6e5, "ci": 2e6, "deep": 5e8}  # units of the meter, on balls; after that only floats are looked at
FAR = (1e8, 1e10)  # entries of about so much that differ by about 1: at the first a wrong digit may be right by chance
SEED = 2
ALL_DIGITS = 2.0**50  # ulp
LOST, KEPT = 0.3, 1e-4  # relative errors: of a gradient without a right digit, of a forward that has some
NOTICED = 2.0**-26  # of the size that a gradient has by its forward's, or at entries of about 1: less is no matter
BITS = 60  # of a ball that stands for a float


@dataclass(frozen=True)
class _Floats:
    """What floats make of forward and backward."""

    outputs: list[Any]
    gradients: Mapping[str, Any]


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``tested`` with the digits that are left, ``refuted``, or ``open`` where the code runs on no balls."""
    code = metered(lifted(given))
    look = _narrow if budget == "light" else looked  # what is proved is not paired once more
    points, worst, skipped, blind = 0, 0.0, 0, ""
    for case in _points(given, budget):
        floats = _in_floats(given, case)
        if floats is None:  # forward itself has no float value there
            skipped += 1
        elif (name := _not_finite(given, case, floats)) is not None:
            return _broken(given, case, name, floats, "is not finite", "and the true gradient are")
        if blind or code.used > WORK[budget]:
            continue
        try:
            seen = look(code, case)
            for pairing in seen.pairings:
                if pairing.is_finite and not pairing.agrees and pairing.gap > DOUBLES:
                    found = refuted(given, case, pairing)
                    return Outcome(Rung(NAME, "refuted", found.rung.detail, found.rung.numbers), found.counterexample)
            truth = seen if _is_narrow(seen) else _narrow(code, case)
        except (Kink, Undecided, ZeroDivisionError):
            continue
        except NotRun as error:
            blind = f"skipped: {error}"
            continue
        except Exception as error:
            blind = f"skipped: on balls the code raises {type(error).__name__}: {error}"[:300]
            continue
        if floats is None:
            continue
        points += 1
        for name, balls in truth.gradients.items():
            lost = _lost(floats.gradients[name], balls)
            worst = max(worst, lost)
            if np.isinf(lost):
                return _broken(given, case, name, floats, "is not finite", "and the true gradient are", balls)
            if _without_digits(given, case, name, floats, truth):
                return _broken(given, case, name, floats, "has no right digit", "has some", balls)
    numbers = {"points": points, "skipped": skipped, "seed": seed_of(SEED), "worst_ulp": worst}
    if not points:
        nothing = blind or "skipped: no point at which floats and balls have a value"
        return Outcome(Rung(NAME, "open", nothing, numbers))
    beyond = f"; at {skipped} more forward itself is not finite" if skipped else ""
    lost_digits = f"gradients at entries up to 1e3 within {worst:.1g} ulp of their largest entry"
    lost_digits += ": all digits are lost" if worst > ALL_DIGITS else ""
    return Outcome(Rung(NAME, "tested", f"{points} points, {lost_digits}{beyond}", numbers))


def _points(given: Pair, budget: str) -> Iterator[Case]:
    """All entries large, or one of them, at small sizes; those of one input, or two, far out and close together."""
    chance = np.random.default_rng(seed_of(SEED))
    bases = telling_sizes(given, 12 if budget == "deep" else 4, seed_of(SEED))
    for base in bases if budget == "deep" else bases[:1]:
        fills: list[Any] = [at_scale(scale) for scale in SCALES]
        plain = [name for name in given.floats if given.inputs[name].kind.name == "float"]
        fills += [{name: _around(far)} for far in FAR for name in plain]
        fills += [dict.fromkeys(both, _around(FAR[-1])) for both in combinations(plain, 2) if _alike(given, *both)]
        fills += [at_scale(scale, one=True) for scale in (-SCALES[-1], *SCALES)]  # some overflows have one sign
        sizes = _several(given, base)
        for fill in fills:
            found = point(given, sizes, chance, fill)
            if found is not None:
                yield found


def _several(given: Pair, sizes: Mapping[str, int]) -> Mapping[str, int]:
    """Sizes of 3, or more: of statistics over two entries nothing may be left far out, and two may have one sign."""
    free = [name for name in sizes if name not in given.signature.plain_ints]
    for wanted in (dict.fromkeys(free, 3), {name: max(sizes[name], 3) for name in free}):
        found = next(fitting(given, {**sizes, **wanted}, 100), None)
        if found is not None:
            return found
    return sizes


def _alike(given: Pair, one: str, other: str) -> bool:
    """True for inputs that may be subtracted from each other, be it point by point."""
    shape, that = given.inputs[one].shape, given.inputs[other].shape
    return len(shape) == len(that) and shape[-1:] == that[-1:]


def _around(far: float) -> Fill:
    return lambda chance, shape: far + chance.standard_normal(shape)


def _narrow(code: Pair, case: Case) -> Look:
    """Outputs and gradients on balls of which those of gradients are narrower than a float."""
    for bits in PRECISIONS:
        with suppress(Undecided), precision(bits):
            if _is_narrow(found := run_on_balls(code, case)):
                return found
    raise Undecided("the balls stay wide")


def _is_narrow(seen: Look) -> bool:
    every = (ball for balls in seen.gradients.values() for ball in balls)
    return all(ball.is_zero() or ball.rel_accuracy_bits() >= BITS for ball in every)


def _in_floats(given: Pair, case: Case) -> _Floats | None:
    """Outputs and gradients in floats; None where forward is not finite."""
    with np.errstate(all="ignore"):
        y, held = given.forward(*case.arguments().values())
        outputs = [np.ravel(np.asarray(part, dtype=np.float64)) for part in (y if len(case.upstream) > 1 else (y,))]
        if not all(np.all(np.isfinite(part)) for part in outputs):
            return None
        gradients = given.backward(case.upstream_argument(), held)
    return _Floats(outputs, {name: np.ravel(np.asarray(gradients[name], dtype=np.float64)) for name in given.floats})


def _not_finite(given: Pair, case: Case, floats: _Floats) -> str | None:
    """An input whose gradient has an entry that is not finite, although differences have a value for it."""
    for name, gradient in floats.gradients.items():
        broken = np.flatnonzero(~np.isfinite(gradient))
        if not len(broken):
            continue
        direction = np.zeros(np.shape(case.inputs[name]))
        direction.flat[broken[0]] = max(1e-3, abs(float(np.ravel(case.inputs[name])[broken[0]]))) / 8
        with np.errstate(all="ignore"):
            estimate = directional(curve_along(given, case, name, direction))
        if np.isfinite(estimate.value) and estimate.error <= max(1.0, abs(estimate.value)):
            return name
    return None


def _lost(floats: Any, balls: Sequence[Any]) -> float:
    """The largest error in ulp of the largest entry; infinite where an entry is not finite but the ball is a float."""
    middle = _middles(balls)
    if not np.all(np.isfinite(middle)):
        return 0.0
    if not np.all(np.isfinite(floats)):
        return np.inf
    largest = float(np.max(np.abs(middle), initial=0.0))
    return float(np.max(np.abs(floats - middle), initial=0.0) / np.spacing(largest)) if largest else 0.0


def _without_digits(given: Pair, case: Case, name: str, floats: _Floats, truth: Look) -> bool:
    """True if a gradient that matters has no right digit, where forward has some."""
    middle = _middles(truth.gradients[name])
    largest = float(np.max(np.abs(middle), initial=0.0))
    error = float(np.max(np.abs(floats.gradients[name] - middle), initial=0.0))
    if not np.isfinite(largest) or error < LOST * largest:
        return False
    for got, balls in zip(floats.outputs, truth.outputs, strict=True):
        exact = _middles(balls)
        if np.max(np.abs(got - exact), initial=0.0) > KEPT * np.max(np.abs(exact), initial=0.0):
            return False
    upstream, output = max(map(_size, case.upstream)), max(map(_size, floats.outputs))
    reach = _size(case.inputs[name])
    if not reach or min(error, largest) <= NOTICED * upstream * output / reach:
        return False
    return error > NOTICED * _natural_size(given, case, name)


def _natural_size(given: Pair, case: Case, name: str) -> float:
    """The largest entry of a gradient at inputs that are smaller and smaller, down to about 1."""
    found = 0.0
    while max(map(_size, case.inputs.values())) > 1:
        smaller = {key: value / 10 if _size(value) > 1 else value for key, value in case.inputs.items()}
        case = case.with_inputs(smaller)
        floats = _in_floats(given, case)
        found = max(found, _size(floats.gradients[name]) if floats is not None else 0.0)
    return found


def _size(value: Any) -> float:
    """The largest entry of an array of floats."""
    array = np.asarray(value)
    return float(np.max(np.abs(array), initial=0.0)) if array.dtype.kind == "f" else 0.0


def _middles(balls: Sequence[Any]) -> Any:
    return np.array([float(ball.mid()) for ball in balls])


def _broken(
    given: Pair, case: Case, name: str, floats: _Floats, what: str, others: str, balls: Sequence[Any] | None = None
) -> Outcome:
    """The verdict on floats that say nothing of a gradient which is one."""
    shape = np.shape(case.inputs[name])
    expected = None if balls is None else _middles(balls).reshape(shape)
    largest = max(float(np.max(np.abs(value), initial=0.0)) for value in case.inputs.values())
    told = f"the gradient of {name} {what} at entries of {largest:.3g}, where forward {others}"
    failure = Failure(name, told, floats.gradients[name].reshape(shape), expected, f"gradients[{name!r}]", "values")
    return Outcome(
        Rung(NAME, "refuted", told, {"largest_entry": largest}), counterexample(case, failure, source(given))
    )
