import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from derive.arrays.shapes import FLOAT, Kind
from derive.evidence.cases import Case
from derive.evidence.differences import Curve, agrees, agrees_along, directional, expected_gradient

RNG = np.random.default_rng(7)


def case_of(kinds=None, upstream=(), **inputs):
    return Case({}, inputs, upstream, kinds or dict.fromkeys(inputs, FLOAT))


@pytest.mark.parametrize(
    ("function", "slope"),
    [
        (np.sin, np.cos),
        (np.exp, np.exp),
        (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
        (np.cbrt, lambda x: 1 / (3 * np.cbrt(x) ** 2)),
        (lambda x: x**5, lambda x: 5 * x**4),
        (lambda x: 1 / (1 + 100 * x * x), lambda x: -200 * x / (1 + 100 * x * x) ** 2),
        (lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x)),
        (lambda x: x + 1e8, lambda x: 1.0 + 0 * x),
    ],
)
def test_the_bound_holds_and_is_sharp(function, slope):
    for x in RNG.uniform(0.2, 3, 50):
        estimate = directional(Curve(lambda t, x=x: np.array([function(x + t)]), grain=3.0))
        assert abs(estimate.value - slope(x)) <= estimate.error
        # sharp: no worse than a central difference at its best step, eps**(2/3), of the numbers at hand
        assert estimate.error <= np.finfo(float).eps ** (2 / 3) * (abs(function(x)) + 100 * abs(slope(x)) + 1)


def test_a_function_that_is_not_finite_gives_no_bound():
    assert directional(Curve(lambda t: np.array([math.nan]))).error == math.inf


def relu(at_zero):
    return SimpleNamespace(
        forward=lambda X: (np.maximum(X, 0), X),
        backward=lambda G, X: {"X": G * np.where(X == 0, at_zero, X > 0)},
    )


@pytest.mark.parametrize(
    ("at_zero", "ok"), [(0.0, True), (1.0, True), (0.5, True), (1.5, False), (-0.5, False), (1e6, False)]
)
def test_at_a_kink_what_lies_between_is_accepted_and_counted(at_zero, ok):
    code = relu(at_zero)
    case = case_of(X=np.array([0.0, 1.0, -2.0]), upstream=(np.array([2.0, -3.0, 1.5]),))
    _y, cache = code.forward(case.inputs["X"])
    (agreement,) = agrees(code, case, ("X",), code.backward(case.upstream[0], cache))
    assert agreement.ok is ok
    assert agreement.kind == ("smooth" if at_zero == 1 / 2 else "kink")  # a central difference is the mean


def test_kinks_that_mix_in_one_output_are_no_false_alarm():
    def forward(X, W, V):
        Z = X @ W
        return np.maximum(Z, 0) @ V, (X, W, V, Z)

    def backward(G, cache):
        X, W, V, Z = cache
        dZ = (G @ V.T) * (Z > 0)
        return {"X": dZ @ W.T, "W": X.T @ dZ, "V": np.maximum(Z, 0).T @ G}

    code = SimpleNamespace(forward=forward, backward=backward)
    for seed in range(20):
        rng = np.random.default_rng(seed)
        inputs = {"X": np.zeros((1, 2)), "W": rng.standard_normal((2, 4)), "V": rng.standard_normal((4, 1))}
        case = Case({}, inputs, (np.array([[0.5]]),), dict.fromkeys(inputs, FLOAT), seed=seed)
        gradients = backward(case.upstream[0], forward(*inputs.values())[1])
        assert all(agreement.ok for agreement in agrees(code, case, ("X", "W", "V"), gradients))


def test_a_jump_and_a_pole_are_undecided():
    jump = SimpleNamespace(forward=lambda X: ((X > 0) * 1.0, None))
    pole = SimpleNamespace(forward=lambda X: (1 / (X + 1e-17), None))
    case = case_of(X=np.array([0.0]), upstream=(np.array([2.0]),))
    for code in (jump, pole):
        (agreement,) = agrees(code, case, ("X",), {"X": np.array([-3.0])})
        assert agreement.ok
        assert agreement.kind == "undecided"


def test_a_gradient_that_is_not_finite_where_the_function_is_smooth_is_wrong():
    code = SimpleNamespace(forward=lambda X: (X * X, None))
    case = case_of(X=np.array([0.5]), upstream=(np.array([2.0]),))
    for wrong in (math.nan, math.inf):
        (agreement,) = agrees(code, case, ("X",), {"X": np.array([wrong])})
        assert not agreement.ok


@pytest.mark.parametrize("factor", [1.0, 1 + 1e-7, 1 + 1e-10])
def test_relative_errors_far_above_roundoff_are_seen(factor):
    code = SimpleNamespace(forward=lambda X: (np.tanh(X), None))
    X = np.array([[0.3, -0.8], [1.1, 0.2]])
    case = case_of(X=X, upstream=(np.array([[2.0, -3.0], [0.5, 1.5]]),))
    right = case.upstream[0] * (1 - np.tanh(X) ** 2)
    (agreement,) = agrees(code, case, ("X",), {"X": factor * right})
    assert agreement.ok == (factor == 1.0)


def test_directions_stay_in_the_kind():
    def forward(P, S):
        assert np.all(P > 0)
        assert np.all(np.abs(P.sum(-1) - 1) <= 8 * np.finfo(float).eps)
        return np.log(P).sum() + np.log(np.linalg.det(S)) * (1.0 if np.array_equal(S, S.T) else math.nan), None

    inputs = {"P": np.array([[0.25, 0.75]]), "S": np.array([[2.0, 1.0], [1.0, 3.0]])}
    case = Case({}, inputs, (np.array(2.0),), {"P": Kind("stochastic"), "S": Kind("spd")})
    gradients = {"P": 2 / inputs["P"], "S": 2 * np.linalg.inv(inputs["S"])}
    found = agrees(SimpleNamespace(forward=forward), case, ("P", "S"), gradients)
    assert [agreement.kind for agreement in found] == ["smooth", "smooth"]
    assert all(agreement.ok for agreement in found)


