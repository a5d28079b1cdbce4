"""Losses of classification: how improbable the right class is, -log p, of each row or over all of them."""

from fractions import Fraction
from typing import Any

import numpy as np

from derive.arrays.numbers import stands_for
from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options, real
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

SHAPES = {0: "n c", 1: "n c l", 2: "n c h w", 3: "n c d h w"}  # classes along axis 1, then the axes of space
REDUCTIONS = ("mean", "sum", "none")
ENTROPY = "Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.108"
SMOOTHING = "Szegedy et al., Rethinking the inception architecture for computer vision, 2016, 7"


def shapes_of(dims: int, ignore_index: int | None) -> tuple[str, str]:
    """The shapes of rows along axis 1, and of the labels of the rows."""
    rows = SHAPES[one_of("dims", dims, tuple(SHAPES))]
    if ignore_index is not None and (not isinstance(ignore_index, int) or isinstance(ignore_index, bool)):
        raise DeriveError(
            f"ignore_index={ignore_index!r}", "a whole number or None was wanted", callers_place(), "ignore_index=-100"
        )
    besides = "" if ignore_index is None else f" or {ignore_index}"
    return rows, f"{rows.replace(' c', '', 1)} : int[0,c){besides}"


def at(rows: Any, label: Any) -> Any:
    """The entry of each row at its label."""
    return np.take_along_axis(rows, label[:, None], axis=1)[:, 0]


def counted(target: Any, ignore_index: int | None) -> tuple[Any, Any]:
    """Which rows count, None if all do, and the labels, 0 for rows that do not."""
    if ignore_index is None:
        return None, target
    return target != ignore_index, np.where(target != ignore_index, target, 0)


def masked(kept: Any, values: Any) -> Any:
    """The values of the rows that count, 0 of the others."""
    return values if kept is None else np.where(kept, values, 0)


def reduced(losses: Any, reduction: str, weights: Any = None) -> Any:
    """The losses of the rows, their sum, or their mean; of rows with weights the sum by that of the weights."""
    if reduction == "mean":
        return losses.mean() if weights is None else losses.sum() / weights.sum()
    return losses.sum() if reduction == "sum" else losses


def of_classes(weight: Any, dims: int) -> Any:
    """The weights of the classes, copied along the axes behind axis 1."""
    return weight[(slice(None), *[None] * dims)]


def smoothed(shares: Any, rows: Any, smoothing: Fraction) -> Any:
    """The shares of the classes, a part of them spread evenly."""
    return (1 - smoothing) * shares + smoothing / rows.shape[1] if smoothing else shares


def distribution(label: Any, rows: Any, smoothing: Fraction) -> Any:
    """All at the label, but for a part that is spread evenly over the classes."""
    own = label[:, None] == of_classes(np.arange(rows.shape[1], like=rows), rows.ndim - 2)
    return np.where(own, smoothed(1, rows, smoothing), smoothing / rows.shape[1])


def logsumexp(rows: Any) -> Any:
    """The logarithm of the sum of the exponentials along axis 1."""
    return np.log(np.exp(rows).sum(axis=1))


def mean_surprise(rows: Any, shares: Any) -> Any:
    """Minus the logarithm of the softmax of each row, each class with its share."""
    return (shares * (logsumexp(rows)[:, None] - rows)).sum(axis=1)


