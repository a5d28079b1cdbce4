"""The forms of scalar functions: each fires, is proved, keeps the value; its mutants are refused; digits are kept."""

import warnings
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from scipy import special

import derive
from derive.arrays import build
from derive.arrays.array import apply
from derive.arrays.gather import Pick
from derive.arrays.named import Named, name
from derive.arrays.operations import Broadcast
from derive.arrays.reducing import arange
from derive.arrays.softmax import LogSoftmax, LogSumExp, Softmax
from derive.rules import proof
from derive.rules.forms import FORMS, apart, labels, means, scalars, shares, speed
from derive.rules.mutants import mutants
from derive.rules.stable import is_proved, stabilized

from ..arrays.values import N, assert_same, differ, node_values, values_for, work
from ..arrays.values import S as size

X, V, G, S, T, P, E, U = (N(key, "n d") for key in "XVGSTPEU")
q, r, K = N("q", ""), N("r", ""), name("K", X.shape, "bool")
SIZES = {"n": 2, "d": 3}
LONG = {"weights_scaled"}  # what is not proved is tried with the largest entry written out, for a minute: see below
EVERY = 20  # of the mutants of forms of rows, which are long


def f(function, *operands):
    return build.elementwise(function, *operands)


GIVEN = {"S": f("sigmoid", X), "T": np.tanh(X), "P": f("softplus", X), "E": np.exp(X), "U": np.tanh(P), "B": G * ~(X > 0),
         "D": -(V / S) + G / (1 - S)}

t, w, L = N("t", "n : int[0,d)"), N("w", "n"), apply(LogSumExp((1,)), X)
PICKED, SOFT, ONE = apply(Pick(1), X, t), apply(Softmax((1,)), X), t[:, None] == arange(size("d"))
MOST = np.where(ONE, Fraction(3, 4) + build.constant(Fraction(1, 4)) / size("d"), build.constant(Fraction(1, 4)) / size("d"))
GIVEN |= {"M": MOST, "L": L, "Q": V * V, "W": w * w}
ROOT = build.spread(np.sqrt(build.constant(2)), X.shape)
M, Q = N("M", "n d"), N("Q", "n d")


def copies(array):
    return apply(Broadcast(X.shape, (0,)), array)


