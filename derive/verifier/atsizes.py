"""Proof at sizes that are numbers: the code runs on arrays of symbols, so that its loops and changes are formulas."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from itertools import cycle, islice, product
from math import prod
from typing import Any

import numpy as np

from derive.evidence.sizes import admissible, number, numbers
from derive.index.polynomial import Polynomial, Terms
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
MOST_CHOICES = 9  # of labels and masks, each proved for itself
SEED = 4


def at_sizes(given: Pair, budget: str) -> Rung:
    """``proved_at`` some sizes, or ``open``; NotRun where the code asks for the value of a symbol."""
    code, reach = _lifted(given), Reach(given.forward_function, given.backward_function)
    shown: list[str] = []
    assumptions: list[str] = []
    for (sizes, choices), order in zip(_sizes(given, budget), cycle("CF")):  # in another memory order each time
        for discrete in choices:
            gaps = _gaps(code, sizes, discrete, order, reach)
            apart = [key for key, parts in gaps.items() if not all(map(is_zero, parts))]
            lost = [key for key in apart if not all(is_zero(part, ties=False) for part in gaps[key])]
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


def _sizes(given: Pair, budget: str) -> Iterator[tuple[Mapping[str, int], Iterator[dict[str, Any]]]]:
    """Sizes of 1 to 3 at which no array has many entries: first those with few 1s, then small ones.

    With each come all values that the inputs have there which are no floats: as few as can be, if they are many.
    """
    base = next(small_points(given, 12, SEED), None)
    known = base.sizes if base is not None else next(admissible(given.signature, 1), None)
    found = small_sizes(given, known, MOST_ENTRIES) if known is not None else []
    ranges = [(sizes, _ranges(given, sizes)) for sizes in found]
    few = [(sizes, values) for sizes, values in ranges if prod(map(len, values.values())) <= MOST_CHOICES]
    if ranges and not few:
        raise NotRun(f"labels and masks have more than {MOST_CHOICES} values at each size")
    for sizes, values in few[: SIZES[budget]]:
        yield sizes, (dict(zip(values, chosen, strict=True)) for chosen in product(*values.values()))


def _ranges(given: Pair, sizes: Mapping[str, int]) -> dict[str, list[Any]]:
    """The values of each input that is no float, not more of them than are too many."""
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
            values = product(range(low, high), repeat=int(np.prod(shape)))
            few = islice(values, MOST_CHOICES + 1)
            ranges[key] = [np.array(v).reshape(shape).astype(bool if kind.name == "bool" else int) for v in few]
    return ranges


def _gaps(
    code: Pair, sizes: Mapping[str, int], discrete: Mapping[str, Any], order: str, reach: Reach
) -> dict[str, list[Symbol]]:
    """What should be 0 for each gradient: the parts of <G, J v> - <J^T G, v>, all of it symbols.

    Each part is what stands with one entry of v and one of G.  Inputs are made anew for each run: code may change them.
    """

    def plain(moves: Mapping[str, Any]) -> list[Any]:
        made = {
            key: discrete[key] if key in discrete else variables(key, numbers(d.shape, sizes), d.kind.name)
            for key, d in code.inputs.items()
        }
        made |= {key: moving(made[key], direction) for key, direction in moves.items()}
        return [value.copy(order) if np.ndim(value) else value for value in made.values()]

    with reach.watching():
        y, held = code.forward(*plain({}))
    outputs = y if isinstance(y, tuple) else (y,)
    if any(is_unset(entry) for part in outputs for entry in np.ravel(part)):
        raise NotRun("forward gives entries that it has not set")
    upstream = tuple(variables(f"G{k}!", np.shape(part)) for k, part in enumerate(outputs))
    ahead = tuple(part.copy(order) if np.ndim(part) else part for part in upstream)
    with reach.watching():
        gradients = code.backward(ahead[0] if len(ahead) == 1 else ahead, held)
    directions = {
        key: variables(f"v{key}!", numbers(code.inputs[key].shape, sizes)) for key in code.floats if key in gradients
    }
    scales = code.signature.scales_at(sizes) or {}
    moved, _ = code.forward(*plain({key: scales.get(key, Fraction(1)) * v for key, v in directions.items()}))
    terms: Terms = []
    for one, part in zip(upstream, moved if isinstance(moved, tuple) else (moved,), strict=True):
        for g, entry in zip(np.ravel(one), np.ravel(part), strict=True):
            terms += (g * Symbol(symbol(entry).slope)).value.terms
    for key, v in directions.items():
        if np.shape(gradients[key]) != np.shape(v):
            raise NotRun(f"the gradient of {key} has another shape than {key}")
        for g, along in zip(np.ravel(gradients[key]), np.ravel(v), strict=True):
            terms += (-g * along).value.terms
    parts: dict[str, dict[frozenset[str], Terms]] = {f"v{key}!": {} for key in directions}
    for c, mono in terms:
        mine = [a for a in mono.factors if a.kind == "entry" and a.head.endswith("!")]
        of = next((a.head for a in mine if a.head in parts), None)
        if of is None:
            raise NotRun("a slope that is not taken apart")
        parts[of].setdefault(frozenset(a.key for a in mine), []).append((c, mono))
    return {key: [Symbol(Polynomial(part)) for part in parts[f"v{key}!"].values()] for key in directions}


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
