"""The figures of a page: the error of difference quotients over their step, and of floats over the input range."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import numpy as np

from derive.derivation.layer import Layer
from derive.emit.accuracy import computable, curves, program_of
from derive.emit.figures import error_over_steps, ulp_over_range
from derive.emit.ladder import SEED, divisors, signature_of
from derive.errors import DeriveError
from derive.evidence.balls import NoValue
from derive.evidence.cases import Case
from derive.evidence.properties import sample
from derive.evidence.steps import StepErrors, step_errors

FOLDER = "figures"
TRIED = 8  # cases, until one has a derivative to compare with


def illustrations(layer: Layer) -> dict[str, tuple[str, bytes]]:
    """The figures by file name, each with its caption.  DeriveError where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401  # asked for once, before anything is computed
    except ImportError:
        raise DeriveError(
            "matplotlib is not installed", "it draws the figures of pages", "", "pip install 'derive-gradients[demo]'"
        ) from None
    return dict(_drawn(layer))


def _drawn(layer: Layer) -> Iterator[tuple[str, tuple[str, bytes]]]:
    steps = _steps(layer)
    if steps is not None:
        picture = BytesIO()
        error_over_steps(steps, f"{layer.name}: difference quotients of the loss along a direction", picture)
        caption = "Error of difference quotients against the derived gradient, over their step"
        yield f"{FOLDER}/{layer.name}_steps.svg", (caption, picture.getvalue())
    derivation = layer.derive()
    try:
        found = curves(derivation, derivation.compile())
    except NoValue:
        found = {}
    if all(len({x for x, _ in points if sign * x > 0}) > 1 for points in found.values() for sign in (-1, 1)) and found:
        picture = BytesIO()
        ulp_over_range(found, f"{layer.name}: error of the gradient over the input range, float64", picture)
        yield f"{FOLDER}/{layer.name}_ulp.svg", ("Error of the gradient in mixed ulp, over x", picture.getvalue())


def _steps(layer: Layer) -> StepErrors | None:
    derivation = computable(layer.derive())
    program = program_of(derivation)
    for case in _cases(derivation.layer):
        try:
            found = step_errors(program, case)
        except (NoValue, ArithmeticError):
            continue
        if found is not None:
            return found
    return None


def _cases(layer: Layer) -> list[Case]:
    """Cases without an empty array, the largest first."""
    drawn = sample(signature_of(layer), TRIED, SEED, divisors(layer))
    full = [case for case in drawn if all(map(np.size, (*case.inputs.values(), *case.upstream)))]
    return sorted(full, key=lambda case: -sum(map(np.size, case.inputs.values())))
