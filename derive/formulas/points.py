"""Points at which a question is tried: sizes from small to larger, small numbers; none that is too large to run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.operations import Einsum
from derive.arrays.rewriting import unfolded
from derive.arrays.shapes import Shape, concrete
from derive.evidence.conditions import condition
from derive.evidence.values import draw_floats
from derive.formulas.conditions import defined_where
from derive.formulas.experiment import Point
from derive.formulas.question import Question, shape_of
from derive.index.size import Size

LARGEST = 3  # of a size that is tried
MOST_SIZES, TRIES = 40, 4  # combinations of sizes, and points at each
MOST_ENTRIES = 100  # of what is differentiated: each is moved by itself, many times
MOST_CHOICES = 2000  # of combinations that are looked through
MOST_WORK = 1_000_000  # entries of any array on the way, and products in a contraction
SIMPLE = (0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5)  # what entries shrink to, the simplest first
SEED = 0


def points(question: Question) -> Iterator[Point]:
    """Points to try, of a fixed seed, where the formulas have a value."""
    chance = np.random.default_rng(SEED)
    work = [Size.of(1), *_work(question)]
    for sizes in _sizes(question):
        moved = prod(concrete(question.wanted, sizes))
        if moved <= MOST_ENTRIES and max(concrete(tuple(work), sizes)) <= MOST_WORK:
            for _ in range(TRIES):
                yield draw(question, sizes, chance)


def _sizes(question: Question) -> list[dict[str, int]]:
    """Sizes to try, the smallest first; larger ones where the formulas ask for them, as x[5] does."""
    free = question.free_sizes
    stated = defined_where(*[e.expression for e in question.layer.equations], question.claimed)
    asked = [condition(text.replace("≥", ">=")) for text in stated if "≥" in text]
    for largest in (2 * LARGEST, 4 * LARGEST, LARGEST) if asked else (LARGEST,):
        found = []
        for values in _choices(len(free), largest):
            known = {**dict(zip(free, values, strict=True)), **question.sizes}
            if all(each.holds(known) for each in asked if each.names <= known.keys()):
                found.append((sum(values), max(values, default=0), {key: known[key] for key in question.layer.sizes}))
        if found:
            return [sizes for *_, sizes in sorted(found, key=lambda one: one[:2])[:MOST_SIZES]]
    return []


def _choices(count: int, largest: int) -> list[tuple[int, ...]]:
    """Values for so many sizes: all of them, or where these are many those with few that are not 1."""
    if largest**count <= MOST_CHOICES:
        return list(product(range(1, largest + 1), repeat=count))
    ones = (1,) * count
    return [ones, *[(*ones[:k], value, *ones[k + 1 :]) for k in range(count) for value in range(2, largest + 1)]]


def _work(question: Question) -> set[Size]:
    """How many entries the arrays on the way have, and how many products their contractions."""
    expressions = [*(unfolded(e.expression) for e in question.layer.equations), unfolded(question.claimed)]
    return {_count(node) for expression in expressions for node in expression.walk()}


def _count(node: Array) -> Size:
    shape: Shape = node.shape
    if isinstance(node.op, Einsum):
        letters = {
            c: size
            for text, a in zip(node.op.inputs, node.operands, strict=True)
            for c, size in zip(text, a.shape, strict=True)
        }
        shape = tuple(letters.values())
    return prod(shape, start=Size.of(1))


def draw(question: Question, sizes: Mapping[str, int], chance: np.random.Generator) -> Point:
    """A point at some sizes."""
    inputs: dict[str, Any] = {}
    for i in question.layer.inputs:
        shape, kind = concrete(i.shape, sizes), question.facts.get(i.name, i.kind)
        if i.name in question.fixed:
            inputs[i.name] = np.full(shape, float(question.fixed[i.name]))
        elif kind.equals is not None:
            inputs[i.name] = concrete((kind.equals,), sizes)[0]
        elif kind.name == "int" and kind.low is not None and kind.high is not None:
            low, high = concrete((kind.low, kind.high), sizes)
            inputs[i.name] = chance.integers(low, max(high, low + 1), shape)
        elif kind.name in ("int", "bool"):
            inputs[i.name] = chance.integers(0, 2, shape).astype(kind.name)
        elif kind.name == "float":
            inputs[i.name] = chance.choice(np.array(SIMPLE[1:]), shape)
        else:
            inputs[i.name] = np.asarray(draw_floats(chance, kind, "integers", 1.0, shape))
    upstream = {}
    for key in question.upstream:
        shape = concrete(shape_of(question.layer, key), sizes)
        upstream[key] = np.full(shape, float(question.fixed[key])) if key in question.fixed else _weights(chance, shape)
    return Point(sizes, inputs, upstream)


def _weights(chance: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return np.asarray(chance.choice(np.array([2.0, -1.0, 3.0, 0.5]), shape))