GIVEN["F"] = G * copies(w)
FIRES = {
    "log_softmax_shifted": [apply(LogSoftmax((1,)), X), apply(LogSoftmax((0,)), X), apply(LogSoftmax((0, 1)), X)],
    "surprise_of_all": [copies(L) - X, copies(N("L", "n")) - X],
    "surprise": [L - PICKED, N("L", "n") - PICKED],
    "surprise_of_smoothed": [L - (M * X).sum(axis=1), L - (X * MOST).sum(axis=1)],
    "softmax_less_onehot": [SOFT - ONE, copies(w) * (SOFT - ONE), q * (SOFT - ONE)],
    "softmax_less_smoothed": [SOFT - M, copies(w) * (SOFT - MOST)],
    "softmax_less_even": [SOFT - V - Fraction(1, 8), copies(w) * (SOFT - 2 * V - build.spread(build.constant(Fraction(1, 4)) / size("d"), X.shape))],
    "softmax_less_shares": [copies(Q.sum(axis=1)) * SOFT - Q, copies(w) * (copies(V.sum(axis=1)) * SOFT - V)],
    "weights_scaled": [(w * PICKED).sum() / w.sum(), (N("W", "n") * PICKED).sum() / w.sum()],
    "sigmoid_by_its_tail": [f("sigmoid", X), f("sigmoid", -X), f("sigmoid", 2 * X), f("sigmoid", -(0.5 * X)), f("sigmoid", q)],
    "softplus_by_its_tail": [f("softplus", X), f("softplus", -X), f("softplus", 3 * X)],
    "sum_of_exponentials": [np.logaddexp(X, V)],
    "logarithm": [np.log(1 + np.exp(X)), np.log(E + 1), np.log(S), np.log(1 - S), np.log(1 + X), np.log1p(np.exp(X)), np.log1p(E)],
    "normal_distribution_by_its_tail": [f("ndtr", X), f("ndtr", -X)],
    "rest_of_one": [1 - S, 1 + T, 1 - T, np.exp(X) - 1, 1 - np.exp(X), E - 1, 1 - E, 3 * E - 3, 1 - f("sigmoid", -V), T + 1],
    "slope_of_tanh": [1 - T**2, 1 - np.tanh(V) ** 2, 1 - U**2],
    "tanh_of_softplus": [np.tanh(P), np.tanh(f("softplus", V))],
    "slope_of_sigmoid": [S * (1 - S), G * S * (1 - S), G * (1 - S) * V * S],
    "cases_as_sum": [np.where(X > 0, X, 0.1 * X), np.where(X > 0, X, 2 * (np.exp(X) - 1)), np.where(X > 0, X**2, V * X)],
    "masked_exponential": [(X <= 0) * np.exp(X), G * np.exp(2 * X) * ~(X > 1), (V >= X) * (G * (np.exp(X) - 1)), (V > X) * np.exp(X), N("B", "n d") * E],
    "quotients_cancelled": [(G / S - V / (1 - S)) * S * (1 - S), S * N("D", "n d") * (1 - S), S * (G / S)],
    "power_as_product": [X**3, X**4, X**-1, X**-2, X**5, X ** Fraction(3, 2), X ** Fraction(-1, 2), X**8],
    "numbers_together": [2 * (X * 3), 0.5 * (X * (2 * V)), (4 * X) * 0.5],
    "mask_as_factor": [np.where(X > V, X, 0), np.where(abs(X) > 0.5, 0, V)],
    "mask_with_its_number": [2 * (X * K), 2 * (K * X)],
    "signs_together": [f("negative", -X), X + (-V), X - (-V)],
    "common_factor": [X * V + X * G, X * V - G * X, V + X * G - X * S, X * V / G + X * S, 2 * (X * V) + X * G, 2 * X + 2 * V,
                      G + 3 * X - 3 * V],
    "common_copies": [N("F", "n d") - copies(w * q), copies(w) * X - G * copies(w * q), V * copies(w) + N("F", "n d") - copies(w * q / r)],
    "copies_together": [X * copies(w) / copies(q * w), copies(w) * (X * V) / copies(w), X * V * copies(w) / copies(w + 1)],
    "common_term": [2 * (X + 3 * (X * V)), ROOT * (3 * (V * X) - X), 0.5 * (X - ROOT * (V * X))],
    "numbers_into_sum": [2 * ((1 + 3 * X) * V), ROOT * (V * (4 * (2 * X - ROOT) * G)), 3 * (V * (1 - 3 * (X * G)))],
}  # fmt: skip

MODULES = {module.__name__ for module in (apart, labels, means, scalars, shares, speed)}
BOOK = {form.__name__: form for forms in FORMS.values() for form in forms if form.__module__ in MODULES}
OF_ROWS = {title for title, form in BOOK.items() if form.__module__ not in (scalars.__name__, speed.__name__)}
CASES = [(title, node) for title, nodes in FIRES.items() for node in nodes]


def definition(part):
    return GIVEN.get(part.op.label, part) if isinstance(part.op, Named) else part


def fired(title, node):
    assert BOOK[title] in FORMS[type(node.op)]
    after = BOOK[title](node, definition)
    assert after is not None
    assert after is not node
    return after


def at_a_point(*expressions, seed=0):
    """Values of all names, those with a definition being what it says."""
    arrays = values_for([*expressions, X, P, G, V, w, t], SIZES, seed)
    for key, formula in GIVEN.items():
        arrays[key] = node_values(formula, SIZES, arrays)[formula]
    return arrays


@pytest.fixture(autouse=True)
def _forget():
    proof.forget()


def test_every_form_has_a_case():
    assert set(FIRES) == set(BOOK)


@pytest.mark.parametrize(("title", "node"), CASES, ids=str)
def test_a_form_fires_is_proved_and_keeps_the_value(title, node):
    after = fired(title, node)
    assert after.shape == node.shape
    assert is_proved(node, after, GIVEN)
    arrays = at_a_point(node, after)
    assert_same(node_values(after, SIZES, arrays)[after], node_values(node, SIZES, arrays)[node], 8 * work(after, SIZES))


@pytest.mark.parametrize(("title", "node"), [case for case in CASES if case[0] not in LONG], ids=str)
def test_no_mutant_of_a_form_is_proved(title, node):
    after = fired(title, node)
    attacked = 0
    for _, mutant in islice(mutants(after), 0, None, EVERY if title in OF_ROWS else 1):
        arrays = at_a_point(node, mutant)
        try:
            with np.errstate(all="ignore"):
                right, wrong = node_values(node, SIZES, arrays)[node], node_values(mutant, SIZES, arrays)[mutant]
        except (TypeError, ZeroDivisionError, ValueError):  # NumPy does not spell it: 0 ** -1
            continue
        if np.isfinite(wrong).all() and differ(right, wrong, 8 * work(mutant, SIZES)):
            attacked += 1
            assert not is_proved(node, mutant, GIVEN)
    assert attacked


