"""The benchmark: ``python tests/benchmarks/run.py`` prints its tables; with ``--readme`` it puts them there too."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import accuracy
import deriving
import layering
import starting
import stepping
from timing import Table

PARTS: dict[str, Callable[[bool], list[Table]]] = {
    "deriving": deriving.tables,
    "layering": layering.tables,
    "stepping": stepping.tables,
    "starting": starting.tables,
    "accuracy": accuracy.tables,
}
README = Path(__file__).parents[2] / "README.md"
LONG = 40  # rows
BEGIN, END = "<!-- benchmark:begin -->", "<!-- benchmark:end -->"


def main() -> None:
    """Run the parts, print each table as it comes, and write them into the README if asked."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(PARTS)}; by default all")
    arguments.add_argument("--quick", action="store_true", help="a short run: few rounds, small networks")
    arguments.add_argument("--readme", action="store_true", help=f"put the tables into README.md, after {BEGIN}")
    given = arguments.parse_args()
    unknown = [part for part in given.parts if part not in PARTS]
    if unknown:
        arguments.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if given.readme:
        between(README.read_text(encoding="utf-8"), "")  # said before the measurements, not after
    texts = [machine()]
    print(texts[0], flush=True)
    for part in given.parts or PARTS:
        for table in PARTS[part](given.quick):
            texts.append(folded(table))
            show(table)
    if given.readme:
        README.write_text(between(README.read_text(encoding="utf-8"), "\n\n".join(texts)), encoding="utf-8")


def machine() -> str:
    """What it was measured with."""
    libraries = ", ".join(f"{title} {_version(title)}" for title in ("numpy", "sympy", "torch", "jax", "autograd"))
    return f"Python {platform.python_version()}, {libraries}; {os.cpu_count()} cores."


def _version(title: str) -> str:
    try:
        return version(title)
    except PackageNotFoundError:
        return "not installed"


def folded(table: Table) -> str:
    """A table as the README has it: one of very many rows opens when it is asked for."""
    if len(table.rows) <= LONG:
        return table.markdown()
    return f"<details><summary>{table.title}, {len(table.rows)} rows</summary>\n\n{table.markdown()}\n\n</details>"


def show(table: Table) -> None:
    """A table for people at a terminal, Markdown otherwise."""
    if not sys.stdout.isatty():
        print(f"\n{table.markdown()}", flush=True)
        return
    from rich.console import Console
    from rich.table import Table as Rich

    rich = Rich(*table.header, title=table.title, caption=table.note or None)
    for row in table.rows:
        rich.add_row(*row)
    Console().print(rich)


def between(text: str, inner: str) -> str:
    """The text with what is between the two marks replaced."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{README.name}: the marks {BEGIN} and {END} were wanted, in this order")
    return f"{head}{BEGIN}\n{inner}\n{END}{tail}"


if __name__ == "__main__":
    main()
