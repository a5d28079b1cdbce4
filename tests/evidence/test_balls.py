"""Ball arithmetic gives every operation the value that it has."""

import numpy as np
import pytest

from derive.evidence.balls import Values, balls, precision

from ..arrays.cases import CASES, COMPOSITE
from ..arrays.values import N, assert_same, sizes_for, text_value, values_for, work

POINTS = 3


def ball_values(array, sizes, arrays, bits=128, ties=False):
    """The value of an expression at some points, the last of them the given one."""
    with precision(bits):
        stacked = {key: np.stack([np.asarray(value)] * POINTS) for key, value in arrays.items()}
        found = Values({key: balls(value) for key, value in stacked.items()}, sizes, ties).of(array)
    return np.asarray(np.broadcast_to(found, (POINTS, *found.shape[1:]))[-1], dtype=object)


def test_a_float_is_no_whole_number_because_it_is_0_at_the_first_point():
    """Else the rounding of its sums would not be seen."""
    mask, rows = N("m", "n : bool"), N("X", "n")
    given = {"m": balls(np.array([[False], [True]])), "X": balls(np.array([[1.5], [2.5]]))}
    nudged = Values(given, {"n": 1}, nudge=lambda total: total * 2).of(np.where(mask, rows, 0).sum())
    assert nudged.astype(float).tolist() == [0.0, 5.0]


@pytest.mark.parametrize("array", [*CASES.values(), *COMPOSITE.values()], ids=[*CASES, *COMPOSITE])
def test_every_operation_has_its_value_in_balls(array):
    for seed, sizes in enumerate(list(sizes_for(array))[:3]):
        arrays = values_for([array], sizes, seed)
        want = text_value(array, sizes, arrays)
        got = ball_values(array, sizes, arrays)
        assert got.shape == want.shape
        assert_same(got.astype(float), want.astype(float), work(array, sizes))
