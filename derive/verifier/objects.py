"""NumPy for object arrays: allocators that hold any numbers, special functions, and linear algebra by elimination."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from derive.reading.lifting import Lifting, Namespace
from derive.reading.special import OF_ARRAYS, scipy_modules


class SignAndLogarithm(NamedTuple):
    """What ``np.linalg.slogdet`` gives."""

    sign: Any
    logabsdet: Any


def of_objects(functions: Mapping[str, Any], unset: Callable[[], Any], kind: type = np.ndarray) -> Lifting:
    """Lifting onto object arrays of a kind: ``functions`` are maps of special functions.

    ``unset`` gives the entries of memory that was not set yet, which are no zeros.
    """
    own = {**_Allocators(kind, unset).table(), **functions}
    linear = {"inv": inverse, "solve": solve, "det": determinant, "slogdet": sign_and_logarithm}
    linalg = Namespace(np.linalg, linear)
    strides = Namespace(np.lib.stride_tricks, {"as_strided": own["as_strided"]})
    lib = Namespace(np.lib, {"stride_tricks": strides})
    modules: dict[str, Any] = {
        "numpy": Namespace(np, {**own, "linalg": linalg, "lib": lib}),
        "numpy.linalg": linalg,
        "numpy.lib.stride_tricks": strides,
        "math": Namespace(math, functions),
    }
    modules |= scipy_modules({**functions, **OF_ARRAYS})
    return Lifting(modules, {**own, **linear, **OF_ARRAYS})


@dataclass(frozen=True)
class _Allocators:
    """NumPy's allocators, of object arrays where it makes floats."""

    kind: type
    unset: Callable[[], Any]

    def table(self) -> dict[str, Any]:
        """The allocators by name."""
        return {
            "zeros": self._filled(lambda: 0),
            "ones": self._filled(lambda: 1),
            "empty": self._filled(self.unset),
            "full": self.full,
            "zeros_like": self._filled_like(lambda: 0),
            "ones_like": self._filled_like(lambda: 1),
            "empty_like": self._filled_like(self.unset),
            "full_like": lambda a, value, **options: self._filled_like(lambda: value)(a, **options),
            "asarray": self.as_array,
            "array": lambda a, dtype=None, order="K", **_: self.as_array(a, dtype).copy(order),
            "ascontiguousarray": lambda a, dtype=None: self._of_kind(np.ascontiguousarray(self.as_array(a, dtype))),
            "eye": lambda n, m=None, **_: self._of_kind(np.eye(n, m, dtype=int).astype(object)),
            "as_strided": lambda *given, **options: self._of_kind(np.lib.stride_tricks.as_strided(*given, **options)),
            "float64": _number,
            "float32": _number,
        }

    def _of_kind(self, array: Any) -> Any:
        return array.view(self.kind) if array.dtype == object else array

    def _with(self, made: Any, entry: Callable[[], Any]) -> Any:
        for place in np.ndindex(made.shape):
            made[place] = entry()
        return self._of_kind(made)

    def _filled(self, entry: Callable[[], Any]) -> Callable[..., Any]:
        def make(shape: Any, dtype: Any = None, order: Any = "C") -> Any:
            return self._with(np.empty(shape, dtype if _is_discrete(dtype) else object, order), entry)

        return make

    def _filled_like(self, entry: Callable[[], Any]) -> Callable[..., Any]:
        def make(a: Any, dtype: Any = None, order: Any = "K", shape: Any = None, **_: Any) -> Any:
            like = np.asarray(a)
            kind = like.dtype if dtype is None else dtype
            return self._with(np.empty_like(like, kind if _is_discrete(kind) else object, order, shape=shape), entry)

        return make

    def full(self, shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C") -> Any:
        """``np.full``; whole numbers make an array of them, into which no floats go."""
        kind = np.asarray(fill_value).dtype if dtype is None else dtype
        return self._filled(lambda: fill_value)(shape, kind, order)

    def as_array(self, a: Any, dtype: Any = None, **_: Any) -> Any:
        """``np.asarray``; numbers of any kind stay what they are where floats are wanted."""
        found = np.asarray(a)
        if found.dtype != object and dtype is not None:
            return np.asarray(a, dtype=dtype)
        return self._of_kind(found)


def _is_discrete(dtype: Any) -> bool:
    return dtype is not None and np.dtype(dtype).kind in "biu"


def _number(value: Any = 0.0) -> Any:
    return value


# ---- linear algebra on object arrays: elimination with the pivot of the largest midpoint


def solve(matrix: Any, right: Any) -> Any:
    """The solution of a square system, for object arrays; leading axes one by one."""
    a, b = np.array(matrix, dtype=object), np.array(right, dtype=object)
    if a.ndim > 2:
        return np.stack([solve(one, other) for one, other in zip(a, b, strict=True)])
    columns = b[:, None] if b.ndim == 1 else b.copy()
    n = len(a)
    for k in range(n):
        pivot = max(range(k, n), key=lambda i: _size(a[i, k]))
        a[[k, pivot]], columns[[k, pivot]] = a[[pivot, k]], columns[[pivot, k]]
        for i in range(n):
            if i != k:
                factor = a[i, k] / a[k, k]
                a[i] = a[i] - factor * a[k]
                columns[i] = columns[i] - factor * columns[k]
    found = columns / np.diagonal(a)[:, None]
    return found[:, 0] if b.ndim == 1 else found


def inverse(matrix: Any) -> Any:
    """The inverse of a square object array."""
    return solve(matrix, np.broadcast_to(np.eye(np.shape(matrix)[-1], dtype=int).astype(object), np.shape(matrix)))


def determinant(matrix: Any) -> Any:
    """The determinant of a square object array."""
    a = np.array(matrix, dtype=object)
    if a.ndim > 2:
        return np.stack([determinant(one) for one in a])
    found: Any = 1
    for k in range(len(a)):
        pivot = max(range(k, len(a)), key=lambda i: _size(a[i, k]))
        if pivot != k:
            a[[k, pivot]], found = a[[pivot, k]], -found
        found = found * a[k, k]
        for i in range(k + 1, len(a)):
            a[i] = a[i] - a[i, k] / a[k, k] * a[k]
    return found


def sign_and_logarithm(matrix: Any) -> Any:
    """``np.linalg.slogdet`` of a square object array."""
    found = np.asarray(determinant(matrix), dtype=object)
    signs = np.frompyfunc(lambda value: int(value > 0) - int(value < 0), 1, 1)(found)
    return SignAndLogarithm(signs, np.log(abs(found)))


def _size(value: Any) -> float:
    return abs(float(getattr(value, "value", value)))
