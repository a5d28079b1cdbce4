"""How long the command line and the import take to start: whole processes, in turn with a bare Python."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from functools import partial
from pathlib import Path

from timing import Contender, Table, race

GOALS = {"import derive": 0.05, "derive --help": 0.10}  # seconds over bare Python


def commands() -> dict[str, list[str]]:
    """What is started: the installed script, or else the module."""
    python = sys.executable
    script = Path(sysconfig.get_path("scripts")) / "derive"
    by_script = [str(script), "--help"] if script.exists() else [python, "-m", "derive", "--help"]
    return {
        "python -c pass": [python, "-c", "pass"],
        "import derive": [python, "-c", "import derive"],
        "derive --help": by_script,
    }


def tables(quick: bool = False) -> list[Table]:
    """The table of starts."""
    env = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}  # as users have it

    def start(command: list[str]) -> None:
        subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)

    contenders = [Contender(name, start, partial(commands().get, name), once=True) for name in commands()]
    found, rows = race(contenders, 2 if quick else 60), []
    for name, goal in GOALS.items():
        over = found.over(name, "python -c pass")
        least = found.fastest(name) - found.fastest("python -c pass")
        rows.append(
            [
                f"`{name}`",
                f"{over / goal:.2f} ({least / goal:.2f})",
                found.both(name, "python -c pass"),
                f"{goal:.2f} s",
                f"{over:.3f} s",
            ]
        )
    header = ("start", "over bare Python, by its goal", "by bare Python", "goal", "over bare Python")
    note = "Whole processes. Over: median of the differences within a round, in brackets that of the fastest tenths."
    return [Table("Start", header, rows, note)]
