"""NumPy's functions that make arrays or change them, for buffers; the language, whose arrays never change, has none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from derive.arrays.array import Array, apply
from derive.arrays.build import constant, size_of
from derive.arrays.gather import add_rows
from derive.arrays.operations import Eye
from derive.arrays.places import places as as_places
from derive.arrays.rows import Arange
from derive.index.size import Size
from derive.reading.buffers import Buffer, Storage, fitted, fresh, kind_of, unwrapped
from derive.reading.refusal import NotRun
from derive.reading.views import unset


def of_masks(ufunc: Any, inputs: Sequence[Any]) -> Array | None:
    """``a & b`` and ``a | b``, of masks."""
    title = ufunc.__name__.replace("bitwise", "logical")
    if title not in ("logical_and", "logical_or"):
        return None
    one, other = (constant(x) for x in unwrapped(list(inputs)))
    if one.kind != "bool" or other.kind != "bool":
        raise NotRun(f"np.{ufunc.__name__} of what is no mask")
    return one * other if title == "logical_and" else ~(~one * ~other)


DEFINED: dict[str, Callable[[Any], Any]] = {
    "sinh": lambda x: (np.exp(x) - np.exp(-x)) / 2,
    "cosh": lambda x: (np.exp(x) + np.exp(-x)) / 2,
    "tan": lambda x: np.sin(x) / np.cos(x),
    "exp2": lambda x: np.exp(x * np.log(2)),
    "log2": lambda x: np.log(x) / np.log(2),
    "log10": lambda x: np.log(x) / np.log(10),
    "erfc": lambda x: 1 - _erf(x),
}  # ufuncs that the language has no word for


def _erf(x: Any) -> Any:
    """SciPy's ``erf``, which is imported when it is needed."""
    from scipy.special import erf

    return erf(x)


def add_at(ufunc: Any, target: Buffer, places: Any, values: Any) -> None:
    """``np.add.at(A, places, values)`` for rows of A, repeated ones adding up."""
    signs = {"add": 1, "subtract": -1}
    here, rows = target.symbolic, unwrapped(places)
    if ufunc.__name__ not in signs or not isinstance(rows, Array):
        raise NotRun(f"np.{ufunc.__name__}.at with these places")
    rows = as_places(rows, here)
    added = fitted(values, (*rows.shape, *here.shape[1:]))
    target.put(here + signs[ufunc.__name__] * add_rows(rows, added, here.shape[0]))


def _put_along_axis(target: Buffer, indices: Any, values: Any, axis: int) -> None:
    """``np.put_along_axis`` of one place in each row."""
    here, places = target.symbolic, unwrapped(indices)
    if not isinstance(places, Array) or places.ndim != here.ndim or places.shape[axis] != 1:
        raise NotRun("np.put_along_axis with other than one place in each row")
    along = [None] * here.ndim
    along[axis] = slice(None)  # type: ignore[call-overload]  # a key, of None and slices
    target.put(np.where(apply(Arange(here.shape[axis]))[tuple(along)] == places, unwrapped(values), here))


def clipped(array: Any, low: Any = None, high: Any = None, **options: Any) -> Any:
    """``np.clip``: the entries within bounds."""
    low, high = options.get("a_min", options.get("min", low)), options.get("a_max", options.get("max", high))
    found = array if low is None else np.maximum(array, low)
    return found if high is None else np.minimum(found, high)


def _copy_to(target: Buffer, value: Any) -> None:
    target.put(value)


def outer(ufunc: Any, one: Any, other: Any) -> Any:
    """``np.add.outer`` and the like: every entry of one with every entry of the other."""
    return ufunc(one[(..., *[None] * np.ndim(unwrapped(other)))], other)


def _result_type(*given: Any) -> Any:
    """The dtype of a result: that of floats, if there are any."""
    kinds = [getattr(x, "dtype", x) for x in given]
    return next((kind for kind in kinds if kind_of(kind) == "float"), kinds[0])


