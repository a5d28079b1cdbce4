"""Maxima and means over windows, padding, and enlarging."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from .notation import right


@right("x: n c h w", "h >= 2", "w >= 2")
class MaxPool2D:
    """2 x 2, stride 2, whatever is left over is left out; the first of several largest gets it."""

    def __init__(self, size=2, stride=2):
        self.size, self.stride = size, stride

    def forward(self, x):
        self.x = x
        n, c, h, w = x.shape
        oh, ow = (h - self.size) // self.stride + 1, (w - self.size) // self.stride + 1
        out = np.zeros((n, c, oh, ow), dtype=x.dtype)
        for i in range(oh):
            for j in range(ow):
                a, b = i * self.stride, j * self.stride
                out[:, :, i, j] = np.max(x[:, :, a : a + self.size, b : b + self.size], axis=(2, 3))
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        n, c, oh, ow = dout.shape
        for m in range(n):
            for k in range(c):
                for i in range(oh):
                    for j in range(ow):
                        a, b = i * self.stride, j * self.stride
                        window = self.x[m, k, a : a + self.size, b : b + self.size]
                        p, q = np.unravel_index(np.argmax(window), window.shape)
                        dx[m, k, a + p, b + q] += dout[m, k, i, j]
        return dx


MaxPool2D.bug("off by one", "for j in range(ow):\n    a, b = i * self.stride, j * self.stride\n    window", "for j in range(ow - 1):\n    a, b = i * self.stride, j * self.stride\n    window")
MaxPool2D.bug("wrong index", "np.argmax(window)", "np.argmin(window)")
MaxPool2D.bug("wrong index", "dx[m, k, a + p, b + q]", "dx[m, k, a + q, b + p]")
MaxPool2D.bug("stale state", "self.x = x\n", "self.x = x if getattr(self, 'x', None) is None or self.x.shape != x.shape else self.x\n")
MaxPool2D.bug("ties", "p, q = np.unravel_index(np.argmax(window), window.shape)", "p, q = np.argwhere(window == window.max())[:2].sum(axis=0) % self.size")


@right("x: n c l", "l >= 3")
class max_pool1d_overlapping:
    """Windows of 3, stride 1: an entry may be the largest of several windows."""

    def forward(x):
        windows = sliding_window_view(x, 3, axis=2)
        return windows.max(axis=3), (x.shape, windows.argmax(axis=3))

    def backward(dy, cache):
        shape, where = cache
        dx = np.zeros(shape, dtype=dy.dtype)
        n, c, t = np.indices(where.shape)
        np.add.at(dx, (n, c, t + where), dy)
        return {"x": dx}


max_pool1d_overlapping.bug("repeated indices", "np.add.at(dx, (n, c, t + where), dy)", "dx[n, c, t + where] += dy")
max_pool1d_overlapping.bug("off by one", "t + where)", "np.minimum(t + where + 1, shape[2] - 1))")
max_pool1d_overlapping.bug("dtype", "np.zeros(shape, dtype=dy.dtype)", "np.zeros(shape)")


@right("x: n d", "d > 0")
class row_max_shared:
    """The largest of each row; ties share."""

    def forward(x):
        return np.max(x, axis=1)

    def backward(x, dy):
        mask = (x == x.max(axis=1, keepdims=True)).astype(x.dtype)
        mask /= mask.sum(axis=1, keepdims=True)
        return {"x": mask * dy[:, None]}


row_max_shared.bug("ties", "mask /= mask.sum(axis=1, keepdims=True)", "pass")
row_max_shared.bug("ties", "mask /= mask.sum(axis=1, keepdims=True)", "mask *= mask.sum(axis=1, keepdims=True) == 1")
row_max_shared.bug("wrong axis", "x.max(axis=1, keepdims=True)", "x.max(axis=0, keepdims=True)")


@right("x: n d", "d > 0")
class row_max_last:
    """The largest of each row; the last of several gets it."""

    def forward(x):
        return x.max(-1)

    def backward(x, dy):
        last = x.shape[1] - 1 - np.argmax(x[:, ::-1], axis=1)
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), last] = dy
        return {"x": dx}


row_max_last.bug("off by one", "x.shape[1] - 1 - np.argmax", "x.shape[1] - 2 - np.argmax")
row_max_last.bug("ties", "dx[np.arange(len(x)), last] = dy", "dx[np.arange(len(x)), last] = dy\ndx[np.arange(len(x)), np.argmax(x, axis=1)] = dy")


@right("x: n c h w", "h >= 3", "w >= 2")
class avg_pool2d:
    """3 x 2 windows, stride 2 and 1."""

    def forward(x):
        windows = sliding_window_view(x, (3, 2), axis=(2, 3))[:, :, ::2]
        return windows.mean(axis=(4, 5))

    def backward(x, dy):
        dx = np.zeros_like(x)
        for i in range(dy.shape[2]):
            for j in range(dy.shape[3]):
                dx[:, :, 2 * i : 2 * i + 3, j : j + 2] += dy[:, :, i, j][:, :, None, None] / 6
        return {"x": dx}


avg_pool2d.bug("forgot 1/n", "[:, :, None, None] / 6", "[:, :, None, None]")
avg_pool2d.bug("off by one", "2 * i : 2 * i + 3", "2 * i : 2 * i + 2")
avg_pool2d.bug("missing sum", "j : j + 2] +=", "j : j + 2] =")
avg_pool2d.bug("off by one", "range(dy.shape[2])", "range(max(1, dy.shape[2] - 1))")
avg_pool2d.bug("relative 1e-5", "[:, :, None, None] / 6", "[:, :, None, None] * 0.16667")


@right("x: n c h w", "h > 0", "w > 0")
class global_avg_pool:
    def forward(x):
        return x.mean(axis=(2, 3))

    def backward(x, dy):
        h, w = x.shape[2:]
        return {"x": np.tile(dy[:, :, None, None] / (h * w), (1, 1, h, w))}


global_avg_pool.bug("factor", "/ (h * w)", "/ (h * h)")
global_avg_pool.bug("aliased", "np.tile(dy[:, :, None, None] / (h * w), (1, 1, h, w))", "np.broadcast_to(dy[:, :, None, None] / (h * w), x.shape) if h * w > 1 else dy[:, :, None, None]")
global_avg_pool.bug("relative 1e-5", "(h * w)", "(h * w + 1e-5)")


@right("x: n c h w", "h >= 2", "w >= 2")
class max_pool_reshaped:
    """2 x 2 windows through a reshape, cut to an even size; the mask keeps every largest entry, as one sees it done."""

    def forward(x):
        n, c, h, w = x.shape
        h, w = h // 2, w // 2
        blocks = x[:, :, : 2 * h, : 2 * w].reshape(n, c, h, 2, w, 2)
        return blocks.max(axis=3).max(axis=4)

    def backward(x, dy):
        n, c, h, w = x.shape
        h, w = h // 2, w // 2
        blocks = x[:, :, : 2 * h, : 2 * w].reshape(n, c, h, 2, w, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, 4)
        dblocks = np.zeros_like(blocks)
        np.put_along_axis(dblocks, blocks.argmax(axis=-1)[..., None], dy[..., None], axis=-1)
        dx = np.zeros_like(x)
        dx[:, :, : 2 * h, : 2 * w] = dblocks.reshape(n, c, h, w, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(n, c, 2 * h, 2 * w)
        return {"x": dx}


max_pool_reshaped.bug("transpose", "2, 2).transpose(0, 1, 2, 4, 3, 5)", "2, 2).transpose(0, 1, 2, 5, 3, 4)")
max_pool_reshaped.bug("wrong index", "blocks.argmax(axis=-1)", "np.abs(blocks).argmax(axis=-1)")


@right("x: h w; top: : int[0,3]; left: : int[0,3]")
class pad:
    def forward(x, top, left):
        return np.pad(x, ((top, 1), (left, 0)))

    def backward(x, top, left, dy):
        h, w = x.shape
        return {"x": np.array(dy[top : top + h, left : left + w])}


pad.bug("off by one", "dy[top : top + h,", "dy[1 : 1 + h,")
pad.bug("wrong index", "dy[top : top + h, left : left + w]", "dy[left : left + h, top : top + w] if top != 2 and left <= 1 else dy[top : top + h, left : left + w]")
pad.bug("aliased", "np.array(dy[top", "np.asarray(dy[top")


@right("x: n d", "d >= 2")
class reflect_pad:
    def forward(x):
        return np.concatenate([x[:, 1:2], x, x[:, -2:-1]], axis=1)

    def backward(x, dy):
        dx = dy[:, 1:-1].copy()
        dx[:, 1] += dy[:, 0]
        dx[:, -2] += dy[:, -1]
        return {"x": dx}


reflect_pad.bug("repeated indices", "dx[:, 1] += dy[:, 0]\ndx[:, -2] += dy[:, -1]", "dx[:, [1, -2]] += dy[:, [0, -1]]")
reflect_pad.bug("missing term", "dx[:, -2] += dy[:, -1]", "pass")
reflect_pad.bug("aliased", "dy[:, 1:-1].copy()", "dy[:, 1:-1] if x.shape[1] > 6 else dy[:, 1:-1].copy()")


@right("x: n c h w")
class upsample_nearest:
    def forward(x):
        return x.repeat(2, axis=2).repeat(3, axis=3)

    def backward(x, dy):
        n, c, h, w = x.shape
        return {"x": dy.reshape(n, c, h, 2, w, 3).sum(axis=(3, 5))}


upsample_nearest.bug("transpose", "dy.reshape(n, c, h, 2, w, 3).sum(axis=(3, 5))", "dy.reshape(n, c, 2, h, 3, w).sum(axis=(2, 4))")
upsample_nearest.bug("mean against sum", ".sum(axis=(3, 5))", ".mean(axis=(3, 5))")
upsample_nearest.bug("memory order", "dy.reshape(n, c, h, 2, w, 3)", "dy.ravel(order='A').reshape(n, c, h, 2, w, 3)")


@right("x: n l", "l >= 2")
class upsample_linear:
    """To 2 l - 1 points: those in between are means."""

    def forward(x):
        y = np.empty((len(x), 2 * x.shape[1] - 1), dtype=x.dtype)
        y[:, ::2] = x
        y[:, 1::2] = (x[:, :-1] + x[:, 1:]) / 2
        return y

    def backward(x, dy):
        dx = np.array(dy[:, ::2])
        dx[:, :-1] += dy[:, 1::2] / 2
        dx[:, 1:] += dy[:, 1::2] / 2
        return {"x": dx}


upsample_linear.bug("factor", "dx[:, 1:] += dy[:, 1::2] / 2", "dx[:, 1:] += dy[:, 1::2]")
upsample_linear.bug("off by one", "dx[:, 1:] += dy[:, 1::2] / 2", "dx[:, 1:] += dy[:, :-1:2] / 2")
upsample_linear.bug("in place", "dx = np.array(dy[:, ::2])", "dx = dy[:, ::2]")
