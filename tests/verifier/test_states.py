"""What code keeps between calls is seen by calls on other inputs, and by a copy that none was made of."""

import numpy as np
import pytest

import derive
from derive.verifier.pair import pair
from derive.verifier.states import fresh

kept = {}


class Square:
    def forward(self, x):
        self.x = x
        return x**2

    def backward(self, dy):
        return {"x": 2 * self.x * dy}


class Sticky(Square):
    """Forward and backward agree with each other, on the first input of each shape."""

    def __init__(self):
        self.first = {}

    def forward(self, x):
        return super().forward(self.first.setdefault(x.shape, x))


class Lazy(Square):
    """The sign of the last input, kept as long as the shape is the same."""

    sign = None

    def forward(self, x):
        if self.sign is None or self.sign.shape != x.shape:
            self.sign = np.sign(x)
        return super().forward(x) * self.sign

    def backward(self, dy):
        return {"x": 2 * self.x * dy * self.sign}


class Counting(Square):
    def __init__(self):
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        return super().forward(x) * (1 if self.calls < 200 else 1.5)


def through_a_global(x):
    kept["x"] = x
    return x**2, None


def from_a_global(dy, cache):
    return {"x": 2 * kept["x"] * dy}


def test_an_object_that_keeps_its_last_input_is_accepted():
    layer = Square()
    assert derive.check(layer.forward, layer.backward, {"x": "n"}).ok


@pytest.mark.parametrize("kind", [Sticky, Lazy, Counting])
def test_an_object_that_keeps_more_is_refuted(kind):
    layer = kind()
    verdict = derive.check(layer.forward, layer.backward, {"x": "n"})
    assert verdict.status == "refuted", verdict


def test_a_cache_that_is_not_the_one_handed_in_is_refuted():
    verdict = derive.check(through_a_global, from_a_global, {"x": "n"})
    assert verdict.status == "refuted"
    assert "after forward was called on other inputs" in verdict.reason


def test_a_copy_shares_nothing_with_its_object():
    layer = Square()
    given = pair(layer.forward, layer.backward, {"x": "n"})
    copied = fresh(given)
    copied.forward(np.ones(2))
    assert not hasattr(layer, "x")
    assert copied.backward_function.__self__ is copied.forward_function.__self__
    assert fresh(pair(through_a_global, from_a_global, {"x": "n"})) is None
