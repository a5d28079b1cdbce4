"""The rung of enclosures: right code is enclosed, digits that are wrong are seen, and what does not run is said."""

import numpy as np
import pytest
from flint import arb
from scipy import special
from scipy.special import erf

from derive.arrays.build import constant
from derive.evidence.balls import precision
from derive.verifier import enclosure
from derive.verifier.duals import dual
from derive.verifier.pair import pair
from derive.verifier.symbols import symbol

ROWS = {"x": "n d", "gamma": "d", "beta": "d"}


def climbed(forward, backward, shapes, **more):
    return enclosure.climb(pair(forward, backward, shapes, **more), "ci")


def layer_norm(x, gamma, beta):
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    normal = (x - mean) / np.sqrt(variance + 1e-5)
    return gamma * normal + beta, (normal, gamma, variance)


def layer_norm_backward(eps):
    def backward(dy, cache):
        normal, gamma, variance = cache
        d = dy * gamma
        dx = d - d.mean(axis=-1, keepdims=True) - normal * (d * normal).mean(axis=-1, keepdims=True)
        return {"x": dx / np.sqrt(variance + eps), "gamma": (dy * normal).sum(axis=0), "beta": dy.sum(axis=0)}

    return backward


def gelu(x):
    return 0.5 * x * (1 + erf(x / np.sqrt(2)))


def gelu_backward(density):
    return lambda x, dy: dy * (0.5 * (1 + special.erf(x / np.sqrt(2))) + x * np.exp(-x * x / 2) * density())


def product_by_loops(X, W):
    Y = np.zeros((X.shape[0], W.shape[1]))
    for i in range(X.shape[0]):
        for j in range(W.shape[1]):
            Y[i, j] = np.dot(X[i], W[:, j])
    return Y


def product_by_loops_backward(X, W, dY):
    dX, dW = np.zeros_like(X), np.zeros(W.shape)
    for i in range(X.shape[0]):
        dX[i] += W @ dY[i]
        dW += np.outer(X[i], dY[i])
    return {"X": dX, "W": dW}


class Softmax:
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.s = e / e.sum(axis=1, keepdims=True)
        return self.s

    def backward(self, dy):
        return self.s * (dy - (dy * self.s).sum(axis=1, keepdims=True))


def solved(A, b):
    return np.linalg.solve(A, b)


def solved_backward(A, b, dy):
    db = np.linalg.solve(A.T, dy)
    return {"A": -np.outer(db, np.linalg.inv(A) @ b), "b": db}


softmax = Softmax()
RIGHT = [
    (layer_norm, layer_norm_backward(1e-5), ROWS),
    (gelu, gelu_backward(lambda: 1 / np.sqrt(2 * np.pi)), {"x": "n"}),
    (product_by_loops, product_by_loops_backward, {"X": "n d", "W": "d m"}),
    (softmax.forward, softmax.backward, {"x": "n d"}),
    (solved, solved_backward, {"A": "n n", "b": "n"}),
    (lambda x: np.maximum(x, 0), lambda x, dy: dy * (x > 0), {"x": "n"}),
    (lambda x: np.sum(x**3) / 3, lambda x, dy: dy * x**2, {"x": "n"}),
    (lambda x, i: x[i], lambda x, i, dy: {"x": added(x, i, dy)}, {"x": "n", "i": "m : int[0,n)"}),
]


def added(x, i, dy):
    dx = np.zeros_like(x)
    np.add.at(dx, i, dy)
    return dx


@pytest.mark.parametrize(("forward", "backward", "shapes"), RIGHT)
def test_right_code_is_enclosed(forward, backward, shapes):
    outcome = climbed(forward, backward, shapes)
    assert outcome.rung.status == "enclosed", outcome.rung


WRONG = [
    (layer_norm, layer_norm_backward(1.000001e-5), ROWS, "x"),
    (layer_norm, layer_norm_backward(1e-6), ROWS, "x"),
    (gelu, gelu_backward(lambda: 0.3989423), {"x": "n"}, "x"),
    (gelu, gelu_backward(lambda: 0.398942280401), {"x": "n"}, "x"),
    (np.sin, lambda x, dy: dy * np.cos(x) * (1 + 1e-12), {"x": "n"}, "x"),
    (np.sin, lambda x, dy: dy * np.cos(x + 1e-11), {"x": "n"}, "x"),
]


@pytest.mark.parametrize(("forward", "backward", "shapes", "name"), WRONG)
def test_wrong_digits_are_refuted(forward, backward, shapes, name):
    outcome = climbed(forward, backward, shapes)
    assert outcome.rung.status == "refuted"
    assert "disjoint" in outcome.rung.detail
    assert outcome.counterexample.name == name


def test_constants_that_are_doubles_are_told():
    outcome = climbed(gelu, gelu_backward(lambda: 0.3989422804014327), {"x": "n"})
    assert outcome.rung.status == "tested"
    assert "rounded to doubles" in outcome.rung.detail
    assert outcome.rung.numbers["worst_relative_gap"] < 1e-14


NOT_RUN = [
    (lambda x: np.array([float(v) ** 2 for v in x]), lambda x, dy: 2 * dy * x),
    (lambda x: x.astype(np.float64) ** 2, lambda x, dy: 2 * dy * x),
    (lambda x: np.linalg.eigvalsh(np.outer(x, x)), lambda x, dy: x),
    (lambda x: special.jv(0, x), lambda x, dy: -dy * special.jv(1, x)),
]


@pytest.mark.parametrize(("forward", "backward"), NOT_RUN)
def test_code_that_does_not_run_on_balls_is_skipped_never_passed(forward, backward):
    outcome = climbed(forward, backward, {"x": "n"})
    assert outcome.rung.status == "open"
    assert outcome.rung.detail.startswith("skipped")


def test_numpy_is_left_as_it_was():
    before = {name: getattr(np, name) for name in ("zeros", "exp", "asarray", "float64")}
    climbed(*RIGHT[2])
    assert all(getattr(np, name) is value for name, value in before.items())
    assert product_by_loops(np.ones((2, 2)), np.ones((2, 2))).dtype == np.float64


def test_a_large_decimal_is_no_multiple_of_pi():
    with precision(200):
        assert dual(-1e30).value == -(arb(10) ** 30)
        assert dual(0.75 * np.pi).value.overlaps(arb.pi() * 3 / 4)
    assert symbol(1e30).value.key == f"{10**30}·1"
    assert str(constant(-1e30)) == str(constant(-(10**30)))
