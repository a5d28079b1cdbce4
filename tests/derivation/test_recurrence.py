"""Cells over steps: the table of lines, proved for every step and number of steps; what cannot be is refused."""

import re

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.arrays.size_text import read_size
from derive.derivation.recurrence import State, over_steps
from derive.derivation.steps import at_place, at_step, each_step, sum_of_steps
from derive.index.terms import Index
from derive.rules.proof import is_adjoint, is_equal

HIDDEN = State("hx", "hy", "h0", "h_n")
NAMES = ("rnn", "lstm", "gru")


def S(text):
    return read_size(text)


@derive.layer
def leaky(x: "n d", hx: "n d", a: "d"):
    """A running mean with a learned rate for each column."""
    hy = hx + a * (x - hx)
    return hy


@derive.layer
def mixed(x: "n d", y: "n k", hx: "n d", cx: "n d", W: "k d"):
    """Two sequences, two states, an output that is no state, and products after the step's own."""
    p = y @ W
    hy = np.tanh(hx + p) * x
    cy = cx + hy.mean(axis=0)
    out = hy * cy
    return hy, cy, out


LEAKY = over_steps(leaky, "leaky_mean", sequences=["x"], states=[HIDDEN], outputs={"means": "hy"})
MIXED = over_steps(
    mixed,
    "mixed_steps",
    sequences=["x", "y"],
    states=[HIDDEN, State("cx", "cy", "c0", "c_n")],
    outputs={"outs": "out", "h_all": "hy"},
    steps="k_steps",
)
ALL = {**{key: derive.layers[key] for key in NAMES}, "leaky": LEAKY, "mixed": MIXED}


@pytest.mark.parametrize("key", ALL)
def test_every_line_is_proved(key):
    derivation = ALL[key].derive()
    verdict = derivation.prove()
    assert verdict.status == "proved"
    assert all(step.verdict.status == "proved" for step in derivation.steps)
    assert derivation.wrt == ALL[key].wrt


def test_the_table_reads_as_backpropagation_through_time():
    lines = {step.adjoint: str(step.expression) for step in derive.layers["rnn"].derive().steps}
    assert lines == {
        "doutput": "doutput",
        "dh_n": "dh_n",
        "dhx[t]": "dh_n",
        "dhy[s]": "doutput[s] + dhx[s + 1]",
        "dz[s]": "dhy[s] * (1 - hy[s] ** 2)",
        "dhx[s]": "dz[s] @ w_hh",
        "dh0": "dhx[0]",
        "dw_hh": "sum(dz[s].T @ hx[s] for s in range(t))",
                "dx[s]": "dz[s]",
        "dinput[s]": "dx[s] @ w_ih",
        "dw_ih": "sum(dx[s].T @ input[s] for s in range(t))",
        "db_ih": "sum(dx[s].sum(axis=0) for s in range(t))",
        "db_hh": "sum(dx[s].sum(axis=0) for s in range(t))",
    }


def test_the_equations_say_how_steps_are_tied():
    shown = [str(e) for e in derive.layers["lstm"].equations]
    assert shown[:2] == ["hx[0] = h0", "cx[0] = c0"]
    assert shown[-5:] == ["hx[s + 1] = hy[s]", "cx[s + 1] = cy[s]", "output = hy", "h_n = hx[t]", "c_n = cx[t]"]
    assert "cy[s] = f[s] * cx[s] + i[s] * g[s]" in shown


def test_gradients_have_the_shapes_of_the_inputs():
    for layer in ALL.values():
        derivation = layer.derive()
        for i in layer.inputs:
            assert derivation.gradients[i.name].shape == i.shape


def test_some_inputs_only():
    layer = derive.layers["gru"]
    derivation = layer.derive(wrt=["w_hh", "h0"])
    assert tuple(derivation.gradients) == ("w_hh", "h0")
    assert derivation.prove().status == "proved"
    with pytest.raises(derive.DeriveError, match="wrt 'hx'"):
        layer.derive(wrt=["hx"])


@pytest.mark.parametrize("key", ALL)
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_network_of_a_few_steps_is_a_network_like_any_other(key, steps):
    """Its own derivation is proved, and gives at numbers what the recurrence gives."""
    layer = ALL[key]
    unrolled = layer.unrolled(steps)
    assert unrolled.derive().prove().status == "proved"
    sizes = {"n": 2, "d": 3, "h": 2, "k": 2, "t": steps, "k_steps": steps}
    chance = np.random.default_rng(0)
    given = [chance.standard_normal([size.at(sizes).constant for size in i.shape]) for i in layer.inputs]
    outputs, gradients = [], []
    for code in (layer.derive().compile(), unrolled.derive().compile()):
        y, cache = code.forward(*given)
        chance = np.random.default_rng(1)
        outputs.append(y)
        gradients.append(code.backward(tuple(chance.standard_normal(part.shape) for part in y), cache))
    for ours, theirs in zip(*outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)
    for label in gradients[0]:
        np.testing.assert_allclose(gradients[0][label], gradients[1][label], rtol=1e-10, atol=1e-12)


# ---- wrong lines


def _uses(layer):
    from derive.derivation.recurrence import _Lines

    return _Lines(layer, layer.wrt)


