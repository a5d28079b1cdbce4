"""The pytest plugin: what it collects, what it prints, what JUnit XML carries, and that it is light."""

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import derive
from derive import testing

ROOT = Path(derive.__file__).parent.parent
INSTALLED = any(e.value == "derive.pytest_plugin" for e in entry_points(group="pytest11"))

PAIRS = '''
import numpy as np
from derive.testing import check, verifies

def square(x: "n d"):
    return x ** 2

@verifies(square)
def right(x, dy):
    return {"x": 2 * x * dy}

@verifies(square, shapes={"x": "n"})
def wrong(x, dy):
    return {"x": x * dy}

def test_one(derive_check):
    assert derive_check(square, right, {"x": "n d"}).ok

def test_other(derive_check):
    derive_check(square, wrong, {"x": "n"})

def test_call():
    check(square, wrong, {"x": "n"})
'''
NOTES = """
```derive
X: n d
E = sum(X ** 2)
dE/dX = 2 * X
dE/dX = X
nonsense
```
"""


def run(folder, *args):
    plugin = [] if INSTALLED else ["-p", "derive.pytest_plugin"]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *plugin, *args]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_marked_backwards_and_the_fixture(tmp_path):
    (tmp_path / "test_pairs.py").write_text(PAIRS)
    result = run(tmp_path, "-rA", "--junitxml=out.xml")
    assert result.returncode == 1, result.stdout + result.stderr
    outcomes = {line.split("::")[1].split(" ")[0]: line.split(" ")[0] for line in result.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))}
    assert outcomes == {"right": "PASSED", "wrong": "FAILED", "test_one": "PASSED", "test_other": "FAILED", "test_call": "FAILED"}
    assert "a factor" in result.stdout or "tolerances" in result.stdout
    assert "gradients = backward(upstream, cache)" in result.stdout
    cases = {case.attrib["name"]: case for case in ElementTree.parse(tmp_path / "out.xml").iter("testcase")}
    told = {p.attrib["name"]: p.attrib["value"] for p in cases["right"].iter("property")}
    assert told["derive.status"] == "proved"
    assert told["derive.values"].startswith("tested")


def test_claims_in_markdown(tmp_path):
    (tmp_path / "notes.md").write_text(NOTES)
    assert run(tmp_path).returncode == 5  # nothing is collected unless it is asked for
    result = run(tmp_path, "--derive-claims", "-rA")
    assert result.returncode == 1
    assert "1 passed" in result.stdout
    assert "2 failed" in result.stdout
    assert "a factor 2 is missing" in result.stdout
    assert "nonsense" in result.stdout


def test_workers_of_xdist_find_and_say_the_same(tmp_path):
    (tmp_path / "test_pairs.py").write_text(PAIRS)
    (tmp_path / "notes.md").write_text(NOTES)
    alone, together = (run(tmp_path, "--derive-claims", "-rA", f"--junitxml={n}.xml", "-n", n) for n in ("0", "2"))
    assert (alone.returncode, together.returncode) == (1, 1), together.stdout + together.stderr
    told = []
    for n in ("0", "2"):
        cases = ElementTree.parse(tmp_path / f"{n}.xml").iter("testcase")
        status = [(c.attrib["name"], [p.attrib["value"] for p in c.iter("property") if p.attrib["name"] == "derive.status"]) for c in cases]
        told.append(sorted(status))
    assert told[0] == told[1]
    assert len(told[0]) == 8


def test_profiles_are_known_and_none_is_taken(tmp_path):
    (tmp_path / "test_profile.py").write_text(
        "from hypothesis import settings\n\ndef test_it():\n    assert settings().max_examples == EXPECTED\n"
    )
    for profile, examples in (("derive-deep", 1000), ("derive-ci", 50)):
        text = (tmp_path / "test_profile.py").read_text().split("EXPECTED")[0] + str(examples)
        (tmp_path / "test_deep.py").write_text(text + "\n")
        assert run(tmp_path, "test_deep.py", f"--hypothesis-profile={profile}").returncode == 0
    from hypothesis import settings

    before = settings.default
    testing.register_profiles()
    assert settings.default is before


def test_the_plugin_is_light():
    code = "import sys, derive.pytest_plugin; print([m for m in ('numpy', 'sympy', 'hypothesis', 'flint') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"


def test_an_assertion_carries_the_verdict():
    with pytest.raises(AssertionError, match="refuted"):
        testing.check(np.sin, lambda x, dy: dy * np.sin(x), {"x": "n"})
    assert testing.check(np.sin, lambda x, dy: dy * np.cos(x), {"x": "n"}).ok
    with pytest.raises(derive.DeriveError, match="tolerance"):
        testing.verifies(np.sin, shapes={"x": "n"}, tolerance=1)
