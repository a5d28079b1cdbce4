"""Pooling of images, with PyTorch's names and options; the name of a size as an option is a proof of all values."""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, steps, whole
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place
from derive.index.size import Size

GUIDE = "Dumoulin, Visin, A guide to convolution arithmetic for deep learning, 2016"


class Sliding:
    """Windows over the two axes of images, as the options of a pooling layer say."""

    def __init__(self, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: Any) -> None:
        self.window = steps("kernel_size", kernel_size, 2)
        self.stride = self.window if stride is None else steps("stride", stride, 2)
        self.padding = steps("padding", padding, 2, least=0)
        self.dilation = steps("dilation", dilation, 2)
        self.spans = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.window, strict=True)]
        if any(Size.of(2 * p - k - 1).is_nonnegative() for p, k in zip(self.padding, self.spans, strict=True)):
            raise DeriveError(
                f"padding={padding!r} with kernel_size={kernel_size!r}",
                "at most half of the window was wanted",
                callers_place(),
                f"padding={min(self.spans) // 2}",
            )
        self.more = [s - 1 if one_of("ceil_mode", ceil_mode, (False, True)) else 0 for s in self.stride]
        self.cut = [bool(ceil_mode) and self._runs_over(k) for k in (0, 1)]

    def _runs_over(self, axis: int) -> bool:
        """True if a last window, where all that begin are counted, may begin behind the image."""
        p, more, span = self.padding[axis], self.more[axis], self.spans[axis]
        behind = Size.of(p + more - span)
        if behind.is_nonnegative() or (-behind - 1).is_nonnegative():
            return behind.is_nonnegative()
        raise DeriveError(
            f"ceil_mode=True with a window of {span} places, a stride of {more + 1} and a padding of {p}",
            "numbers were wanted: how many windows there are depends on which is larger",
            callers_place(),
            "ceil_mode=False",
        )

    def padded(self, images: Any, fill: float, around: bool = True, behind: bool = True) -> Any:
        """Images with the padding around them, and behind them what the last windows need."""
        width = [(p * around, p * around + more * behind) for p, more in zip(self.padding, self.more, strict=True)]
        if all(pair == (0, 0) for pair in width):
            return images
        return np.pad(images, ((0, 0), (0, 0), *width), constant_values=fill)

    def windows(self, padded: Any, images: Any) -> Any:
        """The windows; none begins behind the images and the padding before them."""
        (s, t), (d, e) = self.stride, self.dilation
        ends = [n + p if cut else None for n, p, cut in zip(images.shape[2:], self.padding, self.cut, strict=True)]
        return sliding_window_view(padded, self.spans, axis=(2, 3))[:, :, : ends[0] : s, : ends[1] : t, ::d, ::e]


@options
def max_pool2d(
    *, kernel_size: Any = 2, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Layer:
    """The largest entry of every window; the padding is below every entry."""
    sliding = Sliding(kernel_size, stride, padding, dilation, ceil_mode)

    @layer(source=GUIDE)
    def max_pool2d(input: "n c h w") -> Any:
        """The largest entry of every window of the images."""
        padded = sliding.padded(input, -np.inf)
        Y = sliding.windows(padded, input).max(axis=(4, 5))
        return Y

    return max_pool2d


@options
def avg_pool2d(
    *,
    kernel_size: Any = 2,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Layer:
    """The mean of every window; with or without the padding among what is counted."""
    sliding = Sliding(kernel_size, stride, padding, 1, ceil_mode)
    one_of("count_include_pad", count_include_pad, (True, False))
    k, m = sliding.window
    divisor = k * m if divisor_override is None else whole("divisor_override", divisor_override, 1)
    always = divisor_override is not None or (not ceil_mode and (count_include_pad or sliding.padding == (0, 0)))

    @layer(source=GUIDE)
    def avg_pool2d(input: "n c h w") -> Any:
        """The mean of every window of the images."""
        padded = sliding.padded(input, 0)
        Z = sliding.windows(padded, input).sum(axis=(4, 5))
        if always:
            Y = Z / divisor
            return Y
        ones = np.ones_like(input[:1, :1])
        if count_include_pad:
            ones = sliding.padded(np.ones_like(sliding.padded(ones, 0, behind=False)), 0, around=False)
        else:
            ones = sliding.padded(ones, 0)
        counts = sliding.windows(ones, input).sum(axis=(4, 5))
        Y = Z / counts
        return Y

    return avg_pool2d
