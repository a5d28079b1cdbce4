"""The functions that a formula may call: NumPy's by their names, and the layers of the catalogue that map one array."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from functools import cache
from inspect import signature
from typing import TYPE_CHECKING, Any

import numpy as np

from derive.arrays import build
from derive.arrays.array import Array, apply
from derive.arrays.functions import FUNCTIONS
from derive.arrays.named import Named
from derive.arrays.operations import Broadcast, Constant, Elementwise, Eye, PowerOf
from derive.arrays.products import contract
from derive.arrays.reducing import arange
from derive.errors import DeriveError
from derive.index.size import Size

if TYPE_CHECKING:
    from derive.derivation.layer import Layer

Value = Any  # an Array, a size, an exact number, or what an index is made of

OPTIONS = ("axis", "keepdims", "axes", "ddof")  # keywords of every function; a layer has its own besides
ALIASES = {"dim": "axis", "keepdim": "keepdims"}  # PyTorch's words, to be said in NumPy's
LINALG = ("inv", "det", "solve", "norm", "slogdet")
_OPERATORS = ("add", "subtract", "multiply", "divide", "negative", "logical_not")  # written + - * / ~


def _no_less_than_0(size: Value) -> Size:
    found = build.size_of(size)
    if (-found - 1).is_nonnegative():
        raise DeriveError(f"the size {found}", "a size of at least 0 was wanted")
    return found


def _eye(size: Value, columns: Value = None) -> Array:
    if columns is not None and build.size_of(columns) != build.size_of(size):
        raise DeriveError(f"eye({size}, {columns})", "one size was wanted", "", f"eye({size})")
    return apply(Eye(_no_less_than_0(size)))


def _full(value: int) -> Callable[..., Array]:
    def full(*shape: Value) -> Array:
        sizes = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        return apply(Constant(Fraction(value), tuple(_no_less_than_0(size) for size in sizes)))

    return full


def _filled(shape: Value, value: Value) -> Array:
    return build.spread(build.constant(value), _full(1)(shape).shape)


def _diag(array: Value) -> Array:
    array = build.constant(array)
    if array.ndim == 1:
        return contract([("i", array), ("ij", _eye(array.shape[0]))], "ij")
    if array.ndim == 2 and array.shape[0] == array.shape[1]:
        return contract([("ii", array)], "i")
    raise DeriveError(f"diag of {build.shaped(array)}", "a vector or a square matrix was wanted")


def _elementwise(function: str) -> Callable[..., Array]:
    wanted = len(signature(FUNCTIONS[function].meaning).parameters)

    def of_entries(*operands: Value) -> Array:
        if len(operands) != wanted:
            raise TypeError(f"{function}() takes {wanted} argument{'s' * (wanted > 1)} but {len(operands)} were given")
        return build.elementwise(function, *operands)

    return of_entries


def _of_one(name: str, of_two: str) -> Callable[..., Array]:
    """NumPy's reduction of one array, that Python has a function of several numbers for."""

    def reduced(*given: Value, **options: Value) -> Array:
        if any(isinstance(each, Array) for each in given[1:]):
            raise DeriveError(f"{name} of {len(given)} arrays", "one array was wanted", "", f"{of_two}(a, b)")
        result: Array = getattr(np, name)(*given, **options)
        return result

    return reduced


