"""Layers as a good practitioner writes them in NumPy: what the generated layers are measured against.

Stable where everybody writes it stably, in place on arrays of their own, no checks of shapes, and nothing kept that
backward does not need.  ``forward(*inputs)`` gives the output and a cache, ``backward(dY, cache)`` the gradients.

The usual form of many layers loses all digits somewhere: where a tanh is nearly 1, where a mean is large, where a square
overflows.  ``NAME_accurate`` keeps them, by hand, within the bound that the generated code keeps.
"""

from __future__ import annotations

import numpy as np
from scipy.special import erf

SQRT_HALF, SQRT_2_PI = 0.5**0.5, (2 * np.pi) ** 0.5
TANH_A, TANH_B = (2 / np.pi) ** 0.5, 0.044715


def logistic(x):
    """The stable sigmoid; NumPy's exp is several times as fast as SciPy's expit."""
    e = np.abs(x)
    np.negative(e, out=e)
    np.exp(e, out=e)
    S = np.minimum(x, 0)
    np.exp(S, out=S)
    e += 1
    S /= e
    return S


# ---- linear


class linear:
    def forward(input, weight, bias):
        return input @ weight.T + bias, (input, weight)

    def backward(dY, cache):
        input, weight = cache
        return {"input": dY @ weight, "weight": dY.T @ input, "bias": dY.sum(axis=0)}


class embedding:
    def forward(input, weight):
        return weight[input], (input, weight.shape)

    def backward(dY, cache):
        input, (v, d) = cache
        dW = np.zeros(v * d, dY.dtype)
        places = input[..., None] * d + np.arange(d)
        np.add.at(dW, places.ravel(), dY.ravel())  # several times as fast as by whole rows
        return {"weight": dW.reshape(v, d)}


# ---- elementwise


class relu:
    def forward(input):
        Y = np.maximum(input, 0)
        return Y, Y

    def backward(dY, Y):
        return {"input": dY * (Y > 0)}


class gelu:
    def forward(input):
        cdf = erf(input * SQRT_HALF)
        cdf += 1
        cdf *= 0.5
        return input * cdf, (input, cdf)

    def backward(dY, cache):
        input, cdf = cache
        slope = np.exp(input * input * -0.5)
        slope *= input
        slope /= SQRT_2_PI
        slope += cdf
        slope *= dY
        return {"input": slope}


class gelu_tanh:
    def forward(input):
        t = np.tanh(TANH_A * (input + TANH_B * input * input * input))
        return 0.5 * input * (1 + t), (input, t)

    def backward(dY, cache):
        input, t = cache
        inner = TANH_A * (1 + 3 * TANH_B * input * input)
        return {"input": dY * 0.5 * (1 + t + input * (1 - t * t) * inner)}


class gelu_tanh_accurate:
    """x σ(2 u), the tail of σ kept: no 1 - t² and no 1 + t."""

    def forward(input):
        u = input * input
        u *= TANH_B
        u += 1
        u *= input
        u *= TANH_A
        e = np.abs(u)
        e *= -2
        np.exp(e, out=e)
        e /= 1 + e
        S = np.abs((u > 0) - e)
        return input * S, (input, e, S)

    def backward(dY, cache):
        input, e, S = cache
        slope = input * input
        slope *= 6 * TANH_A * TANH_B
        slope += 2 * TANH_A
        slope *= input
        slope *= e * (1 - e)
        slope += S
        slope *= dY
        return {"input": slope}


class silu:
    def forward(input):
        S = logistic(input)
        return input * S, (input, S)

    def backward(dY, cache):
        input, S = cache
        return {"input": dY * S * (1 + input * (1 - S))}


class softplus:
    def forward(input):
        Y = np.abs(input)
        np.negative(Y, out=Y)
        np.exp(Y, out=Y)
        np.log1p(Y, out=Y)
        Y += np.maximum(input, 0)
        return Y, input

    def backward(dY, input):
        return {"input": dY * logistic(input)}


class sigmoid:
    def forward(X):
        S = logistic(X)
        return S, S

    def backward(dY, S):
        return {"X": dY * S * (1 - S)}


class dropout:
    def forward(input, mask):
        keep = mask.astype(input.dtype)
        keep *= 2  # 1 / (1 - p)
        return input * keep, keep

    def backward(dY, keep):
        return {"input": dY * keep}


