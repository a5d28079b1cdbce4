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


def flat(x, w, b):
    return x.reshape(len(x), -1) @ w + b


def of_flat(x, w, b, dY):
    return {"x": (dY @ w.T).reshape(x.shape), "w": x.reshape(len(x), -1).T @ dY, "b": dY.sum(axis=0)}


NAMED_TWICE = {"x": "b c w", "w": "c*w m", "b": "m", "@where": ["w >= b - 2"]}


def test_a_size_may_have_the_name_of_an_array():
    found = pair(flat, of_flat, NAMED_TWICE, convention="w: b/b")
    assert [str(size) for size in found.inputs["x"].shape] == ["b_", "c", "w_"]
    assert found.where == ("w_ >= b_ - 2",)
    assert found.scales["w"].text == "b_/b_"
    verdict = derive.check(flat, of_flat, NAMED_TWICE)
    assert verdict.status == "proved"
    assert [rung.status for rung in verdict.evidence] == ["tested", "enclosed", "tested", "proved"]


def test_a_bug_is_found_where_a_size_has_the_name_of_an_array():
    wrong = derive.check(flat, lambda *a: {**of_flat(*a), "b": a[-1].mean(axis=0)}, NAMED_TWICE)
    assert wrong.status == "refuted"
    assert "a factor b_ is missing" in wrong.reason