WRONG = {
    "the step after forgotten": ("hy", lambda at: at["doutput"]),
    "what collects it forgotten": ("hy", lambda at: at["dhx", 1]),
    "the wrong step": ("hy", lambda at: at["doutput"] + at["dhx"]),
    "the upstream gradient of another step": ("hy", lambda at: at["dhx", 1] + at["dhx"]),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_line_between_steps_is_not_proved(what):
    layer = derive.layers["rnn"]
    lines = _uses(layer)
    s = layer.loop.step
    arrays = {"doutput": name("doutput", (S("t"), S("n"), S("h"))), "dhx": lines.adjoints["hx"]}
    at = {key: at_step(array, s) for key, array in arrays.items()} | {("dhx", 1): at_step(arrays["dhx"], s, 1)}
    key, wrong = WRONG[what]
    right = at["doutput"] + at["dhx", 1]
    assert lines.line("hy[s]", key, right, each_step(right, s), "copy").verdict.status == "proved"
    claimed = wrong(at)
    assert lines.line("hy[s]", key, claimed, each_step(claimed, s), "copy").verdict.status == "open"


def test_a_sum_over_steps_that_keeps_only_one_is_not_proved():
    layer = derive.layers["rnn"]
    lines, s = _uses(layer), layer.loop.step
    dx, input = lines.adjoints["x"], layer.loop.stacks["input"]
    right = sum_of_steps(at_step(dx, s).T @ at_step(input, s), s)
    assert lines.line("w_ih", "w_ih", right, right, "matmul").verdict.status == "proved"
    for place in (0, S("t") - 1):
        wrong = at_place(dx, place).T @ at_place(input, place)
        assert lines.line("w_ih", "w_ih", wrong, wrong, "matmul").verdict.status == "open"


# ---- the language of steps


def test_a_step_is_bound_where_it_is_stacked_or_summed():
    t, n = S("t"), S("n")
    s = Index(t, "s")
    A, B = name("A", (t, n)), name("B", (t, n))
    assert is_equal(each_step(at_step(A, s), s), A)
    assert is_equal(sum_of_steps(at_step(A, s), s), A.sum(axis=0))
    assert is_equal(sum_of_steps(at_step(A, s) * at_step(B, s), s), (A * B).sum(axis=0))
    assert not is_equal(sum_of_steps(at_step(A, s), s) * sum_of_steps(at_step(B, s), s), (A * B).sum(axis=0))
    assert is_equal(sum_of_steps(at_step(A, s), s) * sum_of_steps(at_step(B, s), s), A.sum(axis=0) * B.sum(axis=0))
    outer = each_step(at_step(A, s), s)  # read again at the same step, it is not caught
    assert is_equal(each_step(at_step(outer, s) * at_step(B, s), s), A * B)
    summed = sum_of_steps(at_step(A, s), s)
    assert is_equal(each_step(summed * at_step(B, s), s), A.sum(axis=0) * B)


def test_a_step_before_and_after():
    t, n = S("t"), S("n")
    s = Index(t, "s")
    H = name("H", (t + 1, n))
    assert is_equal(each_step(at_step(H, s, 1), s), H[1:])
    assert is_equal(each_step(at_step(H, s), s), H[:-1])
    assert not is_equal(each_step(at_step(H, s, 1), s), H[:-1])
    assert is_equal(at_place(H, t), H[-1])
    assert is_adjoint(each_step(at_step(name("G", (t, n)), s), s), name("H1", (t, n)), [(name("H1", (t, n)), name("G", (t, n)))])


# ---- what is refused


def test_inside_another_layer_the_number_of_steps_is_a_number():
    rnn = derive.layers["rnn"]

    @derive.layer
    def last(X: "2 n d", H: "n h", w_ih: "h d", w_hh: "h h", b_ih: "h", b_hh: "h"):
        _output, h_n = rnn(X, H, w_ih, w_hh, b_ih, b_hh)
        return (h_n * h_n).sum()

    assert last.derive().prove().status == "proved"

    def over_t(X: "t n d", H: "n h", w_ih: "h d", w_hh: "h h", b_ih: "h", b_hh: "h"):
        return rnn(X, H, w_ih, w_hh, b_ih, b_hh)[1]

    with pytest.raises(derive.DeriveError, match=re.escape("rnn inside another layer, over t steps; a number of steps")):
        derive.layer(over_t)


def test_second_order_needs_a_number_of_steps():
    with pytest.raises(derive.DeriveError, match="second order over any number of steps"):
        derive.layers["rnn"].derive().derive()
    twice = LEAKY.unrolled(2).derive().derive()
    assert twice.prove().status == "proved"


BAD = {
    "a sequence that is no input": ({"sequences": ["z"]}, "z, which is no input of leaky"),
    "a state that is no output": ({"states": [State("hx", "z", "h0", "h_n")]}, "z, which is no output of leaky"),
    "an output that is none": ({"outputs": {"y": "z"}}, "z, which is no output of leaky"),
    "no sequence": ({"sequences": []}, "no sequence of leaky"),
    "a name twice": ({"outputs": {"x": "hy"}}, "the name x"),
    "the name of an adjoint": ({"outputs": {"dx": "hy"}}, "the name dx"),
    "a size": ({"steps": "a"}, "the name a"),
}


@pytest.mark.parametrize("what", BAD)
def test_parts_that_do_not_fit_are_refused(what):
    changed, message = BAD[what]
    parts = {"sequences": ["x"], "states": [HIDDEN], "outputs": {"means": "hy"}, **changed}
    with pytest.raises(derive.DeriveError, match=message):
        over_steps(leaky, "wrong", **parts)


def test_a_state_that_changes_its_shape_is_refused():
    @derive.layer
    def grows(x: "n d", hx: "n d"):
        hy = (x * hx).sum(axis=0)
        return hy

    with pytest.raises(derive.DeriveError, match=re.escape("hx (n, d), which becomes hy (d,)")):
        over_steps(grows, "wrong", sequences=["x"], states=[HIDDEN], outputs={"y": "hy"})
