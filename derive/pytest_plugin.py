"""The pytest plugin: a fixture, backwards marked with ``verifies``, and claims in Markdown.  Light until it is used."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from derive.verdict import Verdict

PROMISE = "__derive_verifies__"  # as in derive.testing, which is imported when something is marked
PROFILES = ("derive-ci", "derive-deep")


class Refuted(Exception):
    """A verdict that is not accepted."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(str(verdict))
        self.verdict = verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("derive", "gradients")
    group.addoption("--derive-claims", action="store_true", help="collect the claims in derive blocks of *.md files")
    group.addoption("--derive-budget", choices=("ci", "deep"), default="ci", help="how long derive looks (default: ci)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Make the profiles of derive known where one of them is asked for."""
    if config.getoption("hypothesis_profile", None) in PROFILES:
        from derive.testing import register_profiles

        register_profiles()


# ---- one pair inside a test


@pytest.fixture
def derive_check(request: pytest.FixtureRequest) -> Callable[..., Verdict]:
    """``derive_check(forward, backward, shapes)``: asserts that the pair is accepted, and records the evidence."""

    def check(forward: Callable[..., Any], backward: Callable[..., Any], shapes: Any, **options: Any) -> Verdict:
        from derive.verifier.ladder import check as climb

        options.setdefault("budget", request.config.getoption("--derive-budget"))
        verdict = climb(forward, backward, shapes, **options)
        request.node.user_properties += properties(verdict)
        if not verdict.ok:
            pytest.fail(str(verdict), pytrace=False)
        return verdict

    return check


def properties(verdict: Verdict) -> list[tuple[str, str]]:
    """What JUnit XML carries of a verdict."""
    rungs = [(f"derive.{rung.name}", f"{rung.status}: {rung.detail}") for rung in verdict.evidence]
    return [("derive.status", verdict.status), *rungs]


# ---- marked backwards


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:
    """A backward marked with ``verifies`` is a test of its own name."""
    promise = getattr(obj, PROMISE, None) if callable(obj) else None
    if promise is None or isinstance(obj, type):
        return None
    return PairItem.from_parent(collector, name=name, backward=obj, promise=promise)


class _Decided(pytest.Item):
    """A test that is a verdict."""

    @abstractmethod
    def verdict(self) -> Verdict:
        """What is decided."""

    def runtest(self) -> None:
        """Fails unless the verdict is accepted."""
        verdict = self.verdict()
        self.user_properties += properties(verdict)
        if not verdict.ok:
            raise Refuted(verdict)

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The verdict with its counterexample, and no traceback through derive."""
        return str(excinfo.value) if isinstance(excinfo.value, Refuted) else super().repr_failure(excinfo, style)


class PairItem(_Decided):
    """A hand-written backward, checked against the forward that it is marked with."""

    def __init__(self, *, backward: Any, promise: Any, **given: Any) -> None:
        super().__init__(**given)
        self.backward, self.promise = backward, promise

    def verdict(self) -> Verdict:
        """By ``derive.check``."""
        from derive.verifier.ladder import check

        options = {"budget": self.config.getoption("--derive-budget"), **self.promise.options}
        return check(self.promise.forward, self.backward, self.promise.shapes, **options)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the backward is."""
        code = getattr(self.backward, "__code__", None)
        return self.path, code.co_firstlineno - 1 if code else None, self.name


# ---- claims in Markdown


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Markdown files, where claims are asked for."""
    if file_path.suffix == ".md" and parent.config.getoption("--derive-claims"):
        return ClaimsFile.from_parent(parent, path=file_path)
    return None


class ClaimsFile(pytest.File):
    """A Markdown file with claims."""

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each claim, and for each line that cannot be read."""
        from derive.formulas.markdown import claimed, text_of

        for line, decide in claimed(text_of(self.path), self.path.name):
            name = f"{line.first}: {' '.join(line.text.split())}"
            yield ClaimItem.from_parent(self, name=name, line=line.first, decide=decide)


class ClaimItem(_Decided):
    """A claim, proved or refuted."""

    def __init__(self, *, line: int, decide: Callable[[], Verdict], **given: Any) -> None:
        super().__init__(**given)
        self.line, self.decide = line, decide

    def verdict(self) -> Verdict:
        """By the block's declarations and formulas."""
        return self.decide()

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """The line of the claim."""
        return self.path, self.line - 1, self.name
