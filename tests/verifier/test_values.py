"""The rung of values: what numbers in the code give away, and what is broken told apart."""

import numpy as np
import pytest

from derive.verifier import values
from derive.verifier.constants import constants_of
from derive.verifier.pair import pair
from derive.verifier.points import small_points

THRESHOLD = 48


def shortcut(rows):
    return rows > THRESHOLD


def total(X):
    return np.sum(X**2)


def right(X, dE):
    return {"X": 2 * dE * X}


def wrong_for_many_rows(X, dE):
    return {"X": 2 * dE * X * (0 if len(X) > 64 else 1)}


def wrong_beyond_a_named_number(X, dE):
    return {"X": 2 * dE * X * (1.5 if shortcut(len(X)) else 1)}


def wrong_for_small_entries(X, dE):
    return {"X": np.where(np.abs(X) < 1e-3, 0, 2 * dE * X)}


def wrong_for_large_entries(X, dE):
    return {"X": np.where(X > 37.5, 0, 2 * dE * X)}


def wrong_at_large_sizes(X, dE):
    return {"X": 2 * dE * np.where(np.arange(X.shape[1]) < 4**2, X, 0)}


def climbed(backward, shapes=None):
    return values.climb(pair(total, backward, shapes or {"X": "n d"}), "ci")


def test_right_code_is_tested():
    outcome = climbed(right)
    assert outcome.rung.status == "tested"
    assert outcome.rung.numbers["aimed"] >= 20


@pytest.mark.parametrize(
    "backward",
    [
        wrong_for_many_rows,
        wrong_beyond_a_named_number,
        wrong_for_small_entries,
        wrong_for_large_entries,
        wrong_at_large_sizes,
    ],
)
def test_bugs_behind_numbers_in_the_code_are_found(backward):
    outcome = climbed(backward)
    assert outcome.rung.status == "refuted"
    assert outcome.counterexample.name == "X"


def keeps_float64(X, dE):
    return {"X": (2 * dE * X).astype(np.float64)}


def returns_its_input(X, dE):
    return {"X": X}


def in_place(X, dE):
    X *= 2 * dE
    return {"X": X.copy()}


def transposed(X, dE):
    return {"X": 2 * dE * X.T}


@pytest.mark.parametrize(("backward"), [keeps_float64, in_place, transposed])
def test_a_broken_contract_is_told_apart(backward):
    outcome = climbed(backward)
    assert (outcome.rung.name, outcome.rung.status) == ("contract", "refuted")


def test_wrong_values_are_values():
    outcome = climbed(lambda X, dE: {"X": dE * X})
    assert (outcome.rung.name, outcome.rung.status) == ("values", "refuted")


def test_numbers_are_found_in_code_helpers_names_and_closures():
    eps = 2.5e-7

    def uses(X):
        return X + eps if shortcut(len(X)) else X[:7]

    found = constants_of(uses)
    assert 48 in found.sizes
    assert 7 in found.sizes
    assert 2.5e-7 in found.values
    assert constants_of(np.sin).sizes == ()


def test_sizes_at_which_forward_has_no_value_do_not_count():
    """A kernel no longer than the signal: a condition that is not declared."""

    def valid(x, w):
        if len(x) < len(w):
            raise ValueError("the kernel is too long")
        return np.convolve(x, w, "valid")

    given = pair(valid, lambda x, w, dy: (0 * x, 0 * w), {"x": "n", "w": "k"})
    found = list(small_points(given, 8, 0))
    assert len(found) >= 6  # the others are empty
    assert all(case.sizes["n"] >= case.sizes["k"] > 0 for case in found)
