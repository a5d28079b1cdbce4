"""The rung of values: what a pair does at cases that hypothesis draws, against differences of forward alone.

After the drawn cases come points that are aimed; there a glance decides whether it is worth to look closer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from time import process_time
from typing import Any

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.contract import Failure, Guarded, Refuted, check_contract
from derive.evidence.differences import (
    Agreement,
    agrees,
    agrees_along,
    expected_gradient,
    odd_entry,
    plain_gradient,
    plainly_agrees,
)
from derive.evidence.properties import Outcome, properties
from derive.evidence.snippets import counterexample
from derive.verdict import Rung
from derive.verifier.aims import Aim, aims
from derive.verifier.constants import constants_of
from derive.verifier.meter import Metered, metered
from derive.verifier.pair import Pair
from derive.verifier.points import fitting, output_shapes, point, seed_of, small_points, telling_sizes
from derive.verifier.sources import source
from derive.verifier.states import fresh, remembered

NAME = "values"
CLOSELY = {"light": 5, "ci": None, "deep": None}  # examples that are looked at closely though a glance would do
EXAMPLES = {"light": 16, "ci": 28, "deep": 1000}
FEWEST = 12  # examples, of code that is slow
CALLS = 120  # of forward, about, in one example
MORE = {"light": 60, "ci": 300, "deep": 3000}  # points that are aimed
FEW_EXPECTED, MOST_EXPECTED = 30, 1000  # entries of a gradient that is found by differences; by plain ones
MOST_ENTRIES = 100  # of a gradient that are looked at one by one
REPEATED = 4  # points that are looked at again after calls at others
SLOW = 2e5  # units of one forward at a point that is then left out
SHRINKING = 2.0  # seconds of processor time
WORK = {"light": 2e5, "ci": 8e5, "deep": 3e8}  # units of the meter for the examples, about, and for the points
SEED = 0


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``refuted`` with a counterexample, ``tested``, or ``open`` where nothing could be compared.

    What is broken may be the contract rather than a value; the rung then has that name.
    """
    signature = replace(given.signature, found=lambda inputs: output_shapes(given, inputs))
    seed, unused = seed_of(SEED), fresh(given)
    given = metered(given)
    examples = _examples(given, budget)
    head, closely = source(given), CLOSELY[budget]
    drawn = properties(given, signature, wrt=given.floats, examples=examples, seed=seed, source=head, closely=closely)
    if drawn.rung.status != "tested":
        return Outcome(replace(drawn.rung, name=drawn.rung.numbers.get("broken", NAME)), drawn.counterexample)
    if (found := _kept(given, unused, seed)) is not None:
        return found
    tried, most = 0, given.used + WORK[budget]
    with np.errstate(all="ignore"):
        for number, aim in enumerate(_aims(given)):
            if tried >= MORE[budget] or given.used > most:
                break
            failed = _failed(given, aim, seed + number)
            tried += 1
            if failed is not None:
                return _refuted(given, aim, failed, {**drawn.rung.numbers, "aimed": tried})
    detail = f"{drawn.rung.detail}; {tried} points aimed at sizes that coincide, wide ranges, and numbers of the code"
    return Outcome(Rung(NAME, "tested", detail, {**drawn.rung.numbers, "aimed": tried}))


def _examples(given: Metered, budget: str) -> int:
    """As many examples as there is work for."""
    before = given.used
    points = len(list(small_points(given, 6, seed_of(SEED))))
    each = max(1, given.used - before) / max(1, points) * CALLS
    return int(min(EXAMPLES[budget], max(FEWEST, WORK[budget] / each)))


def _aims(given: Pair) -> Iterator[Aim]:
    for base in telling_sizes(given, 12, seed_of(SEED))[:1]:
        yield from aims(given, base, constants_of(given.forward_function, given.backward_function))


