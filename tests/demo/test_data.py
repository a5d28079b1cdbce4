import sys

import numpy as np
import pytest

from derive.demo.data import digits, plane
from derive.demo.figures import losses
from derive.errors import DeriveError


@pytest.mark.parametrize(("draw", "n", "m", "d"), [(plane, 400, 400, 2), (digits, 238, 119, 64)])
def test_shapes_targets_and_the_same_points_each_time(draw, n, m, d):
    data, again = draw(), draw()
    assert data.X.shape == (n, d)
    assert data.held_X.shape == (m, d)
    for X, T in ((data.X, data.T), (data.held_X, data.held_T)):
        assert T.shape == (len(X), 1)
        assert X.dtype == T.dtype == np.float64
        assert set(T.ravel()) == {0.0, 1.0}
        assert abs(T.mean() - 0.5) < 0.02  # stratified: both classes as often as in the whole
    assert all(np.array_equal(getattr(data, name), getattr(again, name)) for name in ("X", "T", "held_X", "held_T"))


@pytest.mark.parametrize("draw", [plane, digits])
def test_no_point_is_both_trained_on_and_held_back(draw):
    data = draw()
    assert not {row.tobytes() for row in data.X} & {row.tobytes() for row in data.held_X}


def test_digits_lie_between_0_and_1():
    X = np.vstack((digits().X, digits().held_X))
    assert (X.min(), X.max()) == (0.0, 1.0)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(
        DeriveError, match=r"the demo needs scikit-learn[\s\S]*try pip install 'derive-gradients\[demo\]'"
    ):
        digits()


def test_without_matplotlib_the_message_says_what_to_install(monkeypatch, runs, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.style", None)
    with pytest.raises(
        DeriveError, match=r"the demo needs matplotlib[\s\S]*try pip install 'derive-gradients\[demo\]'"
    ):
        losses(runs, tmp_path / "losses.svg")
