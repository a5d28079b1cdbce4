"""A source of choices for hypothesis that depends on the seed alone.

hypothesis mixes in constants that it finds in the source files of the modules which happen to be loaded, and keeps
them in a folder beside the program.  Both would make a report depend on where and when it was made.
"""

from __future__ import annotations

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

BACKEND = "derive-seeded"


class SeededProvider(HypothesisProvider):
    """hypothesis's own choices, without the constants of loaded modules."""

    def _maybe_draw_constant(self, *args: Any, **kwargs: Any) -> None:
        return None


AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{SeededProvider.__name__}"
