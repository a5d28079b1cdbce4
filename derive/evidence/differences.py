"""The one check of a gradient: <G, J v> by differences against <J^T G, v>, with a tolerance that is computed.

It knows nothing of how the gradient was derived.  At a kink it accepts what lies between the one-sided derivatives.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol

import numpy as np

from derive.arrays.shapes import FLOAT
from derive.evidence.cases import Case
from derive.evidence.richardson import (
    DEVIATIONS,
    EPS,
    FINEST,
    STEP,
    Curve,
    Estimate,
    Reals,
    confirmed,
    confirmed_sum,
    directional,
    termwise,
)
from derive.evidence.values import draw_direction

__all__ = [
    "Agreement",
    "Code",
    "Curve",
    "Estimate",
    "agrees",
    "agrees_along",
    "curve_along",
    "directional",
    "expected_gradient",
    "odd_entry",
    "plain_gradient",
    "plainly_agrees",
]

Kind = Literal["smooth", "kink", "undecided"]

SHAKES = 4  # random roundings whose largest effect stands for the condition of a result
GLANCE, GLANCED = 2.0**-17, 1e-6  # a step so small that it seldom meets a kink, and what is then good enough
CALMER = (1.0, 0.5, 0.1)  # times an input: where it is so small a gradient has its natural size
SMALLEST = 2.0**-34  # a step that tells a steep slope roughly
SURE = 8.0  # tolerances: a bound that is computed may itself be off, what is wrong is so by far more
BESIDE = 1e-3  # so far beside a point are no ties of its own
FLOOR = 16.0  # roundings of a gradient of its natural size
GLANCED_IN_ULP = 64.0  # of a dtype that has no more digits
NEIGHBOURS = 12  # points off a kink, at each distance, whose derivatives say what lies between


class Code(Protocol):
    """Code under test: ``forward(*inputs) -> (y, cache)`` and ``backward(upstream, cache) -> {name: gradient}``."""

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        """Outputs and cache."""

    def backward(self, upstream: Any, cache: Any, /) -> Mapping[str, Any]:
        """Gradients by name."""


@dataclass(frozen=True)
class Agreement:
    """What <G, J v> by differences says of <J^T G, v> as the code gives it, v in the input ``name``.

    ``kind`` is ``smooth``, ``kink`` (judged by what lies between the one-sided derivatives) or ``undecided``: the bound
    exceeds both numbers, so that even a gradient of zero would have passed, or one output mixes several kinks.
    """

    name: str
    got: float
    expected: float
    tolerance: float
    scale: float
    ok: bool
    kind: Kind = "smooth"

    @property
    def error_in_tolerances(self) -> float:
        """|got - expected| in units of the tolerance."""
        gap = abs(self.got - self.expected)
        return (gap / self.tolerance if self.tolerance else np.inf) if gap else 0.0

    @property
    def told(self) -> str:
        """What is wrong, in words."""
        if not np.isfinite(self.got):
            return f"the gradient of {self.name} is wrong: it is not finite, where differences of forward are"
        return f"the gradient of {self.name} is wrong by {self.error_in_tolerances:.3g} tolerances"

    @property
    def relative_error(self) -> float:
        """|got - expected| relative to the size of the terms summed."""
        gap = abs(self.got - self.expected)
        return gap / max(self.scale, abs(self.expected)) if gap else 0.0


def curve_along(code: Code, case: Case, name: str, direction: Reals) -> Curve:
    """t -> the terms G * f(x + t v), flat, all of it in float64, times the known scale of the gradient."""
    base, scale = case.contiguous().in_float64(), float(case.scales.get(name, 1))
    inputs, start = base.arguments(), np.asarray(base.inputs[name])

    def terms(t: float) -> Reals:
        try:
            y, _ = code.forward(*{**inputs, name: np.asarray(start + t * direction)[()]}.values())
        except np.linalg.LinAlgError:  # singular nearby: nothing can be said there
            return np.full(sum(g.size for g in base.upstream), np.nan)
        parts = [y] if len(base.upstream) == 1 else y
        pairs = zip(base.upstream, parts, strict=True)
        return np.concatenate([np.ravel(scale * g * np.asarray(part)) for g, part in pairs])

    moving = direction != 0
    return Curve(terms, float(np.max(np.abs(start[moving] / direction[moving]), initial=0.0)))


def agrees(code: Code, case: Case, names: tuple[str, ...], gradients: Mapping[str, Any]) -> tuple[Agreement, ...]:
    """Compare <G, J v> by differences with <J^T G, v>, for a random v in each of the inputs ``names`` separately.

    ``gradients`` are those of ``code.backward`` at this case, in its dtype; the differences are taken in float64 at the
    same point, and their bound is scaled to the precision of the dtype.  What ``code.forward`` raises passes through.
    """
    chance = np.random.default_rng(case.seed + 1)

    def along(name: str) -> Reals:
        return draw_direction(chance, case.kinds[name], case.inputs[name])

    return tuple(
        agrees_along(code, case, name, np.asarray(gradients[name], dtype=np.float64), along(name), chance)
        for name in names
        if np.size(case.inputs[name])
    )


def plainly_agrees(code: Code, case: Case, name: str, gradient: Reals) -> bool:
    """True if one small central difference agrees to six digits (five in float32), so that none need look closer."""
    direction = draw_direction(np.random.default_rng(case.seed + 3), case.kinds[name], case.inputs[name])
    digits = max(GLANCED, GLANCED_IN_ULP * float(np.finfo(case.dtype).eps))
    return _glance_agrees(curve_along(code, case, name, direction), gradient * direction, digits)


def odd_entry(code: Code, case: Case, name: str, gradient: Reals, most: int) -> Reals | None:
    """A direction along one entry in which a gradient lies outside the one-sided derivatives; None if there is none.

    At a kink of a maximum, a rectifier or the like this tells sharply, entry by entry, what is right.  The entries are
    found by halving, as far as one glance does not agree; at most so many are looked at.
    """
    chance = np.random.default_rng(case.seed)
    reach = np.abs(draw_direction(chance, FLOAT, case.inputs[name]))

    def along(places: Any) -> Reals:
        direction = np.zeros(reach.shape)
        direction.flat[places] = reach.flat[places]
        return direction

    left: list[Any] = [chance.permutation(reach.size)]
    while left and most:
        places = left.pop()
        if len(places) == 1:
            most -= 1
            if not _between_sides(
                curve_along(code, case, name, along(places)), float(np.sum(gradient * along(places)))
            ):
                return along(places)
            continue
        for half in np.array_split(places, 2):
            curve, products = curve_along(code, case, name, along(half)), gradient * along(half)
            if len(half) == 1 or not _glance_agrees(curve, products, GLANCED):
                left.append(half)
    return None


def _between_sides(curve: Curve, got: float) -> bool:
    """True for a derivative that lies between the one-sided ones."""
    here = curve(0.0)
    with np.errstate(all="ignore"):
        sides = [(4 * curve(h) - curve(2 * h) - 3 * here) / (2 * h) for h in (GLANCE, -GLANCE)]
        slack = GLANCED * (np.sum(np.abs(sides)) + abs(got))
        low, high = np.sum(np.minimum(*sides)) - slack, np.sum(np.maximum(*sides)) + slack
    return bool(low <= got <= high)


def _glance_agrees(curve: Curve, products: Reals, digits: float) -> bool:
    terms = _glanced(curve)
    with np.errstate(all="ignore"):
        scale = np.sum(np.abs(terms)) + np.sum(np.abs(products))
        return bool(abs(np.sum(terms) - np.sum(products)) <= digits * scale)


def agrees_along(
    code: Code, case: Case, name: str, gradient: Reals, direction: Reals, chance: np.random.Generator
) -> Agreement:
    """The same for one input and one direction."""
    eps = float(np.finfo(case.dtype).eps)
    curve = curve_along(code, case, name, direction)
    got, scale = float(np.sum(gradient * direction)), float(np.sum(np.abs(gradient * direction)))
    own = eps * scale * gradient.size if np.isfinite(scale) else 0.0  # the gradient's entries are themselves rounded
    own += underflow(case, direction)

    def rounding(eps: float, case: Case) -> float:
        """How far the derivative may be off because the terms of the gradient are rounded."""
        return sensitivity(code, case, eps, lambda _, gradients: np.sum(gradients[name] * direction, keepdims=True))

    if eps > EPS:
        own += rounding(eps, case)
    if not np.all(np.isfinite(curve(0.0))):
        return Agreement(name, got, np.nan, np.inf, scale, True, "undecided")
    estimate = directional(curve)
    if not abs(got - estimate.value) <= estimate.error * eps / EPS + own:
        estimate = confirmed_sum(curve)
    tolerance = estimate.error * eps / EPS + own
    gap = abs(got - estimate.value)
    if gap <= tolerance or not np.isfinite(tolerance) or _diverges(curve):
        sharp = gap == 0 or gap <= tolerance < max(abs(got), abs(estimate.value))
        return Agreement(name, got, estimate.value, tolerance, scale, True, "smooth" if sharp else "undecided")

    def nearby(distance: float) -> Curve:
        return curve_along(code, _nearby(case, name, chance, distance), name, direction)

    between = _between(curve, eps / EPS, nearby)
    if between is None:
        lost = max(SURE * tolerance, FLOOR * eps * _natural_scale(code, case, name, direction))
        unsure = gap <= lost or _is_too_narrow(curve, estimate, got)
        if not unsure and not estimate.value and np.isfinite(got):  # of terms that cancel, differences see nothing
            beside = [_nearby(case, name, chance, BESIDE) for _ in range(SHAKES)]  # at a tie a gradient jumps
            unsure = gap <= FLOOR * min(rounding(EPS, case), max(rounding(EPS, other) for other in beside))
        if not np.isfinite(got):
            unsure = _overflows(curve, estimate, case) or _hides_a_kink(code, case, name, direction, chance)
        kind: Kind = "undecided" if unsure else "smooth"
        return Agreement(name, got, estimate.value, tolerance, scale, bool(unsure), kind)
    low, high = between
    ok = not np.isfinite(got) or low - own <= got <= high + own  # at a kink a code may say that there is no gradient
    kind = "kink" if np.isfinite(low) else "undecided"
    return Agreement(name, got, min(max(got, low), high), tolerance, scale, ok, kind)


def underflow(case: Case, direction: Reals) -> float:
    """How far <gradient, direction> may be off because a number below the normal floats of the dtype was lost.

    What is lost is less than that float, and is multiplied by entries of the inputs and the upstream gradient.
    """
    floats = [value for value in (*case.inputs.values(), *case.upstream) if np.asarray(value).dtype == case.dtype]
    largest = [float(np.max(np.abs(value), initial=1.0)) for value in floats]
    return float(np.finfo(case.dtype).tiny) * float(np.prod(largest)) * float(np.sum(np.abs(direction)))


def _overflows(curve: Curve, estimate: Estimate, case: Case) -> bool:
    """True if an output or the derivative is larger than the largest float of the dtype."""
    upstream = np.concatenate([np.ravel(g) for g in case.in_float64().upstream])
    with np.errstate(all="ignore"):
        outputs = np.nan_to_num(np.abs(curve(0.0) / upstream), nan=0.0)
    return max(abs(estimate.value), float(np.max(outputs, initial=0.0))) > float(np.finfo(case.dtype).max)


def _hides_a_kink(code: Code, case: Case, name: str, direction: Reals, chance: np.random.Generator) -> bool:
    """True if the derivative along an input exists only because other entries are 0: a kink times 0."""
    for _ in range(NEIGHBOURS):
        near = _nearby(case, name, chance, 0.0)
        upstream = tuple(g + EPS**0.25 * chance.standard_normal(np.shape(g)) for g in near.upstream)
        curve = curve_along(code, replace(near, upstream=upstream), name, direction)
        if np.all(np.isfinite(curve(0.0))) and (_diverges(curve) or _between(curve, 1.0, lambda _, c=curve: c)):  # type: ignore[misc]  # bound now
            return True
    return False


def _is_too_narrow(curve: Curve, central: Estimate, got: float) -> bool:
    """True if a very small step bears out what came, roughly, and differences at larger ones do not at all.

    So it is at 0 of t / (|t| + 1e-8), where no step is both small enough and above the roundoff.
    """
    with np.errstate(all="ignore"):
        quotient = float(np.sum(curve(SMALLEST) - curve(-SMALLEST))) / (2 * SMALLEST)
    return abs(got - quotient) <= abs(got) / 10 and abs(central.value - quotient) > abs(quotient) / 2


def _natural_scale(code: Code, case: Case, name: str, direction: Reals) -> float:
    """The size of the derivative where the input is smaller.

    Far out a gradient may vanish, as that of a sigmoid does, and what is left of it be the rounding of its terms.
    """
    largest, base = 0.0, case.contiguous().in_float64()
    for factor in CALMER:
        calmer = base.with_inputs({name: np.asarray(factor * np.asarray(base.inputs[name]))})
        slopes = _glanced(curve_along(code, calmer, name, direction))
        largest = max(largest, float(np.sum(np.abs(slopes), where=np.isfinite(slopes))))
    return largest


def _glanced(curve: Curve) -> Reals:
    """The derivatives of a curve's terms by one small central difference."""
    with np.errstate(all="ignore"):
        return (curve(GLANCE) - curve(-GLANCE)) / (2 * GLANCE)


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
    return _by_entry(code, case, name, lambda curve: confirmed_sum(curve).value)


