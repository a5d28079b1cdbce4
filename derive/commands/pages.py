"""``derive report`` and ``derive demo``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter

from derive.commands.answer import Answer, Grid, Part, each, progress
from derive.commands.finding import find_layers
from derive.commands.layers import file_name, write
from derive.errors import DeriveError


def reported(names: Sequence[str], folder: str) -> Answer:
    """Write the pages of some layers, or all pages."""
    written = [str(write(Path(folder) / file, content)) for file, content in _pages(names).items()]
    return Answer({"written": written}, written)


def checked(names: Sequence[str], folder: str) -> Answer:
    """Compare the pages with those that would be written; refuted if one differs, is missing or belongs to no layer."""
    wanted = _pages(names)
    there = {} if names else {_relative(path, folder): path for path in Path(folder).rglob("*") if path.is_file()}
    found: dict[str, str] = {}
    for file, content in wanted.items():
        found[file] = _compared(Path(folder) / file, content.encode() if isinstance(content, str) else content)
    found |= {file: "belongs to no layer" for file in sorted(there) if file not in wanted}
    wrong = {file: what for file, what in found.items() if what != "up to date"}
    parts: list[Part] = [f"{len(found)} files in {folder}, all up to date"]
    if wrong:
        remedy = f"derive report -o {folder} writes them"
        parts = [
            Grid(("file", "is"), list(wrong.items())),
            "",
            f"{len(wrong)} of {len(found)} files in {folder} are not up to date; {remedy}",
        ]
    data = {"folder": folder, "files": found, "up_to_date": not wrong}
    return Answer(data, parts, ["refuted"] if wrong else [])


def demonstrated(folder: str) -> Answer:
    """The main job, end to end."""
    began = perf_counter()
    with progress() as told:
        told("loading", 0, 0)
        from derive.demo.report import write as write_report

        told("loading", 1, 1)
        _can_write(Path(folder))
        outcome = write_report(Path(folder), told)
    accuracies = {name: {"accuracy": share, "text": text} for name, (share, text) in outcome.accuracies.items()}
    rows = [(name, f"{share:.1%}", text) for name, (share, text) in outcome.accuracies.items()]
    parts: list[Part] = [
        f"{outcome.verdict.subject}: {outcome.verdict.status}",
        "",
        Grid(("data", "right on held-back points", "what it is"), rows, ("right on held-back points",)),
        "",
        f"The module is {outcome.module}",
        f"The report is {outcome.report}  ({perf_counter() - began:.0f} s)",
    ]
    data = {
        "report": str(outcome.report),
        "module": str(outcome.module),
        "verdict": outcome.verdict.to_dict(),
        "accuracies": accuracies,
    }
    return Answer(data, parts, [outcome.verdict.status])


def _pages(names: Sequence[str]) -> Mapping[str, str | bytes]:
    from derive.emit import report

    if not names:
        with progress() as told:
            told("writing the pages", 0, 0)
            return report.pages()
    layers = [layer for text in names for layer in find_layers(text, several=True)]
    pages: dict[str, str | bytes] = {}
    for layer in each(layers, "writing the pages"):
        pages |= report.illustrated(layer, file_name(layer, ".md"))
    return pages


def _relative(path: Path, folder: str) -> str:
    return path.relative_to(folder).as_posix()


def _compared(path: Path, content: bytes) -> str:
    try:
        return "up to date" if path.read_bytes() == content else "different"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise DeriveError(
            f"cannot read {str(path)!r} ({error.strerror})", "a page that can be read", "option -o"
        ) from None


def _can_write(folder: Path) -> None:
    """Said before the work rather than after it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DeriveError(
            f"cannot make the folder {str(folder)!r} ({error.strerror})",
            "a folder that can be written to",
            "option -o",
            "another folder, -o DIR",
        ) from None
