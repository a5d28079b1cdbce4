"""Gated units: a product of two branches, one of which says how much of the other is let through."""

from typing import Any

import numpy as np

from derive.catalogue.activations import silu
from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options
from derive.derivation.reader import layer

BEHIND = {-1: "", -2: " m", -3: " m l", -4: " m l k"}  # the axes behind the one that is split


@options
def glu(*, dim: int = -1) -> Layer:
    """The gated linear unit: the first half along ``dim`` times the sigmoid of the second half; ``dim`` is negative."""
    one_of("dim", dim, tuple(BEHIND))

    @layer(source="Dauphin, Fan, Auli, Grangier, Language Modeling with Gated Convolutional Networks, 2016, eq. 1")
    def glu(input: f"... 2*d{BEHIND[dim]}") -> Any:
        """The gated linear unit: the first half of the input times the sigmoid of the second half."""
        A, B = np.split(input, 2, axis=dim)
        S = 1 / (1 + np.exp(-B))
        Y = A * S
        return Y

    return glu


@options
def swiglu(*, bias: bool = False) -> Layer:
    """The gated unit of transformers: silu(x W) times x V, with biases b and c if asked for."""
    source = "Shazeer, GLU Variants Improve Transformer, 2020, eq. 5"
    one_of("bias", bias, (True, False))

    @layer(title="swiglu", parameters=["W", "V"], source=source)
    def plain(input: "... d", W: "d m", V: "d m") -> Any:
        """The gated unit of transformers: silu of every row times W, times the row times V."""
        Z = input @ W
        U = input @ V
        H = silu(Z)
        Y = H * U
        return Y

    @layer(title="swiglu", parameters=["W", "V", "b", "c"], source=source)
    def biased(input: "... d", W: "d m", V: "d m", b: "m", c: "m") -> Any:
        """The gated unit of transformers: silu of every row times W plus b, times the row times V plus c."""
        Z = input @ W + b
        U = input @ V + c
        H = silu(Z)
        Y = H * U
        return Y

    return biased if bias else plain
