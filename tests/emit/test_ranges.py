"""Whole numbers out of their declared range, and numbers that are not whole, are refused by the generated forward."""

from __future__ import annotations

import numpy as np
import pytest

import derive
from derive.emit.ladder import attacked
from derive.emit.readback import read_back


@derive.layer
def picked(X: "n c", t: "n : int[0,c)"):
    """The entry of each row that t says."""
    return np.take_along_axis(X, t[:, None], axis=1)[:, 0]


@derive.layer
def shifted(X: "n d", k: "n : int[1,m)", W: "m d"):
    """Rows of W, the first of which is never taken."""
    Y = X + W[k]
    return Y


@derive.layer
def counted(X: "n d", k: "n : int"):
    """Whole numbers without a range."""
    Y = X * k[:, None]
    return Y


LAYERS = {"picked": picked, "shifted": shifted, "counted": counted}


@pytest.mark.parametrize("layer", [picked, shifted], ids=lambda layer: layer.name)
def test_layers_of_whole_numbers_climb_the_whole_ladder(layer):
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_the_range_is_an_assumption_only_where_it_is_not_declared():
    def undeclared(X: "n c", t: "n : int"):
        return X[t]

    assert picked.derive().prove().assumptions == ()
    assert shifted.derive().prove().assumptions == ("0 ≤ k < m",)
    assert derive.layer(undeclared).derive().prove().assumptions == ("0 ≤ t < n",)


X, W = np.zeros((2, 3)), np.zeros((4, 3))
REFUSED = {
    "too large": ("picked", (X, np.array([0, 3])), "picked: t from 0 to 3; wanted 0 <= t < 3"),
    "negative": ("picked", (X, np.array([-1, 2])), "picked: t from -1 to 2; wanted 0 <= t < 3"),
    "small whole numbers": ("picked", (X, np.array([0, 200], np.uint8)), "picked: t from 0 to 200; wanted 0 <= t < 3"),
    "another lower end": ("shifted", (X, np.array([0, 1]), W), "shifted: k from 0 to 1; wanted 1 <= k < 4"),
    "floats": ("picked", (X, np.array([0.0, 1.0])), "picked: t float64; wanted whole numbers"),
    "a mask": ("picked", (X, np.array([True, False])), "picked: t bool; wanted whole numbers"),
    "floats without a range": ("counted", (X, np.array([0.0, 1.0])), "counted: k float64; wanted whole numbers"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_place_is_refused_by_name(case):
    name, arrays, message = REFUSED[case]
    with pytest.raises(derive.DeriveError) as error:
        LAYERS[name].derive().compile().forward(*arrays)
    assert str(error.value) == message


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_whole_numbers_of_any_dtype_are_taken(dtype):
    code = picked.derive().compile()
    held = np.arange(6.0).reshape(2, 3)
    y, cache = code.forward(held, np.array([2, 0], dtype))
    assert y.tolist() == [2.0, 3.0]
    assert code.backward(np.ones(2), cache)["X"].tolist() == [[0, 0, 1], [1, 0, 0]]


def test_an_empty_batch_is_in_any_range():
    y, _ = picked.derive().compile().forward(np.zeros((0, 3)), np.zeros(0, int))
    assert y.shape == (0,)


def test_a_check_that_refuses_what_is_right_is_found():
    """To the proof all arrays fit, so that the check is tried on arrays."""
    source = picked.derive().numpy()
    assert "np.any(t >= X.shape[1])" in source
    wrong = source.replace("np.any(t >= X.shape[1])", "np.any(t >= X.shape[1] - 1)")
    assert read_back(wrong, picked.derive()).status == "proved"
    assert attacked(picked.derive(), source, 40).rung.status == "tested"
    assert attacked(picked.derive(), wrong, 40).rung.status == "refuted"


def test_what_a_check_asks_can_be_used_for_nothing_else():
    source = picked.derive().numpy()
    line = next(text for text in source.splitlines() if "dX = " in text)
    lie = line.replace("dX = ", "dX = np.any(t < 0) + ")
    assert read_back(source.replace(line, lie), picked.derive()).status == "open"
