"""The layers as JAX has them, or as one writes them with it; inputs in the order of PyTorch's, options by its names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax, nn


def cross_entropy(input, target):
    return -jnp.take_along_axis(nn.log_softmax(input), target[:, None], axis=1).mean()


def layer_norm(input, weight, bias, eps=1e-5):
    return nn.standardize(input, epsilon=eps) * weight + bias


def rms_norm(input, weight, eps=1e-5):
    return input * lax.rsqrt(jnp.mean(input * input, axis=-1, keepdims=True) + eps) * weight


def batch_norm(input, weight, bias, eps=1e-5):
    return nn.standardize(input, axis=(0, 2, 3), epsilon=eps) * weight[:, None, None] + bias[:, None, None]


def scaled_dot_product_attention(query, key, value):
    S = query @ key.swapaxes(-1, -2) / query.shape[-1] ** 0.5
    return nn.softmax(S) @ value


def multi_head_attention(query, key, value, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias, num_heads):
    weights, biases = jnp.split(in_proj_weight, 3), jnp.split(in_proj_bias, 3)

    def heads(x, weight, bias):
        return (x @ weight.T + bias).reshape(*x.shape[:-1], num_heads, -1).swapaxes(-2, -3)

    Q, K, V = map(heads, (query, key, value), weights, biases)
    joined = scaled_dot_product_attention(Q, K, V).swapaxes(-2, -3).reshape(query.shape)
    return joined @ out_proj_weight.T + out_proj_bias


def conv2d(input, weight, bias, padding=0):
    Y = lax.conv_general_dilated(input, weight, (1, 1), [(padding, padding)] * 2)
    return Y + bias[:, None, None]


def conv_transpose2d(input, weight, bias, stride, padding):
    around = [(k - 1 - padding,) * 2 for k in weight.shape[2:]]
    turned = weight[:, :, ::-1, ::-1].swapaxes(0, 1)
    Y = lax.conv_general_dilated(input, turned, (1, 1), around, lhs_dilation=(stride, stride))
    return Y + bias[:, None, None]


def _pooled(input, start, combine, size, stride, padding):
    around = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    return lax.reduce_window(input, start, combine, (1, 1, size, size), (1, 1, stride, stride), around)


def max_pool2d(input, kernel_size, stride, padding):
    return _pooled(input, -jnp.inf, lax.max, kernel_size, stride, padding)


def avg_pool2d(input, kernel_size, stride, padding):
    return _pooled(input, 0.0, lax.add, kernel_size, stride, padding) / kernel_size**2


def lstm_cell(input, hx, cx, w_ih, w_hh, b_ih, b_hh):
    i, f, g, o = jnp.split(input @ w_ih.T + hx @ w_hh.T + b_ih + b_hh, 4, axis=1)
    c = nn.sigmoid(f) * cx + nn.sigmoid(i) * jnp.tanh(g)
    return nn.sigmoid(o) * jnp.tanh(c), c


def gru_cell(input, hx, w_ih, w_hh, b_ih, b_hh):
    a, b = input @ w_ih.T + b_ih, hx @ w_hh.T + b_hh
    (r1, z1, n1), (r2, z2, n2) = jnp.split(a, 3, axis=1), jnp.split(b, 3, axis=1)
    r, z = nn.sigmoid(r1 + r2), nn.sigmoid(z1 + z2)
    n = jnp.tanh(n1 + r * n2)
    return n + z * (hx - n)


def rnn_cell(input, hx, w_ih, w_hh, b_ih, b_hh):
    return jnp.tanh(input @ w_ih.T + hx @ w_hh.T + b_ih + b_hh)


def rnn(input, h0, *learned):
    def step(h, x):
        h = rnn_cell(x, h, *learned)
        return h, h

    h, H = lax.scan(step, h0, input)
    return H, h


def lstm(input, h0, c0, *learned):
    def step(state, x):
        state = lstm_cell(x, *state, *learned)
        return state, state[0]

    (h, c), H = lax.scan(step, (h0, c0), input)
    return H, h, c


def gru(input, h0, *learned):
    def step(h, x):
        h = gru_cell(x, h, *learned)
        return h, h

    h, H = lax.scan(step, h0, input)
    return H, h


LAYERS: Mapping[str, Callable[..., Any]] = {
    "linear": lambda input, weight, bias: input @ weight.T + bias,
    "embedding": lambda input, weight: weight[input],
    "relu": nn.relu,
    "gelu": lambda input, approximate="none": nn.gelu(input, approximate == "tanh"),
    "silu": nn.silu,
    "softplus": nn.softplus,
    "sigmoid": nn.sigmoid,
    "dropout": lambda input, mask, p=0.5: input * mask / (1 - p),
    "glu": nn.glu,
    "swiglu": lambda input, W, V: nn.silu(input @ W) * (input @ V),
    "softmax": nn.softmax,
    "log_softmax": nn.log_softmax,
    "cross_entropy": cross_entropy,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "batch_norm": batch_norm,
    "scaled_dot_product_attention": scaled_dot_product_attention,
    "multi_head_attention": multi_head_attention,
    "conv2d": conv2d,
    "conv_transpose2d": conv_transpose2d,
    "max_pool2d": max_pool2d,
    "avg_pool2d": avg_pool2d,
    "lstm_cell": lstm_cell,
    "gru_cell": gru_cell,
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "rnn_cell": rnn_cell,
    "inv": jnp.linalg.inv,
    "det": jnp.linalg.det,
    "logdet": lambda A: jnp.linalg.slogdet(A)[1],
    "solve": jnp.linalg.solve,
    "frobenius_norm": jnp.linalg.norm,
    "quadratic_form": lambda x, A: x @ A @ x,
}

jax.config.update("jax_platforms", "cpu")
