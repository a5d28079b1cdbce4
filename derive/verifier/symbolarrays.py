"""NumPy arrays of symbols: comparisons are entrywise 0 or 1, maxima and choices are written with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from derive.index.normal import normal_form
from derive.index.terms import entry
from derive.reading.refusal import NotRun
from derive.verifier.symbols import Symbol, is_zero, symbol


def variables(label: str, shape: tuple[int, ...], fact: str = "float") -> Any:
    """An array of symbols, one for each entry of a named array."""
    made = np.empty(shape, dtype=object)
    for place in np.ndindex(shape):
        made[place] = Symbol(normal_form(entry(label, *place, kind=fact)))
    return made.view(Symbols) if shape else made[()]


def moving(array: Any, direction: Any) -> Any:
    """The array with its entries moving along a direction."""
    pairs = zip(np.ravel(array), np.ravel(direction), strict=True)
    made = np.empty(np.size(array), dtype=object)
    made[:] = [Symbol(x.value, v.value) for x, v in pairs]
    return made.reshape(np.shape(array)).view(Symbols) if np.ndim(array) else made[0]


class Symbols(np.ndarray[Any, Any]):
    """An object array of symbols: comparisons are entrywise 0 or 1, maxima and choices are written with them."""

    def __array_ufunc__(self, ufunc: Any, method: Any, *inputs: Any, **kwargs: Any) -> Any:
        function, options = ufunc, dict(kwargs)
        out = options.pop("out", None)
        plain = [x.view(np.ndarray) if isinstance(x, Symbols) else x for x in inputs]
        name = function.__name__
        if method == "__call__" and name in _MAPS:
            found = _MAPS[name](*plain)
            if out is None:
                return _again(found)
            out[0][...] = found
            return out[0]
        if method == "reduce" and name in ("maximum", "minimum"):
            return _again(_reduced(_MAPS[name], plain[0], options.get("axis", 0), options.get("keepdims", False)))
        if method == "at":
            return function.at(inputs[0].view(np.ndarray), *plain[1:])
        if out is not None:
            options["out"] = tuple(x.view(np.ndarray) if isinstance(x, Symbols) else x for x in out)
        found = getattr(function, method)(*plain, **options)
        return out[0] if out is not None and out[0] is not None else _again(found)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if function.__name__ in ("where", "clip"):
            return _again(_CHOICES[function.__name__](*inputs, **options))
        found = super().__array_function__(function, types, inputs, options)
        return [*map(_again, found)] if isinstance(found, list) else _again(found)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(key, np.ndarray) and key.dtype == object:
            mask = np.broadcast_to(key, self.shape)
            kept = value if np.shape(value) in ((), self.shape) else None
            if kept is None:
                raise NotRun("entries set where symbols say")
            super().__setitem__(Ellipsis, choose(mask, kept, self.view(np.ndarray)))
        else:
            super().__setitem__(key, value)

    def __getitem__(self, key: Any) -> Any:
        if isinstance(key, np.ndarray) and key.dtype == object:  # as on the left of a[mask] *= c
            return self.copy()
        return super().__getitem__(key)

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Any:
        """A copy; only what is 0 or 1 can be cast to whole numbers or masks."""
        if np.dtype(dtype).kind in "biu" and not all(is_zero(x * x - x) for x in map(symbol, self.flat)):
            raise NotRun("symbols are cast to whole numbers")
        return self.copy()


def choose(mask: Any, one: Any, other: Any) -> Any:
    """``one`` where the mask is 1, else ``other``."""
    mask, one, other = np.broadcast_arrays(mask, one, other)
    made = np.empty(mask.shape, dtype=object)
    for place in np.ndindex(mask.shape):
        chosen = symbol(_unboxed(mask[place]))
        made[place] = symbol(_unboxed(other[place])) + chosen * (symbol(_unboxed(one[place])) - other[place])
    return made if made.shape else made[()]


def _unboxed(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _clipped(a: Any, a_min: Any = None, a_max: Any = None, **options: Any) -> Any:
    low, high = options.get("min", a_min), options.get("max", a_max)
    found = a if low is None else _MAPS["maximum"](a, low)
    return found if high is None else _MAPS["minimum"](found, high)


def _reduced(function: Any, array: Any, axis: Any, keepdims: bool) -> Any:
    axes = range(array.ndim) if axis is None else [axis] if isinstance(axis, int) else axis
    found = array
    for k in sorted((k % array.ndim for k in axes), reverse=True):
        parts = [np.take(found, i, axis=k) for i in range(found.shape[k])]
        found = parts[0]
        for part in parts[1:]:
            found = function(found, part)
        found = np.expand_dims(found, k) if keepdims else found
    return found


def _again(found: Any) -> Any:
    return found.view(Symbols) if isinstance(found, np.ndarray) and found.dtype == object else found


def _map(function: Callable[..., Any], places: int) -> Any:
    return np.frompyfunc(lambda *given: function(*map(symbol, given)), places, 1)


_MAPS: dict[str, Any] = {
    "greater": _map(lambda a, b: a > b, 2),
    "less": _map(lambda a, b: a < b, 2),
    "greater_equal": _map(lambda a, b: a >= b, 2),
    "less_equal": _map(lambda a, b: a <= b, 2),
    "equal": _map(lambda a, b: a == b, 2),
    "not_equal": _map(lambda a, b: a != b, 2),
    "maximum": _map(lambda a, b: b + (a - b) * (a > b), 2),
    "minimum": _map(lambda a, b: b + (a - b) * (a < b), 2),
    "sign": _map(lambda a: a.of("sign"), 1),
    "absolute": _map(abs, 1),
    "logical_not": _map(lambda a: 1 - a, 1),
    "logical_and": _map(lambda a, b: a * b, 2),
    "logical_or": _map(lambda a, b: a + b - a * b, 2),
    "logaddexp": _map(lambda a, b: (a.of("exp") + b.of("exp")).of("log"), 2),
}
_CHOICES: dict[str, Callable[..., Any]] = {"where": choose, "clip": _clipped}
