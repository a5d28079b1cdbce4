"""The rung of proof: forward and backward read as formulas, and shown to belong together by the kernel.

Where both can be called with symbolic arrays, for every shape.  Where the code fills buffers, loops over sizes or
changes arrays in place, at sizes that are numbers, for every real input: its entries are symbols then.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from derive.arrays.array import Array, name
from derive.arrays.axis import axis_size
from derive.derivation.layer import Layer, build_layer, output_name
from derive.evidence.properties import Outcome
from derive.evidence.sizes import number, numbers
from derive.index.laws import Exhausted
from derive.index.size import Size
from derive.rules.proof import is_equal
from derive.rules.simplify import simplify
from derive.verdict import Rung
from derive.verifier.duals import FUNCTIONS, NotRun
from derive.verifier.lifting import of_objects
from derive.verifier.pair import Pair
from derive.verifier.points import small_points, small_sizes
from derive.verifier.symbols import Symbol, Symbols, is_zero, moving, symbol, variables

NAME = "proof"
SECONDS = {"ci": 1.0, "deep": 60.0}  # for each of the two ways
SIZES = {"ci": 2, "deep": 6}  # choices of sizes that are tried
MOST_ENTRIES = 12  # of an array of symbols
MOST_CHOICES = 64  # of labels and masks, each proved for itself
SEED = 4
NO_TIES = "no two compared numbers are equal"


class _Late(BaseException):
    """The time is up."""


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``proved``, ``proved_at`` some sizes, or ``open``; what is not proved is not thereby wrong."""
    why = []
    for way in (_for_every_shape, _at_sizes):
        try:
            with _at_most(SECONDS[budget]):
                found = way(given, budget)
        except _Late:
            why.append(f"not within {SECONDS[budget]:g} s")
        except (NotRun, Exhausted) as error:
            why.append(str(error))
        except Exception as error:
            why.append(f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"[:200])
        else:
            if found.status != "open":
                return Outcome(found)
            why.append(found.detail)
    return Outcome(Rung(NAME, "open", "; ".join(dict.fromkeys(why))))


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raise where it takes longer; the check runs in a process of its own, whose alarm is free."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def late(*_: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


# ---- for every shape


def _for_every_shape(given: Pair, budget: str) -> Rung:
    arrays: dict[str, Any] = {key: name(key, d.shape, d.kind.name, d.kind.range) for key, d in given.inputs.items()}
    arrays |= {key: axis_size(size) for key, size in _plain_ints(given).items()}
    y, held = given.forward(*arrays.values())
    outputs: tuple[Any, ...] = tuple(y) if isinstance(y, tuple | list) else (y,)
    if not all(isinstance(part, Array) for part in outputs):
        raise NotRun("forward gives no formula of its inputs")
    layer = _layer(given, outputs)
    upstream = tuple(name(f"d{key}", part.shape) for key, part in zip(layer.outputs, outputs, strict=True))
    gradients = given.backward(upstream[0] if len(upstream) == 1 else upstream, held)
    derivation = layer.derive()
    if not derivation.prove().ok:
        return Rung(NAME, "open", f"the derived gradient is itself not proved: {derivation.prove().reason}")
    meant = {key: scale.symbolic(_plain_ints(given)) for key, scale in given.scales.items()}
    apart = [key for key in gradients if not _is_derived(layer, key, gradients[key], meant.get(key), ties=True)]
    lost = [key for key in apart if not _is_derived(layer, key, gradients[key], meant.get(key), ties=False)]
    if lost:
        return Rung(NAME, "open", f"not shown equal for every shape: {', '.join(lost)}")
    assumptions = [*derivation.prove().assumptions, *([NO_TIES] if apart else [])]
    detail = f"{len(gradients)} gradients equal the derived ones for every shape"
    return Rung(NAME, "proved", detail, {"assumptions": assumptions})


def _plain_ints(given: Pair) -> dict[str, Size]:
    """The sizes that plain ints are."""
    kinds = given.signature.plain_ints
    return {key: kind.equals if kind.equals is not None else Size.of(key) for key, kind in kinds.items()}


def _layer(given: Pair, outputs: tuple[Array, ...]) -> Layer:
    used = {text for part in outputs for text in part.names()}
    inputs = {key: declared for key, declared in given.inputs.items() if key in used}
    titles: dict[str, Array] = {}
    for part in outputs:
        titles[output_name(part, {**given.inputs, **titles})] = part
    return build_layer(given.name if given.name.isidentifier() else "pair", inputs, {}, titles)


def _is_derived(layer: Layer, key: str, claimed: Any, scale: Array | None, ties: bool) -> bool:
    """True if a gradient is shown to be the derived one, or so many times it, in inputs and upstream gradients."""
    from derive.arrays.build import constant, spread

    claimed = constant(claimed)
    if key not in layer.wrt:
        return False
    shape = layer.named(key).shape
    claimed = spread(claimed, shape) if not claimed.shape else claimed
    if claimed.shape != shape:
        return False
    derivation = layer.derive()
    known = {e.name: e.expression for e in layer.equations}
    known |= {s.adjoint: s.expression for s in derivation.steps if s.rule != "upstream"}
    truth = derivation.gradients[key] if scale is None else scale * derivation.gradients[key]
    return is_equal(claimed, truth, known, ties) or is_equal(simplify(claimed), truth, known, ties)


# ---- at sizes that are numbers


def _at_sizes(given: Pair, budget: str) -> Rung:
    lifting = of_objects({key: _mapped(key) for key in ("sqrt", *FUNCTIONS)}, Symbols)
    code = replace(
        given,
        forward_function=lifting.lift(given.forward_function),
        backward_function=lifting.lift(given.backward_function),
    )
    shown: list[str] = []
    assumptions: list[str] = []
    for sizes in _sizes(given, budget):
        for discrete in _discrete(given, sizes):
            gaps = dict(_gaps(code, sizes, discrete))
            apart = [key for key, gap in gaps.items() if not is_zero(gap)]
            lost = [key for key in apart if not is_zero(gaps[key], ties=False)]
            if lost:
                return Rung(NAME, "open", f"not shown equal at {_told(sizes)}: {', '.join(lost)}")
            assumptions = assumptions or ([NO_TIES] if apart else [])
        shown.append(_told(sizes))
    if not shown:
        return Rung(NAME, "open", "no sizes small enough")
    return Rung(
        NAME, "proved_at", f"every real input at {'; '.join(shown)}", {"sizes": shown, "assumptions": assumptions}
    )


def _sizes(given: Pair, budget: str) -> Iterator[Mapping[str, int]]:
    """Sizes of 1 to 3 at which no array has many entries: first those with few 1s, then small ones."""
    base = next(small_points(given, 12, SEED), None)
    found = small_sizes(given, base.sizes, MOST_ENTRIES) if base is not None else []
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


def _gaps(code: Pair, sizes: Mapping[str, int], discrete: Mapping[str, Any]) -> Iterator[tuple[str, Symbol]]:
    """<G, J v> - <J^T G, v> for each float input, all of them symbols."""
    plain = {
        key: discrete[key] if key in discrete else variables(key, numbers(d.shape, sizes), d.kind.name)
        for key, d in code.inputs.items()
    }
    y, held = code.forward(*plain.values())
    outputs = y if isinstance(y, tuple) else (y,)
    upstream = tuple(variables(f"G{k}", np.shape(part)) for k, part in enumerate(outputs))
    gradients = code.backward(upstream[0] if len(upstream) == 1 else upstream, held)
    scales = code.signature.scales_at(sizes) or {}
    for key in code.floats:
        if key not in gradients:
            continue
        direction = variables(f"v{key}", np.shape(plain[key]))
        moved, _ = code.forward(*{**plain, key: moving(plain[key], direction)}.values())
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
