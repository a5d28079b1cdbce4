"""Proof at sizes that are numbers: the code runs on arrays of symbols, so that its loops and changes are formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import cycle, product
from typing import Any

import numpy as np

from derive.evidence.sizes import admissible, number, numbers
from derive.reading.reach import Reach
from derive.reading.refusal import NotRun
from derive.verdict import Rung
from derive.verifier.duals import FUNCTIONS
from derive.verifier.everyshape import NAME, NO_TIES, not_reached
from derive.verifier.objects import of_objects
from derive.verifier.pair import Pair
from derive.verifier.points import small_points, small_sizes
from derive.verifier.symbolarrays import Symbols, moving, variables
from derive.verifier.symbols import Symbol, is_unset, is_zero, symbol, unset

SIZES = {"ci": 2, "deep": 6}  # choices of sizes that are tried
MOST_ENTRIES = 12  # of an array of symbols
MOST_CHOICES = 64  # of labels and masks, each proved for itself
SEED = 4


def at_sizes(given: Pair, budget: str) -> Rung:
    """``proved_at`` some sizes, or ``open``; NotRun where the code asks for the value of a symbol."""
    code, reach = _lifted(given), Reach(given.forward_function, given.backward_function)
    shown: list[str] = []
    assumptions: list[str] = []
    for sizes, order in zip(_sizes(given, budget), cycle("CF")):  # in another memory order each time
        for discrete in _discrete(given, sizes):
            gaps = dict(_gaps(code, sizes, discrete, order, reach))
            apart = [key for key, gap in gaps.items() if not is_zero(gap)]
            lost = [key for key in apart if not is_zero(gaps[key], ties=False)]
            if lost:
                return Rung(NAME, "open", f"not shown equal at {_told(sizes)}: {', '.join(lost)}")
            assumptions = assumptions or ([NO_TIES] if apart else [])
        shown.append(_told(sizes))
    if not shown:
        return Rung(NAME, "open", "no sizes small enough")
    missed = reach.missed()
    detail = f"every real input at {'; '.join(shown)}{not_reached(missed)}"
    return Rung(NAME, "proved_at", detail, {"sizes": shown, "assumptions": assumptions, "not_reached": missed})


def _lifted(given: Pair) -> Pair:
    """The pair over arrays of symbols."""
    lifting = of_objects({key: _mapped(key) for key in ("sqrt", *FUNCTIONS)}, unset, Symbols)
    return replace(
        given,
        forward_function=lifting.lift(given.forward_function),
        backward_function=lifting.lift(given.backward_function),
    )


def _sizes(given: Pair, budget: str) -> Iterator[Mapping[str, int]]:
    """Sizes of 1 to 3 at which no array has many entries: first those with few 1s, then small ones."""
    base = next(small_points(given, 12, SEED), None)
    known = base.sizes if base is not None else next(admissible(given.signature, 1), None)
    found = small_sizes(given, known, MOST_ENTRIES) if known is not None else []
    yield from found[: SIZES[budget]]


def _discrete(given: Pair, sizes: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    """All values that the inputs have which are no floats."""
    ranges: dict[str, Any] = {}
    for key, declared in given.inputs.items():
        kind, shape = declared.kind, numbers(declared.shape, sizes)
        if kind.equals is not None:
            ranges[key] = [number(kind.equals, sizes)]
        elif kind.scalar:
            ranges[key] = [sizes[key]]
        elif not kind.is_float:
            low = number(kind.low, sizes) if kind.low is not None else 0
            high = number(kind.high, sizes) if kind.high is not None else 2
            entries = int(np.prod(shape))
            if max(high - low, 0) ** entries > MOST_CHOICES:
                raise NotRun(f"{key} has more than {MOST_CHOICES} values")
            values = product(range(low, high), repeat=entries)
            ranges[key] = [np.array(v).reshape(shape).astype(bool if kind.name == "bool" else int) for v in values]
    for chosen in product(*ranges.values()):
        yield dict(zip(ranges, chosen, strict=True))


def _gaps(
    code: Pair, sizes: Mapping[str, int], discrete: Mapping[str, Any], order: str, reach: Reach
) -> Iterator[tuple[str, Symbol]]:
    """<G, J v> - <J^T G, v> for each float input, all of them symbols, fresh ones each time: code may change them."""

    def plain() -> dict[str, Any]:
        made = {
            key: discrete[key] if key in discrete else variables(key, numbers(d.shape, sizes), d.kind.name)
            for key, d in code.inputs.items()
        }
        return {key: value.copy(order) if np.ndim(value) else value for key, value in made.items()}

    with reach.watching():
        y, held = code.forward(*plain().values())
    outputs = y if isinstance(y, tuple) else (y,)
    if any(is_unset(entry) for part in outputs for entry in np.ravel(part)):
        raise NotRun("forward gives entries that it has not set")
    upstream = tuple(variables(f"G{k}!", np.shape(part)) for k, part in enumerate(outputs))
    ahead = tuple(part.copy(order) if np.ndim(part) else part for part in upstream)
    with reach.watching():
        gradients = code.backward(ahead[0] if len(ahead) == 1 else ahead, held)
    scales = code.signature.scales_at(sizes) or {}
    for key in code.floats:
        if key not in gradients:
            continue
        inputs = plain()
        direction = variables(f"v{key}!", np.shape(inputs[key]))
        if np.shape(gradients[key]) != np.shape(direction):
            raise NotRun(f"the gradient of {key} has another shape than {key}")
        moved, _ = code.forward(*{**inputs, key: moving(inputs[key], direction)}.values())
        parts = zip(upstream, moved if isinstance(moved, tuple) else (moved,), strict=True)
        scale = scales.get(key, Fraction(1))
        slopes = ((g, _slope(e)) for one, part in parts for g, e in zip(np.ravel(one), np.ravel(part), strict=True))
        left = [scale * g * slope for g, slope in slopes]
        right = [g * v for g, v in zip(np.ravel(gradients[key]), np.ravel(direction), strict=True)]
        total: Any = symbol(0)
        for term in left:
            total = total + term
        for term in right:
            total = total - term
        yield key, total


def _slope(entry: Any) -> Symbol:
    return Symbol(symbol(entry).slope)


def _mapped(key: str) -> Callable[..., Any]:
    def value(x: Any) -> Any:
        found = symbol(x)
        if found is NotImplemented:
            raise NotRun(f"{key} of {type(x).__name__}")
        return getattr(found, key)()

    mapped = np.frompyfunc(value, 1, 1)

    def call(x: Any, *rest: Any, **options: Any) -> Any:
        found = mapped(np.asarray(x, dtype=object), *rest, **options)
        return found.view(Symbols) if isinstance(found, np.ndarray) else found

    return call


def _told(sizes: Mapping[str, int]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in sizes.items())
