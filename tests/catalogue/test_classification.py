"""Losses of classification beside their formulas, written out row by row in double precision."""

from itertools import product

import numpy as np
import pytest

import derive
from derive.arrays import build
from derive.arrays.named import as_declared
from derive.rules.proof import is_equal

RNG = np.random.default_rng(0)
cross_entropy, nll_loss = derive.layers["cross_entropy"], derive.layers["nll_loss"]
SHAPES = [(5, 4), (2, 3, 4), (2, 3, 1, 4), (2, 3, 2, 1, 2)]


def by_hand(layer, inputs, upstream, target, label_smoothing=0.0, reduction="mean", ignore_index=None, **_):
    """The loss and the gradients, one row after the other."""
    array, aim, weight = inputs["input"], inputs["target"], inputs.get("weight", np.ones(inputs["input"].shape[1]))
    classes, places = array.shape[1], list(np.ndindex(array.shape[0], *array.shape[2:]))
    losses = np.zeros((array.shape[0], *array.shape[2:]))
    slopes = {key: np.zeros(np.shape(value)) for key, value in inputs.items()}
    kept = [place for place in places if target == "probabilities" or aim[place] != ignore_index]
    counts = [weight[aim[place]] if target == "labels" else 1.0 for place in kept]
    number = np.sum(counts) if reduction == "mean" else 1.0
    for place in kept:
        where = (place[0], slice(None), *place[1:])
        g = (upstream[place] if reduction == "none" else upstream) / number
        row = array[where]
        logs = row if layer is nll_loss else row - row.max() - np.log(np.exp(row - row.max()).sum())
        own = np.eye(classes)[aim[place]] if target == "labels" else aim[where]
        share = (1 - label_smoothing) * own + label_smoothing / classes
        losses[place] = -np.sum(weight * share * logs) / number
        slopes["input"][where] = -g * weight * share
        if layer is cross_entropy:
            slopes["input"][where] += g * np.exp(logs) * np.sum(weight * share)
        if target == "probabilities":
            slopes["target"][where] = -g * weight * logs * (1 - label_smoothing)
        if "weight" in slopes:
            slopes["weight"] += -g * share * logs
    loss = losses if reduction == "none" else losses.sum()
    if "weight" in slopes and target == "labels" and reduction == "mean":
        for place in kept:
            slopes["weight"][aim[place]] -= upstream * loss / number
    return loss, slopes


def draw(shape, target="labels", ignore_index=None, weight=False, **_):
    """The inputs for some options."""
    inputs = {"input": RNG.standard_normal(shape)}
    if target == "labels":
        labels = RNG.integers(0, shape[1], (shape[0], *shape[2:]))
        if ignore_index is not None:
            labels[RNG.random(labels.shape) < 1 / 2] = ignore_index
            labels.flat[0] = 1 if ignore_index != 1 else 0
        inputs["target"] = labels
    else:
        rows = RNG.random(shape) + 0.1
        inputs["target"] = rows / rows.sum(axis=1, keepdims=True)
    return {**inputs, "weight": RNG.random(shape[1]) + 0.5} if weight else inputs


def compare(layer, shape, **options):
    code = layer.with_options(dims=len(shape) - 2, **options).derive().compile()
    inputs = draw(shape, **options)
    loss, cache = code.forward(**inputs)
    upstream = RNG.standard_normal(np.shape(loss)) + 2
    gradients = code.backward(upstream, cache)
    wanted = by_hand(layer, inputs, upstream, **{"target": "labels", **options})
    np.testing.assert_allclose(loss, wanted[0], rtol=1e-12, atol=1e-14)
    for key, gradient in gradients.items():
        np.testing.assert_allclose(gradient, wanted[1][key], rtol=1e-11, atol=1e-13, err_msg=key)


def options_of(**choices):
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]


REDUCTIONS = ["mean", "sum", "none"]
LABELS = options_of(label_smoothing=[0.0, 0.1, 1.0], weight=[False, True], ignore_index=[None, -100, 2], reduction=REDUCTIONS)
PROBABILITIES = options_of(target=["probabilities"], label_smoothing=[0.0, 0.3], weight=[False, True], reduction=REDUCTIONS)


