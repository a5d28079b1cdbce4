"""Every layer of the catalogue beside PyTorch autograd: outputs and gradients, over random shapes and options."""

from __future__ import annotations

import pytest

import derive

from .pytorch import torch
from .torch_cases import CASES, Tally, run
from .torch_layers import NOT_COMPARED, oracle_of

LEAST = CASES // 2  # of the cases of a layer, so many are compared: neither refused by both nor ill-conditioned


@pytest.mark.parametrize("name", derive.layers)
def test_every_layer_is_compared_or_it_is_said_why_not(name):
    assert (oracle_of(name) is None) == (name in NOT_COMPARED)


@pytest.mark.parametrize("name", [name for name in derive.layers if oracle_of(name) is not None])
def test_layer_agrees_with_pytorch(name, tallies):
    tally = Tally()
    tallies[name] = tally
    for seed in range(CASES):
        run(derive.layers[name], oracle_of(name), seed, tally)
    assert tally.compared >= LEAST, tally


def test_the_norm_of_an_empty_matrix_is_zero_as_in_pytorch():
    empty = torch.zeros((0, 5), dtype=torch.float64, requires_grad=True)
    norm = torch.linalg.matrix_norm(empty)
    norm.backward()
    code = derive.layers["frobenius_norm"].derive().compile()
    ours, cache = code.forward(empty.detach().numpy())
    assert ours == norm.item() == 0
    assert code.backward(1.0, cache)["X"].shape == empty.grad.shape == (0, 5)
