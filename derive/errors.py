"""What a user got wrong, said so that it can be mended: what came, what was wanted, where, what to try."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

HOUSE = str(Path(__file__).parent)
_CALLERS = ("click", "numpy")  # libraries that call the house: never the place where a user went wrong


class DeriveError(ValueError):
    """Every error that a user can cause.

    ``got`` says what came, ``wanted`` what was wanted, ``where`` the place in the user's source (or the argument),
    ``hint`` what to try.  The text is these four, in that order.
    """

    def __init__(self, got: str, wanted: str = "", where: str = "", hint: str = "") -> None:
        self.got, self.wanted, self.where, self.hint = got, wanted, where, hint
        text = "; ".join(part for part in (got, wanted) if part)
        if where:
            text += f"  ({where})"
        if hint:
            text += f"\n  try {hint}"
        super().__init__(text)


def place_of(function: Any) -> str:
    """``file.py:14``, where a function is defined."""
    return f"{Path(function.__code__.co_filename).name}:{function.__code__.co_firstlineno}"


def callers_place() -> str:
    """``file.py:14`` of the innermost frame outside this package, or ``""`` where there is none."""
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        made = (name, frame.f_code.co_name) == ("<string>", "__init__")  # of a dataclass
        if not name.startswith((HOUSE, "<frozen")) and not made and package not in _CALLERS:
            return f"{Path(name).name}:{frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]  # the outermost frame has no caller
    return ""
