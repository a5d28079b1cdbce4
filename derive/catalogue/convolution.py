"""Convolutions, with PyTorch's names and options; the name of a size as an option is a proof of all values at once."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from derive.derivation.layer import Layer
from derive.derivation.options import options, steps
from derive.derivation.reader import layer

GUIDE = "Dumoulin, Visin, A guide to convolution arithmetic for deep learning, 2016"


def times(groups: Any, size: str) -> str:
    """``2*c``, or ``c`` for one group."""
    return size if groups == 1 else f"{groups}*{size}"


@options
def conv2d(*, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Layer:
    """A convolution of images, as deep learning means it: the kernel is not turned."""
    (s, t), (d, e), (g,) = steps("stride", stride, 2), steps("dilation", dilation, 2), steps("groups", groups, 1)
    p, q = steps("padding", padding, 2, least=0)

    @layer(parameters=("weight", "bias"), source=GUIDE)
    def conv2d(input: f"n {times(g, 'c')} h w", weight: f"{times(g, 'o')} c kh kw", bias: times(g, "o")) -> Any:
        """Every window of the images times every kernel, plus a bias for every kernel."""
        (n, _, h, w), (_, c, kh, kw) = input.shape, weight.shape
        images = input if g == 1 else input.reshape(n, g, c, h, w)
        kernels = weight if g == 1 else weight.reshape(g, -1, c, kh, kw)
        around = ((0, 0),) * (images.ndim - 2)
        padded = np.pad(images, (*around, (p, p), (q, q))) if (p, q) != (0, 0) else images
        windows = sliding_window_view(padded, (d * (kh - 1) + 1, e * (kw - 1) + 1), axis=(-2, -1))
        windows = windows[..., ::s, ::t, ::d, ::e]
        if g == 1:
            Y = np.einsum("ocij,ncyxij->noyx", kernels, windows) + bias[:, None, None]
        else:
            Z = np.einsum("gocij,ngcyxij->ngoyx", kernels, windows)
            Y = Z.reshape(n, -1, *Z.shape[3:]) + bias[:, None, None]
        return Y

    return conv2d
