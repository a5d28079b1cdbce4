"""The rung of proof: forward and backward read as formulas, and shown to belong together by the kernel.

Where the code is a formula, for every shape (everyshape.py).  Where it loops over sizes, at sizes that are numbers, for
every real input (atsizes.py).
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from derive.evidence.properties import Outcome
from derive.index.effort import Exhausted, bounded
from derive.reading.refusal import NotRun
from derive.verdict import Rung
from derive.verifier.atsizes import at_sizes
from derive.verifier.everyshape import NAME, NO_TIES, for_every_shape
from derive.verifier.pair import Pair

__all__ = ["NAME", "NO_TIES", "climb"]

SECONDS = {"ci": 2.0, "deep": 120.0}  # of the processor, for each of the two ways: a fuse, the kernel counts its work
EVERYWHERE = {"ci": 2, "deep": 600}  # questions to the kernel: for so many together the work is counted
AT_SIZES = {"ci": 11, "deep": 600}  # of many small ones
AGAIN = 0.05  # seconds until it is raised once more: what is raised in a callback is swallowed


class _Late(BaseException):
    """The time is up."""


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``proved``, ``proved_at`` some sizes, or ``open``; what is not proved is not thereby wrong."""
    return concluded(given, budget, for_all(given, budget))


def for_all(given: Pair, budget: str) -> Rung:
    """The first way: ``proved`` for every shape, or ``open``."""
    return _tried(bounded(lambda: for_every_shape(given), EVERYWHERE[budget]), budget)


def concluded(given: Pair, budget: str, everywhere: Rung) -> Outcome:
    """The rung, once the first way was gone; where that was in vain, the second is.

    What is too much work for every shape is mostly so at sizes: that is tried by night.
    """
    if everywhere.status == "proved" or (everywhere.numbers.get("beyond") and budget != "deep"):
        return Outcome(everywhere)
    somewhere = _tried(bounded(lambda: at_sizes(given, budget), AT_SIZES[budget]), budget)
    told = {"not_for_every_shape": everywhere.detail}
    if somewhere.status == "proved_at":
        detail = f"{somewhere.detail}; not for every shape: {everywhere.detail}"
        return Outcome(replace(somewhere, detail=detail, numbers={**somewhere.numbers, **told}))
    return Outcome(Rung(NAME, "open", "; ".join(dict.fromkeys((everywhere.detail, somewhere.detail))), told))


def _tried(way: Callable[[], Rung], budget: str) -> Rung:
    """What a way shows; open with the reason where it does not come through."""
    try:
        with _at_most(SECONDS[budget]):
            return way()
    except (_Late, Exhausted):
        return Rung(NAME, "open", "more work than the budget allows", {"beyond": True})
    except NotRun as error:
        why = str(error)
    except Exception as error:
        why = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:200]
    return Rung(NAME, "open", why)


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise where it takes more time of the processor; the check has a process of its own, whose timer is free."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(_: int, frame: Any) -> None:
        if frame is None or frame.f_code.co_name != "gc_callback":  # there it would be swallowed, with a message
            raise _Late

    before = signal.signal(signal.SIGVTALRM, late)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
