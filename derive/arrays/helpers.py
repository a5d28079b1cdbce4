"""The functions that generated code brings along because NumPy has none of the kind: their sources, by name.

Each is written once into a module that calls it, or that has another that does.  A symbolic array cannot run a loop
over a size, nor a reshape to a size that was counted; ``STANDS_FOR`` says what a call means.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from derive.arrays.array import Array
from derive.arrays.contractions import TENSORDOTS
from derive.arrays.gather import ADD_ROWS, PUT, add_rows, put
from derive.arrays.indexing import placed
from derive.arrays.moves import PLACED
from derive.arrays.pooling import AT_LARGEST, OVER_WINDOWS, TO_LARGEST, at_largest, over_windows, to_largest
from derive.arrays.products import tensordots
from derive.arrays.windows import BOXES, OVERLAP, overlap

HELPERS = {
    "boxes": BOXES,
    "overlap": OVERLAP,
    "over_windows": OVER_WINDOWS,
    "to_largest": TO_LARGEST,
    "at_largest": AT_LARGEST,
    "placed": PLACED,
    "add_rows": ADD_ROWS,
    "put": PUT,
    "tensordots": TENSORDOTS,
}
STANDS_FOR: dict[str, Callable[..., Array]] = {
    "overlap": overlap,
    "over_windows": over_windows,
    "to_largest": to_largest,
    "at_largest": at_largest,
    "placed": placed,
    "add_rows": add_rows,
    "put": put,
    "tensordots": tensordots,
}
IN_PLACE = ("put",)  # these change their first argument


def called(code: str) -> list[str]:
    """The helpers that some code calls, and those that they call, in order."""
    found: list[str] = []
    for key in reversed(HELPERS):  # one is called by later ones only
        if re.search(rf"\b{key}\(", "\n".join([code, *(HELPERS[other] for other in found)])):
            found.insert(0, key)
    return found


@cache
def on_arrays(key: str) -> Callable[..., Any]:
    """A helper as a function of NumPy arrays."""
    import numpy

    names: dict[str, Any] = {"np": numpy}
    for source in HELPERS.values():
        exec(source, names)
    helper: Callable[..., Any] = names[key]
    return helper