class glu:
    def forward(input):
        A, B = np.split(input, 2, axis=-1)
        S = logistic(B)
        return A * S, (A, S)

    def backward(dY, cache):
        A, S = cache
        dX = np.empty((*A.shape[:-1], 2 * A.shape[-1]), A.dtype)
        dA, dB = np.split(dX, 2, axis=-1)
        np.multiply(dY, S, out=dA)
        np.multiply(dA, A * (1 - S), out=dB)
        return {"input": dX}


class swiglu:
    def forward(input, W, V):
        Z, U = input @ W, input @ V
        S = logistic(Z)
        H = Z * S
        return H * U, (input, W, V, Z, U, S, H)

    def backward(dY, cache):
        input, W, V, Z, U, S, H = cache
        dU = dY * H
        dZ = dY * U * S * (1 + Z * (1 - S))
        return {"input": dZ @ W.T + dU @ V.T, "W": input.T @ dZ, "V": input.T @ dU}


# ---- rows


class softmax:
    def forward(input):
        P = input - input.max(axis=-1, keepdims=True)
        np.exp(P, out=P)
        P /= P.sum(axis=-1, keepdims=True)
        return P, P

    def backward(dY, P):
        dX = dY * P
        dX -= P * dX.sum(axis=-1, keepdims=True)
        return {"input": dX}


class log_softmax:
    def forward(input):
        Y = input - input.max(axis=-1, keepdims=True)
        Y -= np.log(np.exp(Y).sum(axis=-1, keepdims=True))
        return Y, Y

    def backward(dY, Y):
        return {"input": dY - np.exp(Y) * dY.sum(axis=-1, keepdims=True)}


class cross_entropy:
    def forward(input, target):
        rows = np.arange(len(target))
        Z = input - input.max(axis=1, keepdims=True)
        label = Z[rows, target]
        np.exp(Z, out=Z)
        total = Z.sum(axis=1)
        Z /= total[:, None]
        return (np.log(total) - label).mean(), (Z, rows, target)

    def backward(dY, cache):
        P, rows, target = cache
        dX = P * (dY / len(target))
        dX[rows, target] -= (dY / len(target))
        return {"input": dX}


class layer_norm:
    def forward(input, weight, bias):
        N = input - input.mean(axis=-1, keepdims=True)
        r = 1 / np.sqrt(np.mean(N * N, axis=-1, keepdims=True) + 1e-5)
        N *= r
        return N * weight + bias, (N, r, weight)

    def backward(dY, cache):
        N, r, weight = cache
        dN = dY * weight
        dX = dN - dN.mean(axis=-1, keepdims=True)
        dX -= N * (dN * N).mean(axis=-1, keepdims=True)
        dX *= r
        return {"input": dX, "weight": (dY * N).sum(axis=0), "bias": dY.sum(axis=0)}


class layer_norm_accurate:
    """Centred twice, and scaled before it is squared."""

    def forward(input, weight, bias):
        N = input - input.mean(axis=-1, keepdims=True)
        N -= N.mean(axis=-1, keepdims=True)
        m = np.maximum(N.max(axis=-1, keepdims=True), 1)
        N *= 1 / m
        r = 1 / np.sqrt(np.vecdot(N, N)[:, None] / N.shape[-1] + 1e-5 / (m * m))
        N *= r
        return N * weight + bias, (N, r / m, weight)

    def backward(dY, cache):
        N, r, weight = cache
        dN = dY * weight
        dX = dN - dN.mean(axis=-1, keepdims=True)
        dX -= N * (np.vecdot(dN, N)[:, None] / N.shape[-1])
        dX *= r
        return {"input": dX, "weight": np.einsum("nd,nd->d", dY, N), "bias": dY.sum(axis=0)}


class rms_norm:
    def forward(input, weight):
        r = 1 / np.sqrt(np.mean(input * input, axis=-1, keepdims=True) + 1e-5)
        N = input * r
        return N * weight, (N, r, weight)

    def backward(dY, cache):
        N, r, weight = cache
        dN = dY * weight
        dX = dN - N * (dN * N).mean(axis=-1, keepdims=True)
        dX *= r
        return {"input": dX, "weight": (dY * N).sum(axis=0)}