def test_the_expected_gradient_is_found_entry_by_entry():
    code = SimpleNamespace(forward=lambda X, s: (s * X**3, None))
    case = case_of(X=np.array([1.0, -2.0]), s=np.array(0.5), upstream=(np.array([2.0, 1.5]),))
    assert [round(g, 9) for g in expected_gradient(code, case, "X")] == [3.0, 9.0]
    assert round(float(expected_gradient(code, case, "s")), 9) == -10.0


def gauss(scale=1.0):
    """exp(-x²/2), its gradient times a scale."""
    return SimpleNamespace(
        forward=lambda X: (np.exp(-X * X / 2), X), backward=lambda G, X: {"X": -scale * G * X * np.exp(-X * X / 2)}
    )


@pytest.mark.parametrize(("scale", "ok"), [(1.0, True), (1.01, False)])
def test_what_float32_cannot_hold_is_no_fault_but_what_it_can_hold_is_checked(scale, ok):
    code = gauss(scale)
    small, large = np.float32(20.0), np.float32(1.5)  # exp(-200) is 0 in float32
    for x, judged in ((small, True), (large, ok)):
        case = case_of(X=np.array([x]), upstream=(np.array([0.5], np.float32),))
        case = replace(case, dtype=np.dtype(np.float32))
        (agreement,) = agrees(code, case, ("X",), code.backward(case.upstream[0], case.inputs["X"]))
        assert agreement.ok is judged


def test_what_overflows_float32_is_undecided_and_nan_elsewhere_is_wrong():
    code = SimpleNamespace(forward=lambda X: (np.exp(X), X), backward=lambda G, X: {"X": G * np.exp(X)})
    for x, ok in ((400.0, True), (4.0, False)):
        case = case_of(X=np.array([x], np.float32), upstream=(np.array([2.0], np.float32),))
        case = replace(case, dtype=np.dtype(np.float32))
        (agreement,) = agrees(code, case, ("X",), {"X": np.array([np.inf], np.float32)})
        assert agreement.ok is ok


def test_a_kink_times_0_is_undecided_and_a_smooth_function_times_0_is_not():
    X, g = np.array([0.0, 0.0]), np.array(0.0)
    norm = SimpleNamespace(forward=lambda X, g: (g * np.sqrt((X * X).sum()), None))
    square = SimpleNamespace(forward=lambda X, g: (g * (X * X).sum(), None))
    for code, ok in ((norm, True), (square, False)):
        case = case_of(X=X, g=g, upstream=(np.array(2.0),))
        (agreement,) = agrees(code, case, ("X",), {"X": np.array([math.nan, math.nan])})
        assert agreement.ok is ok


class Interactions:
    """A factorization machine: with one feature it is 0 whatever its inputs, and its gradient the rounding of terms."""

    def __init__(self, slip=0.0):
        self.slip = slip

    def forward(self, x, V):
        return ((x @ V) ** 2 - x**2 @ V**2).sum(axis=1), (x, V)

    def backward(self, dY, cache):
        x, V = cache
        g = 2 * dY[:, None]
        dx = (g * (x @ V)) @ V.T - x * (g * V**2).sum(axis=1, keepdims=True) + self.slip * x
        return {"x": dx, "V": x.T @ (g * (x @ V)) - (g * x**2).sum(axis=0)[:, None] * V}


@pytest.mark.parametrize(("slip", "ok"), [(0.0, True), (1e-12, False), (1.0, False)])
def test_terms_that_cancel_everywhere_leave_their_rounding_and_no_more(slip, ok):
    found = []
    for seed in range(12):
        chance = np.random.default_rng(seed)
        inputs = {"x": chance.standard_normal((1, 1)), "V": np.array([[1.0, 0.5]])}  # squares of x are exact multiples
        case = Case({"n": 1, "d": 1, "k": 2}, inputs, (chance.standard_normal(1),), dict.fromkeys(inputs, FLOAT), seed=seed)
        code = Interactions(slip)
        gradients = code.backward(case.upstream_argument(), code.forward(*case.arguments().values())[1])
        found += agrees(code, case, ("x",), gradients)
    assert any(each.got for each in found)
    assert all(each.ok for each in found) if ok else not any(each.ok for each in found)


class LargestOrThird:
    """The largest of three; where two are largest, the third gets the gradient."""

    def forward(self, x):
        return x.max(), x

    def backward(self, dY, x):
        place = x.argmax() if (x == x.max()).sum() == 1 else 2
        return {"x": np.where(np.arange(3) == place, dY, 0)}


def test_a_jump_at_a_tie_does_not_pass_for_rounding():
    """Shaken inputs have no tie, so that the gradient there is another; that says nothing of its rounding."""
    case = case_of(x=np.array([1.0, 1.0, 0.5]), upstream=(np.array(2.0),))
    code = LargestOrThird()
    wrong, right = code.backward(2.0, case.inputs["x"])["x"], np.array([2.0, 0, 0])
    for gradient, ok in ((wrong, False), (right, True)):
        for along in np.eye(3):
            found = agrees_along(code, case, "x", gradient, along, np.random.default_rng(0))
            assert found.ok == (ok or along[2] == 0)
