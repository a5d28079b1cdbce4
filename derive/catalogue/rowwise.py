"""Functions of rows: softmax, its logarithm, the logarithm of the sum of exponentials; along any axis.

Any number of axes may come before the rows, so their axis is counted from the end.
"""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import from_end, options
from derive.derivation.reader import layer

BRIDLE = "Bridle, Probabilistic interpretation of feedforward classification network outputs, 1990, eq. 1"
GOODFELLOW = "Goodfellow, Bengio, Courville, Deep Learning, 2016, 6.2.2.3"


def rows(dim: int) -> str:
    """The shape of an array whose rows, of size d, run along an axis counted from the end."""
    return " ".join(["...", "d", *(f"k{axis}" for axis in range(1, -dim))])


@options
def softmax(*, dim: int = -1) -> Layer:
    """The softmax of each row along the axis ``dim``."""
    shape = rows(from_end("dim", dim))

    @layer(source=BRIDLE)
    def softmax(input: shape) -> Any:
        """The exponentials of a row, divided by their sum."""
        output = np.exp(input) / np.exp(input).sum(axis=dim, keepdims=True)
        return output

    return softmax


@options
def log_softmax(*, dim: int = -1) -> Layer:
    """The logarithm of the softmax of each row along the axis ``dim``."""
    shape = rows(from_end("dim", dim))

    @layer(source=GOODFELLOW)
    def log_softmax(input: shape) -> Any:
        """The logarithm of the softmax of each row."""
        output = input - np.log(np.exp(input).sum(axis=dim, keepdims=True))
        return output

    return log_softmax


@options
def logsumexp(*, dim: int = -1) -> Layer:
    """The logarithm of the sum of the exponentials of each row along the axis ``dim``."""
    shape = rows(from_end("dim", dim))

    @layer(source=GOODFELLOW)
    def logsumexp(input: shape) -> Any:
        """The logarithm of the sum of each row's exponentials."""
        output = np.log(np.exp(input).sum(axis=dim))
        return output

    return logsumexp
