"""Directional derivatives by central differences and Richardson extrapolation, with an error bound that is computed.

The tableau is Romberg's, the choice of its entry Ridders' (1982, "Accurate computation of F'(x) and F'(x) F''(x)").
An entry's bound is its truncation, seen in its neighbours, plus the roundoff of the function, carried through the same
weights.  The roundoff is measured at tiny steps (after Moré and Wild 2011, "Estimating computational noise"), never
below that of the final sum and of the argument.  No tolerance is written down anywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from derive.evidence.cases import Case
from derive.evidence.values import draw_direction

Reals = NDArray[np.float64]

STEP = 2.0**-2  # the largest |t|; draw_direction promises that |t| < 1/2 stays in the kind
ROWS, COLUMNS = 11, 6  # of the tableau: steps from 2^-2 to 2^-12, error terms up to h^12 removed
SHRINK = (1.0, 0.37, 0.37**3, 0.37**6)  # second opinions: steps that share no point with the first ones
FINEST = STEP * SHRINK[-1]
EPS = float(np.finfo(np.float64).eps)
TINY = 8 * STEP * EPS ** (2 / 3)  # so small that a smooth function is a parabola there, up to roundoff
DEVIATIONS = 8.0  # how far two evaluations together may stray, in sizes of the noise: four each
SHAKES = 4  # random roundings whose largest effect stands for the condition of a result
NEIGHBOURS = 12  # points off a kink whose derivatives say what lies between


class Code(Protocol):
    """Code under test: ``forward(*inputs) -> (y, cache)`` and ``backward(upstream, cache) -> {name: gradient}``."""

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        """Outputs and cache."""

    def backward(self, upstream: Any, cache: Any, /) -> Mapping[str, Any]:
        """Gradients by name."""


@dataclass(frozen=True)
class Curve:
    """t -> the terms of <G, f(x + t v)>, flat; ``grain`` is the largest |x| / |v|, so that t is felt to grain * EPS."""

    terms: Callable[[float], Reals]
    grain: float = 1.0

    def __call__(self, t: float) -> Reals:
        """The terms at t."""
        return self.terms(t)


@dataclass(frozen=True)
class Estimate:
    """A derivative and the bound on its error; the bound is infinite where nothing can be said."""

    value: float
    error: float


@dataclass(frozen=True)
class Agreement:
    """What <G, J v> by differences says of <J^T G, v> as the code gives it, v in the input ``name``.

    ``kind`` is ``smooth``, ``kink`` (judged by what lies between the one-sided derivatives) or ``undecided`` (the bound
    exceeds both numbers, so that even a gradient of zero would have passed).
    """

    name: str
    got: float
    expected: float
    tolerance: float
    scale: float
    ok: bool
    kind: Literal["smooth", "kink", "undecided"] = "smooth"

    @property
    def error_in_tolerances(self) -> float:
        """|got - expected| in units of the tolerance."""
        gap = abs(self.got - self.expected)
        return gap / self.tolerance if gap else 0.0

    @property
    def relative_error(self) -> float:
        """|got - expected| relative to the size of the terms summed."""
        gap = abs(self.got - self.expected)
        return gap / self.scale if gap else 0.0


def directional(curve: Curve, step: float = STEP) -> Estimate:
    """d/dt of a curve's sum at 0 by central differences, the curve computed in float64."""
    value, error = _extrapolate(curve, step, 0, _summed)
    return Estimate(float(value[0]), float(error[0]))


def termwise(curve: Curve, step: float, side: int = 0) -> tuple[Reals, Reals]:
    """Derivatives of a curve's terms at 0 and their bounds: from the right (``side`` 1), the left (-1), or central."""
    return _extrapolate(curve, step, side, _as_they_are)


def _summed(terms: Reals) -> Reals:
    return np.asarray(terms.sum(axis=-1, keepdims=True))


def _as_they_are(terms: Reals) -> Reals:
    return terms


def _extrapolate(curve: Curve, step: float, side: int, fold: Callable[[Reals], Reals]) -> tuple[Reals, Reals]:
    """The derivatives of the folded terms and their bounds."""
    steps = step * 0.5 ** np.arange(ROWS)[:, None]
    ahead = np.array([curve(h) for h in (steps[:, 0] if side >= 0 else -steps[:, 0])])
    here = curve(0.0)[None]
    behind = np.array([curve(-h) for h in steps[:, 0]]) if side == 0 else here
    width = steps * (side or 2)
    with np.errstate(all="ignore"):
        final = EPS * fold(np.maximum(np.abs(ahead), np.abs(behind)))
        argument = EPS * curve.grain * fold(np.maximum(np.abs(ahead - here), np.abs(behind - here))) / steps
        noise = np.maximum(_noise(curve, side, fold), final + argument)
        return _best_entry(fold(ahead - behind) / width, DEVIATIONS * noise / steps, 2.0 if side else 4.0)


