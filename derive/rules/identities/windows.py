"""The identities of windows."""

from __future__ import annotations

from derive.arrays.array import Array
from derive.arrays.moves import Slice
from derive.arrays.windows import stepped
from derive.rules.identities import identity


@identity(Slice)
def slice_of_windows(node: Array) -> Array | None:
    """every s-th window, and every d-th place in it, are windows with stride s and dilation d"""
    return stepped(node)
