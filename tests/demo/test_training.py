from dataclasses import replace

import numpy as np
import pytest

from derive.demo.control import best_line
from derive.demo.data import Data, plane
from derive.demo.training import HOPELESS, RECIPES, affine, fit, initial, train


def test_initial_has_the_shapes_of_the_network_and_depends_on_the_seed_alone():
    W1, b1, W2, b2 = initial(5, 3, seed=7)
    assert (W1.shape, b1.shape, W2.shape, b2.shape) == ((5, 3), (3,), (3, 1), (1,))
    assert all(np.array_equal(one, other) for one, other in zip(initial(5, 3, 7), (W1, b1, W2, b2), strict=True))
    assert not np.array_equal(initial(5, 3, 8)[0], W1)


def test_the_same_training_gives_the_same_losses_bit_for_bit(module, runs):
    for name, run in runs.items():
        again = fit(module, run.data, RECIPES[name])
        assert again.losses.tobytes() == run.losses.tobytes()
        assert again.held_losses.tobytes() == run.held_losses.tobytes()


def test_the_loss_falls_at_every_step_and_much_in_all(runs):
    for run in runs.values():
        assert np.all(np.diff(run.losses) < 0)
        assert run.losses[-1] < run.losses[0] / 5
        assert run.steps == len(run.losses) - 1
        assert not run.diverged


def test_the_network_beats_every_straight_line_in_the_plane(runs, controls):
    # The disc lies inside the ring: a line that has the disc on one side has about half of the ring there too, so
    # about 3/4 is what a line can do, and logistic regression, seeing symmetric classes, does hardly better than 1/2.
    network, alone = runs["plane"].held_accuracy, controls["plane"]
    assert network > 0.95
    assert alone.best_line < 0.8
    assert alone.alone <= alone.best_line
    assert network > alone.alone + 0.3


def test_the_hidden_layer_makes_the_plane_separable_for_logistic_regression(controls):
    assert controls["plane"].on_hidden > 0.95


def test_digits_are_told_apart(runs, controls):
    # Three of 119 wrong is 97.5%; logistic regression alone gets there too, and the page says so.
    assert runs["digits"].held_accuracy > 0.97
    assert controls["digits"].alone > 0.95
    assert controls["digits"].best_line is None


def test_other_starting_points_do_as_well(module):
    data, recipe = plane(), RECIPES["plane"]
    reached = [fit(module, data, replace(recipe, seed=seed)).held_accuracy for seed in range(1, 6)]
    assert min(reached) > 0.95


def test_a_wrong_backward_does_not_reach_the_accuracy(lying_module):
    run = fit(lying_module, plane(), RECIPES["plane"])
    assert run.held_accuracy < 0.8  # no more than a straight line


def test_a_growing_loss_stops_the_training_while_it_is_finite(module):
    run = train(module.Network(*initial(2, 3, 0)), plane(), steps=500, rate=50.0)
    assert run.diverged
    assert run.steps < 500
    assert np.isfinite(run.losses).all()
    assert run.losses[-1] > HOPELESS


def test_every_step_is_told(module):
    told = []
    run = train(
        module.Network(*initial(2, 3, 0)), plane(), 5, 0.1, on_step=lambda step, loss: told.append((step, loss))
    )
    assert told == list(enumerate(run.losses))


def test_a_step_is_that_of_the_mean_not_of_the_sum(module):
    data = plane()
    twice = Data("twice", "", np.vstack((data.X,) * 2), np.vstack((data.T,) * 2), data.held_X, data.held_T)
    once, both = (train(module.Network(*initial(2, 3, 0)), points, 20, 0.3) for points in (data, twice))
    np.testing.assert_allclose(once.losses, both.losses, rtol=1e-12)


def test_affine_asks_weights_and_bias_of_forward(runs):
    run = runs["plane"]
    W, b = affine(run.network.dense1, 2)
    np.testing.assert_allclose(W, run.network.dense1.W, rtol=1e-12)
    assert np.array_equal(b, run.network.dense1.b)


@pytest.mark.parametrize(
    ("X", "T", "share"),
    [
        ([(0, 0), (1, 1), (0, 1), (1, 0)], (0, 0, 1, 1), 3 / 4),  # exclusive or
        ([(0, 0), (1, 0.1), (2, 0), (3, 0.3)], (0, 0, 1, 1), 1),
        ([(0, 0), (1, 0.1), (2, 0), (3, 0.3), (0.5, 3)], (1, 0, 1, 0, 1), 4 / 5),  # one within a triangle
        ([(1, 0), (-1, 0.1), (0.1, 1), (0, -1), (0.02, 0.01)], (0, 0, 0, 0, 1), 4 / 5),  # a point in a ring
    ],
)
def test_best_line_on_points_counted_by_hand(X, T, share):
    X, T = np.array(X, float), np.array(T, float)[:, None]
    assert best_line(Data("few", "", X, T, X, T)) == share


def test_no_random_line_exceeds_the_best():
    data, rng = plane(), np.random.default_rng(1)
    best = best_line(data)
    ways, at = rng.normal(size=(2, 2000)), rng.uniform(-2, 2, 2000)
    right = ((data.held_X @ ways > at) == (data.held_T > 0.5)).mean(axis=0)
    assert best - 0.02 < max(right.max(), 1 - right.min()) <= best
