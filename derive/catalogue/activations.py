"""Activations: a scalar function of every entry, at any rank.

At a kink the code takes the slope that PyTorch takes; the proof leaves kinks out, and says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sympy import Abs, Lambda, MatrixSymbol, Max, Min, Mul, Piecewise, Rational, erf, exp, log, sqrt, symbols, tanh

from derive.arrays.numbers import stands_for
from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

batch, d = symbols("batch d", integer=True, positive=True)
x = symbols("x", real=True)


def activation(name: str, formula: Any, doc: str, source: str) -> Layer:
    """The layer that maps a formula in ``x`` over its input."""
    X = MatrixSymbol("input", batch, d)
    return Layer.from_sympy(name, [X], X.applyfunc(Lambda(x, formula)), {"input": "... d"}, doc=doc, source=source)


def exact(value: float) -> Any:
    """An option as the rational that it is meant as."""
    number = stands_for(value)
    return Rational(number.numerator, number.denominator)


def times(factor: Any, formula: Any) -> Any:
    """The product as it stands: SymPy would multiply numbers into sums."""
    return formula if factor == 1 else Mul(factor, formula, evaluate=False)


def positive(option: str, value: float) -> float:
    """The value as a float; DeriveError if it is not a finite number above 0."""
    real(option, value)
    if value <= 0:
        raise DeriveError(f"{option}={value!r}", "a number above 0 was wanted", callers_place(), f"{option}=1.0")
    return float(value)


def _times(factor: float) -> str:
    return "" if factor == 1 else f"{factor:g} "


RECTIFIER = "Glorot, Bordes, Bengio, Deep Sparse Rectifier Neural Networks, 2011, 3.1"
GELU = "Hendrycks, Gimpel, Gaussian Error Linear Units, 2016, 2"
SHRINKAGE = "Donoho, Johnstone, Ideal Spatial Adaptation by Wavelet Shrinkage, 1994, 2.1"


# ---- smooth


tanh_layer = activation(
    "tanh",
    tanh(x),
    "The hyperbolic tangent of every entry.",
    "LeCun, Bottou, Orr, Müller, Efficient BackProp, 1998, 4.4",
)

logsigmoid = activation(
    "logsigmoid",
    -log(1 + exp(-x)),
    "The logarithm of the sigmoid of every entry, -log(1 + exp(-x)).",
    "Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.59",
)

silu = activation(
    "silu",
    x / (1 + exp(-x)),
    "The sigmoid linear unit x sigmoid(x) of every entry, also called swish.",
    "Elfwing, Uchibe, Doya, Sigmoid-Weighted Linear Units, 2017, eq. 11",
)

mish = activation(
    "mish",
    x * tanh(log(1 + exp(x))),
    "The self-regularized unit x tanh(log(1 + exp(x))) of every entry.",
    "Misra, Mish: A Self Regularized Non-Monotonic Activation Function, 2019, eq. 1",
)

softsign = activation(
    "softsign",
    x / (1 + Abs(x)),
    "The softsign x / (1 + |x|) of every entry.",
    "Glorot, Bengio, Understanding the Difficulty of Training Deep Feedforward Neural Networks, 2010, 3.1",
)


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
def softplus(*, beta: float = 1.0, threshold: float = 20.0) -> Layer:
    """The softplus log(1 + exp(beta x)) / beta.

    PyTorch takes x itself where beta x is more than ``threshold``; the code here needs no such cut and makes none, so
    that only thresholds are accepted at which the two differ by less than 2.1e-9 / beta.
    """
    positive("beta", beta)
    real("threshold", threshold, 20.0)
    said = "log(1 + exp(x))" if beta == 1 else f"log(1 + exp({beta:g} x)) / {beta:g}"
    b = exact(beta)
    return activation("softplus", log(1 + exp(b * x)) / b, f"The smooth rectifier {said} of every entry.", RECTIFIER)


# ---- rectifiers

relu = activation("relu", Max(x, 0), "The rectifier max(x, 0) of every entry; its slope at 0 is taken as 0.", RECTIFIER)

relu6 = activation(
    "relu6",
    Min(Max(x, 0), 6),
    "The rectifier capped at 6, min(max(x, 0), 6), of every entry.",
    "Krizhevsky, Convolutional Deep Belief Networks on CIFAR-10, 2010",
)


@layer(source="Klambauer, Unterthiner, Mayr, Hochreiter, Self-Normalizing Neural Networks, 2017, eq. 2")
def selu(input: "... d") -> Any:
    """The scaled exponential linear unit of every entry."""
    E = np.where(input > 0, input, 1.6732632423543772 * (np.exp(input) - 1))
    Y = 1.0507009873554805 * E
    return Y


@options
def leaky_relu(*, negative_slope: float = 0.01) -> Layer:
    """The leaky rectifier: x where x > 0, else ``negative_slope`` x."""
    real("negative_slope", negative_slope)
    doc = f"The leaky rectifier of every entry: x where x > 0, else {negative_slope:g} x."
    formula = Piecewise((x, x > 0), (exact(negative_slope) * x, True))
    return activation("leaky_relu", formula, doc, "Maas, Hannun, Ng, Rectifier Nonlinearities, 2013, 2")


def _prelu(input: "... d", weight: 1) -> Any:
    """The rectifier whose slope below 0 is learned: x where x > 0, else weight x."""
    Y = np.where(input > 0, input, weight * input)
    return Y


def _prelu_per_channel(input: "n c l", weight: c) -> Any:
    """The rectifier whose slope below 0 is learned for each channel: x where x > 0, else weight x."""
    Y = np.where(input > 0, input, weight[:, None] * input)
    return Y


@options
def prelu(*, per_channel: bool = False) -> Layer:
    """The rectifier whose slope below 0 is learned: one for all, or one for each channel, which is then axis 1 of 3."""
    one_of("per_channel", per_channel, (True, False))
    function = _prelu_per_channel if per_channel else _prelu
    source = "He, Zhang, Ren, Sun, Delving Deep into Rectifiers, 2015, eq. 1"
    return layer(function, title="prelu", parameters=["weight"], source=source)


def _rrelu(input: "... d", noise: "... d") -> Any:
    """The randomized leaky rectifier of every entry: x where x > 0, else noise x."""
    Y = np.where(input > 0, input, noise * input)
    return Y


@options
def rrelu(*, lower: float = 0.125, upper: float = 1 / 3, training: bool = False) -> Layer:
    """The randomized leaky rectifier: in training its slopes below 0 are an input, ``noise``, else their mean."""
    real("lower", lower)
    real("upper", upper, lower)
    source = "Xu, Wang, Chen, Li, Empirical Evaluation of Rectified Activations, 2015, 2.4"
    if one_of("training", training, (True, False)):
        return layer(_rrelu, title="rrelu", source=source)
    slope = (exact(lower) + exact(upper)) / 2
    doc = "The randomized leaky rectifier of every entry at its mean slope: x where x > 0, else (lower + upper) / 2 x."
    return activation("rrelu", Piecewise((x, x > 0), (slope * x, True)), doc, source)


@options
def elu(*, alpha: float = 1.0) -> Layer:
    """The exponential linear unit: x where x > 0, else ``alpha`` (exp(x) - 1)."""
    real("alpha", alpha)
    doc = f"The exponential linear unit of every entry: x where x > 0, else {_times(alpha)}(exp(x) - 1)."
    formula = Piecewise((x, x > 0), (times(exact(alpha), exp(x) - 1), True))
    source = "Clevert, Unterthiner, Hochreiter, Exponential Linear Units, 2015, eq. 15"
    return activation("elu", formula, doc, source)


@options
def celu(*, alpha: float = 1.0) -> Layer:
    """The continuously differentiable exponential linear unit: x where x > 0, else alpha (exp(x / alpha) - 1)."""
    a = exact(positive("alpha", alpha))
    over = "x" if alpha == 1 else f"x / {alpha:g}"
    doc = f"The continuously differentiable exponential unit: x where x > 0, else {_times(alpha)}(exp({over}) - 1)."
    formula = Piecewise((x, x > 0), (times(a, exp(x / a) - 1), True))
    return activation("celu", formula, doc, "Barron, Continuously Differentiable Exponential Linear Units, 2017, eq. 2")


# ---- pieces of straight lines


@options
def hardtanh(*, min_val: float = -1.0, max_val: float = 1.0) -> Layer:
    """The identity cut off at ``min_val`` and ``max_val``."""
    real("min_val", min_val)
    real("max_val", max_val, min_val)
    doc = f"Every entry cut off at {min_val:g} and {max_val:g}: min(max(x, {min_val:g}), {max_val:g})."
    formula = Min(Max(x, exact(min_val)), exact(max_val))
    return activation("hardtanh", formula, doc, "Collobert, Large Scale Machine Learning, 2004, 6.3")


hardsigmoid = activation(
    "hardsigmoid",
    Min(Max(x + 3, 0), 6) / 6,
    "The sigmoid in three straight lines, min(max(x + 3, 0), 6) / 6, of every entry.",
    "Howard et al., Searching for MobileNetV3, 2019, 5.2",
)

hardswish = activation(
    "hardswish",
    x * Min(Max(x + 3, 0), 6) / 6,
    "The hard version of swish, x min(max(x + 3, 0), 6) / 6, of every entry.",
    "Howard et al., Searching for MobileNetV3, 2019, 5.2",
)


@options
def hardshrink(*, lambd: float = 0.5) -> Layer:
    """Every entry whose size is more than ``lambd``, else 0."""
    real("lambd", lambd, 0.0)
    doc = f"Hard thresholding of every entry: x where |x| > {lambd:g}, else 0."
    return activation("hardshrink", Piecewise((x, Abs(x) > exact(lambd)), (0, True)), doc, SHRINKAGE)


@options
def softshrink(*, lambd: float = 0.5) -> Layer:
    """Every entry moved towards 0 by ``lambd``, no further than to 0."""
    real("lambd", lambd, 0.0)
    doc = f"Soft thresholding of every entry: x moved towards 0 by {lambd:g}, no further than to 0."
    formula = Max(x - exact(lambd), 0) + Min(x + exact(lambd), 0)
    return activation("softshrink", formula, doc, SHRINKAGE)


@options
def threshold(*, threshold: float = 0.0, value: float = 0.0) -> Layer:
    """Every entry that is more than ``threshold``, else ``value``; PyTorch has no defaults for the two."""
    real("threshold", threshold)
    real("value", value)
    doc = f"Every entry that is more than {threshold:g}, else {value:g}."
    formula = Piecewise((x, x > exact(threshold)), (exact(value), True))
    return activation("threshold", formula, doc, "Paszke et al., PyTorch, 2019, torch.nn.functional.threshold")