_ARRAYS: dict[str, Callable[..., Any]] = {
    "inv": np.linalg.inv,
    "det": np.linalg.det,
    "slogdet": np.linalg.slogdet,
    "logdet": lambda a: np.linalg.slogdet(a)[1],
    "solve": np.linalg.solve,
    "norm": np.linalg.norm,
    "trace": np.trace,
    "outer": np.outer,
    "dot": np.dot,
    "matmul": np.matmul,
    "einsum": np.einsum,
    "transpose": np.transpose,
    "swapaxes": np.swapaxes,
    "reshape": np.reshape,
    "broadcast_to": build.broadcast_to,
    "pad": build.pad,
    "diag": _diag,
    "diagonal": _diag,
    "sum": np.sum,
    "mean": np.mean,
    "var": np.var,
    "std": np.std,
    "max": _of_one("max", "maximum"),
    "min": _of_one("min", "minimum"),
    "where": np.where,
    "power": np.power,
    "square": np.square,
    "relu": lambda x: build.elementwise("maximum", x, 0),
    "step": lambda x: build.elementwise("where", build.constant(x) > 0, 1, 0),
    "logaddexp": np.logaddexp,
    "sinh": lambda x: (np.exp(x) - np.exp(-x)) / 2,
    "cosh": lambda x: (np.exp(x) + np.exp(-x)) / 2,
}
_MAKERS: dict[str, Callable[..., Any]] = {
    "eye": _eye,
    "ones": _full(1),
    "zeros": _full(0),
    "full": _filled,
    "arange": arange,
}


@cache
def _plain() -> dict[str, Callable[..., Any]]:
    """The functions that need no layer, by name."""
    scalar = {name: _elementwise(name) for name in FUNCTIONS if name not in _OPERATORS}
    return {**scalar, **{name: _led(function) for name, function in _ARRAYS.items()}, **_MAKERS}


def words(with_layers: bool = True) -> tuple[str, ...]:
    """The functions that a formula may call, with or without the layers of the catalogue."""
    return tuple(sorted({*_plain(), *(_layers() if with_layers else ())}))


def word(name: str) -> Callable[..., Any] | None:
    """The function of that name, None if there is none."""
    if name in _plain():
        return _plain()[name]
    found = _layers().get(name)
    return None if found is None else lambda *given, **options: mapped(found, *given, **options)


def has_options(name: str) -> bool:
    """True for a layer with options of its own, which may be numbers or text."""
    return name not in _plain() and bool(_layers()[name].options)


@cache
def _layers() -> dict[str, Layer]:
    """The layers of the catalogue that make an array of one array, with any leading axes."""
    from derive.catalogue import layers

    return {
        name: layer
        for name, layer in layers.items()
        if len(layer.inputs) == len(layer.outputs) == 1 and layer.inputs[0].leading and name not in _plain()
    }


def mapped(layer: Layer, *given: Value, **options: Value) -> Array:
    """A layer applied to an array of any rank: as its function says, or entry by entry."""
    if len(given) != 1:
        raise DeriveError(f"{layer.name} of {len(given)} arrays", "one array was wanted", "", f"{layer.name}(X)")
    operand = build.constant(given[0])
    if "axis" in options and "dim" in layer.options:
        (axis,) = build.axes_of(operand, options.pop("axis"))
        options["dim"] = axis - operand.ndim
    chosen = layer.with_options(**{key: _option(value) for key, value in options.items()})
    if chosen.written is not None:
        result: Array = chosen.written(operand)
        return result
    (output,) = chosen.outputs
    return _entry_by_entry(chosen.expanded(output), operand)


def _option(value: Value) -> Any:
    return float(value) if isinstance(value, Fraction) else value


def _entry_by_entry(expression: Array, operand: Array) -> Array:
    """An expression in one array, mapped over an operand of any shape."""
    done: dict[Array, Array] = {}
    for node in expression.walk():
        operands = [done[inner] for inner in node.operands]
        match node.op:
            case Named():
                done[node] = operand
            case Constant(value=value):
                done[node] = apply(Constant(value))
            case Broadcast():
                done[node] = operands[0]
            case Elementwise(function=function):
                done[node] = build.elementwise(function, *operands)
            case PowerOf():
                done[node] = apply(node.op, *operands)
            case _:
                raise DeriveError(f"{node.op.name} in a function of entries", "a scalar function was wanted")
    return build.spread(done[expression], operand.shape)


def _led(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of NumPy's, a number in the first place being made an array, which NumPy hands on."""

    def led(*given: Value, **options: Value) -> Any:
        if given and isinstance(given[0], int | Fraction | Size):
            given = (build.constant(given[0]), *given[1:])
        return function(*given, **options)

    return led
