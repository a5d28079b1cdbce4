"""Functions of matrices, named as ``torch.linalg`` names them and their inputs."""

from __future__ import annotations

from sympy import Determinant, Inverse, MatrixSymbol, Trace, log, sqrt, symbols

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options

n, m = symbols("n m", integer=True, positive=True)
A, B, X = MatrixSymbol("A", n, n), MatrixSymbol("B", n, m), MatrixSymbol("X", n, m)
input = MatrixSymbol("input", n, n)
x = MatrixSymbol("x", n, 1)

COOKBOOK = "Petersen, Pedersen, The Matrix Cookbook, 2012"

trace = Layer.from_sympy(
    "trace",
    inputs=[input],
    output=Trace(input),
    doc="The trace: the sum of the diagonal.",
    source=f"{COOKBOOK}, eq. 99",
)

det = Layer.from_sympy("det", inputs=[A], output=Determinant(A), doc="The determinant.", source=f"{COOKBOOK}, eq. 49")

logdet = Layer.from_sympy(
    "logdet",
    inputs=[input],
    output=log(Determinant(input)),
    doc="The logarithm of the determinant; of its absolute value where it is negative.",
    source=f"{COOKBOOK}, eq. 57",
)

inv = Layer.from_sympy("inv", inputs=[A], output=Inverse(A), doc="The inverse.", source=f"{COOKBOOK}, eq. 60")

solve = Layer.from_sympy(
    "solve",
    inputs=[A, B],
    output=Inverse(A) * B,
    doc="The solution Y of the systems A Y = B.",
    source="Giles, Collected matrix derivative results, 2008, 2.3.1",
)

frobenius_norm = Layer.from_sympy(
    "frobenius_norm",
    inputs=[X],
    output=sqrt(Trace(X.T * X)),
    doc="The Frobenius norm: the root of the sum of the squared entries.",
    source=f"{COOKBOOK}, eq. 130",
)


@options
def quadratic_form(*, kind: str = "general") -> Layer:
    """x^T A x, for a general, a symmetric or a positive definite matrix."""
    one_of("kind", kind, ("general", "symmetric", "spd"))
    return Layer.from_sympy(
        "quadratic_form",
        inputs=[x, A],
        output=Trace(x.T * A * x),
        shapes={"x": "n"} if kind == "general" else {"x": "n", "A": f"n n : {kind}"},
        doc="The quadratic form of a matrix at a vector, x^T A x.",
        source=f"{COOKBOOK}, eq. 81",
    )
