"""Losses of classification: how improbable the right class is, -log p, of each row or over all of them."""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

SHAPES = {0: "n c", 1: "n c l", 2: "n c h w", 3: "n c d h w"}  # classes along axis 1, then the axes of space
REDUCTIONS = ("mean", "sum", "none")
ENTROPY = "Bishop, Pattern Recognition and Machine Learning, 2006, eq. 4.108"


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


def reduced(losses: Any, kept: Any, reduction: str) -> Any:
    """The losses of the rows that count, their sum, or their mean; the others lose nothing."""
    some = losses if kept is None else np.where(kept, losses, 0)
    if reduction == "mean":
        return some.mean() if kept is None else some.sum() / kept.sum()
    return some.sum() if reduction == "sum" else some


@options
def cross_entropy(*, reduction: str = "mean", ignore_index: int | None = None, dims: int = 0) -> Layer:
    """Minus the logarithm of the softmax at the label of each row.

    Rows run along axis 1, ``dims`` axes come behind it.  Rows with the label ``ignore_index`` do not count.
    """
    one_of("reduction", reduction, REDUCTIONS)
    rows, labels = shapes_of(dims, ignore_index)

    @layer(source=ENTROPY)
    def cross_entropy(input: rows, target: labels) -> Any:
        """Minus the logarithm of the softmax of each row at its label."""
        kept, label = counted(target, ignore_index)
        loss = reduced(np.log(np.exp(input).sum(axis=1)) - at(input, label), kept, reduction)
        return loss

    return cross_entropy


@options
def nll_loss(*, reduction: str = "mean", ignore_index: int | None = None, dims: int = 0) -> Layer:
    """Minus the logarithm of a probability at the label of each row; logarithms of probabilities come in.

    Rows run along axis 1, ``dims`` axes come behind it.  Rows with the label ``ignore_index`` do not count.
    """
    one_of("reduction", reduction, REDUCTIONS)
    rows, labels = shapes_of(dims, ignore_index)

    @layer(source=ENTROPY)
    def nll_loss(input: rows, target: labels) -> Any:
        """Minus the entry of each row at its label."""
        kept, label = counted(target, ignore_index)
        loss = reduced(-at(input, label), kept, reduction)
        return loss

    return nll_loss
