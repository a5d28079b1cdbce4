"""How much work the user's code does: counted, not timed, so that budgets mean the same everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from derive.verifier.pair import Form, Pair

CALL = 20  # units of one call of forward or backward, besides the calls inside; a unit is about a microsecond


ENTRIES = 256  # that NumPy is taken to fill in one unit


@dataclass(frozen=True, eq=False)
class Metered(Pair):
    """A pair whose calls are counted, with the calls and returns inside them, and the entries that come out.

    Counting slows code down: what is done inside is counted once for arguments of the same shapes.
    """

    units: list[int] = field(default_factory=lambda: [0])
    inside: dict[Any, int] = field(default_factory=dict, repr=False)

    @property
    def used(self) -> int:
        """The units so far."""
        return self.units[0]

    def forward(self, *inputs: Any) -> tuple[Any, tuple[Form, Any]]:
        """As the pair does."""
        shapes = ("forward", *map(np.shape, inputs))
        y, held = self._counted(shapes, lambda: super(Metered, self).forward(*inputs))
        self.units[0] += _entries(y) // ENTRIES
        return y, held

    def backward(self, upstream: Any, held: tuple[Form, Any], /) -> Mapping[str, Any]:
        """As the pair does."""
        parts = upstream if isinstance(upstream, tuple) else (upstream,)
        shapes = ("backward", *map(np.shape, parts))
        found: Mapping[str, Any] = self._counted(shapes, lambda: super(Metered, self).backward(upstream, held))
        return found

    def _counted(self, shapes: tuple[Any, ...], call: Callable[[], Any]) -> Any:
        if shapes in self.inside:
            self.units[0] += self.inside[shapes]
            return call()
        units, before = CALL, sys.getprofile()

        def count(*_: Any) -> None:
            nonlocal units
            units += 1

        sys.setprofile(count)
        try:
            found = call()
        finally:
            sys.setprofile(before)
            self.units[0] += units
        self.inside[shapes] = units
        return found


def _entries(y: Any) -> int:
    return sum(part.size for part in (y if isinstance(y, tuple) else (y,)) if isinstance(part, np.ndarray))


def metered(given: Pair) -> Metered:
    """The pair with a meter of its own."""
    return Metered(**{each.name: getattr(given, each.name) for each in fields(Pair)})
