"""What is told of layers: list, show, prove, generate."""

import json
import re

import sympy

import derive
from derive.commands.matrices import spelled

from .running import run


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
