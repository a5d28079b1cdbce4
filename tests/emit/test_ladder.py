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
    assert mean_square.derive().prove().assumptions == ("d > 0", "n > 0")


def test_a_function_that_asks_what_it_was_given_is_refuted():
    import numpy as np

    @derive.layer
    def sly(X: "n d"):
        return X * (2 if isinstance(X, np.ndarray) else 1)

    verdict = sly.verify()
    assert verdict.status == "refuted"
    assert verdict.reason == "sly on arrays gives another result than its formula"


def test_the_minus_1_of_a_shape_without_entries_is_no_fault():
    @derive.layer
    def centred(x: "n 2*c h"):
        z = x.reshape(x.shape[0], 2, -1)
        return (z - z.mean(axis=2, keepdims=True)).reshape(x.shape)

    verdict = centred.verify()
    assert verdict.status == "proved", verdict
    assert "as written" in [rung.name for rung in verdict.evidence]


def test_operands_that_do_not_fit_do_not_conform():
    from derive.arrays.array import apply
    from derive.arrays.named import name
    from derive.arrays.operations import Einsum, Elementwise, Matmul
    from derive.arrays.shapes import declare
    from derive.emit.ladder import conforms

    X, W = name("X", declare("n d").shape), name("W", declare("d m").shape)
    assert conforms(apply(Matmul(), X, W))
    assert conforms(apply(Elementwise("add"), X, X))
    assert not conforms(apply(Matmul(), W, X))
    assert not conforms(apply(Elementwise("add"), X, W))
    assert not conforms(apply(Einsum(("ij", "ij"), "i"), X, W))


def test_an_equation_that_does_not_conform_is_named(monkeypatch):
    monkeypatch.setattr("derive.emit.ladder.conforms", lambda node: node.op.name != "matmul")
    verdict = derive.layers["dense"].verify()
    assert verdict.status == "open"
    assert verdict.reason == "shapes: 0 of 1 equations conform for every size; not Y"
