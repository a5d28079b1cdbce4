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


def measured(layer, code, budget="ci", dtypes=("float32", "float64")):
    """The tallies of some code, by dtype."""
    program = program_of(layer.derive())
    return measure(program, {"code": by_code(code, program)}, budget, dtypes).tallies["code"]
