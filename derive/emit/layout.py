"""Long lines of generated code, broken as a person would: the shape above, or a bracket opened."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

WIDTH = 110
OPEN, CLOSED = "([{", ")]}"


def laid_out(lines: Iterable[str]) -> list[str]:
    """Statements in lines that are not too long."""
    return [part for line in lines for part in _broken(line)]


def rows(parts: Sequence[str], between: str = ", ") -> list[str]:
    """Parts of a bracket, in as few rows as have room."""
    found = [parts[0]]
    for part in parts[1:]:
        if len(found[-1]) + len(between) + len(part) > WIDTH:
            found[-1] += between.rstrip()
            found.append(part)
        else:
            found[-1] += between + part
    return [f"    {row}" for row in found]


def _broken(line: str) -> list[str]:
    """A statement in as many lines as it takes; one that has no place to break stays."""
    found = re.fullmatch(r"( *)(return |[\w\[\] +]+ = )(.*?)(  # \(.*\))?", line)
    if len(line) <= WIDTH or not found:
        return [line]
    indent, target, code, comment = found[1], found[2], found[3], found[4] or ""
    if comment and len(indent + target + code) <= WIDTH:
        return [indent + comment.strip(), indent + target + code]
    before, inside, after = _bracket(code)
    parts, between = _parts(inside)
    if len(parts) < 2:
        before, inside, after = "(", code, ")"
        parts, between = _parts(code)
        if between != " " or len(parts) < 2:
            return [line]
    return [f"{indent}{target}{before}{comment}", *(indent + row for row in rows(parts, between)), f"{indent}{after}"]


def _bracket(code: str) -> tuple[str, str, str]:
    """The longest bracket that stands in no other: what is before and in it, and what follows; each with its half."""
    best, depth, start = (0, 0), 0, 0
    for place, letter in enumerate(code):
        if letter in OPEN:
            start, depth = (place + 1, 1) if depth == 0 else (start, depth + 1)
        elif letter in CLOSED:
            depth -= 1
            if depth == 0 and place - start > best[1] - best[0]:
                best = (start, place)
    return code[: best[0]], code[best[0] : best[1]], code[best[1] :]


def _parts(inside: str) -> tuple[list[str], str]:
    """What stands between the commas of a call, or the terms of a sum, each behind its sign."""
    cuts, signs, depth = [-2], [0], 0
    for place, letter in enumerate(inside):
        depth += (letter in OPEN) - (letter in CLOSED)
        if depth == 0 and inside.startswith(", ", place):
            cuts.append(place)
        if depth == 0 and inside[place : place + 3] in (" + ", " - "):
            signs.append(place + 1)
    if len(cuts) > 1:
        return [inside[a + 2 : b] for a, b in zip(cuts, [*cuts[1:], len(inside)], strict=True)], ", "
    return [inside[a:b].strip() for a, b in zip(signs, [*signs[1:], len(inside)], strict=True)], " "
