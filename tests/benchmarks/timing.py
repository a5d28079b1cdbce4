"""A paired timer: the contenders take turns, round after round, so that a drift of the machine meets all alike.

A batch is timed at a time, long enough for the clock; the order rotates, so that nobody always follows the same one.
Reported is the ratio within a round, as its median over all rounds; beside it, in brackets, the ratio of the fastest
tenths, which is what a machine with other work to do still tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Clock = Callable[[], float]


@dataclass(frozen=True)
class Contender:
    """``run`` is timed; ``setup`` makes its argument and is not; ``once``: one run a batch."""

    name: str
    run: Callable[[Any], Any]
    setup: Callable[[], Any] = lambda: None
    once: bool = False

    def batch(self, loops: int, clock: Clock = time.perf_counter) -> float:
        """Seconds for one run, over a batch."""
        run, given = self.run, [self.setup() for _ in range(loops)]
        start = clock()
        for argument in given:
            run(argument)
        return (clock() - start) / loops


@dataclass(frozen=True)
class Race:
    """The seconds of each contender, round by round."""

    times: dict[str, list[float]]

    def ratio(self, first: str, second: str) -> float:
        """The median over the rounds of the first's time by the second's."""
        return median(a / b for a, b in zip(self.times[first], self.times[second], strict=True))

    def fastest(self, name: str) -> float:
        """The mean seconds of the fastest tenth of the rounds."""
        return fmean(sorted(self.times[name])[: max(1, len(self.times[name]) // 10)])

    def both(self, first: str, second: str) -> str:
        """``1.02 (1.01)``: the median ratio, and that of the fastest tenths."""
        return f"{self.ratio(first, second):.2f} ({self.fastest(first) / self.fastest(second):.2f})"

    def median(self, name: str) -> float:
        """The median seconds of one."""
        return median(self.times[name])

    def over(self, first: str, second: str) -> float:
        """The median over the rounds of the seconds by which the first takes longer."""
        return median(a - b for a, b in zip(self.times[first], self.times[second], strict=True))


def race(
    contenders: Sequence[Contender],
    rounds: int,
    batch: float = 2e-3,
    pause: float = 0.0,
    clock: Clock = time.perf_counter,
) -> Race:
    """Every contender in every round.

    ``batch`` is the least length of a batch in seconds.  ``pause`` is waited before each, and a batch is run untimed
    after it: threads that one library leaves spinning would slow down the next.  ``clock``: wall time, or processor
    time (``time.process_time``) for work of one thread, so that what else the machine does is not counted.
    """
    loops = {}
    for contender in contenders:
        contender.batch(1, clock)  # first calls import, compile and fill caches
        loops[contender.name] = 1 if contender.once else max(1, round(batch / max(contender.batch(1, clock), 1e-9)))
    times: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for turn in range(rounds):
        first = turn % len(contenders)
        order = [*contenders[first:], *contenders[:first]]
        for contender in order if turn // len(contenders) % 2 == 0 else order[::-1]:
            if pause:
                time.sleep(pause)
                contender.batch(loops[contender.name], clock)
            times[contender.name].append(contender.batch(loops[contender.name], clock))
    return Race(times)


@dataclass(frozen=True)
class Table:
    """A titled table, and what there is to know about it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """The table as GitHub shows it."""
        lines = [f"**{self.title}**", "", _row(self.header), _row(["---"] * len(self.header)), *map(_row, self.rows)]
        return "\n".join([*lines, *(["", self.note] if self.note else [])])


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
