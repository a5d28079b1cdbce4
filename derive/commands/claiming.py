"""``derive claims``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from derive.commands.answer import Answer, Grid, Part, Title
from derive.commands.layers import write as write_file

LONGEST = 100  # characters of a claim in the table


def decided(files: Sequence[str], write: bool) -> Answer:
    """Each claim of some Markdown files with its verdict; with ``write`` the verdicts go into the files."""
    from derive.formulas import markdown

    data: list[dict[str, Any]] = []
    parts: list[Part] = []
    statuses = []
    for file in files:
        text = markdown.text_of(file)
        found = list(markdown.decided(text, Path(file).name))
        texts = [shorten(line.text, LONGEST, placeholder=" ...") for line, _ in found]
        rows = [(str(line.first), said, v.status, v.reason) for (line, v), said in zip(found, texts, strict=True)]
        statuses += [verdict.status for _, verdict in found]
        data.append({"file": file, "claims": [{"line": line.first, **v.to_dict()} for line, v in found]})
        parts += ["", Title(file), Grid(("line", "claim", "verdict", "because"), rows) if rows else "no claims"]
        parts += [part for line, v in found for part in _witness(line.first, v)]
        if write:
            changed = markdown.annotated(text, Path(file).name)
            if changed != text:
                write_file(Path(file), changed)
    return Answer({"files": data}, parts[1:], statuses)


def _witness(line: int, verdict: Any) -> list[Part]:
    """The counterexample of a claim, as code that runs."""
    if verdict.counterexample is None:
        return []
    return ["", f"line {line}: {verdict.subject} is refuted by", "", verdict.counterexample.snippet.rstrip()]
