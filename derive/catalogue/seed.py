"""The seed network: dense, sigmoid, dense, squared error; and the layers that it is made of.

The layers are written with SymPy matrix symbols, the network as a function that calls them.
"""

from __future__ import annotations

from typing import Any

from sympy import Lambda, MatrixSymbol, OneMatrix, Trace, exp, symbols

from derive.derivation.layer import Layer
from derive.derivation.reader import layer

n, d, m, k = symbols("n d m k", integer=True, positive=True)
x = symbols("x", real=True)
X, W, b = MatrixSymbol("X", n, d), MatrixSymbol("W", d, m), MatrixSymbol("b", 1, m)
Y, T = MatrixSymbol("Y", n, k), MatrixSymbol("T", n, k)

dense = Layer.from_sympy(
    "dense",
    inputs=[X, W, b],
    output=X * W + OneMatrix(n, 1) * b,
    shapes={"b": "m"},
    parameters=["W", "b"],
    doc="A dense layer: every row of X times W, plus b.",
    source="Goodfellow, Bengio, Courville, Deep Learning, 2016, 6.5.6",
)

sigmoid = Layer.from_sympy(
    "sigmoid",
    inputs=[X],
    output=X.applyfunc(Lambda(x, 1 / (1 + exp(-x)))),
    doc="The logistic sigmoid of every entry, 1 / (1 + exp(-x)).",
    source="Goodfellow, Bengio, Courville, Deep Learning, 2016, 3.10",
)

squared_error = Layer.from_sympy(
    "squared_error",
    inputs=[Y, T],
    output=Trace((Y - T).T * (Y - T)) / 2,
    doc="Half the sum of the squared differences between Y and the target T.",
    source="Bishop, Pattern Recognition and Machine Learning, 2006, eq. 5.11",
)


@layer
def two_layer_network(X: "n d", W1: "d h", b1: h, W2: "h 1", b2: 1, T: "n 1") -> Any:
    """A two-layer classifier and its loss: dense, sigmoid, dense, squared error."""
    Z1 = dense(X, W1, b1)
    S = sigmoid(Z1)
    Y = dense(S, W2, b2)
    E = squared_error(Y, T)
    return E
