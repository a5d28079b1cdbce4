"""Code that hangs, crashes, exits, prints or eats memory ends nothing but itself."""

import os
import sys
import time

import pytest

from derive.verifier.isolation import GIB, isolated


def endless():
    while True:
        pass


def asleep():
    time.sleep(1000)


def greedy():
    return bytearray(64 * GIB)


def killed():
    os.kill(os.getpid(), 9)


def leaves():
    os._exit(0)


def raises():
    raise ValueError("no")


LOST = [
    (endless, "did not end within"),
    (asleep, "did not end within"),
    (greedy, "GiB of memory"),
    (killed, "SIGKILL"),
    (leaves, "without an answer"),
    (sys.exit, "SystemExit"),
    (raises, "ValueError: no"),
    (lambda: lambda: None, "cannot be handed back"),
]


@pytest.mark.parametrize(("work", "said"), LOST, ids=[said for _, said in LOST])
def test_what_is_lost_is_said_and_the_next_still_runs(work, said):
    began = time.monotonic()
    outcome = isolated(work, 0.5, memory=1 * GIB)
    assert said in outcome.failure
    assert outcome.result is None
    assert time.monotonic() - began < 10
    assert isolated(lambda: 7, 5).result == 7


def test_what_it_prints_is_kept_apart(capfd):
    outcome = isolated(lambda: print("hello", flush=True), 5)
    assert outcome.failure == ""
    assert outcome.printed == "hello\n"
    assert capfd.readouterr().out == ""


def test_it_changes_nothing_here():
    seen = []
    isolated(lambda: seen.append(1), 5)
    assert seen == []
