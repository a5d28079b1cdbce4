"""The command line: every command, every exit code, bad input, and what it costs to ask for help."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import sympy
from click.testing import CliRunner, Result

import derive
import derive.emit
from derive.arrays.functions import FUNCTIONS
from derive.cli import main
from derive.commands.matrices import spelled
from derive.rules import book
from derive.rules.proof import DIFFERENT
from derive.verdict import Verdict

HEAVY = {"sympy", "numpy", "hypothesis", "matplotlib", "rich", "scipy", "sklearn"}
OWN = '''
import numpy as np
import derive

print("loading")

@derive.layer
def gate(X: "n d", W: "d m"):
    """A product and a bend."""
    Z = X @ W
    return np.tanh(Z)

def plain(X: "n d"):
    return np.exp(X)

def no_layer(x: int):
    return x

number = 3
'''


def run(*args: str, **options: Any) -> Result:
    return CliRunner().invoke(main, list(args), **options)


def fails(*args: str) -> str:
    """The message of wrong input: on stderr, exit code 2, no traceback, and the same in JSON."""
    result = run(*args)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert "Traceback" not in result.stderr
    error = json.loads(run(*args, "--json").stdout)["error"]
    assert error["kind"] == "input"
    assert error["got"]
    assert error["got"].splitlines()[0] in result.stderr
    return result.stderr


def python(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return str(path)


@pytest.fixture
def pages(monkeypatch):
    """Pages that cost nothing, in place of the real ones."""
    fake = SimpleNamespace(
        pages=lambda: {"dense.md": "# dense\n", "figures/dense.svg": b"<svg/>"},
        illustrated=lambda layer, file: {file: f"# {layer.name}\n"},
    )
    monkeypatch.setattr(derive.emit, "report", fake, raising=False)


# ---- the commands


def test_list():
    result = run("list")
    assert result.exit_code == 0
    heading, *lines = result.stdout.splitlines()
    assert heading.split() == ["name", "inputs", "options", "status"]
    assert [line.split()[0] for line in lines] == list(derive.layers)
    assert "X: (n, d), W: (d, m), b: (m,)" in result.stdout


def test_show():
    result = run("show", "two_layer_network", "sigmoid")
    assert result.exit_code == 0
    for line in str(derive.layers["two_layer_network"].derive()).splitlines():
        assert line in result.stdout
    assert "Z1 = dense(X, W1, b1)" in result.stdout
    assert "dX = dY * Y * (1 - Y)" in result.stdout


def test_show_latex():
    result = run("show", "dense", "--latex")
    assert r"\mathrm{d}W = X^{\top} \, \mathrm{d}Y" in result.stdout
    [layer] = json.loads(run("show", "dense", "--latex", "--json").stdout)["layers"]
    assert layer["gradients"]["W"]["latex"] == r"\mathrm{d}W = X^{\top} \, \mathrm{d}Y"


def test_show_sympy():
    result = run("show", "dense", "--sympy")
    assert result.exit_code == 0, result.output
    assert "dW = X.T*dY" in result.stdout
    [layer] = json.loads(run("show", "dense", "--sympy", "--json").stdout)["layers"]
    assert layer["gradients"]["W"]["sympy"] == "X.T*dY"
    assert layer["gradients"]["b"]["sympy"] == "OneMatrix(1, n)*dY"  # str would lose the shape


def test_what_is_printed_for_sympy_can_be_read_back():
    n, d = sympy.symbols("n d", integer=True, positive=True)
    x = sympy.Symbol("x")
    X, Y = sympy.MatrixSymbol("X", n, d), sympy.MatrixSymbol("Y", n, d)
    for expression in (
        sympy.OneMatrix(1, n) * X,
        X - sympy.ZeroMatrix(n, d) + sympy.OneMatrix(n, d),
        X * sympy.Identity(d) * 3,
        sympy.HadamardProduct(X, Y - sympy.OneMatrix(n, d)),
        X.applyfunc(sympy.Lambda(x, sympy.exp(x) + 1)),
        (X + Y).applyfunc(sympy.tanh),
        sympy.HadamardPower(X, 2),
        sympy.Trace(X * Y.T),
        X.T * Y / 2,
    ):
        text = spelled(expression)
        read = eval(text, {**vars(sympy), "X": X, "Y": Y, "n": n, "d": d, "x": x})
        assert read == expression or (read.shape, spelled(read)) == (expression.shape, text)


def test_prove():
    result = run("prove", "dense")
    assert result.exit_code == 0
    assert re.search(r"^dW = X\.T @ dY +proved +matmul", result.stdout, re.MULTILINE)
    assert "dense: proved, equal for every shape and every real input" in result.stdout
    assert re.search(r"derived and proved in \d+\.\d\d ms", result.stdout)


def test_prove_without_a_name_is_the_whole_catalogue():
    data = json.loads(run("prove", "--json").stdout)
    assert [layer["name"] for layer in data["layers"]] == list(derive.layers)
    assert {line["verdict"]["status"] for layer in data["layers"] for line in layer["lines"]} == {"proved"}
    assert all(layer["ms"] > 0 for layer in data["layers"])


def test_generate(tmp_path):
    printed = run("generate", "dense")
    assert printed.exit_code == 0
    assert printed.stdout.rstrip() == derive.layers["dense"].derive().numpy().rstrip()
    written = run("generate", "dense", "sigmoid", "-o", str(tmp_path / "new" / "folder"))
    assert written.exit_code == 0
    assert written.stdout.split() == [str(tmp_path / "new" / "folder" / f"{name}.py") for name in ("dense", "sigmoid")]
    assert (tmp_path / "new" / "folder" / "dense.py").read_text() == derive.layers["dense"].derive().numpy()


def test_report(pages, tmp_path):
    result = run("report", "-o", str(tmp_path))
    assert result.exit_code == 0
    assert (tmp_path / "dense.md").read_text() == "# dense\n"
    assert (tmp_path / "figures" / "dense.svg").read_bytes() == b"<svg/>"


def test_report_of_some_layers_and_of_a_file(pages, file, tmp_path):
    result = run("report", "sigmoid", file, "-o", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gate.md", "plain.md", "sigmoid.md"]


def test_report_check(pages, tmp_path):
    assert run("report", "--check", "-o", str(tmp_path / "nowhere")).exit_code == 1
    run("report", "-o", str(tmp_path))
    assert run("report", "--check", "-o", str(tmp_path)).exit_code == 0
    (tmp_path / "dense.md").write_text("# Dense\n")
    (tmp_path / "figures" / "dense.svg").unlink()
    (tmp_path / "old.md").write_text("")
    result = run("report", "--check", "-o", str(tmp_path))
    assert result.exit_code == 1
    assert [line.split(maxsplit=1) for line in result.stdout.splitlines()[1:4]] == [
        ["dense.md", "different"],
        ["figures/dense.svg", "missing"],
        ["old.md", "belongs to no layer"],
    ]
    assert (tmp_path / "dense.md").read_text() == "# Dense\n"
    assert run("report", "--check", "dense", "-o", str(tmp_path)).exit_code == 1


def test_demo(monkeypatch, tmp_path):
    def write(folder, progress):
        progress("training", 1, 2)
        verdict = Verdict("proved", "network")
        return SimpleNamespace(
            report=folder / "report.md",
            module=folder / "module.py",
            verdict=verdict,
            accuracies={"plane": (0.9875, "a disc in a ring")},
        )

    monkeypatch.setattr("derive.demo.report.write", write)
    result = run("demo", "-o", str(tmp_path / "here"))
    assert result.exit_code == 0
    assert re.search(r"^plane +98\.8% +a disc in a ring$", result.stdout, re.MULTILINE)
    assert str(tmp_path / "here" / "report.md") in result.stdout.splitlines()[-1]
    data = json.loads(run("demo", "-o", str(tmp_path / "here"), "--json").stdout)
    assert data["accuracies"]["plane"]["accuracy"] == 0.9875


@pytest.mark.parametrize("args", [["list"], *([c, "dense"] for c in ("show", "prove", "generate", "report"))])
def test_json_on_every_command(args, pages, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*args, "--json")
    assert result.exit_code == 0
    assert isinstance(json.loads(result.stdout), dict)


# ---- exit codes


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


def test_an_interrupt_leaves_quietly(monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("derive.commands.layers.shown", stop)
    result = run("show", "dense")
    assert result.exit_code == 130
    assert "Traceback" not in result.output


# ---- wrong usage and input


def test_wrong_usage():
    assert "No such command 'shw'" in fails("shw")
    assert "No such option" in fails("show", "dense", "--jsn")
    assert "Missing argument 'NAME...'" in fails("show")
    assert run().exit_code == 2


def test_unknown_layer():
    assert fails("show", "dens") == (
        f"Error: no layer named 'dens'; one of {', '.join(derive.layers)} was wanted  (argument NAME)\n  try dense\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "[bold]x[/bold]",
        "../../etc/passwd",
        "dense;ls",
        "\udcff",
        "名",
        "dense\n",
        "x" * 5000,
        "\x00.py",
        "[red].py:x",
        "-.py:",
        "--:a",
        ".py",
        ".py:a",
        ":",
        "a:b:c",
    ],
)
def test_hostile_names(name):
    for command in ("show", "prove", "generate", "report"):
        result = run(command, "--", name)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.output


def test_a_layer_of_a_file(file):
    result = run("show", f"{file}:gate")
    assert result.exit_code == 0
    assert "Z = X @ W" in result.stdout
    assert "loading" not in result.stdout  # what the file prints is on stderr
    assert "loading" in result.stderr
    assert run("prove", f"{file}:plain").exit_code == 0


def test_a_file_alone(file, tmp_path):
    assert f"{file} has 2 layers" in fails("show", file)
    assert f"try {file}:gate or {file}:plain" in fails("show", file)
    one = tmp_path / "one.py"
    one.write_text(
        "from __future__ import annotations\n"
        "from helper import twice\n"
        'def double(X: "n d"): return twice(X)\n'
        "def helper(x: int) -> int: return x\n"
    )
    (tmp_path / "helper.py").write_text("def twice(X): return 2 * X\n")
    result = run("show", str(one))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("double(X: (n, d))")
    assert not (tmp_path / "__pycache__" / "one.cpython-311.pyc").exists()


def test_a_layer_of_the_catalogue_that_a_file_uses_is_not_one_of_its_own(tmp_path):
    path = tmp_path / "uses.py"
    path.write_text(
        'import derive\ndense = derive.layers["dense"]\n'
        'def _two(X: "n d", W: "d d", b: "d"): return dense(dense(X, W, b), W, b)\n'
        'two = again = derive.layer(_two, title="two")\n'
    )
    assert run("show", str(path)).stdout.startswith("two(")
    assert run("show", f"{path}:dense").exit_code == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{file}:nope", "has no 'nope'; a derive.Layer, or a function"),
        ("{file}:number", "number in {file} is int"),
        ("{file}:a-b", "{file} has no 'a-b'"),
        ("{file}:no_layer", "a shape of type type; a shape string"),
        ("{file}:", "{file} has no ''"),
        ("nowhere.py:x", "there is no file 'nowhere.py'"),
        ("{folder}.py", "there is no file"),
    ],
)
def test_bad_names_in_a_file(name, message, file, tmp_path):
    assert message.format(file=file) in fails("show", name.format(file=file, folder=tmp_path))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:\n", "bad.py is not Python: invalid syntax"),
        ("\x00", "bad.py"),
        ("x = 1\nraise RuntimeError('no')\n", "raised RuntimeError: no; a file that runs without an error  (bad.py:2)"),
        ("import sys; sys.exit(0)\n", "raised SystemExit: 0"),
        ("import no_such_module\n", "raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n", "bad.py has no layer"),
        ("import derive\nderive.layer(len)\n", "a Python function was wanted  (bad.py:2)"),
        ('def f(X: "n d", Y: "m d"):\n    return X + Y\n', "(n, d)"),
        ('def f(X: "n d"):\n    return X if X > 0 else -X\n', "bad.py:2"),
    ],
)
def test_bad_files(source, message, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert message in fails("prove", str(path))


class_that_cannot_say_itself = "class Mute(Exception):\n    def __str__(self): raise RuntimeError('mute')\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise GeneratorExit\n", "bad.py raised GeneratorExit"),
        ("class Odd(BaseException): pass\nraise Odd('no')\n", "bad.py raised Odd: no"),
        ("raise SystemExit(0)\n", "bad.py raised SystemExit: 0"),
        (class_that_cannot_say_itself + "raise Mute\n", "bad.py raised Mute"),
        ('def f(X: "n d"):\n    raise SystemExit(0)\n', "f raised SystemExit"),
        ('def f(X: "n d"):\n    raise GeneratorExit\n', "f raised GeneratorExit"),
    ],
)
@pytest.mark.parametrize("command", ["prove", "generate"])
def test_whatever_a_file_raises_is_wrong_input(source, message, command, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert message in fails(command, str(path))


def test_an_interrupt_in_a_file_leaves_quietly(tmp_path):
    path = tmp_path / "stop.py"
    path.write_text("raise KeyboardInterrupt\n")
    result = run("show", str(path))
    assert (result.exit_code, "Traceback" in result.output) == (130, False)


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


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_lead_round_in_a_circle(tmp_path):
    (tmp_path / "a.py").symlink_to(tmp_path / "b.py")
    (tmp_path / "b.py").symlink_to(tmp_path / "a.py")
    assert "cannot read" in fails("show", str(tmp_path / "a.py"))


@pytest.mark.parametrize("change", ["sys.path.clear()", "sys.path = []", "sys.path = None", "sys.path.append('more')"])
def test_a_file_that_changes_the_import_path(change, tmp_path):
    path = tmp_path / "paths.py"
    path.write_text(f'import sys\ndef double(X: "n d"): return 2 * X\n{change}\n')
    paths, before = sys.path, list(sys.path)
    try:
        result = run("show", str(path))
        assert (result.exit_code, result.stdout[:7]) == (0, "double("), result.output
        assert [entry for entry in sys.path if entry != "more"] == before
    finally:
        sys.path = paths
        paths[:] = before


def test_a_folder_that_cannot_be_written_to(pages, file, tmp_path):
    assert "cannot write" in fails("generate", "dense", "-o", file)
    assert "cannot write" in fails("report", "-o", file)
    assert "cannot make the folder" in fails("demo", "-o", file)
    assert "one module can be printed" in fails("generate", "dense", "sigmoid")


def test_a_layer_whose_name_is_a_path_is_not_written(tmp_path):
    path = tmp_path / "escape.py"
    path.write_text('import derive\ndef _f(X: "n d"): return X * 2\nf = derive.layer(_f, title="../escaped")\n')
    assert "a layer named '../escaped'" in fails("generate", f"{path}:f", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "escaped.py").exists()


# ---- as programs see it


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
