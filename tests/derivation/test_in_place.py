"""Functions that make arrays from sizes and change them in place are read too, for every shape."""

import numpy as np
import pytest

import derive


def relu(X: "n d"):
    Y = X.copy()
    Y[Y < 0] = 0
    return Y


def first_column_off(X: "n d"):
    Y = X * 2
    Y[:, 0] = 0
    return Y


def padded(X: "n d"):
    Y = np.zeros((X.shape[0] + 2, X.shape[1]))
    Y[1:-1] = X
    return Y


def shifted(X: "n d"):
    X = X - X.max(axis=1, keepdims=True)
    S = np.exp(X)
    S /= S.sum(axis=1, keepdims=True)
    return S


def labelled(X: "n c", t: "n : int[0,c)"):
    S = np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)
    return S[np.arange(X.shape[0]), t].sum()


GRADIENTS = {
    relu: "dY * (X >= 0)",
    first_column_off: "2 * dY - 2 * np.pad(dY[:, :1], ((0, 0), (0, d - 1)))",
    padded: "dY[1:-1]",
    shifted: "S * (dS - (dS * S).sum(axis=1, keepdims=True))",
    labelled: "S * (dS - (dS * S).sum(axis=1, keepdims=True))",
}


@pytest.mark.parametrize("function", GRADIENTS, ids=lambda f: f.__name__)
def test_the_gradient_is_that_of_what_the_code_does(function):
    layer = derive.layer(function)
    assert str(layer.derive().gradients["X"]) == GRADIENTS[function]
    verdict = layer.verify()
    others = {rung.status for rung in verdict.evidence if rung.name != "accuracy"}
    assert others == {"proved", "tested"}, str(verdict)
    assert "as written" in {rung.name for rung in verdict.evidence}


def never_set(X: "n d"):
    Y = np.empty_like(X)
    Y[1:] = X[1:]
    return Y


def looped(X: "n d"):
    total = np.zeros(X.shape[1])
    for row in range(X.shape[0]):
        total += X[row]
    return total


@pytest.mark.parametrize("function", [never_set, looped], ids=lambda f: f.__name__)
def test_what_is_no_formula_is_refused_still(function):
    with pytest.raises(derive.DeriveError):
        derive.layer(function)


def test_a_view_that_is_changed_changes_what_it_is_a_view_of():
    def through(X: "n d"):
        Y = X + 0 * X
        row = Y[0]
        row *= 3
        return Y

    _, cache = derive.layer(through).derive().compile().forward(np.ones((2, 2)))
    gradient = derive.layer(through).derive().compile().backward(np.ones((2, 2)), cache)["X"]
    np.testing.assert_array_equal(gradient, [[3, 3], [1, 1]])
