"""Running code that may hang, crash, exit, print, or eat all memory: in a process of its own, with limits.

Where processes cannot be forked the code runs here, without limits, and the outcome says so.
"""

from __future__ import annotations

import faulthandler
import gc
import math
import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Any

GIB = 2**30
MOST_WRITTEN = 2**26  # bytes in one file
PATIENCE = 10.0  # times as long may pass as the processor may be busy: the machine may have other work
_POLL = 0.002  # seconds between looks at the child, growing
_EVENTS = {
    "open": "opened {0!r}",
    "socket.connect": "used the network",
    "subprocess.Popen": "started {0!r}",
    "os.system": "started {0!r}",
    "os.fork": "forked",
    "os.remove": "removed {0!r}",
}


@dataclass(frozen=True)
class Outcome:
    """What came back: the result, or why there is none.

    ``printed`` is what the code wrote, cut short; ``noticed`` what else it did beside computing.
    """

    result: Any = None
    failure: str = ""
    printed: str = ""
    noticed: tuple[str, ...] = ()


def isolated(
    work: Callable[[], Any], seconds: float, memory: int = 4 * GIB, files: Collection[str] = (), patience: float = 0.0
) -> Outcome:
    """The result of ``work``, run in a child process for at most some seconds of the processor, with so much memory.

    ``files`` are those of whose code it is told what they do beside computing.  After ``patience`` seconds, by default
    ten times as many as the processor may be busy, it is given up even if it only waits.
    """
    if not hasattr(os, "fork"):
        return Outcome(work(), noticed=("ran without limits: processes cannot be forked here",))
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _in_child(work, answer, output, (seconds, memory, frozenset(files)))
        with suppress(OSError):  # here and in the child: whoever comes first
            os.setpgid(child, child)
        try:
            failure = _waited(child, seconds, patience or PATIENCE * seconds)
        finally:
            _kill(child)  # what it has left running; all of it where whoever waits is interrupted
        answer.seek(0)
        output.seek(0)
        printed = output.read(2000).decode(errors="replace")
        if failure:
            return Outcome(failure=failure, printed=printed)
        try:
            kind, value, noticed = pickle.load(answer)
        except (EOFError, pickle.UnpicklingError):
            return Outcome(failure="the process ended without an answer", printed=printed)
        except Exception as error:  # of classes that are not known here
            return Outcome(failure=f"its result cannot be handed back: {error}"[:500], printed=printed)
    if kind == "result":
        return Outcome(value, printed=printed, noticed=noticed)
    return Outcome(failure=value, printed=printed, noticed=noticed)


def _in_child(work: Callable[[], Any], answer: Any, output: Any, limits: tuple[float, int, frozenset[str]]) -> None:
    """Run the work and leave, whatever happens; nothing of the parent's is flushed or cleaned up here."""
    code, own = 1, os.getpid()
    seconds, memory, files = limits
    gc.freeze()  # what the parent holds is not looked through again
    try:
        with suppress(OSError):
            os.setpgid(0, 0)
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        sys.stdout = sys.stderr = open(1, "w", encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115  # as long as it runs
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115  # likewise
        faulthandler.disable()  # a crash is told by how the process ends
        _limit(seconds, memory)
        noticed: dict[str, None] = {}
        sys.addaudithook(_listener(files, noticed))
        try:
            found = ("result", work())
        except MemoryError:
            found = ("failure", f"it needs more than {memory // GIB} GiB of memory")
        except BaseException as error:
            found = ("failure", f"{type(error).__name__}: {error}"[:500])
        if os.getpid() != own:  # a process that the code has forked has no say
            os._exit(code)
        try:
            text = pickle.dumps((*found, tuple(noticed)))
        except Exception as error:
            text = pickle.dumps(("failure", f"its result cannot be handed back: {error}"[:500], tuple(noticed)))
        answer.write(text)
        answer.flush()
        code = 0
        with suppress(Exception):
            sys.stdout.flush()
    finally:
        os._exit(code)


def _listener(files: frozenset[str], noticed: dict[str, None]) -> Callable[[str, tuple[Any, ...]], None]:
    """Notes what code of some files does beside computing; what Python reads for an import is not told."""

    def heard(event: str, details: tuple[Any, ...]) -> None:
        if event not in _EVENTS:
            return
        frame = sys._getframe(1)
        own = False
        while frame is not None and frame.f_code is not _in_child.__code__:
            if frame.f_code.co_filename.startswith("<frozen importlib"):
                return
            own = own or frame.f_code.co_filename in files
            frame = frame.f_back  # type: ignore[assignment]  # the outermost frame has no caller
        if own:
            noticed[_EVENTS[event].format(str(details[0]) if details else "")] = None

    return heard


def _limit(seconds: float, memory: int) -> None:
    """At most so much time of the processor, so much more address space than now, and no endless files."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        most = math.ceil(seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 1))
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_WRITTEN, MOST_WRITTEN))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with open("/proc/self/statm") as file:
            now = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))


def _waited(child: int, seconds: float, patience: float) -> str:
    """Wait for the child; why it gave no answer, or an empty text."""
    deadline, pause = monotonic() + patience, _POLL
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        if monotonic() > deadline:
            _kill(child)
            os.waitpid(child, 0)
            return f"it did not end within {patience:g} s"
        sleep(pause)
        pause = min(pause * 1.5, 0.05)
    if os.WIFSIGNALED(status):
        if os.WTERMSIG(status) == signal.SIGXCPU:
            return f"it did not end within {seconds:g} s of the processor"
        return f"the process was ended by signal {signal.Signals(os.WTERMSIG(status)).name}"
    return "" if os.WEXITSTATUS(status) == 0 else "the process ended without an answer"


def _kill(child: int) -> None:
    """End the child and whatever it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
