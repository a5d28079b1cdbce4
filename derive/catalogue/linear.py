"""Linear maps of the last axis, at any rank."""

from __future__ import annotations

from sympy import MatrixSymbol, OneMatrix, symbols

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options

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
