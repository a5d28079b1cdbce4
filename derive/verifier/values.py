"""The rung of values: what a pair does at cases that hypothesis draws, against differences of forward alone.

After the drawn cases come the sizes and entries that the code itself gives away: the numbers in it, just below, at, and
just above them; and sizes larger than any drawn case has.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from time import monotonic

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.contract import Failure, Guarded, Refuted
from derive.evidence.differences import agrees, expected_gradient
from derive.evidence.properties import Outcome, properties
from derive.evidence.snippets import counterexample
from derive.verdict import Rung
from derive.verifier.constants import constants_of
from derive.verifier.pair import Pair
from derive.verifier.points import near, output_shapes, point, seed_of, sizes_near, small_cases, small_points
from derive.verifier.sources import source

NAME = "values"
EXAMPLES = {"ci": 40, "deep": 1000}
FEWEST = 12  # examples, of code that is slow
CALLS = 120  # of forward, about, in one example
MORE = {"ci": 60, "deep": 600}  # points near the numbers of the code
SECONDS = {"ci": 0.8, "deep": 300.0}  # about, for the examples; and for the points
SEED = 0


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``refuted`` with a counterexample, ``tested``, or ``open`` where nothing could be compared.

    What is broken may be the contract rather than a value; the rung then has that name.
    """
    signature = replace(given.signature, found=lambda inputs: output_shapes(given, inputs))
    drawn = properties(given, signature, examples=_examples(given, budget), seed=seed_of(SEED), source=source(given))
    if drawn.rung.status != "tested":
        return Outcome(replace(drawn.rung, name=drawn.rung.numbers.get("broken", NAME)), drawn.counterexample)
    tried, deadline = 0, monotonic() + SECONDS[budget]
    with np.errstate(all="ignore"):
        for case in _told_by_the_code(given, budget):
            if monotonic() > deadline:
                break
            tried += 1
            failure = _failure(given, case)
            if failure is not None:
                at = ", ".join(f"{size}={number}" for size, number in case.sizes.items())
                rung = Rung(
                    NAME, "refuted", f"{failure.what} (at {at})", {**drawn.rung.numbers, "near_constants": tried}
                )
                return Outcome(rung, counterexample(case, failure, source(given)))
    detail = f"{drawn.rung.detail}; {tried} points at numbers that the code mentions and at large sizes"
    return Outcome(Rung(NAME, "tested", detail, {**drawn.rung.numbers, "near_constants": tried}))


def _examples(given: Pair, budget: str) -> int:
    """As many examples as there is time for."""
    cases = small_cases(given, 6, seed_of(SEED))
    began = monotonic()
    for case in cases:
        output_shapes(given, [*case.arguments().values()])
    each = (monotonic() - began) / max(1, len(cases)) * CALLS
    return int(min(EXAMPLES[budget], max(FEWEST, SECONDS[budget] / each)))


def _told_by_the_code(given: Pair, budget: str) -> Iterator[Case]:
    """Points at sizes and entries near the numbers in the code, and at large sizes."""
    chance = np.random.default_rng(seed_of(SEED))
    bases = [case.sizes for case in small_points(given, 12, seed_of(SEED))][:2]
    numbers = constants_of(given.forward_function, given.backward_function)
    left = MORE[budget]
    for base in bases[-1:]:
        for value in numbers.values:
            found = point(given, base, chance, near(value), seed=left)
            if found is not None and left > 0:
                left -= 1
                yield found
        for sizes in sizes_near(given, numbers.sizes, base):
            found = point(given, sizes, chance, seed=left) if left > 0 else None
            if found is not None:
                left -= 1
                yield found


def _failure(given: Pair, case: Case) -> Failure | None:
    """What differences refute at a point; None where they agree or decide nothing."""
    try:
        code = Guarded(given)
        _, held = code.forward(*case.arguments().values())
        gradients = code.backward(case.upstream_argument(), held)
        agreements = agrees(given, case, tuple(name for name in given.floats if name in gradients), gradients)
    except Refuted as refuted:
        return refuted.failure if refuted.failure.name == "backward" else None
    except np.linalg.LinAlgError:
        return None
    for agreement in agreements:
        if not agreement.ok:
            name = agreement.name
            what = f"the gradient of {name} is wrong by {agreement.error_in_tolerances:.3g} tolerances"
            small = np.size(case.inputs[name]) <= 2000
            expected = expected_gradient(given, case, name) if small else None
            return Failure(name, what, gradients[name], expected, f"gradients[{name!r}]")
    return None
