"""derive.check: right code is accepted, wrong code refuted with numbers, and what cannot be checked is open."""

import numpy as np
import pytest

import derive
from derive.verifier import ladder

SHAPES = {"X": "n d", "W": "d m", "b": "m"}


def rectified(X, W, b):
    return np.maximum(X @ W + b, 0)


def right(X, W, b, dY):
    M = (X @ W + b > 0) * dY
    return {"X": M @ W.T, "W": X.T @ M, "b": M.sum(axis=0)}


def mean_for_sum(X, W, b, dY):
    return {**right(X, W, b, dY), "b": ((X @ W + b > 0) * dY).mean(axis=0)}


def changes_upstream(X, W, b, dY):
    dY *= X @ W + b > 0
    return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}


def endless(X, W, b, dY):
    while True:
        pass


def leaves(X, W, b, dY):
    raise SystemExit


def test_right_code_is_accepted():
    verdict = derive.check(rectified, right, SHAPES)
    assert verdict.ok, verdict
    assert verdict.subject == "rectified"


@pytest.mark.parametrize(
    ("backward", "names"),
    [(mean_for_sum, ["b"]), (changes_upstream, ["upstream", "backward"])],  # read-only arrays tell by an exception
    ids=["mean for sum", "in place"],
)
def test_wrong_code_is_refuted(backward, names):
    verdict = derive.check(rectified, backward, SHAPES)
    assert verdict.status == "refuted"
    assert verdict.counterexample.name in names
    assert "upstream" in verdict.counterexample.snippet


def test_code_that_does_not_end_is_open(monkeypatch):
    monkeypatch.setitem(ladder.SECONDS, "ci", 1.0)
    verdict = derive.check(rectified, endless, SHAPES)
    assert verdict.status == "open"
    assert "did not end" in verdict.reason
    assert derive.check(rectified, leaves, SHAPES).status in ("open", "refuted")


def test_a_forward_that_never_runs_is_open():
    def broken(X, W, b):
        raise RuntimeError("no")

    verdict = derive.check(broken, right, SHAPES)
    assert verdict.status == "open"


def test_a_rung_that_raises_is_open(monkeypatch):
    class Rung:
        NAME = "broken"

        @staticmethod
        def climb(given, budget):
            raise ArithmeticError("inside")

    monkeypatch.setattr(ladder, "RUNGS", (Rung,))
    verdict = derive.check(rectified, right, SHAPES)
    assert verdict.status == "open"
    assert "ArithmeticError: inside" in verdict.reason


def test_code_that_warns_is_judged_by_its_results():
    """Where warnings are errors, as here, overflow in forward hides no point."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def overflows(x, dy):
        return {"x": dy * np.exp(-x) * sigmoid(x) ** 2}

    verdict = derive.check(sigmoid, overflows, {"x": "n"})
    assert verdict.status == "refuted"
    assert "not finite" in verdict.reason
