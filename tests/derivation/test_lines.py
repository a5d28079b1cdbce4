"""Derivations line by line, exactly as text; every line proved."""

import numpy as np
import pytest

import derive
from derive.arrays.build import elementwise
from derive.errors import DeriveError


@derive.layer
def dense(X: "n d", W: "d m", b: "m"):
    Y = X @ W + b
    return Y


@derive.layer
def sigmoid(X: "n d"):
    S = elementwise("sigmoid", X)
    return S


@derive.layer
def squared_error(Y: "n k", T: "n k"):
    return np.sum((Y - T) ** 2) / 2


@derive.layer
def network(X: "n d", W1: "d h", b1: "h", W2: "h 1", b2: "1", T: "n 1"):
    Z1 = dense(X, W1, b1)
    S = sigmoid(Z1)
    Y = dense(S, W2, b2)
    E = squared_error(Y, T)
    return E


@derive.layer
def tanh_layer(X: "n d", W: "d m", b: "m"):
    return np.tanh(X @ W + b)


@derive.layer
def residual(X: "n d", W: "d d", b: "d"):
    Y = X + tanh_layer(X, W, b)
    return Y


@derive.layer
def two_heads(X: "n d", W: "d h", A: "h k", B: "h m"):
    H = np.tanh(X @ W)
    P = H @ A
    Q = H @ B
    return P, Q


@derive.layer
def used_further(X: "n d", W: "d d"):
    H = np.tanh(X @ W)
    Y = H * X
    return Y, H


@derive.layer
def tied(X: "n d", W: "d d", b: "d"):
    H = dense(X, W, b)
    Y = dense(H, W, b)
    return Y


@derive.layer
def shared_input(X: "n d", W: "d m", V: "d m", b: "m", c: "m"):
    P = dense(X, W, b)
    Q = dense(X, V, c)
    Y = P * Q
    return Y


@derive.layer
def through(X: "n d"):
    return X


@derive.layer
def both(X: "n d", W: "d m"):
    Y = X @ W
    return X, Y


@derive.layer
def masked(X: "n d"):
    mask = X > 0
    Y = np.where(mask, X, 0)
    return Y


@derive.layer
def by_condition_only(X: "n d", A: "n d"):
    return np.where(X > 0, A, -A)


@derive.layer
def scalars(a: "", b: ""):
    return a * b + a


@derive.layer
def softmax(X: "n d"):
    A = np.exp(X)
    Y = A / A.sum(axis=1, keepdims=True)
    return Y


@derive.layer
def squares(X: "n d"):
    A = X**2
    Y = A / A.sum(axis=1, keepdims=True)
    return Y


@derive.layer
def same_twice(X: "n d"):
    Y = np.tanh(X)
    return Y, Y


@derive.layer
def calls_two_outputs(X: "n d", W: "d d"):
    Y, H = used_further(X, W)
    Z = Y + 2 * H
    return Z


