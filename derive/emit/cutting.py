"""What a statement of the code says: its expression, cut at the names that other statements give."""

from __future__ import annotations

from collections.abc import Mapping

from derive.arrays.array import Array
from derive.arrays.named import Named, name
from derive.arrays.rewriting import replaced


def cut(array: Array, names: Mapping[Array, str]) -> Array:
    """The expression with its parts that have a name replaced by the name; the root stays.

    It looks no deeper than those names, so that a deep network costs no more than its statements.
    """

    def named(node: Array) -> Array | None:
        has_name = node in names and node is not array and not isinstance(node.op, Named)
        return name(names[node], node.shape, node.kind) if has_name else None

    return replaced(array, named)
