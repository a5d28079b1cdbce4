"""The ladder for hand-written code: ``derive.check``.  The cheapest rung comes first; a refutation ends the climb."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from derive.errors import DeriveError, callers_place
from derive.evidence.properties import Outcome
from derive.verdict import Rung, Verdict
from derive.verifier import enclosure, extremes, proofs, values
from derive.verifier.faults import fault
from derive.verifier.isolation import isolated
from derive.verifier.pair import Pair, pair

RUNGS = (values, enclosure, extremes, proofs)  # each has a NAME and ``climb(pair, budget) -> Outcome``
SECONDS = {"ci": 20.0, "deep": 1200.0}  # for all rungs together
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
    outcome = isolated(lambda: climb(given, budget), SECONDS[budget])
    if outcome.failure:
        return Verdict("open", given.name, f"the check did not come to an end: {outcome.failure}")
    verdict: Verdict = outcome.result
    return verdict


def climb(given: Pair, budget: str) -> Verdict:
    """The verdict over all rungs, run here and now."""
    rungs: list[Rung] = []
    for each in RUNGS:
        found = _climbed(each, given, budget)
        rungs.append(found.rung)
        if found.rung.status == "refuted":
            return Verdict("refuted", given.name, _reason(given, found), (), tuple(rungs), found.counterexample)
    shown = [rung.status for rung in rungs if rung.status in _STRONGER]
    if not shown or rungs[0].status == "open":
        reason = "; ".join(f"{rung.name}: {rung.detail}" for rung in rungs if rung.status == "open")
        return Verdict("open", given.name, reason, (), tuple(rungs))
    assumed = (*given.conventions, *(a for rung in rungs for a in rung.numbers.get("assumptions", ())))
    return Verdict(max(shown, key=_STRONGER.index), given.name, "", assumed, tuple(rungs))


def _reason(given: Pair, found: Outcome) -> str:
    """What the rung says, and the class of the fault where numbers tell it."""
    witness, sizes = found.counterexample, found.rung.numbers.get("sizes")
    told = fault(given, witness.name, sizes) if witness and sizes and witness.name in given.floats else ""
    return f"{found.rung.detail}; {told}" if told else found.rung.detail


def _climbed(rung: Any, given: Pair, budget: str) -> Outcome:
    """The outcome of a rung; one that raises is open, never passed.

    Code is judged by its results: where warnings are errors they would pass for inputs that have no value.
    """
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            found: Outcome = rung.climb(given, budget)
    except DeriveError:
        raise
    except Exception as error:
        return Outcome(Rung(rung.NAME, "open", f"the rung raised {type(error).__name__}: {error}"))
    return found
