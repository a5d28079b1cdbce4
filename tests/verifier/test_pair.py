"""Pairs in the usual forms, and what is refused before anything runs."""

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.verifier.pair import pair

SHAPES = {"X": "n d", "W": "d m"}
X, W, DY = np.arange(6.0).reshape(3, 2), np.arange(8.0).reshape(2, 4), np.ones((3, 4))


def product(X, W):
    return X @ W


def kept(X, W):
    return X @ W, (X, W)


def of_inputs(X, W, dY):
    return {"X": dY @ W.T, "W": X.T @ dY}


def of_cache(dY, cache):
    X, W = cache
    return {"X": dY @ W.T, "W": X.T @ dY}


def in_order(X, W, dY):
    return dY @ W.T, X.T @ dY


class Dense:
    def forward(self, X, W):
        self.cache = X, W
        return X @ W

    def backward(self, dY):
        X, W = self.cache
        return dY @ W.T, X.T @ dY


layer = Dense()
FORMS = [(product, of_inputs), (kept, of_cache), (product, in_order), (layer.forward, layer.backward)]


@pytest.mark.parametrize(("forward", "backward"), FORMS)
def test_the_usual_forms(forward, backward):
    found = pair(forward, backward, SHAPES)
    y, cache = found.forward(X, W)
    np.testing.assert_array_equal(y, X @ W)
    gradients = found.backward(DY, cache)
    np.testing.assert_array_equal(gradients["X"], DY @ W.T)
    np.testing.assert_array_equal(gradients["W"], X.T @ DY)


def test_one_input_with_and_without_a_cache():
    plain = pair(np.sin, lambda x, dy: dy * np.cos(x), {"x": "n"})
    y, cache = plain.forward(X[0])
    np.testing.assert_array_equal(plain.backward(y, cache)["x"], y * np.cos(X[0]))
    held = pair(lambda x: (np.sin(x), x), lambda dy, x: dy * np.cos(x), {"x": "n"})
    y, cache = held.forward(X[0])
    np.testing.assert_array_equal(held.backward(y, cache)["x"], y * np.cos(X[0]))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((product, 3, SHAPES), "backward is int"),
        ((product, of_inputs, {}), "without an input"),
        ((product, of_inputs, {"X": "n d!"}), "n d!"),
        ((product, of_inputs, {"X": "n d", "W": "d m", "b": "m"}), "forward takes 2 arguments"),
        ((product, lambda: None, SHAPES), "backward takes 0 arguments"),
        ((product, of_inputs, {**SHAPES, "@where": ["n >"]}), "n >"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(DeriveError, match=said):
        derive.check(*arguments)


def test_an_unknown_budget():
    with pytest.raises(DeriveError, match="'quick'"):
        derive.check(product, of_inputs, SHAPES, budget="quick")
