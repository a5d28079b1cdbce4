"""Expressions up to the names of their arrays and sizes: what is proved once holds under every renaming."""

from __future__ import annotations

from typing import Any

from derive.arrays.array import Array, parameters_of
from derive.arrays.named import Named
from derive.index.size import Size


def alpha_key(*arrays: Array) -> tuple[Any, ...]:
    """A key that is equal for expressions which differ only in the names of arrays and of sizes."""
    number: dict[int, int] = {}
    names: dict[str, str] = {}
    sizes: dict[str, Size] = {}

    def renamed(value: Any) -> Any:
        if isinstance(value, Size):
            for size_name in sorted(value.names, key=lambda n: (n not in sizes, n)):
                sizes.setdefault(size_name, Size.of(f"_{len(sizes)}"))
            return value.at(sizes)
        return tuple([renamed(item) for item in value]) if isinstance(value, tuple) else value

    rows = []
    for array in arrays:
        for node in array.walk():
            if id(node) in number:
                continue
            number[id(node)] = len(number)
            parameters = [renamed(getattr(node.op, f.name)) for f in parameters_of(type(node.op)) if f.name != "label"]
            if isinstance(node.op, Named):
                parameters.append(names.setdefault(node.op.label, f"_{len(names)}"))
            rows.append((type(node.op), *parameters, *[number[id(operand)] for operand in node.operands]))
        rows.append((None, number[id(array)]))
    return tuple(rows)


def sizes_inside(array: Array) -> tuple[str, ...]:
    """The names of sizes in an expression: in its shapes and in what its operations are told, such as a stride."""
    found: dict[str, None] = {}

    def look(value: Any) -> None:
        if isinstance(value, Size):
            found.update(dict.fromkeys(sorted(value.names)))
        elif isinstance(value, tuple):
            for item in value:
                look(item)

    for node in array.walk():
        look(node.shape)
        for f in parameters_of(type(node.op)):
            look(getattr(node.op, f.name))
    return tuple(found)
