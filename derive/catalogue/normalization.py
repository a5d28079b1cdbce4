"""Normalization by the statistics of rows, of channels, or by running ones."""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real, whole
from derive.derivation.reader import layer

LEARNED = ["weight", "bias"]


def trailing(normalized_dims: int) -> tuple[str, tuple[int, ...]]:
    """The sizes of the axes that are normalized together, and these axes, counted from the end."""
    number = whole("normalized_dims", normalized_dims, 1)
    sizes = "d" if number == 1 else " ".join(f"d{k}" for k in range(1, number + 1))
    return sizes, tuple(range(-number, 0))


@options
def layer_norm(*, eps: float = 1e-5, normalized_dims: int = 1) -> Layer:
    """Rows made to have mean 0 and variance 1, then scaled and shifted; a row runs along the last axes."""
    real("eps", eps, 0)
    sizes, axes = trailing(normalized_dims)

    @layer(parameters=LEARNED, source="Ba, Kiros, Hinton, Layer normalization, 2016, eq. 4")
    def layer_norm(input: f"... {sizes}", weight: sizes, bias: sizes) -> Any:
        """A row less its mean, divided by its standard deviation, times the weight, plus the bias."""
        mean, var = input.mean(axis=axes, keepdims=True), input.var(axis=axes, keepdims=True)
        normal = (input - mean) / np.sqrt(var + eps)
        output = normal * weight + bias
        return output

    return layer_norm


@options
def rms_norm(*, eps: float = 1e-5, normalized_dims: int = 1) -> Layer:
    """Rows divided by their root mean square, then scaled; a row runs along the last axes."""
    real("eps", eps, 0)
    sizes, axes = trailing(normalized_dims)

    @layer(parameters=["weight"], source="Zhang, Sennrich, Root mean square layer normalization, 2019, eq. 4")
    def rms_norm(input: f"... {sizes}", weight: sizes) -> Any:
        """A row divided by its root mean square, times the weight."""
        normal = input / np.sqrt((input**2).mean(axis=axes, keepdims=True) + eps)
        output = normal * weight
        return output

    return rms_norm


IMAGES = {0: "n c", 1: "n c l", 2: "n c h w", 3: "n c d h w"}


@options
def batch_norm(*, training: bool = True, eps: float = 1e-5, dims: int = 2) -> Layer:
    """Channels made to have mean 0 and variance 1 over the batch and ``dims`` axes of space, or by given statistics."""
    one_of("training", training, (True, False))
    real("eps", eps, 0)
    shape = IMAGES[one_of("dims", dims, tuple(IMAGES))]
    axes, across = (0, *range(2, 2 + dims)), (slice(None), *[None] * dims)
    source = "Ioffe, Szegedy, Batch normalization, 2015, algorithm 1"

    @layer(parameters=LEARNED, source=source)
    def batch_norm(input: f"{shape}", weight: "c", bias: "c") -> Any:
        """A channel less its mean, divided by its standard deviation, times its weight, plus its bias."""
        mean, var = input.mean(axis=axes, keepdims=True), input.var(axis=axes, keepdims=True)
        normal = (input - mean) / np.sqrt(var + eps)
        output = normal * weight[across] + bias[across]
        return output

    @layer(parameters=LEARNED, source=source, title="batch_norm")
    def inference(input: shape, running_mean: "c", running_var: "c : positive", weight: "c", bias: "c") -> Any:
        """A channel less its running mean, divided by its running deviation, times its weight, plus its bias."""
        normal = (input - running_mean[across]) / np.sqrt(running_var[across] + eps)
        output = normal * weight[across] + bias[across]
        return output

    return batch_norm if training else inference