def test_weights_are_scaled_above_and_below_or_not_at_all():
    right = (w * PICKED).sum() / w.sum()
    by = abs(q) + 1
    scaled, alone = w / build.spread(by, w.shape), (w / build.spread(by, w.shape) * PICKED).sum()
    assert is_proved(right, alone / scaled.sum(), {})
    for wrong in (alone / w.sum(), (w * PICKED).sum() / scaled.sum(), (scaled * scaled * PICKED).sum() / scaled.sum()):
        assert not is_proved(right, wrong, {})


@pytest.mark.parametrize(("title", "node"), CASES, ids=str)
def test_what_a_form_makes_has_no_form_for_ever(title, node):
    """The stable form of a stable form is itself."""
    once = stabilized(node, GIVEN)
    assert stabilized(once, GIVEN) is once




# ---- formulas as users write them keep their digits, and make no nan


def sigmoid_by_hand(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_otherwise(x):
    return np.exp(x) / (1 + np.exp(x))


def softplus_by_hand(x):
    return np.log(1 + np.exp(x))


def loss_of_sigmoid(x):
    s = 1 / (1 + np.exp(-x))
    return -np.log(s)


def loss_of_the_rest(x):
    s = 1 / (1 + np.exp(-x))
    return np.log(1 - s)


def tanh_by_hand(x):
    return (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x))


def elu_by_hand(x):
    return np.where(x > 0, x, np.exp(x) - 1)


def normal_by_hand(x):
    return 0.5 * (1 + special.erf(x / np.sqrt(2)))


def logarithm_of_one_and(x):
    return np.log(1 + x * x)


EXPIT = special.expit
WRITTEN = {
    sigmoid_by_hand: (EXPIT, lambda x: EXPIT(x) * EXPIT(-x)),
    sigmoid_otherwise: (EXPIT, lambda x: EXPIT(x) * EXPIT(-x)),
    softplus_by_hand: (lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))), EXPIT),
    loss_of_sigmoid: (lambda x: -special.log_expit(x), lambda x: -EXPIT(-x)),
    loss_of_the_rest: (lambda x: special.log_expit(-x), lambda x: -EXPIT(x)),
    tanh_by_hand: (np.tanh, lambda x: 4 * EXPIT(2 * x) * EXPIT(-2 * x)),
    elu_by_hand: (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), lambda x: np.exp(np.minimum(x, 0))),
    normal_by_hand: (special.ndtr, lambda x: np.exp(-x * x / 2) / np.sqrt(2 * np.pi)),
    logarithm_of_one_and: (lambda x: np.log1p(x * x), lambda x: 2 * x / (1 + x * x)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", WRITTEN, ids=lambda function: function.__name__)
def test_a_formula_keeps_its_digits_wherever_it_is_asked(function, dtype):
    function.__annotations__["x"] = "n"
    layer = derive.layer(function)
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    code = layer.derive().compile()
    size = np.concatenate([np.geomspace(1e-30, 1e3, 400), np.linspace(0.1, 40, 200), [88.5, 89.5, 710.5]])
    x = np.concatenate([size, -size]).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing overflows on the way
        y, cache = code.forward(x)
        dx = code.backward(np.ones_like(y), cache)["x"]
    assert y.dtype == dx.dtype == dtype
    info = np.finfo(dtype)
    with np.errstate(all="ignore"):
        for got, truth in zip((y, dx), WRITTEN[function], strict=True):
            want = truth(x.astype(np.float64)).astype(np.longdouble)
            moved = np.abs(truth(x.astype(np.float64) * (1 + info.eps)) - truth(x.astype(np.float64)))
            allowed = 8 * (info.eps * np.abs(want) + moved + info.tiny * info.eps) + 4 * np.finfo(np.float64).eps * np.abs(want)
            normal = np.abs(want) >= info.tiny
            assert np.isfinite(got).all()
            assert (np.abs(got - want) <= allowed)[normal].all(), x[normal][np.argmax((np.abs(got - want) / allowed)[normal])]
