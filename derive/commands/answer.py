"""What a command answers, printed once for people and once for programs; and progress while it works."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

ACCEPTED, REFUTED, OPEN = 0, 1, 3
COLOURS = {"refuted": "red", "open": "yellow"}  # every other status is green
UNBOUNDED = 1_000_000  # columns: in a pipe nothing is folded or cut
Item = TypeVar("Item")
Told = Callable[[str, int, int], None]  # (what, done, of how many)


@dataclass(frozen=True)
class Grid:
    """Rows under headings; a cell that is a verdict's status is coloured in a terminal."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: Collection[str] = ()  # the headings of columns of numbers


@dataclass(frozen=True)
class Title:
    """A line in bold."""

    text: str


@dataclass(frozen=True)
class Prose:
    """Text that a terminal breaks between words."""

    text: str


Part = str | Title | Prose | Grid


@dataclass(frozen=True)
class Answer:
    """What a command found: ``data`` for ``--json``, ``parts`` for people, statuses for the exit code."""

    data: Mapping[str, Any]
    parts: Sequence[Part]
    statuses: Collection[str] = field(default=())

    @property
    def exit_code(self) -> int:
        """0 if all is accepted, 1 if something is refuted, else 3 if something is open."""
        return REFUTED if "refuted" in self.statuses else OPEN if "open" in self.statuses else ACCEPTED

    def give(self, as_json: bool) -> int:
        """Print the answer; its exit code."""
        if as_json:
            sys.stdout.write(json.dumps(self.data, indent=2) + "\n")
        else:
            _show(self.parts)
        return self.exit_code


def _show(parts: Sequence[Part]) -> None:
    """Plain text in a pipe, with no escape codes and nothing cut; in a terminal, tables that fit."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=sys.stdout, highlight=False)
    if not console.is_terminal:
        console = Console(file=sys.stdout, highlight=False, width=UNBOUNDED, color_system=None)
    for part in parts:
        if isinstance(part, str):
            sys.stdout.write(part if part.endswith("\n") else part + "\n")
        elif isinstance(part, Title):
            console.print(Text(part.text, "bold"))
        elif isinstance(part, Prose):
            console.print(Text(part.text))
        else:
            with console.capture() as drawn:
                console.print(_table(part, console.is_terminal))
            lines = [line.rstrip() for line in drawn.get().splitlines()]
            sys.stdout.write("\n".join(lines).strip("\n") + "\n")  # the frame of a table has blank lines around it


def _table(grid: Grid, terminal: bool) -> Any:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD if terminal else None, pad_edge=terminal, header_style="bold")
    for heading in grid.headings:
        table.add_column(Text(heading), overflow="fold", justify="right" if heading in grid.right else "left")
    for row in grid.rows:
        table.add_row(*[Text(cell, _style(cell)) for cell in row])
    return table


def _style(cell: str) -> str:
    from typing import get_args

    from derive.verdict import Status

    return COLOURS.get(cell, "green") if cell in get_args(Status) else ""


@contextmanager
def progress() -> Iterator[Told]:
    """A function ``told(what, done, total)`` that draws bars on stderr, if that is a terminal; total 0 is unknown."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda what, done, total: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def told(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what, total=total or None)
            bars.update(tasks[what], completed=done, total=total or None)

        yield told


def each(items: Sequence[Item], what: str) -> Iterator[Item]:
    """The items one by one, with progress."""
    with progress() as told:
        for done, item in enumerate(items):
            told(what, done, len(items))
            yield item
