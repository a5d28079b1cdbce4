"""The snippet of a refuted pair runs as it stands, in a program of its own."""

import subprocess
import sys

import pytest

import derive
from derive.commands.finding import find_pairs
from derive.derivation.reader import shape_strings

PAIRS = '''
import numpy as np
half = 0.5

def cached_forward(X: "n d", W: "d m"):
    return X @ W, (X, W)

def cached_backward(dY, cache):
    X, W = cache
    return dY @ W.T, X.T @ dY * half

def plain_forward(x: "n"):
    return np.sin(x)

def plain_backward(x, dy):
    return dy * np.cos(2 * x)

class Layer:
    def forward(self, x):
        self.x = x
        return x ** 2

    def backward(self, dy):
        return {"x": dy * self.x}

layer = Layer()
'''


def shown(verdict, folder):
    path = folder / "snippet.py"
    path.write_text(verdict.counterexample.snippet)
    run = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False, cwd="/")
    assert run.returncode == 0, run.stderr
    assert "got" in run.stdout
    assert "expected" in run.stdout


@pytest.mark.parametrize("name", ["cached", "plain"])
def test_functions_of_a_file(tmp_path, name):
    (tmp_path / "pairs.py").write_text(PAIRS)
    ((_, forward, backward, _),) = find_pairs(f"{tmp_path / 'pairs.py'}:{name}")
    verdict = derive.check(forward, backward, shape_strings(forward))
    assert verdict.status == "refuted"
    shown(verdict, tmp_path)


def test_methods_of_an_object(tmp_path):
    (tmp_path / "pairs.py").write_text(PAIRS)
    names = {}
    exec(compile(PAIRS, str(tmp_path / "pairs.py"), "exec"), names)
    verdict = derive.check(names["layer"].forward, names["layer"].backward, {"x": "n"})
    assert verdict.status == "refuted"
    shown(verdict, tmp_path)


def test_functions_that_cannot_be_named_are_said_to_be_missing():
    verdict = derive.check(lambda x: x**2, lambda x, dy: dy * x, {"x": "n"})
    assert verdict.status == "refuted"
    assert "put the definitions" in verdict.counterexample.snippet


OWN_NAMES = """
import numpy as np

def forward(x):
    return np.sin(x){cache}

def backward({arguments}):
    return {{"x": dy * np.sin(x)}}
"""


@pytest.mark.parametrize(("cache", "arguments"), [("", "x, dy"), (", x", "dy, x")])
def test_functions_that_are_called_as_the_snippet_calls_them(tmp_path, cache, arguments):
    (tmp_path / "own.py").write_text(OWN_NAMES.format(cache=cache, arguments=arguments))
    names = {"__name__": "own"}
    exec(compile((tmp_path / "own.py").read_text(), str(tmp_path / "own.py"), "exec"), names)
    verdict = derive.check(names["forward"], names["backward"], {"x": "n"})
    assert verdict.status == "refuted"
    shown(verdict, tmp_path)
