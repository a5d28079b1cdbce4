"""The generated module, loaded: what it is given that does not fit is a DeriveError, and nothing else is one."""

import numpy as np
import pytest

import derive

X, W, b = np.ones((2, 3)), np.ones((3, 4)), np.ones(4)
CODE = derive.layers["dense"].derive().compile()
Y, CACHE = CODE.forward(X, W, b)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: CODE.forward(X.tolist(), W, b), "dense: forward: X is list; an array was wanted"),
        (lambda: CODE.forward(None, W, b), "X is NoneType"),
        (lambda: CODE.forward(X, W), r"missing a required argument: 'b'; \(X, W, b\) were wanted"),
        (lambda: CODE.forward(X, W, b, b), "too many positional arguments"),
        (lambda: CODE.forward(X, W, bias=b), "missing a required argument: 'b'"),
        (lambda: CODE.forward(X, W.T, b), r"W \(4, 3\)"),
        (lambda: CODE.backward(Y.tolist(), CACHE), "backward: dY is list"),
        (lambda: CODE.backward(Y, None), "cache is NoneType; what forward returned"),
        (lambda: derive.layers["lstm_cell"].derive().compile().backward(3.0, ()), "upstream is float; a tuple was wanted"),
        (lambda: CODE.backward(X, CACHE), r"dY \(2, 3\); wanted \(2, 4\)"),
    ],
)
def test_what_does_not_fit_is_said(call, said):
    with pytest.raises(derive.DeriveError, match=said):
        call()


def test_what_arrays_themselves_raise_comes_through():
    class Odd(np.ndarray):
        def __matmul__(self, other):
            raise TypeError("odd")

    with pytest.raises(TypeError, match="odd"):
        CODE.forward(X.view(Odd), W, b)


def test_the_functions_keep_their_names_and_texts():
    assert CODE.forward.__name__ == "forward"
    assert CODE.backward.__doc__.startswith("The gradients of X, W, b")
    assert CODE.forward(b=b, X=X, W=W)[0].shape == (2, 4)
