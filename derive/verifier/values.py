"""The rung of values: what a pair does at cases that hypothesis draws, against differences of forward alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from derive.evidence.properties import Outcome, properties
from derive.verdict import Rung
from derive.verifier.pair import Pair

NAME = "values"
EXAMPLES = {"ci": 40, "deep": 1000}
SEED = 0


def climb(given: Pair, budget: str) -> Outcome:
    """The rung: ``refuted`` with a shrunk counterexample, ``tested``, or ``open`` where nothing could be compared."""
    signature = replace(given.signature, found=lambda inputs: output_shapes(given, inputs))
    found = properties(given, signature, examples=EXAMPLES[budget], seed=SEED)
    return Outcome(replace_name(found.rung), found.counterexample)


def replace_name(rung: Rung) -> Rung:
    """The rung under this file's name."""
    return replace(rung, name=NAME)


def output_shapes(given: Pair, inputs: Sequence[Any]) -> tuple[tuple[int, ...], ...] | None:
    """The shapes of what forward returns, or None where it raises: inputs on which it has no value."""
    try:
        y, _ = given.forward(*inputs)
        parts = y if isinstance(y, tuple | list) else (y,)
        shapes = tuple(np.shape(part) for part in parts)
        kinds = [np.asarray(part).dtype.kind for part in parts]
    except Exception:
        return None
    return shapes if all(kind in "fiub" for kind in kinds) else None
