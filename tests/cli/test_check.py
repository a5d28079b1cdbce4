"""derive check: hand-written pairs in a file, with exit codes, JUnit XML and annotations."""

import json
from xml.etree import ElementTree

import pytest

from derive.commands.checking import annotation
from derive.verdict import Verdict

from .running import run

PAIRS = '''
import numpy as np

def dense_forward(X: "n d", W: "d m", b: "m"):
    return X @ W + b, (X, W)

def dense_backward(dY, cache):
    X, W = cache
    return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}

def gate_forward(x: "n d"):
    return np.tanh(x)

def gate_backward(x, dy):
    return {"x": dy * (1 - np.tanh(x))}

def odd_forward(x):
    return x

def odd_backward(x, dy):
    return dy
'''


@pytest.fixture
def pairs(tmp_path):
    path = tmp_path / "pairs.py"
    path.write_text(PAIRS)
    return str(path)


def check(*args):
    return run("check", *args)


def test_each_pair_has_its_verdict(pairs):
    result = check(pairs, "--json")
    assert result.exit_code == 1
    found = {pair["name"]: pair["status"] for pair in json.loads(result.stdout)["pairs"]}
    assert found == {"dense": "proved", "gate": "refuted", "odd": "open"}


def test_one_pair(pairs):
    assert check(f"{pairs}:dense").exit_code == 0
    assert check(f"{pairs}:gate").exit_code == 1
    assert check(f"{pairs}:odd").exit_code == 3


def test_what_ci_reads(pairs, tmp_path):
    result = check(pairs, "--github", "--junit", str(tmp_path / "out.xml"))
    assert "::error file=" in result.stdout
    assert "title=gate%3A refuted::" in result.stdout
    assert "::warning " in result.stdout
    suite = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert suite.attrib["failures"] == "1"
    assert suite.attrib["skipped"] == "1"
    cases = {case.attrib["name"]: case for case in suite}
    assert "upstream" in cases["gate"].find("failure").text
    told = {p.attrib["name"]: p.attrib["value"] for p in cases["dense"].find("properties")}
    assert told["derive.status"] == "proved"
    assert told["derive.enclosure"].startswith("enclosed")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "no pairs"),
        ("def a_forward(x: 'n'): return x", "no a_backward"),
        ("import nothing_of_the_kind", "nothing_of_the_kind"),
    ],
)
def test_files_without_pairs_are_refused(tmp_path, text, said):
    path = tmp_path / "pairs.py"
    path.write_text(text)
    result = check(str(path))
    assert result.exit_code == 2
    assert said in result.stderr
    assert check(f"{path}:b").exit_code == 2
    assert check(str(tmp_path / "none.py")).exit_code == 2
    assert check("dense").exit_code == 2


def test_an_annotation_is_one_line_whatever_is_said():
    verdict = Verdict("refuted", "dx", "100 % wrong,\nas ever: x\r\nand y")
    said = annotation("a,b", None, verdict)
    assert said == "::error title=a%2Cb%3A refuted::100 %25 wrong,%0Aas ever: x%0D%0Aand y"


SCALED = '''
def mean_forward(x: "n"):
    return x * x

def mean_backward(x, dy):
    return {"x": 2 * x * dy / len(x)}

mean_convention = "CONVENTION"
'''


@pytest.mark.parametrize(("convention", "code"), [("1/n", 0), ("n", 1), ("1/q", 3)])
def test_a_convention_beside_the_pair(tmp_path, convention, code):
    path = tmp_path / "scaled.py"
    path.write_text(SCALED.replace("CONVENTION", convention))
    assert check(str(path)).exit_code == code
