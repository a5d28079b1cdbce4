"""How much work the user's code does: counted, not timed, so that budgets mean the same everywhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from derive.verifier.pair import Form, Pair

CALL = 20  # units of one call of forward or backward, besides the calls inside; a unit is about a microsecond


@dataclass(frozen=True, eq=False)
class Metered(Pair):
    """A pair whose calls are counted, with the calls and returns inside them."""

    units: list[int] = field(default_factory=lambda: [0])

    @property
    def used(self) -> int:
        """The units so far."""
        return self.units[0]

    def forward(self, *inputs: Any) -> tuple[Any, tuple[Form, Any]]:
        """As the pair does."""
        found: tuple[Any, tuple[Form, Any]] = self._counted(lambda: super(Metered, self).forward(*inputs))
        return found

    def backward(self, upstream: Any, held: tuple[Form, Any], /) -> Mapping[str, Any]:
        """As the pair does."""
        found: Mapping[str, Any] = self._counted(lambda: super(Metered, self).backward(upstream, held))
        return found

    def _counted(self, call: Callable[[], Any]) -> Any:
        def count(*_: Any) -> None:
            self.units[0] += 1

        self.units[0] += CALL
        before = sys.getprofile()
        sys.setprofile(count)
        try:
            return call()
        finally:
            sys.setprofile(before)


def metered(given: Pair) -> Metered:
    """The pair with a meter of its own."""
    return Metered(**{each.name: getattr(given, each.name) for each in fields(Pair)})
