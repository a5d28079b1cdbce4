"""Layers of several lines, used in another layer, are opened into their lines; one of a single line stays one equation.

So every line of a network is proved by itself and every part has a name: nothing is written twice, however deep it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from derive.arrays.array import Array
from derive.arrays.named import Named, name, substitute
from derive.arrays.operations import Constant
from derive.arrays.rewriting import rewritten

if TYPE_CHECKING:
    from derive.arrays.shapes import Shape
    from derive.derivation.layer import Layer
    from derive.index.size import Size


@dataclass
class Opening:
    """The named parts of a layer, in order, with calls opened; ``domains`` are the conditions that come with them.

    New names are those inside the layer that is called, with a number where they are ``taken``.
    """

    taken: set[str]
    parts: dict[str, Array] = field(default_factory=dict)
    domains: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _opened: dict[tuple[Layer, Shape, tuple[Array, ...]], dict[str, Array]] = field(default_factory=dict)

    def add(self, title: str, written: Array) -> None:
        """Add a part, after the lines of the layers that it calls."""
        found = self._without_calls(written, title)
        self.parts.setdefault(title, found)

    def _without_calls(self, written: Array, title: str) -> Array:
        return rewritten(written, lambda node, new: self._lines(new, title if node is written else ""))

    def _lines(self, node: Array, title: str) -> Array:
        """The call's result, its lines added; any other node, and the call of a layer of one line, as it is."""
        from derive.derivation.call import LayerCall

        op = node.op
        if not isinstance(op, LayerCall) or len(op.layer.equations) < 2:
            return node
        key = (op.layer, op.given, node.operands)
        if key not in self._opened:
            sizes, titles = op.sizes(node.operands), {op.output: title} if title else {}
            self._opened[key] = self._named_lines(op.layer, node.operands, sizes, titles)
        return self._opened[key][op.output]

    def _named_lines(
        self, layer: Layer, operands: tuple[Array, ...], sizes: Mapping[str, Size], titles: Mapping[str, str]
    ) -> dict[str, Array]:
        """What the layer's names stand for: its operands, and its lines."""
        known: dict[str, Array] = {}
        for i, operand in zip(layer.arrays, operands, strict=True):
            known[i.name] = operand if isinstance(operand.op, Named | Constant) else self._named(i.name, operand)
        for equation in layer.equations:
            title = titles.get(equation.name, "")
            body = self._without_calls(substitute(equation.expression, known, sizes), title)
            line = known[equation.name] = self._named(equation.name, body, title)
            self.domains[str(line)] = tuple(_renamed(text, {**sizes, **known}) for text in equation.domain)
        return known

    def _named(self, label: str, body: Array, title: str = "") -> Array:
        """The body under its title, or under a label that is not taken."""
        if not title:
            candidates = [label, *(f"{label}{k}" for k in range(1, len(self.taken) + 2))]
            title = next(c for c in candidates if c not in self.taken and f"d{c}" not in self.taken)
            self.taken.add(title)
        self.parts[title] = body
        return name(title, body.shape, body.kind)


def _renamed(text: str, known: Mapping[str, Array | Size]) -> str:
    """A condition with the names and sizes of a layer replaced by what they are."""
    return re.sub(r"\b[A-Za-z_]\w*\b", lambda found: str(known.get(found[0], found[0])), text)
