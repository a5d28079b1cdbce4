"""The functions that generated code brings along because NumPy has none of the kind: their sources, by name.

Each is written once into a module that calls it.  A symbolic array cannot run a loop over a size, nor a reshape to a
size that was counted; ``STANDS_FOR`` says what a call means.
"""

from __future__ import annotations

from collections.abc import Callable

from derive.arrays.array import Array
from derive.arrays.contractions import TENSORDOTS
from derive.arrays.gather import ADD_ROWS, PUT, add_rows, put
from derive.arrays.indexing import placed
from derive.arrays.moves import PLACED
from derive.arrays.products import tensordots
from derive.arrays.windows import OVERLAP, overlap

HELPERS = {"overlap": OVERLAP, "placed": PLACED, "add_rows": ADD_ROWS, "put": PUT, "tensordots": TENSORDOTS}
STANDS_FOR: dict[str, Callable[..., Array]] = {
    "overlap": overlap,
    "placed": placed,
    "add_rows": add_rows,
    "put": put,
    "tensordots": tensordots,
}
