"""Claims about adjoints: right ones are proved, wrong ones are refuted by numbers that anyone can rerun."""

import ast
import subprocess
import sys

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.errors import DeriveError
from derive.formulas.structure import acts_entrywise, has_no_parameters, only_passes_up, set_by_loss
from derive.formulas.witness import decide, decide_value, named
from derive.index.size import Size

NETWORK, DENSE = derive.layers["two_layer_network"], derive.layers["dense"]
LOSS = {"dE": 1}


def of(*keys, layer=NETWORK):
    return [named(layer, key) for key in keys]


def printed(snippet):
    """What a snippet prints when it runs alone: its two values."""
    done = subprocess.run([sys.executable, "-c", snippet], capture_output=True, text=True, check=True)
    lines = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    return ast.literal_eval(lines["claimed"]), ast.literal_eval(lines["expected"])


def assert_shown(verdict):
    """The counterexample's numbers are what its snippet prints, and they differ."""
    found = verdict.counterexample
    claimed, expected = printed(found.snippet)
    np.testing.assert_array_equal(claimed, found.got)  # both are rounded to the digits that the differences can tell
    np.testing.assert_array_equal(expected, found.expected)
    assert claimed != expected


def test_every_derived_line_is_accepted_as_a_claim():
    for step in NETWORK.derive().steps:
        verdict = decide(NETWORK, step.name, step.expression, given=LOSS)
        assert verdict.status == "proved", step
        assert "dE = 1" in verdict.assumptions


def test_a_claim_may_use_what_other_names_stand_for():
    S, Y, T = of("S", "Y", "T")
    assert decide(NETWORK, "W2", S.T @ (Y - T), given=LOSS).status == "proved"
    assert decide(NETWORK, "W2", S.T @ (Y - T)).status == "refuted"  # then dE is any number


def test_a_missing_sum_is_found_with_the_size_at_which_it_does_not_matter():
    (dZ1,) = of("dZ1")
    verdict = decide(NETWORK, "b1", dZ1, given=LOSS)
    assert verdict.status == "refuted"
    assert verdict.reason == ("its shape is (n, h), that of b1 is (h,); the sum over n is missing; it holds for n = 1")
    assert verdict.counterexample.got.shape == (2, 1)
    assert_shown(verdict)
    assert decide(NETWORK, "b1", dZ1, given={"n": 1}).assumptions == ("n = 1",)
    assert decide(NETWORK, "b1", dZ1.sum(axis=0)).status == "proved"


@pytest.mark.parametrize(
    ("mend", "reason"),
    [
        (lambda right: -right, "the sign is wrong"),
        (lambda right: 2 * right, "a factor 2 is too much"),
        (lambda right: right / 2, "a factor 2 is missing"),
        (lambda right: -2 * right, "the sign is wrong, and a factor 2 is too much"),
        (
            lambda right: right.T,
            "its shape is (h, d), that of W1 is (d, h); it is transposed; it holds for d = 1 and h = 1",
        ),
        (lambda right: right / right.shape[0], "a factor d is missing; it holds for d = 1"),
        (
            lambda right: right.sum(axis=0),
            "its shape is (h,), that of W1 is (d, h); it is summed over d; it holds for d = 1",
        ),
        (lambda right: right + 1, "its value is another"),
    ],
)
def test_what_is_wrong_is_said(mend, reason):
    X, dZ1 = of("X", "dZ1")
    verdict = decide(NETWORK, "W1", mend(X.T @ dZ1), given=LOSS)
    assert (verdict.status, verdict.reason) == ("refuted", reason)
    assert_shown(verdict)


def test_a_wrong_shape_is_refuted_even_where_broadcasting_hides_it():
    (dY,) = of("dY", layer=DENSE)
    copies = dY * 0 + dY.sum(axis=0)
    verdict = decide(DENSE, "b", copies)
    assert verdict.status == "refuted"
    assert verdict.reason.startswith("its shape is (n, m), that of b is (m,)")
    assert np.shape(verdict.counterexample.got) != np.shape(verdict.counterexample.expected)


def test_a_small_error_is_refuted_and_shown_in_enough_digits():
    X, dY = of("X", "dY", layer=DENSE)
    verdict = decide(DENSE, "W", X.T @ dY * 1.0000001)
    assert verdict.status == "refuted"
    assert not np.array_equal(verdict.counterexample.got, verdict.counterexample.expected)
    claimed, expected = printed(verdict.counterexample.snippet)
    assert claimed != expected


