"""The rung of enclosures: the pair's own code run on balls, <G, J v> against <J^T G, v>, without a tolerance.

Forward runs on balls that carry a directional derivative, backward on plain balls, both as they were written.  Two
balls that do not overlap are a proof that the gradient is wrong at that point: a wrong epsilon, a seventh digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from derive.evidence.balls import precision
from derive.evidence.cases import Case
from derive.evidence.contract import Failure
from derive.evidence.properties import Outcome
from derive.evidence.snippets import counterexample
from derive.evidence.values import draw_direction
from derive.reading.refusal import NotRun
from derive.verdict import Rung
from derive.verifier.constants import constants_of
from derive.verifier.duals import FUNCTIONS, Dual, Undecided, dual, exact, watched
from derive.verifier.objects import of_objects
from derive.verifier.pair import Pair
from derive.verifier.points import near, point, seed_of, small_points, telling_sizes
from derive.verifier.sources import source

NAME = "enclosure"
TRIED = {"light": 3, "ci": 5, "deep": 60}  # small points; those on a kink do not count
SEED = 1
PRECISIONS = (120, 400, 1600)  # bits
DOUBLES = 2.0**-46  # relative: what constants rounded to doubles may do to a right gradient


class Kink(ArithmeticError):
    """The point lies on a kink of forward."""


@dataclass(frozen=True)
class Pairing:
    """<G, J v> and <J^T G, v> at a point, for a direction v in one input; ``scale`` is the size of their terms."""

    name: str
    forward: Any
    backward: Any
    scale: Any

    @property
    def agrees(self) -> bool:
        """True if the balls overlap."""
        return bool((self.forward - self.backward).contains(0))

    @property
    def gap(self) -> float:
        """The relative difference, rounded down."""
        gap = abs(self.forward - self.backward)
        scale = self.scale if self.scale > 0 else 1
        return float((gap / scale).abs_lower())


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``enclosed``, ``refuted`` by disjoint balls, or ``open`` where the code does not run on balls."""
    code = lifted(given)
    worst, compared, points, lost = 0.0, 0, 0, ""
    for case in _points(given, budget):
        try:
            found = list(pairings(code, case))
        except Kink:
            continue
        except Undecided:
            lost = "a comparison that more digits do not decide"
            continue
        except NotRun as error:
            return Outcome(Rung(NAME, "open", f"skipped: {error}"))
        except Exception as error:
            return Outcome(
                Rung(NAME, "open", f"skipped: on balls the code raises {type(error).__name__}: {error}"[:300])
            )
        if not all(p.forward.is_finite() and p.backward.is_finite() for p in found):
            lost = "values that are not finite"
            continue
        points += 1
        for pairing in found:
            compared += 1
            if not pairing.agrees:
                worst = max(worst, pairing.gap)
                if pairing.gap > DOUBLES:
                    return refuted(given, case, pairing)
    numbers = {"points": points, "derivatives": compared, "seed": seed_of(SEED), "bits": PRECISIONS[0]}
    if not points:
        return Outcome(Rung(NAME, "open", f"skipped: no point to look at{f', only {lost}' if lost else ''}", numbers))
    if worst:
        detail = f"agreement to {worst:.0e} at {points} points, as constants rounded to doubles would have it"
        return Outcome(Rung(NAME, "tested", detail, {**numbers, "worst_relative_gap": worst}))
    return Outcome(Rung(NAME, "enclosed", f"{compared} derivatives at {points} points, in balls of 1e-30", numbers))


def lifted(given: Pair) -> Pair:
    """The pair with its code on object arrays."""
    functions = {name: _mapped(name) for name in ("sqrt", *FUNCTIONS)}
    lifting = of_objects(functions, lambda: Dual(exact(float("nan"))))
    return replace(
        given,
        forward_function=lifting.lift(given.forward_function),
        backward_function=lifting.lift(given.backward_function),
    )


def _mapped(name: str) -> Any:
    """A function as a map over arrays; of a plain number too, so that ``np.sqrt(2 * np.pi)`` is no double."""

    def value(x: Any) -> Any:
        found = dual(x)
        if found is NotImplemented:
            raise NotRun(f"{name} of {type(x).__name__}")
        return getattr(found, name)()

    return np.frompyfunc(value, 1, 1)


# ---- at a point


