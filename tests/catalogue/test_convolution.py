"""Convolutions: every geometry against loops; all of them proved at once; wrong ones refused."""

import re
from itertools import product

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.emit.readback import read_back
from derive.errors import DeriveError
from derive.rules.mutants import mutants
from derive.rules.proof import is_adjoint

from . import images

CONV, TURNED = derive.layers["conv2d"], derive.layers["conv_transpose2d"]

GEOMETRIES = [  # options, image, kernel
    ({}, (5, 4), (3, 2)),
    ({}, (3, 2), (3, 2)),  # a kernel as large as the image
    ({}, (4, 5), (1, 1)),
    ({"padding": 1}, (1, 1), (3, 3)),  # larger than the image, not than the padded one
    ({"stride": 2}, (5, 6), (2, 3)),
    ({"stride": 3}, (7, 5), (2, 2)),  # steps over entries
    ({"stride": (2, 1), "padding": (0, 2)}, (6, 3), (3, 4)),
    ({"dilation": 2}, (6, 5), (3, 2)),
    ({"dilation": (1, 3), "stride": (3, 2), "padding": (2, 1)}, (5, 8), (2, 3)),
    ({"groups": 2}, (4, 3), (2, 2)),
    ({"groups": 3, "stride": 2, "padding": 1, "dilation": 2}, (6, 7), (2, 3)),
]
SYMBOLIC = {"stride": ("s", "t"), "padding": ("p", "q"), "dilation": ("d", "e"), "groups": "g"}


def arrays(layer, image, kernel, groups, seed=0):
    chance = np.random.default_rng(seed)
    weight = (2 * groups, 2, *kernel)
    bias = 2 * groups
    return [chance.standard_normal(shape) for shape in ((3, 2 * groups, *image), weight, (bias,))]


@pytest.mark.parametrize(("options", "image", "kernel"), GEOMETRIES, ids=str)
@pytest.mark.parametrize("layer", [CONV, TURNED], ids=["conv2d", "conv_transpose2d"])
def test_every_geometry_is_what_loops_give(layer, options, image, kernel):
    given = arrays(layer, image, kernel, options.get("groups", 1))
    code = layer.with_options(**options).derive().compile()
    Y, cache = code.forward(*given)
    want, backward = getattr(images, layer.name)(*given, **options)
    np.testing.assert_allclose(Y, want, atol=1e-12)
    dY = np.random.default_rng(1).standard_normal(Y.shape)
    gradients = code.backward(dY, cache)
    for key, value in backward(dY).items():
        np.testing.assert_allclose(gradients[key], value, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{"output_padding": 1, "stride": 2}, {"output_padding": (0, 2), "stride": (1, 3), "padding": 1}, {"output_padding": 1, "dilation": 2}], ids=str
)
def test_output_padding(options):
    given = arrays(TURNED, (4, 3), (2, 3), 1)
    code = TURNED.with_options(**options).derive().compile()
    Y, cache = code.forward(*given)
    want, backward = images.conv_transpose2d(*given, **options)
    np.testing.assert_allclose(Y, want, atol=1e-12)
    for key, value in backward(Y).items():
        np.testing.assert_allclose(code.backward(Y, cache)[key], value, atol=1e-11)


