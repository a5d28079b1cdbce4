"""Generated loops: what is done once, at each step and for all steps at once; read back for every number of steps; lies."""

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.derivation.recurrence import State, over_steps
from derive.emit.ladder import attacked
from derive.emit.loading import load_source
from derive.emit.loop_plan import LoopPlan
from derive.emit.loop_readback import read_back
from derive.errors import DeriveError
from derive.index.size import Size

from ..derivation.test_recurrence import ALL, LEAKY

LSTM = derive.layers["lstm"]
DERIVATION = LSTM.derive()
SOURCE = DERIVATION.numpy()
SOURCE = SOURCE[SOURCE.index("import numpy") :]  # without the docstring, which says the lines too
ROWS, STEPS = "n*t", "range(t)"


@pytest.mark.parametrize("key", ALL)
def test_the_code_is_read_back_for_every_number_of_steps(key):
    derivation = ALL[key].derive()
    rung = read_back(derivation.numpy(), derivation)
    assert rung.status == "proved"
    assert "for every number of steps" in rung.detail


@pytest.mark.parametrize("key", ["leaky", "mixed"])  # the report pages take those of the catalogue up the ladder
def test_every_rung_holds(key):
    verdict = ALL[key].verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    assert {r.name: r.status for r in verdict.evidence}["properties"] == "tested"


def test_products_that_need_no_state_are_made_for_all_steps_at_once():
    plan = LoopPlan(DERIVATION)
    assert [s.target for s in plan.ahead] == ["x"]
    assert [s.target for s in plan.after] == ["dw_hh", "dinput", "dw_ih", "db_ih", "db_hh"]
    forward, backward = SOURCE.split("def backward")
    loop = forward[forward.index("for s in") :]
    assert loop.count("@") == 1
    loop = backward[backward.index("for s in") : backward.index("dw_hh =")]
    assert loop.count("@") == 1


def test_slopes_are_made_for_all_steps_at_once():
    """What a line needs of forward alone, entry by entry, is no part of the reverse loop."""
    plan = LoopPlan(DERIVATION)
    assert plan.before
    _, backward = SOURCE.split("def backward")
    loop = backward[backward.index("for s in") : backward.index("dw_hh =")]
    assert "np.exp(" not in loop
    assert "1 - " not in loop


@derive.layer
def scaled_twice(x: "n d", hx: "n d", a: "d", b: "d"):
    """Two parameters with one adjoint, and one whose adjoint is a part of another's."""
    hy = np.tanh(hx + x + a + b)
    return hy


def test_adjoints_of_parameters_that_are_alike_are_each_a_sum_over_the_steps():
    """At a step one may be said by the other; over the steps, the sum of the sums would be another number."""
    layer = over_steps(
        scaled_twice, "steps", sequences=["x"], states=[State("hx", "hy", "h0", "h_n")], outputs={"y": "hy"}
    )
    derivation = layer.derive()
    assert "db = da.copy()" in derivation.numpy()
    assert attacked(derivation, derivation.numpy(), 40).rung.status == "tested"


def test_arrays_of_all_steps_are_of_floats():
    """Made of the dtype of whole numbers they would cut off what is put into them."""
    code = derive.layers["rnn"].derive().compile()
    shapes = [(3, 2, 4), (2, 5), (5, 4), (5, 5), (5,), (5,)]
    with pytest.raises(DeriveError, match="rnn: input int64; wanted floats"):
        code.forward(*[np.ones(shape, int) for shape in shapes])
    outputs, cache = code.forward(*[np.full(shape, 0.1) for shape in shapes])
    whole, floats = (code.backward(tuple(np.ones(y.shape, dtype) for y in outputs), cache) for dtype in (int, float))
    for key, gradient in floats.items():
        np.testing.assert_array_equal(whole[key], gradient)


def test_one_row_that_depends_on_others_is_not_made_with_the_rows_of_other_steps():
    """Rows may be put together where each is by itself; a mean over them is none of these."""

    @derive.layer
    def centred(x: "n d", hx: "n d", W: "d d"):
        p = (x - x.mean(axis=0)) @ W
        hy = hx + p
        return hy

    layer = over_steps(
        centred, "centred_steps", sequences=["x"], states=[State("hx", "hy", "h0", "h_n")], outputs={"y": "hy"}
    )
    derivation = layer.derive()
    assert LoopPlan(derivation).ahead == []
    assert read_back(derivation.numpy(), derivation).status == "proved"
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_a_gradient_that_cannot_be_put_together_is_added_up():
    """A state with no rows: its gradients are sums over the steps, made one by one."""

    @derive.layer
    def vector(x: "d", hx: "h", W: "h d", U: "h h"):
        hy = np.tanh(W @ x + U @ hx)
        return hy

    layer = over_steps(
        vector, "vector_steps", sequences=["x"], states=[State("hx", "hy", "h0", "h_n")], outputs={"y": "hy"}
    )
    derivation = layer.derive()
    source = derivation.numpy()
    assert "dW = dW + " in source
    assert "dU = np.zeros((h, h), dtype=x.dtype)" in source
    assert read_back(source, derivation).status == "proved"
    wrong = source.replace("dW = dW + ", "dW = ")
    assert read_back(wrong, derivation).status == "open"
    assert attacked(derivation, wrong, 40).rung.status == "refuted"
    started = source.replace("dU = np.zeros((h, h)", "dU = np.ones((h, h)")
    assert read_back(started, derivation).status == "open"
    verdict = layer.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


