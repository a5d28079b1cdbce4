"""The rung of enclosures: the pair's own code run on balls, <G, J v> against <J^T G, v>, without a tolerance.

Forward runs on balls that carry a directional derivative, backward on plain balls, both as they were written.  Two
balls that do not overlap are a proof that the gradient is wrong at that point: a wrong epsilon, a seventh digit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
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
    def is_finite(self) -> bool:
        """True if both balls are."""
        return bool(self.forward.is_finite() and self.backward.is_finite())

    @property
    def gap(self) -> float:
        """The relative difference, rounded down."""
        gap = abs(self.forward - self.backward)
        scale = self.scale if self.scale > 0 else 1
        return float((gap / scale).abs_lower())


@dataclass(frozen=True)
class Look:
    """A pair on balls at a point: its outputs and gradients, entry by entry, and both sides of the pairing.

    All inputs move at once; where the two sides then do not overlap, there is a pairing for each of them.
    """

    outputs: Sequence[Sequence[Any]]
    gradients: Mapping[str, Sequence[Any]]
    pairings: Sequence[Pairing] = ()


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``enclosed``, ``refuted`` by disjoint balls, or ``open`` where the code does not run on balls."""
    code = lifted(given)
    worst, compared, points, lost = 0.0, 0, 0, ""
    for case in _points(given, budget):
        try:
            found = looked(code, case)
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
        if not all(pairing.is_finite for pairing in found.pairings):
            lost = "values that are not finite"
            continue
        points += 1
        compared += len(found.gradients)
        for pairing in found.pairings:
            if not pairing.agrees:
                worst = max(worst, pairing.gap)
                if pairing.gap > DOUBLES:
                    return refuted(given, case, pairing)
    numbers = {"points": points, "gradients": compared, "seed": seed_of(SEED), "bits": PRECISIONS[0]}
    if not points:
        return Outcome(Rung(NAME, "open", f"skipped: no point to look at{f', only {lost}' if lost else ''}", numbers))
    if worst:
        detail = f"agreement to {worst:.0e} at {points} points, as constants rounded to doubles would have it"
        return Outcome(Rung(NAME, "tested", detail, {**numbers, "worst_relative_gap": worst}))
    return Outcome(Rung(NAME, "enclosed", f"{compared} gradients at {points} points, in balls of 1e-30", numbers))


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


def looked(code: Pair, case: Case) -> Look:
    """The pair at a point, at a precision that decides the comparisons; Kink, Undecided or NotRun where none does."""
    for bits in PRECISIONS[:-1]:
        with suppress(Undecided), precision(bits):
            return _at_precision(code, case)
    with precision(PRECISIONS[-1]):
        return _at_precision(code, case)


def run_on_balls(code: Pair, case: Case) -> Look:
    """Outputs and gradients, nothing moving."""
    y, held = code.forward(*map(on_balls, case.inputs.values()))
    upstream = tuple(map(on_balls, case.upstream))
    found = code.backward(upstream[0] if len(upstream) == 1 else upstream, held)
    outputs = [[*map(_value, np.ravel(np.asarray(part, dtype=object)))] for part in _parts(y, case)]
    return Look(outputs, {name: [*map(_value, np.ravel(found[name]))] for name in code.floats if name in found})


def _at_precision(code: Pair, case: Case) -> Look:
    chance = np.random.default_rng(case.seed)
    directions = {name: draw_direction(chance, case.kinds[name], case.inputs[name]) for name in code.floats}
    plain = run_on_balls(code, case)

    def along(*names: str) -> Pairing:
        scales = {name: case.scales.get(name, Fraction(1)) for name in names}
        moving = {name: on_balls(case.inputs[name], directions[name], scales[name]) for name in names}
        fixed = {name: on_balls(value) for name, value in case.inputs.items() if name not in moving}
        with watched() as watch:
            y, _ = code.forward(*[moving[name] if name in moving else fixed[name] for name in case.inputs])
        if watch.kink:
            raise Kink
        terms = [exact(g) * _slope(e) for g, e in _entries(case, y)]
        sides = [(g, v) for name in names for g, v in _together(plain.gradients[name], directions[name])]
        other = [g * exact(v) for g, v in sides]
        size = sum((abs(t) for t in [*terms, *other]), exact(0.0))
        return Pairing(", ".join(names), sum(terms, exact(0.0)), sum(other, exact(0.0)), size)

    names = tuple(plain.gradients)
    together = along(*names)
    if len(names) < 2 or (together.is_finite and together.agrees):
        return replace(plain, pairings=[together])
    return replace(plain, pairings=[along(name) for name in names])


def _parts(y: Any, case: Case) -> Sequence[Any]:
    return y if len(case.upstream) > 1 else (y,)


def _entries(case: Case, y: Any) -> Iterator[tuple[Any, Any]]:
    for g, part in zip(case.upstream, _parts(y, case), strict=True):
        yield from _together(np.ravel(g), np.asarray(part, dtype=object))


def _together(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    return zip(one, np.ravel(other), strict=True)


def _slope(entry: Any) -> Any:
    found = dual(entry)
    return exact(0.0) if found.slope is None else found.slope


def _value(entry: Any) -> Any:
    return dual(entry).value


def on_balls(value: Any, direction: Any = None, scale: Fraction = Fraction(1)) -> Any:
    """An array of floats as exact balls, moving along a direction times a scale; anything else as it is."""
    if not (isinstance(value, np.ndarray | np.floating) and np.asarray(value).dtype.kind == "f"):
        return value
    array, known = np.asarray(value), dual(scale).value
    slopes = [None] * array.size if direction is None else [known * exact(v) for v in np.ravel(direction)]
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