LINES = {
    "dense": (dense, ["dY = dY", "dX = dY @ W.T", "dW = X.T @ dY", "db = dY.sum(axis=0)"]),
    "sigmoid": (sigmoid, ["dS = dS", "dX = dS * S * (1 - S)"]),
    "squared_error": (squared_error, ["dE = dE", "dY = dE * (Y - T)", "dT = -dE * (Y - T)"]),
    "network": (network, [
        "dE = dE", "dT = -dE * (Y - T)", "dY = dE * (Y - T)", "dW2 = S.T @ dY", "db2 = dY.sum(axis=0)", "dS = dY @ W2.T",
        "dZ1 = dS * S * (1 - S)", "dX = dZ1 @ W1.T", "dW1 = X.T @ dZ1", "db1 = dZ1.sum(axis=0)"]),
    "tanh_layer": (tanh_layer, ["dY = dY", "dZ = dY * (1 - Y ** 2)", "dX = dZ @ W.T", "dW = X.T @ dZ", "db = dZ.sum(axis=0)"]),
    "residual": (residual, [
        "dY = dY", "dY1 = dY", "dZ = dY1 * (1 - Y1 ** 2)", "dX = dY + dZ @ W.T", "dW = X.T @ dZ", "db = dZ.sum(axis=0)"]),
    "two_heads": (two_heads, [
        "dQ = dQ", "dB = H.T @ dQ", "dP = dP", "dA = H.T @ dP", "dH = dQ @ B.T + dP @ A.T", "dZ = dH * (1 - H ** 2)", "dX = dZ @ W.T",
        "dW = X.T @ dZ"]),
    "used_further": (used_further, ["dY = dY", "dH = dY * X + dH_out", "dZ = dH * (1 - H ** 2)", "dX = dY * H + dZ @ W.T", "dW = X.T @ dZ"]),
    "tied": (tied, ["dY = dY", "dH = dY @ W.T", "dX = dH @ W.T", "dW = H.T @ dY + X.T @ dH", "db = dY.sum(axis=0) + dH.sum(axis=0)"]),
    "shared_input": (shared_input, [
        "dY = dY", "dQ = dY * P", "dV = X.T @ dQ", "dc = dQ.sum(axis=0)", "dP = dY * Q", "dX = dQ @ V.T + dP @ W.T", "dW = X.T @ dP",
        "db = dP.sum(axis=0)"]),
    "through": (through, ["dY = dY", "dX = dY"]),
    "both": (both, ["dZ = dZ", "dY = dY", "dX = dZ + dY @ W.T", "dW = X.T @ dY"]),
    "masked": (masked, ["dY = dY", "dX = dY * mask"]),
    "by_condition_only": (by_condition_only, ["dY = dY", "dX = np.full((n, d), 0)", "dA = dY * (X > 0) - dY * (X <= 0)"]),
    "scalars": (scalars, ["dE = dE", "da = dE + dE * b", "db = dE * a"]),
    "softmax": (softmax, ["dY = dY", "dX = Y * (dY - (dY * Y).sum(axis=1, keepdims=True))"]),
    "squares": (squares, [
        "dY = dY", "dA = dY / A.sum(axis=1, keepdims=True) - (dY * Y / A.sum(axis=1, keepdims=True)).sum(axis=1, keepdims=True)", "dX = 2 * (dA * X)"]),
    "same_twice": (same_twice, ["dZ = dZ", "dY = dZ + dY_out", "dX = dY * (1 - Y ** 2)"]),
    "calls_two_outputs": (calls_two_outputs, []),
}  # fmt: skip


@pytest.mark.parametrize("case", [case for case in LINES if LINES[case][1]])
def test_the_lines_read_as_a_person_would_write_them(case):
    layer, lines = LINES[case]
    assert [str(step) for step in layer.derive().steps] == lines


@pytest.mark.parametrize("case", LINES)
def test_every_line_is_proved(case):
    derivation = LINES[case][0].derive()
    assert [step.verdict.status for step in derivation.steps] == ["proved"] * len(derivation.steps)
    assert derivation.prove().status == "proved"
    assert derivation.prove().ok


@pytest.mark.parametrize("case", LINES)
def test_gradients_have_the_shapes_of_the_inputs(case):
    layer, _ = LINES[case]
    gradients = layer.derive().gradients
    assert list(gradients) == list(layer.wrt)
    assert all(gradients[key].shape == layer.named(key).shape for key in gradients)


EQUATIONS = {
    "dense": "dense(X: (n, d), W: (d, m), b: (m,))\n  Y = X @ W + b",
    "sigmoid": "sigmoid(X: (n, d))\n  S = sigmoid(X)",
    "squared_error": "squared_error(Y: (n, k), T: (n, k))\n  E = 0.5 * np.sum((Y - T) ** 2)",
    "network": "network(X: (n, d), W1: (d, h), b1: (h,), W2: (h, 1), b2: (1,), T: (n, 1))\n  Z1 = dense(X, W1, b1)\n  S = sigmoid(Z1)\n"
               "  Y = dense(S, W2, b2)\n  E = squared_error(Y, T)",
    "tanh_layer": "tanh_layer(X: (n, d), W: (d, m), b: (m,))\n  Z = X @ W + b\n  Y = np.tanh(Z)",
    "residual": "residual(X: (n, d), W: (d, d), b: (d,))\n  Z = X @ W + b\n  Y1 = np.tanh(Z)\n  Y = X + Y1",
    "both": "both(X: (n, d), W: (d, m))\n  Y = X @ W\n  Z = X",
    "masked": "masked(X: (n, d))\n  mask = X > 0\n  Y = np.where(mask, X, 0)",
    "same_twice": "same_twice(X: (n, d))\n  Y = np.tanh(X)\n  Z = Y",
}  # fmt: skip


@pytest.mark.parametrize("case", EQUATIONS)
def test_the_equations(case):
    assert str(LINES[case][0]) == EQUATIONS[case]


