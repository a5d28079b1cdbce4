"""NumPy functions that are several operations, in layers: proved for every shape, and the code withstands the attack."""

import numpy as np
import pytest

import derive


def clip(X: "n d"):
    return np.clip(X, -1, 1)


def roll(X: "n d"):
    return np.roll(X, 1, axis=0) * X


def cumsum(X: "n d"):
    return np.cumsum(X, axis=1)


def kron(X: "n m", Y: "p q"):
    return np.kron(X, Y)


def diag(x: "n", A: "n n"):
    return np.diag(x) @ A + np.diag(np.diag(A))


def tile(X: "n d"):
    return np.tile(X, (2, 3))


def repeat(X: "n d"):
    return np.repeat(X, 2, axis=1)


def first(X: "n d"):
    return X[0] * 2


def corner(X: "n n"):
    return X[-1, 0]


GRADIENTS = {
    clip: "dY * (np.maximum(X, -1) < 1) * (X > -1)",
    roll: "np.concatenate(((dY * X)[1:], (dY * X)[:1]), axis=0) + dY * np.concatenate((X[n - 1:], X[:-1]), axis=0)",
    cumsum: "dY @ np.where(np.arange(d)[:, None] >= np.arange(d), 1, 0)",
    kron: 'np.einsum("aibj,ij->ab", dZ.reshape(n, p, m, q), Y)',
    diag: "(dY @ A.T * np.eye(n)).sum(axis=0)",
    tile: "dY.reshape(2, n, 3, d).sum(axis=(0, 2))",
    repeat: "dY.reshape(n, d, 2).sum(axis=2)",
    first: "2 * np.pad(dY.reshape(1, d), ((0, n - 1), (0, 0)))",
    corner: "np.pad(np.reshape(dE, (1, 1)), ((n - 1, 0), (0, n - 1)))",
}


@pytest.mark.parametrize("function", GRADIENTS, ids=lambda f: f.__name__)
def test_the_gradient_is_proved_for_every_shape_and_withstands_the_attack(function):
    layer = derive.layer(function)
    gradients = layer.derive().gradients
    assert str(next(iter(gradients.values()))) == GRADIENTS[function]
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_an_entry_is_picked_only_where_there_is_one():
    assert derive.layer(first).derive().prove().assumptions == ("n > 0",)
