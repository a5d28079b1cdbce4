"""Points that are aimed: each sort of them catches what only it can see."""

import numpy as np
import pytest

import derive
from derive.verifier.aims import aims, coincidences
from derive.verifier.constants import Constants, constants_of
from derive.verifier.pair import pair
from derive.verifier.points import LARGE, sizes_near

SHAPES = {"X": "n d", "W": "d m", "b": "m"}


def dense(X, W, b):
    return X @ W + b


def right(X, W, b, dY):
    return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}


def when(holds):
    """The right gradients, one of them doubled where something holds."""

    def wrong(X, W, b, dY):
        found = right(X, W, b, dY)
        return {**found, "b": found["b"] * 2} if holds(X, W, b, dY) else found

    return wrong


@pytest.mark.parametrize(
    "holds",
    [
        lambda X, W, b, dY: X.shape[0] == W.shape[1],
        lambda X, W, b, dY: X.shape[0] == X.shape[1] == W.shape[1] > 1,
        lambda X, W, b, dY: len(str(X.shape[0])) > 2,
        lambda X, W, b, dY: X.shape[1].bit_length() > 6,
        lambda X, W, b, dY: X.shape[0] // 33,
        lambda X, W, b, dY: W.shape[1] & 64,
        lambda X, W, b, dY: X.size > 10000,
        lambda X, W, b, dY: np.any((W > 3.02) & (W < 3.1)),
        lambda X, W, b, dY: np.any(np.abs(b) > 700),
        lambda X, W, b, dY: np.any(np.abs(dY) > 50),
        lambda X, W, b, dY: np.any(dY == 1) and not np.all(dY == 1),
        lambda X, W, b, dY: 0 < np.max(np.abs(dY), initial=0) < 1e-6,
    ],
    ids=["two sizes", "all sizes", "digits", "bits", "quotient", "mask", "entries", "range", "large", "steep", "one", "flat"],
)  # fmt: skip
def test_what_hides_behind_a_condition_is_found(holds):
    verdict = derive.check(dense, when(holds), SHAPES)
    assert verdict.status == "refuted", verdict
    assert verdict.counterexample.name == "b"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x, dy: {"x": dy * (x > 0) * np.where(x == np.floor(x), 2, 1)},
        lambda x, dy: {"x": dy * (x > 0) + 2 * dy * (x == 0)},
        lambda x, dy: {"x": dy * (x > 0) * np.where(np.abs(np.abs(x) - np.pi / 2) < 0.02, 1.5, 1)},
    ],
    ids=["whole numbers", "the kink", "near half of pi"],
)
def test_entries_are_swept_and_kinks_are_sharp(wrong):
    assert derive.check(lambda x: np.maximum(x, 0), wrong, {"x": "n d"}).status == "refuted"


def test_a_tie_of_three_is_looked_at_entry_by_entry():
    """The gradient goes to an entry that is none of the largest."""

    def most(x):
        return x.max(axis=1)

    def misplaced(x, dy):
        largest = x == x.max(axis=1, keepdims=True)
        place = np.where(largest.sum(axis=1) == 2, largest.argmin(axis=1), largest.argmax(axis=1))
        dx = np.zeros_like(x)
        dx[np.arange(len(x)), place] = dy
        return {"x": dx}

    assert derive.check(most, misplaced, {"x": "n 3"}).status == "refuted"


def test_masks_that_keep_nothing_and_labels_that_are_all_the_same():
    def kept(x, keep):
        return np.where(keep, x, 0).sum(axis=1)

    def wrong(x, keep, dy):
        return {"x": np.where(keep, dy[:, None], 0) + (not keep.any())}

    assert derive.check(kept, wrong, {"x": "n d", "keep": "n d : bool"}).status == "refuted"


def test_leading_axes_are_several_ones():
    def scaled(x, w):
        return x * w

    def forgetful(x, w, dy):
        return {"x": dy * w, "w": (x * dy).sum(axis=0) if x.ndim == 2 else (x * dy).reshape(-1, len(w))[0]}

    def whole(x, w, dy):
        return {"x": dy * w, "w": (x * dy).reshape(-1, x.shape[-1]).sum(axis=0)}

    shapes = {"x": "... d", "w": "d"}
    assert derive.check(scaled, whole, shapes).ok  # the -1 of an empty array is no fault of it
    assert derive.check(scaled, forgetful, shapes).status == "refuted"


def test_sizes_coincide_in_every_way():
    given = pair(dense, right, SHAPES)
    base = {"n": 2, "d": 3, "m": 4}
    found = [tuple(sizes.values()) for sizes in coincidences(given, base)]
    assert {(3, 3, 4), (4, 3, 4), (2, 4, 4), (1, 3, 4), (2, 1, 4), (2, 3, 1), (2, 2, 2), (3, 3, 3)} == {*found}
    sizes = {sizes["n"] for sizes in sizes_near(given, (64,), base)}
    assert {63, 64, 65, *LARGE} <= sizes
    assert len({aim.sizes["d"] for aim in aims(given, base, Constants((), ()))}) > 3


def test_numbers_of_objects_methods_and_containers_are_found():
    class Layer:
        width = 44

        def __init__(self):
            self.limit, self.table = 51, {"low": [0.25, 77]}

        def rows(self):
            return 93

        def forward(self, x):
            return x

    found = constants_of(Layer().forward)
    assert {44, 51, 77, 93} <= {*found.sizes}
    assert 0.25 in found.values
    assert 0.5 in found.derived  # its root
    assert constants_of(lambda n: n >> 5).sizes == (5, 32)
