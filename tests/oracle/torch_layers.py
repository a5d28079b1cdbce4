"""The layers of the catalogue as PyTorch computes them.

A layer whose name, inputs and options are those of a function of PyTorch is found by its name; the others, and what
their inputs and options are drawn from where the name does not say it, are in ``LAYERS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derive.derivation.layer import Layer

from .drawing import Draw, Drawn
from .pytorch import functional, torch

Tensor = torch.Tensor

HOMES = (functional, torch.linalg, torch)


@dataclass(frozen=True)
class Oracle:
    """A layer in PyTorch, and what its cases are drawn from."""

    function: Callable[..., Any] | None = None  # called with the inputs and the options by name; None: found by name
    options: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    inputs: Mapping[str, Draw] = field(default_factory=dict)


def dense(X: Tensor, W: Tensor, b: Tensor) -> Tensor:
    return torch.addmm(b, X, W)


def sigmoid(X: Tensor) -> Tensor:
    return torch.sigmoid(X)


def squared_error(Y: Tensor, T: Tensor) -> Tensor:
    return functional.mse_loss(Y, T, reduction="sum") / 2


def two_layer_network(X: Tensor, W1: Tensor, b1: Tensor, W2: Tensor, b2: Tensor, T: Tensor) -> Tensor:
    return squared_error(dense(torch.sigmoid(dense(X, W1, b1)), W2, b2), T)


def rnn_cell(nonlinearity: str, **inputs: Tensor) -> Tensor:
    return {"tanh": torch.rnn_tanh_cell, "relu": torch.rnn_relu_cell}[nonlinearity](**inputs)


def lstm_cell(hx: Tensor, cx: Tensor, **inputs: Tensor) -> tuple[Tensor, Tensor]:
    return torch.lstm_cell(hx=(hx, cx), **inputs)


def layer_norm(input: Tensor, weight: Tensor, normalized_dims: int, **more: Any) -> Tensor:
    return functional.layer_norm(input, weight.shape, weight, **more)


def rms_norm(input: Tensor, weight: Tensor, normalized_dims: int, **more: Any) -> Tensor:
    return functional.rms_norm(input, weight.shape, weight, **more)


def batch_norm(
    input: Tensor,
    weight: Tensor,
    bias: Tensor,
    training: bool,
    eps: float,
    dims: int,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
) -> Tensor:
    if running_mean is None or running_var is None:
        return functional.batch_norm(input, None, None, weight, bias, training, eps=eps)
    fixed = running_mean.detach(), running_var.detach()
    output = functional.batch_norm(input, *fixed, weight, bias, training, eps=eps)
    across = (slice(None), *[None] * dims)  # the formula, for gradients that functional.batch_norm does not give
    formula = (input.detach() - running_mean[across]) * torch.rsqrt(running_var + eps)[across] * weight.detach()[across]
    return output + (formula - formula.detach())


def attention(mask: str | None, **given: Any) -> Tensor:
    return functional.scaled_dot_product_attention(**given)


def attention_mask(chance: np.random.Generator, drawn: Drawn) -> Any:
    """Some position takes part in each row."""
    shape = (*drawn.leading, drawn.sizes["l"], drawn.sizes["s"])
    if drawn.options.get("mask") == "float":
        return chance.standard_normal(shape)
    return (chance.random(shape) < 1 / 2) | (np.arange(shape[-1]) == chance.integers(shape[-1], size=(*shape[:-1], 1)))


def multi_head_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    num_heads: Any,
    bias: bool,
    mask: str | None,
    is_causal: bool,
    need_weights: bool,
    h: int = 0,
    key_padding_mask: Any = False,
    attn_mask: Tensor | None = None,
    **learned: Any,
) -> Any:
    lead, (n, m) = query.shape[:-2], query.shape[-2:]
    rows = [x.reshape(math.prod(lead), *x.shape[-2:]).transpose(0, 1) for x in (query, key, value)]  # batch second
    if is_causal:
        attn_mask = torch.ones(n, key.shape[-2], dtype=torch.bool).triu(1)
    if isinstance(key_padding_mask, Tensor):
        key_padding_mask = key_padding_mask.reshape(math.prod(lead), -1 if math.prod(lead) else key.shape[-2])
        if mask == "float":  # both masks of one kind, as PyTorch wants it
            key_padding_mask = torch.zeros_like(key_padding_mask, dtype=query.dtype).masked_fill(
                key_padding_mask, -math.inf
            )
    names = ("in_proj_weight", "in_proj_bias", "out_proj_weight", "out_proj_bias")
    weight, bias_in, weight_out, bias_out = (learned.pop(name, None) for name in names)
    output, weights = functional.multi_head_attention_forward(
        *rows, m, h or num_heads, weight, bias_in, None, None, False, 0.0, weight_out, bias_out,
        key_padding_mask=key_padding_mask if isinstance(key_padding_mask, Tensor) else None,
        need_weights=need_weights, attn_mask=attn_mask, **learned,
    )  # fmt: skip
    output = output.transpose(0, 1).reshape(*lead, n, m)
    return (output, weights.reshape(*lead, *weights.shape[1:])) if need_weights else output


def rotary_embedding(input: Tensor, cos: Tensor, sin: Tensor, interleaved: bool) -> Tensor:
    """Pairs of entries as complex numbers, which PyTorch has no function for."""
    halves = input.unflatten(-1, (-1, 2)) if interleaved else input.unflatten(-1, (2, -1)).transpose(-1, -2)
    turned = torch.view_as_real(torch.view_as_complex(halves.contiguous()) * torch.complex(cos, sin))
    return (turned if interleaved else turned.transpose(-1, -2)).flatten(-2)


def left_out(chance: np.random.Generator, drawn: Drawn) -> Any:
    """A mask of scores; the first key takes part in each row."""
    shape = drawn.sizes["l"], drawn.sizes["s"]
    if drawn.options.get("mask") == "float":
        return chance.standard_normal(shape)
    return (chance.random(shape) < 1 / 2) & (np.arange(shape[1]) > 0)


def padding(chance: np.random.Generator, drawn: Drawn) -> Any:
    """Some keys are no part of their sequence, but the first is."""
    shape = (*drawn.leading, drawn.sizes["s"])
    return (chance.random(shape) < 1 / 3) & (np.arange(shape[-1]) > 0)


def rnn(input: Tensor, h0: Tensor, nonlinearity: str, **learned: Tensor) -> tuple[Tensor, ...]:
    run = {"tanh": torch.rnn_tanh, "relu": torch.rnn_relu}[nonlinearity]
    output, h_n = run(input, h0[None], [*learned.values()], *ONE_LAYER)
    return output, h_n[0]


def lstm(input: Tensor, h0: Tensor, c0: Tensor, **learned: Tensor) -> tuple[Tensor, ...]:
    output, h_n, c_n = torch.lstm(input, [h0[None], c0[None]], [*learned.values()], *ONE_LAYER)
    return output, h_n[0], c_n[0]


def gru(input: Tensor, h0: Tensor, **learned: Tensor) -> tuple[Tensor, ...]:
    output, h_n = torch.gru(input, h0[None], [*learned.values()], *ONE_LAYER)
    return output, h_n[0]


ONE_LAYER = (True, 1, 0.0, False, False, False)  # biases; layers; dropout; training; both directions; batch first


def cross_entropy(input: Tensor, target: Tensor, dims: int, weight: Any, ignore_index: int | None, **more: Any) -> Tensor:
    ignored = -100 if ignore_index is None else ignore_index
    if not isinstance(weight, Tensor):
        return functional.cross_entropy(input, target, ignore_index=ignored, **more)
    if target.is_floating_point():
        return functional.cross_entropy(input, target, weight, ignore_index=ignored, **more)
    smoothing, reduction = more["label_smoothing"], more["reduction"]
    logs = functional.log_softmax(input.detach(), 1)
    spread = -torch.einsum("nc...,c->n...", logs, weight) / input.shape[1]
    own = _weighted(logs, target, weight, ignored)
    losses = (1 - smoothing) * own + smoothing * torch.where(target == ignored, 0, spread)
    formula = _reduced(losses, weight, target, ignored, reduction)
    known = functional.cross_entropy(input, target, weight.detach(), ignore_index=ignored, **more)
    return known + (formula - formula.detach())


def nll_loss(input: Tensor, target: Tensor, dims: int, weight: Any, ignore_index: int | None, reduction: str) -> Tensor:
    ignored = -100 if ignore_index is None else ignore_index
    if not isinstance(weight, Tensor):
        return functional.nll_loss(input, target, ignore_index=ignored, reduction=reduction)
    formula = _reduced(_weighted(input.detach(), target, weight, ignored), weight, target, ignored, reduction)
    known = functional.nll_loss(input, target, weight.detach(), ignore_index=ignored, reduction=reduction)
    return known + (formula - formula.detach())


def _weighted(logs: Tensor, target: Tensor, weight: Tensor, ignored: int) -> Tensor:
    """The formula of a weighted loss at labels, for the gradient of the weights, which PyTorch does not give."""
    label = torch.where(target == ignored, 0, target)
    losses = -weight[label] * torch.gather(logs, 1, label[:, None])[:, 0]
    return torch.where(target == ignored, 0, losses)


def _reduced(losses: Tensor, weight: Tensor, target: Tensor, ignored: int, reduction: str) -> Tensor:
    if reduction != "mean":
        return losses if reduction == "none" else losses.sum()
    kept = target != ignored
    return losses.sum() / weight[target[kept]].sum()


def labels(chance: np.random.Generator, drawn: Drawn) -> Any:
    """Some rows are ignored, but not the first; or probabilities."""
    n, c, *space = (drawn.sizes[name] for name in ("n", "c", *("", "l", "hw", "dhw")[drawn.options.get("dims", 0)]))
    if drawn.options.get("target") == "probabilities":
        rows = chance.random((n, c, *space)) + 0.1
        return rows / rows.sum(axis=1, keepdims=True)
    found = chance.integers(c, size=(n, *space))
    ignored = drawn.options.get("ignore_index")
    if ignored is not None:
        found[chance.random(found.shape) < 1 / 3] = ignored
        found[0] = 1
    return found


def class_weights(chance: np.random.Generator, drawn: Drawn) -> Any:
    """Of either size, none below 0."""
    return chance.random(drawn.sizes["c"]) * 2 + 0.1


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None) -> Tensor:
    if padding_idx is None:
        return functional.embedding(input, weight)
    rows = torch.arange(len(weight)) == padding_idx % len(weight)  # the module sets that row to zeros
    return functional.embedding(input, torch.where(rows[:, None], 0, weight), padding_idx)


def dropout(input: Tensor, p: float, training: bool, mask: Tensor | None = None) -> Tensor:
    return functional.dropout(input, p, training) if mask is None else input * mask / (1 - p)


def swiglu(input: Tensor, W: Tensor, V: Tensor, bias: bool, b: Tensor | None = None, c: Tensor | None = None) -> Tensor:
    return functional.silu(functional.linear(input, W.T, b)) * functional.linear(input, V.T, c)


def identity(input: Tensor) -> Tensor:
    return input


def hardsigmoid(input: Tensor) -> Tensor:
    return functional.relu6(input + 3) / 6  # of functional.hardsigmoid the slope has eight digits only


def prelu(input: Tensor, weight: Tensor, per_channel: bool) -> Tensor:
    return functional.prelu(input, weight)


def rrelu(input: Tensor, lower: float, upper: float, training: bool, noise: Tensor | None = None) -> Tensor:
    if noise is None:
        return functional.rrelu(input, lower, upper, training)
    return torch.where(input >= 0, input, noise * input)


def logdet(input: Tensor) -> Tensor:
    return torch.linalg.slogdet(input).logabsdet


def frobenius_norm(X: Tensor) -> Tensor:
    return torch.linalg.matrix_norm(X)


def quadratic_form(x: Tensor, A: Tensor, kind: str) -> Tensor:
    return x @ A @ x


IMAGES = {"h": (3, 4, 5, 6, 8), "w": (3, 4, 5, 6, 8), "kh": (1, 2, 3), "kw": (1, 2, 3), "c": (1, 2, 3), "o": (1, 2, 3)}

CLASSES = {"weight": (False, True), "ignore_index": (None, -100, 0, 2), "dims": (0, 1, 2, 3)}
AIMS = {**CLASSES, "target": ("labels", "probabilities"), "ignore_index": (None, None, -100, 0, 2)}
AT_CLASSES: Mapping[str, Draw] = {"target": labels, "weight": class_weights}
ROWS = {"n": (1, 2, 3, 5), "c": (3, 4, 5)}

HEADS = {
    "num_heads": ("h", "h", 1, 2, 3),
    "key_padding_mask": (False, True),
    "mask": (None, "bool", "float"),
    "need_weights": (False, True),
    "use_separate_proj_weight": (False, True),
}

STEPS = {"t": (1, 2, 3, 5)}  # PyTorch wants one

LAYERS: Mapping[str, Oracle] = {
    "conv2d": Oracle(sizes=IMAGES),
    "conv_transpose2d": Oracle(sizes=IMAGES),
    "max_pool2d": Oracle(sizes=IMAGES),
    "avg_pool2d": Oracle(sizes=IMAGES),
    "layer_norm": Oracle(layer_norm, options={"normalized_dims": (1, 2)}),
    "rms_norm": Oracle(rms_norm, options={"normalized_dims": (1, 2)}),
    "batch_norm": Oracle(batch_norm, options={"dims": (0, 1, 2)}, sizes={"n": (2, 3, 5)}),  # PyTorch wants two rows
    "scaled_dot_product_attention": Oracle(
        attention, options={"mask": (None, "bool", "float")}, inputs={"attn_mask": attention_mask}
    ),
    "multi_head_attention": Oracle(
        multi_head_attention, HEADS, inputs={"attn_mask": left_out, "key_padding_mask": padding}
    ),
    "rotary_embedding": Oracle(rotary_embedding, options={"interleaved": (False, True)}),
    "dense": Oracle(dense),
    "sigmoid": Oracle(sigmoid),
    "squared_error": Oracle(squared_error),
    "two_layer_network": Oracle(two_layer_network),
    "cross_entropy": Oracle(cross_entropy, AIMS, ROWS, AT_CLASSES),
    "nll_loss": Oracle(nll_loss, CLASSES, ROWS, AT_CLASSES),
    "embedding": Oracle(embedding),
    "dropout": Oracle(dropout),
    "rnn_cell": Oracle(rnn_cell),
    "lstm_cell": Oracle(lstm_cell),
    "rnn": Oracle(rnn, sizes=STEPS),
    "lstm": Oracle(lstm, sizes=STEPS),
    "gru": Oracle(gru, sizes=STEPS),
    "identity": Oracle(identity),
    "softplus": Oracle(options={"threshold": (20.0, 1.0)}),
    "hardsigmoid": Oracle(hardsigmoid),
    "prelu": Oracle(prelu, options={"per_channel": (False, True)}),
    "rrelu": Oracle(rrelu),
    "logdet": Oracle(logdet),
    "frobenius_norm": Oracle(frobenius_norm),
    "quadratic_form": Oracle(quadratic_form, options={"kind": ("general", "symmetric", "spd")}),
    "swiglu": Oracle(swiglu),
}

NOT_COMPARED: Mapping[str, str] = {}  # layers that PyTorch has nothing for, and why


def oracle_of(name: str) -> Oracle | None:
    """The layer in PyTorch, or None."""
    known = LAYERS.get(name, Oracle())
    if known.function is not None:
        return known
    for home in HOMES:
        found = getattr(home, name, None)
        if found is not None:
            return Oracle(found, known.options, known.sizes, known.inputs)
    return None


def options_of(layer: Layer, chosen: Layer) -> dict[str, Any]:
    """The options of a layer as PyTorch has them; one of an input's name says whether there is that input."""
    inputs = {i.name for i in (*layer.inputs, *chosen.inputs)}
    return {option: value for option, value in chosen.options.items() if option not in inputs}