def _best_entry(table: Reals, roundoff: Reals, ratio: float) -> tuple[Reals, Reals]:
    """The entry of Romberg's tableau with the least bound on its error, and that bound; (rows, k) -> (k,), (k,)."""
    best = np.full(table.shape[1], np.nan)
    least = np.full(table.shape[1], np.inf)
    for column in range(1, COLUMNS + 1):
        weight = ratio**column
        finer = (weight * table[1:] - table[:-1]) / (weight - 1)
        roundoff = (weight * roundoff[1:] + roundoff[:-1]) / (weight - 1)
        truncation = np.maximum(np.abs(finer - table[1:]), np.abs(finer - table[:-1]))
        errors = np.nan_to_num(truncation + roundoff, nan=np.inf)
        row = np.argmin(errors, axis=0)[None]
        found = np.take_along_axis(errors, row, axis=0)[0]
        better = found < least
        best = np.where(better, np.take_along_axis(finer, row, axis=0)[0], best)
        least = np.where(better, found, least)
        table = finer
    return best, least


def _noise(curve: Curve, side: int, fold: Callable[[Reals], Reals]) -> Reals:
    """The roundoff in a curve's folded terms near 0, on the side asked for.

    It is what a parabola through tiny steps leaves over.  The steps are irregular, since equal ones round alike.
    """
    places = np.modf(np.arange(12) * 5**0.5)[0]
    steps = TINY * (side * places if side else 2 * places - 1)
    values = np.array([fold(curve(float(t))) for t in steps])
    basis = np.linalg.qr(np.vander(steps / TINY, 3))[0]
    return np.asarray(np.max(np.abs(values - basis @ (basis.T @ values)), axis=0))


def curve_along(code: Code, case: Case, name: str, direction: Reals) -> Curve:
    """t -> the terms G * f(x + t v), flat, all of it in float64."""
    base = case.contiguous().in_float64()
    inputs, start = base.arguments(), np.asarray(base.inputs[name])

    def terms(t: float) -> Reals:
        try:
            y, _ = code.forward(*{**inputs, name: np.asarray(start + t * direction)[()]}.values())
        except np.linalg.LinAlgError:  # singular nearby: nothing can be said there
            return np.full(sum(g.size for g in base.upstream), np.nan)
        parts = [y] if len(base.upstream) == 1 else y
        return np.concatenate([np.ravel(g * np.asarray(part)) for g, part in zip(base.upstream, parts, strict=True)])

    moving = direction != 0
    return Curve(terms, float(np.max(np.abs(start[moving] / direction[moving]), initial=0.0)))


def agrees(code: Code, case: Case, names: tuple[str, ...], gradients: Mapping[str, Any]) -> tuple[Agreement, ...]:
    """Compare <G, J v> by differences with <J^T G, v>, for a random v in each of the inputs ``names`` separately.

    ``gradients`` are those of ``code.backward`` at this case, in its dtype; the differences are taken in float64 at the
    same point, and their bound is scaled to the precision of the dtype.  What ``code.forward`` raises passes through.
    """
    chance = np.random.default_rng(case.seed + 1)
    return tuple(_agreement(code, case, name, np.asarray(gradients[name], dtype=np.float64), chance)
                 for name in names if np.size(case.inputs[name]))


def _agreement(code: Code, case: Case, name: str, gradient: Reals, chance: np.random.Generator) -> Agreement:
    eps = float(np.finfo(case.dtype).eps)
    direction = draw_direction(chance, case.kinds[name], case.inputs[name])
    curve = curve_along(code, case, name, direction)
    got, scale = float(np.sum(gradient * direction)), float(np.sum(np.abs(gradient * direction)))
    own = eps * scale * gradient.size if np.isfinite(scale) else 0.0  # the gradient's entries are themselves rounded
    if eps > EPS:
        own += sensitivity(code, case, eps, lambda _, gradients: np.sum(gradients[name] * direction, keepdims=True))
    if not np.all(np.isfinite(curve(0.0))):
        return Agreement(name, got, np.nan, np.inf, scale, True, "undecided")
    estimate = directional(curve)
    if not abs(got - estimate.value) <= estimate.error * eps / EPS + own:
        estimate = _second_opinions(curve, estimate)
    tolerance = estimate.error * eps / EPS + own
    gap = abs(got - estimate.value)
    if gap <= tolerance or not np.isfinite(tolerance) or _diverges(curve):
        sharp = gap == 0 or gap <= tolerance < max(abs(got), abs(estimate.value))
        return Agreement(name, got, estimate.value, tolerance, scale, True, "smooth" if sharp else "undecided")
    between = _between(curve, eps / EPS, lambda: curve_along(code, _nearby(case, chance), name, direction))
    if between is None:
        return Agreement(name, got, estimate.value, tolerance, scale, False)
    low, high = between
    ok = not np.isfinite(got) or low - own <= got <= high + own  # at a kink a code may say that there is no gradient
    return Agreement(name, got, min(max(got, low), high), tolerance, scale, ok, "kink")


