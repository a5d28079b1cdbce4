"""What is wrong with a wrong gradient, in words, told by its numbers beside the right ones at sizes that differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

from derive.evidence.differences import expected_gradient
from derive.verifier.pair import Pair
from derive.verifier.points import point, small_sizes

CLOSE = 1e-6  # relative; differences know no more of the right gradient
MOST_ENTRIES = 30
ELSEWHERE = "at other sizes and entries it agrees to 6 digits"  # as ``CLOSE`` says
POINTS = 2  # at which a fault must be the same one


def fault(given: Pair, name: str, sizes: Mapping[str, int]) -> str:
    """The class of the fault in one gradient, such as "the sign is wrong"; empty where no usual one explains it.

    ``sizes`` are any at which the pair has a value; a shrunk counterexample, all sizes 1, would tell little.
    """
    shared: list[str] | None = None
    for case in _points(given, sizes):
        try:
            _, held = given.forward(*case.arguments().values())
            got = np.asarray(given.backward(case.upstream_argument(), held)[name], dtype=float)
            expected = expected_gradient(given, case, name)
        except Exception:  # what such code raises is said elsewhere
            return ""
        told = list(
            dict.fromkeys(text for text, mended in _mended(got, expected, case.sizes) if _same(mended, expected))
        )
        shared = told if shared is None else [text for text in shared if text in told]
    return shared[0] if shared else ""


def _points(given: Pair, sizes: Mapping[str, int]) -> Iterator[Any]:
    """Points at small sizes, as few 1s among them and as different as can be."""
    found = small_sizes(given, sizes, MOST_ENTRIES)
    chance = np.random.default_rng(0)
    if found:  # then the one that differs most, so that a factor n is not taken for a factor 2
        first = found[0]
        found[1:] = sorted(found[1:], key=lambda s: sum(s[key] == first[key] or s[key] == 1 for key in s))
    cases = (point(given, each, chance) for each in found)
    for _, case in zip(range(POINTS), filter(None, cases), strict=False):
        yield case


def _mended(got: Any, expected: Any, sizes: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    """What it would be without one fault or another, the simplest first."""
    if not np.all(np.isfinite(got)):
        yield "it is not finite", expected
        return
    yield ELSEWHERE, got
    yield from _scaled(got, expected, sizes)
    if got.ndim >= 2 and got.shape[::-1] == expected.shape:
        yield "it is transposed", got.T
    if got.shape != expected.shape:
        for count in range(1, got.ndim + 1):
            for axes in combinations(range(got.ndim), count):
                summed = got.sum(axis=axes)
                if summed.shape == expected.shape:
                    yield f"the sum over axis {', '.join(map(str, axes))} is missing", summed
        return
    for axis in range(expected.ndim):
        if expected.shape[axis] > 1:
            yield f"it is right but reversed along axis {axis}", np.flip(got, axis)
            yield f"it is right but shifted along axis {axis}", np.roll(got, 1, axis)
            yield f"it is right but shifted along axis {axis}", np.roll(got, -1, axis)


def _scaled(got: Any, expected: Any, sizes: Mapping[str, int]) -> Iterator[tuple[str, Any]]:
    if got.shape != expected.shape:
        return
    yield "the sign is wrong", -got
    for text, factor in [*((name, float(size)) for name, size in sizes.items()), ("2", 2.0)]:
        for sign, turned in ((1.0, ""), (-1.0, "the sign is wrong, and ")):
            yield f"{turned}a factor {text} is missing", sign * factor * got
            yield f"{turned}a factor {text} is too much", sign * got / factor
    largest = int(np.argmax(np.abs(expected)))
    if got.flat[largest]:
        ratio = expected.flat[largest] / got.flat[largest]
        yield f"it is off by the constant factor {1 / ratio:.6g}" if ratio else "", ratio * got


def _same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool(np.max(np.abs(one - other)) <= CLOSE * np.max(np.abs(other)))
