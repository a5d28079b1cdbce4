"""Which lines of the user's code a proof has run: what it has not run, it has not read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import groupby
from types import CodeType
from typing import Any


class Reach:
    """The lines of some functions, and of those of their files that they call, which were run while watching."""

    def __init__(self, *functions: Callable[..., Any]) -> None:
        codes = [getattr(getattr(each, "__func__", each), "__code__", None) for each in functions]
        self._files = {code.co_filename for code in codes if code is not None}
        self._run: dict[CodeType, set[int]] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Note the lines that are run; whoever else traces is not told of them."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            yield
        finally:
            sys.settrace(before)

    def _called(self, frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename not in self._files:
            return None
        lines = self._run.setdefault(frame.f_code, set())

        def line(frame: Any, event: str, _: Any) -> Any:
            if event == "line":
                lines.add(frame.f_lineno)
            return line

        return line

    def missed(self) -> tuple[str, ...]:
        """The lines that were not run, of each function that was: ``backward, lines 12-14``."""
        found: dict[str, set[int]] = {}
        for code, run in self._run.items():
            own = {at for _, _, at in code.co_lines() if at is not None and at != code.co_firstlineno}
            found.setdefault(code.co_name, set()).update(own - run)
        return tuple(f"{name}, {_ranges(sorted(lines))}" for name, lines in sorted(found.items()) if lines)


def _ranges(lines: list[int]) -> str:
    runs = [[at for _, at in run] for _, run in groupby(enumerate(lines), lambda pair: pair[1] - pair[0])]
    texts = [str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs]
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(texts)}"
