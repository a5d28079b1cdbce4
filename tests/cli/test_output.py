"""How commands talk to terminals, pipes and programs, and what it costs to ask for help."""

import json
import os
import re
import subprocess
import sys

import pytest

from .running import python, run

HEAVY = {"sympy", "numpy", "hypothesis", "matplotlib", "rich", "scipy", "sklearn"}


@pytest.mark.parametrize("args", [["list"], *([c, "dense"] for c in ("show", "prove", "generate", "report"))])
def test_json_on_every_command(args, pages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*args, "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout), dict)


def test_help_is_light():
    result = python("-X", "importtime", "-m", "derive", "--help")
    assert result.returncode == 0
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in result.stderr.splitlines()}
    assert "click" in imported
    assert not imported & HEAVY


def test_output_in_a_pipe_is_plain_and_complete(tmp_path):
    path = tmp_path / "long.py"
    formula = " + ".join(f"X_with_a_long_name @ W{k}" for k in range(12))
    path.write_text(
        f'def long(X_with_a_long_name: "n d", {", ".join(f"""W{k}: "d m" """ for k in range(12))}):\n'
        f"    return {formula}\n"
    )
    result = python("-m", "derive", "show", str(path), COLUMNS="20", TERM="xterm-256color", PYTHONIOENCODING="ascii")
    assert result.returncode == 0
    assert f"Y = {formula}" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert not re.search(r"[ \t]$", result.stdout, re.MULTILINE)


def test_a_terminal_folds_and_loses_nothing():
    result = run("show", "two_layer_network", env={"FORCE_COLOR": "1", "COLUMNS": "40", "TERM": "xterm-256color"})
    assert "\x1b" in result.stdout
    assert "…" not in result.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX")
def test_progress_is_on_stderr_of_a_terminal_only():
    import pty

    assert python("-m", "derive", "prove").stderr == ""
    ours, theirs = pty.openpty()
    result = subprocess.run(
        [sys.executable, "-m", "derive", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        check=True,
        timeout=60,
    )
    os.close(theirs)
    assert b"proving" in os.read(ours, 100_000)
    os.close(ours)
    json.loads(result.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="pipes break otherwise there")
def test_a_reader_that_leaves_early_is_no_error():
    process = subprocess.Popen([sys.executable, "-m", "derive", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert (process.wait(60), error) == (141, b"")
