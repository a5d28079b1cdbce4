"""The rung of range: overflow and shortcuts far out are seen, lost digits told."""

import numpy as np
import pytest

from derive.verifier import extremes
from derive.verifier.pair import pair


def softplus(x):
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def climbed(forward, backward):
    with np.errstate(all="ignore"):
        return extremes.climb(pair(forward, backward, {"x": "n"}), "ci")


def test_right_code_keeps_its_digits():
    rung = climbed(softplus, lambda x, dy: dy / (1 + np.exp(-x))).rung
    assert rung.status == "tested"
    assert rung.numbers["worst_ulp"] < 8


@pytest.mark.parametrize(
    ("backward", "said"),
    [
        (lambda x, dy: dy * np.exp(x) / (1 + np.exp(x)), "not finite"),
        (lambda x, dy: dy * np.where(x > 500, 0.999, 1 / (1 + np.exp(-x))), "disjoint"),
        (lambda x, dy: dy * np.where(x < -300, -1e-9, 1 / (1 + np.exp(-x))), "disjoint"),
    ],
    ids=["overflow", "far above", "far below"],
)
def test_what_goes_wrong_far_out_is_refuted(backward, said):
    outcome = climbed(softplus, backward)
    assert outcome.rung.status == "refuted"
    assert said in outcome.rung.detail
    assert outcome.counterexample.name == "x"


@pytest.mark.parametrize("mean_of_squares", [True, False])
def test_a_gradient_without_a_right_digit_is_refuted(mean_of_squares):
    """The variance as a difference of large means is none, where the entries are close together."""

    def spread(x):
        return np.sqrt(np.mean((x - np.mean(x)) ** 2) + 1e-3)

    def backward(x, dy):
        m = np.mean(x)
        v = np.abs(np.mean(x * x) - m * m) if mean_of_squares else np.mean((x - m) ** 2)
        return dy * (x - m) / (x.size * np.sqrt(v + 1e-3))

    outcome = climbed(spread, backward)
    assert outcome.rung.status == ("refuted" if mean_of_squares else "tested")
    assert ("no right digit" in outcome.rung.detail) == mean_of_squares


@pytest.mark.parametrize("multiplied_out", [True, False])
def test_a_difference_of_two_inputs_far_out_is_looked_at(multiplied_out):
    def distances(x, y):
        return np.sqrt(np.sum((x[:, None] - y) ** 2, axis=-1) + 1e-12)

    def backward(x, y, g):
        squares = np.abs((x * x).sum(axis=1)[:, None] + (y * y).sum(axis=1) - 2 * x @ y.T)
        w = (g / (np.sqrt(squares + 1e-12) if multiplied_out else distances(x, y)))[..., None] * (x[:, None] - y)
        return {"x": w.sum(axis=1), "y": -w.sum(axis=0)}

    with np.errstate(all="ignore"):
        rung = extremes.climb(pair(distances, backward, {"x": "n d", "y": "m d"}), "light").rung
    assert rung.status == ("refuted" if multiplied_out else "tested"), rung


def test_overflow_is_seen_without_balls():
    """NumPy functions that have no meaning on balls."""

    def backward(x, dy):
        return dy * np.exp(x) / (1 + np.exp(x)) + 0 * np.nextafter(x, 1)

    outcome = climbed(lambda x: softplus(x) + 0 * np.nextafter(x, 1), backward)
    assert outcome.rung.status == "refuted"
    assert "not finite" in outcome.rung.detail


def test_lost_digits_are_told():
    rung = climbed(sigmoid, lambda x, dy: dy * sigmoid(x) * (1 - sigmoid(x))).rung
    assert rung.status == "tested"
    assert "all digits are lost" in rung.detail


def test_where_forward_is_not_finite_nothing_is_asked():
    rung = climbed(np.exp, lambda x, dy: dy * np.exp(x)).rung
    assert rung.status == "tested"
    assert "forward itself is not finite" in rung.detail
