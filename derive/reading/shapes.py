"""User code on symbolic arrays of every shape: its NumPy, its ``math`` and its builtins, replaced together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.axis import AxisSize
from derive.index.size import Size
from derive.reading.buffers import Buffer
from derive.reading.library import ALLOCATORS
from derive.reading.lifting import Lifting, Namespace
from derive.reading.refusal import NotRun
from derive.reading.special import OF_ARRAYS, scipy_modules
from derive.reading.strides import as_strided


def over_shapes() -> Lifting:
    """Makes functions again over a NumPy whose arrays are buffers, and whose sizes are symbols."""
    scalars = {key: _of_sizes(key) for key in ("sqrt", "exp", "log", "tanh", "pow", "fabs")}
    tricks = Namespace(np.lib.stride_tricks, {"as_strided": as_strided})
    modules = {
        "numpy": Namespace(np, {**ALLOCATORS, "lib": Namespace(np.lib, {"stride_tricks": tricks})}),
        "numpy.lib.stride_tricks": tricks,
        "math": Namespace(math, scalars),
        **scipy_modules(OF_ARRAYS),
    }
    functions = {**ALLOCATORS, **scalars, **OF_ARRAYS, "as_strided": as_strided}
    return Lifting(modules, functions, {"len": _length, "range": _range})


def _of_sizes(key: str) -> Any:
    """A function of ``math``, of symbolic numbers that of NumPy."""
    of_arrays = getattr(np, {"pow": "power", "fabs": "abs"}.get(key, key))

    def call(*given: Any) -> Any:
        symbolic = any(isinstance(x, Size | Array | Buffer) for x in given)
        return of_arrays(*given) if symbolic or any(np.ndim(x) for x in given) else getattr(math, key)(*given)

    return call


def _length(of: Any) -> Any:
    return of.shape[0] if isinstance(of, Buffer) and of.ndim else len(of)


def _range(*ends: Any) -> Any:
    """What may be looped over if it is of numbers; up to a size it is an index, as ``p[range(n), y]`` has it."""
    if len(ends) == 1 and isinstance(ends[0], AxisSize) and ends[0].constant is None:
        return ALLOCATORS["arange"](*ends)  # which refuses to be looped over
    for end in ends:
        if isinstance(end, AxisSize) and end.constant is None:
            raise NotRun(f"a loop over the size {end}")
    return iter(range(*ends))