def _full(shape: Any, value: Any, dtype: Any = None, order: str = "C") -> Buffer:
    sizes = tuple(map(size_of, shape if isinstance(shape, tuple | list) else (shape,)))
    storage = Storage(fitted(0, sizes), kind_of(dtype), whole=order == "C")
    storage.put(fitted(value, sizes))  # whole numbers take no others
    return Buffer(storage)


def _zeros(shape: Any, dtype: Any = None, order: str = "C") -> Buffer:
    return _full(shape, 0, dtype, order)


def _ones(shape: Any, dtype: Any = None, order: str = "C") -> Buffer:
    return _full(shape, 1, dtype, order)


def _empty(shape: Any, dtype: Any = None, order: str = "C") -> Buffer:
    """Entries of which nothing is known: code that reads them before it sets them is not proved."""
    sizes = tuple(map(size_of, shape if isinstance(shape, tuple | list) else (shape,)))
    return Buffer(Storage(unset(sizes), kind_of(dtype), whole=order == "C"))


def _like(make: Callable[..., Buffer]) -> Callable[..., Buffer]:
    """The allocator for arrays like another, of its memory order."""

    def call(array: Any, *value: Any, dtype: Any = None, shape: Any = None, **_: Any) -> Buffer:
        kind = dtype if dtype is not None else getattr(array, "dtype", None)
        return make(np.shape(unwrapped(array)) if shape is None else shape, *value, dtype=kind, order="K")

    return call


def _array(value: Any, dtype: Any = None, **_: Any) -> Any:
    """A copy; of a list of arrays, the array of them all."""
    if isinstance(value, Buffer):
        return value.copy("K") if dtype is None else value.astype(dtype)
    if isinstance(value, list | tuple) and any(isinstance(part, Buffer | Array) for part in value):
        return np.stack(value)
    return fresh(value) if isinstance(value, Array | Size) else np.array(value, dtype)


def _as_array(value: Any, dtype: Any = None, **_: Any) -> Any:
    if not isinstance(value, Buffer):
        return _array(value, dtype)
    return value if dtype is None else value.astype(dtype, copy=False)


def _contiguous(value: Any, dtype: Any = None, **_: Any) -> Any:
    return value.astype(dtype or value.dtype, copy=False) if isinstance(value, Buffer) else _array(value, dtype)


def _arange(*given: Any, **_: Any) -> Any:
    if any(isinstance(each, Size) and each.constant is None for each in given):
        start, stop, step = (0, *given, 1) if len(given) == 1 else (*given, 1)[:3]
        whole = isinstance(start, int | Size) and isinstance(stop, int | Size) and isinstance(step, int) and step > 0
        count = (Size.of(stop) - Size.of(start)).plain.over(Size.of(step)) if whole else None
        if count is None or not count.is_nonnegative():
            raise NotRun("np.arange between symbolic sizes")
        places = fresh(apply(Arange(count)))
        return places if (start, step) == (0, 1) else places * step + start
    return np.arange(*map(int, given))


def _eye(size: Any, columns: Any = None, **_: Any) -> Any:
    if columns is not None and columns is not size:
        raise NotRun("np.eye that is not square")
    return fresh(apply(Eye(size_of(size))))


ALLOCATORS: dict[str, Callable[..., Any]] = {
    "zeros": _zeros,
    "ones": _ones,
    "full": lambda shape, fill_value, dtype=None, order="C": _full(
        shape, fill_value, dtype if dtype is not None else getattr(fill_value, "dtype", type(fill_value)), order
    ),
    "empty": _empty,
    "zeros_like": _like(_zeros),
    "ones_like": _like(_ones),
    "full_like": _like(_full),
    "empty_like": _like(_empty),
    "array": _array,
    "asarray": _as_array,
    "ascontiguousarray": _contiguous,
    "arange": _arange,
    "eye": _eye,
    "identity": _eye,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **ALLOCATORS,
    "copyto": _copy_to,
    "put_along_axis": _put_along_axis,
    "clip": clipped,
    "result_type": _result_type,
    "copy": lambda a, order="K", **_: a.copy(order),
}
