"""The corpus, run: ``python -m tests.verifier.corpus.run`` prints its table.

    --seeds N      right functions are checked with N seeds (5)
    --class NAME   only bugs of a class
    --family NAME  only one family
    --only NAME    only pairs of that name
    --misses       what was missed, in full
    --no-right, --no-bugs
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections import Counter
from dataclasses import dataclass

import derive
from derive.verdict import Verdict
from derive.verifier.points import other_draws

from . import contenders
from .notation import CLASSES, RIGHT, Bug, Functions, Right, planted

FAMILIES = (
    "dense", "activations", "classification", "norms", "convolution", "pooling", "attention", "recurrent", "indexing",
    "losses", "matrices",
)  # fmt: skip
CONTENDERS = {"differences": contenders.central_differences, "gradcheck": contenders.gradcheck}
STATUSES = ("proved", "proved_at", "enclosed", "tested")


@dataclass(frozen=True)
class Checked:
    """A verdict, and the processor time that it took, that of child processes too."""

    verdict: Verdict
    seconds: float


def load() -> None:
    """Read every family."""
    for family in FAMILIES:
        importlib.import_module(f"{__package__}.{family}")


def checked(right: Right, functions: Functions, base: int = 0) -> Checked:
    """The verdict of ``derive.check``."""
    before = _processor_time()
    with other_draws(base):
        verdict = derive.check(functions.forward, functions.backward, right.shapes, where=right.where)
    return Checked(verdict, _processor_time() - before)


def _processor_time() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def caught(bug: Bug) -> tuple[Verdict, dict[str, bool]]:
    """The verdict on a bug, and which contenders catch it."""
    functions = bug.functions()
    others = {name: not passes(bug.right, functions) for name, passes in CONTENDERS.items()}
    return checked(bug.right, functions).verdict, others


# ---- the table


def bugs_table(bugs: list[Bug], misses: bool) -> bool:
    """Print a line for each class; True if every bug was caught."""
    found: dict[str, list[tuple[Bug, Verdict, dict[str, bool]]]] = {kind: [] for kind in CLASSES}
    for number, bug in enumerate(bugs, 1):
        _progress(f"bug {number} of {len(bugs)}: {bug.name}")
        found[bug.kind].append((bug, *caught(bug)))
    print("| class | bugs | derive.check | central differences | gradcheck |\n|---|---|---|---|---|")
    every = [one for of_class in found.values() for one in of_class]
    for kind, of_class in [*found.items(), ("all", every)]:
        if of_class:
            ours = sum(verdict.status == "refuted" for _, verdict, _ in of_class)
            others = [str(sum(caught[name] for _, _, caught in of_class)) for name in CONTENDERS]
            print(f"| {' | '.join([kind, str(len(of_class)), str(ours), *others])} |")
    missed = [(bug, verdict) for bug, verdict, _ in every if verdict.status != "refuted"]
    for bug, verdict in missed:
        print(f"\nnot refuted: {bug.name} ({verdict.status})")
        if misses:
            print(verdict)
    return not missed


def right_table(pairs: list[Right], seeds: int, misses: bool) -> bool:
    """Print what became of right pairs; True if none was refuted or left open."""
    statuses: Counter[str] = Counter()
    seconds: dict[str, float] = {}
    alarms: list[tuple[Right, int, Verdict]] = []
    for number, each in enumerate(pairs, 1):
        for base in range(seeds):
            _progress(f"right pair {number} of {len(pairs)}, seed {base}: {each.name}")
            one = checked(each, each.functions(), base)
            if base == 0:
                seconds[each.name] = one.seconds
                statuses[one.verdict.status] += 1
            if not one.verdict.ok:
                alarms.append((each, base, one.verdict))
    differ = [each.name for each in pairs if not contenders.central_differences(each, each.functions())]
    print(f"\n{len(pairs)} right pairs: " + ", ".join(f"{statuses[name]} {name}" for name in STATUSES))
    print(f"not accepted over {seeds} seeds: {len(alarms)}; by central differences: {', '.join(differ) or '0'}")
    slowest = max(seconds, key=seconds.__getitem__)
    mean = sum(seconds.values()) / len(seconds)
    print(f"processor time of a right pair: {mean:.2f} s on average, {seconds[slowest]:.2f} s at most ({slowest})")
    for each, base, verdict in alarms:
        print(f"\nnot accepted: {each.name}, seed {base} ({verdict.status}): {verdict if misses else verdict.reason}")
    return not alarms


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--class", dest="kind", choices=CLASSES)
    parser.add_argument("--family", choices=FAMILIES)
    parser.add_argument("--only", default="")
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--no-right", action="store_true")
    parser.add_argument("--no-bugs", action="store_true")
    asked = parser.parse_args()
    load()
    pairs = [each for each in RIGHT if asked.family in (None, each.family) and asked.only in ("", each.name)]
    bugs = [bug for bug in planted() if bug.right in pairs and asked.kind in (None, bug.kind)]
    good = bugs_table(bugs, asked.misses) if bugs and not asked.no_bugs else True
    if not asked.no_right and asked.kind is None:
        good = right_table(pairs, asked.seeds, asked.misses) and good
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
