"""The two problems that the demo trains on: a pair of handwritten digits, and two classes that no line separates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from derive.demo.extra import load

POINTS = 200  # of each class in the plane, as in the text the project starts from


@dataclass(frozen=True, eq=False)
class Data:
    """Points and targets 0 or 1, to train on and held back: X (n, d), T (n, 1), held_X (m, d), held_T (m, 1)."""

    name: str
    source: str
    X: np.ndarray
    T: np.ndarray
    held_X: np.ndarray
    held_T: np.ndarray


def digits() -> Data:
    """scikit-learn's bundled digits, 3 (target 0) against 8 (target 1): X (238, 64) in [0, 1], held_X (119, 64)."""
    images, labels = load("sklearn.datasets", "scikit-learn").load_digits(return_X_y=True)
    chosen = np.isin(labels, (3, 8))
    X, T = images[chosen] / 16.0, (labels[chosen] == 8).astype(float)[:, None]
    split = load("sklearn.model_selection", "scikit-learn").train_test_split
    X, held_X, T, held_T = split(X, T, test_size=1 / 3, random_state=0, stratify=T)
    source = "scikit-learn's bundled 8 x 8 images of handwritten digits, 3 against 8; a third of them held back"
    return Data("digits", source, X, T, held_X, held_T)


def plane() -> Data:
    """A noisy disc (target 1) inside a noisy ring (target 0): X (400, 2), and held_X (400, 2) drawn the same way."""
    rng = np.random.default_rng(0)
    (X, T), (held_X, held_T) = _disc_in_ring(rng), _disc_in_ring(rng)
    source = f"a noisy disc inside a noisy ring, {POINTS} points each, and as many again held back; drawn with seed 0"
    return Data("plane", source, X, T, held_X, held_T)


def _disc_in_ring(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One draw: X (400, 2), the ring first, and T (400, 1)."""
    disc = rng.normal(0.0, 0.42, (POINTS, 2))
    angle, radius = rng.uniform(0.0, 2 * np.pi, POINTS), rng.normal(1.6, 0.2, POINTS)
    ring = np.column_stack((radius * np.cos(angle), radius * np.sin(angle)))
    return np.vstack((ring, disc)), np.repeat((0.0, 1.0), POINTS)[:, None]
