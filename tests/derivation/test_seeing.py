"""Stable forms as people write them, with names for their parts: the gradient is that of the function, not of the form."""

import numpy as np
import pytest

import derive


@derive.layer
def in_steps(X: "n d"):
    Z = X - X.max(axis=1, keepdims=True)
    E = np.exp(Z)
    S = E / np.sum(E, axis=1, keepdims=True)
    return S


@derive.layer
def shift_named(X: "n d"):
    top = np.max(X, axis=1, keepdims=True)
    Z = X - top
    S = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    return S


@derive.layer
def logarithm(X: "n d"):
    Z = X - X.max(axis=1, keepdims=True)
    S = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    return S


@derive.layer
def log_sum(X: "n d"):
    top = X.max(axis=1, keepdims=True)
    S = np.log(np.exp(X - top).sum(axis=1)) + top[:, 0]
    return S


@derive.layer
def after_dense(X: "n d", W: "d c", b: "c"):
    Z = X @ W + b
    Z = Z - Z.max(axis=1, keepdims=True)
    E = np.exp(Z)
    S = E / E.sum(axis=1, keepdims=True)
    return S


SOFTMAX = "S * (dS - (dS * S).sum(axis=1, keepdims=True))"


@pytest.mark.parametrize(
    ("layer", "name", "gradient"),
    [
        (in_steps, "X", SOFTMAX),
        (shift_named, "X", SOFTMAX),
        (logarithm, "X", "dS - np.exp(S) * dS.sum(axis=1, keepdims=True)"),
        (log_sum, "X", "dS[:, None] * (np.exp(X) / np.exp(X).sum(axis=1, keepdims=True))"),
        (after_dense, "b", "dZ.sum(axis=0)"),
    ],
    ids=lambda given: getattr(given, "name", None),
)
def test_a_shift_by_the_maximum_is_seen_through(layer, name, gradient):
    derivation = layer.derive()
    assert str(derivation.gradients[name]) == gradient
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    assert not any("largest" in told for told in verdict.assumptions)


def test_what_is_no_shift_of_rows_is_not_seen_through():
    @derive.layer
    def columns(X: "n d"):
        Z = X - X.max(axis=0, keepdims=True)
        S = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
        return S

    assert "X has one largest entry along axis 0" in columns.derive().prove().assumptions
    assert [e.name for e in columns.equations] == ["Z", "S"]


@derive.layer
def cancels(X: "n d", c: "n"):
    Z = np.log(c)[:, None]
    S = X + Z - Z
    return S


def test_a_name_that_cancels_leaves_its_conditions():
    assert cancels.derive().prove().assumptions == ("c > 0",)


def test_an_input_that_cancels_has_the_gradient_0():
    verdict = cancels.verify()
    assert verdict.status == "proved", str(verdict)
    _, cache = cancels.derive().compile().forward(np.ones((2, 3)), np.ones(2))
    np.testing.assert_array_equal(cancels.derive().compile().backward(np.ones((2, 3)), cache)["c"], [0, 0])
