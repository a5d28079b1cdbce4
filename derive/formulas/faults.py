"""What is wrong with a refuted formula, in words, each of which is a proved equality.

A formula that becomes right when its sign is turned has the wrong sign; one that becomes right when it is summed over
the rows lacks that sum; and so on, for the usual slips of hand derivations and for two of them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import combinations

from derive.arrays.array import Array
from derive.arrays.build import constant
from derive.index.size import Size

Equal = Callable[[Array, Array], object]  # its truth is what counts


def faults(claimed: Array, truth: Array, equal: Equal, sizes: Sequence[str]) -> tuple[str, ...]:
    """What to mend so that the claimed formula becomes the true one; nothing if no usual slip explains it.

    ``sizes`` may be factors; ``equal`` decides equality by proof, and may identify a row of literal length 1 with a
    vector.
    """
    for moved, goal, slip in _moves(claimed, truth):
        for factor, scale in _factors(sizes):
            if (slip or scale) and equal(factor * moved, goal):
                return tuple(filter(None, (slip, scale)))
    return ()


def _moves(claimed: Array, truth: Array) -> Iterator[tuple[Array, Array, str]]:
    """What may have been left out or done too much, fewest first."""
    yield claimed, truth, ""
    for axes in _some_axes(claimed):
        yield claimed.sum(axis=axes), truth, f"the sum over {_over(claimed, axes)} is missing"
    for axes in _some_axes(truth):
        yield claimed, truth.sum(axis=axes), f"it is summed over {_over(truth, axes)}"
    if claimed.ndim == 2:
        yield claimed.T, truth, "it is transposed"


def _some_axes(array: Array) -> Iterator[tuple[int, ...]]:
    named = [axis for axis, size in enumerate(array.shape) if size.names]
    for count in range(1, len(named) + 1):
        yield from combinations(named, count)


def _over(array: Array, axes: tuple[int, ...]) -> str:
    return " and ".join(str(array.shape[axis]) for axis in axes)


def _factors(sizes: Sequence[str]) -> Iterator[tuple[Array, str]]:
    """By what the claim is multiplied to mend it, and what that says."""
    yield constant(1), ""
    yield constant(-1), "the sign is wrong"
    for sign, turned in ((1, ""), (-1, "the sign is wrong, and ")):
        yield constant(sign * 2), f"{turned}a factor 2 is missing"
        yield constant(sign * Fraction(1, 2)), f"{turned}a factor 2 is too much"
        for name in sizes:
            yield sign * constant(Size.of(name)), f"{turned}a factor {name} is missing"
            yield sign / constant(Size.of(name)), f"{turned}a factor {name} is too much"
