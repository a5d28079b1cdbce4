"""Linear and bilinear maps of the last axis, at any rank."""

from typing import Any

import numpy as np
from sympy import MatrixSymbol, OneMatrix, symbols

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options
from derive.derivation.reader import layer

batch, d, m = symbols("batch d m", integer=True, positive=True)
X, W, b = MatrixSymbol("input", batch, d), MatrixSymbol("weight", m, d), MatrixSymbol("bias", 1, m)


@options
def linear(*, bias: bool = True) -> Layer:
    """Every row of the input times the transposed weight, plus the bias if there is one."""
    one_of("bias", bias, (True, False))
    product = X * W.T
    return Layer.from_sympy(
        "linear",
        inputs=[X, W, b] if bias else [X, W],
        output=product + OneMatrix(batch, 1) * b if bias else product,
        shapes={"input": "... d", "bias": "m"} if bias else {"input": "... d"},
        parameters=["weight", "bias"] if bias else ["weight"],
        doc=f"A linear layer: every row times the transposed weight{', plus the bias' if bias else ''}.",
        source="Bishop, Pattern Recognition and Machine Learning, 2006, eq. 5.2",
    )


@options
def bilinear(*, bias: bool = True) -> Layer:
    """The bilinear form of two rows for each row of the weight, plus the bias if there is one."""
    source = "Tenenbaum, Freeman, Separating Style and Content with Bilinear Models, 2000, eq. 1"
    one_of("bias", bias, (True, False))

    @layer(title="bilinear", parameters=["weight"], source=source)
    def plain(input1: "... d", input2: "... k", weight: "m d k") -> Any:
        """A bilinear layer: the form that each matrix of the weight makes of two rows."""
        Y = np.einsum("...i,oij,...j->...o", input1, weight, input2)
        return Y

    @layer(title="bilinear", parameters=["weight", "bias"], source=source)
    def biased(input1: "... d", input2: "... k", weight: "m d k", bias: "m") -> Any:
        """A bilinear layer: the form that each matrix of the weight makes of two rows, plus the bias."""
        Y = np.einsum("...i,oij,...j->...o", input1, weight, input2) + bias
        return Y

    return biased if bias else plain


@layer(source="Halmos, Finite-Dimensional Vector Spaces, 1958, 32")
def identity(input: "... d") -> Any:
    """The input as it is."""
    return input
