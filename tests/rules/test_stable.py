"""Stable forms: used where they apply, proved at each use, and never where they are wrong."""

import pytest

from derive.arrays import build
from derive.arrays.named import name
from derive.arrays.operations import Elementwise
from derive.index.size import Size
from derive.rules.forms import FORMS
from derive.rules.forms.scalars import slope_of_sigmoid
from derive.rules.stable import is_proved, stabilized

SHAPE = (Size.of("n"), Size.of("d"))
X, G, S = (name(key, SHAPE) for key in "XGS")
SIGMOID = build.elementwise("sigmoid", X)


def test_every_form_has_a_statement():
    assert all(form.__doc__ for forms in FORMS.values() for form in forms)


def test_a_slope_sees_what_a_name_stands_for():
    slope = G * S * (1 - S)
    assert "np.exp(-np.abs(X))" in str(stabilized(slope, {"S": SIGMOID}))
    assert stabilized(slope, {}) is slope
    assert stabilized(slope, {"S": build.elementwise("sin", X)}) is slope


def test_a_form_inside_a_form_is_used():
    twice = build.elementwise("sigmoid", SIGMOID)
    assert "sigmoid" not in str(stabilized(twice, {}))


@pytest.mark.parametrize(
    "lie",
    [lambda node, definition: -node, lambda node, definition: build.elementwise("tanh", node.operands[0])],
    ids=["sign", "function"],
)
def test_a_wrong_form_is_not_used(monkeypatch, lie):
    monkeypatch.setitem(FORMS, Elementwise, [lie])
    assert stabilized(SIGMOID, {}) is SIGMOID


def test_a_form_that_holds_by_a_definition_is_not_proved_without_it():
    slope = S * (1 - S)
    better = slope_of_sigmoid(slope, lambda part: SIGMOID if part is S else part)
    assert is_proved(slope, better, {"S": SIGMOID})
    assert not is_proved(slope, better, {})
    assert not is_proved(slope, better, {"S": build.elementwise("sin", X)})


@pytest.mark.parametrize(("number", "sign", "holds"), [(1, 1, True), (2, 1, False), (1, -1, False)])
def test_a_sign_is_found_over_a_common_denominator(number, sign, holds):
    """``1 - C > 0`` for C = e / (1 + e), as 1 + e - e is; of 1 - 2 C nothing is known."""
    small = build.elementwise("exp", -abs(X))
    tail = sign * number * small / (1 + small)
    assert is_proved(SIGMOID, abs((X > 0) - tail), {}) is holds
