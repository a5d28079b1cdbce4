"""Layers to measure, and their code."""

from __future__ import annotations

import numpy as np

import derive
from derive.emit.accuracy import program_of
from derive.evidence.accuracy import by_code, measure


@derive.layer
def softmax(X: "n d"):
    E = np.exp(X)
    return E / E.sum(axis=1, keepdims=True)


@derive.layer
def norm(X: "n d"):
    return np.sqrt((X * X).sum(axis=1))


@derive.layer
def layer_norm(X: "n d", w: d):
    R = X - X.mean(axis=1, keepdims=True)
    return R / np.sqrt((R**2).mean(axis=1, keepdims=True) + 1e-5) * w


@derive.layer
def product(X: "n d", W: "n d"):
    return X * W


@derive.layer
def scaled(X: "n d"):
    return X / (np.abs(X) + 1e-5)


@derive.layer
def cross_entropy(X: "n c", t: "n : int[0,c)"):
    picked = np.take_along_axis(X, t[:, None], axis=1)[:, 0]
    return (np.log(np.exp(X).sum(axis=1)) - picked).mean()


@derive.layer
def inverse(A: "n n"):
    return np.linalg.inv(A)


@derive.layer
def log_of_det(A: "n n : spd"):
    return np.log(np.linalg.det(A))


@derive.layer
def logdet(A: "n n : spd"):
    return np.linalg.slogdet(A)[1]


class Softmax:
    """Softmax as it should be: shifted by the maximum, the upstream gradient by its value there."""

    def forward(X):
        E = np.exp(X - X.max(axis=1, keepdims=True))
        s = E.sum(axis=1, keepdims=True)
        return E / s, (E / s, X.argmax(axis=1))

    def backward(dY, cache):
        Y, top = cache
        G = dY - np.take_along_axis(dY, top[:, None], axis=1)
        return {"X": Y * (G - (G * Y).sum(axis=1, keepdims=True))}


class CrossEntropy:
    """Cross-entropy as it should be: the label's entry is what the others leave, 1 is left out of the sum."""

    def forward(X, t):
        Z = X - X.max(axis=1, keepdims=True)
        E = np.exp(Z)
        others = E.copy()
        np.put_along_axis(others, X.argmax(axis=1)[:, None], 0, axis=1)
        picked = np.take_along_axis(Z, t[:, None], axis=1)
        total = np.log1p(others.sum(axis=1, keepdims=True))
        return (total - picked).mean(), (E / E.sum(axis=1, keepdims=True), t)

    def backward(dE, cache):
        P, t = cache
        rows = np.arange(len(P))
        D = P.copy()
        D[rows, t] = 0
        D[rows, t] = -D.sum(axis=1)
        return {"X": D * (dE / len(P))}


class LayerNorm:
    """Layer norm as it should be: centred twice, scaled so that squares do not overflow."""

    centred = 2

    @classmethod
    def forward(cls, X, w):
        R = X
        for _ in range(cls.centred):
            R = R - R.mean(axis=1, keepdims=True)
        m = np.abs(R).max(axis=1, keepdims=True)
        m = np.where(m == 0, X.dtype.type(1), m)
        R = R / m
        r = 1 / np.sqrt((R * R).mean(axis=1, keepdims=True) + X.dtype.type(1e-5) / m / m)
        return R * r * w, (R * r, r / m, w)

    def backward(dY, cache):
        A, r, w = cache
        G = dY * w
        D = G - G.mean(axis=1, keepdims=True) - A * (G * A).mean(axis=1, keepdims=True)
        return {"X": D * r, "w": (dY * A).sum(axis=0)}


def measured(layer, code, budget="ci", dtypes=("float32", "float64")):
    """The tallies of some code, by dtype."""
    program = program_of(layer.derive())
    return measure(program, {"code": by_code(code, program)}, budget, dtypes).tallies["code"]
