"""Losses of classification beside their formulas, written out row by row in double precision."""

import numpy as np
import pytest

import derive

RNG = np.random.default_rng(0)
cross_entropy, nll_loss = derive.layers["cross_entropy"], derive.layers["nll_loss"]


def rows_of(array, target):
    """Every row along axis 1, its label, and where it is."""
    for place in np.ndindex(target.shape):
        yield array[(place[0], slice(None), *place[1:])], target[place], (place[0], slice(None), *place[1:])


def by_hand(array, target, upstream, reduction="mean", ignore_index=None, logarithms=False):
    """The loss and its gradient, one row after the other."""
    losses, gradient = np.zeros(target.shape), np.zeros(array.shape)
    kept = np.array([label != ignore_index for _, label, _ in rows_of(array, target)]).reshape(target.shape)
    number = kept.sum() if reduction == "mean" else 1
    for (row, label, where), place in zip(rows_of(array, target), np.ndindex(target.shape), strict=True):
        if not kept[place]:
            continue
        weights = np.exp(row - row.max())
        p = np.zeros(len(row)) if logarithms else weights / weights.sum()
        losses[place] = -row[label] if logarithms else -np.log(p[label])
        slope = p - np.eye(len(row))[label]
        gradient[where] = slope * (upstream[place] if reduction == "none" else upstream / number)
    loss = losses if reduction == "none" else losses.sum() / number
    return loss, gradient


def compare(layer, array, target, **options):
    code = layer.with_options(dims=array.ndim - 2, **options).derive().compile()
    loss, cache = code.forward(array, target)
    upstream = RNG.standard_normal(np.shape(loss)) + 2
    gradient = code.backward(upstream, cache)["input"]
    wanted = by_hand(array, target, upstream, logarithms=layer is nll_loss, **options)
    np.testing.assert_allclose(loss, wanted[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(gradient, wanted[1], rtol=1e-12, atol=1e-14)


SHAPES = [(5, 4), (1, 1), (3, 1), (1, 6), (2, 3, 4), (2, 3, 1, 4), (2, 3, 2, 1, 2)]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
def test_every_rank_and_reduction(layer, shape, reduction):
    target = RNG.integers(0, shape[1], (shape[0], *shape[2:]))
    compare(layer, RNG.standard_normal(shape), target, reduction=reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("ignore_index", [-100, -1, 0, 2, 7])
@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
def test_rows_that_do_not_count(layer, ignore_index, reduction):
    for shape in ((6, 4), (2, 4, 3)):
        target = RNG.integers(0, 4, (shape[0], *shape[2:]))
        target.flat[::2] = ignore_index
        compare(layer, RNG.standard_normal(shape), target, reduction=reduction, ignore_index=ignore_index)


def test_an_empty_batch_loses_nothing():
    for reduction, want in (("sum", 0.0), ("none", [])):
        code = cross_entropy.with_options(reduction=reduction).derive().compile()
        loss, cache = code.forward(np.zeros((0, 3)), np.zeros(0, int))
        assert np.array_equal(loss, want)
        assert code.backward(np.ones(np.shape(loss)), cache)["input"].shape == (0, 3)


@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
@pytest.mark.parametrize(
    "options", [{}, {"reduction": "sum"}, {"reduction": "none", "dims": 1}, {"ignore_index": -100}, {"dims": 2}], ids=str
)
def test_the_whole_ladder(layer, options):
    verdict = layer.with_options(**options).verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_the_gradient_reads_as_in_a_book():
    gradient = cross_entropy.derive().gradients["input"]
    assert gradient._repr_latex_() == (
        r"$\displaystyle \mathrm{dloss} / n \, "
        r"\left(\operatorname{softmax}_{1}(\mathrm{input}) - \operatorname{onehot}(\mathrm{target})\right)$"
    )


BAD = {
    "reduction='average'; one of 'mean', 'sum', 'none' was wanted": {"reduction": "average"},
    "dims=4; one of 0, 1, 2, 3 was wanted": {"dims": 4},
    "ignore_index='none'; a whole number or None was wanted": {"ignore_index": "none"},
    "ignore_index=1.0; a whole number or None was wanted": {"ignore_index": 1.0},
}


@pytest.mark.parametrize("message", BAD)
@pytest.mark.parametrize("layer", [cross_entropy, nll_loss], ids=lambda layer: layer.name)
def test_bad_options_are_refused(layer, message):
    with pytest.raises(derive.DeriveError) as error:
        layer.with_options(**BAD[message])
    assert str(error.value).startswith(message)


def test_labels_out_of_range_are_refused():
    code = cross_entropy.with_options(ignore_index=-100).derive().compile()
    with pytest.raises(derive.DeriveError, match=r"target from -1 to 2; wanted 0 <= target < 3 or -100"):
        code.forward(np.zeros((2, 3)), np.array([-1, 2]))
    code.forward(np.zeros((2, 3)), np.array([-100, 2]))


# ---- digits


EXTREME = [
    np.array([[0.0, -50.0, -60.0]]), np.array([[800.0, 0.0, -800.0]]), np.array([[0.0, 1e-9, -1e-9]]), np.array([[1e30, -1e30, 0.0]]),
    np.array([[1e200, -1e200, 0.0]]), np.full((1, 3), 1e4), np.array([[3.0, 3.0, -745.0]]),
]  # fmt: skip


@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("row", EXTREME, ids=str)
def test_no_digits_are_lost(row, label):
    import mpmath

    with mpmath.workdps(450):
        entries = [mpmath.mpf(x) for x in row[0]]
        total = mpmath.fsum(mpmath.exp(x - max(entries)) for x in entries)
        loss = mpmath.log(total) + max(entries) - entries[label]
        slopes = [mpmath.exp(x - max(entries)) / total - (k == label) for k, x in enumerate(entries)]
        want = float(loss), [float(slope) for slope in slopes]
    code = cross_entropy.derive().compile()
    got, cache = code.forward(row, np.array([label]))
    np.testing.assert_allclose(got, want[0], rtol=1e-15, atol=0)
    np.testing.assert_allclose(code.backward(1.0, cache)["input"][0], want[1], rtol=1e-15, atol=1e-323)
