"""The table of claims in ``claims/*.md``, with what is to be said of each; run as a program it prints the shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from derive.formulas.claimed import Statement
from derive.formulas.markdown import claimed, text_of
from derive.verdict import Verdict

STATUSES = ("proved", "proved_at", "enclosed", "tested", "refuted", "open")
FILES = sorted((Path(__file__).parent / "claims").glob("*.md"))


@dataclass(frozen=True)
class Row:
    """A claim: where it stands, its text, what its comment says of it, and a function that decides it."""

    place: str
    text: str
    note: str
    decide: partial[Verdict]

    @property
    def statement(self) -> Statement:
        """The declarations and formulas that the claim is made about."""
        return Statement(*self.decide.args[1:4])

    @property
    def claim(self) -> tuple[str, str, str]:
        """The loss, the variable and the claimed gradient."""
        return self.decide.args[4]

    @property
    def is_true(self) -> bool:
        """True unless the comment says ``wrong``, or ``if ..`` where a fact is wanted that is not given."""
        return not self.note.startswith(("wrong", "if "))

    @property
    def fact(self) -> str:
        """``it holds if C is symmetric``, which is to be said of a claim that is refuted without it."""
        return f"it holds {self.note}" if self.note.startswith("if ") else ""


def rows() -> Iterator[Row]:
    """Every claim of the table."""
    for file in FILES:
        text = text_of(file)
        lines = text.split("\n")
        for line, decide in claimed(text, file.name):
            note = lines[line.last - 1].partition("#")[2].strip()
            yield Row(f"{file.stem}:{line.first}", " ".join(line.text.split()), note, decide)


def subjects() -> list[Row]:
    """The first claim about each gradient of the table."""
    found: dict[tuple[str, ...], Row] = {}
    for row in rows():
        if hasattr(row.decide, "args") and len(row.decide.args) == 5:
            found.setdefault((*row.decide.args[3].split(":")[:1], str(row.decide.args[2]), *row.claim[:2]), row)
    return list(found.values())


def shares() -> str:
    """How many of the true claims are proved, and of the false ones refuted, file by file."""
    counts: Counter[tuple[str, bool, str]] = Counter()
    for row in rows():
        status = row.decide().status
        for name in (row.place.partition(":")[0], "together"):
            counts[name, row.is_true, status] += 1
    lines = [f"{'claims':15}{'are':6}{'all':>5}{''.join(f'{status:>11}' for status in STATUSES)}"]
    for name in [*(file.stem for file in FILES), "together"]:
        for is_true in (True, False):
            found = [counts[name, is_true, status] for status in STATUSES]
            cells = "".join(f"{count:>11}" for count in found)
            lines.append(f"{name:15}{'true' if is_true else 'false':6}{sum(found):>5}{cells}")
    return "\n".join(lines)


if __name__ == "__main__":
    print(shares())