@pytest.mark.parametrize("k", range(len(LABELS) + len(PROBABILITIES)))
def test_cross_entropy_with_every_combination_of_options(k):
    compare(cross_entropy, SHAPES[k % len(SHAPES)], **[*LABELS, *PROBABILITIES][k])


@pytest.mark.parametrize("options", options_of(weight=[False, True], ignore_index=[None, -100, 0], reduction=REDUCTIONS), ids=str)
def test_nll_loss_with_every_combination_of_options(options):
    for shape in SHAPES[:2]:
        compare(nll_loss, shape, **options)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 6), (2, 3, 1, 4), (2, 3, 2, 1, 2)], ids=str)
@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
def test_every_rank_and_size_one(layer, shape):
    compare(layer, shape)


def test_an_empty_batch_loses_nothing():
    for reduction, want in (("sum", 0.0), ("none", [])):
        code = cross_entropy.with_options(reduction=reduction).derive().compile()
        loss, cache = code.forward(np.zeros((0, 3)), np.zeros(0, int))
        assert np.array_equal(loss, want)
        assert code.backward(np.ones(np.shape(loss)), cache)["input"].shape == (0, 3)


@pytest.mark.parametrize("options", [{"weight": True}, {"ignore_index": 1}, {"weight": True, "ignore_index": 1}], ids=str)
def test_the_mean_of_nothing_is_no_number_as_in_pytorch(options):
    code = cross_entropy.with_options(**options).derive().compile()
    weight = {"weight": np.zeros(3)} if "weight" in options else {}
    with np.errstate(invalid="ignore"):
        assert np.isnan(code.forward(input=np.ones((2, 3)), target=np.ones(2, int), **weight)[0])


LADDER = [
    (nll_loss, {"weight": True, "ignore_index": -100, "dims": 1}), (cross_entropy, {"reduction": "none", "dims": 1, "label_smoothing": 1.0}),
    (cross_entropy, {"ignore_index": -100, "dims": 2}), (cross_entropy, {"label_smoothing": 0.9}), (cross_entropy, {"weight": True}),
    (cross_entropy, {"weight": True, "ignore_index": -100, "label_smoothing": 0.1}), (cross_entropy, {"target": "probabilities"}),
    (cross_entropy, {"target": "probabilities", "label_smoothing": 0.9, "reduction": "sum"}),
    (cross_entropy, {"target": "probabilities", "weight": True, "label_smoothing": 0.1, "dims": 1}),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "options"), LADDER, ids=lambda value: getattr(value, "name", str(value)))
def test_the_whole_ladder(layer, options):
    verdict = layer.with_options(**options).verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


# ---- as in a book


GRADIENTS = {
    r"\left(\operatorname{softmax}(\mathit{input}) - \operatorname{onehot}(\mathit{target})\right)": {},
    r"\left(\operatorname{softmax}(\mathit{input}) - Q\right)": {"label_smoothing": 0.1},
    r"\left(\operatorname{softmax}(\mathit{input}) - \mathit{target}\right)": {"target": "probabilities"},
}


@pytest.mark.parametrize("formula", GRADIENTS)
def test_the_gradient_reads_as_in_a_book(formula):
    gradient = cross_entropy.with_options(**GRADIENTS[formula]).derive().gradients["input"]
    assert gradient._repr_latex_() == rf"$\displaystyle \frac{{\mathit{{dloss}}}}{{n}} \, {formula}$"


def test_rows_of_probabilities_sum_to_one_along_axis_1_and_no_other():
    layer = cross_entropy.with_options(target="probabilities", dims=1)
    assert str(layer.inputs[1].declaration) == "n c l : stochastic[1]"
    assert str(layer.derive().gradients["input"]).endswith("- target)")
    rows = as_declared("T", layer.inputs[1].declaration)
    shown = [bool(is_equal(rows.sum(axis=axis), build.full_like(rows.sum(axis=axis), 1))) for axis in range(3)]
    assert shown == [False, True, False]


# ---- what does not fit


