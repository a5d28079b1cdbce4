"""Layers with options: the values in use, other values, and what is refused."""

import pytest

import derive
from derive.derivation.options import one_of, options, real, whole
from derive.errors import DeriveError


@options
def power_sum(*, exponent=2, reduction="sum"):
    exponent = whole("exponent", exponent, 1)
    one_of("reduction", reduction, ("sum", "mean"))

    def power_sum(X: "n d"):
        powers = X**exponent
        return powers.sum() if reduction == "sum" else powers.mean()

    return derive.layer(power_sum)


def test_a_layer_has_the_defaults_and_can_be_made_with_others():
    assert dict(power_sum.options) == {"exponent": 2, "reduction": "sum"}
    cubes = power_sum.with_options(exponent=3)
    assert dict(cubes.options) == {"exponent": 3, "reduction": "sum"}
    assert "powers = X ** 3" in str(cubes)
    assert dict(cubes.with_options(reduction="mean").options) == {"exponent": 3, "reduction": "mean"}
    assert cubes.derive().prove().status == "proved"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"exponnt": 3}, "exponent=3"),
        ({"exponent": 0}, "at least 1"),
        ({"exponent": 2.0}, "a whole number"),
        ({"exponent": True}, "a whole number"),
        ({"reduction": "avg"}, "'sum', 'mean'"),
        ({"reduction": None}, "'sum', 'mean'"),
    ],
)
def test_a_wrong_option_is_refused(given, said):
    with pytest.raises(DeriveError, match=said):
        power_sum.with_options(**given)


def test_a_number_is_finite_and_in_its_range():
    assert real("eps", 1, least=0) == 1.0
    assert whole("stride", 3, 1) == 3
    assert one_of("approximate", "none", ("none", "tanh")) == "none"
    for wrong in (float("nan"), -1e-9, 2, "1", None, True):
        with pytest.raises(DeriveError, match="from 0 to 1"):
            real("label_smoothing", wrong, 0, 1)


def test_a_layer_without_options_says_so():
    with pytest.raises(DeriveError, match="no options"):
        derive.layers["dense"].with_options(bias=False)
