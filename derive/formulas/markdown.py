"""Claims in Markdown: fenced ``derive`` blocks that declare names, state formulas and claim their gradients.

X: n d;  W: d m;  G: n m
E = sum(G * (X @ W))
dE/dW = X.T @ G
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

from derive.arrays.shapes import Declaration, check_name, declare
from derive.errors import DeriveError
from derive.formulas.claimed import Statement
from derive.formulas.words import OPTIONS
from derive.verdict import Verdict

BOM = "\ufeff"  # with which some editors begin a file
MARK = "  #: "  # what a verdict written beside a claim begins with
MAX_FILE = 10_000_000  # bytes

_FENCE = re.compile(  # perhaps in a quote or at the head of a list item; after it the language, and what else is said
    r"^(?:[ \t>]|[-*+][ \t]|\d{1,9}[.)][ \t]){0,40}(?P<fence>`{3,}|~{3,})[ \t]*(?P<said>[^`]*)$"
)
_LANGUAGE = re.compile(r"\{?\.?derive\b", re.IGNORECASE)
_DECLARATION = re.compile(r"^\s*(\w+)\s*:(.*)$", re.DOTALL)
_FORMULA = re.compile(r"^\s*(\w+)\s*=(?!=)(.*)$", re.DOTALL)
_CLAIM = re.compile(r"^\s*d(\w+)\s*/\s*d(\w+)\s*=(?!=)(.*)$", re.DOTALL)


@dataclass(frozen=True)
class Line:
    """A statement of a block: its text without comments, and the lines of the file that it takes, counted from 1."""

    first: int
    last: int
    text: str


def claims(path: str | PathLike[str]) -> list[tuple[int, Verdict]]:
    """Each claim in the ``derive`` blocks of a Markdown file, by its line: proved, refuted or open.

    A line that cannot be read is open, with what is wrong as its reason, and the rest goes on.  DeriveError for a file
    that cannot be read.
    """
    return [(line.first, verdict) for line, verdict in decided(text_of(path), Path(path).name)]


def decided(text: str, title: str = "") -> Iterator[tuple[Line, Verdict]]:
    """Each claim in a Markdown text with its verdict, and each line that cannot be read."""
    for line, decide in claimed(text, title):
        yield line, decide()


def claimed(text: str, title: str = "") -> Iterator[tuple[Line, Callable[[], Verdict]]]:
    """Each claim in a Markdown text, and each line that cannot be read, with a function that gives the verdict."""
    for block in blocks(text):
        yield from _claimed(block, title)


def annotated(text: str, title: str = "") -> str:
    """The text with the verdict written beside each claim, in place of the one that was there."""
    lines = text.split("\n")
    for line, verdict in decided(text, title):
        whole = lines[line.last - 1]
        bare = whole.partition(MARK.rstrip(" "))[0].rstrip()
        told = " ".join(verdict.reason.split()) if verdict.reason else ""
        end = "\r" if whole.endswith("\r") else ""  # as Windows ends lines
        lines[line.last - 1] = f"{bare}{MARK}{verdict.status}{f': {told}' if told else ''}{end}"
    return "\n".join(lines)


def blocks(text: str) -> Iterator[list[Line]]:
    """The statements of each fenced ``derive`` block; one goes on to the next line while a bracket is open."""
    fence, inside, found = "", False, list[Line]()
    for number, line in enumerate(text.removeprefix(BOM).split("\n"), 1):
        at = _FENCE.match(line.rstrip())
        if not fence and at:
            fence, inside, found = at["fence"], _LANGUAGE.match(at["said"]) is not None, []
        elif fence and at and at["fence"].startswith(fence) and not at["said"]:
            if inside:
                yield found
            fence, inside = "", False
        elif inside:
            _take(found, number, line.lstrip("> \t").partition("#")[0].rstrip())
    if inside:
        yield found


def _take(found: list[Line], number: int, text: str) -> None:
    goes_on = bool(found) and found[-1].last == number - 1 and _open_brackets(found[-1].text) > 0
    if goes_on and not _begins(text):
        before = found.pop()
        found.append(Line(before.first, number, f"{before.text} {text.strip()}"))
    elif text:
        found.append(Line(number, number, text))


def _begins(text: str) -> bool:
    """True for a line that states something, although a bracket is still open."""
    formula = _FORMULA.match(text)
    return _CLAIM.match(text) is not None or (formula is not None and formula[1] not in OPTIONS)


def _open_brackets(text: str) -> int:
    return sum((c in "([{") - (c in ")]}") for c in text)


def _claimed(block: list[Line], title: str) -> Iterator[tuple[Line, Callable[[], Verdict]]]:
    declared: dict[str, Declaration] = {}
    formulas: dict[str, str] = {}
    for line in block:
        where = f"{title}:{line.first}" if title else f"line {line.first}"
        try:
            if claim := _CLAIM.match(line.text):
                yield line, partial(_verdict, line, {**declared}, {**formulas}, where, claim.groups())
            elif formula := _FORMULA.match(line.text):
                key, text = formula.groups()
                _check_new(key, {*declared, *formulas}, where)
                Statement(declared, {**formulas, key: text}, where)
                formulas[key] = text
            else:
                declared |= _declared(line.text, {*declared, *formulas}, where)
        except DeriveError as error:
            yield line, partial(_not_read, line, error)


def _verdict(
    line: Line, declared: dict[str, Declaration], formulas: dict[str, str], where: str, claim: tuple[str, ...]
) -> Verdict:
    try:
        return Statement(declared, formulas, where).decide(*claim)
    except DeriveError as error:
        return _not_read(line, error)


def _not_read(line: Line, error: DeriveError) -> Verdict:
    hint = f"; try {error.hint}" if error.hint else ""
    return Verdict("open", line.text.strip(), f"not read: {error.got}; {error.wanted}{hint}")


def _declared(text: str, taken: set[str], where: str) -> dict[str, Declaration]:
    found: dict[str, Declaration] = {}
    for part in filter(str.strip, text.split(";")):
        at = _DECLARATION.match(part)
        if at is None:
            raise DeriveError(
                f"the line {part.strip()!r}",
                "a declaration, a formula or a claim",
                where,
                "X: n d, or E = .., or dE/dX = ..",
            )
        key, shape = at.groups()
        _check_new(key, taken | found.keys(), where)
        found[key] = declare(shape.strip(), where)
    return found


def _check_new(key: str, taken: set[str], where: str) -> None:
    check_name(key, "an array", where)
    if key in taken:
        raise DeriveError(
            f"the name {key} a second time", "one meaning a name", where, "another name, or another block"
        )


def text_of(path: str | PathLike[str]) -> str:
    """The text of a file; DeriveError if there is none that can be read."""
    try:
        content = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        because = getattr(error, "strerror", None) or str(error)
        raise DeriveError(f"cannot read {str(path)!r} ({because})", "a Markdown file was wanted") from None
    if len(content) > MAX_FILE:
        raise DeriveError(f"{str(path)!r} of {len(content)} bytes", f"at most {MAX_FILE} are read")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise DeriveError(f"{str(path)!r} is not UTF-8 ({error.reason} at byte {error.start})", "a text file") from None
