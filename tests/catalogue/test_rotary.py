"""Rotary embedding: a product of complex numbers, which keeps lengths and tells how far apart two places are."""

import numpy as np
import pytest

import derive

LAYER = derive.layers["rotary_embedding"]
CODES = {kind: LAYER.with_options(interleaved=kind).derive().compile() for kind in (False, True)}


def angles(rows, d, dtype=np.float64):
    """The cosines and sines of RoFormer: place times 10000^(-i/d)."""
    turned = np.arange(rows)[:, None] * 10000.0 ** (-np.arange(d) / d)
    return np.cos(turned).astype(dtype), np.sin(turned).astype(dtype)


def complexes(array, interleaved):
    """The pairs of entries as complex numbers."""
    x, y = (array[..., ::2], array[..., 1::2]) if interleaved else np.split(array, 2, axis=-1)
    return x + 1j * y


@pytest.mark.parametrize("interleaved", [False, True])
@pytest.mark.parametrize(("lead", "rows", "d"), [((), 4, 3), ((2,), 1, 1), ((2, 1, 3), 3, 2), ((0,), 2, 2)])
def test_pairs_are_turned(interleaved, lead, rows, d):
    chance = np.random.default_rng(0)
    array, (cos, sin) = chance.standard_normal((*lead, rows, 2 * d)), angles(rows, d)
    output, cache = CODES[interleaved].forward(array, cos, sin)
    np.testing.assert_allclose(complexes(output, interleaved), complexes(array, interleaved) * (cos + 1j * sin))
    above = chance.standard_normal(output.shape)
    back = CODES[interleaved].backward(above, cache)["input"]  # the turn back
    np.testing.assert_allclose(complexes(back, interleaved), complexes(above, interleaved) * (cos - 1j * sin))


@pytest.mark.parametrize("interleaved", [False, True])
def test_products_depend_on_how_far_apart_two_places_are(interleaved):
    q, k = np.random.default_rng(1).standard_normal((2, 6))
    turned = [CODES[interleaved].forward(np.tile(x, (8, 1)), *angles(8, 3))[0] for x in (q, k)]
    products = turned[0] @ turned[1].T
    for apart in range(-4, 5):
        assert np.ptp(np.diagonal(products, apart)) < 1e-12
    np.testing.assert_allclose(np.linalg.norm(turned[0], axis=1), np.linalg.norm(q))


@pytest.mark.parametrize("interleaved", [False, True])
def test_it_is_proved_and_keeps_float32(interleaved):
    layer = LAYER.with_options(interleaved=interleaved)
    assert layer.derive().prove().status == "proved"
    output, cache = CODES[interleaved].forward(np.ones((2, 3, 4), np.float32), *angles(3, 2, np.float32))
    gradients = CODES[interleaved].backward(np.ones_like(output), cache)
    assert {output.dtype, *(g.dtype for g in gradients.values())} == {np.dtype(np.float32)}


def test_what_does_not_fit_is_refused():
    cos, sin = angles(3, 2)
    for array, c in ((np.ones((2, 3, 5)), cos), (np.ones((2, 4, 4)), cos), (np.ones((2, 3, 4)), cos[:, :1])):
        with pytest.raises(ValueError, match=r"wanted input \(..., l, 2\*d\), cos \(l, d\), sin \(l, d\)"):
            CODES[False].forward(array, c, sin)
    with pytest.raises(derive.DeriveError, match="interleaved=1; one of False, True was wanted"):
        LAYER.with_options(interleaved=1)
