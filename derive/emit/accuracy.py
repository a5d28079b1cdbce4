"""The rung of accuracy: generated code beside the truth in ball arithmetic, and what the textbook's formulas give."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np

from derive.derivation.recurrence import Recurrence
from derive.derivation.sweep import UPSTREAM, Derivation, adjoint_name, upstream_name
from derive.emit.textbook import textbook
from derive.evidence.accuracy import BOUND, DTYPES, Contender, Measured, Tally, by_code, measure, over_range
from derive.evidence.balls import NoValue, Program
from derive.evidence.regimes import REGIMES
from derive.evidence.structure import structure_of
from derive.evidence.truth import Allowance
from derive.verdict import Rung

OURS, TEXTBOOK = "generated code", "textbook formulas"
Curves = dict[str, list[tuple[float, float]]]
STEPS = 3  # of a recurrence
SHOWN = 6  # numbers of the inputs that are told


def computable(derivation: Derivation) -> Derivation:
    """The derivation; of a recurrence, that of the network of a few steps, whose inputs and results are the same."""
    layer = derivation.layer
    return layer.unrolled(STEPS).derive(derivation.wrt) if isinstance(layer, Recurrence) else derivation


def program_of(derivation: Derivation, where: tuple[str, ...] = ()) -> Program:
    """What the truth is computed from: the equations and the adjoint lines as they are derived and proved."""
    derivation = computable(derivation)
    layer = derivation.layer
    given = {step.name for step in derivation.steps if step.rule == UPSTREAM}
    return Program(
        inputs={i.name: i.declaration for i in layer.inputs},
        upstream={(adjoint_name if o in given else upstream_name)(o): layer.named(o).shape for o in layer.outputs},
        equations=tuple((e.name, e.expression) for e in layer.equations),
        adjoints=tuple((s.adjoint, s.expression) for s in derivation.steps if s.rule != UPSTREAM),
        outputs=layer.outputs,
        gradients={key: adjoint_name(key) for key in derivation.wrt},
        where=where,
    )


def accuracy(derivation: Derivation, code: Any, where: tuple[str, ...], budget: str) -> Rung:
    """The rung: open where a result is beyond the bound, or not finite where the truth is."""
    program = program_of(derivation, where)
    try:
        found = measure(program, {OURS: by_code(code, program)}, budget)
    except NoValue as error:
        return Rung("accuracy", "open", f"not measured: {error}")
    tallies = found.tallies[OURS]
    numbers = {
        "bound": BOUND,
        "regime": regime(program),
        "worst_mixed_ulp": {dtype: tally.worst for dtype, tally in tallies.items()},
        "entries": sum(tally.entries for tally in tallies.values()),
        "not_finite": sum(tally.not_finite for tally in tallies.values()),
        "without_truth": found.undecided,
        "uncertain": sum(tally.uncertain for tally in tallies.values()),
    }
    wrong = [f"{dtype}: {_told(tally)}" for dtype, tally in tallies.items() if not tally.ok]
    if wrong:
        return Rung("accuracy", "open", "; ".join(wrong), numbers)
    entries = f"{numbers['entries']} entries of outputs and gradients in {' and '.join(tallies)}"
    return Rung("accuracy", "tested", f"{entries} within {BOUND:g} mixed ulp of the truth in ball arithmetic", numbers)


def regime(program: Program) -> str:
    """Where inputs came from, and what was allowed for."""
    structure, allowance = structure_of(program), Allowance.of(program)
    allowed = [REGIMES[structure]]
    if allowance.least > 1:
        allowed.append(f"no ulp is less than {allowance.least} of the smallest floats")
    if allowance.sums:
        allowed.append(f"an ulp of each sum is allowed{'' if allowance.arrays else ' in gradients'}")
    if allowance.arrays:
        array = "a result, and of an input," if allowance.matrices else "a result"
        allowed.append(f"an ulp of {array} is that of its largest entry")
    return "; ".join(allowed)


def _told(tally: Tally) -> str:
    """What is wrong, and where."""
    if tally.failed:
        return tally.failed
    worst = tally.at
    if worst is None:
        return "no entry has a truth that is a float"
    at = ", ".join(f"{key} = {np.array2string(np.asarray(value))}" for key, value in worst.inputs.items())
    few = sum(np.size(value) for value in worst.inputs.values()) <= SHOWN
    beside = f"{worst.result} is {worst.got:.6g}, the truth {worst.truth:.6g}"
    off = f", {worst.mixed_ulp:.2g} mixed ulp" if isfinite(worst.mixed_ulp) else ""
    return f"{beside}{off}{f' (at {at})' if few else ''}"


def compared(
    derivation: Derivation, code: Any, where: tuple[str, ...], others: Mapping[str, Contender], budget: str = "ci"
) -> Measured:
    """The generated code, the textbook's formulas and other contenders beside the truth; NoValue if there is none."""
    program = program_of(derivation, where)
    own = {OURS: by_code(code, program), TEXTBOOK: by_code(textbook(derivation), program)}
    return measure(program, {**own, **others}, budget)


def curves(derivation: Derivation, code: Any, dtype: str = DTYPES[-1], budget: str = "ci") -> Curves:
    """For the generated code and the textbook's formulas (x, mixed ulp) by rising x; empty if not entry by entry."""
    program = program_of(derivation)
    own = {OURS: by_code(code, program), TEXTBOOK: by_code(textbook(derivation), program)}
    return over_range(program, own, dtype, budget)


def grade(tally: Tally, dtype: str) -> str:
    """A tally in words that are the same on every machine: its classes lie far apart."""
    if tally.failed or not tally.entries:
        return "not measured"
    digits = 1 / float(np.finfo(dtype).eps)  # mixed ulp of an error that is as large as the result
    if tally.worst <= BOUND:
        said = f"within {BOUND:g} ulp"
    elif tally.worst <= digits**0.5:
        said = "up to half of the digits lost"
    else:
        said = "more than half of the digits lost" if tally.worst <= digits**0.75 else "nearly all digits lost"
    return f"{said}; some nan or infinite" if tally.not_finite else said
