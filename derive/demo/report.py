"""The main job, end to end: derive, prove, generate, attack, train, report."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from derive.catalogue import layers
from derive.demo import showcase
from derive.emit.report import page
from derive.verdict import Verdict

NETWORK = "two_layer_network"
REBUILD = "## Rebuild\n\n`derive demo` writes this report again."

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Outcome:
    """Where the report is, the verdict of the network, and the accuracy on held-back points by the name of the data."""

    report: Path
    module: Path
    verdict: Verdict
    accuracies: dict[str, tuple[float, str]]


def _alone(text: str) -> str:
    """The network's page without links to other pages, and without how that page is rebuilt."""
    return re.sub(r"\[(\w+)\]\(\w+\.md\)", r"\1", text.partition("\n## Rebuild")[0])


def write(folder: Path, progress: Progress | None = None) -> Outcome:
    """Do it all and write ``report.md``, the generated module and the figures into a folder.

    ``progress(stage, done, total)`` is told how far it is.  DeriveError where the extra ``demo`` is not installed.
    """
    told = progress or (lambda stage, done, total: None)
    network = layers[NETWORK]
    told("derive and prove", 0, 1)
    derivation = network.derive()
    verdict = derivation.prove()
    told("derive and prove", 1, 1)
    folder.mkdir(parents=True, exist_ok=True)
    module = folder / f"{NETWORK}.py"
    module.write_text(derivation.numpy(), encoding="utf-8")
    told("attack with properties", 0, 1)
    text = _alone(page(network))
    told("attack with properties", 1, 1)
    shown = showcase(derivation.compile(), folder, "", told)
    report = folder / "report.md"
    report.write_text(f"{text.rstrip()}\n\n{shown.section.strip()}\n\n{REBUILD}\n", encoding="utf-8")
    accuracies = {name: (run.held_accuracy, run.data.source) for name, run in shown.runs.items()}
    return Outcome(report, module, verdict, accuracies)
