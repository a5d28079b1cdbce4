"""The cases of a layer, one after the other, and what came out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.errors import DeriveError

from .comparing import Disagreement, IllConditioned, compare
from .drawing import draw, draw_options, generator
from .generated import compiled
from .torch_layers import Oracle, options_of

CASES = 36
SHAPES = 3  # cases with the same options; a layer is derived once for them
DTYPES: tuple[type[np.floating[Any]], ...] = (np.float64, np.float32)
TIED = ("symmetric", "spd")


@dataclass
class Tally:
    """How many cases were compared, refused by both, ill-conditioned; the worst error by what was allowed, a dtype."""

    compared: int = 0
    refused: int = 0
    ill: int = 0
    worst: dict[str, float] = field(default_factory=dict)


def run(layer: Layer, oracle: Oracle, seed: int, tally: Tally) -> None:
    """One case; Disagreement, with all that it takes to see it again, if it is one."""
    options = draw_options(generator(layer.name, seed // SHAPES), layer, oracle.options)
    try:
        chosen, code = compiled(layer, tuple(sorted(options.items(), key=str)))
    except DeriveError:
        tally.refused += 1
        return
    chance, dtype = generator(layer.name, 1000 + seed), DTYPES[seed % len(DTYPES)]
    drawn = draw(chance, chosen, options, dtype, oracle.sizes, oracle.inputs)
    assert oracle.function is not None
    tied = tuple(i.name for i in chosen.inputs if i.kind.name in TIED)
    try:
        found = compare(code, oracle.function, drawn, options_of(layer, chosen), chosen.wrt, dtype, chance, tied)
    except IllConditioned:
        tally.ill += 1
        return
    except Disagreement as error:
        raise Disagreement(f"{layer.name}, case {seed}, {dtype.__name__}: {error}; {drawn}") from None
    if found is None:
        tally.refused += 1
        return
    tally.compared += 1
    for agreement in found:
        if not agreement.ok:
            raise Disagreement(f"{layer.name}, case {seed}, {dtype.__name__}: {agreement}; {drawn}")
        if agreement.allowed:
            worst = tally.worst.get(dtype.__name__, 0.0)
            tally.worst[dtype.__name__] = max(worst, agreement.error / agreement.allowed)
