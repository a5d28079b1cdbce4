"""Activations: a scalar function of every entry, at any rank.

At a kink the code takes the slope that PyTorch takes; the proof leaves kinks out, and says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sympy import Lambda, MatrixSymbol, Max, Rational, erf, exp, log, sqrt, symbols, tanh

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real
from derive.derivation.reader import layer

batch, d = symbols("batch d", integer=True, positive=True)
x = symbols("x", real=True)


def activation(name: str, formula: Any, doc: str, source: str) -> Layer:
    """The layer that maps a formula in ``x`` over its input."""
    X = MatrixSymbol("input", batch, d)
    return Layer.from_sympy(name, [X], X.applyfunc(Lambda(x, formula)), {"input": "... d"}, doc=doc, source=source)


relu = activation(
    "relu",
    Max(x, 0),
    "The rectifier max(x, 0) of every entry; its slope at 0 is taken as 0.",
    "Glorot, Bordes, Bengio, Deep Sparse Rectifier Neural Networks, 2011",
)

tanh_layer = activation(
    "tanh",
    tanh(x),
    "The hyperbolic tangent of every entry.",
    "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, 4.4",
)

silu = activation(
    "silu",
    x / (1 + exp(-x)),
    "The sigmoid linear unit x sigmoid(x) of every entry, also called swish.",
    "Elfwing, Uchibe, Doya, Sigmoid-Weighted Linear Units, 2017, eq. 11",
)

GELU = "Hendrycks, Gimpel, Gaussian Error Linear Units, 2016, 2"


def _gelu_by_tanh(input: "... d") -> Any:
    """The Gaussian error linear unit of every entry, Φ approximated by a tanh."""
    U = np.sqrt(2 / np.pi) * (input + 0.044715 * input**3)
    Y = 0.5 * input * (1 + np.tanh(U))
    return Y


@options
def gelu(*, approximate: str = "none") -> Layer:
    """The Gaussian error linear unit x Φ(x); ``approximate="tanh"`` is the approximation of Φ by a tanh."""
    one_of("approximate", approximate, ("none", "tanh"))
    if approximate == "tanh":
        return layer(_gelu_by_tanh, title="gelu", source=GELU)
    doc = "The Gaussian error linear unit x Φ(x) of every entry, Φ being the normal distribution function."
    return activation("gelu", x * (1 + erf(x / sqrt(2))) / 2, doc, GELU)


@options
def softplus(*, beta: float = 1.0) -> Layer:
    """The softplus log(1 + exp(beta x)) / beta."""
    real("beta", beta)
    b = Rational(str(beta))
    doc = "The smooth rectifier log(1 + exp(x)) of every entry."
    return activation("softplus", log(1 + exp(b * x)) / b, doc, "Glorot, Bordes, Bengio, 2011, 3.1")
