"""Windows: loops over positions, columns of patches, strided views."""

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from .notation import right


@right("x: l; w: k", "l >= k", "k > 0")
class conv1d_valid:
    def forward(x, w):
        return np.convolve(x, w[::-1], mode="valid")

    def backward(x, w, dy):
        dx = np.convolve(dy, w, mode="full")
        dw = np.convolve(x, dy[::-1], mode="valid")
        return {"x": dx, "w": dw}


conv1d_valid.bug("wrong index", "np.convolve(dy, w, mode", "np.convolve(dy, w[::-1], mode")
conv1d_valid.bug("wrong index", "dy[::-1]", "dy")


@right("x: n c l; w: o c k; b: o", "l >= k", "k > 0")
class conv1d_loop:
    def forward(x, w, b):
        n, c, length = x.shape
        o, _, k = w.shape
        out = np.zeros((n, o, length - k + 1), dtype=x.dtype)
        for t in range(out.shape[2]):
            out[:, :, t] = np.tensordot(x[:, :, t : t + k], w, axes=([1, 2], [1, 2])) + b
        return out

    def backward(x, w, b, dout):
        dx, dw = np.zeros_like(x), np.zeros_like(w)
        k = w.shape[2]
        for t in range(dout.shape[2]):
            window = x[:, :, t : t + k]
            dw += np.einsum("no,nck->ock", dout[:, :, t], window)
            dx[:, :, t : t + k] += np.einsum("no,ock->nck", dout[:, :, t], w)
        return {"x": dx, "w": dw, "b": dout.sum(axis=(0, 2))}


conv1d_loop.bug("off by one", "for t in range(dout.shape[2]):", "for t in range(dout.shape[2] - 1):")
conv1d_loop.bug("missing sum", "dx[:, :, t : t + k] += ", "dx[:, :, t : t + k] = ")
conv1d_loop.bug("wrong axis", "dout.sum(axis=(0, 2))", "dout.sum(axis=(0, 2)) if dout.shape[1] != dout.shape[2] else dout.sum(axis=(0, 1))")
conv1d_loop.bug("off by one", "window = x[:, :, t : t + k]", "window = x[:, :, max(t - 1, 0) : max(t - 1, 0) + k]")
conv1d_loop.bug("dtype", "np.zeros_like(x), np.zeros_like(w)", "np.zeros(x.shape), np.zeros(w.shape)")
conv1d_loop.bug("size threshold", "for t in range(dout.shape[2]):", "for t in range(min(dout.shape[2], 32)):")


def im2col(x, k, stride, pad):
    n, c, h, w = x.shape
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)])
    col = np.zeros((n, c, k, k, oh, ow), dtype=x.dtype)
    for i in range(k):
        for j in range(k):
            col[:, :, i, j] = img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(n * oh * ow, -1)


def col2im(col, shape, k, stride, pad):
    n, c, h, w = shape
    oh, ow = (h + 2 * pad - k) // stride + 1, (w + 2 * pad - k) // stride + 1
    col = col.reshape(n, oh, ow, c, k, k).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((n, c, h + 2 * pad + stride - 1, w + 2 * pad + stride - 1), dtype=col.dtype)
    for i in range(k):
        for j in range(k):
            img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += col[:, :, i, j]
    return img[:, :, pad : h + pad, pad : w + pad].copy()


@right("x: n c h w; W: o c 3 3; b: o", "h >= 2", "w >= 2", "n > 0", uses=(im2col, col2im))
class Conv2D:
    """Patches as columns, the style of teaching code; stride 2, padding 1."""

    def __init__(self, stride=2, pad=1):
        self.stride, self.pad = stride, pad

    def forward(self, x, W, b):
        n, _, h, w = x.shape
        oh = (h + 2 * self.pad - 3) // self.stride + 1
        ow = (w + 2 * self.pad - 3) // self.stride + 1
        self.x_shape, self.W = x.shape, W
        self.col = im2col(x, 3, self.stride, self.pad)
        out = self.col @ W.reshape(len(W), -1).T + b
        return out.reshape(n, oh, ow, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        o = len(self.W)
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, o)
        db = dout.sum(axis=0)
        dW = (self.col.T @ dout).T.reshape(self.W.shape)
        dcol = dout @ self.W.reshape(o, -1)
        dx = col2im(dcol, self.x_shape, 3, self.stride, self.pad)
        return dx, dW, db