def _points(given: Pair, budget: str) -> Iterator[Case]:
    """Points off kinks: small ones, then entries near the numbers in the code."""
    yield from small_points(given, TRIED[budget], seed_of(SEED))
    chance = np.random.default_rng(seed_of(SEED))
    numbers = constants_of(given.forward_function, given.backward_function)
    for base in telling_sizes(given, 4, seed_of(SEED))[:1]:
        cases = (point(given, base, chance, near(value)) for value in numbers.values)
        yield from filter(None, cases)


def pairings(code: Pair, case: Case) -> Iterator[Pairing]:
    """Both sides for each float input, at a precision that decides the comparisons."""
    for bits in PRECISIONS:
        try:
            with precision(bits):
                yield from list(_at_precision(code, case))
            return
        except Undecided:
            if bits == PRECISIONS[-1]:
                raise


def _at_precision(code: Pair, case: Case) -> Iterator[Pairing]:
    chance = np.random.default_rng(case.seed)
    directions = {name: draw_direction(chance, case.kinds[name], case.inputs[name]) for name in code.floats}
    plain = {name: on_balls(value) for name, value in case.inputs.items()}
    with watched() as watch:
        _, held = code.forward(*plain.values())
    upstream = tuple(map(on_balls, case.upstream))
    gradients = code.backward(upstream[0] if len(upstream) == 1 else upstream, held)
    for name, direction in directions.items():
        if name not in gradients:
            continue
        moving = {**plain, name: on_balls(case.inputs[name], direction)}
        with watched() as watch:
            y, _ = code.forward(*moving.values())
        if watch.kink:
            raise Kink
        yield _pairing(name, upstream, y, gradients[name], direction, case.scales.get(name, Fraction(1)))


def _pairing(name: str, upstream: Sequence[Any], y: Any, gradient: Any, direction: Any, scale: Fraction) -> Pairing:
    outputs = y if len(upstream) > 1 else (y,)
    known = dual(scale).value
    terms = [known * g.value * _slope(e) for g, e in _entries(upstream, outputs)]
    other = [_value(e) * exact(v) for e, v in zip(np.ravel(gradient), np.ravel(direction), strict=True)]
    size = sum((abs(t) for t in [*terms, *other]), exact(0.0))
    return Pairing(name, sum(terms, exact(0.0)), sum(other, exact(0.0)), size)


def _entries(upstream: Sequence[Any], outputs: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for g, y in zip(upstream, outputs, strict=True):
        yield from zip(np.ravel(g), np.ravel(np.asarray(y, dtype=object)), strict=True)


def _slope(entry: Any) -> Any:
    found = dual(entry)
    return exact(0.0) if found.slope is None else found.slope


def _value(entry: Any) -> Any:
    return dual(entry).value


def on_balls(value: Any, direction: Any = None) -> Any:
    """An array of floats as exact balls, moving along a direction; anything else as it is."""
    if not (isinstance(value, np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f"):
        return value
    array = np.asarray(value)
    slopes = [None] * array.size if direction is None else [exact(v) for v in np.ravel(direction)]
    made = np.empty(array.size, dtype=object)
    made[:] = [Dual(exact(x), slope) for x, slope in zip(array.ravel(), slopes, strict=True)]
    return made.reshape(array.shape) if array.shape else made[0]


def refuted(given: Pair, case: Case, pairing: Pairing) -> Outcome:
    """The verdict of disjoint balls."""
    name = pairing.name
    got, expected = (f"{float(ball.mid()):.17g}" for ball in (pairing.backward, pairing.forward))
    what = f"the gradient of {name} is wrong by {pairing.gap:.1e}, relative: {got} along a direction, not {expected}"
    failure = Failure(name, what, got, expected, f"gradients[{name!r}]")
    at = ", ".join(f"{size}={number}" for size, number in case.sizes.items())
    detail = f"{what} (at {at})" if at else what
    rung = Rung(
        NAME, "refuted", f"{detail}; the balls are disjoint", {"relative_gap": pairing.gap, "sizes": dict(case.sizes)}
    )
    return Outcome(rung, counterexample(case, _with_gradient(given, case, failure), source(given)))


def _with_gradient(given: Pair, case: Case, failure: Failure) -> Failure:
    """The failure with whole gradients in place of numbers along a direction."""
    from derive.evidence.differences import expected_gradient

    try:
        _, held = given.forward(*case.arguments().values())
        got: Mapping[str, Any] = given.backward(case.upstream_argument(), held)
        return replace(failure, got=got[failure.name], expected=expected_gradient(given, case, failure.name))
    except Exception:  # the balls have shown it; what floats do is not needed
        return failure
