"""Each statement of a claim decided, with the formula that the derivation has in its place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.build import constant, spread
from derive.arrays.latex import math_text, sides
from derive.arrays.latex_names import symbol
from derive.arrays.named import name, substitute
from derive.arrays.shapes import concrete
from derive.arrays.writing import numpy_text
from derive.catalogue.seed_claims import (
    ActsEntrywise,
    AdjointIs,
    Claim,
    NoParameters,
    OnlyPassesUp,
    Part,
    SetByLoss,
    StepIs,
    ValueIs,
)
from derive.derivation.layer import Layer
from derive.derivation.notation import notation_of
from derive.emit.loading import load_source
from derive.emit.readback import SymbolicNumPy
from derive.emit.stack import members
from derive.errors import DeriveError
from derive.formulas.structure import acts_entrywise, has_no_parameters, only_passes_up, set_by_loss
from derive.formulas.witness import decide, decide_value
from derive.rules.proof import is_equal
from derive.rules.simplify import simplify
from derive.verdict import Counterexample, Rung, Verdict, weakest

RATE = "rate"
ANY_RATE = 0.5  # where a step that should hold for any size is looked at
LOSS = {"dE": 1}  # E is the loss itself


@dataclass(frozen=True)
class Decided:
    """A statement, its verdict, the formulas that were derived (LaTeX), and what else is to be said."""

    part: Part
    verdict: Verdict
    derived: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class DecidedClaim:
    """A claim with its statements decided."""

    claim: Claim
    parts: tuple[Decided, ...]

    @property
    def verdict(self) -> Verdict:
        """As good as the weakest statement."""
        verdicts = [part.verdict for part in self.parts]
        status = weakest(v.status for v in verdicts)
        reason = "; ".join(f"{v.subject}: {v.reason}" for v in verdicts if not v.ok)
        assumptions = tuple(dict.fromkeys(text for v in verdicts for text in v.assumptions))
        witness = next((v.counterexample for v in verdicts if v.counterexample is not None), None)
        evidence = tuple(rung for v in verdicts for rung in v.evidence)
        return Verdict(status, self.claim.id, reason, assumptions, evidence, witness)


def decided(claim: Claim) -> DecidedClaim:
    """Every statement of a claim, decided."""
    return DecidedClaim(claim, tuple(map(decided_part, claim.parts)))


def decided_part(part: Part) -> Decided:
    """One statement, decided."""
    match part:
        case AdjointIs(layer, target, claimed, given):
            return Decided(part, decide(layer, target, claimed, given=given), (line(layer, target, given),))
        case ValueIs(layer, target, claimed):
            return Decided(part, decide_value(layer, target, claimed), (equation(layer, target),))
        case ActsEntrywise(layer, output, variable):
            return Decided(part, acts_entrywise(layer, output, variable), (line(layer, variable),))
        case StepIs():
            return decided_step(part)
        case NoParameters(layer):
            return Decided(part, has_no_parameters(layer))
        case OnlyPassesUp(layer):
            formulas = tuple(line(layer, key) for key in layer.wrt)
            return Decided(part, only_passes_up(layer), formulas)
        case SetByLoss(layer, target):
            return Decided(part, set_by_loss(layer, target), (line(layer, target),))


# ---- formulas, from the derivation


def line(layer: Layer, target: str, given: Mapping[str, float] | None = None) -> str:
    """The derived line of a name in LaTeX, upstream gradients that are given put in."""
    step = layer.derive().step(target)
    values = {key: value for key, value in (given or LOSS).items() if key not in layer.sizes}
    arrays = {
        key: spread(constant(value), layer.named(key[1:]).shape)
        for key, value in values.items()
        if key in step.expression.names()
    }
    return " = ".join(sides(step.adjoint, simplify(substitute(step.expression, arrays)), notation_of(layer)))


def equation(layer: Layer, target: str) -> str:
    """The equation of a computed name in LaTeX."""
    found = layer.equation(target)
    if found is None:
        raise DeriveError(
            f"{layer.name}: no equation of {target!r}",
            "a computed name was wanted",
            layer.name,
            f"one of {', '.join(e.name for e in layer.equations)}",
        )
    return " = ".join(sides(target, found.expression, notation_of(layer)))


# ---- the step of the generated code


def stepped(layer: Layer, rate: Array) -> dict[str, Array]:
    """What ``Network.step`` of the generated code makes of each parameter, its gradient being stored."""
    found = members(layer)
    if found is None:
        raise DeriveError(
            f"{layer.name} is not a network", "a layer that calls layers was wanted", layer.name, "two_layer_network"
        )
    loaded = load_source(layer.derive().numpy(), layer.name)
    loaded.__dict__["np"] = SymbolicNumPy()
    owned = [(m, own, text) for m in found for own, text in m.parameters.items()]
    network = loaded.Network(*[layer.named(text) for _, _, text in owned])
    for m, own, text in owned:
        setattr(getattr(network, m.attribute), f"d{own}", name(f"d{text}", layer.named(text).shape))
    network.step(rate)
    return {text: getattr(getattr(network, m.attribute), own) for m, own, text in owned}


def decided_step(part: StepIs) -> Decided:
    """Whether the generated code steps as claimed, at the claimed step size or (None) at any."""
    general = stepped(part.layer, name(RATE, ()))
    formulas = tuple(f"{symbol(key)}^{{\\mathrm{{new}}}} = {math_text(after)}" for key, after in general.items())
    after = general if part.rate is None else stepped(part.layer, constant(part.rate))
    wrong = [key for key, claimed in part.claimed.items() if not is_equal(after[key], claimed)]
    if wrong:
        key = wrong[0]
        witness = _step_witness(part.layer, key, part.claimed[key], general[key], part.rate)
        status, reason = ("refuted", f"the generated code steps to {after[key]}") if witness else ("open", "no witness")
        return Decided(part, Verdict(status, key, reason, counterexample=witness), formulas)  # type: ignore[arg-type]  # of two
    statements = f"{len(part.claimed)} statements of Network.step, lifted from the generated code"
    assumed = () if part.rate is None else (f"step size {part.rate}",)
    verdict = Verdict("proved", "step", assumptions=assumed, evidence=(Rung("step", "proved", statements),))
    return Decided(part, verdict, formulas, _at_other_rates(part, general))


def _at_other_rates(part: StepIs, general: Mapping[str, Array]) -> str:
    """What is to be said of a step that was shown at one step size only."""
    key, claimed = next(iter(part.claimed.items()))
    if part.rate is None or is_equal(general[key], claimed):
        return ""
    witness = _step_witness(part.layer, key, claimed, general[key], None)
    if witness is None:
        return ""
    at = ", ".join(f"`{text} = {_plain(value)}`" for text, value in witness.inputs.items())
    return (
        f"It is shown for step size {part.rate} alone, and is refuted for others: at {at} the claim gives "
        f"`{_plain(witness.got)}`, the generated code `{_plain(witness.expected)}`. Which step size the formula "
        "means is a matter of convention; the code takes it as an argument"
    )


def _plain(value: Any) -> str:
    return str(value.tolist() if hasattr(value, "tolist") else value)


def _step_witness(layer: Layer, key: str, claimed: Array, after: Array, rate: int | None) -> Counterexample | None:
    """Numbers at which the claimed step and that of the code differ."""
    for values in _step_values(layer, key, ANY_RATE if rate is None else float(rate)):
        got, expected = (np.asarray(_evaluated(array, values)) for array in (claimed, after))
        if got.shape != expected.shape or np.any(got != expected):
            code = [
                "import numpy as np",
                "",
                *(f"{text} = {_written(value)}" for text, value in values.items()),
                f"claimed = {numpy_text(claimed)}",
                f"expected = {numpy_text(after)}  # the generated code",
                'print("claimed", claimed.tolist())',
                'print("expected", expected.tolist())',
            ]
            return Counterexample(key, values, None, got, expected, "\n".join(code) + "\n")
    return None


def _step_values(layer: Layer, key: str, rate: float) -> Iterator[dict[str, Any]]:
    shape = concrete(layer.named(key).shape, dict.fromkeys(layer.sizes, 1))
    for own, gradient in product((1.0, 2.0, 3.0), repeat=2):
        yield {key: np.full(shape, own), f"d{key}": np.full(shape, gradient), RATE: rate}


def _evaluated(array: Array, values: Mapping[str, Any]) -> Any:
    return eval(numpy_text(array), {"np": np, **values})  # our own text, written from an expression


def _written(value: Any) -> str:
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)
