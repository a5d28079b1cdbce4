"""The comparison with PyTorch catches wrong layers and wrong code."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import derive
from derive.errors import DeriveError

from . import torch_cases
from .comparing import Disagreement
from .pytorch import torch
from .torch_cases import CASES, Tally
from .torch_layers import Oracle, oracle_of

RIGHT = derive.layers["dense"]


@derive.layer
def tanh(input: "n d"):
    return np.tanh(input)


@derive.layer
def tanh_twice(input: "n d"):
    return np.tanh(np.tanh(input))


@derive.layer
def softmax_of_columns(input: "n d"):
    E = np.exp(input)
    return E / E.sum(axis=0, keepdims=True)


@derive.layer
def weighed(input: "n d"):
    return np.tanh(input) * 1.0000003


def softmax_of_rows(input):
    return torch.softmax(input, 1)


def all_cases(layer, oracle):
    tally = Tally()
    for seed in range(CASES):
        torch_cases.run(layer, oracle, seed, tally)
    return tally


def test_a_layer_of_your_own_is_found_by_its_name_and_agrees():
    assert all_cases(tanh, oracle_of("tanh")).compared == CASES


WRONG_LAYERS = {
    "another function": (tanh_twice, oracle_of("tanh")),
    "another axis": (softmax_of_columns, Oracle(softmax_of_rows)),
    "a factor in the seventh digit": (weighed, oracle_of("tanh")),
    "another shape": (tanh, Oracle(lambda input: input.T.tanh())),
    "one refuses": (tanh, Oracle(torch.linalg.cholesky)),
}


@pytest.mark.parametrize("wrong", WRONG_LAYERS)
def test_a_wrong_layer_is_caught(wrong):
    with pytest.raises(Disagreement):
        all_cases(*WRONG_LAYERS[wrong])


def changed(**parts):
    """The generated code of dense with a forward or backward of another kind around it."""
    code = RIGHT.derive().compile()

    def forward(*args, **named):
        return parts.get("forward", lambda run, *a, **n: run(*a, **n))(code.forward, *args, **named)

    def backward(dY, cache):
        grads = code.backward(dY, cache)
        return {**grads, **{key: parts[key](value, dY) for key, value in grads.items() if key in parts}}

    return SimpleNamespace(forward=forward, backward=backward)


def refusing(run, X, W, b):
    if X.shape[0] == 1:
        raise DeriveError("one row")
    return run(X, W, b)


def in_float64(run, X, W, b):
    return run(X.astype(np.float64), W.astype(np.float64), b.astype(np.float64))


WRONG_CODE = {
    "the sign": changed(W=lambda dW, dY: -dW),
    "a relative error of 1e-12": changed(W=lambda dW, dY: dW * dW.dtype.type(1 + 1e-12)),
    "nothing": changed(b=lambda db, dY: np.zeros_like(db)),
    "the mean for the sum": changed(b=lambda db, dY: db / max(1, len(dY))),
    "an upstream of ones": changed(b=lambda db, dY: np.ones_like(dY).sum(axis=0)),
    "nan": changed(b=lambda db, dY: db * np.nan),
    "another dtype": changed(b=lambda db, dY: db.astype(np.float32)),
    "a forward in another dtype": changed(forward=in_float64),
    "a forward with another factor": changed(forward=lambda run, X, W, b: run(X, W, b * 2)),
    "refuses one row": changed(forward=refusing),
}


@pytest.mark.parametrize("wrong", WRONG_CODE)
def test_wrong_code_is_caught(wrong, monkeypatch):
    monkeypatch.setattr(torch_cases, "compiled", lambda layer, options: (layer, WRONG_CODE[wrong]))
    with pytest.raises(Disagreement):
        all_cases(RIGHT, oracle_of("dense"))


def test_an_option_that_nothing_is_drawn_for_is_an_error():
    layer = SimpleNamespace(name="new", options={"never_heard_of": 1})
    with pytest.raises(LookupError, match="never_heard_of"):
        torch_cases.run(layer, Oracle(torch.tanh), 0, Tally())
