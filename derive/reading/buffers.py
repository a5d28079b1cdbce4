"""Symbolic arrays that change in place, of every shape: ``dX = np.zeros_like(X); dX[:, 1:] += dY; dX[X < 0] = 0``.

The language's arrays never change.  A buffer holds one, and a change puts another in its place; a view reads the part
of its buffer and writes through to it, as NumPy's do.  Where NumPy gives a view or a copy, whichever the memory order
allows, a change of one makes the other unreadable here: nothing is then shown.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from derive.arrays import build
from derive.arrays.array import Array
from derive.arrays.build import constant, elementwise, spread
from derive.arrays.indexing import expanded
from derive.arrays.operations import Constant
from derive.arrays.places import put_at_arrays
from derive.arrays.shapes import Shape, broadcast
from derive.reading.refusal import NotRun
from derive.reading.views import Step, added, is_basic, step_of, taken, written

_VIEWS = {
    "transpose": True,
    "swapaxes": True,
    "moveaxis": True,
    "expand_dims": True,
    "squeeze": True,
    "flip": True,
    "broadcast_to": False,  # read-only
    "sliding_window_view": False,
}


class Storage:
    """What views of one memory share: the array now, the kind of its entries, and what may be the same memory.

    ``whole`` if the entries lie row by row without gaps, so that a reshape is surely a view.
    """

    def __init__(self, value: Array, kind: str = "", whole: bool = False) -> None:
        self._value, self.kind, self.whole = value, kind or value.kind, whole
        self.family = [self]
        self._lost = False

    @property
    def value(self) -> Array:
        """The array now."""
        if self._lost:
            raise NotRun("what is the same memory in some orders only was changed")
        return self._value

    def put(self, value: Array) -> None:
        """Change it; what may or may not be the same memory cannot be read from here on."""
        if self.kind != "float" and value.kind == "float" and not _is_whole(value):
            raise NotRun(f"floats are written into an array of {self.kind}")
        for other in self.family:
            other._lost = other is not self
        self.family = [self]
        self._value = value

    def perhaps(self, value: Array) -> Storage:
        """A view or a copy, whichever the memory order allows."""
        found = Storage(value, self.kind)
        found.family = self.family
        self.family.append(found)
        return found


class Buffer(NDArrayOperatorsMixin):
    """A symbolic array as NumPy code sees it; ``path`` leads from the storage to what this is a view of."""

    __array_priority__ = Array.__array_priority__ + 1
    __slots__ = ("_path", "_scalar", "_storage")

    def __init__(self, storage: Storage, path: tuple[Step, ...] = (), scalar: bool = False) -> None:
        self._storage, self._path, self._scalar = storage, path, scalar

    @property
    def symbolic(self) -> Array:
        """The array that it stands for now."""
        return taken(self._storage.value, self._path)

    def put(self, value: Any) -> None:
        """Change all entries."""
        here = self.symbolic
        self._storage.put(written(self._storage.value, self._path, fitted(value, here.shape)))

    def add(self, value: Any) -> None:
        """Add to all entries: what was there is mentioned once, however often is added."""
        here = self.symbolic
        self._storage.put(added(self._storage.value, self._path, fitted(value, here.shape)))

    def is_(self, other: Any) -> bool:
        """True for a view of the same entries."""
        if not isinstance(other, Buffer) or other._storage is not self._storage or len(other._path) != len(self._path):
            return False
        return all(one.part is that.part for one, that in zip(self._path, other._path, strict=True))

    # ---- NumPy's protocols

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method == "at":
            return library.add_at(ufunc, *inputs)
        if any(isinstance(x, Chosen) for x in inputs):
            return NotImplemented
        if method == "outer":
            return library.outer(ufunc, *inputs)
        where = options.pop("where", True) if method == "__call__" else True
        found = library.of_masks(ufunc, inputs) if method == "__call__" else None
        if ufunc.__name__ in library.DEFINED and method == "__call__":
            found = unwrapped(library.DEFINED[ufunc.__name__](inputs[0]))
        if found is None:
            found = getattr(ufunc, method)(*unwrapped(inputs), **unwrapped(options))
        if out is None:
            if where is not True:
                raise NotRun("entries that where= leaves out are not set")
            return fresh(found)
        (target,) = out
        if where is not True:
            found = elementwise("where", unwrapped(where), fitted(found, target.shape), unwrapped(target))
        if not isinstance(target, Buffer) or target._scalar:
            return fresh(found)  # numbers do not change: a name gets another
        if ufunc in (np.add, np.subtract) and target.is_(inputs[0]) and where is True:
            target.add(inputs[1] if ufunc is np.add else -inputs[1])
        else:
            target.put(found)
        return target

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        title = function.__name__
        if title in library.FUNCTIONS:
            return library.FUNCTIONS[title](*inputs, **options)
        if title in _VIEWS and isinstance(inputs[0], Buffer):
            first, *rest = inputs
            return first._seen(lambda array: function(array, *rest, **options), writable=_VIEWS[title])
        if title in ("reshape", "ravel"):
            return inputs[0]._reshaped(function(unwrapped(inputs[0]), *unwrapped(inputs[1:]), **unwrapped(options)))
        if title in ("split", "array_split"):
            first, *rest = inputs
            parts = len(function(first.symbolic, *rest, **options))
            return [first._seen(lambda array, k=k: function(array, *rest, **options)[k]) for k in range(parts)]
        return fresh(function(*unwrapped(inputs), **unwrapped(options)))

    def _seen(self, get: Callable[[Array], Array], writable: bool = True) -> Buffer:
        """A view."""
        step = step_of(get, self.symbolic, writable)
        return self if step is None else Buffer(self._storage, (*self._path, step))

    def _reshaped(self, value: Array) -> Buffer:
        """Surely a view of memory that lies row by row."""
        if self._storage.whole and not self._path:
            return self._seen(lambda array: array.reshape(value.shape))
        return Buffer(self._storage.perhaps(value))

    # ---- entries

    def __getitem__(self, key: Any) -> Any:
        key = unwrapped(key)
        if isinstance(key, Array) and key.kind == "bool":
            return Chosen(self.symbolic, _mask(key, self.symbolic))
        if not is_basic(key):
            return fresh(self.symbolic[key])
        found = self._seen(lambda array: array[key])
        dotted = key is Ellipsis or (isinstance(key, tuple) and any(k is Ellipsis for k in key))
        return found if found.shape or dotted else fresh(found.symbolic)

    def __setitem__(self, key: Any, value: Any) -> None:
        key = unwrapped(key)
        if isinstance(key, Array) and key.kind == "bool":
            self._choose(_mask(key, self.symbolic), value)
        elif is_basic(key):
            part = self._seen(lambda array: array[key])
            if not part.is_(value):  # what ``A[key] += 1`` has changed already
                part.put(value)
        else:
            here = self.symbolic
            self.put(put_at_arrays(here, expanded(here, key), unwrapped(value)))

    def _choose(self, mask: Array, value: Any) -> None:
        """Set the entries that a mask chooses."""
        if isinstance(value, Chosen):
            if value.mask is not mask:
                raise NotRun("entries that one mask chooses are set to those that another chooses")
            value = value.every
        elif np.ndim(unwrapped(value)):
            raise NotRun("an array is put where a mask says")
        here = self.symbolic
        self.put(elementwise("where", mask, fitted(value, here.shape), here))

    def __iter__(self) -> Any:
        return iter([self[k] for k in range(len(self))])

    def __len__(self) -> int:
        shape = self.shape
        if not shape:
            raise TypeError("len() of an array of rank 0")
        if shape[0].constant is None:
            raise NotRun(f"a loop over the size {shape[0]}")
        return int(shape[0].constant)

    def __bool__(self) -> bool:
        raise NotRun("a branch on values")

    def __float__(self) -> float:
        raise NotRun("a plain float is asked of a symbolic array")

    __hash__ = None  # type: ignore[assignment]  # == is entry by entry
    __int__ = __index__ = __float__  # they raise alike

    # ---- attributes and methods

    @property
    def shape(self) -> Any:
        """The sizes."""
        return self.symbolic.shape

    @property
    def ndim(self) -> int:
        """The rank."""
        return self.symbolic.ndim

    @property
    def size(self) -> Any:
        """The number of entries."""
        return self.symbolic.size

    @property
    def dtype(self) -> Any:
        """Of the kind of its entries."""
        return self.symbolic.dtype

    @property
    def strides(self) -> Any:
        """Ways in memory, for views by strides."""
        return views_by_strides.strides(self.symbolic)

    @property
    def T(self) -> Buffer:
        """A view with the axes reversed."""
        return self._seen(lambda array: array.T)

    def transpose(self, *axes: Any) -> Buffer:
        """A view with the axes in another order."""
        return self._seen(lambda array: array.transpose(*axes))

    def swapaxes(self, first: int, second: int) -> Buffer:
        """A view with two axes exchanged."""
        return self._seen(lambda array: array.swapaxes(first, second))

    def squeeze(self, axis: Any = None) -> Buffer:
        """A view without axes of size 1."""
        return self._seen(lambda array: build.squeeze(array, axis))

    def reshape(self, *shape: Any, **_: Any) -> Buffer:
        """The entries in another shape."""
        return self._reshaped(self.symbolic.reshape(*shape))

    def ravel(self) -> Buffer:
        """The entries in one row."""
        return self._reshaped(self.symbolic.reshape(-1))

    def flatten(self) -> Buffer:
        """A copy of the entries in one row."""
        return Buffer(Storage(self.symbolic.reshape(-1), whole=True))

    def copy(self, order: str = "C") -> Buffer:
        """A copy."""
        return Buffer(Storage(self.symbolic, self._storage.kind, whole=order == "C"))

    def astype(self, dtype: Any, copy: bool = True, **_: Any) -> Buffer:
        """A copy; of a mask, its 0 and 1."""
        here, kind = self.symbolic, kind_of(dtype)
        if kind != "float" and here.kind == "float":
            raise NotRun("floats are cast to whole numbers")
        if here.kind == "bool" and kind != "bool":
            here = elementwise("where", here, 1, 0)
        return Buffer(Storage(here, kind) if copy else self._storage.perhaps(here))

    def fill(self, value: Any) -> None:
        """All entries set to one number."""
        self.put(value)

    def item(self) -> Buffer:
        """The only entry."""
        return fresh(self.symbolic.reshape(()))  # type: ignore[no-any-return]  # an array

    def clip(self, low: Any = None, high: Any = None) -> Any:
        """The entries within bounds."""
        return library.clipped(self, low, high)

    def __getattr__(self, title: str) -> Any:
        found = getattr(self.symbolic, title)
        if not callable(found):
            return found
        return lambda *given, **options: fresh(found(*unwrapped(given), **unwrapped(options)))

    def __repr__(self) -> str:
        return f"Buffer({self.symbolic})"


class Chosen(NDArrayOperatorsMixin):
    """The entries of an array that a mask chooses, in a row of unknown length: ``X[mask]``."""

    __array_priority__ = Buffer.__array_priority__ + 1

    def __init__(self, every: Array, mask: Array) -> None:
        self.every, self.mask = every, mask

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if method != "__call__" or options:
            raise NotRun(f"np.{ufunc.__name__}.{method} of the entries that a mask chooses")
        for x in inputs:
            if x.mask is not self.mask if isinstance(x, Chosen) else np.ndim(unwrapped(x)):
                raise NotRun("entries that a mask chooses meet others")
        found = ufunc(*[x.every if isinstance(x, Chosen) else unwrapped(x) for x in inputs])
        if out is None:
            return Chosen(found, self.mask)
        out[0].every = found
        return out[0]

    def sum(self, axis: Any = None, **options: Any) -> Any:
        """The sum of what is chosen."""
        if axis is not None or options:
            raise NotRun("a sum along an axis of the entries that a mask chooses")
        return fresh(elementwise("where", self.mask, self.every, 0).sum())

    def __getattr__(self, title: str) -> Any:
        raise NotRun(f".{title} of the entries that a mask chooses")

    __hash__ = None  # type: ignore[assignment]  # == is entry by entry


# ---- between buffers and arrays


def fresh(found: Any) -> Any:
    """New memory for what came out of the language; numbers, sizes and shapes stay."""
    if isinstance(found, Array):
        return Buffer(Storage(found), scalar=not found.shape)
    if isinstance(found, list) or (isinstance(found, tuple) and any(isinstance(part, Array) for part in found)):
        make: Any = getattr(found, "_make", type(found))  # of a tuple with named parts
        return make(map(fresh, found))
    return found


def unwrapped(given: Any) -> Any:
    """The arrays in place of the buffers, also in tuples, lists and dictionaries."""
    if isinstance(given, Buffer):
        return given.symbolic
    if isinstance(given, Chosen):
        raise NotRun("entries that a mask chooses are used as an array")
    if type(given) in (tuple, list):
        return type(given)(map(unwrapped, given))
    if type(given) is dict:
        return {key: unwrapped(value) for key, value in given.items()}
    return given


def fitted(value: Any, shape: Shape) -> Array:
    """A value as an array of a shape; NotRun if it does not broadcast to it."""
    array: Array = constant(unwrapped(value))
    if broadcast([array.shape, shape]) != shape:
        raise NotRun("an array is put where one of another shape is")
    return spread(array, shape)


def _mask(mask: Array, array: Array) -> Array:
    """A mask of the leading axes as one of all."""
    if mask.shape != array.shape[: mask.ndim]:
        raise NotRun("a mask of another shape")
    return spread(mask[(..., *[None] * (array.ndim - mask.ndim))], array.shape)


def _is_whole(array: Array) -> bool:
    return isinstance(array.op, Constant) and isinstance(array.op.value, Fraction) and array.op.value.denominator == 1


def kind_of(dtype: Any) -> str:
    """``float``, ``int`` or ``bool``, by a dtype; floats where there is none."""
    letter = dtype.kind if hasattr(dtype, "kind") else np.dtype(float if dtype is None else dtype).kind
    return {"b": "bool", "i": "int", "u": "int"}.get(letter, "float")


from derive.reading import library  # noqa: E402  # its functions make buffers
from derive.reading import strides as views_by_strides  # noqa: E402  # it makes views of buffers
