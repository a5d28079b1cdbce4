"""What a node test of ONNX is, and what it becomes: a call of a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Node:
    """A node test: its operation, and attributes, inputs and outputs by the names that the operation gives them."""

    name: str
    op: str
    attributes: Mapping[str, Any]
    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    rtol: float = 0.0

    def __getitem__(self, label: str) -> Any:
        return self.inputs[label] if label in self.inputs else self.attributes[label]

    def get(self, label: str, otherwise: Any = None) -> Any:
        """An input or attribute, if it is there."""
        return self.inputs.get(label, self.attributes.get(label, otherwise))


@dataclass(frozen=True)
class Call:
    """The layer that computes the same, what it is given, and how its output becomes the operation's."""

    layer: str
    inputs: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    output: str = ""  # of the operation; by default its first
    back: Callable[[Any], Any] = lambda output: output


class Skipped(Exception):
    """Why a node test is not for our layer."""
