"""What a statement of the code says: its expression, cut at the names that other statements give."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from derive.arrays.array import Array
from derive.arrays.named import Named, name
from derive.arrays.rewriting import replaced


def cut(array: Array, names: Mapping[Array, str]) -> Array:
    """The expression with its parts that have a name replaced by the name; the root stays.

    It looks no deeper than those names, so that a deep network costs no more than its statements.
    """
    named = by_name(names)
    return replaced(array, lambda node: None if node is array else named(node))


def by_name(names: Mapping[Array, str]) -> Callable[[Array], Array | None]:
    """The name that stands for a part, if it has one."""

    def named(node: Array) -> Array | None:
        has_name = node in names and not isinstance(node.op, Named)
        return name(names[node], node.shape, node.kind) if has_name else None

    return named
