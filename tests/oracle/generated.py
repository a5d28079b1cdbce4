"""The generated code of a layer with some options, made once."""

from __future__ import annotations

from functools import cache
from typing import Any

from derive.derivation.layer import Layer


@cache
def compiled(layer: Layer, options: tuple[tuple[str, Any], ...]) -> tuple[Layer, Any]:
    """The layer with these options, and its generated code."""
    chosen = layer.with_options(**dict(options))
    return chosen, chosen.derive().compile()
