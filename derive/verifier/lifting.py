"""User code with the NumPy of its module replaced: the same functions, with other allocators and special functions.

NumPy itself is never changed.  A function is made again over a copy of its module's names, and of its closure, in which
``np`` stands for another namespace; the functions of the same module that it calls are made again with it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from types import CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np


class Namespace:
    """NumPy with some names replaced; ``linalg`` and the like are namespaces of their own."""

    def __init__(self, module: Any, replaced: Mapping[str, Any]) -> None:
        self._module, self._replaced = module, replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced[name] if name in self._replaced else getattr(self._module, name)


class Lifting:
    """Makes functions again with other modules and other library functions in place of some."""

    def __init__(self, modules: Mapping[str, Any], functions: Mapping[str, Any]) -> None:
        self._modules, self._functions = modules, functions
        self._made: dict[int, dict[str, Any]] = {}
        self._instances: dict[int, Any] = {}  # methods of one object stay methods of one object

    def lift(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function over the replaced names; anything that is no Python function stays as it is."""
        if isinstance(function, MethodType):
            return MethodType(self.lift(function.__func__), self._instance(function.__self__))
        if not isinstance(function, FunctionType):
            return self._value(function)  # type: ignore[no-any-return]  # a function of a library, or an object
        return self._function(function)

    def _function(self, function: FunctionType) -> FunctionType:
        names = self._globals(function.__globals__)
        cells = tuple(CellType(self._value(cell.cell_contents)) for cell in function.__closure__ or () if filled(cell))
        full = len(cells) == len(function.__closure__ or ())
        made = FunctionType(
            function.__code__,
            names,
            function.__name__,
            function.__defaults__,
            cells if full else function.__closure__,
        )
        made.__kwdefaults__ = function.__kwdefaults__
        return made

    def _globals(self, names: dict[str, Any]) -> dict[str, Any]:
        known = self._made.get(id(names))
        if known is None:
            known = self._made[id(names)] = {}
            for key, value in names.items():
                own = isinstance(value, FunctionType) and value.__globals__ is names
                known[key] = self._function(value) if own else self._value(value)
        return known

    def _value(self, value: Any) -> Any:
        if isinstance(value, ModuleType):
            return self._modules.get(value.__name__, value)
        if isinstance(value, FunctionType) and not value.__module__.startswith(("numpy", "scipy")):
            return self._function(value) if id(value.__globals__) in self._made else value
        library = str(getattr(value, "__module__", None) or "numpy").startswith(("numpy", "scipy"))
        name = getattr(value, "__name__", None)
        if library and isinstance(name, str) and callable(value) and name in self._functions:
            return self._functions[name]
        return value

    def _instance(self, owner: Any) -> Any:
        """A copy of an object whose methods are made again."""
        if isinstance(owner, type | ModuleType):
            return owner
        if id(owner) in self._instances:
            return self._instances[id(owner)]
        kind = type(owner)
        methods = {key: self._function(value) for key, value in vars(kind).items() if isinstance(value, FunctionType)}
        again = copy.copy(owner)
        again.__class__ = type(kind.__name__, (kind,), methods)
        self._instances[id(owner)] = again
        return again


def filled(cell: CellType) -> bool:
    """True if a cell of a closure holds something yet."""
    try:
        cell.cell_contents  # noqa: B018  # an empty cell raises
    except ValueError:
        return False
    return True


def of_objects(functions: Mapping[str, Any], kind: type = np.ndarray) -> Lifting:
    """Lifting onto object arrays: allocators give arrays of a kind, ``functions`` are maps of special functions."""

    def _full(shape: Any, value: Any, dtype: Any = None) -> Any:
        if dtype is not None and dtype is not object and np.dtype(dtype).kind in "biu":
            return np.full(shape, value, dtype)
        made = np.empty(shape, dtype=object)
        made[...] = value
        return made.view(kind)

    linalg = Namespace(np.linalg, {"inv": inverse, "solve": solve, "det": determinant})
    allocators: dict[str, Any] = {
        "zeros": lambda shape, dtype=None, order="C": _full(shape, 0, dtype),
        "ones": lambda shape, dtype=None, order="C": _full(shape, 1, dtype),
        "empty": lambda shape, dtype=None, order="C": _full(shape, 0, dtype),
        "full": lambda shape, value, dtype=None, order="C": _full(shape, value, dtype),
        "zeros_like": lambda a, dtype=None, **_: _full(np.shape(a), 0, dtype or _kind(a)),
        "ones_like": lambda a, dtype=None, **_: _full(np.shape(a), 1, dtype or _kind(a)),
        "empty_like": lambda a, dtype=None, **_: _full(np.shape(a), 0, dtype or _kind(a)),
        "full_like": lambda a, value, dtype=None, **_: _full(np.shape(a), value, dtype or _kind(a)),
        "asarray": lambda a, dtype=None, **_: _array(a, dtype),
        "array": lambda a, dtype=None, **_: np.array(_array(a, dtype)),
        "ascontiguousarray": lambda a, dtype=None, **_: _array(a, dtype),
        "eye": lambda n, m=None, dtype=None, **_: np.eye(n, m, dtype=int).astype(object),
        "float64": _number,
        "float32": _number,
    }
    names = {**allocators, **functions, "inv": inverse, "solve": solve, "det": determinant}
    modules: dict[str, Any] = {
        "numpy": Namespace(np, {**allocators, **functions, "linalg": linalg}),
        "numpy.linalg": linalg,
    }
    try:
        import scipy
        import scipy.special

        modules["scipy.special"] = Namespace(scipy.special, functions)
        modules["scipy"] = Namespace(scipy, {"special": modules["scipy.special"]})
    except ImportError:
        pass
    modules["math"] = Namespace(math, functions)
    return Lifting(modules, names)


def _kind(array: Any) -> Any:
    kind = getattr(array, "dtype", None)
    return None if kind is None or kind.kind == "O" else kind


def _array(value: Any, dtype: Any = None) -> Any:
    found = np.asarray(value)
    return found if found.dtype == object or dtype is None else np.asarray(value, dtype=dtype)


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


def _size(value: Any) -> float:
    return abs(float(getattr(value, "value", value)))
