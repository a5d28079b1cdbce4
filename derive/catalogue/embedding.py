"""Embedding: rows of a table, those that whole numbers say."""

from __future__ import annotations

from typing import Any

from derive.derivation.reader import layer


def _embedding(input: "... : int[0,v)", weight: "v d") -> Any:
    """For each whole number its row of the weight; where one comes several times, the gradients add up."""
    return weight[input]


embedding = layer(
    _embedding,
    parameters=["weight"],
    title="embedding",
    source="Bengio, Ducharme, Vincent, Jauvin, A Neural Probabilistic Language Model, 2003, 2",
)
