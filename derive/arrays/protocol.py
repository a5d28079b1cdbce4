"""NumPy's protocols: what NumPy's own functions do when they are called with symbolic arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from derive.arrays.array import Array
from derive.arrays.build import (
    axes_of,
    broadcast_to,
    constant,
    count,
    elementwise,
    expand_dims,
    full_like,
    mean,
    moveaxis,
    pad,
    power,
    reshape,
    squeeze,
    sum,
    swapaxes,
    transpose,
)
from derive.arrays.compound import clip, cumsum, diag, diagonal, diff, inner, kron, repeat, roll, tile, vdot
from derive.arrays.dtype import check_dtype
from derive.arrays.functions import FUNCTIONS
from derive.arrays.indexing import index
from derive.arrays.joining import concatenate, hstack, split, stack, vstack
from derive.arrays.linalg import det, inv, norm, slogdet, solve
from derive.arrays.operations import Constant
from derive.arrays.places import take, take_along_axis
from derive.arrays.products import dot, einsum, matmul, outer, tensordot, trace
from derive.arrays.reducing import deviation, extreme, place_of_extreme, tril, triu, variance
from derive.arrays.windows import sliding_window_view
from derive.errors import DeriveError, callers_place


def _logaddexp(x: Any, y: Any) -> Array:
    """``np.logaddexp``; with 0 it is the softplus."""
    for one, other in ((constant(x), y), (constant(y), x)):
        if isinstance(one.op, Constant) and one.op.value == 0:
            return elementwise("softplus", other)
    return elementwise("logaddexp", x, y)


_UFUNCS: dict[str, Callable[..., Array]] = {
    "matmul": matmul,
    "vecdot": lambda x, y: sum(constant(x) * y, -1),
    "power": power,
    "float_power": power,
    "square": lambda x: power(x, 2),
    "reciprocal": lambda x: power(x, -1),
    "positive": constant,
    "absolute": lambda x: elementwise("abs", x),
    "true_divide": lambda x, y: elementwise("divide", x, y),
    "invert": lambda x: elementwise("logical_not", x),
    "logaddexp": _logaddexp,
    "expit": lambda x: elementwise("sigmoid", x),
    "log_expit": lambda x: -elementwise("softplus", -constant(x)),
    "tan": lambda x: elementwise("sin", x) / elementwise("cos", x),
    "sinh": lambda x: (elementwise("exp", x) - elementwise("exp", -constant(x))) / 2,
    "cosh": lambda x: (elementwise("exp", x) + elementwise("exp", -constant(x))) / 2,
    "exp2": lambda x: elementwise("exp", constant(x) * elementwise("log", 2)),
    "log2": lambda x: elementwise("log", x) / elementwise("log", 2),
    "log10": lambda x: elementwise("log", x) / elementwise("log", 10),
    "hypot": lambda x, y: elementwise("sqrt", power(x, 2) + power(y, 2)),
}

_REDUCTIONS: dict[str, Callable[..., Array]] = {"add": sum, "maximum": extreme, "minimum": partial(extreme, least=True)}

_CALLS: dict[str, Callable[..., Any]] = {
    "dot": dot, "einsum": einsum, "outer": outer, "tensordot": tensordot, "trace": trace, "transpose": transpose,
    "swapaxes": swapaxes, "moveaxis": moveaxis, "sum": sum, "mean": mean, "reshape": reshape,
    "expand_dims": expand_dims, "squeeze": squeeze, "broadcast_to": broadcast_to, "pad": pad, "full_like": full_like,
    "sliding_window_view": sliding_window_view,
    "concatenate": concatenate, "stack": stack, "hstack": hstack, "vstack": vstack, "split": split,
    "take": take, "take_along_axis": take_along_axis,
    "where": lambda condition, a, b: elementwise("where", condition, a, b),
    "ones_like": lambda a, dtype=None: full_like(a, 1, dtype),
    "zeros_like": lambda a, dtype=None: full_like(a, 0, dtype),
    "shape": lambda a: a.shape, "ndim": lambda a: a.ndim, "size": lambda a: a.size, "copy": lambda a, **_: a,
    "max": extreme, "amax": extreme, "min": partial(extreme, least=True), "amin": partial(extreme, least=True),
    "tril": tril, "triu": triu, "var": variance, "std": deviation,
    "argmax": place_of_extreme, "argmin": partial(place_of_extreme, least=True),
    "clip": clip, "cumsum": cumsum, "diag": diag, "diagonal": diagonal, "diff": diff, "inner": inner, "kron": kron,
    "repeat": repeat, "roll": roll, "tile": tile, "vdot": vdot,
    "inv": inv, "det": det, "slogdet": slogdet, "solve": solve, "norm": norm,
    "ravel": lambda a: reshape(a, (count(a.shape),)), "flip": lambda a, axis=None: index(a, _flipped(a, axis)),
}  # fmt: skip  # a table reads best in rows


_AS_METHODS = (
    "dot", "max", "min", "argmax", "argmin", "var", "std", "clip", "cumsum", "diagonal", "ravel", "repeat", "squeeze",
    "take", "trace",
)  # fmt: skip  # names that read best in rows
METHODS: dict[str, Callable[..., Array]] = {**{key: _CALLS[key] for key in _AS_METHODS}, "flatten": _CALLS["ravel"]}


def _flipped(array: Array, axis: Any) -> tuple[slice, ...]:
    axes = axes_of(array, axis)
    return tuple(slice(None, None, -1) if k in axes else slice(None) for k in range(array.ndim))


def ufunc(function: Any, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Array:
    """A NumPy ufunc called with a symbolic array among its inputs."""
    name = function.__name__
    reducing = method == "reduce" and name in _REDUCTIONS
    taken: tuple[str, ...] = ("axis", "keepdims") if reducing else ()
    mapped = method == "__call__" and name in FUNCTIONS
    if mapped and any(constant(x).kind != "bool" for x in inputs):  # masks alone would be no numbers
        check_dtype(options.get("dtype"))
        taken = ("dtype",)
    unknown = sorted(key for key, value in options.items() if value is not None and key not in taken)
    if reducing and not unknown:
        return _REDUCTIONS[name](inputs[0], options.get("axis", 0), bool(options.get("keepdims", False)))
    if method != "__call__" or unknown:
        detail = f" with {', '.join(unknown)}=" if unknown else f".{method}"
        raise DeriveError(
            f"np.{name}{detail} on a symbolic array",
            f"np.{name} called plainly was wanted",
            callers_place(),
            "assigning its result to a name",
        )
    if name in _UFUNCS:
        return _UFUNCS[name](*inputs)
    if name in FUNCTIONS:
        return elementwise(name, *inputs)
    raise _unknown(function)


def array_function(function: Any, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A NumPy function called with a symbolic array among its arguments."""
    name = function.__name__
    if name not in _CALLS:
        raise _unknown(function)
    options = {key: value for key, value in options.items() if value is not None or key in ("axis", "axes")}
    try:
        return _CALLS[name](*inputs, **options)
    except TypeError as error:
        if "argument" not in str(error):
            raise
        given = ", ".join(f"{key}=" for key in options) or f"{len(inputs)} arguments"
        raise DeriveError(f"np.{name} with {given}", "its plain form was wanted", callers_place()) from None


def _unknown(function: Any) -> DeriveError:
    module = (getattr(function, "__module__", None) or "numpy").replace("numpy", "np", 1)
    return DeriveError(
        f"{module}.{function.__name__} of a symbolic array",
        "that function is outside the language",
        callers_place(),
        "writing it with + - * / ** @, np.exp, np.log, np.tanh, np.where, np.einsum, sums and reshapes",
    )
