"""A line that is wrong is never proved, and a wrong rule takes no part, however the lie gets in."""

import numpy as np
import pytest

import derive
from derive.arrays import functions
from derive.arrays.operations import Broadcast, Matmul
from derive.derivation import call, sweep
from derive.rules import book, proof, simplify
from derive.rules.book import Unproved
from derive.rules.mutants import mutants
from derive.verdict import Verdict, weakest

from .test_lines import LINES, dense, network, tanh_layer, used_further


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    """Every proof is made anew, and none that was made under a lie is kept."""
    monkeypatch.setattr(call, "_derivations", type(call._derivations)())
    book.forget()
    simplify.forget()
    proof.forget()
    yield
    book.forget()
    simplify.forget()
    proof.forget()


def admitted_then_wrong(monkeypatch, layer, kind, pullback):
    """The layer's derivation, its rule changed after it was admitted."""
    layer.derive()
    monkeypatch.setattr(kind, "pullback", pullback)
    return layer.derive()


WRONG_PRODUCTS = {
    "transpose forgotten on the left": lambda self, Y, G, A, B: (G @ B.T, -(A.T @ G)),
    "half": lambda self, Y, G, A, B: (G @ B.T / 2, A.T @ G),
    "nothing handed on": lambda self, Y, G, A, B: (None, A.T @ G),
    "nothing at all": lambda self, Y, G, A, B: (None, None),
    "one term too many": lambda self, Y, G, A, B: (G @ B.T, A.T @ G + B),
}
CAUGHT = {"transpose forgotten on the left": ["W"], "half": ["X"], "nothing handed on": ["X"], "nothing at all": ["X", "W"],
          "one term too many": ["W"]}  # fmt: skip


@pytest.mark.parametrize("lie", WRONG_PRODUCTS)
def test_a_rule_that_went_wrong_after_it_was_admitted_leaves_its_lines_open(monkeypatch, lie):
    derivation = admitted_then_wrong(monkeypatch, dense, Matmul, WRONG_PRODUCTS[lie])
    assert [step.name for step in derivation.steps if step.verdict.status == "open"] == CAUGHT[lie]
    assert [step.name for step in derivation.steps if step.verdict.status == "proved"] == [
        k for k in "YXWb" if k not in CAUGHT[lie]
    ]
    verdict = derivation.prove()
    assert verdict.status == "open"
    assert not verdict.ok
    assert verdict.reason == "not shown: " + ", ".join(f"d{key}" for key in CAUGHT[lie])


def test_a_broadcast_that_forgets_to_sum_is_caught(monkeypatch):
    derivation = admitted_then_wrong(monkeypatch, dense, Broadcast, lambda self, Y, G, b: (G[0],))
    assert [step.name for step in derivation.steps if step.verdict.status != "proved"] == ["b"]


def test_a_wrong_scalar_function_is_caught(monkeypatch):
    tanh_layer.derive()
    wrong = functions.FUNCTIONS["tanh"]
    monkeypatch.setitem(
        functions.FUNCTIONS, "tanh", type(wrong)(**{**vars(wrong), "pullback": lambda Y, G, A: (G * (1 - Y),)})
    )
    derivation = tanh_layer.derive()
    assert [step.name for step in derivation.steps if step.verdict.status == "open"] == ["Z"]
    book.forget()
    with pytest.raises(Unproved, match="the rule of tanh is not proved for A"):
        tanh_layer.derive()


def test_the_lines_after_a_wrong_one_are_judged_by_themselves(monkeypatch):
    derivation = admitted_then_wrong(monkeypatch, tanh_layer, Matmul, WRONG_PRODUCTS["half"])
    assert {step.name: step.verdict.status for step in derivation.steps} == {
        "Y": "proved",
        "Z": "proved",
        "X": "open",
        "W": "proved",
        "b": "proved",
    }


def test_a_wrong_layer_is_caught_in_the_network_that_calls_it(monkeypatch):
    network.derive()
    right = sweep.Derivation.closed_forms
    monkeypatch.setattr(
        sweep.Derivation, "closed_forms", lambda self, output: {k: -v for k, v in right(self, output).items()}
    )
    derivation = network.derive()
    assert {step.name for step in derivation.steps if step.verdict.status == "proved"} == {"E"}
    book.forget()
    with pytest.raises(Unproved):
        network.derive()


def test_a_wrong_sum_of_uses_is_caught(monkeypatch):
    """Each use is right, but one is left out where they are added up."""
    monkeypatch.setattr(sweep, "simplify", lambda array: array.operands[0] if array.op.name == "add" else array)
    derivation = used_further.derive()
    assert [step.name for step in derivation.steps if step.verdict.status == "open"] == ["H", "X"]


def test_an_output_that_is_used_further_needs_its_uses(monkeypatch):
    @derive.layer
    def layer(X: "n d"):
        H = np.tanh(X)
        Y = np.exp(H)
        return Y, H

    layer.derive()
    wrong = functions.FUNCTIONS["exp"]
    monkeypatch.setitem(functions.FUNCTIONS, "exp", type(wrong)(**{**vars(wrong), "pullback": lambda Y, G, A: (None,)}))
    assert [step.name for step in layer.derive().steps if step.verdict.status == "open"] == ["H"]


@pytest.mark.parametrize("case", [case for case in LINES if case not in ("through", "both", "same_twice")])
def test_no_mutant_of_a_line_is_proved(monkeypatch, case):
    """Each line of each layer, changed in all the ways in which gradients go wrong, where it is written down."""
    layer, _ = LINES[case]
    right = layer.derive()
    for step in right.steps:
        if step.rule == sweep.UPSTREAM or step.expression is book.zero(step.expression):
            continue  # given, or written down without being simplified
        for what, mutant in list(mutants(step.expression))[:12]:
            if simplify.simplify(mutant) is step.expression or proof.is_equal(mutant, step.expression):
                continue
            with monkeypatch.context() as lie:
                lie.setattr(
                    sweep,
                    "simplify",
                    lambda array, right=step.expression, wrong=mutant: (
                        wrong if simplify.simplify(array) is right else simplify.simplify(array)
                    ),
                )
                told = layer.derive().step(step.name)
            assert told.expression is mutant
            assert told.verdict.status == "open", what


def test_a_verdict_has_no_truth_value():
    with pytest.raises(TypeError, match="a Verdict has no truth value"):
        bool(dense.derive().prove())
    with pytest.raises(TypeError, match="a Verdict has no truth value"):
        assert dense.derive().steps[0].verdict


def test_a_whole_is_as_weak_as_its_weakest_part():
    order = ["refuted", "open", "tested", "enclosed", "proved_at", "proved"]
    assert all(weakest([a, b]) == order[min(i, j)] for i, a in enumerate(order) for j, b in enumerate(order))
    assert weakest([]) == "proved"


def test_only_refuted_and_open_are_not_ok():
    told = {
        status: Verdict(status, "X", "why")
        for status in ("refuted", "open", "tested", "enclosed", "proved_at", "proved")
    }
    assert [status for status, verdict in told.items() if not verdict.ok] == ["refuted", "open"]


def test_the_verdict_as_text_and_data():
    verdict = dense.derive().prove()
    assert str(verdict) == "dense: proved, equal for every shape and every real input.\n  proof: proved, 3 of 3 lines"
    assert verdict.to_dict()["evidence"] == [
        {"name": "proof", "status": "proved", "detail": "3 of 3 lines", "numbers": {"lines": 3, "proved": 3}}
    ]
