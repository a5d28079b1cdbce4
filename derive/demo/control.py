"""The controls: logistic regression on the raw points, on what the hidden layer made of them, and the best line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.demo.data import Data
from derive.demo.extra import load
from derive.demo.training import Run


@dataclass(frozen=True, eq=False)
class Control:
    """Accuracies on held-back points, and the logistic regression alone: a point is class 1 where x . w (d,) + b > 0.

    ``best_line`` is what no straight line can exceed on the held-back points, in the plane; None elsewhere.
    """

    alone: float
    on_hidden: float
    best_line: float | None
    w: np.ndarray
    b: float

    def predict(self, X: np.ndarray) -> np.ndarray:
        """The probability of class 1 by logistic regression alone: X (n, d) -> (n, 1)."""
        return np.asarray(1.0 / (1.0 + np.exp(-(X @ self.w + self.b)))[:, None])


def control(run: Run) -> Control:
    """The controls of a training, fitted on the same training points as the network: X (n, d), S (n, h)."""
    data = run.data
    alone = _logistic(data.X, data.T)
    cascade = _logistic(run.hidden(data.X), data.T)
    return Control(
        alone=float(alone.score(data.held_X, data.held_T[:, 0])),
        on_hidden=float(cascade.score(run.hidden(data.held_X), data.held_T[:, 0])),
        best_line=best_line(data) if data.X.shape[1] == 2 else None,
        w=alone.coef_[0],
        b=float(alone.intercept_[0]),
    )


def best_line(data: Data) -> float:
    """The share of held_X (m, 2) that no straight line can exceed, even one chosen after seeing the targets (m, 1).

    Any line can be moved, crossing no point, until it runs through two of the points.  So the lines through each
    pair are tried, with either side as class 1, and the two points on the line count as right.
    """
    X, ones, best = data.held_X, data.held_T[:, 0] > 0.5, 0
    for i, point in enumerate(X):
        away = X - point
        right = (away @ np.array([[0.0, -1.0], [1.0, 0.0]]) @ away.T > 0) == ones  # row j: the line through i and j
        right[:, i] = False
        np.fill_diagonal(right, False)
        count = np.delete(right.sum(axis=1), i)
        best = max(best, int(count.max()), len(X) - 2 - int(count.min()))
    return (best + 2) / len(X)


def _logistic(X: np.ndarray, T: np.ndarray) -> Any:
    """Logistic regression with scikit-learn's defaults, fitted on X (n, d), T (n, 1)."""
    return load("sklearn.linear_model", "scikit-learn").LogisticRegression(max_iter=10_000).fit(X, T[:, 0])
