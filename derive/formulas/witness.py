"""A claimed gradient, accepted by proof or refuted by a witness.

    proved     the claimed formula and the derived line have the same normal form, for every shape
    refuted    small numbers at which the claimed formula differs from differences of the forward equations
    open       neither

The witness knows nothing of the rules: its gradients, those of the names inside the claim included, come from the
forward equations alone.  What is wrong is then said in words that are proved (faults.py), with the special sizes, such
as n = 1, at which the claim does hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations, islice

import numpy as np

from derive.arrays.array import Array
from derive.arrays.shapes import write_shape
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM
from derive.errors import DeriveError, callers_place
from derive.formulas.comparison import (
    Shows,
    compare,
    measured,
    same_rows,
    told_by_both,
    told_by_half_the_digits,
    told_by_shape,
    told_by_values,
)
from derive.formulas.conditions import defined_where
from derive.formulas.experiment import Experiment, Point
from derive.formulas.faults import faults
from derive.formulas.points import LARGEST, MOST_ENTRIES, SEED, SIMPLE, points
from derive.formulas.question import Facts, Given, Question, ask, named
from derive.rules.proof import Shown
from derive.verdict import Counterexample, Rung, Verdict

__all__ = ["decide", "decide_value", "named"]

PASSES = 3  # over the entries, since a later one may let an earlier one be simpler
SECOND_LOOKS = 8  # points at which what is proved is also tried
MOST_PAIRS = 40  # of sizes that are set to 1 together
MOST_LOOKS = 10_000  # at entries, in one pass


def decide(
    layer: Layer,
    target: str,
    claimed: Array,
    *,
    definitions: Mapping[str, Array] | None = None,
    given: Given | None = None,
    facts: Facts | None = None,
    conditions: tuple[str, ...] | None = None,
    apart: tuple[str, ...] = (),
) -> Verdict:
    """Whether ``claimed`` is the adjoint of ``target``, an input or a computed name of the layer.

    ``claimed`` is written in the layer's names and in adjoint names (``dY``, ``dS``), each taken as the true adjoint.
    ``given`` fixes sizes (``{"n": 1}``), upstream gradients (``{"dE": 1}``) or inputs; ``definitions`` replaces the
    layer's own equations and adjoint lines as what names may be expanded to; ``facts`` are the kinds of inputs of which
    the derivation is to know nothing, although they hold where the two are compared; ``conditions`` says in other words
    what the derivation assumes, ``apart`` besides what a proof assumes that says nothing of ties.  DeriveError for a
    name that is unknown or the claim's own subject.
    """
    step = layer.derive().step(target)
    question = asked(layer, target, claimed, given, definitions, facts)
    if not step.verdict.ok:
        reason = f"the derived line {step} is itself {step.verdict.status}: {step.verdict.reason}"
        return Verdict("open", question.subject, reason)
    return _answer(question, layer.derive().prove().assumptions if conditions is None else conditions, apart)


def asked(
    layer: Layer,
    target: str,
    claimed: Array,
    given: Given | None = None,
    definitions: Mapping[str, Array] | None = None,
    facts: Facts | None = None,
) -> Question:
    """The question of ``decide``, not yet answered."""
    derivation = layer.derive()
    lines = [s for s in derivation.steps if s.rule != UPSTREAM and s.name != target and s.verdict.ok]
    known = {e.name: e.expression for e in layer.equations} | {s.adjoint: s.expression for s in lines}
    truth = derivation.step(target).expression
    known = known if definitions is None else {**definitions}
    return ask(derivation, target, claimed, truth, given or {}, definitions=known, facts=facts)


def decide_value(layer: Layer, target: str, claimed: Array, *, given: Given | None = None) -> Verdict:
    """Whether ``claimed``, written in the layer's other names, is the value of the computed name ``target``."""
    equation = layer.equation(target)
    if equation is None:
        wanted = f"one of {', '.join(e.name for e in layer.equations)} was wanted"
        raise DeriveError(f"{layer.name}: no equation of {target!r}", wanted, callers_place())
    others = {e.name: e.expression for e in layer.equations if e.name != target}
    question = ask(layer.derive(), target, claimed, equation.expression, given or {}, definitions=others, of_value=True)
    return _answer(question, ())


# ---- the answer