Conv2D.bug("off by one", "pad : h + pad, pad : w + pad", "pad - 1 : h + pad - 1, pad : w + pad")
Conv2D.bug("missing sum", "j : j + stride * ow : stride] += col", "j : j + stride * ow : stride] = col")
Conv2D.bug("transpose", "dout.transpose(0, 2, 3, 1)", "dout.transpose(0, 3, 2, 1)")
Conv2D.bug("transpose", "col.reshape(n, oh, ow, c, k, k).transpose(0, 3, 4, 5, 1, 2)", "col.reshape(n, oh, ow, c, k, k).transpose(0, 3, 5, 4, 1, 2)")
Conv2D.bug("stale state", "self.col = im2col", "self.col = self.col if getattr(self, 'col', None) is not None and len(self.col) == n * oh * ow else im2col")


@right("x: n c h w; W: o c p q", "h >= p", "w >= q", "p > 0", "q > 0")
class conv2d_views:
    def forward(x, W):
        windows = sliding_window_view(x, W.shape[2:], axis=(2, 3))
        return np.einsum("ncijpq,ocpq->noij", windows, W), (x, W)

    def backward(dy, cache):
        x, W = cache
        p, q = W.shape[2:]
        windows = sliding_window_view(x, (p, q), axis=(2, 3))
        dW = np.einsum("ncijpq,noij->ocpq", windows, dy)
        padded = np.pad(dy, ((0, 0), (0, 0), (p - 1, p - 1), (q - 1, q - 1)))
        dx = np.einsum("noijpq,ocpq->ncij", sliding_window_view(padded, (p, q), axis=(2, 3)), W[:, :, ::-1, ::-1])
        return {"x": dx, "W": dW}


conv2d_views.bug("wrong index", "W[:, :, ::-1, ::-1])", "W)")
conv2d_views.bug("wrong index", "W[:, :, ::-1, ::-1])", "W[:, :, ::-1])")
conv2d_views.bug("sizes coincide", "dW = np.einsum(\"ncijpq,noij->ocpq\", windows, dy)", "dW = np.einsum(\"ncijpq,noij->ocpq\", windows, dy)\nif p == q: dW = dW.swapaxes(2, 3).copy()")
conv2d_views.bug("size 1", "padded = np.pad", "dy = dy if p > 1 or q > 1 else 2 * dy\npadded = np.pad")


@right("x: n c h w; W: c 2 2", "h >= 2", "w >= 2")
class depthwise_strided:
    """as_strided windows; one filter for each channel."""

    def forward(x, W):
        n, c, h, w = x.shape
        a, b, d, e = x.strides
        windows = as_strided(x, (n, c, h - 1, w - 1, 2, 2), (a, b, d, e, d, e), writeable=False)
        return np.einsum("ncijpq,cpq->ncij", windows, W)

    def backward(x, W, dy):
        dx = np.zeros_like(x)
        dW = np.zeros_like(W)
        for i in range(2):
            for j in range(2):
                rows, cols = slice(i, i + dy.shape[2]), slice(j, j + dy.shape[3])
                dx[:, :, rows, cols] += dy * W[:, i, j][:, None, None]
                dW[:, i, j] = (x[:, :, rows, cols] * dy).sum(axis=(0, 2, 3))
        return {"x": dx, "W": dW}


depthwise_strided.bug("wrong index", "dy * W[:, i, j]", "dy * W[:, j, i]")
depthwise_strided.bug("off by one", "dW[:, i, j] = (x[:, :, rows, cols] * dy)", "dW[:, i, j] = (x[:, :, rows, cols] * dy)[:, :, : max(dy.shape[2] - 1, 1)]")
depthwise_strided.bug("memory order", "a, b, d, e = x.strides", "e = x.itemsize\na, b, d = c * h * w * e, h * w * e, w * e")


