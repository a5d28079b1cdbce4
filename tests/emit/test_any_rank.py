"""Code for any number of leading axes: written without a reshape where it can be, and read with none, one and two."""

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.emit.any_rank import TWO_AXES, is_alike
from derive.emit.plan import Plan
from derive.emit.readback import read_back
from derive.index.size import Size

N, D = Size.of("batch"), Size.of("d")
X, W = name("X", (N, D)), name("W", (D,))
X2 = name("X", (*TWO_AXES, D))
SOFTMAX = derive.layers["softmax"].derive()


@pytest.mark.parametrize("layer", ["relu", "softmax", "glu", "embedding", "scaled_dot_product_attention"])
def test_leading_axes_stay_as_they_are(layer):
    derivation = derive.layers[layer].derive()
    source = derivation.numpy()
    assert "lead" not in source
    assert "batch" not in source
    assert "alike with none and with two leading axes" in read_back(source, derivation).detail


def test_a_sum_over_the_leading_axes_makes_them_one():
    @derive.layer
    def scaled(input: "... d", weight: "d"):
        return input * weight

    assert not Plan(scaled.derive()).any_rank
    assert "lead" in scaled.derive().numpy()


@pytest.mark.parametrize(
    ("one", "two", "alike"),
    [
        (X.sum(axis=1), X2.sum(axis=2), True),
        (X * W, X2 * W, True),
        (X.sum(axis=(0, 1)), X2.sum(axis=(0, 1, 2)), True),
        (X.sum(axis=0), X2.sum(axis=(0, 1)), True),
        (X.sum(axis=1), X2.sum(axis=0), False),
        (X, 2 * X2, False),
        (X @ X.T, X2 @ X2.swapaxes(-1, -2), False),
        (X.mean(axis=(0, 1)), X2.sum(axis=(0, 1, 2)), False),
    ],
)
def test_what_is_alike_with_two_axes(one, two, alike):
    assert is_alike(one, two, TWO_AXES) is alike


@pytest.mark.parametrize(
    ("statement", "lie"),
    [
        ("output.sum(axis=-1, keepdims=True)", "output.sum(axis=1, keepdims=True)"),
        ("output.sum(axis=-1, keepdims=True)", "output.sum(axis=output.ndim - 1, keepdims=True) * (output.ndim - 1)"),
        ("np.vecdot(D, output)[..., None]", "np.vecdot(D, output)[:, None]"),
    ],
)
def test_a_lie_that_holds_with_one_leading_axis_is_not_proved(statement, lie):
    source = SOFTMAX.numpy()
    assert statement in source
    assert read_back(source, SOFTMAX).status == "proved"
    assert read_back(source.replace(statement, lie), SOFTMAX).status == "open"


def test_a_change_of_an_array_that_has_a_name_is_not_read():
    derivation = derive.layers["cross_entropy"].derive()
    source = derivation.numpy()
    assert read_back(source, derivation).status == "proved"
    wrong = source.replace("put(E.copy(), ", "put(E, ")
    assert wrong != source
    assert read_back(wrong, derivation).status == "open"


def test_masks_times_numbers_keep_float32():
    code = derive.layers["dropout"].derive().compile()
    x, mask = np.ones((2, 3), np.float32), np.ones((2, 3), bool)
    y, cache = code.forward(x, mask)
    assert y.dtype == code.backward(x, cache)["input"].dtype == np.float32