@pytest.mark.parametrize("dilation", [1, (2, 3)])
@pytest.mark.parametrize("kernel", [(3, 2), (1, 4), (5, 3)])
def test_a_padding_may_be_as_many_windows_as_entries(kernel, dilation):
    """The odd row or column comes after the entries, as in PyTorch."""
    given = arrays(CONV, (4, 5), kernel, 1)
    code = CONV.with_options(padding="same", dilation=dilation).derive().compile()
    Y, cache = code.forward(*given)
    more = [d * (k - 1) for d, k in zip(np.broadcast_to(dilation, 2), kernel, strict=True)]
    ends = [(total // 2, total - total // 2) for total in more]
    want, backward = images.conv2d(np.pad(given[0], ((0, 0), (0, 0), *ends)), *given[1:], dilation=dilation)
    assert Y.shape[2:] == (4, 5)
    np.testing.assert_allclose(Y, want, atol=1e-12)
    wanted, gradients = backward(Y), code.backward(Y, cache)
    (top, _), (left, _) = ends
    wanted["input"] = wanted["input"][:, :, top : top + 4, left : left + 5]
    for key, value in wanted.items():
        np.testing.assert_allclose(gradients[key], value, atol=1e-11)


def test_the_words_for_a_padding():
    assert CONV.with_options(padding="same", dilation="d", groups=2).derive().prove().status == "proved"
    given = arrays(CONV, (4, 5), (3, 2), 1)
    codes = [CONV.with_options(padding=padding).derive().compile() for padding in ("valid", 0)]
    np.testing.assert_array_equal(*[code.forward(*given)[0] for code in codes])
    for layer, options in ((CONV, {"stride": 2, "padding": "same"}), (TURNED, {"padding": "same"})):
        with pytest.raises(DeriveError, match="padding='same'"):
            layer.with_options(**options)


@pytest.mark.parametrize("layer", [CONV, TURNED], ids=["conv2d", "conv_transpose2d"])
def test_a_convolution_is_proved_for_every_geometry_at_once(layer):
    for chosen in ({}, {"groups": 1}, {"padding": 0}, {"groups": 1, "padding": 0}):
        derivation = layer.with_options(**{**SYMBOLIC, **chosen}).derive()
        verdict = derivation.prove()
        assert verdict.status == "proved", verdict.reason
        assert set("std") <= set(derivation.layer.sizes)
    if layer is TURNED:
        assert layer.with_options(**SYMBOLIC, output_padding=("u", "v")).derive().prove().status == "proved"


def test_what_is_assumed_of_the_geometry_is_that_the_window_fits():
    verdict = CONV.with_options(stride="s", padding="p", dilation="d").derive().prove()
    assert verdict.assumptions == ("d + h + 2*p ≥ d*kh + 1", "d + 2*p + w ≥ d*kw + 1")
    assert CONV.derive().prove().assumptions == ("h ≥ kh", "w ≥ kw")


def test_no_mutant_of_a_gradient_of_every_convolution_is_proved():
    """A stride and a dilation exchanged, a window that is not added, one that is turned, ... at all geometries."""
    derivation = CONV.with_options(stride="s", padding="p", dilation="d").derive()
    tried = 0
    for step, (target, source) in product(derivation.steps, (("padded", "windows"), ("windows", "Y"), ("weight", "Y"), ("input", "padded"))):
        if step.name != target:
            continue
        equation = derivation.layer.equation(source)
        uses = [(equation.expression, name(f"d{source}", equation.expression.shape))]
        assert is_adjoint(step.expression, derivation.layer.named(target), uses)
        for what, wrong in mutants(step.expression):
            assert not is_adjoint(wrong, derivation.layer.named(target), uses), what
            tried += 1
    assert tried > 20


LIES = [
    ({}, "extent=(h, w)", "extent=(h + 1, w)"),
    ({}, "w = windows.shape[3] + weight.shape[3] - 1", "w = windows.shape[3] + weight.shape[3]"),
    ({"stride": 2}, "stride=(2, 2), dilation=(1, 1)", "stride=(1, 1), dilation=(2, 2)"),
    ({"stride": 2}, "[:, :, ::2, ::2]", "[:, :, ::2, 1::2]"),
    ({"dilation": 2}, "::2, ::2]", "::2, ::-2]"),
    ({"padding": 1}, "dpadded[:, :, 1:-1, 1:-1]", "dpadded[:, :, 2:, 1:-1]"),
    ({"padding": 1}, "((0, 0), (0, 0), (1, 1), (1, 1))", "((0, 0), (0, 0), (2, 0), (1, 1))"),
    ({}, "axes=((0, 2, 3), (0, 2, 3))).transpose(3, 0, 1, 2)", "axes=((0, 2, 3), (0, 2, 3))).transpose(3, 0, 1, 2)[:, :, ::-1, ::-1]"),
    ({}, "np.tensordot(weight, dY", "np.tensordot(weight[:, :, ::-1, ::-1], dY"),
    ({}, "np.tensordot(weight, windows, axes=((1, 2, 3), (1, 4, 5)))", "np.tensordot(weight, windows, axes=((1, 2, 3), (1, 5, 4)))"),
    ({"groups": 2}, "each=((0,), (1,)), axes=((1,), (2,))", "each=((1,), (1,)), axes=((0,), (2,))"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "old", "new"), LIES, ids=str)
def test_a_wrong_statement_of_the_code_is_not_proved(options, old, new):
    derivation = CONV.with_options(**options).derive()
    source = derivation.numpy()
    assert source.count(old) >= 1
    assert read_back(source, derivation).status == "proved"
    assert read_back(source.replace(old, new), derivation).status == "open"


@pytest.mark.parametrize("layer", [CONV, TURNED], ids=["conv2d", "conv_transpose2d"])
def test_the_code_is_matrix_products_over_windows(layer):
    for groups in (1, 2):
        source = layer.with_options(groups=groups, padding=1, stride=2).derive().numpy()
        body = source[source.index("def forward") :]
        assert "einsum" not in body
        assert not re.search(r"^ *for ", body, re.MULTILINE)
        assert body.count("tensordot") == 3


@pytest.mark.parametrize("layer", [CONV, TURNED], ids=["conv2d", "conv_transpose2d"])
def test_float32_stays(layer):
    given = [array.astype(np.float32) for array in arrays(layer, (4, 4), (2, 2), 1)]
    code = layer.derive().compile()
    Y, cache = code.forward(*given)
    assert {a.dtype for a in (Y, *code.backward(Y, cache).values())} == {np.dtype(np.float32)}


BAD = [
    ({"stride": 0}, "stride=0; a whole number of at least 1 was wanted"),
    ({"stride": (2, 0)}, "stride=0; a whole number of at least 1 was wanted"),
    ({"stride": 1.5}, "stride=1.5; a whole number of at least 1 was wanted"),
    ({"padding": -1}, "padding=-1; a whole number of at least 0 was wanted"),
    ({"padding": (1, 1, 1)}, r"padding=\(1, 1, 1\); one value or 2 were wanted"),
    ({"dilation": None}, "dilation=None; a whole number of at least 1 was wanted"),
    ({"groups": 0}, "groups=0; a whole number of at least 1 was wanted"),
    ({"stride": "a b"}, "stride: a size named 'a b'"),
    ({"strides": 2}, "an option named strides; one of stride, padding"),
    ({"groups": (2, 2)}, r"groups=\(2, 2\); one value was wanted"),
]


@pytest.mark.parametrize(("options", "told"), BAD, ids=str)
def test_bad_options_are_refused(options, told):
    with pytest.raises(DeriveError, match=told):
        CONV.with_options(**options)


def test_an_output_padding_as_large_as_the_stride_is_refused():
    with pytest.raises(DeriveError, match="output_padding=2 with stride=2 and dilation=1; less than the stride or the dilation"):
        TURNED.with_options(stride=2, output_padding=2)


def test_there_is_no_code_for_a_stride_that_is_a_name():
    with pytest.raises(DeriveError, match="the code needs the size s, which can be worked out from no shape"):
        CONV.with_options(stride="s").derive().numpy()


@pytest.mark.parametrize(
    ("options", "shapes", "told"),
    [
        ({}, ((1, 2, 2, 5), (3, 2, 3, 3), (3,)), r"input \(1, 2, 2, 5\), weight \(3, 2, 3, 3\), bias \(3,\); wanted .* with h ≥ kh and w ≥ kw"),
        ({"padding": 1, "dilation": 2}, ((1, 2, 2, 5), (3, 2, 3, 3), (3,)), r"with h \+ 3 ≥ 2\*kh and w \+ 3 ≥ 2\*kw"),
        ({}, ((1, 2, 5, 5), (3, 1, 3, 3), (3,)), r"wanted input \(n, c, h, w\), weight \(o, c, kh, kw\), bias \(o,\)"),
        ({}, ((2, 5, 5), (3, 2, 3, 3), (3,)), r"input \(2, 5, 5\), weight"),
        ({}, ((1, 2, 5, 5), (3, 2, 3, 3), (2,)), r"bias \(2,\); wanted"),
        ({"groups": 2}, ((1, 3, 5, 5), (2, 1, 3, 3), (2,)), r"wanted input \(n, 2\*c, h, w\), weight \(2\*o, c, kh, kw\), bias \(2\*o,\)"),
        ({"groups": 2}, ((1, 2, 5, 5), (3, 1, 3, 3), (3,)), r"wanted input \(n, 2\*c, h, w\), weight \(2\*o, c, kh, kw\), bias \(2\*o,\)"),
    ],
    ids=str,
)
def test_arrays_that_do_not_fit_are_refused(options, shapes, told):
    code = CONV.with_options(**options).derive().compile()
    with pytest.raises(ValueError, match=told):
        code.forward(*map(np.ones, shapes))


def test_an_upstream_gradient_that_does_not_fit_is_refused():
    code = CONV.derive().compile()
    Y, cache = code.forward(*arrays(CONV, (4, 4), (2, 2), 1))
    with pytest.raises(ValueError, match=r"dY \(3, 2, 3, 2\); wanted \(n, o, h - kh \+ 1, w - kw \+ 1\), the shape of Y"):
        code.backward(Y[..., 1:], cache)


def test_gradients_read_as_sums_over_indices():
    derivation = CONV.with_options(stride=2).derive()
    assert str(derivation.gradients["weight"]) == 'np.einsum("ncyxij,noyx->ocij", windows, dY)'
    assert derivation.gradients["weight"]._repr_latex_() == (
        r"$\displaystyle \left[\sum_{n,y,x} \mathit{windows}_{n,c,y,x,i,j} \, \mathrm{d}Y_{n,o,y,x}\right]_{o,c,i,j}$"
    )
