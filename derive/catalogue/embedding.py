"""Embedding: rows of a table, those that whole numbers say."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import options
from derive.derivation.reader import layer
from derive.errors import DeriveError, callers_place

BENGIO = "Bengio, Ducharme, Vincent, Jauvin, A Neural Probabilistic Language Model, 2003, 2"


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
