"""Running code that may hang, crash, exit, print, or eat all memory: in a process of its own, with limits.

Where processes cannot be forked the code runs here, without limits, and the outcome says so.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

GIB = 2**30
_POLL = 0.002  # seconds between looks at the child, growing


@dataclass(frozen=True)
class Outcome:
    """What came back: the result, or why there is none; ``printed`` is what the code wrote, cut short."""

    result: Any = None
    failure: str = ""
    printed: str = ""


def isolated(work: Callable[[], Any], seconds: float, memory: int = 4 * GIB) -> Outcome:
    """The result of ``work``, run in a child process for at most some seconds and with at most so much more memory."""
    if not hasattr(os, "fork"):
        return Outcome(work())
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _in_child(work, answer, output, memory)
        failure = _waited(child, seconds)
        answer.seek(0)
        output.seek(0)
        printed = output.read(2000).decode(errors="replace")
        if failure:
            return Outcome(failure=failure, printed=printed)
        try:
            kind, value = pickle.load(answer)
        except (EOFError, pickle.UnpicklingError):
            return Outcome(failure="the process ended without an answer", printed=printed)
    return Outcome(value, printed=printed) if kind == "result" else Outcome(failure=value, printed=printed)


def _in_child(work: Callable[[], Any], answer: Any, output: Any, memory: int) -> None:
    """Run the work and leave, whatever happens; nothing of the parent's is flushed or cleaned up here."""
    code = 1
    try:
        os.setpgid(0, 0)
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        _limit_memory(memory)
        try:
            found = ("result", work())
        except MemoryError:
            found = ("failure", f"it needs more than {memory // GIB} GiB of memory")
        except BaseException as error:
            found = ("failure", f"{type(error).__name__}: {error}"[:500])
        try:
            text = pickle.dumps(found)
        except Exception as error:
            text = pickle.dumps(("failure", f"its result cannot be handed back: {error}"[:500]))
        answer.write(text)
        answer.flush()
        sys.stdout.flush()
        code = 0
    finally:
        os._exit(code)


def _limit_memory(memory: int) -> None:
    """At most so much more address space than now."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))
    except (ImportError, OSError, ValueError):
        return


def _waited(child: int, seconds: float) -> str:
    """Wait for the child; why it gave no answer, or an empty text."""
    deadline, pause = monotonic() + seconds, _POLL
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if monotonic() > deadline:
            _kill(child)
            os.waitpid(child, 0)
            return f"it did not end within {seconds:g} s"
        sleep(pause)
        pause = min(pause * 1.5, 0.05)
    if os.WIFSIGNALED(status):
        return f"the process was ended by signal {signal.Signals(os.WTERMSIG(status)).name}"
    return "" if os.WEXITSTATUS(status) == 0 else "the process ended without an answer"


def _kill(child: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
