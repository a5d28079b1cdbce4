"""Cases to try a layer at: sizes, inputs, an upstream gradient and a memory layout, drawn from its declarations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import reject
from hypothesis import strategies as st
from numpy.typing import DTypeLike

from derive.arrays.shapes import LEADING_NAME, Declaration, Kind, Shape
from derive.evidence.sizes import Signature, number, numbers, sizes_of
from derive.evidence.values import (
    LAYOUTS,
    STYLES,
    Layout,
    Style,
    cast,
    draw_floats,
    draw_reals,
    draw_upstream,
    laid_out,
)

__all__ = ["Case", "Signature", "cases"]

_FLOAT64: np.dtype[Any] = np.dtype(np.float64)
BESIDES = 1 / 4  # how often a value out of the range that is allowed is drawn
_SCALES = (1.0, 0.1, 10.0, 0.01)
_SPECIAL = (0.0, 1.0, -1.0, 0.5, -2.0, 1e-3, 20.0, -20.0)
_SEEDS = st.integers(0, 2**32 - 1)
_ENTRIES = st.lists(st.tuples(st.integers(0, 2**16), st.sampled_from(_SPECIAL)), max_size=2)


@dataclass(frozen=True)
class Case:
    """One point to try code at; arrays are kept C-contiguous and handed out as copies in ``layout``.

    ``scales`` are what some gradients should be multiples of the true ones by.
    """

    sizes: Mapping[str, int]
    inputs: Mapping[str, Any]
    upstream: tuple[Any, ...]
    kinds: Mapping[str, Kind]
    layout: Layout = "C"
    dtype: np.dtype[Any] = _FLOAT64
    seed: int = 0
    scales: Mapping[str, Fraction] = field(default_factory=dict)

    def arguments(self) -> dict[str, Any]:
        """Fresh inputs in the layout, by name and in order."""
        return {name: laid_out(value, self.layout) for name, value in self.inputs.items()}

    def upstream_argument(self) -> Any:
        """A fresh upstream gradient in the layout: an array, or a tuple where there are several outputs."""
        fresh = tuple(laid_out(value, self.layout) for value in self.upstream)
        return fresh[0] if len(fresh) == 1 else fresh

    def bits(self) -> tuple[Any, ...]:
        """What tells this case from another one."""
        arrays = [np.asarray(value) for value in (*self.inputs.values(), *self.upstream)]
        return (self.layout, self.seed, *((a.dtype.str, a.shape, a.tobytes()) for a in arrays))

    def contiguous(self) -> Case:
        """The same case in C order."""
        return replace(self, layout="C")

    def in_float64(self) -> Case:
        """The same case with every float array in float64."""
        inputs = {name: cast(value, np.float64) for name, value in self.inputs.items()}
        upstream = tuple(cast(value, np.float64) for value in self.upstream)
        return replace(self, inputs=inputs, upstream=upstream, dtype=_FLOAT64)

    def with_inputs(self, inputs: Mapping[str, Any]) -> Case:
        """The same case with some inputs replaced."""
        return replace(self, inputs={**self.inputs, **inputs})


def cases(
    signature: Signature,
    dtype: DTypeLike = np.float64,
    smallest: int = 0,
    positive_sizes: frozenset[str] = frozenset(),
) -> st.SearchStrategy[Case]:
    """A strategy for cases of ``signature``; sizes from ``smallest`` to 6, those in ``positive_sizes`` at least 1.

    DeriveError if a condition cannot be read, or if no small sizes obey them all.
    """
    return cases_in(signature, sizes_of(signature, smallest, positive_sizes), (dtype,))


@st.composite
def cases_in(
    draw: st.DrawFn, signature: Signature, sizes: st.SearchStrategy[dict[str, int]], dtypes: tuple[DTypeLike, ...]
) -> Case:
    """The same with a strategy for the sizes that was made beforehand, and one of several dtypes."""
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    at, seed, style = draw(sizes), draw(_SEEDS), draw(st.sampled_from(STYLES))
    chance = np.random.default_rng(seed)
    inputs = {
        name: at[name] if declared.kind.scalar else cast(_draw_value(draw, chance, declared, style, at), dtype)
        for name, declared in signature.inputs.items()
    }
    if any(declared.leading for declared in signature.inputs.values()):
        lead = draw(st.sampled_from(_leads(at[LEADING_NAME])))
        for name, declared in signature.inputs.items():
            inputs[name] = _spread(inputs[name], lead) if declared.leading else inputs[name]
    else:
        lead = None
    shapes = _output_shapes(signature, at, inputs, lead)
    upstream = tuple(np.asarray(draw_upstream(chance, style, shape), dtype) for shape in shapes)
    kinds = {name: declared.kind for name, declared in signature.inputs.items()}
    scales = signature.scales_at(at) or {}
    return Case(at, inputs, upstream, kinds, draw(st.sampled_from(LAYOUTS)), dtype, seed, scales)


def _output_shapes(
    signature: Signature, at: dict[str, int], inputs: Mapping[str, Any], lead: tuple[int, ...] | None
) -> list[tuple[int, ...]]:
    """The shapes of the outputs; inputs of which there is no value are not looked at further."""
    if signature.found is None:
        return [_with_lead(shape, at, lead) for shape in signature.outputs]
    shapes = signature.found([laid_out(value, "C") for value in inputs.values()])
    if shapes is None:
        reject()
    return list(shapes)


def _with_lead(shape: Shape, at: dict[str, int], lead: tuple[int, ...] | None) -> tuple[int, ...]:
    """The value of a shape, its leading axis as several."""
    found = numbers(shape, at)
    return (*lead, *found[1:]) if lead is not None and shape and shape[0].name == LEADING_NAME else found


def _leads(entries: int) -> list[tuple[int, ...]]:
    """Leading axes with so many entries together."""
    found: list[tuple[int, ...]] = [(entries,), (1, entries), (entries, 1)]
    if entries == 1:
        found.append(())
    if entries % 2 == 0:
        found.append((2, entries // 2))
    return found


def _spread(value: Any, lead: tuple[int, ...]) -> Any:
    """The first axis as several."""
    return value.reshape((*lead, *value.shape[1:]))


def draw_whole(chance: np.random.Generator, kind: Kind, sizes: Mapping[str, int], shape: tuple[int, ...]) -> Any:
    """Whole numbers in a declared range, and now and then the value besides, but not everywhere."""
    assert kind.low is not None
    assert kind.high is not None
    low, high = number(kind.low, sizes), number(kind.high, sizes)
    drawn = np.asarray(chance.integers(low, max(high, low + 1), shape))
    if kind.other is not None:
        rare = chance.random(shape) < BESIDES
        drawn = np.where(rare & ~rare.all(), number(kind.other, sizes), drawn)
    return drawn


def _draw_value(
    draw: st.DrawFn, chance: np.random.Generator, declared: Declaration, style: Style, sizes: dict[str, int]
) -> Any:
    kind, shape = declared.kind, numbers(declared.shape, sizes)
    if kind.name == "bool":
        return np.asarray(chance.random(shape) < 1 / 2)
    if kind.name == "int" and kind.low is not None and kind.high is not None:
        return draw_whole(chance, kind, sizes, shape)
    if kind.name == "int":
        return draw_reals(chance, "integers", 1.0, shape).astype(np.int64)
    value = np.asarray(draw_floats(chance, kind, style, draw(st.sampled_from(_SCALES)), shape))
    if kind.name == "float" and value.size:
        for place, special in draw(_ENTRIES):
            value.flat[place % value.size] = special
    return value
