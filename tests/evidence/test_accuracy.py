"""Accuracy: the truth is the truth, the unit is what it says, good code is within the bound and bad code is not."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

import derive
from derive.emit.accuracy import accuracy, curves, grade, program_of
from derive.emit.textbook import textbook
from derive.evidence.accuracy import BOUND, Tally
from derive.evidence.balls import NoValue, precision
from derive.evidence.regimes import batches, scale_free
from derive.evidence.structure import lanes, structure_of, summed_sizes
from derive.evidence.truth import Allowance, Truth, at

from .programs import (
    CrossEntropy,
    LayerNorm,
    Softmax,
    cross_entropy,
    inverse,
    layer_norm,
    log_of_det,
    logdet,
    measured,
    norm,
    product,
    scaled,
    softmax,
)

SIGMOID, TANH, DENSE, SQUARED = (derive.layers[name] for name in ("sigmoid", "tanh", "dense", "squared_error"))


def changed(layer, **parts):
    """The generated code with ``after(results)`` behind forward or backward."""
    code = layer.derive().compile()

    def forward(*inputs):
        y, cache = code.forward(*inputs)
        return parts.get("forward", lambda y: y)(y), cache

    def backward(upstream, cache):
        gradients = code.backward(upstream, cache)
        return {key: parts.get("backward", lambda g: g)(gradient) for key, gradient in gradients.items()}

    return SimpleNamespace(forward=forward, backward=backward)


# ---- the truth and the unit


def first_batch(layer, dtype="float64"):
    program = program_of(layer.derive())
    return program, next(batches(program, dtype, "ci"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_truth_of_sigmoid_is_that_of_its_stable_form(dtype):
    from flint import arb

    program, batch = first_batch(SIGMOID, dtype)
    truth = Truth(program, batch, dtype, Allowance())
    assert truth.undecided == 0
    with precision(4000):
        for point in range(batch.points):
            x, g = (arb(float(at(v, point, 0))) for v in (batch.inputs["X"], batch.upstream["dY"]))
            e = (-abs(x)).exp()
            slope = g * e / (1 + e) ** 2
            error = abs(at(truth.results["dX"], point, 0) - slope)
            assert error <= at(truth.ulps["dX"], point, 0) * 2.0**-30


def test_the_unit_of_a_product_is_the_rounding_of_its_factors():
    program, batch = first_batch(product, "float32")
    truth = Truth(program, batch, "float32", Allowance())
    points = np.arange(batch.points)
    truth.moves(points)
    units = truth.units([("dX", int(point), 0) for point in points])
    for point, unit in zip(points, units, strict=True):
        w, g = batch.inputs["W"][point].item(), batch.upstream["dY"][point].item()
        ulp = float(at(truth.ulps["dX"], point, 0))
        moved = abs(w) * float(np.spacing(np.float32(abs(g)))) + abs(g) * float(np.spacing(np.float32(abs(w))))
        assert unit == pytest.approx(1 + moved / ulp, rel=1e-3)


def test_the_first_bound_of_a_move_is_no_more_than_the_move():
    program, batch = first_batch(softmax)
    truth = Truth(program, batch, "float64", Allowance())
    moves = truth.moves(np.arange(batch.points))
    for point in range(batch.points):
        assert truth.units([("dX", point, 0)])[0] >= (1 + at(moves["dX"], point, 0)) * (1 - 1e-3)


def test_the_precision_of_the_process_is_left_as_it_was():
    from flint import ctx

    before = ctx.prec
    measured(SIGMOID, SIGMOID.derive().compile(), dtypes=["float64"])
    assert ctx.prec == before


def test_points_are_the_same_each_time_and_of_their_kinds():
    @derive.layer
    def several(p: "n : positive", u: "n : unit", s: "n d : stochastic", t: "n : int[0,d)", m: "n d : bool"):
        return np.log(p) * u + (s * m).sum(axis=1) + t

    program = program_of(several.derive())
    for dtype in ("float32", "float64"):
        pairs = zip(batches(program, dtype, "ci"), batches(program, dtype, "ci"), strict=True)
        for one, other in pairs:
            assert all(np.array_equal(one.inputs[key], other.inputs[key]) for key in one.inputs)
            assert (one.inputs["p"] > 0).all()
            assert ((one.inputs["u"] > 0) & (one.inputs["u"] < 1)).all()
            rounded = one.inputs["s"].shape[-1] * np.finfo(dtype).eps  # each entry to half an ulp, and each sum
            assert np.allclose(one.inputs["s"].sum(axis=-1), 1, rtol=0, atol=rounded)
            assert ((one.inputs["t"] >= 0) & (one.inputs["t"] < one.sizes["d"])).all()
            assert one.inputs["m"].dtype == bool
            assert one.inputs["p"].dtype == dtype


# ---- structure


@pytest.mark.parametrize(
    ("layer", "structure", "side_by_side", "summed"),
    [
        (SIGMOID, "elementwise", ("n", "d"), ()),
        (product, "elementwise", ("n", "d"), ()),
        (softmax, "rows", ("n",), ("d",)),
        (norm, "rows", ("n",), ("d",)),
        (layer_norm, "rows", (), ("d",)),
        (DENSE, "contraction", (), ("d",)),
        (SQUARED, "rows", (), ("n", "k")),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_the_structure_is_read_off_the_meanings(layer, structure, side_by_side, summed):
    program = program_of(layer.derive())
    assert structure_of(program) == structure
    assert lanes(program) == side_by_side
    assert set(summed_sizes(program)) == set(summed)


def test_what_mixes_entries_of_one_axis_has_no_lane():
    @derive.layer
    def symmetrized(X: "n n"):
        return X + X.T

    @derive.layer
    def reversed_rows(X: "n d"):
        return X * X[::-1]

    @derive.layer
    def weighed(X: "n d", w: d):
        return X * w

    assert lanes(program_of(symmetrized.derive())) == ()
    assert lanes(program_of(reversed_rows.derive())) == ("d",)
    assert lanes(program_of(weighed.derive())) == ("d",)


def test_what_does_not_change_with_the_scale_of_a_row_is_told_from_what_does():
    assert scale_free(program_of(layer_norm.derive()))
    assert not scale_free(program_of(softmax.derive()))
    assert not scale_free(program_of(norm.derive()))


# ---- good code


@pytest.mark.parametrize("layer", [SIGMOID, TANH, DENSE, SQUARED, product, inverse, logdet], ids=lambda layer: layer.name)
def test_generated_code_is_within_the_bound(layer):
    tallies = measured(layer, layer.derive().compile())
    assert all(tally.ok and tally.entries > 100 for tally in tallies.values())


@pytest.mark.parametrize(
    ("layer", "code"), [(softmax, Softmax), (cross_entropy, CrossEntropy), (layer_norm, LayerNorm)], ids=["softmax", "cross_entropy", "layer_norm"]
)
def test_stable_code_by_hand_is_within_the_bound(layer, code):
    assert all(tally.ok for tally in measured(layer, code).values())


# ---- planted lies


def test_the_slope_of_sigmoid_by_what_is_left_of_1_is_caught():
    assert not any(tally.ok for tally in measured(SIGMOID, textbook(SIGMOID.derive())).values())


def test_the_slope_of_tanh_by_cancellation_is_caught():
    tallies = measured(TANH, textbook(TANH.derive()))
    assert all(tally.worst > 100 * BOUND and tally.at.result == "dinput" for tally in tallies.values())


def test_a_softmax_without_shift_is_caught_by_its_nan():
    for tally in measured(softmax, textbook(softmax.derive())).values():
        assert not tally.ok
        assert tally.not_finite
        assert not np.isfinite(tally.at.got)
        assert np.isfinite(tally.at.truth)


def test_a_softmax_whose_upstream_is_not_shifted_is_caught():
    class Unshifted(Softmax):
        def backward(dY, cache):
            Y, _ = cache
            return {"X": Y * (dY - (dY * Y).sum(axis=1, keepdims=True))}

    assert not any(tally.ok for tally in measured(softmax, Unshifted).values())


def test_the_label_entry_by_what_is_left_of_1_is_caught():
    class Cancelling(CrossEntropy):
        def backward(dE, cache):
            P, t = cache
            T = np.arange(P.shape[1]) == t[:, None]
            return {"X": (P - T) * (dE / len(P))}

    assert not any(tally.ok for tally in measured(cross_entropy, Cancelling).values())


def test_a_loss_whose_sum_swallows_the_others_is_caught():
    class Swallowing(CrossEntropy):
        def forward(X, t):
            Z = X - X.max(axis=1, keepdims=True)
            total = np.log(np.exp(Z).sum(axis=1, keepdims=True))
            return (total - np.take_along_axis(Z, t[:, None], axis=1)).mean(), CrossEntropy.forward(X, t)[1]

    tallies = measured(cross_entropy, Swallowing)
    assert all(not tally.ok and tally.at.result == "E" for tally in tallies.values())


def test_a_mean_that_is_subtracted_once_is_caught():
    class Once(LayerNorm):
        centred = 1

    assert not any(tally.ok for tally in measured(layer_norm, Once).values())


def test_a_norm_that_overflows_is_caught():
    assert all(tally.not_finite for tally in measured(norm, textbook(norm.derive())).values())


def test_a_determinant_that_overflows_inside_a_logarithm_is_caught():
    assert all(tally.not_finite for tally in measured(log_of_det, textbook(log_of_det.derive())).values())


def test_an_inverse_through_normal_equations_is_caught():
    def forward(A):
        Y = np.linalg.inv(A.T @ A) @ A.T
        return Y, Y

    code = SimpleNamespace(forward=forward, backward=lambda dY, Y: {"A": -Y.T @ dY @ Y.T})
    assert not any(tally.ok for tally in measured(inverse, code).values())


def test_another_eps_in_float32_is_caught():
    def forward(X):
        eps = 1e-6 if X.dtype == np.float32 else 1e-5
        return X / (np.abs(X) + X.dtype.type(eps)), (X, eps)

    def backward(dY, cache):
        X, eps = cache
        return {"X": dY * X.dtype.type(eps) / (np.abs(X) + X.dtype.type(eps)) ** 2}

    tallies = measured(scaled, SimpleNamespace(forward=forward, backward=backward))
    assert not tallies["float32"].ok
    assert tallies["float64"].ok


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("layer", [SIGMOID, DENSE, softmax], ids=lambda layer: layer.name)
def test_a_lost_digit_is_caught(layer, where):
    def lost(values):
        return values * values.dtype.type(1 + 40 * np.finfo(values.dtype).eps)

    code = changed(layer, **{where: lost})
    if layer is softmax:
        code = SimpleNamespace(
            forward=(lambda X: (lost(Softmax.forward(X)[0]), Softmax.forward(X)[1])) if where == "forward" else Softmax.forward,
            backward=(lambda dY, c: {"X": lost(Softmax.backward(dY, c)["X"])}) if where == "backward" else Softmax.backward,
        )
    assert not any(tally.ok for tally in measured(layer, code).values())


def test_a_single_wrong_sign_in_a_tail_is_caught():
    def flipped(gradient):
        return np.where(np.abs(gradient) < 1e-12, -gradient, gradient)

    assert not any(tally.ok for tally in measured(SIGMOID, changed(SIGMOID, backward=flipped)).values())


# ---- what no allowance may hide


def below(limit, wrong):
    """Wrong where a result is smaller than so many of the smallest normal floats."""
    return lambda g: np.where(np.abs(g) < limit * np.finfo(g.dtype).tiny, wrong(g), g)


UNDERFLOWN = {
    "flushed to 0": below(1, lambda g: 0 * g),
    "the second digit": below(1, lambda g: g * g.dtype.type(1 + 2.0**-6)),
    "the fourth digit of small normal numbers": below(2.0**24, lambda g: g * g.dtype.type(1 + 2.0**-11)),
    "the sign": below(1, lambda g: -g),
}


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("wrong", UNDERFLOWN)
def test_underflow_hides_nothing_that_floats_can_say(wrong, where):
    code = changed(derive.layers["silu"], **{where: UNDERFLOWN[wrong]})
    assert not measured(derive.layers["silu"], code, dtypes=["float32"])["float32"].ok


def of_rows(wrong):
    class Wrong(LayerNorm):
        def backward(dY, cache):
            return {key: wrong(dY, g) for key, g in LayerNorm.backward(dY, cache).items()}

    return Wrong


SCALE_FREE = {
    "two entries: the upstream gradient as it is": lambda dY, g: dY if g.shape[1] == 2 else g,
    "two entries: nothing": lambda dY, g: 0 * g if g.shape[1] == 2 else g,
    "the fourth digit": lambda dY, g: g * g.dtype.type(1 + 2.0**-12),
}


@pytest.mark.parametrize("wrong", SCALE_FREE)
def test_sums_that_cancel_hide_no_wrong_gradient(wrong):
    assert not any(tally.ok for tally in measured(layer_norm, of_rows(SCALE_FREE[wrong])).values())


def test_the_largest_entry_hides_no_wrong_small_one():
    def wrong(g):
        return np.where(np.abs(g) < np.abs(g).max(initial=0) / 64, g * g.dtype.type(1 + 2.0**-8), g)

    assert not any(tally.ok for tally in measured(DENSE, changed(DENSE, backward=wrong)).values())


def test_a_sum_in_a_single_product_of_arrays_is_not_allowed_for():
    assert not Allowance.of(program_of(DENSE.derive())).sums
    assert Allowance.of(program_of(derive.layers["two_layer_network"].derive())).sums


def test_a_product_that_overflows_on_the_way_is_caught():
    def forward(X, W, b):
        up = X.dtype.type(2.0**120 if X.dtype == np.float32 else 2.0**1016)
        return (X * up) @ W / up + b, (X, W)

    def backward(dY, cache):
        X, W = cache
        return {"X": dY @ W.T, "W": X.T @ dY, "b": dY.sum(axis=0)}

    tallies = measured(DENSE, SimpleNamespace(forward=forward, backward=backward))
    assert all(tally.not_finite and tally.at.result == "Y" for tally in tallies.values())


ATTENTION = derive.layers["scaled_dot_product_attention"]


def test_few_points_have_no_certain_digit_and_a_wrong_gradient_shows_at_the_others():
    right = measured(ATTENTION, ATTENTION.derive().compile(), dtypes=["float32"])["float32"]
    assert right.ok
    assert 0 < right.uncertain < right.entries / 10
    wrong = changed(ATTENTION, backward=lambda g: g * g.dtype.type(1 + 2.0**-12))
    assert not measured(ATTENTION, wrong, dtypes=["float32"])["float32"].ok


def test_what_has_no_certain_digit_must_be_finite():
    def forward(query, key, value):
        y, cache = code.forward(query, key, value)
        return y, (cache, np.abs(query @ np.swapaxes(key, -1, -2)).max() > 1e7)

    def backward(upstream, cache):
        return {key: g * (np.nan if cache[1] else 1) for key, g in code.backward(upstream, cache[0]).items()}

    code = ATTENTION.derive().compile()
    assert measured(ATTENTION, SimpleNamespace(forward=forward, backward=backward), dtypes=["float32"])["float32"].not_finite


@pytest.mark.parametrize("layer", [inverse, logdet], ids=lambda layer: layer.name)
def test_the_largest_entry_of_a_matrix_hides_no_wrong_inverse(layer):
    wrong = changed(layer, backward=lambda g: g * g.dtype.type(1 + 512 * np.finfo(g.dtype).eps))
    assert not any(tally.ok for tally in measured(layer, wrong).values())


def test_numpys_determinant_is_an_exponential_which_is_not_allowed_for():
    x = 2.2277153039715426e202
    assert abs(np.linalg.det(np.array([[x]])) - x) > 8 * BOUND * np.spacing(x)
    assert Allowance.of(program_of(derive.layers["det"].derive())) == Allowance(frozenset(), True, True)


def test_code_that_raises_has_failed():
    def forward(X):
        raise ValueError("no")

    tallies = measured(SIGMOID, SimpleNamespace(forward=forward, backward=None))
    assert all(tally.failed == "ValueError: no" and not tally.ok for tally in tallies.values())


# ---- the rung


def test_the_rung_tells_the_worst_point():
    derivation = SIGMOID.derive()
    rung = accuracy(derivation, textbook(derivation), (), "ci")
    assert rung.status == "open"
    assert "float32: dX is " in rung.detail
    assert "mixed ulp (at X = [[" in rung.detail
    assert rung.numbers["worst_mixed_ulp"]["float64"] > BOUND


def test_the_rung_of_good_code_is_tested():
    derivation = SIGMOID.derive()
    rung = accuracy(derivation, derivation.compile(), (), "ci")
    assert rung.status == "tested"
    assert rung.detail.endswith("within 8 mixed ulp of the truth in ball arithmetic")
    assert rung.numbers["entries"] == 2 * 2 * 480


def test_what_has_no_value_in_balls_leaves_the_rung_open(monkeypatch):
    def none(*_):
        raise NoValue("no ball arithmetic for this")

    monkeypatch.setattr("derive.emit.accuracy.measure", none)
    derivation = SIGMOID.derive()
    rung = accuracy(derivation, derivation.compile(), (), "ci")
    assert (rung.status, rung.detail) == ("open", "not measured: no ball arithmetic for this")


def test_the_page_has_a_row_for_what_is_compared():
    from derive.emit.report import page
    from derive.evidence.accuracy import by_code

    derivation = SIGMOID.derive()
    unstable = by_code(textbook(derivation), program_of(derivation))
    text = page(SIGMOID, compare={"another library": unstable})
    assert "| generated code | within 8 ulp | within 8 ulp |" in text
    assert "| textbook formulas | nearly all digits lost | nearly all digits lost |" in text
    assert "| another library | nearly all digits lost | nearly all digits lost |" in text


@pytest.mark.parametrize(
    ("worst", "not_finite", "said"),
    [(8, 0, "within 8 ulp"), (9, 0, "up to half of the digits lost"), (2.0**27, 0, "more than half of the digits lost"), (2.0**47, 0, "nearly all digits lost"), (3, 2, "within 8 ulp; some nan or infinite")],
)  # fmt: skip
def test_a_grade_says_how_many_digits_are_lost(worst, not_finite, said):
    assert grade(Tally(worst, None, 10, not_finite), "float64") == said


def test_unstable_code_is_told_and_leaves_what_was_proved_proved(monkeypatch):
    monkeypatch.setattr("derive.emit.plan.stabilized", lambda formula, formulas: formula)
    verdict = SIGMOID.verify()
    assert verdict.status == "proved"
    rung = verdict.evidence[-1]
    assert (rung.name, rung.status) == ("accuracy", "open")
    assert rung.detail.startswith("float32: dX is ")


def test_curves_run_over_the_range():
    derivation = SIGMOID.derive()
    found = curves(derivation, derivation.compile())
    ours, theirs = found.values()
    assert [x for x, _ in ours] == sorted(x for x, _ in ours)
    assert min(abs(x) for x, _ in ours) < 1e-29
    assert max(x for x, _ in ours) > 500
    assert max(y for _, y in ours) <= BOUND < max(y for _, y in theirs)
    assert curves(softmax.derive(), Softmax) == {name: [] for name in found}
