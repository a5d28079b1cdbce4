"""The thirteen claims: what the tool finds, that corrected claims are accepted, and that wrong variants are not."""

from dataclasses import replace

import pytest

import derive
from derive.catalogue.seed_claims import (
    CLAIMS,
    ActsEntrywise,
    AdjointIs,
    NoParameters,
    OnlyPassesUp,
    SetByLoss,
    StepIs,
    ValueIs,
    of,
)
from derive.emit.claims_decided import decided, decided_part

BY_ID = {claim.id: claim for claim in CLAIMS}
FOUND = {claim.id: decided(claim) for claim in CLAIMS}
NETWORK, DENSE = derive.layers["two_layer_network"], derive.layers["dense"]
REFUTED = {"F5", "F7", "F11", "F12"}


def test_there_are_thirteen_each_with_words_and_statements():
    assert [claim.id for claim in CLAIMS] == [f"F{k}" for k in range(1, 14)]
    assert all(claim.words and claim.parts and claim.layer is NETWORK for claim in CLAIMS)


def test_the_claims_are_no_layers():
    assert all(isinstance(layer, derive.Layer) for layer in derive.layers.values())
    assert not {claim.id for claim in CLAIMS} & {*derive.layers}


@pytest.mark.parametrize("key", BY_ID)
def test_the_verdict(key):
    assert FOUND[key].verdict.status == ("refuted" if key in REFUTED else "proved")


@pytest.mark.parametrize("key", ["F7", "F11", "F12"])
def test_what_holds_for_one_row_only_is_said_to_do_so(key):
    reason = FOUND[key].verdict.reason
    assert "the sum over n is missing; it holds for n = 1" in reason


def test_the_sum_over_the_batch_and_the_sign_are_both_found():
    assert "it is summed over n; the sign is wrong" in FOUND["F5"].verdict.reason
    assert "holds" not in FOUND["F5"].verdict.reason


def test_of_the_general_claim_only_the_bias_is_wrong():
    assert [part.verdict.status for part in FOUND["F12"].parts] == ["proved", "refuted", "proved"]


def test_the_step_is_shown_for_step_size_one_and_refuted_for_others():
    assert FOUND["F4"].verdict.assumptions == ("step size 1",)
    assert "refuted for others" in FOUND["F4"].parts[0].note
    (step,) = BY_ID["F4"].parts
    assert decided_part(replace(step, rate=None)).verdict.status == "refuted"


def refuted_adjoints():
    return [part for found in FOUND.values() for part in found.parts if part.verdict.status == "refuted"]


@pytest.mark.parametrize("part", refuted_adjoints(), ids=lambda part: part.verdict.subject)
def test_a_corrected_claim_is_accepted(part):
    wrong = part.part
    right = replace(wrong, claimed=wrong.layer.derive().step(wrong.target).expression)
    assert decided_part(right).verdict.status == "proved"


def test_the_usual_corrections_are_accepted():
    T, Y, dY, dZ1 = (of(NETWORK, key) for key in ("T", "Y", "dY", "dZ1"))
    for target, right in (("Y", Y - T), ("b2", dY.sum(axis=0)), ("b1", dZ1.sum(axis=0))):
        assert decided_part(AdjointIs(NETWORK, target, right, {"dE": 1})).verdict.status == "proved"
    assert decided_part(AdjointIs(DENSE, "b", of(DENSE, "dY").sum(axis=0))).verdict.status == "proved"


def wrong_variants():
    """A deliberately wrong variant of every statement that is accepted."""
    for key, found in FOUND.items():
        for number, part in enumerate(found.parts):
            if part.verdict.ok:
                yield pytest.param(_spoilt(part.part), id=f"{key}.{number}")


def _spoilt(part):
    match part:
        case AdjointIs() | ValueIs():
            return replace(part, claimed=-part.claimed)
        case StepIs(claimed=claimed):
            first = next(iter(claimed))
            return replace(part, claimed={**claimed, first: of(part.layer, first) + of(part.layer, f"d{first}")})
        case ActsEntrywise():
            return replace(part, output="Y")
        case NoParameters() | OnlyPassesUp():
            return replace(part, layer=DENSE)
        case SetByLoss():
            return replace(part, target="S")


@pytest.mark.parametrize("part", list(wrong_variants()))
def test_a_wrong_variant_of_an_accepted_claim_is_refuted(part):
    found = decided_part(part)
    assert found.verdict.status == "refuted"
    assert found.verdict.reason or found.verdict.counterexample