# ---- by hand


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(input, h0, c0, w_ih, w_hh, b_ih, b_hh, doutput, dh_n, dc_n):
    """Backpropagation through time, written by hand, with slices of the gates in place."""
    (t, n, _d), h = input.shape, h0.shape[1]
    hs, cs, gates = [h0], [c0], []
    for s in range(t):
        a = input[s] @ w_ih.T + hs[-1] @ w_hh.T + b_ih + b_hh
        i, f, g, o = sigmoid(a[:, :h]), sigmoid(a[:, h : 2 * h]), np.tanh(a[:, 2 * h : 3 * h]), sigmoid(a[:, 3 * h :])
        cs.append(f * cs[-1] + i * g)
        hs.append(o * np.tanh(cs[-1]))
        gates.append((i, f, g, o))
    grads = {
        "input": np.zeros_like(input),
        "w_ih": np.zeros_like(w_ih),
        "w_hh": np.zeros_like(w_hh),
        "b": np.zeros_like(b_ih),
    }
    dh, dc = dh_n.copy(), dc_n.copy()
    for s in range(t - 1, -1, -1):
        i, f, g, o = gates[s]
        dh = dh + doutput[s]
        dc = dc + dh * o * (1 - np.tanh(cs[s + 1]) ** 2)
        da = np.empty((n, 4 * h))
        da[:, :h] = dc * g * i * (1 - i)
        da[:, h : 2 * h] = dc * cs[s] * f * (1 - f)
        da[:, 2 * h : 3 * h] = dc * i * (1 - g**2)
        da[:, 3 * h :] = dh * np.tanh(cs[s + 1]) * o * (1 - o)
        grads["input"][s] = da @ w_ih
        grads["w_ih"] += da.T @ input[s]
        grads["w_hh"] += da.T @ hs[s]
        grads["b"] += da.sum(axis=0)
        dh, dc = da @ w_hh, dc * f
    b = grads.pop("b")
    output = np.array(hs[1:]).reshape(t, n, h)
    return (output, hs[-1], cs[-1]), {**grads, "h0": dh, "c0": dc, "b_ih": b, "b_hh": b}


@pytest.mark.parametrize("t", [0, 1, 2, 5])
def test_it_is_backpropagation_through_time_by_hand(t):
    sizes = {"t": t, "n": 3, "d": 2, "h": 4}
    chance = np.random.default_rng(t)
    given = [chance.standard_normal([size.at(sizes).constant for size in i.shape]) for i in LSTM.inputs]
    up = [chance.standard_normal([size.at(sizes).constant for size in LSTM.named(o).shape]) for o in LSTM.outputs]
    outputs, gradients = by_hand(*given, *up)
    code = load_source(SOURCE, "lstm")
    y, cache = code.forward(*given)
    for ours, theirs in zip(y, outputs, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    found = code.backward(tuple(up), cache)
    assert set(found) == set(gradients)
    for key, value in gradients.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-10, atol=1e-13)


# ---- lies


