"""Leading axes in generated code: arrays declared ``"... d"`` come with any number of axes in front.

To the formulas, and to their proof, these are one axis.  The code makes them one at the door, by a reshape, and puts
them back on what it returns; ``lead`` is their sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from derive.arrays.array import Array, label
from derive.arrays.shapes import LEADING_NAME
from derive.derivation.layer import Input, Layer

IMPORT = "import math\n"


def leading(layer: Layer) -> list[Input]:
    """The inputs that may have any number of leading axes."""
    return [i for i in layer.inputs if i.leading]


def leads(layer: Layer, array: Array) -> bool:
    """True if the array's first axis stands for the leading axes."""
    return bool(leading(layer)) and bool(array.shape) and array.shape[0].name == LEADING_NAME


def flattened(layer: Layer, inputs: Iterable[Input]) -> list[str]:
    """Statements of forward that make the leading axes one."""
    given = [i for i in inputs if i.leading]
    if not given:
        return []
    lines = [f"lead = {_front(given[0].array, given[0].name)}"]
    if len(given) > 1:
        others = " and ".join(f"{_front(i.array, i.name)} == lead" for i in given[1:])
        came = ", ".join(f"{i.name} {{{i.name}.shape}}" for i in given)
        lines += [
            f"if not ({others}):" if len(given) > 2 else f"if {others.replace('==', '!=')}:",
            f'    raise ValueError(f"{layer.name}: {came}; wanted the same leading axes")',
        ]
    return [*lines, *(_joined(i.array, i.name) for i in given)]


def flattened_upstream(layer: Layer, upstream: Iterable[Array]) -> list[str]:
    """Statements of backward that make the leading axes of the upstream gradients one, and refuse other ones."""
    lines = []
    for array in upstream:
        if leads(layer, array):
            d = str(label(array))
            lines += [
                f"if {_front(array, d)} != lead:",
                f'    raise ValueError(f"{layer.name}: {d} {{{d}.shape}}; wanted the leading axes {{lead}}")',
                _joined(array, d),
            ]
    return lines


def unflattened(layer: Layer, array: Array) -> str:
    """What is returned for a named array: its leading axes put back."""
    text = str(label(array))
    if not leads(layer, array):
        return text
    return f"{text}.reshape(lead)" if array.ndim == 1 else f"{text}.reshape(*lead, *{text}.shape[1:])"


def as_given(layer: Layer, lines: Sequence[str], arrays: Iterable[Array]) -> list[str]:
    """Messages that tell the shapes as they came and as they are wanted, with all their leading axes."""
    told = list(lines)
    for array in arrays:
        if leads(layer, array):
            text = str(label(array))
            told = [line.replace(f"{{{text}.shape}}", f"{{(*lead, *{text}.shape[1:])}}") for line in told]
            told = [line.replace(f"wanted {{({text}.shape[0], ", "wanted {(*lead, ") for line in told]
    return [re.sub(rf"\({LEADING_NAME}(,|\b)", r"(...\1", line) if "wanted" in line else line for line in told]


def _front(array: Array, text: str) -> str:
    return f"{text}.shape[:-{array.ndim - 1}]" if array.ndim > 1 else f"{text}.shape"


def _joined(array: Array, text: str) -> str:
    if array.ndim == 1:
        return f"{text} = {text}.reshape(math.prod(lead))"
    return f"{text} = {text}.reshape(math.prod(lead), *{text}.shape[-{array.ndim - 1}:])"
