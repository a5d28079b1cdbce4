"""The ladder: a verdict is no better than its weakest rung, and a refutation shows itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

import derive
from derive import DeriveError
from derive.derivation.sweep import Derivation


def with_code(monkeypatch, old, new):
    right = Derivation.numpy

    def wrong(self):
        text = right(self)
        assert old in text
        return text.replace(old, new)

    monkeypatch.setattr(Derivation, "numpy", wrong)


def test_wrong_code_is_refuted_with_a_counterexample_that_runs(monkeypatch):
    with_code(monkeypatch, "dW = X.T @ dY", "dW = 2 * X.T @ dY")
    verdict = derive.layers["dense"].verify()
    assert verdict.status == "refuted"
    assert verdict.counterexample.name == "W"
    done = subprocess.run(
        [sys.executable, "-c", verdict.counterexample.snippet], capture_output=True, text=True, check=True
    )
    assert "got" in done.stdout
    assert "expected" in done.stdout


def test_code_that_differences_accept_but_the_proof_does_not_is_open(monkeypatch):
    with_code(monkeypatch, "dW = X.T @ dY", "dW = X.T @ dY + 1e-40")
    verdict = derive.layers["dense"].verify()
    assert verdict.status == "open"
    assert "read-back" in verdict.reason


def test_an_unknown_budget_is_refused():
    with pytest.raises(DeriveError, match="budget 'huge'; one of ci, deep was wanted"):
        derive.layers["dense"].verify(budget="huge")


def test_sizes_that_are_divided_by_are_not_taken_as_0():
    from derive.emit.ladder import divisors

    @derive.layer
    def mean_square(X: "n d"):
        return (X**2).mean()

    assert divisors(mean_square) == {"n", "d"}
    assert mean_square.verify().status == "proved"
    assert mean_square.derive().prove().assumptions == ("d*n > 0",)
