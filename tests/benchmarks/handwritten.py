"""The two-layer network as a good practitioner writes it in NumPy: what the generated code is measured against.

The same formulas, the same stable sigmoid, new arrays for the new parameters, no checks of shapes.
"""

from __future__ import annotations

import numpy as np


def sigmoid(x):
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))


# ---- functions, with the gradients of the parameters only


def forward(X, W1, b1, W2, b2, T):
    S = sigmoid(X @ W1 + b1)
    R = S @ W2 + b2 - T
    return 0.5 * np.sum(R**2), (X, W2, S, R)


def backward(cache):
    X, W2, S, R = cache
    dZ1 = R @ W2.T * S * (1 - S)
    return {"W1": X.T @ dZ1, "b1": dZ1.sum(axis=0), "W2": S.T @ R, "b2": R.sum(axis=0)}


def tuned_forward(X, W1, b1, W2, b2, T):
    """In place wherever an array of its own is at hand."""
    Z = X @ W1
    Z += b1
    e = np.abs(Z)
    np.negative(e, out=e)
    np.exp(e, out=e)
    S = np.minimum(Z, 0, out=Z)
    np.exp(S, out=S)
    e += 1
    S /= e
    R = S @ W2
    R += b2
    R -= T
    return 0.5 * np.vdot(R, R), (X, W2, S, R)


def tuned_backward(cache):
    X, W2, S, R = cache
    dZ1 = R @ W2.T
    dZ1 *= S
    dZ1 *= 1 - S
    return {"W1": X.T @ dZ1, "b1": dZ1.sum(axis=0), "W2": S.T @ R, "b2": R.sum(axis=0)}


# ---- layer objects, each passing its delta up


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, delta):
        self.dW = self.X.T @ delta
        self.db = delta.sum(axis=0)
        return delta @ self.W.T

    def step(self, rate):
        self.W = self.W - rate * self.dW
        self.b = self.b - rate * self.db


class Sigmoid:
    def forward(self, X):
        self.S = sigmoid(X)
        return self.S

    def backward(self, delta):
        return delta * self.S * (1 - self.S)


class SquaredError:
    def forward(self, Y, T):
        self.R = Y - T
        return 0.5 * np.sum(self.R**2)

    def backward(self):
        return self.R


class Network:
    def __init__(self, W1, b1, W2, b2):
        self.layers = [Dense(W1, b1), Sigmoid(), Dense(W2, b2)]
        self.loss = SquaredError()

    def forward(self, X, T):
        for layer in self.layers:
            X = layer.forward(X)
        return self.loss.forward(X, T)

    def backward(self):
        delta = self.loss.backward()
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        return delta

    def step(self, rate):
        self.layers[0].step(rate)
        self.layers[2].step(rate)
