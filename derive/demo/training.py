"""Plain gradient descent with the generated module, and what the trained network answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from derive.demo.data import Data

HOPELESS = 1e6  # a loss that has grown this many times will not come back; stopping keeps the arithmetic finite
LOOKS = 60  # how many times the held-back loss is looked at during a training, ever more rarely


@dataclass(frozen=True)
class Recipe:
    """How a network is trained: hidden units, seed of the starting point, steps, step size per point."""

    hidden: int
    seed: int
    steps: int
    rate: float


# Step sizes at which the loss falls at every step: descent that never jumps does not magnify the last bit of a sum.
RECIPES = MappingProxyType({"plane": Recipe(3, 0, 6000, 0.3), "digits": Recipe(8, 0, 3000, 0.1)})


@dataclass(frozen=True, eq=False)
class Run:
    """A trained network: losses (steps + 1,) are E / n on the training points, held_losses (k,) at held_steps (k,)."""

    data: Data
    network: Any
    rate: float
    losses: np.ndarray
    held_steps: np.ndarray
    held_losses: np.ndarray
    diverged: bool

    @property
    def steps(self) -> int:
        """How many steps were made."""
        return len(self.losses) - 1

    def hidden(self, X: np.ndarray) -> np.ndarray:
        """The hidden activations: X (n, d) -> S (n, h)."""
        return np.asarray(self.network.sigmoid.forward(self.network.dense1.forward(X)))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The outputs: X (n, d) -> Y (n, 1)."""
        return np.asarray(self.network.dense2.forward(self.hidden(X)))

    def accuracy(self, X: np.ndarray, T: np.ndarray) -> float:
        """The share of points on the right side of Y = 1/2: X (n, d), T (n, 1) of 0 and 1."""
        return float(np.mean((self.predict(X) > 0.5) == (T > 0.5)))

    @property
    def train_accuracy(self) -> float:
        """The accuracy on the points trained on."""
        return self.accuracy(self.data.X, self.data.T)

    @property
    def held_accuracy(self) -> float:
        """The accuracy on the points held back."""
        return self.accuracy(self.data.held_X, self.data.held_T)


def initial(d: int, h: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A starting point: W1 (d, h) and W2 (h, 1) normal with variance 1/fan-in, b1 (h,) and b2 (1,) zero."""
    rng = np.random.default_rng(seed)
    W1, W2 = rng.normal(0.0, d**-0.5, (d, h)), rng.normal(0.0, h**-0.5, (h, 1))
    return W1, np.zeros(h), W2, np.zeros(1)


def train(
    network: Any, data: Data, steps: int, rate: float, on_step: Callable[[int, float], None] | None = None
) -> Run:
    """Full-batch descent of E = 1/2 sum (Y - T)^2, X (n, d), T (n, 1); E is a sum, so a step has size rate / n."""
    n, looks = len(data.X), {0, *np.geomspace(1, steps, LOOKS).astype(int).tolist(), steps}
    losses: list[float] = []
    held: list[tuple[int, float]] = []
    diverged = False
    for step in range(steps + 1):
        if step in looks:
            held.append((step, float(network.forward(data.held_X, data.held_T)) / len(data.held_X)))
        losses.append(float(network.forward(data.X, data.T)) / n)
        if on_step is not None:
            on_step(step, losses[-1])
        diverged = not losses[-1] <= HOPELESS * max(losses[0], 1.0)
        if diverged or step == steps:
            break
        network.backward()
        network.step(rate / n)
    at, held_losses = zip(*held, strict=True)
    return Run(data, network, rate, np.array(losses), np.array(at), np.array(held_losses), diverged)


def fit(module: Any, data: Data, recipe: Recipe, on_step: Callable[[int, float], None] | None = None) -> Run:
    """A network of the generated module, started and trained as the recipe says: X (n, d), T (n, 1)."""
    network = module.Network(*initial(data.X.shape[1], recipe.hidden, recipe.seed))
    return train(network, data, recipe.steps, recipe.rate, on_step)


def affine(layer: Any, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights W (width, k) and bias b (k,) of a dense layer, asked of its forward alone."""
    b = layer.forward(np.zeros((1, width)))[0]
    return layer.forward(np.eye(width)) - b, b
