"""Cases for a layer, drawn from what it declares: options, sizes (1 and an empty batch among them), arrays, upstream."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np

from derive.arrays.shapes import LEADING_NAME, Declaration
from derive.derivation.layer import Layer
from derive.evidence.cases import draw_whole
from derive.evidence.sizes import number, numbers
from derive.evidence.values import draw_floats

SIZES = (1, 2, 3, 4, 5, 7)
LEADING = ((), (1,), (3,), (2, 3), (2, 1, 2), (0,), (2, 0))  # what "..." stands for
SCALES = (0.3, 1.0, 3.0)

OPTIONS: Mapping[str, Sequence[Any]] = {  # what an option of this name is drawn from; a layer may say otherwise
    "alpha": (1.0, 0.5),
    "approximate": ("none", "tanh"),
    "beta": (1.0, 0.5, 3.0),
    "bias": (True, False),
    "ceil_mode": (False, True),
    "count_include_pad": (True, False),
    "dilation": (1, 2, (1, 2)),
    "dim": (-1, -2),
    "divisor_override": (None, 3, 7),
    "eps": (1e-5, 1e-3, 0.5),
    "groups": (1, 2, 3),
    "ignore_index": (-100, 0, 2),
    "is_causal": (False, True),
    "kernel_size": (1, 2, 3, (2, 3), (3, 1)),
    "label_smoothing": (0.0, 0.1, 1.0),
    "lambd": (0.5, 1.0),
    "lower": (0.125, 0.2),
    "max_val": (1.0, 0.25),
    "min_val": (-1.0, -0.5),
    "negative_slope": (0.01, 0.3),
    "nonlinearity": ("tanh", "relu"),
    "output_padding": (0, 1, (0, 1)),
    "padding": (0, 1, (1, 0), 2),
    "p": (0.5, 0.1),
    "padding_idx": (None, 0, -1),
    "reduction": ("mean", "sum", "none"),
    "scale": (None, 0.25),
    "stride": (1, 2, (2, 1), 3),
    "threshold": (0.0, 0.5),
    "training": (True, False),
    "upper": (1 / 3, 0.5),
    "value": (0.0, -2.0),
}

Draw = Callable[[np.random.Generator, "Drawn"], Any]


@dataclass
class Drawn:
    """What has been drawn so far."""

    options: dict[str, Any]
    leading: tuple[int, ...] = ()
    sizes: dict[str, int] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        shapes = {key: np.shape(value) for key, value in self.inputs.items()}
        return f"options {self.options}, shapes {shapes}"


def generator(name: str, seed: int) -> np.random.Generator:
    """The generator of a layer's case, the same in every run."""
    return np.random.default_rng([zlib.crc32(name.encode()), seed])


def draw_options(chance: np.random.Generator, layer: Layer, own: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Some options at a value of their own, the others as they are by default."""
    drawn = {}
    for option in layer.options:
        values = own.get(option, OPTIONS.get(option))
        if values is None:
            raise LookupError(f"{layer.name}: nothing is said of what the option {option} is drawn from")
        if chance.random() < 2 / 3:
            drawn[option] = values[chance.integers(len(values))]
    return drawn


def draw(
    chance: np.random.Generator,
    layer: Layer,
    options: dict[str, Any],
    dtype: type[np.floating[Any]],
    own_sizes: Mapping[str, Sequence[int]] = MappingProxyType({}),
    own_inputs: Mapping[str, Draw] = MappingProxyType({}),
) -> Drawn:
    """Sizes and inputs of a layer that has these options."""
    drawn = Drawn(options, LEADING[chance.integers(len(LEADING))])
    for k, name in enumerate(layer.sizes):
        values = own_sizes.get(name, (0, *SIZES, *SIZES) if k == 0 else SIZES)  # of the first axis an empty one too
        drawn.sizes[name] = int(values[chance.integers(len(values))])
    for i in layer.inputs:
        own = own_inputs.get(i.name)
        value = draw_array(chance, i.declaration, drawn) if own is None else own(chance, drawn)
        floats = i.kind.is_float and isinstance(value, np.ndarray)
        drawn.inputs[i.name] = value.astype(dtype) if floats else value
    return drawn


def draw_array(chance: np.random.Generator, declared: Declaration, drawn: Drawn) -> Any:
    """An array of the declared shape and kind."""
    kind, shape = declared.kind, shape_of(declared, drawn)
    if kind.equals is not None:
        return number(kind.equals, drawn.sizes)
    if kind.name == "bool":
        return chance.random(shape) < 2 / 3
    if kind.name == "int":
        return draw_whole(chance, kind, drawn.sizes, shape)
    return draw_floats(chance, kind, "normal", float(chance.choice(SCALES)), shape)


def shape_of(declared: Declaration, drawn: Drawn) -> tuple[int, ...]:
    """The shape with the leading axes and sizes that were drawn."""
    if declared.leading or (declared.shape and declared.shape[0].name == LEADING_NAME):
        return (*drawn.leading, *numbers(declared.shape[1:], drawn.sizes))
    return numbers(declared.shape, drawn.sizes)
