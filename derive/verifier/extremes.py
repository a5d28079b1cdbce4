"""The rung of range: gradients at entries up to 1e3 in floats, against the same code on balls.

There forward and backward are paired once more, for shortcuts that begin far out; and what floats make of backward is
compared with what it stands for.  A nan or an infinity where that is a float refutes; lost digits are told in ulp.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from derive.evidence.balls import precision
from derive.evidence.cases import Case
from derive.evidence.contract import Failure
from derive.evidence.properties import Outcome
from derive.evidence.snippets import counterexample
from derive.verdict import Rung
from derive.verifier.duals import NotRun, Undecided, dual
from derive.verifier.enclosure import DOUBLES, PRECISIONS, Kink, lifted, on_balls, pairings, refuted
from derive.verifier.pair import Pair
from derive.verifier.points import at_scale, point, seed_of, small_points
from derive.verifier.sources import source

NAME = "range"
SCALES = (1e-3, 12.0, 40.0, 120.0, 400.0, 1000.0)
SEED = 2
ALL_DIGITS = 2.0**50  # ulp
BITS = 60  # of a ball that stands for a float


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``tested`` with the digits that are left, ``refuted``, or ``open`` where the code runs on no balls."""
    code = lifted(given)
    points, worst, skipped = 0, 0.0, 0
    for case in _points(given, budget):
        try:
            for pairing in pairings(code, case):
                finite = pairing.forward.is_finite() and pairing.backward.is_finite()
                if finite and not pairing.agrees and pairing.gap > DOUBLES:
                    found = refuted(given, case, pairing)
                    return Outcome(Rung(NAME, "refuted", found.rung.detail, found.rung.numbers), found.counterexample)
            truth = _on_balls(code, case)
        except (Kink, Undecided, ZeroDivisionError):
            continue
        except NotRun as error:
            return Outcome(Rung(NAME, "open", f"skipped: {error}"))
        except Exception as error:
            return Outcome(
                Rung(NAME, "open", f"skipped: on balls the code raises {type(error).__name__}: {error}"[:300])
            )
        floats = _in_floats(given, case)
        if floats is None:  # forward itself has no float value there
            skipped += 1
            continue
        points += 1
        for name, balls in truth.items():
            wrong, lost = _compared(floats[name], balls)
            worst = max(worst, lost)
            if wrong:
                return _not_finite(given, case, name, floats[name], balls)
    numbers = {"points": points, "skipped": skipped, "seed": seed_of(SEED), "worst_ulp": worst}
    if not points:
        return Outcome(Rung(NAME, "open", "skipped: no point at which floats and balls have a value", numbers))
    beyond = f"; at {skipped} more forward itself is not finite" if skipped else ""
    lost_digits = f"gradients at entries up to 1e3 within {worst:.1g} ulp of their largest entry"
    lost_digits += ": all digits are lost" if worst > ALL_DIGITS else ""
    return Outcome(Rung(NAME, "tested", f"{points} points, {lost_digits}{beyond}", numbers))


def _points(given: Pair, budget: str) -> Iterator[Case]:
    """All entries large, or one of them, at small sizes."""
    chance = np.random.default_rng(seed_of(SEED))
    for base in list(small_points(given, 4, seed_of(SEED)))[-1:] if budget == "ci" else small_points(given, 12, seed_of(SEED)):
        for scale in SCALES:
            for one in (False, True):
                found = point(given, base.sizes, chance, at_scale(scale, one))
                if found is not None:
                    yield found


def _on_balls(code: Pair, case: Case) -> dict[str, Any]:
    """The gradients as balls that are narrower than a float."""
    for bits in PRECISIONS:
        with precision(bits):
            try:
                _, held = code.forward(*[on_balls(value) for value in case.inputs.values()])
                upstream = tuple(map(on_balls, case.upstream))
                gradients = code.backward(upstream[0] if len(upstream) == 1 else upstream, held)
                found = {name: [dual(e).value for e in np.ravel(gradients[name])] for name in code.floats}
            except Undecided:
                continue
            if all(ball.is_zero() or ball.rel_accuracy_bits() >= BITS for balls in found.values() for ball in balls):
                return found
    raise Undecided("the balls stay wide")


def _in_floats(given: Pair, case: Case) -> dict[str, Any] | None:
    """The gradients in floats; None where forward is not finite."""
    with np.errstate(all="ignore"):
        y, held = given.forward(*case.arguments().values())
        if not all(np.all(np.isfinite(part)) for part in (y if len(case.upstream) > 1 else (y,))):
            return None
        gradients = given.backward(case.upstream_argument(), held)
    return {name: np.ravel(np.asarray(gradients[name], dtype=np.float64)) for name in given.floats}


def _compared(floats: Any, balls: list[Any]) -> tuple[bool, float]:
    """Whether an entry is not finite where the ball is a float; and the largest error, in ulp of the largest entry."""
    middle = np.array([float(ball.mid()) for ball in balls])
    if not np.all(np.isfinite(middle)):
        return False, 0.0
    if not np.all(np.isfinite(floats)):
        return True, np.inf
    largest = float(np.max(np.abs(middle), initial=0.0))
    return False, float(np.max(np.abs(floats - middle), initial=0.0) / np.spacing(largest)) if largest else 0.0


def _not_finite(given: Pair, case: Case, name: str, floats: Any, balls: list[Any]) -> Outcome:
    expected = np.array([float(ball.mid()) for ball in balls]).reshape(np.shape(case.inputs[name]))
    got = floats.reshape(expected.shape)
    largest = max(float(np.max(np.abs(value), initial=0.0)) for value in case.inputs.values())
    what = f"the gradient of {name} is not finite at entries of {largest:.0f}, where forward and the true gradient are"
    failure = Failure(name, what, got, expected, f"gradients[{name!r}]", "values")
    return Outcome(
        Rung(NAME, "refuted", what, {"largest_entry": largest}), counterexample(case, failure, source(given))
    )
