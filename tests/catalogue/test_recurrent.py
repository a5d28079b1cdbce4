"""Recurrent cells: what they compute by hand, their gradients as textbooks print them, and lies that are caught."""

import numpy as np
import pytest

import derive

CELLS = ("rnn_cell", "lstm_cell", "gru_cell")
SIZES = {"n": 3, "d": 2, "h": 4}


def drawn(layer, seed=0, **sizes):
    """Arrays for the inputs of a layer."""
    chance, at = np.random.default_rng(seed), {**SIZES, **sizes}
    return [chance.standard_normal([size.at(at).constant for size in i.shape]) for i in layer.inputs]


def upstream_of(layer, seed=1, **sizes):
    chance, at = np.random.default_rng(seed), {**SIZES, **sizes}
    given = [chance.standard_normal([size.at(at).constant for size in layer.named(o).shape]) for o in layer.outputs]
    return given[0] if len(given) == 1 else tuple(given)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(name, input, hx, *rest):
    """One step, written as torch's documentation does: the gates one by one."""
    cx, (w_ih, w_hh, b_ih, b_hh) = (rest[0], rest[1:]) if name == "lstm_cell" else (None, rest)
    h = hx.shape[1]

    def x(k):
        return input @ w_ih[k * h : (k + 1) * h].T + b_ih[k * h : (k + 1) * h]

    def y(k):
        return hx @ w_hh[k * h : (k + 1) * h].T + b_hh[k * h : (k + 1) * h]

    if name == "rnn_cell":
        return np.tanh(x(0) + y(0))
    if name == "gru_cell":
        r, z = sigmoid(x(0) + y(0)), sigmoid(x(1) + y(1))
        return (1 - z) * np.tanh(x(2) + r * y(2)) + z * hx
    i, f, g, o = sigmoid(x(0) + y(0)), sigmoid(x(1) + y(1)), np.tanh(x(2) + y(2)), sigmoid(x(3) + y(3))
    cy = f * cx + i * g
    return o * np.tanh(cy), cy


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_computes_what_torch_documents(name):
    layer = derive.layers[name]
    given = drawn(layer)
    np.testing.assert_allclose(layer.derive().compile().forward(*given)[0], by_hand(name, *given), rtol=1e-13)


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_proved_on_every_rung(name):
    verdict = derive.layers[name].verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    assert verdict.assumptions == ()
    assert {r.name: r.status for r in verdict.evidence}["read-back"] == "proved"


LINES = {
    "rnn_cell": {"z": "dhy * (1 - hy ** 2)", "hx": "dz @ w_hh", "w_hh": "dz.T @ hx", "b_hh": "dx.sum(axis=0)", "input": "dx @ w_ih"},
    "lstm_cell": {"tc": "dhy * o", "cy": "dtc * (1 - tc ** 2) + dcy_out", "cx": "dcy * f", "zf": "df * f * (1 - f)", "zg": "dg * (1 - g ** 2)",
                  "z": "np.concatenate((dzi, dzf, dzg, dzo), axis=1)", "w_ih": "dx.T @ input"},
    "gru_cell": {"g": "dhy * (1 - z)", "yg": "dag * r", "y": "np.concatenate((dyr, dyz, dyg), axis=1)", "hx": "dhy * z + dy @ w_hh"},
}  # fmt: skip


@pytest.mark.parametrize("name", LINES)
def test_gradients_read_as_in_a_textbook(name):
    derivation = derive.layers[name].derive()
    assert {key: str(derivation.step(key).expression) for key in LINES[name]} == LINES[name]


def test_the_gates_give_the_lines_their_names():
    assert [e.name for e in derive.layers["lstm_cell"].equations] == [
        "x", "z", "zi", "zf", "zg", "zo", "i", "f", "g", "o", "cy", "tc", "hy"]  # fmt: skip


def test_relu_in_place_of_tanh():
    layer = derive.layers["rnn_cell"].with_options(nonlinearity="relu")
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    assert layer.derive().prove().assumptions == ("z ≠ 0",)
    given = drawn(layer)
    input, hx, w_ih, w_hh, b_ih, b_hh = given
    np.testing.assert_allclose(layer(*given), np.maximum(input @ w_ih.T + b_ih + hx @ w_hh.T + b_hh, 0), rtol=1e-13)
    with pytest.raises(derive.DeriveError, match="nonlinearity='sigmoid'; one of 'tanh', 'relu' was wanted"):
        layer.with_options(nonlinearity="sigmoid")


def test_single_precision_stays():
    for name in CELLS:
        layer = derive.layers[name]
        code = layer.derive().compile()
        y, cache = code.forward(*[a.astype(np.float32) for a in drawn(layer)])
        up = upstream_of(layer)
        up = tuple(u.astype(np.float32) for u in up) if isinstance(up, tuple) else up.astype(np.float32)
        assert {np.asarray(v).dtype for v in (*(y if isinstance(y, tuple) else (y,)), *code.backward(up, cache).values())} == {np.dtype("float32")}
