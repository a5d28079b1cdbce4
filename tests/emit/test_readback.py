"""Read-back: every wrong statement that a generator might write is a failed proof."""

from __future__ import annotations

import re

import numpy as np
import pytest

import derive
from derive.emit.readback import read_back

LIES = [
    ("two_layer_network", "dS = dY * W2.T", "dS = 2 * dY * W2.T"),
    ("two_layer_network", "dZ1 = dS * (A * (1 - A))", "dZ1 = dS * (A * A)"),
    ("two_layer_network", "dW1 = X.T @ dZ1", "dW1 = -X.T @ dZ1"),
    ("two_layer_network", "db1 = dZ1.sum(axis=0)", "db1 = dZ1.mean(axis=0)"),
    ("two_layer_network", "dT = -dY", "dT = dY"),
    ("two_layer_network", "R = Y - T", "R = T - Y"),
    ("two_layer_network", "np.abs((Z1 > 0) - A)", "np.abs((Z1 < 0) - A)"),
    ("two_layer_network", "A = np.exp(-np.abs(Z1))", "A = np.exp(np.abs(Z1))"),
    ("two_layer_network", "A /= 1 + A", "A /= 2 + A"),
    ("two_layer_network", "A /= 1 + A", "A *= 1 + A"),
    ("two_layer_network", "- rate * self.dW", "+ rate * self.dW"),
    ("two_layer_network", "- rate * self.db", "- rate * self.dW.sum(axis=0)"),
    ("two_layer_network", "dW2 = self.dense2.dW", "dW2 = 2 * self.dense2.dW"),
    ("two_layer_network", '"T": dT}', '"T": -dT}'),
    ("two_layer_network", "return E, (X, W1, W2, A, S, R)", "return 2 * E, (X, W1, W2, A, S, R)"),
    ("two_layer_network", "return E, (X, W1, W2, A, S, R)", "return E, (X, W1, W2, A, 2 * S, R)"),
    ("dense", "db = dY.sum(axis=0)", "db = dY[0]"),
    ("dense", "dW = X.T @ dY", "dW = X.T @ dY * (1 + 1e-7)"),
    ("dense", 'return {"X": dX, "W": dW, "b": db}', 'return {"X": dX, "W": dW}'),
    ("sigmoid", "dX = dY * (A * (1 - A))", "dX = dY * A"),
    ("squared_error", "E = 0.5 * np.sum(R ** 2)", "E = 0.5 * np.sum(R ** 2) / R.size"),
    ("squared_error", "dY = dE * R", "dY = R"),
    ("squared_error", "dY = dE * R", "print('no gradient')"),
    ("dense", "dX = dY @ W.T", "dX = np.linalg.qr(dY @ W.T)"),
]


@pytest.mark.parametrize(("name", "statement", "lie"), LIES)
def test_a_wrong_statement_is_not_proved(name, statement, lie):
    derivation = derive.layers[name].derive()
    source = derivation.numpy()
    assert statement in source
    assert read_back(source, derivation).status == "proved"
    wrong = read_back(source.replace(statement, lie), derivation)
    assert wrong.status == "open"
    assert wrong.detail


def test_a_statement_written_otherwise_but_equal_is_proved():
    derivation = derive.layers["sigmoid"].derive()
    source = derivation.numpy().replace("dX = dY * (A * (1 - A))", "dX = dY * (A - A ** 2)")
    assert read_back(source, derivation).status == "proved"


@pytest.mark.parametrize("shape", ["n 4*k", "n h*k", "n+1 k", "3*n-1 k", "5-n k", "n k//2", "n 2*h*k"])
def test_sizes_that_are_worked_out_are_read_back(shape):
    def scaled(X, Y):
        return X.sum() / X.shape[0] * Y / X.shape[1]

    scaled.__annotations__ = {"X": shape, "Y": "k"}
    derivation = derive.layer(scaled).derive()
    source = derivation.numpy()
    assert read_back(source, derivation).status == "proved"
    if "% 4" in source:
        assert read_back(source.replace("% 4", "% 3"), derivation).status == "open"


def test_the_first_wrong_statement_is_named():
    derivation = derive.layers["dense"].derive()
    rung = read_back(derivation.numpy().replace("X.T @ dY", "2 * X.T @ dY"), derivation)
    assert rung.detail == "backward: dW = 2 * X.T @ dY, but the derivation says X.T @ dY"
    assert rung.numbers["proved"] < rung.numbers["statements"]


def test_every_line_of_the_derivation_is_among_the_statements():
    derivation = derive.layers["two_layer_network"].derive()
    source = derivation.numpy()
    for step in derivation.steps[1:]:
        head, body = source.split("def backward(", 1)
        spoiled = head + "def backward(" + re.sub(rf"(\n    {step.adjoint} = )", r"\1 3.0 * ", body, count=1)
        assert spoiled != source
        assert read_back(spoiled, derivation).status == "open", step.adjoint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    dX = dY @ W.T", "    if X.shape[0] == 1:\n        dY = dY * 2\n    dX = dY @ W.T"),
        ("    dX = dY @ W.T", "    dX = dY @ W.T if dY.dtype == np.float64 else dY @ W.T"),
        ("    dX = dY @ W.T", "    Q = dY\n    Q *= 2\n    dX = dY @ W.T"),
        ("    dX = dY @ W.T", "    try:\n        dX = dY @ W.T\n    except Exception:\n        pass"),
        ("dX = dY @ W.T", "dX = (dY @ W.T).astype(int)"),
        ("dY.sum(axis=0)", "np.add.reduce(dY, axis=0, initial=3.0)"),
        ("import numpy as np\n", "\n"),
        ("def backward(dY, cache):", "def backward(dY, cache, n=[0]):\n    n.append(1)"),
        ('return {"X": dX, "W": dW, "b": db}', 'return {"X": cache}'),
        ("    X, W = cache", "    W, X = cache"),
    ],
)
def test_what_one_run_on_symbols_would_not_tell_is_open(old, new):
    derivation = derive.layers["dense"].derive()
    source = derivation.numpy()
    assert old in source
    assert read_back(source.replace(old, new), derivation).status == "open"


@derive.layer
def dense_tanh(X: "n d", W: "d m", b: m):
    return np.tanh(X @ W + b)


@derive.layer
def called_twice(X: "n d", W1: "d d", b1: d, W2: "d d", b2: d):
    H = dense_tanh(X, W1, b1)
    Y = dense_tanh(H, W2, b2)
    return Y


def test_stable_slopes_of_what_is_called_are_read_back():
    derivation = called_twice.derive()
    assert read_back(derivation.numpy(), derivation).status == "proved"
