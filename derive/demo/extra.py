"""The libraries of the ``demo`` extra, imported when they are needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from derive.errors import DeriveError


def load(name: str, library: str) -> Any:
    """The module ``name``; a DeriveError that says what to install where its library is missing."""
    try:
        return import_module(name)
    except ImportError as missing:
        raise DeriveError(
            f"the demo needs {library}, which cannot be imported ({missing})",
            "the libraries of the extra 'demo'",
            hint="pip install 'derive-gradients[demo]'",
        ) from missing
