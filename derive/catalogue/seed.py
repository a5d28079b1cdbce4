"""The seed network and its layers."""

from __future__ import annotations

import numpy as np

from derive.derivation.reader import layer


def _dense(X: "n d", W: "d m", b: "m"):
    Y = X @ W + b
    return Y


dense = layer(_dense, parameters=("W", "b"), title="dense")


def _sigmoid(X: "n d"):
    from derive.arrays.build import elementwise

    Y = elementwise("sigmoid", X)
    return Y


sigmoid = layer(_sigmoid, title="sigmoid")


def _squared_error(Y: "n k", T: "n k"):
    return np.sum((Y - T) ** 2) / 2


squared_error = layer(_squared_error, title="squared_error")


def _two_layer_network(X: "n d", W1: "d h", b1: "h", W2: "h 1", b2: "1", T: "n 1"):
    Z1 = dense(X, W1, b1)
    S = sigmoid(Z1)
    Y = dense(S, W2, b2)
    E = squared_error(Y, T)
    return E


two_layer_network = layer(_two_layer_network, title="two_layer_network")