def sensitivity(code: Code, case: Case, eps: float, of: Callable[[Any, Mapping[str, Any]], Reals]) -> float:
    """How far a result may be off because numbers are rounded to relative precision ``eps``.

    It is the largest change seen when all float inputs and the upstream gradient are rounded at random, in float64,
    times the number of entries that can be rounded.
    """
    base, chance = case.contiguous().in_float64(), np.random.default_rng(case.seed + 2)

    def shaken(value: Any) -> Any:
        floats = isinstance(value, np.ndarray) and value.dtype == np.float64
        return np.asarray(value * (1 + eps * chance.choice(np.array([-1.0, 1.0]), value.shape))) if floats else value

    def result(at: Case) -> Reals | float:
        try:
            y, cache = code.forward(*at.arguments().values())
            return of(y, code.backward(at.upstream_argument(), cache))
        except np.linalg.LinAlgError:  # singular nearby: no digit is sure
            return np.inf

    exact = result(base)
    if not np.all(np.isfinite(exact)):
        return 0.0
    entries = sum(np.size(value) for value in (*base.inputs.values(), *base.upstream))
    largest = 0.0
    for _ in range(SHAKES):
        inputs = {name: shaken(value) for name, value in base.inputs.items()}
        change = np.abs(result(replace(base, inputs=inputs, upstream=tuple(map(shaken, base.upstream)))) - exact)
        largest = max(largest, float(np.max(np.nan_to_num(change, nan=np.inf), initial=0.0)))
    return entries * largest


def expected_gradient(code: Code, case: Case, name: str) -> Reals:
    """The gradient with respect to one input by differences, each entry taken as independent of the others."""
    value = np.asarray(case.inputs[name])
    reach = np.abs(draw_direction(np.random.default_rng(0), "float", value))
    gradient = np.zeros(value.shape)
    for place in np.ndindex(value.shape):
        direction = np.zeros(value.shape)
        direction[place] = reach[place]
        curve = curve_along(code, case, name, direction)
        gradient[place] = _second_opinions(curve, directional(curve)).value / reach[place]
    return gradient


def _second_opinions(curve: Curve, first: Estimate) -> Estimate:
    """The sharpest of several tableaux that every one of the finer steps confirms, within its own bound.

    Coarse steps may straddle a kink, or miss a narrow feature altogether, and their entries still agree by chance.
    """
    finer = [directional(curve, STEP * shrink) for shrink in reversed(SHRINK[1:])]
    best, *coarser = [opinion for opinion in (*finer, first) if np.isfinite(opinion.error)] or [first]
    for opinion in coarser:
        if abs(opinion.value - best.value) > opinion.error + best.error:
            break
        best = min(best, opinion, key=lambda each: each.error)
    return best


def _diverges(curve: Curve) -> bool:
    """True if difference quotients grow without end, as they do at a jump, a pole or a vertical tangent."""
    steps = FINEST * np.array([1.0, 1 / 16, 1 / 256])
    with np.errstate(all="ignore"):
        moved = [(curve(h), curve(-h)) for h in steps]
        noise = DEVIATIONS * EPS * max(np.sum(np.abs(terms)) for pair in moved for terms in pair)
        here = np.sum(curve(0.0))
        sizes = [max(abs(np.sum(terms) - here) for terms in pair) / h for pair, h in zip(moved, steps, strict=True)]
        return all(b - noise / h > 2 * (a + noise / h) for a, b, h in zip(sizes, sizes[1:], steps[1:], strict=False))


def _between(curve: Curve, loss: float, nearby: Callable[[], Curve]) -> tuple[float, float] | None:
    """What lies between the one-sided derivatives, term by term; None where these agree, so that there is no kink.

    ``loss`` scales the bounds to another precision.  Where a term mixes several kinks (a sum over rectified entries),
    derivatives at points ``nearby`` lie outside the one-sided ones; what lies between is then widened to thrice as much.
    """
    right, right_error = termwise(curve, FINEST, side=1)
    left, left_error = termwise(curve, FINEST, side=-1)
    error = right_error + left_error
    with np.errstate(all="ignore"):
        if not np.any(np.abs(right - left) > error):
            return None
    low, high = np.minimum(left, right) - loss * error, np.maximum(left, right) + loss * error
    lowest, highest = low, high
    for _ in range(NEIGHBOURS):
        value, bound = termwise(nearby(), STEP * EPS**0.5)
        known = np.isfinite(bound)
        lowest = np.where(known, np.minimum(lowest, value + bound), lowest)
        highest = np.where(known, np.maximum(highest, value - bound), highest)
    beyond, width = (low - lowest) + (highest - high), highest - lowest
    # smooth derivatives change by EPS**(1/2) between points so near; kinks that mix change them by a share of the width
    slack = np.where(beyond > EPS**0.25 * width, width, beyond)
    return float(np.sum(lowest - slack)), float(np.sum(highest + slack))


def _nearby(case: Case, chance: np.random.Generator) -> Case:
    """A point close to the case, off its kinks: every float input moves, so that kinks which coincide come apart."""
    def moved(name: str, value: Any) -> Any:
        if not (isinstance(value, np.ndarray) and value.dtype == np.float64):
            return value
        away = draw_direction(chance, case.kinds[name], value)
        if case.kinds[name] in ("float", "positive", "unit"):
            away = away * chance.standard_normal(value.shape)
        return np.asarray(value + EPS**0.5 * away)

    base = case.in_float64()
    return base.with_inputs({name: moved(name, value) for name, value in base.inputs.items()})
