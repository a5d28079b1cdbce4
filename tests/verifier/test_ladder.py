"""derive.check: right code is accepted, wrong code refuted with numbers, and what cannot be checked is open."""

import subprocess
import sys
from threading import Thread

import numpy as np
import pytest

import derive
from derive.verifier import ladder

SHAPES = {"X": "n d", "W": "d m", "b": "m"}


def rectified(X, W, b):
    return np.maximum(X @ W + b, 0)


def right(X, W, b, dY):
    M = (X @ W + b > 0) * dY
    return {"X": M @ W.T, "W": X.T @ M, "b": M.sum(axis=0)}


def mean_for_sum(X, W, b, dY):
    return {**right(X, W, b, dY), "b": ((X @ W + b > 0) * dY).mean(axis=0)}


def changes_upstream(X, W, b, dY):
    dY *= X @ W + b > 0
    return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}


def endless(X, W, b, dY):
    while True:
        pass


def leaves(X, W, b, dY):
    raise SystemExit


def test_right_code_is_accepted():
    verdict = derive.check(rectified, right, SHAPES)
    assert verdict.ok, verdict
    assert verdict.subject == "rectified"


@pytest.mark.parametrize(
    ("backward", "names"),
    [(mean_for_sum, ["b"]), (changes_upstream, ["upstream", "backward"])],  # read-only arrays tell by an exception
    ids=["mean for sum", "in place"],
)
def test_wrong_code_is_refuted(backward, names):
    verdict = derive.check(rectified, backward, SHAPES)
    assert verdict.status == "refuted"
    assert verdict.counterexample.name in names
    assert "upstream" in verdict.counterexample.snippet


def test_code_that_does_not_end_is_open(monkeypatch):
    monkeypatch.setitem(ladder.SECONDS, "ci", 1.0)
    verdict = derive.check(rectified, endless, SHAPES)
    assert verdict.status == "open"
    assert "did not end" in verdict.reason
    assert derive.check(rectified, leaves, SHAPES).status in ("open", "refuted")


def test_a_forward_that_never_runs_is_open():
    def broken(X, W, b):
        raise RuntimeError("no")

    verdict = derive.check(broken, right, SHAPES)
    assert verdict.status == "open"


def test_a_rung_that_raises_is_open(monkeypatch):
    class Rung:
        NAME = "broken"

        @staticmethod
        def climb(given, budget):
            raise ArithmeticError("inside")

    monkeypatch.setattr(ladder, "RUNGS", (Rung,))
    verdict = derive.check(rectified, right, SHAPES)
    assert verdict.status == "open"
    assert "ArithmeticError: inside" in verdict.reason


def test_an_input_without_a_gradient_is_named():
    def of_weights(X, W, b, dY):
        return {key: g for key, g in right(X, W, b, dY).items() if key != "X"}

    verdict = derive.check(rectified, of_weights, SHAPES)
    assert verdict.status == "proved", verdict
    assert "X is not checked: backward gives no gradient of it" in verdict.assumptions
    assert "X is not checked" in str(verdict)


def test_none_is_no_gradient_and_all_none_is_open():
    some = derive.check(rectified, lambda X, W, b, dY: (None, *list(right(X, W, b, dY).values())[1:]), SHAPES)
    assert some.status == "proved", some
    assert "X is not checked" in str(some)
    assert not derive.check(rectified, lambda X, W, b, dY: {}, SHAPES).ok


def test_a_gradient_that_comes_now_and_then_is_missing():
    def sometimes(X, W, b, dY):
        found = right(X, W, b, dY)
        return found if len(X) > 2 else {"W": found["W"], "b": found["b"]}

    verdict = derive.check(rectified, sometimes, SHAPES)
    assert verdict.status == "refuted"
    assert verdict.reason.startswith("the contract is broken: the gradient of X is missing")


def test_wrong_values_are_no_broken_contract():
    assert "contract" not in derive.check(rectified, mean_for_sum, SHAPES).reason


def test_what_code_does_beside_computing_is_told(tmp_path):
    path = tmp_path / "scale.txt"
    path.write_text("2")

    def reads(x):
        print("reading")
        return x * float(path.read_text())

    verdict = derive.check(reads, lambda x, dy: 2 * dy, {"x": "n"})
    assert verdict.ok, verdict
    (rung,) = [rung for rung in verdict.evidence if rung.name == "beside"]
    assert f"opened {str(path)!r}" in rung.detail
    assert "printed 'reading" in rung.detail


def test_the_same_input_gives_the_same_verdict():
    first, second = (derive.check(rectified, right, SHAPES).to_dict() for _ in range(2))
    assert first == second


def test_code_that_warns_is_judged_by_its_results():
    """Where warnings are errors, as here, overflow in forward hides no point."""

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))

    def overflows(x, dy):
        return {"x": dy * np.exp(-x) * sigmoid(x) ** 2}

    verdict = derive.check(sigmoid, overflows, {"x": "n"})
    assert verdict.status == "refuted"
    assert "not finite" in verdict.reason


MEAN_OF_LABELLED = """
import derive
import numpy as np

def forward(z, y):
    return -z[np.arange(len(y)), y].sum() / len(y)

def backward(z, y, dY):
    dz = np.zeros_like(z)
    dz[np.arange(len(y)), y] = -dY / len(y)
    return {"z": dz}

print(derive.check(forward, backward, {"z": "n c", "y": "n : int[0,c)"}))
"""


def test_warnings_at_empty_arrays_do_not_pass_for_printing(tmp_path):
    """In a program of its own, for pytest catches warnings before they are printed."""
    (tmp_path / "labelled.py").write_text(MEAN_OF_LABELLED)
    run = subprocess.run([sys.executable, tmp_path / "labelled.py"], capture_output=True, text=True, check=True)
    assert "proved" in run.stdout
    assert "beside" not in run.stdout


def test_a_check_may_be_made_in_any_thread():
    found = []
    ladder._rehearse.cache_clear()
    thread = Thread(target=lambda: found.append(derive.check(rectified, right, SHAPES).status))
    thread.start()
    thread.join()
    assert found == ["proved"]