@right("x: n c l; w: c o k", "l > 0", "k > 0")
class conv_transpose1d:
    def forward(x, w, stride=2):
        n, _, length = x.shape
        o, k = w.shape[1:]
        y = np.zeros((n, o, (length - 1) * stride + k), dtype=np.result_type(x, w))
        for t in range(length):
            y[:, :, t * stride : t * stride + k] += np.einsum("nc,cok->nok", x[:, :, t], w)
        return y

    def backward(x, w, dy, stride=2):
        k = w.shape[2]
        dx = np.empty_like(x)
        dw = np.zeros_like(w)
        for t in range(x.shape[2]):
            part = dy[:, :, t * stride : t * stride + k]
            dx[:, :, t] = np.einsum("nok,cok->nc", part, w)
            dw += np.einsum("nc,nok->cok", x[:, :, t], part)
        return {"x": dx, "w": dw}


conv_transpose1d.bug("off by one", "part = dy[:, :, t * stride : t * stride + k]", "part = dy[:, :, min(t * stride + 1, dy.shape[2] - k) :][:, :, :k]")
conv_transpose1d.bug("missing sum", "dw += np.einsum", "dw = np.einsum")


@right("x: n h w; k: 3 3", "h >= 3", "w >= 3")
class conv_same:
    """One channel, padded so that the size stays, four loops."""

    def forward(x, k):
        n, h, w = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        out = np.zeros_like(x)
        for i in range(h):
            for j in range(w):
                out[:, i, j] = np.sum(padded[:, i : i + 3, j : j + 3] * k, axis=(1, 2))
        return out

    def backward(x, k, dout):
        n, h, w = x.shape
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        dpadded = np.zeros_like(padded)
        dk = np.zeros_like(k)
        for i in range(h):
            for j in range(w):
                g = dout[:, i, j][:, None, None]
                dpadded[:, i : i + 3, j : j + 3] += g * k
                dk += np.sum(g * padded[:, i : i + 3, j : j + 3], axis=0)
        return dpadded[:, 1:-1, 1:-1].copy(), dk


conv_same.bug("off by one", "dpadded[:, 1:-1, 1:-1].copy()", "dpadded[:, :-2, :-2].copy()")
conv_same.bug("off by one", "for j in range(w):\n    g", "for j in range(w - 1):\n    g")
conv_same.bug("wrong index", "g = dout[:, i, j][:, None, None]", "g = dout[:, min(j, h - 1), min(i, w - 1)][:, None, None]")
conv_same.bug("size threshold", "dk = np.zeros_like(k)", "dk = np.zeros_like(k)\nif h > 12: padded = padded * 0.9")


@right("x: n 2 h w; W: 2 o 3 3", "h >= 3", "w >= 3")
class grouped_dilated:
    """Two groups of one channel, dilation 2 along the width where it fits."""

    def forward(x, W):
        n, g, h, w = x.shape
        step = 2 if w >= 5 else 1
        out = np.zeros((n, g, W.shape[1], h - 2, w - 2 * step), dtype=x.dtype)
        for i in range(3):
            for j in range(3):
                part = x[:, :, i : i + h - 2, j * step : j * step + w - 2 * step]
                out += part[:, :, None] * W[:, :, i, j][None, :, :, None, None]
        return out.reshape(n, -1, *out.shape[3:])

    def backward(x, W, dy):
        n, g, h, w = x.shape
        step = 2 if w >= 5 else 1
        dy = dy.reshape(n, g, W.shape[1], h - 2, w - 2 * step)
        dx, dW = np.zeros_like(x), np.zeros_like(W)
        for i, j in np.ndindex(3, 3):
            window = np.s_[:, :, i : i + h - 2, j * step : j * step + w - 2 * step]
            dx[window] += np.einsum("ngohw,go->nghw", dy, W[:, :, i, j])
            dW[:, :, i, j] = np.einsum("ngohw,nghw->go", dy, x[window])
        return {"x": dx, "W": dW}


grouped_dilated.bug("off by one", "j * step : j * step + w - 2 * step]\ndx", "j * step : j * step + w - 2 * step]\nif h > 3 and i == 2: continue\ndx")
grouped_dilated.bug("wrong index", "W[:, :, i, j])\n", "W[::-1, :, i, j])\n")