def plain_gradient(code: Code, case: Case, name: str) -> Reals:
    """The same with one central difference an entry, for gradients of many entries."""
    return _by_entry(code, case, name, lambda curve: np.sum(_glanced(curve)))


def _by_entry(code: Code, case: Case, name: str, slope: Callable[[Curve], float]) -> Reals:
    value = np.asarray(case.inputs[name])
    reach = np.abs(draw_direction(np.random.default_rng(0), FLOAT, value))
    gradient = np.zeros(value.shape)
    for place in np.ndindex(value.shape):
        direction = np.zeros(value.shape)
        direction[place] = reach[place]
        gradient[place] = slope(curve_along(code, case, name, direction)) / reach[place]
    return gradient


def _diverges(curve: Curve) -> bool:
    """True if difference quotients grow without end, as they do at a jump, a pole or a vertical tangent."""
    steps = FINEST * np.array([1.0, 1 / 16, 1 / 256])
    with np.errstate(all="ignore"):
        moved = [(curve(h), curve(-h)) for h in steps]
        noise = DEVIATIONS * EPS * max(np.sum(np.abs(terms)) for pair in moved for terms in pair)
        here = np.sum(curve(0.0))
        sizes = [max(abs(np.sum(terms) - here) for terms in pair) / h for pair, h in zip(moved, steps, strict=True)]
        return all(b - noise / h > 2 * (a + noise / h) for a, b, h in zip(sizes, sizes[1:], steps[1:], strict=False))


