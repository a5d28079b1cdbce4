"""Embedding: rows of a table, those that whole numbers say; one by one, or the rows of a bag together."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

BENGIO = "Bengio, Ducharme, Vincent, Jauvin, A Neural Probabilistic Language Model, 2003, 2"
JOULIN = "Joulin, Grave, Bojanowski, Mikolov, Bag of Tricks for Efficient Text Classification, 2017, 2"


def counts(input: Any, weight: Any, padding_idx: int) -> Any:
    """Which whole numbers are not those of the padding, with an axis more for the entries of a row."""
    row = padding_idx if padding_idx >= 0 else weight.shape[0] + padding_idx
    return np.expand_dims(input != row, -1)


def row_or_none(padding_idx: Any) -> int | None:
    """The option; DeriveError if it is neither a whole number nor None."""
    if padding_idx is not None and (not isinstance(padding_idx, int) or isinstance(padding_idx, bool)):
        raise DeriveError(
            f"padding_idx={padding_idx!r}", "a whole number or None was wanted", callers_place(), "padding_idx=0"
        )
    return padding_idx


@options
def embedding(*, padding_idx: int | None = None) -> Layer:
    """For each whole number its row of the weight; where one comes several times, the gradients add up.

    The row ``padding_idx``, from the end if negative, stands for zeros and gets no gradient; PyTorch leaves in forward
    what it finds there, which its module has set to zeros.
    """
    padding = row_or_none(padding_idx)

    def embedding(input: "... : int[0,v)", weight: "v d") -> Any:
        """For each whole number its row of the weight; where one comes several times, the gradients add up."""
        Y = weight[input] if padding is None else np.where(counts(input, weight, padding), weight[input], 0)
        return Y

    return layer(embedding, parameters=["weight"], source=BENGIO)


@options
def embedding_bag(*, mode: str = "mean", per_sample_weights: bool = False, padding_idx: int | None = None) -> Layer:
    """For each bag of whole numbers the mean of their rows, the sum, or the largest entries.

    With ``per_sample_weights`` each row of a sum has a weight.  Rows ``padding_idx`` do not count; a mean of none is 0.
    """
    one_of("mode", mode, ("mean", "sum", "max") if padding_idx is None else ("mean", "sum"))
    padding = row_or_none(padding_idx)
    if one_of("per_sample_weights", per_sample_weights, (False, True)) and mode != "sum":
        raise DeriveError(
            f"per_sample_weights=True with mode={mode!r}", "weights are of sums only", callers_place(), "mode='sum'"
        )

    def embedding_bag(input: "n l : int[0,v)", weight: "v d") -> Any:
        """The rows of each bag together."""
        rows = weight[input]
        if mode == "max":
            return rows.max(axis=1)
        if padding is None:
            return rows.mean(axis=1) if mode == "mean" else rows.sum(axis=1)
        kept = counts(input, weight, padding)
        total = np.where(kept, rows, 0).sum(axis=1)
        number = kept.sum(axis=1)
        return total / np.where(number > 0, number, 1) if mode == "mean" else total

    def weighted(input: "n l : int[0,v)", weight: "v d", per_sample_weights: "n l") -> Any:
        """The sum of the rows of each bag, each with its weight."""
        rows = weight[input] * per_sample_weights[:, :, None]
        return (rows if padding is None else np.where(counts(input, weight, padding), rows, 0)).sum(axis=1)

    chosen = weighted if per_sample_weights else embedding_bag
    return layer(chosen, parameters=["weight"], title="embedding_bag", source=JOULIN)
