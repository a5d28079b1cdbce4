"""Checks inside tests: one call, or a mark on a hand-written backward that makes it a test.

from derive.testing import check, verifies

def test_dense():
    check(forward, backward, {"X": "n d", "W": "d m"})

@verifies(forward, shapes={"X": "n d", "W": "d m"})
def dense_backward(X, W, dY): ...
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from derive.verdict import Verdict

__all__ = ["Promise", "check", "register_profiles", "verifies"]

PROMISE = "__derive_verifies__"  # the attribute by which the pytest plugin finds a marked backward
EXAMPLES = {"derive-ci": 50, "derive-deep": 1000}
Backward = TypeVar("Backward", bound=Callable[..., Any])


@dataclass(frozen=True)
class Promise:
    """That a backward belongs to a forward: what ``derive.check`` is to be called with."""

    forward: Callable[..., Any]
    shapes: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


def check(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    shapes: Mapping[str, Any],
    where: Sequence[str] = (),
    convention: str | None = None,
    budget: str = "ci",
) -> Verdict:
    """``derive.check`` as an assertion: the verdict if the pair is accepted, AssertionError with it if not.

    DeriveError for shapes that cannot be read and functions that do not fit them.
    """
    from derive.verifier.ladder import check as climb

    verdict = climb(forward, backward, shapes, where, convention, budget)
    if not verdict.ok:
        raise AssertionError(str(verdict))
    return verdict


def verifies(
    forward: Callable[..., Any], *, shapes: Mapping[str, Any] | None = None, **options: Any
) -> Callable[[Backward], Backward]:
    """Mark a backward as that of ``forward``: pytest then checks it as a test of its own name.

    ``shapes`` are by default the annotations of ``forward``; ``where``, ``convention`` and ``budget`` as for ``check``.
    DeriveError for an option that ``check`` does not have.
    """
    from derive.errors import DeriveError, callers_place

    unknown = sorted(set(options) - {"where", "convention", "budget"})
    if unknown:
        wanted = "shapes, where, convention and budget were wanted"
        raise DeriveError(f"verifies: an option named {', '.join(unknown)}", wanted, callers_place())
    if shapes is None:
        from derive.derivation.reader import shape_strings

        shapes = shape_strings(forward)
    promise = Promise(forward, shapes, options)

    def mark(backward: Backward) -> Backward:
        setattr(backward, PROMISE, promise)
        return backward

    return mark


def register_profiles() -> None:
    """Make the hypothesis profiles ``derive-ci`` and ``derive-deep`` known; the profile in use stays."""
    from hypothesis import settings

    for name, examples in EXAMPLES.items():
        deep = name == "derive-deep"
        settings.register_profile(
            name, settings(max_examples=examples, deadline=None, derandomize=not deep, database=None, print_blob=True)
        )
