"""What ``derive demo`` does once the module is generated: train with it, compare, draw, tell.

The libraries it needs (matplotlib, scikit-learn) are those of the extra ``demo``; they are imported when used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from derive.demo.control import Control, control
from derive.demo.data import digits, plane
from derive.demo.figures import hidden_space, losses, regions
from derive.demo.page import section
from derive.demo.training import RECIPES, Run, fit

RESTARTS = 20  # trainings from other starting points, so that the one shown is not the one that happened to work
FILES = {"losses": "training-loss.svg", "regions": "decision-regions.svg", "hidden": "hidden-space.svg"}
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Showcase:
    """The section of the report, and what it was written from: runs and controls by the name of their data."""

    section: str
    runs: Mapping[str, Run]
    controls: Mapping[str, Control]
    restarts: tuple[float, ...]
    files: tuple[Path, ...]


def showcase(
    module: Any, folder: Path, link: str = "", progress: Progress | None = None, restarts: int = RESTARTS
) -> Showcase:
    """Train the generated module on both problems, draw into ``folder``, and write the section.

    ``link`` is what leads from the page to the folder (``"demo/"``); ``progress(name, done, total)`` is told of the
    training now and then.  Raises DeriveError where matplotlib or scikit-learn is missing.
    """
    problems = {data.name: data for data in (plane(), digits())}
    runs = {name: fit(module, data, RECIPES[name], _told(progress, name)) for name, data in problems.items()}
    others, recipe = [], RECIPES["plane"]
    for seed in range(1, restarts + 1):
        others.append(fit(module, problems["plane"], replace(recipe, seed=recipe.seed + seed)).held_accuracy)
        if progress is not None:
            progress("plane, from other starting points", seed, restarts)
    controls = {name: control(run) for name, run in runs.items()}
    folder.mkdir(parents=True, exist_ok=True)
    losses(runs, folder / FILES["losses"])
    regions(runs["plane"], controls["plane"], folder / FILES["regions"])
    hidden_space(runs["plane"], controls["plane"], folder / FILES["hidden"])
    text = section(runs, controls, {name: link + file for name, file in FILES.items()}, others)
    return Showcase(text, runs, controls, tuple(others), tuple(folder / file for file in FILES.values()))


def _told(progress: Progress | None, name: str) -> Callable[[int, float], None] | None:
    """A callback for one training that passes on every hundredth step."""
    if progress is None:
        return None
    total = RECIPES[name].steps

    def on_step(step: int, loss: float) -> None:
        if step % 100 == 0 or step == total:
            progress(name, step, total)

    return on_step
