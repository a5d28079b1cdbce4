"""Verdicts: what exactly was shown, by which evidence, under which assumptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Status = Literal["proved", "proved_at", "enclosed", "tested", "refuted", "open"]

_MEANS: dict[str, str] = {
    "proved": "equal for every shape and every real input",
    "proved_at": "equal at the sizes listed, for every real input",
    "enclosed": "rigorous agreement at the listed points",
    "tested": "agreement in floating point at sampled points",
    "refuted": "wrong",
    "open": "not decided",
}
_STRENGTH = {
    status: rank for rank, status in enumerate(("refuted", "open", "tested", "enclosed", "proved_at", "proved"))
}


@dataclass(frozen=True)
class Counterexample:
    """A witness: inputs and upstream gradient at which the gradient ``name`` is not the expected one.

    ``snippet`` is Python that shows it and runs as it stands.
    """

    name: str
    inputs: Mapping[str, Any]
    upstream: Any
    got: Any
    expected: Any
    snippet: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The witness as JSON-ready values."""
        return {
            "name": self.name,
            "inputs": {name: plain(value) for name, value in self.inputs.items()},
            "upstream": plain(self.upstream),
            "got": plain(self.got),
            "expected": plain(self.expected),
            "snippet": self.snippet,
        }


@dataclass(frozen=True)
class Rung:
    """One rung of the ladder of evidence: what was tried, what came out, with its numbers."""

    name: str
    status: Status
    detail: str
    numbers: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The rung as JSON-ready values."""
        numbers = {key: plain(value) for key, value in self.numbers.items()}
        return {"name": self.name, "status": self.status, "detail": self.detail, "numbers": numbers}


@dataclass(frozen=True)
class Verdict:
    """What was shown about a statement.  It has no truth value: ask for ``.ok`` or ``.status``."""

    status: Status
    subject: str = ""
    reason: str = ""
    assumptions: tuple[str, ...] = ()
    evidence: tuple[Rung, ...] = ()
    counterexample: Counterexample | None = None

    def __post_init__(self) -> None:
        if self.status not in get_args(Status):
            raise ValueError(f"a verdict's status is one of {', '.join(get_args(Status))}, not {self.status!r}")
        if self.status == "refuted" and self.counterexample is None and not self.reason:
            raise ValueError("a refuted verdict needs its counterexample or its reason")

    @property
    def ok(self) -> bool:
        """True unless the verdict is ``refuted`` or ``open``."""
        return self.status not in ("refuted", "open")

    def __bool__(self) -> bool:
        raise TypeError("a Verdict has no truth value; ask for verdict.ok, or look at verdict.status")

    def __str__(self) -> str:
        about = f"{self.subject}: " if self.subject else ""
        sentences = [f"{about}{self.status}, {_MEANS[self.status]}"]
        if self.reason:
            sentences[0] += f": {self.reason}"
        if self.assumptions:
            sentences.append("assumed: " + "; ".join(self.assumptions))
        sentences += [f"{rung.name}: {rung.status}, {rung.detail}" for rung in self.evidence]
        if self.counterexample is not None:
            sentences.append(f"counterexample for {self.counterexample.name}:\n{self.counterexample.snippet}")
        return ".\n  ".join(sentences)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON-ready values."""
        return {
            "status": self.status,
            "ok": self.ok,
            "subject": self.subject,
            "reason": self.reason,
            "assumptions": list(self.assumptions),
            "evidence": [rung.to_dict() for rung in self.evidence],
            "counterexample": self.counterexample.to_dict() if self.counterexample else None,
        }


def weakest(statuses: Any) -> Status:
    """The weakest of some statuses: a whole is shown no better than its weakest part; ``proved`` if there is none."""
    return min(statuses, key=_STRENGTH.__getitem__, default="proved")


def plain(value: Any) -> Any:
    """A JSON-ready copy of a value: arrays become nested lists, not-finite floats become text."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not (abs(value) <= 1.7976931348623157e308):
        return str(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)