LIES = {
    "gates in another order": ("zf = z[:, h:2*h]", "zf = z[:, :h]"),
    "the path through the forget gate dropped": ("dcx = dcy * f ", "dcx = dcy "),
    "no path through the forget gate": ("dcx = dcy * f ", "dcx = dcy * 0 "),
    "no gradient of the first state": ('"h0": dhx', '"h0": dhx * 0'),
    "the first states exchanged": ('"h0": dhx, "c0": dcx', '"h0": dcx, "c0": dhx'),
    "overwritten, not added": (f"dz.reshape({ROWS}, 4*h).T @ hx[:-1].reshape({ROWS}, h)", "dz[0].T @ hx[0]"),
    "the loop the wrong way round": (f"reversed({STEPS})", STEPS),
    "the loop of forward the wrong way round": (f"for s in {STEPS}", f"for s in reversed({STEPS})"),
    "one step left out": (f"reversed({STEPS})", "reversed(range(1, t))"),
    "the last step left out": (f"reversed({STEPS})", "reversed(range(t - 1))"),
    "the state after in place of before": ("hx[:-1]", "hx[1:]"),
    "the upstream gradient of the step forgotten": ("dhy = doutput[s] + dhx", "dhy = dhx"),
    "what the next step hands down forgotten": ("dhy = doutput[s] + dhx", "dhy = doutput[s]"),
    "the upstream gradient of the last state forgotten": ("dcx = dc_n.copy()", "dcx = 0 * dc_n"),
    "the wrong last state": ("dhx = dh_n.copy()", "dhx = dc_n.copy()"),
    "the cell of the step after": ("df = dcy * cx[s] ", "df = dcy * cx[s + 1] "),
    "the gates of another step": ("= kept[s]", "= kept[-1]"),
    "the cell of the step before": ("np.tanh(cx[s + 1])", "np.tanh(cx[s])"),
    "the first cell is the first state": ("cx[0] = c0", "cx[0] = h0"),
    "the first state returned as the last": ("hx[-1].copy()", "hx[0].copy()"),
    "a bias of one step": (f"db_ih = dz.reshape({ROWS}, 4*h).sum(axis=0)", "db_ih = dz[0].sum(axis=0)"),
    "a bias forgotten": ("@ w_ih.T + b_ih + b_hh", "@ w_ih.T + b_ih"),
    "a slope with another sign": ("D5 = A * (1 - A)", "D5 = A * (1 + A)"),
    "the slope of another gate": ("do * D5[s]", "do * D7[s]"),
    "a slope of the cell before": ("np.abs(cx[1:])", "np.abs(cx[:-1])"),
    "a slope of all steps": ("D5 = A * (1 - A)", "D5 = A * (1 - A).mean(axis=0)"),
    "what a slope is made of, kept of another gate": ("A1[s] = E1 / (1 + E1)", "A1[s] = E / (1 + E)"),
    "the input's weight for the state's": ("dhx = dz[s] @ w_hh ", "dhx = dz[s] @ w_hh.T[:h, :].T[:, :h] * 2 "),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_planted_lie_is_not_read_back(lie):
    old, new = LIES[lie]
    assert SOURCE.count(old) >= 1
    assert read_back(SOURCE.replace(old, new, 1), DERIVATION).status == "open"


@pytest.mark.parametrize("lie", list(LIES)[::3])  # drawing and shrinking cases of a recurrence takes seconds
def test_a_planted_lie_is_refuted_by_numbers(lie):
    old, new = LIES[lie]
    rung = attacked(DERIVATION, SOURCE.replace(old, new, 1), 40).rung
    assert rung.status == "refuted", rung.detail


STRANGE = {
    "a branch in the loop": ("        dhx = dz[s] @ w_hh", "        if n > 1:\n            dhx = dz[s] @ w_hh"),
    "a change in place": ("        dcx = dcy * f ", "        dcy *= f\n        dcx = dcy "),
    "an entry written twice": ("        dhx = dz[s] @ w_hh", "        dz[s] = dz[s]\n        dhx = dz[s] @ w_hh"),
    "an entry that is not there yet": ("= f * cx[s] + i * g", "= f * cx[s + 1] + i * g"),
    "the step as a number": ("dhy = doutput[s] + dhx", "dhy = doutput[s] + dhx + 0 * s"),
    "a second loop": ("    dhx = dh_n.copy()", "    for k in range(t):\n        pass\n    dhx = dh_n.copy()"),
    "two steps at once": ("dhy = doutput[s] + dhx", "dhy = doutput[s] + dhx + 0 * doutput[s + 1]"),
    "a result that depends on the values": ("dhy = doutput[s] + dhx", "dhy = doutput[s] + dhx if t else dhx"),
    "a local of the last step after the loop": ("dw_hh = dz.reshape", "dw_hh = 0 * dcy.sum() + dz.reshape"),
    "a helper that loops": ("def forward(", "def helper(x):\n    while True:\n        return x\n\n\ndef forward("),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_running_the_body_once_would_not_tell_is_not_read(what):
    old, new = STRANGE[what]
    assert SOURCE.count(old) >= 1
    rung = read_back(SOURCE.replace(old, new, 1), DERIVATION)
    assert rung.status == "open"


def test_what_a_step_leaves_to_the_next_by_another_name_is_not_read():
    """The body is run once; a name that it finds changed by the step before would be told wrongly."""
    before, inside = "    dcx = dc_n.copy()\n", "        dhx = dz[s] @ w_hh"
    changed = SOURCE.replace(before, before + "    q = 0 * dh_n\n").replace(
        inside, f"{inside} + q\n        q = 0 * dhx", 1
    )
    rung = read_back(changed, DERIVATION)
    assert rung.status == "open"
    assert "the loop changes q" in rung.detail
    forward = SOURCE.replace("    kept = []\n", "    kept = []\n    q = h0\n").replace(
        "hx[s + 1] = o * tc", "hx[s + 1] = o * tc\n        q = hx[s + 1]", 1
    )
    assert "the loop changes q" in read_back(forward, DERIVATION).detail


def test_a_plan_that_joins_rows_wrongly_is_not_used():
    """The statement for all steps is proved before it is used: the sum of squares of sums is no such statement."""
    plan = LoopPlan(LEAKY.derive())
    n, d = Size.of("n"), Size.of("d")
    x = name("x", (n, d))
    assert plan.joined(2 * x) is not None
    assert plan.joined(x.sum(axis=0), total=True) is not None
    assert plan.joined(x.sum(axis=0) ** 2, total=True) is None
    assert plan.joined(x - x.mean(axis=0)) is None
