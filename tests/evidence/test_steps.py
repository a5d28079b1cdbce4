"""Errors of difference quotients: the V that every textbook draws, and a wrong gradient that never comes near."""

from dataclasses import replace

import numpy as np
import pytest

import derive
from derive.emit.accuracy import program_of
from derive.emit.illustrations import _cases, illustrations
from derive.evidence.steps import step_errors


@derive.layer
def cubes(X: "n d"):
    E = np.sum(np.exp(X / 4) * X)
    return E


def found(program):
    return next(errors for case in _cases(cubes) if (errors := step_errors(program, case)) is not None)


def test_the_error_falls_and_rises_again():
    errors = found(program_of(cubes.derive()))
    central, richardson = errors.central["float64"], errors.richardson["float64"]
    assert min(central) < 1e-9
    assert min(richardson) < min(central[:12])
    assert central[-1] > 100 * min(central)
    assert central[0] > 100 * min(central)
    assert central[3] / central[5] == pytest.approx(16, rel=0.3)  # second order
    assert min(errors.central["float32"]) > 1e-7


def test_a_wrong_gradient_is_never_approached():
    program = program_of(cubes.derive())
    lines = tuple((key, 2 * line if key == "dX" else line) for key, line in program.adjoints)
    assert min(found(replace(program, adjoints=lines)).central["float64"]) > 0.1


def test_the_same_bytes_again():
    first, again = illustrations(cubes), illustrations(cubes)
    assert first == again
    assert list(first) == ["figures/cubes_steps.svg"]
    assert b"<svg" in first["figures/cubes_steps.svg"][1]
