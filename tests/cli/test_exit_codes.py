"""Every exit code but 0 and 2: refuted, open, a defect of derive itself, an interrupt."""

import json
import re
from dataclasses import replace

import pytest

from derive.arrays.functions import FUNCTIONS
from derive.rules import book
from derive.rules.proof import DIFFERENT
from derive.verdict import Verdict

from .running import run


def test_refuted_is_1(monkeypatch):
    verdict = Verdict("refuted", "W", "wrong at n = 2")
    monkeypatch.setattr("derive.derivation.sweep.Derivation.prove", lambda self: verdict)
    result = run("prove", "dense")
    assert result.exit_code == 1
    assert "wrong at n = 2" in result.stdout
    assert [run(command, "dense").exit_code for command in ("show", "generate")] == [1, 1]


def test_open_is_3(monkeypatch):
    monkeypatch.setattr("derive.derivation.sweep.is_adjoint", lambda *args: DIFFERENT)
    result = run("prove", "dense")
    assert result.exit_code == 3
    assert re.search(r"^dW = X\.T @ dY +open +matmul", result.stdout, re.MULTILINE)
    assert "dense: open, not decided: not shown: dX, dW, db" in result.stdout
    assert json.loads(run("prove", "dense", "--json").stdout)["layers"][0]["verdict"]["ok"] is False
    assert run("list").exit_code == 3


def test_refuted_weighs_more_than_open(monkeypatch):
    verdicts = iter([Verdict("open"), Verdict("refuted", reason="wrong")])
    monkeypatch.setattr("derive.derivation.sweep.Derivation.prove", lambda self: next(verdicts))
    assert run("prove", "dense", "sigmoid").exit_code == 1


@pytest.fixture
def wrong_rule(monkeypatch):
    wrong = replace(FUNCTIONS["tanh"], pullback=lambda Y, G, A: (G * Y,))
    monkeypatch.setitem(FUNCTIONS, "tanh", wrong)
    book.forget()
    yield
    book.forget()


def test_a_rule_that_is_not_proved_is_a_defect_4(wrong_rule, file, monkeypatch):
    result = run("prove", f"{file}:gate")
    assert result.exit_code == 4
    assert "This is a defect of derive, not of your input: Unproved: the rule of tanh is not proved" in result.stderr
    assert "DERIVE_TRACEBACK=1" in result.stderr
    assert "Traceback" not in result.output
    error = json.loads(run("prove", f"{file}:gate", "--json").stdout)["error"]
    assert (error["kind"], error["got"][:8]) == ("defect", "Unproved")
    monkeypatch.setenv("DERIVE_TRACEBACK", "1")
    assert "Traceback (most recent call last)" in run("prove", f"{file}:gate").stderr


def test_any_other_exception_is_a_defect_4(monkeypatch):
    monkeypatch.setattr("derive.commands.layers.shown", lambda *args: 1 / 0)
    result = run("show", "dense")
    assert result.exit_code == 4
    assert "ZeroDivisionError: division by zero" in result.stderr


def test_a_defect_that_cannot_say_itself_or_is_no_exception_is_4(monkeypatch):
    class Mute(BaseException):
        def __str__(self):
            raise RuntimeError("mute")

    def fail(*args):
        raise Mute

    monkeypatch.setattr("derive.commands.layers.shown", fail)
    result = run("show", "dense")
    assert (result.exit_code, "Traceback" in result.output) == (4, False)
    assert "not of your input: Mute" in result.stderr


def test_an_interrupt_leaves_quietly(monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("derive.commands.layers.shown", stop)
    result = run("show", "dense")
    assert result.exit_code == 130
    assert "Traceback" not in result.output


def test_an_interrupt_in_a_file_leaves_quietly(tmp_path):
    path = tmp_path / "stop.py"
    path.write_text("raise KeyboardInterrupt\n")
    result = run("show", str(path))
    assert (result.exit_code, "Traceback" in result.output) == (130, False)