@options
def cross_entropy(
    *,
    target: str = "labels",
    weight: bool = False,
    label_smoothing: float = 0.0,
    ignore_index: int | None = None,
    reduction: str = "mean",
    dims: int = 0,
) -> Layer:
    """Minus the logarithm of the softmax of each row at its label, or its mean under the row's probabilities.

    Rows run along axis 1, ``dims`` axes come behind it.  Of a label ``label_smoothing`` is spread over the classes.
    Rows with the label ``ignore_index`` do not count; with ``weight`` each class counts as its weight says.
    """
    one_of("target", target, ("labels", "probabilities"))
    one_of("weight", weight, (False, True))
    one_of("reduction", reduction, REDUCTIONS)
    smoothing = stands_for(real("label_smoothing", label_smoothing, 0, 1))  # exactly, so that 1 is left of its parts
    rows, labels = shapes_of(dims, ignore_index)
    if target == "probabilities" and ignore_index is not None:
        raise DeriveError(
            f"ignore_index={ignore_index} with target='probabilities'",
            "rows are ignored by their label only",
            callers_place(),
            "ignore_index=None, and rows of zeros in target",
        )
    if target == "probabilities" and smoothing == 1:
        raise DeriveError(
            "label_smoothing=1 with target='probabilities'",
            "a number below 1 was wanted: nothing of the target is left",
            callers_place(),
            "label_smoothing=0.1",
        )
    probabilities = f"{rows} : stochastic[1]"

    def at_labels(input: rows, target: labels) -> Any:
        """Minus the logarithm of the softmax of each row at its label."""
        kept, label = counted(target, ignore_index)
        if smoothing:
            Q = distribution(label, input, smoothing)
            loss = reduced(masked(kept, logsumexp(input) - (Q * input).sum(axis=1)), reduction, kept)
        else:
            loss = reduced(masked(kept, logsumexp(input) - at(input, label)), reduction, kept)
        return loss

    def at_weighted_labels(input: rows, target: labels, weight: "c") -> Any:
        """Minus the logarithm of the softmax of each row at its label, times the weight of the class."""
        kept, label = counted(target, ignore_index)
        W = masked(kept, weight[label])
        if smoothing:
            Q = distribution(label, input, smoothing) * of_classes(weight, dims)
            loss = reduced(masked(kept, mean_surprise(input, Q)), reduction, W)
        else:
            loss = reduced(masked(kept, W * (logsumexp(input) - at(input, label))), reduction, W)
        return loss

    def of_probabilities(input: rows, target: probabilities) -> Any:
        """The mean of minus the logarithm of the softmax of each row, under the row of probabilities beside it."""
        loss = reduced(mean_surprise(input, smoothed(target, input, smoothing)), reduction)
        return loss

    def of_weighted_probabilities(input: rows, target: probabilities, weight: "c") -> Any:
        """The mean of minus the logarithm of the softmax of each row under probabilities, the classes weighted."""
        Q = smoothed(target, input, smoothing) * of_classes(weight, dims)
        loss = reduced(mean_surprise(input, Q), reduction)
        return loss

    of_labels = at_weighted_labels if weight else at_labels
    of_rows = of_weighted_probabilities if weight else of_probabilities
    source = f"{ENTROPY}; {SMOOTHING}" if smoothing else ENTROPY
    return layer(of_labels if target == "labels" else of_rows, title="cross_entropy", source=source)


@options
def nll_loss(*, weight: bool = False, ignore_index: int | None = None, reduction: str = "mean", dims: int = 0) -> Layer:
    """Minus the logarithm of a probability at the label of each row; logarithms of probabilities come in.

    Rows run along axis 1, ``dims`` axes come behind it.  Rows with the label ``ignore_index`` do not count; with
    ``weight`` each class counts as its weight says.
    """
    one_of("weight", weight, (False, True))
    one_of("reduction", reduction, REDUCTIONS)
    rows, labels = shapes_of(dims, ignore_index)

    @layer(source=ENTROPY)
    def nll_loss(input: rows, target: labels) -> Any:
        """Minus the entry of each row at its label."""
        kept, label = counted(target, ignore_index)
        loss = reduced(masked(kept, -at(input, label)), reduction, kept)
        return loss

    @layer(source=ENTROPY, title="nll_loss")
    def weighted(input: rows, target: labels, weight: "c") -> Any:
        """Minus the entry of each row at its label, times the weight of the class."""
        kept, label = counted(target, ignore_index)
        W = masked(kept, weight[label])
        loss = reduced(masked(kept, -W * at(input, label)), reduction, W)
        return loss

    return weighted if weight else nll_loss