BAD = {
    "reduction='average'; one of 'mean', 'sum', 'none' was wanted": {"reduction": "average"},
    "dims=4; one of 0, 1, 2, 3 was wanted": {"dims": 4},
    "weight=1; one of False, True was wanted": {"weight": 1},
    "ignore_index='none'; a whole number or None was wanted": {"ignore_index": "none"},
    "ignore_index=1.0; a whole number or None was wanted": {"ignore_index": 1.0},
}
WORSE = {
    "target='classes'; one of 'labels', 'probabilities' was wanted": {"target": "classes"},
    "label_smoothing=1.5; a finite number from 0 to 1 was wanted": {"label_smoothing": 1.5},
    "label_smoothing='0.1'; a finite number from 0 to 1 was wanted": {"label_smoothing": "0.1"},
    "ignore_index=2 with target='probabilities'; rows are ignored by their label only": {"target": "probabilities", "ignore_index": 2},
    "label_smoothing=1 with target='probabilities'; a number below 1 was wanted": {"target": "probabilities", "label_smoothing": 1},
}


@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
@pytest.mark.parametrize("message", [*BAD, *WORSE])
def test_bad_options_are_refused(layer, message):
    if layer is nll_loss and message in WORSE:
        message = f"nll_loss: an option named {next(iter(WORSE[message]))}"
        options = {message.rsplit(" ", 1)[1]: 1}
        if options == {"ignore_index": 1}:
            return
    else:
        options = {**BAD, **WORSE}[message]
    with pytest.raises(derive.DeriveError) as error:
        layer.with_options(**options)
    assert str(error.value).startswith(message)


def test_labels_out_of_range_are_refused():
    code = cross_entropy.with_options(ignore_index=-100).derive().compile()
    with pytest.raises(derive.DeriveError, match=r"target from -1 to 2; wanted 0 <= target < 3 or -100"):
        code.forward(np.zeros((2, 3)), np.array([-1, 2]))
    code.forward(np.zeros((2, 3)), np.array([-100, 2]))


def test_weights_and_probabilities_of_other_classes_are_refused():
    weighted = cross_entropy.with_options(weight=True).derive().compile()
    with pytest.raises(derive.DeriveError, match=r"weight \(4,\); wanted input \(n, c\), target \(n,\), weight \(c,\)"):
        weighted.forward(np.zeros((2, 3)), np.array([0, 1]), np.ones(4))
    rows = cross_entropy.with_options(target="probabilities").derive().compile()
    with pytest.raises(derive.DeriveError, match=r"target \(2, 4\); wanted input \(n, c\), target \(n, c\)"):
        rows.forward(np.zeros((2, 3)), np.full((2, 4), 0.25))


# ---- digits


EXTREME = [
    np.array([[0.0, -50.0, -60.0]]), np.array([[800.0, 0.0, -800.0]]), np.array([[0.0, 1e-9, -1e-9]]), np.array([[1e30, -1e30, 0.0]]),
    np.array([[1e200, -1e200, 0.0]]), np.full((1, 3), 1e4), np.array([[3.0, 3.0, -745.0]]),
]  # fmt: skip


@pytest.mark.parametrize("smoothing", [0.0, 0.25, 0.875])  # floats that are what they say
@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("row", EXTREME, ids=str)
def test_no_digits_are_lost(row, label, smoothing):
    import mpmath

    with mpmath.workdps(450):
        entries = [mpmath.mpf(x) for x in row[0]]
        total = mpmath.fsum(mpmath.exp(x - max(entries)) for x in entries)
        shares = [(1 - mpmath.mpf(smoothing)) * (k == label) + mpmath.mpf(smoothing) / 3 for k in range(3)]
        surprises = [mpmath.log(total) + max(entries) - x for x in entries]
        loss = mpmath.fsum(q * x for q, x in zip(shares, surprises, strict=True))
        slopes = [mpmath.exp(x - max(entries)) / total - q for x, q in zip(entries, shares, strict=True)]
        want = float(loss), [float(slope) for slope in slopes]
    code = cross_entropy.with_options(label_smoothing=smoothing).derive().compile()
    got, cache = code.forward(row, np.array([label]))
    np.testing.assert_allclose(got, want[0], rtol=1e-15, atol=0)
    np.testing.assert_allclose(code.backward(1.0, cache)["input"][0], want[1], rtol=2e-15, atol=1e-323)
