"""A hand-written module with the interface of the generated one, so that the demo is tested by itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from derive.demo.control import control
from derive.demo.data import digits, plane
from derive.demo.training import RECIPES, fit


class Dense:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, delta):
        self.dW, self.db = self.X.T @ delta, delta.sum(axis=0)
        return delta @ self.W.T

    def step(self, rate):
        self.W, self.b = self.W - rate * self.dW, self.b - rate * self.db


class Sigmoid:
    def forward(self, Z):
        self.S = 1.0 / (1.0 + np.exp(-Z))
        return self.S

    def backward(self, delta):
        return self.S * (1.0 - self.S) * delta

    def step(self, rate):
        pass


class SquaredError:
    def forward(self, Y, T):
        self.R = Y - T
        return 0.5 * np.sum(self.R**2)

    def backward(self, delta=1.0):
        return delta * self.R

    def step(self, rate):
        pass


class Network:
    dense, activation, loss = Dense, Sigmoid, SquaredError

    def __init__(self, W1, b1, W2, b2):
        self.dense1, self.dense2 = self.dense(W1, b1), self.dense(W2, b2)
        self.sigmoid, self.squared_error = self.activation(), self.loss()

    def forward(self, X, T):
        Z1 = self.dense1.forward(X)
        return self.squared_error.forward(self.dense2.forward(self.sigmoid.forward(Z1)), T)

    def backward(self):
        delta = self.dense2.backward(self.squared_error.backward())
        self.dense1.backward(self.sigmoid.backward(delta))

    def step(self, rate):
        self.dense1.step(rate)
        self.dense2.step(rate)


class AscendingLoss(SquaredError):
    def backward(self, delta=1.0):
        return -super().backward(delta)


class AscendingSigmoid(Sigmoid):
    def backward(self, delta):
        return -super().backward(delta)


class DeadSigmoid(Sigmoid):
    def backward(self, delta):
        return np.zeros_like(delta)


LIES = {
    "the sign of the loss's delta": type("Lie", (Network,), {"loss": AscendingLoss}),
    "the sign of sigmoid's delta": type("Lie", (Network,), {"activation": AscendingSigmoid}),
    "sigmoid passes nothing up": type("Lie", (Network,), {"activation": DeadSigmoid}),
}


@pytest.fixture(scope="session")
def module():
    return SimpleNamespace(Network=Network)


@pytest.fixture(params=LIES)
def lying_module(request):
    return SimpleNamespace(Network=LIES[request.param])


@pytest.fixture(scope="session")
def runs(module):
    return {data.name: fit(module, data, RECIPES[data.name]) for data in (plane(), digits())}


@pytest.fixture(scope="session")
def controls(runs):
    return {name: control(run) for name, run in runs.items()}