def _answer(question: Question, conditions: tuple[str, ...], apart: tuple[str, ...] = ()) -> Verdict:
    held = question.holds()
    if held and apart and not question.holds(ties=True):
        conditions = tuple(dict.fromkeys((*conditions, *apart)))
    experiment = Experiment(question.layer, question.target, question.claimed, question.of_value)
    tries = list(points(question))
    if held:
        rung = Rung("proof", "proved", "the claimed and the derived expression have the same normal form")
        for point in tries[-1 :: -max(1, len(tries) // SECOND_LOOKS)]:  # by numbers too: laws hold where it has a value
            if compare(experiment, point, told_by_half_the_digits):
                sizes = ", ".join(f"{key} = {value}" for key, value in point.sizes.items())
                reason = f"the normal forms are the same, but NumPy's values at {sizes} are not: is it defined there?"
                return Verdict("open", question.subject, reason, (*question.given, *conditions), (rung,))
        assumed = (*question.given, *dict.fromkeys((*conditions, *defined_where(question.claimed))))
        return Verdict("proved", question.subject, assumptions=assumed, evidence=(rung,))
    fits = same_rows(question.shape, question.wanted)
    for shows in (told_by_values,) if fits else (told_by_both, told_by_values, told_by_shape):
        for tried, point in enumerate(tries, 1):
            if compare(experiment, point, shows):
                return _refuted(question, held, experiment, _shrunk(experiment, point, shows), tried)
    detail = f"no counterexample at {len(tries)} points with sizes up to {LARGEST}, seed {SEED}"
    if not tries:
        detail = f"no small sizes at which it has a value, and at most {MOST_ENTRIES} entries, to be moved one by one"
    return Verdict(
        "open",
        question.subject,
        f"{held.doubt}, and {detail}",
        question.given,
        (Rung("search", "open", detail, {"points": len(tries), "seed": SEED}),),
    )


def _refuted(question: Question, held: Shown, experiment: Experiment, point: Point, tried: int) -> Verdict:
    seen = measured(experiment, point)
    assert seen is not None
    digits = seen.digits
    got, expected = (np.round(value, digits) + 0.0 for value in (seen.got, seen.expected))
    upstream = list(point.upstream.values())
    found = Counterexample(
        question.subject,
        point.inputs,
        upstream[0] if len(upstream) == 1 else tuple(upstream),
        got,
        expected,
        experiment.snippet(point, digits),
    )
    sizes = ", ".join(f"{key} = {value}" for key, value in point.sizes.items())
    special = [] if held.beyond else special_sizes(question)
    rung = Rung(
        "search",
        "refuted",
        f"it differs from differences of the forward equations at {sizes}",
        {"points": tried, "seed": SEED, "sizes": dict(point.sizes), "holds_for": special},
    )
    reason = "; ".join(_reasons(question, held, special))
    return Verdict("refuted", question.subject, reason, question.given, (rung,), found)


def _reasons(question: Question, held: Shown, special: list[str]) -> list[str]:
    """What is wrong, and where it nevertheless holds, all by proof."""
    found = []
    if not same_rows(question.shape, question.wanted):
        shape, wanted = write_shape(question.shape), write_shape(question.wanted)
        found.append(f"its shape is {shape}, that of {question.target} is {wanted}")
    if not held.beyond:
        found += faults(question.claimed, question.truth, question.equal, question.free_sizes)
    if special:
        found.append("it holds for " + " and for ".join(special))
    return found or ["its value is another"]


def special_sizes(question: Question) -> list[str]:
    """The sizes, or else the pairs of sizes, that make the claim hold when they are 1: ``["n = 1"]``."""
    for count in (1, 2):
        candidates = islice(combinations(question.free_sizes, count), MOST_PAIRS)
        found = [chosen for chosen in candidates if question.holds(dict.fromkeys(chosen, 1))]
        if found:
            return [" and ".join(f"{size} = 1" for size in chosen) for chosen in found]
    return []


# ---- a simpler point


def _shrunk(experiment: Experiment, point: Point, shows: Shows) -> Point:
    """The point with simpler entries that still shows the difference as clearly."""
    best, seen = point, measured(experiment, point)
    least = min(seen.gap, 0.1) if seen else 0.0
    for _ in range(PASSES):
        before = best
        best = _simpler(experiment, best, shows, least)
        if best is before:
            break
    return best if compare(experiment, best, shows) else point


def _simpler(experiment: Experiment, point: Point, shows: Shows, least: float) -> Point:
    """One pass over the entries, each made as simple as it may be; the same point if none may."""
    best, wanted = point, np.size(experiment.values(point)[experiment.target])
    for key, place in _entries(experiment.layer, point)[: MOST_LOOKS // (len(SIMPLE) * max(wanted, 1))]:
        for simple in SIMPLE:
            if best.inputs[key][place] == simple:
                break
            new = np.array(best.inputs[key])
            new[place] = simple
            candidate = replace(best, inputs={**best.inputs, key: new})
            seen = measured(experiment, candidate, careful=False)
            if seen is not None and shows(seen) and seen.gap >= least:
                best = candidate
                break
    return best


def _entries(layer: Layer, point: Point) -> list[tuple[str, tuple[int, ...]]]:
    """Where a point may be made simpler: the entries of plain float inputs."""
    plain = [i.name for i in layer.inputs if i.kind.name == "float"]
    return [(key, place) for key in plain for place in np.ndindex(np.shape(point.inputs[key]))]
