"""Branches on sizes are explored on both sides; a wrong side is never called proved, and what was not run is named."""

import numpy as np
import pytest

import derive
from derive.reading.branches import MOST_WAYS
from derive.verifier.everyshape import for_every_shape
from derive.verifier.pair import pair
from derive.verifier.proofs import climb

ROWS = {"x": "n d"}


def square(x):
    return x * x


def both_sides_right(x, dy):
    if x.shape[0] > 64:
        return 2 * x * dy
    return dy * x + x * dy


def wrong_when_large(x, dy):
    return 2 * x * dy if x.shape[0] <= 64 else 2.0001 * x * dy


def wrong_for_one_row(x, dy):
    n = len(x)
    if n == 1:
        return x * dy
    return 2 * x * dy


def wrong_when_square(x, dy):
    n, d = x.shape
    return 2 * x * dy if n != d else 2 * x * dy.T


def scaled(x):
    n = x.shape[0]
    return x * x / n


def only_for_one_row(x, dy):
    if x.shape[0] == 1:
        return 2 * x * dy
    return 2 * x * dy / x.shape[0]


def only_for_few_rows(x, dy):
    n = x.shape[0]
    if n < 3:
        return x * dy * (3 - n)  # 2 for one row, 1 for two
    return 2 * x * dy / n


def asks_twice(x, dy):
    n = x.shape[0]
    factor = 2 if n > 3 else 3 - 1
    if n > 3 and n > 2:
        return factor * x * dy
    if n > 3:
        return 7 * x  # never
    return 2 * dy * x


RIGHT = {
    "both sides": (square, both_sides_right, ["n > 64"]),
    "one row": (scaled, only_for_one_row, ["n == 1"]),
    "few rows": (scaled, only_for_few_rows, ["n < 3"]),
    "asked twice": (square, asks_twice, ["n > 3"]),
}


@pytest.mark.parametrize("key", RIGHT)
def test_right_sides_are_proved_and_named(key):
    forward, backward, asked = RIGHT[key]
    rung = for_every_shape(pair(forward, backward, ROWS))
    assert rung.status == "proved", rung
    assert rung.numbers["branches"] == asked
    assert f"on both sides of {asked[0]}" in rung.detail


WRONG = [wrong_when_large, wrong_for_one_row, wrong_when_square]


@pytest.mark.parametrize("backward", WRONG)
def test_a_wrong_side_is_never_proved_for_every_shape(backward):
    rung = for_every_shape(pair(square, backward, ROWS))
    assert rung.status == "open"
    assert "where n" in rung.detail


@pytest.mark.parametrize("backward", WRONG)
def test_and_is_refuted_in_the_end(backward):
    assert derive.check(square, backward, ROWS).status == "refuted"


def test_a_few_rows_that_are_not_all_the_condition_leaves():
    def wrong_for_two(x, dy):
        n = x.shape[0]
        return x * dy * 2 if n < 3 else 2 * x * dy / n

    assert for_every_shape(pair(scaled, wrong_for_two, ROWS)).status == "open"


def test_what_a_proof_has_not_run_is_named():
    def by_rows(x, dy):
        dx = np.zeros_like(x)
        for i in range(len(x)):
            if len(x) > 64:
                dx[i] = 3 * x[i] * dy[i]
            else:
                dx[i] = 2 * x[i] * dy[i]
        return dx

    rung = climb(pair(square, by_rows, ROWS), "ci").rung
    assert rung.status == "proved_at"
    line = by_rows.__code__.co_firstlineno + 4
    assert rung.numbers["not_reached"] == (f"by_rows, line {line}",)
    assert f"not reached: by_rows, line {line}" in rung.detail
    assert "a loop over the size n" in rung.numbers["not_for_every_shape"]


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (lambda x: x.max() > 0, "a branch on values"),
        (lambda x: np.any(x > 0), "np.any"),
        (lambda x: x[0, 0] > 0, "a branch on values"),
        (lambda x: float(x[0, 0]) > 0, "a plain float is asked"),
        (lambda x: x.shape[0] % 2 == 0, "n % 2"),
    ],
)
def test_a_branch_on_values_is_no_formula(condition, said):
    def backward(x, dy):
        return 2 * x * dy if condition(x) else 2 * dy * x

    rung = climb(pair(square, backward, ROWS), "ci").rung
    assert rung.status in ("open", "proved_at")
    assert said in rung.numbers["not_for_every_shape"]


def test_too_many_ways_are_not_walked():
    def backward(x, dy):
        n = x.shape[0]
        return 2 * x * dy + sum(0 * x for k in range(2, MOST_WAYS + 3) if n > k)

    rung = climb(pair(square, backward, ROWS), "ci").rung
    assert rung.status == "proved_at"
    assert f"more than {MOST_WAYS} ways" in rung.numbers["not_for_every_shape"]
