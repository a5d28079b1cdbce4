"""The thirteen claims made about the seed network, as data: the words of each, and the statements that decide it.

Nothing here says whether a claim holds.  ``delta4`` of the source is read as dY, ``delta3`` as dS, ``delta2`` as dZ1,
each being the true adjoint, so that one wrong claim does not spoil those that build on it.  E is the loss: dE = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from derive.arrays.array import Array, apply
from derive.arrays.named import name
from derive.arrays.operations import Eye
from derive.catalogue.seed import dense, sigmoid, two_layer_network
from derive.derivation.layer import Layer
from derive.index.size import Size


@dataclass(frozen=True)
class AdjointIs:
    """The adjoint of a name is an expression; ``given`` fixes sizes and upstream gradients."""

    layer: Layer
    target: str
    claimed: Array
    given: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ValueIs:
    """The value of a computed name is an expression in the other names."""

    layer: Layer
    target: str
    claimed: Array


@dataclass(frozen=True)
class ActsEntrywise:
    """Each entry of ``output`` depends on the same entry of ``variable`` alone."""

    layer: Layer
    output: str
    variable: str


@dataclass(frozen=True)
class StepIs:
    """What each parameter becomes in a step of gradient descent; ``rate`` is the step size, or None for any."""

    layer: Layer
    claimed: Mapping[str, Array]
    rate: int | None = None


@dataclass(frozen=True)
class NoParameters:
    """The layer has no parameters."""

    layer: Layer


@dataclass(frozen=True)
class OnlyPassesUp:
    """The layer's backward gives the deltas of its data, made from the delta from above, and nothing else."""

    layer: Layer


@dataclass(frozen=True)
class SetByLoss:
    """The delta of a name is made by the loss alone."""

    layer: Layer
    target: str


Part = AdjointIs | ValueIs | ActsEntrywise | StepIs | NoParameters | OnlyPassesUp | SetByLoss


@dataclass(frozen=True)
class Claim:
    """A claim about a network: its id, its words (Markdown), the statements that it consists of."""

    id: str
    words: str
    layer: Layer
    parts: tuple[Part, ...]


def of(layer: Layer, key: str) -> Array:
    """A name of a layer (``S``), or the adjoint of one (``dS``)."""
    names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    return name(key, layer.named(key if key in names else key[1:]).shape)


def _claims() -> tuple[Claim, ...]:
    network, loss = two_layer_network, {"dE": 1}
    X, W1, b1, S, W2, b2, Y, T = (of(network, key) for key in ("X", "W1", "b1", "S", "W2", "b2", "Y", "T"))
    dY, dS, dZ1 = (of(network, key) for key in ("dY", "dS", "dZ1"))
    x, W, b, delta = (of(dense, key) for key in ("X", "W", "b", "dY"))
    row, ones = {"n": 1}, apply(Eye(Size.of("m")))
    updates = {key: p - of(network, f"d{key}") for key, p in (("W1", W1), ("b1", b1), ("W2", W2), ("b2", b2))}

    def adjoint(target: str, claimed: Array) -> AdjointIs:
        return AdjointIs(network, target, claimed, loss)

    table: tuple[tuple[str, str, tuple[Part, ...]], ...] = (
        ("F1", r"a dense layer $`x^2_j = \sum_i x^1_i w_{ij} + b_j`$ is $`X^2 = X^1 W + b`$",
         (ValueIs(dense, "Y", np.einsum("ri,ij->rj", x, W) + b),)),
        ("F2", "an activation layer acts entry by entry", (ActsEntrywise(network, "S", "Z1"),)),
        ("F3", r"for one row: $`\partial x^2 / \partial W = (x^1)^{\top}`$, that is "
         r"$`\partial E / \partial W = (x^1)^{\top} \delta`$; and $`\partial x^2 / \partial b = I`$, "
         r"that is $`\partial E / \partial b = \delta I`$",
         (AdjointIs(dense, "W", x.T @ delta, row), AdjointIs(dense, "b", delta @ ones, row))),
        ("F4", r"gradient descent: $`\theta_{\mathrm{new}} = \theta - \partial E / \partial \theta`$",
         (StepIs(network, updates, 1),)),
        ("F5", r"the delta of the output layer: $`\delta^4 = \partial E / \partial Y = \sum_i (y'_i - y_i)`$",
         (adjoint("Y", (T - Y).sum(axis=0)),)),
        ("F6", r"$`\partial E / \partial W^2 = S^{\top} \delta^4`$", (adjoint("W2", S.T @ dY),)),
        ("F7", r"$`\partial E / \partial b^2 = \delta^4`$", (adjoint("b2", dY),)),
        ("F8", r"the second dense layer passes up $`\delta^3 = \delta^4 (W^2)^{\top}`$", (adjoint("S", dY @ W2.T),)),
        ("F9", r"the sigmoid layer has no parameters and passes up $`\delta^2 = S \odot (1 - S) \odot \delta^3`$",
         (NoParameters(sigmoid), adjoint("Z1", S * (1 - S) * dS))),
        ("F10", r"$`\partial E / \partial W^1 = X^{\top} \delta^2`$", (adjoint("W1", X.T @ dZ1),)),
        ("F11", r"$`\partial E / \partial b^1 = \delta^2`$", (adjoint("b1", dZ1),)),
        ("F12", r"in general, layer n with input $`x_n`$ and $`\delta`$ from above: "
         r"$`\mathrm{d}W = x_n^{\top} \delta`$, $`\mathrm{d}b = \delta`$, and $`\delta W_n^{\top}`$ is passed up",
         (AdjointIs(dense, "W", x.T @ delta), AdjointIs(dense, "b", delta), AdjointIs(dense, "X", delta @ W.T))),
        ("F13", "a layer without parameters only passes the delta up; the delta of the last layer is set by the loss",
         (*map(OnlyPassesUp, _without_parameters(network)), SetByLoss(network, "Y"))),
    )  # fmt: skip  # a table reads best in rows
    return tuple(Claim(key, words, network, parts) for key, words, parts in table)


def _without_parameters(network: Layer) -> list[Layer]:
    """The layers that a network calls and that have no parameters."""
    called = [layer for e in network.equations if (layer := getattr(e.expression.op, "layer", None)) is not None]
    return [layer for layer in dict.fromkeys(called) if all(i.role != "parameter" for i in layer.inputs)]


CLAIMS = _claims()