def _kept(given: Pair, unused: Pair | None, seed: int) -> Outcome | None:
    """What is refuted by calls on other inputs of the same shapes."""
    for case, _ in zip(small_points(given, 12, seed), range(REPEATED), strict=False):
        other = point(given, case.sizes, np.random.default_rng(seed), seed=seed)
        with np.errstate(all="ignore"):
            failure = remembered(given, unused, case, other) if other is not None else None
        if failure is not None:
            rung = Rung("contract", "refuted", failure.what, {"seed": seed, "sizes": dict(case.sizes)})
            return Outcome(rung, counterexample(case, failure, source(given)))
    return None


@dataclass(frozen=True)
class _Failed:
    """A point at which differences refute, with what it was drawn from."""

    case: Case
    failure: Failure
    seed: int


def _failed(given: Metered, aim: Aim, seed: int, sizes: Mapping[str, int] | None = None) -> _Failed | None:
    """What differences refute at a point; None where they agree or decide nothing."""
    before = given.used
    case = aim.at(given, aim.sizes if sizes is None else sizes, seed)
    if case is None or given.used - before > SLOW:
        return None
    try:
        code = Guarded(given)
        gradients = check_contract(code, case, given.floats, given.floats, declared=False)
        shaped = {name: np.asarray(gradients[name], dtype=np.float64) for name in gradients}
        wrong = next((each for each in _looked_at(code, case, shaped) if not each.ok), None)
    except Refuted as refuted:
        return _Failed(case, refuted.failure, seed) if refuted.failure.name != "forward" else None
    except np.linalg.LinAlgError:
        return None
    if wrong is None:
        return None
    return _Failed(
        case, Failure(wrong.name, wrong.told, gradients[wrong.name], None, f"gradients[{wrong.name!r}]", "values"), seed
    )


def _looked_at(code: Guarded, case: Case, gradients: Mapping[str, Any]) -> Iterator[Agreement]:
    """What a closer look says of the gradients with which one glance does not agree."""
    for name, gradient in gradients.items():
        if not gradient.size or plainly_agrees(code, case, name, gradient):
            continue
        free = case.kinds[name].name in ("float", "positive", "unit")  # one entry can move without the others
        if not free:
            yield from agrees(code, case, (name,), gradients)
        elif (odd := odd_entry(code, case, name, gradient, MOST_ENTRIES)) is not None:
            yield agrees_along(code, case, name, gradient, odd, np.random.default_rng(case.seed))


def _refuted(given: Metered, aim: Aim, failed: _Failed, numbers: Mapping[str, Any]) -> Outcome:
    """The verdict, at sizes that are as small as still fail."""
    failed = _shrunk(given, aim, failed)
    case, failure = failed.case, failed.failure
    if failure.expected is None and failure.name in case.inputs:
        size = np.size(case.inputs[failure.name])
        if size <= MOST_EXPECTED:
            known = expected_gradient if size <= FEW_EXPECTED else plain_gradient
            failure = failure.with_expected(known(given, case, failure.name))
    at = ", ".join(f"{size}={number}" for size, number in case.sizes.items())
    name = NAME if failure.broken == "values" else failure.broken
    rung = Rung(name, "refuted", f"{failure.what} (at {at})", {**numbers, "sizes": dict(case.sizes)})
    return Outcome(rung, counterexample(case, failure, source(given)))


def _shrunk(given: Metered, aim: Aim, failed: _Failed) -> _Failed:
    """The same failure at smaller sizes, one size after the other."""
    deadline = process_time() + SHRINKING
    for name in [name for name in failed.case.sizes if name not in given.signature.plain_ints]:
        low, high = 0, failed.case.sizes[name]  # the smallest size known to fail, if failing is monotone
        while high - low > 1 and process_time() < deadline:
            size = (low + high) // 2 if low else 1
            wanted = next(fitting(given, {**failed.case.sizes, name: size}), None)
            found = _failed(given, aim, failed.seed, wanted) if wanted is not None else None
            if found is not None and found.failure.name == failed.failure.name:
                failed, high = found, size
            else:
                low = size
    return failed
