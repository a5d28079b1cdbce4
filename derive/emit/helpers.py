"""The helpers in generated code that symbolic arrays cannot run: taken for what they stand for, and checked themselves.

A helper's own text is run at many small geometries, on powers of a base, so that of every sum it can be told which
entries or products of entries are in it; and it must give exactly what the meaning of the operation says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np

from derive.arrays.array import Array, apply
from derive.arrays.entries import meaning
from derive.arrays.evaluate import evaluate
from derive.arrays.gather import AddRows, Put
from derive.arrays.helpers import HELPERS, STANDS_FOR
from derive.arrays.moves import Place
from derive.arrays.named import Named, label, name
from derive.arrays.operations import Einsum
from derive.arrays.pooling import AtLargest, ToLargest, WindowMax
from derive.arrays.shapes import concrete
from derive.arrays.windows import Overlap, Windows
from derive.arrays.writing import Writer
from derive.index.size import Size
from derive.index.terms import Position

IMAGE = "B"  # an array of which the largest entries are looked for


def helpers_in(source: str) -> list[str]:
    """The helpers that a module has, word for word."""
    return [key for key in HELPERS if f"\n\n\n{HELPERS[key]}\n\n" in source]


def helpers_checked(source: str) -> tuple[str, str]:
    """What was checked, to be told beside the statements; and what is wrong, if anything is."""
    told = []
    for key in [key for key in helpers_in(source) if key in STANDS_FOR]:
        tried, wrong = checked(key, "\n\n".join(HELPERS.values()))
        if wrong:
            return "", wrong
        told.append(f"; {key}() by itself, exactly at {tried} small geometries")
    return "".join(told), ""


@cache
def checked(key: str, sources: str) -> tuple[int, str]:
    """At how many geometries one of the helpers gives what it stands for; and the first at which it does not."""
    names: dict[str, Any] = {"np": np}
    exec(sources, names)
    tried = 0
    for node in _GEOMETRIES[key]():
        text = Writer(quick=True).text(node)[0]
        assert text.startswith(f"{key}(")
        for arrays in _arrays(node):
            tried += 1
            try:
                right = np.array_equal(eval(text, {**names, **arrays}), _meant(node, arrays))
            except Exception as error:
                return tried, f"{text} raised {type(error).__name__}: {error}"
            if not right:
                told = ", ".join(f"{label} being {array.tolist()}" for label, array in arrays.items())
                return tried, f"{text} is not what it stands for, {told}"
    return tried, ""


def _arrays(node: Array) -> Iterator[dict[str, Any]]:
    """Entries for the operands: all whole numbers that are places in the result, and floats that are powers.

    Of powers of 4 a sum tells how often each is in it; many entries, and two arrays of which all products are to
    differ, are powers of 2.
    """
    chance = np.random.default_rng(0)
    tries: list[list[Any]] = []
    named = [part for part in node.walk() if isinstance(part.op, Named)]
    summed = [part for part in named if part.kind == "float" and label(part) != IMAGE]
    entries = sum(prod(concrete(part.shape, {})) for part in summed)
    base = 4.0 if len(summed) == 1 and entries <= 26 else 2.0
    for operand in named:
        shape = concrete(operand.shape, {})
        if label(operand) == IMAGE:  # only the order of its entries counts; no two are alike
            tries.append([chance.permutation(prod(shape)).reshape(shape) * 1.0 for _ in range(2)])
            continue
        held = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        places = product(range(_axis(node)), repeat=held.size) if operand.kind == "int" else ()
        tries.append([np.reshape(some, shape).astype(int) for some in places] or [base**held])
        base = base if operand.kind == "int" else base**held.size
    assert base <= 2.0**53, "a float must hold every sum"
    for arrays in product(*tries):
        yield dict(zip(map(str, named), arrays, strict=True))


def _axis(node: Array) -> int:
    """How many places there are."""
    return concrete(node.shape, {})[node.op.axis if isinstance(node.op, Put) else 0]


def _meant(node: Array, arrays: Mapping[str, Any]) -> Any:
    """The values that the meaning of an operation gives at numbers."""

    def entry(label: str, place: tuple[int, ...]) -> float:
        if label.endswith("="):
            return float(arrays[label[:-1]][place[:-1]] == place[-1])
        return float(arrays[label][place])

    shape = concrete(node.shape, {})
    values = np.empty(shape)
    for at in np.ndindex(shape):
        term = meaning(node, tuple([Position.of(place) for place in at]))
        values[at] = evaluate(term, {}, entry)
    return values


def _sizes(*numbers: int) -> tuple[Size, ...]:
    return tuple(map(Size.of, numbers))


def _overlaps() -> Iterator[Array]:
    yield from _overlaps_of_rows()
    yield from _overlaps_of_images()


def _overlaps_of_rows() -> Iterator[Array]:
    """Windows along one axis, behind another and before."""
    for o, k, s, d in product((1, 3), (1, 2, 3), (1, 2, 3), (1, 2)):
        extent = s * (o - 1) + d * (k - 1) + 1 + (o * k * d) % 3
        axis = (o + k + s) % 2
        shape = (2, o, k) if axis else (o, 2, k)
        yield apply(Overlap((axis,), _sizes(extent), _sizes(s), _sizes(d)), name("A", _sizes(*shape)))


def _overlaps_of_images() -> Iterator[Array]:
    """Windows along two axes, in both orders."""
    steps = ((1, 2), (2, 1))
    for turned, s, d, more in product((False, True), steps, steps, ((0, 0), (1, 2))):
        o, k = (2, 3), (2, 2)
        extent = [a * (b - 1) + c * (e - 1) + 1 + f for a, b, c, e, f in zip(s, o, d, k, more, strict=True)]
        axes, shape = ((1, 0), (*o[::-1], *k)) if turned else ((0, 1), (*o, *k))
        yield apply(Overlap(axes, _sizes(*extent), _sizes(*s), _sizes(*d)), name("A", _sizes(*shape)))


def _places() -> Iterator[Array]:
    """Entries in steps along one axis, whole or turned along another."""
    for n, begin, step, more in product((1, 2, 3), (0, 1), (2, 3), (0, 1, 2)):
        extent = begin + step * (n - 1) + 1 + more
        for turned in (False, True):
            begins, steps = (_sizes(begin, 1), (step, -1)) if turned else (_sizes(begin, 0), (step, 1))
            yield apply(Place(begins, _sizes(extent, 2), steps), name("A", _sizes(n, 2)))


def _added_rows() -> Iterator[Array]:
    """A number, a few or a table of places, entries or rows at each."""
    for places, rest, rows in product(((), (1,), (3,), (2, 2)), ((), (2,), (2, 1)), (1, 3)):
        index, values = name("t", _sizes(*places), "int"), name("A", _sizes(*places, *rest))
        yield apply(AddRows(Size.of(rows)), index, values)


def _contractions() -> Iterator[Array]:
    """Products for every index of one axis or two, in any order, with one label or two summed or kept."""
    for first, second, output in (
        ("bik", "bkj", "bij"),
        ("ibk", "kjb", "bij"),
        ("kbi", "bjk", "bij"),
        ("bikl", "lkbj", "bij"),
        ("akbi", "bjka", "abij"),
        ("ihbk", "kbj", "bihj"),
    ):
        for word in ("bbkk", "iibb", "jjkkk", "llkkk", "hhiij", "aabb"):  # a label is as long as it is often there
            sizes = Counter(word)
            shapes = [_sizes(*[sizes[c] or 1 for c in letters]) for letters in (first, second)]
            operands = [name(label, shape) for label, shape in zip("AB", shapes, strict=True)]
            yield apply(Einsum((first, second), output), *operands)


def _put() -> Iterator[Array]:
    """Rows of a few entries, with a number for each."""
    for lead, length in product(((1,), (3,), (2, 2), ()), (1, 3)):
        index, values = name("t", _sizes(*lead), "int"), name("w", _sizes(*lead))
        for axis in range(len(lead) + 1):
            yield apply(Put(axis), name("A", _sizes(*lead[:axis], length, *lead[axis:])), index, values)


def _windows() -> Iterator[tuple[Array, dict[str, Any]]]:
    """An image and windows of it, along one axis, before another or behind, or along two."""
    for k, s, d in product((1, 2, 3), (1, 2), (1, 2)):
        axis, o = (k + d) % 2, 1 + (k + s) % 3
        size = Size.of(s * (o - 1) + d * (k - 1) + 1 + k % 2)
        steps = {"window": _sizes(k), "stride": _sizes(s), "dilation": _sizes(d)}
        shape = (Size.of(2), size) if axis else (size, Size.of(2))
        yield name(IMAGE, shape), {"axes": (axis,), "positions": _sizes(o), **steps}
    for s, t, d, e in ((1, 2, 1, 2), (2, 1, 2, 1), (1, 1, 1, 1)):
        image = name(IMAGE, _sizes(1, s + d + 1, t + e))
        steps = {"window": _sizes(2, 2), "stride": _sizes(s, t), "dilation": _sizes(d, e)}
        yield image, {"axes": (1, 2), "positions": _sizes(2, 1), **steps}


def _over_windows() -> Iterator[Array]:
    for image, steps in _windows():
        windows = apply(Windows(**steps), image)
        yield apply(WindowMax(**steps), image)
        yield windows.sum(axis=tuple(range(image.ndim, windows.ndim)))


def _to_largest() -> Iterator[Array]:
    for image, steps in _windows():
        largest = apply(WindowMax(**steps), image)
        yield apply(ToLargest(**steps), name("A", largest.shape), image)


def _at_largest() -> Iterator[Array]:
    for image, steps in _windows():
        yield apply(AtLargest(**steps), name("A", image.shape), image)


_GEOMETRIES = {
    "over_windows": _over_windows,
    "to_largest": _to_largest,
    "at_largest": _at_largest,
    "overlap": _overlaps,
    "placed": _places,
    "add_rows": _added_rows,
    "put": _put,
    "tensordots": _contractions,
}