class batch_norm:
    axes, across = (0, 2, 3), (slice(None), None, None)

    def forward(input, weight, bias):
        axes, across = batch_norm.axes, batch_norm.across
        N = input - input.mean(axis=axes, keepdims=True)
        r = 1 / np.sqrt(np.mean(N * N, axis=axes, keepdims=True) + 1e-5)
        N *= r
        return N * weight[across] + bias[across], (N, r, weight)

    def backward(dY, cache):
        N, r, weight = cache
        axes, across = batch_norm.axes, batch_norm.across
        dweight, dbias = (dY * N).sum(axis=axes), dY.sum(axis=axes)
        count = (dY.size // len(weight))
        dX = dY - (dbias / count)[across]
        dX -= N * (dweight / count)[across]
        dX *= r * weight[across]
        return {"input": dX, "weight": dweight, "bias": dbias}


class batch_norm_accurate:
    """Centred twice, and scaled before it is squared."""

    def forward(input, weight, bias):
        axes, across = tuple(k for k in range(input.ndim) if k != 1), (slice(None), *[None] * (input.ndim - 2))
        N = input - input.mean(axis=axes, keepdims=True)
        N -= N.mean(axis=axes, keepdims=True)
        m = np.maximum(N.max(axis=axes), 1)
        N *= (1 / m)[across]
        r = 1 / np.sqrt(np.einsum("nchw,nchw->c", N, N) / (N.size // len(m)) + 1e-5 / (m * m))
        N *= r[across]
        return N * weight[across] + bias[across], (N, r / m, weight)

    def backward(dY, cache):
        N, r, weight = cache
        axes, across = tuple(k for k in range(N.ndim) if k != 1), (slice(None), *[None] * (N.ndim - 2))
        dweight, dbias = np.einsum("nchw,nchw->c", dY, N), dY.sum(axis=axes)
        count = N.size // len(r)
        dX = dY - (dbias / count)[across]
        dX -= N * (dweight / count)[across]
        dX *= (r * weight)[across]
        return {"input": dX, "weight": dweight, "bias": dbias}


# ---- attention


class scaled_dot_product_attention:
    def forward(query, key, value):
        scale = (query.shape[-1] ** -0.5)
        S = query @ key.swapaxes(-1, -2)
        S *= scale
        P, _ = softmax.forward(S)
        return P @ value, (query, key, value, P, scale)

    def backward(dY, cache):
        query, key, value, P, scale = cache
        dS = softmax.backward(dY @ value.swapaxes(-1, -2), P)["input"]
        dS *= scale
        return {"query": dS @ key, "key": dS.swapaxes(-1, -2) @ query, "value": P.swapaxes(-1, -2) @ dY}


class multi_head_attention:
    """Eight heads, batch first: the rows of all sequences in one product, heads cut out of them without a copy."""

    def cut(rows, n):
        return rows.reshape(n, -1, 8, rows.shape[-1] // 8).swapaxes(1, 2)

    def forward(query, key, value, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias):
        n, _, e = query.shape
        rows = [x.reshape(-1, e) for x in (query, key, value)]
        weights, biases = np.split(in_proj_weight, 3), np.split(in_proj_bias, 3)
        heads = []
        for x, weight, bias in zip(rows, weights, biases, strict=True):
            projected = x @ weight.T
            projected += bias
            heads.append(multi_head_attention.cut(projected, n))
        A, attended = scaled_dot_product_attention.forward(*heads)
        joined = A.swapaxes(1, 2).reshape(-1, e)
        Y = joined @ out_proj_weight.T
        Y += out_proj_bias
        return Y.reshape(query.shape), (rows, weights, attended, joined, out_proj_weight, query.shape, key.shape)

    def backward(dY, cache):
        rows, weights, attended, joined, out_proj_weight, *shapes = cache
        e = dY.shape[-1]
        G = dY.reshape(-1, e)
        grads = scaled_dot_product_attention.backward(multi_head_attention.cut(G @ out_proj_weight, len(dY)), attended)
        parts = [grads[key].swapaxes(1, 2).reshape(-1, e) for key in ("query", "key", "value")]
        return {
            **{
                key: (part @ weight).reshape(shape)
                for key, part, weight, shape in zip(grads, parts, weights, (shapes[0], shapes[1], shapes[1]), strict=True)
            },
            "in_proj_weight": np.concatenate([part.T @ x for part, x in zip(parts, rows, strict=True)]),
            "in_proj_bias": np.concatenate([part.sum(axis=0) for part in parts]),
            "out_proj_weight": G.T @ joined,
            "out_proj_bias": G.sum(axis=0),
        }


# ---- windows


class conv2d:
    """Padding 1, stride 1: one product an image with its columns, which are kh kw shifted copies of it."""

    def forward(input, weight, bias):
        (n, c, h, w), (o, _, kh, kw) = input.shape, weight.shape
        wide = np.pad(input, ((0, 0), (0, 0), (1, 1), (1, 1)))
        y, x = h + 3 - kh, w + 3 - kw
        columns = np.empty((n, c, kh, kw, y, x), input.dtype)
        for i in range(kh):
            for j in range(kw):
                columns[:, :, i, j] = wide[:, :, i : i + y, j : j + x]
        columns = columns.reshape(n, -1, y * x)
        Y = weight.reshape(o, -1) @ columns
        Y += bias[:, None]
        return Y.reshape(n, o, y, x), (columns, weight, wide.shape)

    def backward(dY, cache):
        columns, weight, shape = cache
        (n, o, y, x), (_, c, kh, kw) = dY.shape, weight.shape
        G = dY.reshape(n, o, -1)
        dW = (G @ columns.swapaxes(1, 2)).sum(axis=0).reshape(weight.shape)
        parts = (weight.reshape(o, -1).T @ G).reshape(n, c, kh, kw, y, x)
        dX = np.zeros(shape, dY.dtype)
        for i in range(kh):
            for j in range(kw):
                dX[:, :, i : i + y, j : j + x] += parts[:, :, i, j]
        return {"input": dX[:, :, 1:-1, 1:-1], "weight": dW, "bias": G.sum(axis=(0, 2))}


class conv_transpose2d:
    """Stride 2, padding 1: a product gives every pixel its kernel, and the kernels are added where they lie."""

    def forward(input, weight, bias):
        (n, c, h, w), (o, kh, kw) = input.shape, weight.shape[1:]
        rows = input.reshape(n, c, -1)
        parts = (weight.reshape(c, -1).T @ rows).reshape(n, o, kh, kw, h, w)
        wide = np.zeros((n, o, 2 * h + kh - 2, 2 * w + kw - 2), input.dtype)
        for i in range(kh):
            for j in range(kw):
                wide[:, :, i : i + 2 * h : 2, j : j + 2 * w : 2] += parts[:, :, i, j]
        Y = wide[:, :, 1:-1, 1:-1]
        Y += bias[:, None, None]
        return Y, (rows, weight, input.shape)

    def backward(dY, cache):
        rows, weight, (n, c, h, w) = cache
        o, kh, kw = weight.shape[1:]
        wide = np.pad(dY, ((0, 0), (0, 0), (1, 1), (1, 1)))
        columns = np.empty((n, o, kh, kw, h, w), dY.dtype)
        for i in range(kh):
            for j in range(kw):
                columns[:, :, i, j] = wide[:, :, i : i + 2 * h : 2, j : j + 2 * w : 2]
        columns = columns.reshape(n, -1, h * w)
        dX = (weight.reshape(c, -1) @ columns).reshape(n, c, h, w)
        dW = (rows @ columns.swapaxes(1, 2)).sum(axis=0).reshape(weight.shape)
        return {"input": dX, "weight": dW, "bias": dY.sum(axis=(0, 2, 3))}


class max_pool2d:
    """Windows of 3 x 3 at a stride of 2, padding 1: a maximum over nine shifted images."""

    def shifted(images, h, w):
        return [images[:, :, i : i + 2 * h : 2, j : j + 2 * w : 2] for i in range(3) for j in range(3)]

    def forward(input):
        h, w = (input.shape[2] + 1) // 2, (input.shape[3] + 1) // 2
        wide = np.pad(input, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
        first, *others = max_pool2d.shifted(wide, h, w)
        Y = first.copy()
        for other in others:
            np.maximum(Y, other, out=Y)
        return Y, (wide, Y)

    def backward(dY, cache):
        wide, Y = cache
        dX = np.zeros_like(wide)
        h, w = Y.shape[2:]
        for images, grads in zip(max_pool2d.shifted(wide, h, w), max_pool2d.shifted(dX, h, w), strict=True):
            np.add(grads, dY * (images == Y), out=grads)
        return {"input": dX[:, :, 1:-1, 1:-1]}


class avg_pool2d:
    """Windows of 3 x 3 at a stride of 2, padding 1: the mean of nine shifted images."""

    def forward(input):
        h, w = (input.shape[2] + 1) // 2, (input.shape[3] + 1) // 2
        wide = np.pad(input, ((0, 0), (0, 0), (1, 1), (1, 1)))
        first, *others = max_pool2d.shifted(wide, h, w)
        Y = first.copy()
        for other in others:
            Y += other
        Y /= 9
        return Y, wide.shape

    def backward(dY, shape):
        dX = np.zeros(shape, dY.dtype)
        part = dY / 9
        for grads in max_pool2d.shifted(dX, *dY.shape[2:]):
            np.add(grads, part, out=grads)
        return {"input": dX[:, :, 1:-1, 1:-1]}


# ---- recurrent


class lstm_cell:
    def forward(input, hx, cx, w_ih, w_hh, b_ih, b_hh):
        Z = input @ w_ih.T
        Z += hx @ w_hh.T
        Z += b_ih + b_hh
        h = hx.shape[1]
        g = np.tanh(Z[:, 2 * h : 3 * h])
        Z = logistic(Z)
        Z[:, 2 * h : 3 * h] = g
        i, f, g, o = np.split(Z, 4, axis=1)
        c = f * cx + i * g
        t = np.tanh(c)
        return (o * t, c), (input, hx, cx, w_ih, w_hh, Z, t)

    def backward(dY, cache):
        dh, dc = dY
        input, hx, cx, w_ih, w_hh, Z, t = cache
        i, f, g, o = np.split(Z, 4, axis=1)
        dc = dc + dh * o * (1 - t * t)
        dZ = np.concatenate(
            [dc * g * i * (1 - i), dc * cx * f * (1 - f), dc * i * (1 - g * g), dh * t * o * (1 - o)], axis=1
        )
        db = dZ.sum(axis=0)
        return {
            "input": dZ @ w_ih, "hx": dZ @ w_hh, "cx": dc * f,
            "w_ih": dZ.T @ input, "w_hh": dZ.T @ hx, "b_ih": db, "b_hh": db.copy(),
        }  # fmt: skip


class gru_cell:
    def forward(input, hx, w_ih, w_hh, b_ih, b_hh):
        a = input @ w_ih.T + b_ih
        b = hx @ w_hh.T + b_hh
        h = hx.shape[1]
        gates = logistic(a[:, : 2 * h] + b[:, : 2 * h])
        r, z = gates[:, :h], gates[:, h:]
        m = b[:, 2 * h :]
        n = np.tanh(a[:, 2 * h :] + r * m)
        return n + z * (hx - n), (input, hx, w_ih, w_hh, r, z, m, n)

    def backward(dY, cache):
        input, hx, w_ih, w_hh, r, z, m, n = cache
        dn = dY * (1 - z) * (1 - n * n)
        dz = dY * (hx - n) * z * (1 - z)
        dr = dn * m * r * (1 - r)
        da = np.concatenate([dr, dz, dn], axis=1)
        db = np.concatenate([dr, dz, dn * r], axis=1)
        return {
            "input": da @ w_ih, "hx": db @ w_hh + dY * z, "w_ih": da.T @ input, "w_hh": db.T @ hx,
            "b_ih": da.sum(axis=0), "b_hh": db.sum(axis=0),
        }  # fmt: skip


class rnn:
    """The inputs of all steps in one product; a loop over the steps for what only they can tell."""

    def forward(input, h0, w_ih, w_hh, b_ih, b_hh):
        t, n, d = input.shape
        A = (input.reshape(-1, d) @ w_ih.T + (b_ih + b_hh)).reshape(t, n, -1)
        H = np.empty((t + 1, *h0.shape), input.dtype)
        H[0] = h0
        for s in range(t):
            np.tanh(A[s] + H[s] @ w_hh.T, out=H[s + 1])
        return (H[1:], H[-1]), (input, w_ih, w_hh, H)

    def backward(dY, cache):
        dH, dh = dY
        input, w_ih, w_hh, H = cache
        dZ = np.empty_like(dH)
        for s in reversed(range(len(dH))):
            dZ[s] = (dH[s] + dh) * (1 - H[s + 1] ** 2)
            dh = dZ[s] @ w_hh
        rows = dZ.reshape(-1, dZ.shape[-1])
        db = rows.sum(axis=0)
        return {
            "input": (rows @ w_ih).reshape(input.shape), "h0": dh, "w_ih": rows.T @ input.reshape(len(rows), -1),
            "w_hh": rows.T @ H[:-1].reshape(len(rows), -1), "b_ih": db, "b_hh": db.copy(),
        }  # fmt: skip


class rnn_accurate:
    """What comes into each tanh is kept: 1 - tanh² z = 4 e / (1 + e)² for e = exp(-2 |z|)."""

    def forward(input, h0, w_ih, w_hh, b_ih, b_hh):
        t, n, d = input.shape
        Z = (input.reshape(-1, d) @ w_ih.T + (b_ih + b_hh)).reshape(t, n, -1)
        H = np.empty((t + 1, *h0.shape), input.dtype)
        H[0] = h0
        for s in range(t):
            Z[s] += H[s] @ w_hh.T
            np.tanh(Z[s], out=H[s + 1])
        return (H[1:], H[-1]), (input, w_ih, w_hh, H, Z)

    def backward(dY, cache):
        dH, dh = dY
        input, w_ih, w_hh, H, Z = cache
        slope = np.abs(Z)
        slope *= -2
        np.exp(slope, out=slope)
        slope /= (1 + slope) ** 2
        slope *= 4
        for s in reversed(range(len(dH))):
            slope[s] *= dH[s] + dh
            dh = slope[s] @ w_hh
        rows = slope.reshape(-1, slope.shape[-1])
        db = rows.sum(axis=0)
        return {
            "input": (rows @ w_ih).reshape(input.shape), "h0": dh, "w_ih": rows.T @ input.reshape(len(rows), -1),
            "w_hh": rows.T @ H[:-1].reshape(len(rows), -1), "b_ih": db, "b_hh": db.copy(),
        }  # fmt: skip


class lstm:
    def forward(input, h0, c0, w_ih, w_hh, b_ih, b_hh):
        t, n, d = input.shape
        h = h0.shape[1]
        A = (input.reshape(-1, d) @ w_ih.T + (b_ih + b_hh)).reshape(t, n, -1)
        H, C = np.empty((t + 1, n, h), input.dtype), np.empty((t + 1, n, h), input.dtype)
        Z, T = np.empty_like(A), np.empty((t, n, h), input.dtype)
        H[0], C[0] = h0, c0
        for s in range(t):
            z = A[s] + H[s] @ w_hh.T
            Z[s] = logistic(z)
            np.tanh(z[:, 2 * h : 3 * h], out=Z[s, :, 2 * h : 3 * h])
            i, f, g, o = np.split(Z[s], 4, axis=1)
            C[s + 1] = f * C[s] + i * g
            np.tanh(C[s + 1], out=T[s])
            H[s + 1] = o * T[s]
        return (H[1:], H[-1], C[-1]), (input, w_ih, w_hh, H, C, Z, T)

    def backward(dY, cache):
        dH, dh, dc = dY
        input, w_ih, w_hh, H, C, Z, T = cache
        dZ = np.empty_like(Z)
        for s in reversed(range(len(dH))):
            i, f, g, o = np.split(Z[s], 4, axis=1)
            di, df, dg, do = np.split(dZ[s], 4, axis=1)
            dh = dh + dH[s]
            dc = dc + dh * o * (1 - T[s] * T[s])
            np.multiply(dc * g, i * (1 - i), out=di)
            np.multiply(dc * C[s], f * (1 - f), out=df)
            np.multiply(dc * i, 1 - g * g, out=dg)
            np.multiply(dh * T[s], o * (1 - o), out=do)
            dc = dc * f
            dh = dZ[s] @ w_hh
        rows = dZ.reshape(-1, dZ.shape[-1])
        db = rows.sum(axis=0)
        return {
            "input": (rows @ w_ih).reshape(input.shape), "h0": dh, "c0": dc, "w_ih": rows.T @ input.reshape(len(rows), -1),
            "w_hh": rows.T @ H[:-1].reshape(len(rows), -1), "b_ih": db, "b_hh": db.copy(),
        }  # fmt: skip


class gru:
    def forward(input, h0, w_ih, w_hh, b_ih, b_hh):
        t, n, d = input.shape
        h = h0.shape[1]
        A = (input.reshape(-1, d) @ w_ih.T + b_ih).reshape(t, n, -1)
        H, G, M = np.empty((t + 1, n, h), input.dtype), np.empty_like(A), np.empty((t, n, h), input.dtype)
        H[0] = h0
        for s in range(t):
            b = H[s] @ w_hh.T + b_hh
            G[s, :, : 2 * h] = logistic(A[s, :, : 2 * h] + b[:, : 2 * h])
            r, z, g = np.split(G[s], 3, axis=1)
            M[s] = b[:, 2 * h :]
            np.tanh(A[s, :, 2 * h :] + r * M[s], out=g)
            H[s + 1] = g + z * (H[s] - g)
        return (H[1:], H[-1]), (input, w_ih, w_hh, H, G, M)

    def backward(dY, cache):
        dH, dh = dY
        input, w_ih, w_hh, H, G, M = cache
        da, db = np.empty_like(G), np.empty_like(G)
        h = H.shape[-1]
        for s in reversed(range(len(dH))):
            r, z, g = np.split(G[s], 3, axis=1)
            dh = dh + dH[s]
            dg = dh * (1 - z) * (1 - g * g)
            da[s, :, :h] = dg * M[s] * r * (1 - r)
            da[s, :, h : 2 * h] = dh * (H[s] - g) * z * (1 - z)
            da[s, :, 2 * h :] = dg
            db[s] = da[s]
            db[s, :, 2 * h :] *= r
            dh = db[s] @ w_hh + dh * z
        rows, others = da.reshape(-1, 3 * h), db.reshape(-1, 3 * h)
        return {
            "input": (rows @ w_ih).reshape(input.shape), "h0": dh, "w_ih": rows.T @ input.reshape(len(rows), -1),
            "w_hh": others.T @ H[:-1].reshape(len(rows), -1), "b_ih": rows.sum(axis=0), "b_hh": others.sum(axis=0),
        }  # fmt: skip


# ---- matrix functions


class inv:
    def forward(A):
        Y = np.linalg.inv(A)
        return Y, Y

    def backward(dY, Y):
        return {"A": -(Y.T @ dY @ Y.T)}


class det:
    def forward(A):
        Y = np.linalg.det(A)
        return Y, (A, Y)

    def backward(dY, cache):
        A, Y = cache
        return {"A": dY * Y * np.linalg.inv(A).T}


class logdet:
    def forward(input):
        return np.linalg.slogdet(input)[1], input

    def backward(dY, input):
        return {"input": dY * np.linalg.inv(input).T}


class solve:
    def forward(A, B):
        X = np.linalg.solve(A, B)
        return X, (A, X)

    def backward(dY, cache):
        A, X = cache
        dB = np.linalg.solve(A.T, dY)
        return {"A": -(dB @ X.T), "B": dB}


class frobenius_norm:
    def forward(X):
        Y = np.sqrt(np.vdot(X, X))
        return Y, (X, Y)

    def backward(dY, cache):
        X, Y = cache
        return {"X": X * (dY / Y)}


class frobenius_norm_accurate:
    """Scaled before it is squared."""

    def forward(X):
        m = np.maximum(X.max(), -X.min()) or X.dtype.type(1)
        Y = m * np.linalg.norm(X / m)
        return Y, (X, Y)

    def backward(dY, cache):
        X, Y = cache
        return {"X": X * (dY / Y)}


class quadratic_form:
    def forward(x, A):
        return x @ A @ x, (x, A)

    def backward(dY, cache):
        x, A = cache
        return {"A": np.outer(dY * x, x), "x": dY * (A @ x + x @ A)}