def test_a_right_claim_beyond_the_kernel_is_open_and_never_refuted():
    def total(x: "n"):
        return np.sum(x)

    layer = derive.layer(total)
    x, dE = of("x", "dE", layer=layer)
    verdict = decide(layer, "x", dE * (np.sin(x) ** 2 + np.cos(x) ** 2))
    assert verdict.status == "open"
    assert verdict.reason == "the normal forms differ, and no counterexample at 12 points with sizes up to 3, seed 0"


def test_a_kink_is_no_witness():
    def rectified(x: "n", y: "n"):
        return np.sum(np.maximum(x - y, 0))

    layer = derive.layer(rectified)
    x, y, dE = of("x", "y", "dE", layer=layer)
    as_right = np.where(x >= y, dE, 0)  # another value than the derived line's where x = y, as it often is here
    assert decide(layer, "x", as_right).status != "refuted"
    assert decide(layer, "x", np.where(x > y, 0, dE)).status == "refuted"


def test_counterexamples_are_small():
    S, dS = of("S", "dS")
    found = decide(NETWORK, "Z1", S * dS, given=LOSS).counterexample
    assert {np.size(value) for value in found.inputs.values()} == {1}
    assert np.sum([np.count_nonzero(value) for value in found.inputs.values()]) <= 2


def test_values_are_claimed_too():
    X, W, b = of("X", "W", "b", layer=DENSE)
    assert decide_value(DENSE, "Y", np.einsum("ri,ij->rj", X, W) + b).status == "proved"
    verdict = decide_value(DENSE, "Y", np.einsum("ri,ij->rj", X, W) - b)
    assert verdict.status == "refuted"
    assert_shown(verdict)


def test_the_same_question_has_the_same_answer_to_the_byte():
    (dZ1,) = of("dZ1")
    first, second = (decide(NETWORK, "b1", dZ1, given=LOSS).to_dict() for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("target", "claim", "message"),
    [
        ("W1", lambda: named(NETWORK, "dW1"), "the claim for dW1 mentions dW1 itself; other names were wanted"),
        ("W1", lambda: named(DENSE, "W"), "the claim for dW1 mentions W; one of X, W1, b1"),
        ("W2", lambda: name("b1", (Size.of("m"),)), "the claim for dW2 takes b1 as (m,); its shape is (h,)"),
        ("Q", lambda: named(NETWORK, "W1"), "no adjoint of 'Q'"),
    ],
)
def test_a_claim_that_does_not_fit_is_an_error_that_says_why(target, claim, message):
    with pytest.raises(DeriveError) as caught:
        decide(NETWORK, target, claim())
    assert message in str(caught.value)


def test_what_is_given_must_be_a_size_an_input_or_an_upstream_gradient():
    with pytest.raises(DeriveError, match="given 'dS'; one of n, d, h, X"):
        decide(NETWORK, "W1", named(NETWORK, "dZ1"), given={"dS": 1})


# ---- structure


def _row_softmax(X: "n d"):
    A = np.exp(X)
    return A / A.sum(axis=1, keepdims=True)


def test_acting_entry_by_entry_is_shown_or_refuted_by_an_entry_that_moves():
    assert acts_entrywise(NETWORK, "S", "Z1").status == "proved"
    layer = derive.layer(_row_softmax)
    verdict = acts_entrywise(layer, layer.outputs[0], "X")
    assert verdict.status == "refuted"
    assert_shown(verdict)
    assert acts_entrywise(NETWORK, "Z1", "X").reason == "the shapes differ: Z1 is (n, h), X is (n, d)"
    tanh = derive.layer(_tanh)
    assert acts_entrywise(tanh, tanh.outputs[0], "X").status == "proved"


def _tanh(X: "n d"):
    return np.tanh(X)


def test_structure_is_read_off_roles_and_lines():
    assert has_no_parameters(derive.layers["sigmoid"]).status == "proved"
    assert has_no_parameters(DENSE).reason == "`dense` has the parameters W, b"
    assert only_passes_up(derive.layers["squared_error"]).status == "proved"
    assert only_passes_up(DENSE).status == "refuted"
    assert set_by_loss(NETWORK, "Y").status == "proved"
    assert set_by_loss(NETWORK, "S").reason == "`dS = dY @ W2.T` is made from dY, W2, which the loss does not give"


def test_what_has_no_value_is_not_accepted():
    """1 / eye(n) is 1 on the diagonal and nothing beside it, which the laws of 0/1 factors leave out."""
    verdict = derive.claim("trace(inv(A + eye(n)))", "A", "-(inv(A + 1 / eye(n)) @ inv(A + 1 / eye(n))).T", {"A": "n n"})
    assert verdict.status in ("open", "refuted")
