"""The error of difference quotients over the size of their step, in arithmetic that rounds alike on every machine.

Along one random direction in all float inputs.  Every operation is rounded to the precision of the format by ball
arithmetic, whose midpoints do not depend on a machine's exponential or its order of summation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.evidence.balls import Program, balls, precision
from derive.evidence.cases import Case
from derive.evidence.sizes import numbers
from derive.evidence.values import draw_direction, draw_upstream

BITS = {"float64": 53, "float32": 24}
EXACT = 400  # bits of the truth
LARGEST, STEPS = 0, 44  # steps are 2**0, 2**-1, ..


@dataclass(frozen=True)
class StepErrors:
    """For each step its relative error, by method: central differences, and with one Richardson extrapolation."""

    steps: tuple[float, ...]
    central: dict[str, tuple[float, ...]]
    richardson: dict[str, tuple[float, ...]]


def step_errors(program: Program, case: Case) -> StepErrors | None:
    """The errors at a case; None where the derivative is 0 or has no value along the direction."""
    shaped = {k: np.reshape(v, numbers(program.inputs[k].shape, case.sizes)) for k, v in case.inputs.items()}
    case = case.with_inputs(shaped)  # leading axes are one here
    chance = np.random.default_rng(case.seed)
    floats = [key for key in program.gradients if np.size(case.inputs[key])]
    directions = {key: draw_direction(chance, case.kinds[key], case.inputs[key]) for key in floats}
    upstream = {
        key: np.asarray(draw_upstream(chance, "normal", numbers(shape, case.sizes)))
        for key, shape in program.upstream.items()
    }
    truth = _truth(program, case, directions, upstream)
    if truth is None:
        return None
    steps = np.array([2.0**-k for k in range(LARGEST, LARGEST + STEPS)])
    central, richardson = {}, {}
    for dtype, bits in BITS.items():
        near, far = (_quotients(program, case, directions, upstream, factor * steps, bits) for factor in (1, 2))
        central[dtype] = _errors(near, truth)
        richardson[dtype] = _errors((4 * near - far) / 3, truth)
    if not all(np.isfinite(e) for errors in central.values() for e in errors[8:]):
        return None
    return StepErrors(tuple(steps), central, richardson)


def _errors(values: Any, truth: float) -> tuple[float, ...]:
    return tuple(float(abs(value - truth) / abs(truth)) for value in values)


def _quotients(
    program: Program, case: Case, directions: dict[str, Any], upstream: dict[str, Any], steps: Any, bits: int
) -> Any:
    """(f(x + h v) - f(x - h v)) / 2h for every step h, f being the outputs weighted by the upstream gradient."""
    moves = np.concatenate([steps, -steps])
    given = {key: balls(_moved(value, directions.get(key), moves)) for key, value in case.inputs.items()}
    given |= {key: balls(value[None]) for key, value in upstream.items()}
    with precision(bits):
        found = program.values(given, case.sizes)
        total = sum(
            np.sum(np.reshape(found[o] * given[d], (len(found[o]), -1)), axis=1)
            for o, d in zip(program.outputs, program.upstream, strict=True)
        )
    sums = np.broadcast_to(
        np.array([float(getattr(value, "mid", lambda v=value: v)()) for value in total]), moves.shape
    )
    ahead, behind = sums[: len(steps)], sums[len(steps) :]
    return (ahead - behind) / (2 * steps)


def _moved(value: Any, direction: Any, moves: Any) -> Any:
    array = np.asarray(value)
    if direction is None:
        return array[None]
    return array + np.reshape(moves, (-1, *[1] * array.ndim)) * direction


def _truth(program: Program, case: Case, directions: dict[str, Any], upstream: dict[str, Any]) -> float | None:
    given = {key: balls(np.asarray(value)[None]) for key, value in case.inputs.items()}
    given |= {key: balls(value[None]) for key, value in upstream.items()}
    with precision(EXACT):
        found = program.values(given, case.sizes)
        pairs = [(np.ravel(found[program.gradients[key]]), np.ravel(balls(v))) for key, v in directions.items()]
        total = sum(g * v for gradient, direction in pairs for g, v in zip(gradient, direction, strict=True))
    value = float(getattr(total, "mid", lambda: total)())
    return value if np.isfinite(value) and value else None
