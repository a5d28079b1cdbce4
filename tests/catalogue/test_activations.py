"""Activations, gated units, dropout, linear: values, kinks, dtypes, any rank, SymPy out, and options refused."""

import numpy as np
import pytest
import sympy as sp
from scipy import special

import derive
from derive import DeriveError
from derive.catalogue import activations
from derive.derivation.layer import Layer

EXPIT = special.expit
VALUES = {
    "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "silu": lambda x: x * EXPIT(x), "gelu": lambda x: x * special.ndtr(x),
    "softplus": lambda x: np.logaddexp(0, x), "logsigmoid": special.log_expit, "mish": lambda x: x * np.tanh(np.logaddexp(0, x)),
    "softsign": lambda x: x / (1 + abs(x)), "relu6": lambda x: np.clip(x, 0, 6), "hardtanh": lambda x: np.clip(x, -1, 1),
    "hardsigmoid": lambda x: np.clip(x + 3, 0, 6) / 6, "hardswish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "leaky_relu": lambda x: np.where(x > 0, x, 0.01 * x), "rrelu": lambda x: np.where(x > 0, x, (1 / 8 + 1 / 3) / 2 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)), "celu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x)),
    "hardshrink": lambda x: np.where(abs(x) > 0.5, x, 0), "softshrink": lambda x: np.sign(x) * np.maximum(abs(x) - 0.5, 0),
    "threshold": lambda x: np.where(x > 0, x, 0),
}  # fmt: skip
OWN = [layer.name for layer in vars(activations).values() if isinstance(layer, Layer)]


def compiled(name, **options):
    return derive.layers[name].with_options(**options).derive().compile()


def test_every_activation_has_its_values_told_otherwise():
    assert {*VALUES, "prelu"} == set(OWN)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 0, 3), (2, 1, 3, 2)])
@pytest.mark.parametrize("name", VALUES)
def test_values_of_any_rank_in_their_own_dtype(name, shape, dtype):
    code = compiled(name)
    x = np.random.default_rng(0).normal(size=shape).astype(dtype) * 4
    y, cache = code.forward(x)
    dx = code.backward(np.ones_like(y), cache)["input"]
    assert y.dtype == dx.dtype == dtype
    assert y.shape == dx.shape == shape
    np.testing.assert_allclose(y, VALUES[name](x.astype(np.float64)), rtol=16 * np.finfo(dtype).eps, atol=16 * np.finfo(dtype).eps)


SLOPES = {
    ("relu", 0): 0, ("relu6", 0): 0, ("relu6", 6): 0, ("leaky_relu", 0): 0.01, ("elu", 0): 1, ("celu", 0): 1, ("softsign", 0): 1,
    ("hardtanh", -1): 0, ("hardtanh", 1): 0, ("hardsigmoid", -3): 0, ("hardsigmoid", 3): 0, ("hardshrink", 0.5): 0,
    ("hardshrink", -0.5): 0, ("softshrink", 0.5): 0, ("softshrink", -0.5): 0, ("threshold", 0): 0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "at"), SLOPES)
def test_at_a_kink_the_slope_is_pytorchs(name, at):
    code = compiled(name)
    y, cache = code.forward(np.array([float(at)]))
    np.testing.assert_array_equal(code.backward(np.ones_like(y), cache)["input"], [SLOPES[name, at]])


