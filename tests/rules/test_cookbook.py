"""Gradients of the Matrix Cookbook (Petersen, Pedersen, 2012), section 2: proved for every shape, wrong variants not."""

import numpy as np
import pytest

from derive.arrays.array import apply
from derive.arrays.operations import Eye
from derive.rules.proof import is_adjoint

from ..arrays.values import N, S

A, B, X, T, L, Y, P = N("A", "n n"), N("B", "n n"), N("X", "n n"), N("T", "n d"), N("L", "n n : symmetric"), N("Y", "n d"), N("P", "n n : spd")
a, b, lam, G = N("a", "n"), N("b", "n"), N("lam", " : positive"), N("G", "")
I_D = apply(Eye(S("d")))
inv, det, solve, tr, norm = np.linalg.inv, np.linalg.det, np.linalg.solve, np.trace, np.linalg.norm


def logdet(matrix):
    return np.linalg.slogdet(matrix)[1]


GRAM, RIDGE = T.T @ T, T.T @ T + lam * I_D

TABLE = {  # the variable, the value, its gradient, wrong ones
    "det(X), 49": (X, det(X), det(X) * inv(X).T, [det(X) * inv(X), inv(X).T, -det(X) * inv(X).T]),
    "det(A X B), 51": (X, det(A @ X @ B), det(A @ X @ B) * inv(X).T, [det(A @ X @ B) * inv(A @ X @ B).T, det(X) * inv(X).T]),
    "det(X' L X) square, 52": (X, det(X.T @ L @ X), 2 * det(X.T @ L @ X) * inv(X).T, [det(X.T @ L @ X) * inv(X).T]),
    "det(X' L X), L symmetric, 53": (T, det(T.T @ L @ T), 2 * det(T.T @ L @ T) * (L @ T @ inv(T.T @ L @ T)), [det(T.T @ L @ T) * (L @ T @ inv(T.T @ L @ T)), 2 * (L @ T)]),
    "log det(X'X), 55": (T, logdet(GRAM), 2 * T @ inv(GRAM), [T @ inv(GRAM), 2 * T @ GRAM]),
    "log det(X), 57": (X, logdet(X), inv(X).T, [inv(X), X.T]),
    "det(X)^3, 58": (X, det(X) ** 3, 3 * det(X) ** 3 * inv(X).T, [3 * det(X) ** 2 * inv(X).T]),
    "a' inv(X) b, 61": (X, a @ inv(X) @ b, -inv(X).T @ np.outer(a, b) @ inv(X).T, [inv(X).T @ np.outer(a, b) @ inv(X).T, -inv(X).T @ np.outer(b, a) @ inv(X).T]),
    "det(inv(X)), 62": (X, det(inv(X)), -det(inv(X)) * inv(X).T, [det(inv(X)) * inv(X).T, -det(X) * inv(X).T]),
    "tr(A inv(X) B), 63": (X, tr(A @ inv(X) @ B), -(inv(X) @ B @ A @ inv(X)).T, [-(inv(X) @ A @ B @ inv(X)).T, -(inv(X) @ B @ A @ inv(X))]),
    "tr(inv(X + A)), 64": (X, tr(inv(X + A)), -(inv(X + A) @ inv(X + A)).T, [-inv(X + A).T, (inv(X + A) @ inv(X + A)).T]),
    "a' X b, 70": (X, a @ X @ b, np.outer(a, b), [np.outer(b, a)]),
    "a' X' b, 71": (X, a @ X.T @ b, np.outer(b, a), [np.outer(a, b)]),
    "x' A x, 81": (a, a @ A @ a, A @ a + A.T @ a, [2 * A @ a, A @ a]),
    "x' L x, L symmetric": (a, a @ L @ a, 2 * L @ a, [L @ a, 2 * A @ a]),
    "tr(X A), 100": (X, tr(X @ A), A.T, [A]),
    "tr(X'X), 115": (T, tr(T.T @ T), 2 * T, [T]),
    "tr(X' L X), 108": (T, tr(T.T @ L @ T), 2 * L @ T, [L @ T]),
    "tr(inv(X) A), 124": (X, tr(solve(X, A)), -(inv(X) @ A @ inv(X)).T, [-(inv(X) @ A @ inv(X))]),
    "tr(inv(X' L X) I), 126": (T, tr(inv(T.T @ L @ T)), -2 * L @ T @ inv(T.T @ L @ T) @ inv(T.T @ L @ T), [-2 * L @ T @ inv(T.T @ L @ T), -L @ T @ inv(T.T @ L @ T) @ inv(T.T @ L @ T)]),
    "|X|_F squared, 132": (T, norm(T) ** 2, 2 * T, [T, 2 * T / norm(T)]),
    "|X|_F": (T, norm(T), T / norm(T), [T, T * norm(T), 2 * T / norm(T)]),
    "log det of a ridge": (T, logdet(RIDGE), 2 * T @ inv(RIDGE), [2 * T @ inv(GRAM), T @ inv(RIDGE)]),
    "ridge, the weight": (lam, logdet(RIDGE), tr(inv(RIDGE)), [-tr(inv(RIDGE)), tr(RIDGE)]),
    "log det(X) of a sum": (X, logdet(A + X @ B), inv(A + X @ B).T @ B.T, [inv(A + X @ B).T @ B, inv(A + X @ B).T]),
    "Gaussian, the covariance": (P, logdet(P) + a @ inv(P) @ a, inv(P) - inv(P) @ np.outer(a, a) @ inv(P), [inv(P) + inv(P) @ np.outer(a, a) @ inv(P), inv(P)]),
}  # fmt: skip


@pytest.mark.parametrize("title", TABLE)
def test_a_gradient_of_the_cookbook(title):
    variable, value, gradient, wrong = TABLE[title]
    assert is_adjoint(G * gradient, variable, [(value, G)])
    assert [w for w in wrong if is_adjoint(G * w, variable, [(value, G)])] == []
    assert not is_adjoint(gradient, variable, [(value, G)])
