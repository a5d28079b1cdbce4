"""Code that hangs, crashes, exits, prints, forks or eats memory ends nothing but itself."""

import os
import subprocess
import sys
import threading
import time

import pytest

from derive.verifier.isolation import GIB, isolated


def endless():
    while True:
        pass


def endless_whatever_is_raised():
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass


def asleep():
    time.sleep(1000)


def greedy():
    return bytearray(64 * GIB)


def killed():
    os.kill(os.getpid(), 9)


def crashed():
    import ctypes

    ctypes.string_at(0)


def nested():
    """Beyond the stack of C, not of Python."""
    sys.setrecursionlimit(10**8)

    def deeper(value):
        return sorted([value], key=deeper)

    deeper(1)


def leaves():
    os._exit(0)


def closes_everything():
    os.closerange(0, 256)


def raises():
    raise ValueError("no")


def interrupted():
    raise KeyboardInterrupt("by itself")


class Odd(BaseException):
    pass


def odd():
    raise Odd("of its own")


LOST = [
    (endless, "of the processor"),
    (endless_whatever_is_raised, "of the processor"),
    (asleep, "did not end within"),
    (greedy, "GiB of memory"),
    (killed, "SIGKILL"),
    (crashed, "SIGSEGV"),
    (nested, "SIGSEGV"),
    (leaves, "without an answer"),
    (closes_everything, "without an answer"),
    (sys.exit, "SystemExit"),
    (raises, "ValueError: no"),
    (interrupted, "KeyboardInterrupt: by itself"),
    (odd, "Odd: of its own"),
    (lambda: lambda: None, "cannot be handed back"),
]


@pytest.mark.parametrize(("work", "said"), LOST, ids=[getattr(work, "__name__", said) for work, said in LOST])
def test_what_is_lost_is_said_and_the_next_still_runs(work, said):
    outcome = isolated(work, 0.5, memory=1 * GIB, patience=2.0 if work is asleep else 60.0)
    assert said in outcome.failure
    assert outcome.result is None
    assert isolated(lambda: 7, 5).result == 7


def test_what_it_prints_is_kept_apart(capfd):
    outcome = isolated(lambda: print("hello", flush=True), 5)
    assert outcome.failure == ""
    assert outcome.printed == "hello\n"
    assert capfd.readouterr().out == ""


def test_endless_printing_fills_no_disk():
    def prints():
        while True:
            print("x" * 100_000)

    outcome = isolated(prints, 20)
    assert "OSError" in outcome.failure or "SIGXFSZ" in outcome.failure
    assert len(outcome.printed) <= 2000


def test_it_changes_nothing_here():
    seen = []
    isolated(lambda: seen.append(1), 5)
    assert seen == []


def test_it_reads_nothing_that_is_typed_here():
    assert "EOFError" in isolated(input, 5).failure


def test_a_process_that_it_forks_has_no_say():
    def forks():
        return "child" if os.fork() == 0 else os.wait() and "parent"

    assert isolated(forks, 5).result == "parent"


def test_what_it_leaves_running_is_ended(tmp_path):
    mark = tmp_path / "alive"

    def starts():
        code = f"import time; time.sleep(3); open({str(mark)!r}, 'w')"
        return subprocess.Popen([sys.executable, "-c", code]).pid

    pid = isolated(starts, 5).result
    for _ in range(200):
        try:
            with open(f"/proc/{pid}/stat") as file:
                gone = file.read().split()[2] == "Z"
        except OSError:
            gone = True
        if gone:
            break
        time.sleep(0.01)
    assert gone
    assert not mark.exists()


def test_threads_do_not_hold_it_up():
    def threads():
        threading.Thread(target=time.sleep, args=(1000,)).start()
        return 3

    assert isolated(threads, 5).result == 3


def test_what_code_does_beside_computing_is_told(tmp_path):
    path = tmp_path / "weights.txt"
    path.write_text("1")

    def reads():
        return path.read_text()

    here = (__file__,)
    assert isolated(reads, 5, files=here).noticed == (f"opened {str(path)!r}",)
    assert isolated(reads, 5).noticed == ()


def test_whoever_waits_may_be_interrupted(monkeypatch):
    from derive.verifier import isolation

    pids = []

    def interrupt(child, *_):
        pids.append(child)
        raise KeyboardInterrupt

    monkeypatch.setattr(isolation, "_waited", interrupt)
    with pytest.raises(KeyboardInterrupt):
        isolated(asleep, 5)
    os.waitpid(pids[0], 0)  # it was ended