def _between(curve: Curve, loss: float, nearby: Callable[[float], Curve]) -> tuple[float, float] | None:
    """What lies between the derivatives to either side, term by term; None where these agree, so that there is no kink.

    ``loss`` scales the bounds to another precision.  To either side are the one-sided derivatives and those at points
    ``nearby``, as in a generalized gradient (Clarke 1983).  Where a term mixes several kinks (a sum over rectified
    entries), some of these are far from the one-sided ones, and nothing bounds what a right code may give.
    """
    right, right_error = confirmed(curve, side=1)
    left, left_error = confirmed(curve, side=-1)
    error = right_error + left_error
    with np.errstate(all="ignore"):
        if not np.any(np.abs(right - left) > error):
            return None
    low, high = np.minimum(left, right) - loss * error, np.maximum(left, right) + loss * error
    for distance in (EPS**0.5, EPS**0.25) * NEIGHBOURS:  # nearer, fewer other kinks; farther, less noise
        value, bound = termwise(nearby(distance), STEP * distance)
        off = np.minimum(np.abs(value - left), np.abs(value - right)) - bound - error
        # smooth derivatives hardly change between points so near; kinks that mix change them by a share of their size
        if np.any(off > distance ** (3 / 4) * (np.abs(left) + np.abs(right) + np.abs(value))):
            return -np.inf, np.inf
        sharp = bound < np.abs(right - left)  # else it says nothing
        low, high = (
            np.where(sharp, np.fmin(low, value - bound), low),
            np.where(sharp, np.fmax(high, value + bound), high),
        )
    return float(np.sum(low)), float(np.sum(high))


def _nearby(case: Case, along: str, chance: np.random.Generator, distance: float) -> Case:
    """A point close to the case, off its kinks: ``along`` moves by ``distance``, some of the other inputs by more.

    Else the largest input would hide how kinks that coincide come apart where a smaller one moves.
    """

    def moved(name: str, value: Any) -> Any:
        if not (isinstance(value, np.ndarray) and value.dtype == np.float64):
            return value
        if name != along and chance.random() < 1 / 2:
            return value
        far = distance if name == along else EPS**0.25
        away = draw_direction(chance, case.kinds[name], value)
        if case.kinds[name].name in ("float", "positive", "unit"):
            away = away * chance.standard_normal(value.shape)
        return np.asarray(value + far * away)

    base = case.in_float64()
    return base.with_inputs({name: moved(name, value) for name, value in base.inputs.items()})
