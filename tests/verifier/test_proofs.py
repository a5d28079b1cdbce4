"""The rung of proof: for every shape where code is a formula, at sizes where it loops and writes, never where it is wrong."""

import numpy as np
import pytest

from derive.verifier import proofs
from derive.verifier.pair import pair


def climbed(forward, backward, shapes):
    return proofs.climb(pair(forward, backward, shapes), "deep").rung


def layer_norm(x, gamma, beta):
    normal = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
    return gamma * normal + beta, (x, normal, gamma)


def layer_norm_backward(dy, cache, eps=1e-5):
    x, normal, gamma = cache
    d = dy * gamma
    dx = d - d.mean(axis=-1, keepdims=True) - normal * (d * normal).mean(axis=-1, keepdims=True)
    return {"x": dx / np.sqrt(x.var(axis=-1, keepdims=True) + eps), "gamma": (dy * normal).sum(axis=0), "beta": dy.sum(axis=0)}


class Softmax:
    def forward(self, x):
        e = np.exp(x - np.max(x, axis=1, keepdims=True))
        self.s = e / e.sum(axis=1, keepdims=True)
        return self.s

    def backward(self, dy):
        return self.s * (dy - (dy * self.s).sum(axis=1, keepdims=True))


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


softmax = Softmax()
EVERY_SHAPE = [
    (lambda X, W: X @ W, lambda X, W, dY: (dY @ W.T, X.T @ dY), {"X": "n d", "W": "d m"}),
    (layer_norm, layer_norm_backward, {"x": "n d", "gamma": "d", "beta": "d"}),
    (softmax.forward, softmax.backward, {"x": "n d"}),
    (lambda x: np.maximum(x, 0), lambda x, dy: dy * (x > 0), {"x": "n d"}),
    (softplus, lambda x, dy: dy / (1 + np.exp(-x)), {"x": "n"}),
]


@pytest.mark.parametrize(("forward", "backward", "shapes"), EVERY_SHAPE)
def test_formulas_are_proved_for_every_shape(forward, backward, shapes):
    rung = climbed(forward, backward, shapes)
    assert rung.status == "proved", rung


def test_where_ties_are_left_out_that_is_said():
    assert proofs.NO_TIES in climbed(*EVERY_SHAPE[4]).numbers["assumptions"]
    assert proofs.NO_TIES not in climbed(*EVERY_SHAPE[3]).numbers["assumptions"]


def by_loops(X, W):
    Y = np.zeros((X.shape[0], W.shape[1]))
    for i in range(X.shape[0]):
        for j in range(W.shape[1]):
            Y[i, j] = np.dot(X[i], W[:, j])
    return Y


def by_loops_backward(X, W, dY):
    dX, dW = np.zeros_like(X), np.zeros(W.shape)
    for i in range(X.shape[0]):
        dX[i] += W @ dY[i]
        dW += np.outer(X[i], dY[i])
    return {"X": dX, "W": dW}


def in_place(x, dy):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


def halves(x):
    y = np.empty_like(x)
    y[::2], y[1::2] = x[::2] ** 2, np.exp(x[1::2])
    return y


def halves_backward(x, dy):
    dx = np.zeros_like(x)
    dx[::2] += 2 * x[::2] * dy[::2]
    np.multiply(np.exp(x[1::2]), dy[1::2], out=dx[1::2])
    return dx


def labels(x, y):
    return np.sum(x[np.arange(len(y)), y] ** 2)


def labels_backward(x, y, dE):
    dx = np.zeros_like(x)
    dx[np.arange(len(y)), y] += 2 * dE * x[np.arange(len(y)), y]
    return {"x": dx}


def recurrent(x, h, W):
    for step in range(x.shape[0]):
        h = x[step] * (h @ W)
    return h


def recurrent_backward(x, h, W, dh):
    states = [h]
    for step in range(x.shape[0]):
        states.append(x[step] * (states[-1] @ W))
    dx, dW = np.zeros_like(x), np.zeros_like(W)
    for step in reversed(range(x.shape[0])):
        dx[step] = dh * (states[step] @ W)
        dW += np.outer(states[step], dh * x[step])
        dh = (dh * x[step]) @ W.T
    return {"x": dx, "h": dh, "W": dW}


AT_SIZES = [
    (by_loops, by_loops_backward, {"X": "n d", "W": "d m"}),
    (lambda x: np.maximum(x, 0), in_place, {"x": "n d"}),
    (halves, halves_backward, {"x": "n"}),
    (labels, labels_backward, {"x": "n c", "y": "n : int[0,c)"}),
    (recurrent, recurrent_backward, {"x": "t d", "h": "d", "W": "d d"}),
    (lambda x: x.max(axis=1), lambda x, dy: dy[:, None] * (x == x.max(axis=1, keepdims=True)), {"x": "n d"}),
]


@pytest.mark.parametrize(("forward", "backward", "shapes"), AT_SIZES)
def test_code_that_loops_or_writes_is_proved_at_sizes(forward, backward, shapes):
    rung = climbed(forward, backward, shapes)
    assert rung.status in ("proved_at", "proved"), rung


WRONG = [
    (by_loops, lambda X, W, dY: {**by_loops_backward(X, W, dY), "W": X.T @ dY + 1e-9 * W}, AT_SIZES[0][2]),
    (halves, lambda x, dy: -halves_backward(x, dy), {"x": "n"}),
    (layer_norm, lambda dy, cache: layer_norm_backward(dy, cache, 1.001e-5), EVERY_SHAPE[1][2]),
    (softplus, lambda x, dy: dy / (1 + np.exp(-x)) * (1 + 1e-15 * x), {"x": "n"}),
    (lambda x: np.maximum(x, 0), lambda x, dy: dy * (x > 1), {"x": "n d"}),
    (lambda x: np.maximum(x, 0), lambda x, dy: dy * np.where(x < -1, 1e-3, x > 0), {"x": "n d"}),
    (labels, lambda x, y, dE: {"x": labels_backward(x, y, dE)["x"] * (1 if y[0] else 2)}, AT_SIZES[3][2]),
    (recurrent, lambda x, h, W, dh: {**recurrent_backward(x, h, W, dh), "h": dh}, AT_SIZES[4][2]),
    (lambda X, W: X @ W, lambda X, W, dY: (dY @ W.T, X.T @ dY * X.shape[0]), EVERY_SHAPE[0][2]),
]


@pytest.mark.parametrize(("forward", "backward", "shapes"), WRONG)
def test_wrong_code_is_never_proved(forward, backward, shapes):
    assert climbed(forward, backward, shapes).status == "open"


NOT_READ = [
    (np.sort, lambda x, dy: dy[np.argsort(np.argsort(x))]),
    (lambda x: np.array([float(v) for v in x]), lambda x, dy: dy),
    (lambda x: x if x[0] > 0 else -x, lambda x, dy: dy if x[0] > 0 else -dy),
]


@pytest.mark.parametrize(("forward", "backward"), NOT_READ)
def test_code_that_is_not_read_is_open_and_says_why(forward, backward):
    rung = climbed(forward, backward, {"x": "n"})
    assert rung.status == "open"
    assert rung.detail
