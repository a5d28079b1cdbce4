"""The ladder for hand-written code: ``derive.check``.  A refutation ends the climb.

Reading the code as formulas comes first, for it is cheap, and what is proved needs fewer points: those that show what
floats, memory and dtypes make of it.  A proof at sizes, which may be long, comes last.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from derive.errors import DeriveError, callers_place
from derive.evidence.properties import Outcome, properties
from derive.verdict import Rung, Verdict
from derive.verifier import enclosure, extremes, proofs, values
from derive.verifier.everyshape import for_every_shape
from derive.verifier.faults import ELSEWHERE, fault
from derive.verifier.isolation import isolated
from derive.verifier.pair import Pair, pair
from derive.verifier.points import small_points
from derive.verifier.states import fresh

RUNGS = (values, enclosure, extremes)  # each has a NAME and ``climb(pair, budget) -> Outcome``; then comes the proof
SECONDS = {"ci": 20.0, "deep": 1200.0}  # of the processor, for all together: a fuse, each rung has limits of its own
LIGHT = {"ci": "light", "deep": "deep"}  # the budget of points for what is proved
_STRONGER = ("tested", "enclosed", "proved_at", "proved")


def check(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    shapes: Mapping[str, Any],
    where: Sequence[str] = (),
    convention: str | None = None,
    budget: str = "ci",
) -> Verdict:
    """Whether a hand-written ``backward`` gives the gradients of ``forward``: as far as the ladder reaches.

    ``forward(*inputs) -> y`` with ``backward(*inputs, dY) -> {name: gradient}``, inputs in the order of ``shapes``
    (``{"X": "n d"}``); or ``forward(*inputs) -> (y, cache)`` with ``backward(dY, cache)``.  ``where`` are conditions
    on sizes; ``convention`` is a known scale, ``"1/n"`` of all gradients or ``"W: 1/n, b: 2"`` of some: so many times
    the true gradient is then the right one.  ``budget`` is "ci" or "deep".
    The code runs in a process of its own, with limits on time and memory.  DeriveError for shapes that cannot be read
    and functions that do not fit them.
    """
    if budget not in SECONDS:
        raise DeriveError(
            f"budget {budget!r}", f"one of {', '.join(SECONDS)} was wanted", callers_place(), 'budget="ci"'
        )
    given = pair(forward, backward, shapes, where, convention)
    _rehearse()
    outcome = isolated(lambda: _quietly(given, budget), SECONDS[budget], files=given.files)
    told = [*outcome.noticed, *([f"printed {outcome.printed[:200]!r}"] if outcome.printed else [])]
    beside = (Rung("beside", "open", f"the code {', '.join(told)}", {"told": told}),) if told else ()
    if outcome.failure:
        return Verdict("open", given.name, f"the check did not come to an end: {outcome.failure}", (), beside)
    verdict: Verdict = outcome.result
    return replace(verdict, evidence=(*verdict.evidence, *beside)) if beside else verdict


def _quietly(given: Pair, budget: str) -> Verdict:
    """The climb without warnings: printed they would pass for what the code prints, raised for inputs without value."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return climb(given, budget)


@cache
def _rehearse() -> None:
    """Load once what every check needs, before processes are forked: for most checks that is half of their time."""
    known = pair(lambda x: 2 * x, lambda x, dy: 2 * dy, {"x": "n", "@out": "n"})
    for_every_shape(known)  # not by its rung, whose timer belongs to a process of its own
    enclosure.climb(known, "light")
    properties(known, known.signature, examples=1)


def climb(given: Pair, budget: str) -> Verdict:
    """The verdict over all rungs, run here and now."""
    given = replace(given, without=_without(given))
    everywhere = proofs.for_all(given, budget)
    surely = everywhere.status == "proved" and not everywhere.numbers.get("not_reached")
    rungs: list[Rung] = []
    for each in RUNGS:
        found = _climbed(each, given, LIGHT[budget] if surely else budget)
        rungs.append(found.rung)
        if found.rung.status == "refuted":
            return Verdict("refuted", given.name, _reason(given, found), (), tuple(rungs), found.counterexample)
    rungs.append(proofs.concluded(given, budget, everywhere).rung)
    shown = [rung.status for rung in rungs if rung.status in _STRONGER]
    if not shown or rungs[0].status == "open":
        reason = "; ".join(f"{rung.name}: {rung.detail}" for rung in rungs if rung.status == "open")
        return Verdict("open", given.name, reason, (), tuple(rungs))
    assumed = (*given.assumptions, *(a for rung in rungs for a in rung.numbers.get("assumptions", ())))
    return Verdict(max(shown, key=_STRONGER.index), given.name, "", tuple(dict.fromkeys(assumed)), tuple(rungs))


def _without(given: Pair) -> tuple[str, ...]:
    """The float inputs of which backward gives no gradient at any small point; none if it gives none at all."""
    seen: set[str] = set()
    given = fresh(given) or given  # what code keeps between calls is looked at later
    for case in small_points(given, 4, 0):
        try:
            _, held = given.forward(*case.arguments().values())
            seen.update(given.backward(case.upstream_argument(), held))
        except Exception:  # what such code raises is said elsewhere
            return ()
    return tuple(key for key in given.floats if key not in seen) if seen else ()


def _reason(given: Pair, found: Outcome) -> str:
    """What the rung says, whether that is the contract or a value, and the class of the fault where numbers tell it."""
    what = f"the contract is broken: {found.rung.detail}" if found.rung.name == "contract" else found.rung.detail
    witness, sizes = found.counterexample, found.rung.numbers.get("sizes")
    told = fault(given, witness.name, sizes) if witness and sizes and witness.name in given.floats else ""
    if found.rung.name == "contract" and told == ELSEWHERE:  # its values are; the contract may be broken everywhere
        told = ""
    return f"{what}; {told}" if told else what


def _climbed(rung: Any, given: Pair, budget: str) -> Outcome:
    """The outcome of a rung; one that raises is open, never passed."""
    try:
        found: Outcome = rung.climb(given, budget)
    except DeriveError:
        raise
    except Exception as error:
        return Outcome(Rung(rung.NAME, "open", f"the rung raised {type(error).__name__}: {error}"))
    return found
