"""The helpers with loops that generated code brings along: checked by themselves, exactly; wrong ones are seen."""

import re

import numpy as np
import pytest

import derive
from derive.arrays.helpers import HELPERS, STANDS_FOR
from derive.arrays.shapes import RESERVED
from derive.emit import helpers
from derive.emit.helpers import checked
from derive.emit.readback import read_back

LIES = [
    ("overlap", "+= windows", "= windows"),
    ("overlap", "+= windows", "-= windows"),
    ("boxes", "slice(d * k, d * k + s * count, s)", "slice(d * k + 1, d * k + 1 + s * count, s)"),
    ("boxes", "slice(d * k, d * k + s * count, s)", "slice(s * k, s * k + s * count, s)"),
    ("boxes", "* count, s)", "* count - s, s)"),
    ("boxes", "place, stride, dilation)", "place, dilation, stride)"),
    ("boxes", "zip(axes, positions, place", "zip(axes[::-1], positions, place"),
    ("boxes", "zip(axes, positions, place", "zip(axes, positions[::-1], place"),
    ("boxes", "zip(axes, positions, place", "zip(axes, positions, place[::-1]"),
    ("boxes", "np.ndindex(*window)", "list(np.ndindex(*window))[1:]"),
    ("boxes", "yield place, tuple(box)", "yield place[::-1], tuple(box)"),
    ("overlap", "windows[(..., *place)]", "windows[(..., *place[::-1])]"),
    ("overlap", "np.zeros(shape", "np.ones(shape"),
    ("add_rows", "np.add.at(result.reshape(-1), ", "result.reshape(-1).__setitem__("),
    ("add_rows", "np.add.at", "np.subtract.at"),
    ("add_rows", "values.reshape(-1))", "values.reshape(-1) ** 2)"),
    ("add_rows", "* width + np.arange(width)", "* width + np.arange(width)[::-1]"),
    ("add_rows", "(rows, *values", "(np.max(places) + 1, *values"),
    ("add_rows", "return result", "return (1 + 1e-15) * result"),
    ("overlap", "boxes(rank, axes,", "boxes(rank, axes[::-1],"),
    ("over_windows", "if result is None", "if True"),
    ("over_windows", "array[box].copy()", "0 * array[box]"),
    ("to_largest", "== largest", "<= largest"),
    ("to_largest", "+= entries * here", "= entries * here"),
    ("at_largest", "entries[box] * here", "entries[box] + here"),
    ("at_largest", "== largest", "!= largest"),
    ("at_largest", "result +=", "result ="),
    ("tensordots", "*each[0], *rows, *axes[0]", "*each[0], *rows[::-1], *axes[0]"),
    ("tensordots", "*each[1], *axes[1], *columns", "*each[1], *axes[1][::-1], *columns"),
    ("tensordots", "*each[0], *rows", "*each[0][::-1], *rows"),
    ("tensordots", "(left @ right)", "(left @ right[..., ::-1])"),
    ("tensordots", "left @ right", "left @ right + left[..., :1] * right[..., :1, :]"),
    ("tensordots", "+ axes[1]]", "+ axes[0]]"),
    ("put", "= values", "+= values"),
    ("put", "= values", "= 0"),
    ("put", "axis, places)", "axis, places[::-1])"),
    ("put", "insert(axis", "insert(0"),
    ("put", "return rows", "return np.where(rows == values, rows, 0)"),
    ("placed", "= array", "= 2 * array"),
    ("placed", "result[keys] = array", "result[keys] = array[::-1]"),
    ("placed", "np.zeros(shape", "np.ones(shape"),
]


def spaced(X: "n d"):
    return X[::2, 1:] * 3


def summed(X: "n d"):
    return np.lib.stride_tricks.sliding_window_view(X, (2, 3))[::2].sum(axis=(2, 3)) ** 2


def grouped(X: "n g k c", W: "g m k c"):
    return np.einsum("ngkc,gmkc->ngm", X, W)


LAYERS = {"tensordots": derive.layer(grouped), "placed": derive.layer(spaced), "overlap": derive.layer(summed)}


def with_lie(key, old, new):
    """The sources of all helpers, one of them changed."""
    assert old in HELPERS[key]
    return "\n\n".join({**HELPERS, key: HELPERS[key].replace(old, new, 1)}.values())


@pytest.mark.parametrize("key", STANDS_FOR)
def test_a_helper_is_what_it_stands_for(key):
    tried, wrong = checked(key, "\n\n".join(HELPERS.values()))
    assert (tried >= 30, wrong) == (True, "")


@pytest.mark.parametrize(("key", "old", "new"), LIES)
def test_a_wrong_helper_is_not(key, old, new):
    caller = "overlap" if key == "boxes" else key
    _, wrong = checked(caller, with_lie(key, old, new))
    assert wrong.startswith(f"{caller}(")


def test_a_helper_that_stops_is_not():
    _, wrong = checked("placed", with_lie("placed", "array.dtype", "array.kind"))
    assert "raised AttributeError" in wrong


@pytest.mark.parametrize("key", LAYERS)
def test_code_with_a_helper_is_read_back(key):
    derivation = LAYERS[key].derive()
    source = derivation.numpy()
    assert source.count(f"def {key}(") == 1
    assert re.search(rf"    dX = .*{key}\(", source)
    rung = read_back(source, derivation)
    assert rung.status == "proved"
    assert f"statements; {key}() by itself, exactly at " in rung.detail


@pytest.mark.parametrize("key", LAYERS)
def test_a_helper_that_is_not_word_for_word_is_not_trusted(key):
    derivation = LAYERS[key].derive()
    source = derivation.numpy().replace(f"def {key}(", f"def {key}( ")
    assert read_back(source, derivation).status == "open"


def test_a_helper_that_is_wrong_leaves_the_code_open(monkeypatch):
    derivation = LAYERS["overlap"].derive()
    wrong = HELPERS["overlap"].replace("+=", "=")
    source = derivation.numpy().replace(HELPERS["overlap"], wrong)
    monkeypatch.setitem(helpers.HELPERS, "overlap", wrong)
    rung = read_back(source, derivation)
    assert rung.status == "open"
    assert "is not what it stands for" in rung.detail


@pytest.mark.parametrize(("key", "old", "new"), [("placed", "np.s_[::2, 1:]", "np.s_[::2, :-1]"), ("overlap", "stride=(2, 1)", "stride=(1, 2)"),
                                                 ("overlap", "axes=(0, 1)", "axes=(1, 0)"), ("placed", "(n, d), np.s_", "(n + 1, d), np.s_"),
                                                 ("tensordots", "axes=((2, 3), (2, 3))", "axes=((2, 3), (3, 2))"), ("tensordots", "each=((1,), (0,))", "each=((0,), (0,))")])  # fmt: skip
def test_a_wrong_call_of_a_helper_is_not_proved(key, old, new):
    derivation = LAYERS[key].derive()
    source = derivation.numpy()
    assert old in source
    assert read_back(source.replace(old, new), derivation).status == "open"


def test_the_names_of_helpers_are_reserved():
    assert {*HELPERS} <= RESERVED
    assert {*HELPERS} == {*STANDS_FOR, "boxes"}


@pytest.mark.parametrize("key", LAYERS)
def test_code_with_a_helper_passes_the_ladder(key):
    verdict = LAYERS[key].verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_what_a_helper_calls_is_not_trusted_either_if_it_is_changed():
    derivation = LAYERS["overlap"].derive()
    source = derivation.numpy()
    assert read_back(source.replace("d * k + s * count", "d * k + s * count + 0"), derivation).status == "open"
