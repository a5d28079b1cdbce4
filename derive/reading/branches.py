"""Branches on sizes, ``if n > 64``: code is run once for each way through them, every way under its condition."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from derive.arrays.axis import choosing
from derive.index.size import Size
from derive.reading.refusal import NotRun

MOST_WAYS = 16
MOST_VALUES = 8  # of a size that a condition bounds, each of which is then looked at
Result = TypeVar("Result")
_NOT = {"<": ">=", ">": "<=", "==": "!="}


@dataclass(frozen=True)
class Side:
    """One side of a branch: whether ``left sign right`` holds there."""

    sign: str
    left: Size
    right: Size
    holds: bool

    def __str__(self) -> str:
        return f"{self.left} {self.sign if self.holds else _NOT[self.sign]} {self.right}"

    @property
    def question(self) -> str:
        """The comparison as it stands in the code."""
        return f"{self.left} {self.sign} {self.right}"

    @property
    def nonnegative(self) -> tuple[Size, ...]:
        """What is at least 0 on this side."""
        gap = self.left - self.right
        match self.sign, self.holds:
            case ("<", True):
                return (-gap - 1,)
            case (">", True):
                return (gap - 1,)
            case ("<", False):
                return (gap,)
            case (">", False):
                return (-gap,)
            case ("==", True):
                return gap, -gap
        return ()

    def follows(self, known: Sequence[Size]) -> bool:
        """True if it holds wherever all of ``known`` are at least 0."""
        if self.sign == "==" and not self.holds:
            return any(Side(sign, self.left, self.right, True).follows(known) for sign in "<>")
        return all(
            size.is_nonnegative() or any((size - other).is_nonnegative() for other in known)
            for size in self.nonnegative
        )


@dataclass(frozen=True)
class Way:
    """A way through all branches."""

    sides: tuple[Side, ...] = ()

    def __str__(self) -> str:
        return " and ".join(map(str, self.sides))

    def values(self) -> list[Mapping[str, Size]]:
        """The sizes that its conditions leave to one name, where they are few; none where they cannot be told so."""
        for side in self.sides:
            for name, other in ((side.left, side.right), (side.right, side.left)):
                if side.sign == "==" and side.holds and name.name is not None and name.name not in other.names:
                    return [{name.name: other}]
            for bound in side.nonnegative:  # c - n >= 0
                name = Size.of(min(bound.names))
                most = (bound + name).constant
                if most is not None and 1 <= most <= MOST_VALUES:
                    return [{str(name): Size.of(k)} for k in range(1, most + 1)]
        return []


def ways(run: Callable[[], Result]) -> Iterator[tuple[Way, Result]]:
    """What ``run`` gives on each way through the branches on sizes that it meets; NotRun if these are too many."""
    script: list[bool] = []
    for _ in range(MOST_WAYS):
        chooser = _Chooser(tuple(script))
        with choosing(chooser):
            result = run()
        yield Way(tuple(chooser.taken)), result
        script = [side.holds for side in chooser.taken]
        while script and not script[-1]:
            script.pop()
        if not script:
            return
        script[-1] = False
    raise NotRun(f"more than {MOST_WAYS} ways through branches on sizes")


class _Chooser:
    """Answers by a script, and yes after its end; what follows from the answers before is no choice."""

    def __init__(self, script: Sequence[bool]) -> None:
        self._script = script
        self.taken: list[Side] = []

    def __call__(self, sign: str, left: Size, right: Size) -> bool:
        known = [size for side in self.taken for size in side.nonnegative]
        for holds in (True, False):
            side = Side(sign, left, right, holds)
            if side in self.taken or side.follows(known):
                return holds
        k = len(self.taken)
        self.taken.append(Side(sign, left, right, self._script[k] if k < len(self._script) else True))
        return self.taken[-1].holds
