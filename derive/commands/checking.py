"""``derive check``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from derive.commands.answer import Answer, Grid, Part, each
from derive.commands.finding import find_pairs
from derive.commands.layers import write
from derive.errors import DeriveError
from derive.verdict import Verdict


def checked(files: Sequence[str], budget: str, junit: str | None, github: bool) -> Answer:
    """Every hand-written pair of some files, with its verdict; a counterexample for each that is refuted."""
    pairs = [(file, *found) for file in files for found in find_pairs(file)]
    results: list[tuple[str, Any, Verdict, float]] = []
    for _, stem, forward, backward, convention in each(pairs, "checking"):
        began = perf_counter()
        verdict = _verdict(stem, forward, backward, convention, budget)
        results.append((stem, backward, verdict, perf_counter() - began))
    rows = [(stem, v.status, v.reason or _strongest(v), f"{1000 * seconds:.0f}") for stem, _, v, seconds in results]
    parts: list[Part] = [Grid(("pair", "verdict", "because", "ms"), rows, ("ms",))]
    for stem, _, verdict, _ in results:
        if verdict.counterexample is not None:
            parts += ["", f"{stem} is refuted by", "", verdict.counterexample.snippet.rstrip()]
    if github:
        parts += ["", *(annotation(stem, backward, v) for stem, backward, v, _ in results if not v.ok)]
    if junit is not None:
        write(Path(junit), junit_xml([(stem, v, seconds) for stem, _, v, seconds in results]))
    data = {"pairs": [{"name": stem, **v.to_dict(), "ms": round(1000 * s, 1)} for stem, _, v, s in results]}
    return Answer(data, parts, [v.status for _, _, v, _ in results])


def _verdict(stem: str, forward: Any, backward: Any, convention: str | None, budget: str) -> Verdict:
    """The verdict of one pair; one that cannot be read is open, and the rest goes on."""
    from derive.derivation.reader import shape_strings
    from derive.verifier.ladder import check

    try:
        return check(forward, backward, shape_strings(forward), convention=convention, budget=budget)
    except DeriveError as error:
        return Verdict("open", stem, str(error))


def _strongest(verdict: Verdict) -> str:
    """What the strongest rung showed."""
    return next((rung.detail for rung in verdict.evidence if rung.status == verdict.status), "")


def annotation(stem: str, backward: Any, verdict: Verdict) -> str:
    """A line that GitHub Actions shows beside the code."""
    level = "error" if verdict.status == "refuted" else "warning"
    code = getattr(backward, "__code__", None)
    at = f"file={_property(code.co_filename)},line={code.co_firstlineno}," if code is not None else ""
    return f"::{level} {at}title={_property(f'{stem}: {verdict.status}')}::{_escaped(verdict.reason)}"


def _property(text: str) -> str:
    """Text in front of the message, where a comma and a colon mean something."""
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def junit_xml(results: Sequence[tuple[str, Verdict, float]]) -> str:
    """The verdicts as a JUnit test suite: refuted is a failure, open is skipped; properties carry the evidence."""
    from xml.etree.ElementTree import Element, SubElement, indent, tostring

    counts = {"tests": len(results), "failures": 0, "skipped": 0, "errors": 0}
    suite = Element("testsuite", {"name": "derive check"})
    for stem, verdict, seconds in results:
        case = SubElement(suite, "testcase", {"classname": "derive", "name": stem, "time": f"{seconds:.3f}"})
        properties = SubElement(case, "properties")
        SubElement(properties, "property", {"name": "derive.status", "value": verdict.status})
        for rung in verdict.evidence:
            value = f"{rung.status}: {rung.detail}"
            SubElement(properties, "property", {"name": f"derive.{rung.name}", "value": value})
        if verdict.status == "refuted":
            counts["failures"] += 1
            failure = SubElement(case, "failure", {"message": verdict.reason})
            failure.text = verdict.counterexample.snippet if verdict.counterexample is not None else ""
        elif verdict.status == "open":
            counts["skipped"] += 1
            SubElement(case, "skipped", {"message": verdict.reason})
    suite.attrib.update({key: str(value) for key, value in counts.items()})
    indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + tostring(suite, encoding="unicode") + "\n"
