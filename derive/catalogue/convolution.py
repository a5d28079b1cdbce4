"""Convolutions, with PyTorch's names and options; the name of a size as an option is a proof of all values at once."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from derive.arrays.windows import overlap
from derive.derivation.layer import Layer
from derive.derivation.options import options, steps
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

GUIDE = "Dumoulin, Visin, A guide to convolution arithmetic for deep learning, 2016"


def times(groups: Any, size: str) -> str:
    """``2*c``, or ``c`` for one group."""
    return size if groups == 1 else f"{groups}*{size}"


@options
def conv2d(*, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: Any = 1) -> Layer:
    """A convolution of images, as deep learning means it: the kernel is not turned.

    ``padding`` may also be ``"valid"``, none, or ``"same"``: as many windows as entries, at a stride of 1.
    """
    (s, t), (d, e), (g,) = steps("stride", stride, 2), steps("dilation", dilation, 2), steps("groups", groups, 1)
    same = padding == "same"
    if same and (s, t) != (1, 1):
        where = callers_place()
        raise DeriveError(f"padding='same' with stride={stride!r}", "a stride of 1 was wanted", where, "padding=1")
    p, q = steps("padding", 0 if padding in ("same", "valid") else padding, 2, least=0)

    @layer(parameters=("weight", "bias"), source=GUIDE)
    def conv2d(input: f"n {times(g, 'c')} h w", weight: f"{times(g, 'o')} c kh kw", bias: times(g, "o")) -> Any:
        """Every window of the images times every kernel, plus a bias for every kernel."""
        (n, _, h, w), (o, c, kh, kw) = input.shape, weight.shape
        images = input if g == 1 else input.reshape(n, g, c, h, w)
        kernels = weight if g == 1 else weight.reshape(g, o // g, c, kh, kw)
        edges = ((0, 0),) * (images.ndim - 2)
        rows, columns = (p, p), (q, q)
        if same:  # as many windows as entries, the odd row or column after them
            rows, columns = [(more // 2, more - more // 2) for more in (d * (kh - 1), e * (kw - 1))]
        padded = np.pad(images, (*edges, rows, columns)) if same or (p, q) != (0, 0) else images
        windows = sliding_window_view(padded, (d * (kh - 1) + 1, e * (kw - 1) + 1), axis=(-2, -1))
        windows = windows[..., ::s, ::t, ::d, ::e]
        if g == 1:
            Y = np.einsum("ocij,ncyxij->noyx", kernels, windows) + bias[:, None, None]
        else:
            Z = np.einsum("gocij,ngcyxij->ngoyx", kernels, windows)
            Y = Z.reshape(n, o, *Z.shape[3:]) + bias[:, None, None]
        return Y

    return conv2d


@options
def conv_transpose2d(
    *, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: Any = 1, dilation: Any = 1
) -> Layer:
    """The reverse of a convolution: what hands its gradient on to the images."""
    (s, t), (d, e), (g,) = steps("stride", stride, 2), steps("dilation", dilation, 2), steps("groups", groups, 1)
    (p, q), (u, v) = steps("padding", padding, 2, least=0), steps("output_padding", output_padding, 2, least=0)
    for more, *step in ((u, s, d), (v, t, e)):
        if all(isinstance(size, int) for size in (more, *step)) and more >= max(step):
            raise DeriveError(
                f"output_padding={output_padding!r} with stride={stride!r} and dilation={dilation!r}",
                "less than the stride or the dilation was wanted",
                callers_place(),
                f"output_padding={max(step) - 1}",
            )

    @layer(parameters=("weight", "bias"), source=GUIDE)
    def conv_transpose2d(
        input: f"n {times(g, 'c')} h w", weight: f"{times(g, 'c')} o kh kw", bias: times(g, "o")
    ) -> Any:
        """Every entry of the images times every kernel, added up where the windows lie, plus a bias for each."""
        (n, c, h, w), (_, o, kh, kw) = input.shape, weight.shape
        images = input if g == 1 else input.reshape(n, g, c // g, h, w)
        kernels = weight if g == 1 else weight.reshape(g, c // g, o, kh, kw)
        windows = np.einsum("coij,ncyx->noyxij" if g == 1 else "gcoij,ngcyx->ngoyxij", kernels, images)
        extent = (s * (h - 1) + d * (kh - 1) + 1 + u, t * (w - 1) + e * (kw - 1) + 1 + v)
        axes = (images.ndim - 2, images.ndim - 1)
        box = (..., slice(p, extent[0] - p), slice(q, extent[1] - q))
        Z = overlap(windows, axes=axes, extent=extent, stride=(s, t), dilation=(d, e))[box]
        Y = Z.reshape(n, g * o, *Z.shape[-2:]) + bias[:, None, None]
        return Y

    return conv_transpose2d