REASONS = {
    ("dense", "Y"): ("upstream", "given: the upstream gradient, dE/dY"),
    ("dense", "W"): ("matmul", "Y = X @ W + b"),
    ("dense", "b"): ("broadcast", "Y = X @ W + b"),
    ("sigmoid", "X"): ("sigmoid", "S = sigmoid(X)"),
    ("squared_error", "E"): ("upstream", "given: 1 if this is the loss itself"),
    ("network", "W1"): ("dense", "Z1 = dense(X, W1, b1)"),
    ("network", "S"): ("dense", "Y = dense(S, W2, b2)"),
    ("tied", "W"): ("dense", "Y = dense(H, W, b); H = dense(X, W, b)"),
    ("by_condition_only", "X"): ("where, greater", "Y = np.where(X > 0, A, -A)"),
}


@pytest.mark.parametrize(("case", "label"), REASONS)
def test_a_line_has_its_rule_and_its_reason(case, label):
    step = LINES[case][0].derive().step(label)
    assert (step.rule, step.reason) == REASONS[case, label]


def test_a_line_has_its_source():
    assert dense.derive().step("W").source == "Giles 2008, 2.2.2"


ASSUMED = {
    "dense": (), "sigmoid": (), "network": (), "masked": ("X ≠ 0",), "by_condition_only": ("X ≠ 0",), "softmax": ("d > 0",), "squares": ("A.sum(axis=1) ≠ 0",),
}  # fmt: skip


@pytest.mark.parametrize("case", ASSUMED)
def test_the_verdict_says_what_it_assumes(case):
    assert LINES[case][0].derive().prove().assumptions == ASSUMED[case]


def test_a_slice_assumes_that_it_lies_inside():
    @derive.layer
    def cut(X: "n d"):
        return X[2:, :3]

    assert cut.derive().prove().assumptions == ("n ≥ 2", "d ≥ 3")


def test_gradients_with_respect_to_some_inputs_only():
    derivation = dense.derive(wrt=["W"])
    assert [str(step) for step in derivation.steps] == ["dY = dY", "dW = X.T @ dY"]
    assert list(dense.derive(wrt="b").gradients) == ["b"]
    assert [step.adjoint for step in network.derive(wrt=["W2"]).steps] == ["dE", "dY", "dW2"]
    assert list(network.derive(wrt=("b2", "X")).gradients) == ["b2", "X"]


def test_the_table_as_text():
    assert str(sigmoid.derive()) == "dS = dS\ndX = dS * S * (1 - S)"


def test_latex_of_the_gradients():
    gradients = dense.derive().gradients
    assert [gradients[key]._repr_latex_() for key in "XWb"] == [
        r"$\displaystyle \mathrm{d}Y \, W^{\top}$",
        r"$\displaystyle X^{\top} \, \mathrm{d}Y$",
        r"$\displaystyle \mathbf{1}^{\top} \, \mathrm{d}Y$",
    ]


def test_a_line_that_is_not_there():
    with pytest.raises(DeriveError) as error:
        dense.derive(wrt=["W"]).step("X")
    assert error.value.got == "dense: no adjoint of 'X'"
    assert error.value.wanted == "one of Y, W"


@derive.layer
def tanh_step(X: "n d", W: "d d"):
    Y = np.tanh(X @ W)
    return Y


def deep(depth):
    def chain(X: "n d", W: "d d"):
        for _ in range(depth):
            X = tanh_step(X, W)
        return X

    return derive.layer(chain)


def deep_inline(depth):
    def chain(X: "n d", W: "d d"):
        for _ in range(depth):
            X = np.tanh(X @ W)
        return X

    return derive.layer(chain)


@pytest.mark.parametrize("made", [deep, deep_inline])
def test_the_number_of_lines_is_linear_in_the_depth(made):
    counts = {depth: len(made(depth).derive().steps) for depth in (2, 4, 8, 16, 32, 64)}
    slope = (counts[4] - counts[2]) // 2
    assert counts == {depth: counts[2] + slope * (depth - 2) for depth in counts}


@pytest.mark.parametrize("made", [deep, deep_inline])
def test_lines_do_not_grow_with_the_depth(made):
    """All but the line of the shared weights, which has a term a layer."""
    longest = {
        depth: max(len(str(step)) for step in made(depth).derive().steps if step.name != "W") for depth in (4, 64)
    }
    assert longest[64] <= longest[4] + 8  # names with two figures


def test_a_deep_network_is_proved():
    assert deep(32).derive().prove().status == "proved"
