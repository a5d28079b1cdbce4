"""The class of a fault is told where the numbers tell it, and nothing is told where they do not."""

import numpy as np
import pytest

import derive

SHAPES = {"X": "n d", "W": "d m", "b": "m"}


def dense(X, W, b):
    return X @ W + b


def right(X, W, b, dY):
    return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}


def wrong(name, change):
    def backward(X, W, b, dY):
        gradients = right(X, W, b, dY)
        return {**gradients, name: change(gradients[name], X, W, dY)}

    return backward


FAULTS = [
    ("W", lambda g, X, W, dY: -g, "the sign is wrong"),
    ("W", lambda g, X, W, dY: 2 * g, "a factor 2 is too much"),
    ("W", lambda g, X, W, dY: g / len(X), "a factor n"),
    ("X", lambda g, X, W, dY: -g / W.shape[1], "the sign is wrong, and a factor m"),
    ("b", lambda g, X, W, dY: 1.25 * g, "the constant factor 1.25"),
    ("W", lambda g, X, W, dY: (dY.T @ X), "transposed"),
    ("b", lambda g, X, W, dY: dY, "the sum over axis 0 is missing"),
    ("b", lambda g, X, W, dY: np.where(np.isfinite(g), np.nan, g), "not finite"),
]


@pytest.mark.parametrize(("name", "change", "said"), FAULTS, ids=[said for *_, said in FAULTS])
def test_usual_faults_are_named(name, change, said):
    verdict = derive.check(dense, wrong(name, change), SHAPES)
    assert verdict.status == "refuted"
    assert verdict.counterexample.name == name
    assert said in verdict.reason, verdict.reason


def test_an_unusual_fault_has_no_name():
    verdict = derive.check(dense, wrong("W", lambda g, X, W, dY: g + 0.1 * W**2), SHAPES)
    assert verdict.status == "refuted"
    assert "factor" not in verdict.reason
    assert "sign" not in verdict.reason


def test_what_agrees_but_for_digits_is_not_said_to_be_right():
    verdict = derive.check(dense, wrong("W", lambda g, X, W, dY: g * (1 + 1e-7 * np.abs(X).max())), SHAPES)
    assert verdict.status == "refuted"
    assert "agrees to 6 digits" in verdict.reason, verdict.reason


def test_of_a_broken_contract_nothing_is_said_about_other_sizes():
    """Its values are right there, but the contract may be broken everywhere."""
    verdict = derive.check(dense, wrong("W", lambda g, X, W, dY: g.astype(np.float64)), SHAPES)
    assert verdict.status == "refuted"
    assert "has dtype float64, not float32" in verdict.reason
    assert "other sizes" not in verdict.reason