GRADIENTS = {
    "relu": "dY * (input > 0)", "tanh": "dY * (1 - Y ** 2)", "softplus": "dY * sigmoid(input)", "logsigmoid": "dY * sigmoid(-input)",
    "softsign": "dY / (1 + np.abs(input)) ** 2", "silu": "dY * A + dA * A * (1 - A)",
    "gelu": "dY * special.ndtr(input) + dY * input * np.exp(-0.5 * input ** 2) / np.sqrt(2 * np.pi)",
    "linear": "dY @ weight", "dropout": "2 * (dY * mask)", "glu": "np.concatenate((dA, dB), axis=1)",
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_read_as_in_a_textbook(name):
    assert str(derive.layers[name].derive().gradients["input"]) == GRADIENTS[name]


def test_kinks_are_told():
    assert derive.layers["relu"].derive().prove().assumptions == ("input ≠ 0",)
    assert derive.layers["softplus"].derive().prove().assumptions == ()


@pytest.mark.parametrize("name", ["relu", "tanh", "softplus", "silu", "gelu"])
def test_gradients_in_sympy_have_the_shape_and_the_value(name):
    x = 0.37
    gradient = derive.layers[name].derive().gradients["input"]
    assert gradient.shape == derive.layers[name].inputs[0].shape
    if name in ("relu", "softplus"):
        written = derive.layers[name].derive().sympy("input")
        batch, d = written.shape
        assert {str(batch), str(d)} == {"batch", "d"}
    _, cache = compiled(name).forward(np.array([x]))
    slope = compiled(name).backward(np.ones(1), cache)["input"][0]
    t = sp.Symbol("t")
    formula = {"relu": t, "tanh": sp.tanh(t), "softplus": sp.log(1 + sp.exp(t)), "silu": t / (1 + sp.exp(-t)),
               "gelu": t * (1 + sp.erf(t / sp.sqrt(2))) / 2}[name]  # fmt: skip
    assert abs(slope - float(sp.diff(formula, t).subs(t, x))) < 1e-14


REFUSED = {
    "gelu": {"approximate": "sin"}, "softplus": {"beta": 0.0}, "softplus ": {"threshold": 1.0}, "hardtanh": {"min_val": 2.0},
    "dropout": {"p": 1.0}, "dropout ": {"p": -0.1}, "glu": {"dim": 0}, "celu": {"alpha": -1.0}, "linear": {"bias": "yes"},
    "softshrink": {"lambd": -1.0}, "rrelu": {"lower": 1.0},
}  # fmt: skip


@pytest.mark.parametrize("title", REFUSED)
def test_options_out_of_range_are_refused(title):
    with pytest.raises(DeriveError):
        derive.layers[title.strip()].with_options(**REFUSED[title])


def test_a_gated_unit_wants_an_even_axis():
    with pytest.raises(DeriveError, match=r"glu: input \(2, 3\); wanted"):
        compiled("glu").forward(np.ones((2, 3)))


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(DeriveError, match="dropout"):
        compiled("dropout").forward(np.ones((2, 3)), np.ones((2, 4), bool))


@pytest.mark.parametrize("p", [0.0, 0.1, 0.3, 0.5])
def test_dropout_scales_what_it_keeps(p):
    x, mask = np.arange(6.0).reshape(2, 3), np.array([[True, False, True], [False, True, True]])
    y, cache = compiled("dropout", p=p).forward(x, mask)
    np.testing.assert_allclose(y, x * mask / (1 - p), rtol=1e-15)
    np.testing.assert_allclose(compiled("dropout", p=p).backward(np.ones_like(y), cache)["input"], mask / (1 - p), rtol=1e-15)


@pytest.mark.parametrize(
    ("name", "options"),
    [("gelu", {"approximate": "tanh"}), ("softplus", {"beta": 0.3}), ("elu", {"alpha": 0.7}), ("celu", {"alpha": 0.7}), ("leaky_relu", {"negative_slope": 1 / 3}),
     ("prelu", {"per_channel": True}), ("glu", {"dim": -2}), ("swiglu", {"bias": True}), ("dropout", {"training": False}), ("linear", {"bias": False}),
     ("bilinear", {"bias": False}), ("rrelu", {"training": True}), ("hardtanh", {"min_val": -2.0, "max_val": 0.5}), ("threshold", {"threshold": 0.5, "value": -1.0})],
)  # fmt: skip
def test_options_are_proved_and_withstand_the_attack(name, options):
    verdict = derive.layers[name].with_options(**options).verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
