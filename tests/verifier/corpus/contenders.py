"""What people use instead: plain central differences, and the tolerances of PyTorch's gradcheck, done over NumPy code.

Both are given what they need to do well: sizes that differ pairwise and are no 1, every float input, and for the first
an upstream gradient that is drawn.
"""

from __future__ import annotations

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.sizes import admissible
from derive.verifier.pair import Pair, pair
from derive.verifier.points import point

from .notation import Functions, Right

STEP = 1e-6
PLAIN = {"rtol": 1e-4, "atol": 1e-6}
GRADCHECK = {"rtol": 1e-3, "atol": 1e-5}  # torch.autograd.gradcheck's own


def central_differences(right: Right, functions: Functions) -> bool:
    """True if a pair passes: one point, one drawn upstream gradient, every entry of every gradient."""
    given, case = _given(right, functions)
    return _quietly(lambda: _agrees(given, case, case.upstream, **PLAIN))


def gradcheck(right: Right, functions: Functions) -> bool:
    """True if a pair passes: one point, every row of the Jacobian, and the same again from a second backward."""
    given, case = _given(right, functions)

    def every_row() -> bool:
        for number, part in enumerate(case.upstream):
            for place in np.ndindex(part.shape):
                upstream = tuple(np.zeros_like(each) for each in case.upstream)
                upstream[number][place] = 1
                if not _agrees(given, case, upstream, **GRADCHECK):
                    return False
        return True

    return _quietly(every_row)


def _given(right: Right, functions: Functions) -> tuple[Pair, Case]:
    given = pair(functions.forward, functions.backward, right.shapes, right.where)
    found = [sizes for sizes in admissible(given.signature, 1) if sum(sizes.values()) <= 4 * len(sizes)]
    found.sort(key=lambda s: (sum(n == 1 for n in s.values()), -len({*s.values()}), sum(s.values())))
    for sizes in found:
        case = point(given, sizes, np.random.default_rng(0))
        if case is not None:
            return given, case
    raise ValueError(f"{right.name}: forward has no value at small sizes")


def _quietly(passes: object) -> bool:
    with np.errstate(all="ignore"):
        try:
            return bool(passes())  # type: ignore[operator]
        except Exception:
            return False


def _agrees(given: Pair, case: Case, upstream: tuple[np.ndarray, ...], rtol: float, atol: float) -> bool:
    _, held = given.forward(*case.arguments().values())
    argument = upstream[0].copy() if len(upstream) == 1 else tuple(part.copy() for part in upstream)
    gradients = given.backward(argument, held)
    return all(
        np.allclose(gradients[name], _differences(given, case, upstream, name), rtol=rtol, atol=atol)
        for name in given.floats
    )


def _differences(given: Pair, case: Case, upstream: tuple[np.ndarray, ...], name: str) -> np.ndarray:
    value = np.asarray(case.inputs[name], dtype=float)
    gradient = np.zeros(value.shape)
    for place in np.ndindex(value.shape):
        ends = []
        for step in (STEP, -STEP):
            moved = value.copy()
            moved[place] += step
            y, _ = given.forward(*{**case.arguments(), name: moved}.values())
            ends.append(sum(np.sum(g * part) for g, part in zip(upstream, y if len(upstream) > 1 else (y,), strict=True)))
        gradient[place] = (ends[0] - ends[1]) / (2 * STEP)
    return gradient
