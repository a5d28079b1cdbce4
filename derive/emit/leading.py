"""Leading axes in generated code: arrays declared ``"... d"`` come with any number of axes in front.

To the formulas, and to their proof, these are one axis.  Where every operation acts behind it, the code counts axes
from the last and works for any number as it stands (``is_alike``); the reader is shown none, one and two of them.
Elsewhere the code makes them one at the door, by a reshape, and puts them back on what it returns; ``lead`` is their
sizes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from derive.arrays.array import Array
from derive.arrays.gather import AddRows, OneHot, Pick, Rows
from derive.arrays.joining import Concatenate
from derive.arrays.moves import Slice, Transpose
from derive.arrays.named import label, name
from derive.arrays.operations import Broadcast, Einsum, Elementwise, Matmul, PowerOf, Sum
from derive.arrays.rows import ArgMax, Max
from derive.arrays.shapes import LEADING, LEADING_NAME, Shape, is_leading
from derive.arrays.statistics import Variance
from derive.derivation.layer import Input, Layer
from derive.emit.checks import raised
from derive.index.size import ONE, Size

IMPORT = "import math\n"
ANY = Size({((LEADING, 1),): 1})  # in place of the first size of an array: any number of axes


def leading(layer: Layer) -> list[Input]:
    """The inputs that may have any number of leading axes."""
    return [i for i in layer.inputs if i.leading]


def leads(layer: Layer, array: Array) -> bool:
    """True if the array's first axis stands for the leading axes."""
    return bool(leading(layer)) and is_leading(array.shape)


def open_shape(shape: Shape) -> Shape:
    """``(..., d)``: a shape with any number of leading axes."""
    return (ANY, *shape[1:]) if is_leading(shape) else shape


def opened(array: Array) -> Array:
    """A named array with any number of leading axes."""
    return name(str(label(array)), open_shape(array.shape), array.kind)


def is_alike(node: Array) -> bool:
    """True if the code of a node, axes being counted from the last, is the same for any number of leading axes."""
    arrays, axes = (node, *node.operands), tuple(getattr(node.op, "along", getattr(node.op, "axes", ())))
    if any(LEADING_NAME in size.names for a in arrays for size in a.shape[is_leading(a.shape) :]):
        return False
    leads = [is_leading(operand.shape) for operand in node.operands]
    if not any(leads):
        return True  # what the leading axes are copied to is said by their size, or not at all
    match node.op:
        case Elementwise() | PowerOf() | Rows() | AddRows():
            return True
        case Broadcast():
            return is_leading(node.shape) and axes[0] == 0
        case Sum() if len(axes) == node.operands[0].ndim:
            return True
        case Sum() | Max() | ArgMax() | Variance():
            return 0 not in axes
        case Pick(axis=axis) | OneHot(axis=axis) | Concatenate(axis=axis):
            return axis > 0
        case Matmul():
            return leads[0] and (leads[1] or (node.ndim == 2 and node.operands[0].shape[1] != ONE))
        case Einsum(inputs=inputs, output=output):
            front = output[:1]
            alike = all(lead == (letters[:1] == front) for lead, letters in zip(leads, inputs, strict=True))
            return bool(front) and alike and not any(front in letters[1:] for letters in (*inputs, output))
        case Transpose(order=order):
            return order[0] == 0 and sum(axis != k for k, axis in enumerate(order)) == 2
        case Slice(begin=begin, extent=extent, stride=stride):
            return not begin[0].terms and extent[0] == node.operands[0].shape[0] and stride[0] == 1
    return False


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
    told = [re.sub(rf"\({LEADING_NAME}(,|\b)", r"(...\1", line) if "wanted" in line else line for line in told]
    return [part for line in told for part in _broken(line)]


def _broken(line: str) -> list[str]:
    """What is raised, in more lines if one does not do."""
    found = re.fullmatch(r' +raise ValueError\(f"(.*)(; wanted .*)"\)', line)
    return raised(found[1], found[2]) if found else [line]


def _front(array: Array, text: str) -> str:
    return f"{text}.shape[:-{array.ndim - 1}]" if array.ndim > 1 else f"{text}.shape"


def _joined(array: Array, text: str) -> str:
    rest = {1: "", 2: f", {text}.shape[-1]"}.get(array.ndim, f", *{text}.shape[{1 - array.ndim}:]")
    return f"{text} = {text}.reshape(math.prod(lead){rest})"  # -1 would not do for arrays without entries
