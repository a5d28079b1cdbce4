"""A claimed and an expected value at one point, and whether their difference is sure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.evidence.richardson import Reals
from derive.formulas.experiment import Experiment, Point

Shows = Callable[["Comparison"], bool]


@dataclass(frozen=True)
class Comparison:
    """Both values, each with the bound on its error."""

    got: Reals
    got_error: Reals
    expected: Reals
    expected_error: Reals

    @property
    def comparable(self) -> bool:
        """True if the shapes are the same but for leading 1s."""
        return same_rows(self.got.shape, self.expected.shape)

    @property
    def gap(self) -> float:
        """How far apart they are, relative to their size; infinite where the shapes differ."""
        if not self.comparable:
            return np.inf
        scale = max(_largest(self.got), _largest(self.expected))
        return _largest(self.got.ravel() - self.expected.ravel()) / (scale or 1.0)

    @property
    def digits(self) -> int:
        """As many decimals as show the difference, at least 6."""
        gap = _largest(self.got.ravel() - self.expected.ravel()) if self.comparable else 1.0
        return min(15, max(6, int(np.ceil(-np.log10(gap))) + 2 if gap > 0 else 6))


def measured(experiment: Experiment, point: Point, careful: bool = True) -> Comparison | None:
    """The comparison at a point, or None where one of the two has no clear value."""
    try:
        with np.errstate(all="ignore"):
            expected, got = experiment.expected(point, careful), experiment.got(point, careful)
    except np.linalg.LinAlgError:  # a singular matrix has no inverse there
        return None
    if expected is None or got is None or not np.all(np.isfinite(expected[0])):
        return None
    return Comparison(*got, *expected)


def compare(experiment: Experiment, point: Point, shows: Shows) -> Comparison | None:
    """The comparison if it shows a difference at first sight, and then with all care."""
    quick = measured(experiment, point, careful=False)
    if quick is None or not shows(quick):
        return None
    sure = measured(experiment, point)
    return sure if sure is not None and shows(sure) else None


def told_by_values(seen: Comparison) -> bool:
    """The shapes agree, and an entry surely does not."""
    if not seen.comparable:
        return False
    shape = seen.expected.shape
    room = seen.expected_error + seen.got_error.reshape(shape)
    return bool(np.any(~(np.abs(seen.got.reshape(shape) - seen.expected) <= room)))


def told_by_numbers(seen: Comparison) -> bool:
    """The claimed value is a number everywhere, and surely another somewhere."""
    return bool(np.all(np.isfinite(seen.got))) and told_by_values(seen)


def told_by_half_the_digits(seen: Comparison) -> bool:
    """The same, by more than half of the digits: what is proved may differ by rounding where terms cancel."""
    if not told_by_numbers(seen):
        return False
    gap = np.abs(seen.got.reshape(seen.expected.shape) - seen.expected)
    return bool(np.max(gap) > np.sqrt(np.finfo(float).eps) * (1 + np.max(np.abs(seen.expected))))


def told_by_both(seen: Comparison) -> bool:
    """The shapes differ, and broadcasting would not make any entry agree."""
    if seen.comparable:
        return False
    try:
        return bool(np.all(np.abs(seen.got - seen.expected) > seen.got_error + seen.expected_error))
    except ValueError:  # not even broadcasting makes them comparable
        return True


def told_by_shape(seen: Comparison) -> bool:
    """The shapes differ."""
    return not seen.comparable


def same_rows(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """True for shapes that are the same but for leading 1s: a row and the vector of its entries."""
    return _bare(left) == _bare(right)


def _bare(shape: Sequence[Any]) -> tuple[Any, ...]:
    first = next((axis for axis, size in enumerate(shape) if size != 1), len(shape))
    return tuple(shape[first:])


def _largest(array: Reals) -> float:
    return float(np.max(np.abs(array), initial=0.0))
