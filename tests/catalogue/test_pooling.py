"""Pooling: every geometry against loops; all of them proved at once; ties; wrong ones refused."""

import numpy as np
import pytest

import derive
from derive.arrays.named import name
from derive.emit.readback import read_back
from derive.errors import DeriveError
from derive.rules.mutants import mutants
from derive.rules.proof import is_adjoint

from . import images

MAX, AVG = derive.layers["max_pool2d"], derive.layers["avg_pool2d"]

GEOMETRIES = [  # options of both, image
    ({}, (4, 5)),
    ({"kernel_size": 1}, (3, 4)),
    ({"kernel_size": 1, "stride": 2}, (5, 4)),
    ({"kernel_size": (4, 3)}, (4, 3)),  # as large as the image
    ({"kernel_size": 3, "stride": 1}, (5, 4)),  # overlapping
    ({"kernel_size": 3, "stride": 2, "padding": 1}, (7, 6)),
    ({"kernel_size": (2, 3), "stride": (3, 1), "padding": (1, 0)}, (6, 5)),
    ({"kernel_size": 2, "ceil_mode": True}, (5, 4)),
    ({"kernel_size": 3, "stride": 2, "ceil_mode": True}, (6, 7)),
    ({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, (6, 5)),
    ({"kernel_size": 2, "stride": 3, "ceil_mode": True}, (6, 8)),  # a last window would begin behind the image
    ({"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True}, (5, 7)),
    ({"kernel_size": (1, 4), "stride": (4, 3), "padding": (0, 2), "ceil_mode": True}, (9, 6)),
    ({"kernel_size": (3, 2), "stride": (1, 2), "padding": 1, "ceil_mode": True}, (1, 1)),
]
ONLY_MAX = [({"dilation": 2}, (5, 6)), ({"kernel_size": 3, "dilation": (1, 2), "stride": 2, "padding": (1, 2), "ceil_mode": True}, (6, 7))]
ONLY_AVG = [
    ({"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}, (6, 5)),
    ({"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}, (6, 5)),
    ({"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True, "count_include_pad": False}, (5, 7)),
    ({"kernel_size": 3, "padding": 1, "divisor_override": 5}, (6, 5)),
    ({"kernel_size": 3, "stride": 2, "ceil_mode": True, "divisor_override": 2}, (6, 6)),
    ({"count_include_pad": False}, (4, 4)),
]
CASES = [(layer, *row) for layer in (MAX, AVG) for row in GEOMETRIES] + [(MAX, *row) for row in ONLY_MAX] + [(AVG, *row) for row in ONLY_AVG]


def pooled(layer, options, image):
    """Code, its output and cache, and what loops give."""
    given = np.random.default_rng(0).standard_normal((2, 3, *image))
    code = layer.with_options(**options).derive().compile()
    return code, given, code.forward(given), getattr(images, layer.name)(given, **{"kernel_size": 2, **options})


@pytest.mark.parametrize(("layer", "options", "image"), CASES, ids=lambda value: getattr(value, "name", str(value)))
def test_every_geometry_is_what_loops_give(layer, options, image):
    code, _, (Y, cache), (want, backward) = pooled(layer, options, image)
    np.testing.assert_allclose(Y, want, atol=1e-12)
    dY = np.random.default_rng(1).standard_normal(Y.shape)
    np.testing.assert_allclose(code.backward(dY, cache)["input"], backward(dY)["input"], atol=1e-12)


@pytest.mark.parametrize(("layer", "options", "image"), CASES[::3], ids=lambda value: getattr(value, "name", str(value)))
def test_code_of_every_geometry_is_read_back(layer, options, image):
    derivation = layer.with_options(**options).derive()
    rung = read_back(derivation.numpy(), derivation)
    assert rung.status == "proved", rung.detail


@pytest.mark.parametrize("padding", [0, ("p", "q")])
@pytest.mark.parametrize("layer", [MAX, AVG], ids=["max", "avg"])
def test_pooling_is_proved_for_every_geometry_at_once(layer, padding):
    options = {"kernel_size": ("k", "l"), "stride": ("s", "t"), "padding": padding}
    more = {"dilation": ("d", "e")} if layer is MAX else {"count_include_pad": False}
    for chosen in (options, {**options, **more}):
        verdict = layer.with_options(**chosen).derive().prove()
        assert verdict.status == "proved", verdict.reason


def test_what_is_assumed_of_a_maximum():
    assert MAX.derive().prove().assumptions == ("h ≥ 2", "w ≥ 2", "each window of input has one largest entry")
    assert MAX.with_options(kernel_size=3, padding=1).derive().prove().assumptions == (
        "each window of padded has one largest entry",
        "the -inf around it is below every entry",
    )


def test_at_ties_the_first_entry_has_the_gradient():
    code = MAX.with_options(kernel_size=3, stride=1).derive().compile()
    ties = np.random.default_rng(0).integers(0, 2, (2, 2, 5, 6)).astype(float)
    Y, cache = code.forward(ties)
    dY = np.random.default_rng(1).standard_normal(Y.shape)
    want, backward = images.max_pool2d(ties, 3, 1)
    np.testing.assert_array_equal(Y, want)
    np.testing.assert_allclose(code.backward(dY, cache)["input"], backward(dY)["input"], atol=1e-12)


def test_no_mutant_of_the_gradient_of_every_pooling_is_proved():
    tried = 0
    for layer, source in ((MAX, "Y"), (AVG, "Z")):
        derivation = layer.with_options(kernel_size="k", stride="s", padding="p").derive()
        equation = derivation.layer.equation(source)
        uses = [(equation.expression, name(f"d{source}", equation.expression.shape))]
        step, padded = derivation.step("padded"), derivation.layer.named("padded")
        assert is_adjoint(step.expression, padded, uses)
        for what, wrong in mutants(step.expression):
            if what.startswith(("doubled term: padded", "turned window")):  # equal: the same is the largest, or all is alike
                continue
            assert not is_adjoint(wrong, padded, uses), what
            tried += 1
    assert tried > 15


LIES = [
    (MAX, {}, "stride=(2, 2), dilation=(1, 1)", "stride=(1, 1), dilation=(2, 2)"),
    (MAX, {}, "np.maximum, input", "np.add, input"),
    (MAX, {}, "window=(2, 2)", "window=(2, 3)"),
    (MAX, {}, "largest=Y", "largest=Y + 1"),
    (MAX, {}, "largest=Y", "largest=dY"),
    (MAX, {"kernel_size": 3, "padding": 1}, "constant_values=-np.inf", "constant_values=0"),
    (MAX, {"kernel_size": 3, "padding": 1}, "dpadded[:, :, 1:-1, 1:-1]", "dpadded[:, :, :-2, 1:-1]"),
    (AVG, {}, "extent=(h, w)", "extent=(h, w + 1)"),
    (AVG, {}, "np.add, input", "np.maximum, input"),
    (AVG, {}, "0.25 * Z", "0.2 * Z"),
    (AVG, {"kernel_size": 3}, "Z / 9", "Z / 8"),
    (AVG, {"kernel_size": 3, "stride": 2, "ceil_mode": True}, "(0, 1), (0, 1)))", "(1, 0), (0, 1)))"),
]


@pytest.mark.parametrize(("layer", "options", "old", "new"), LIES, ids=lambda value: getattr(value, "name", str(value)))
def test_a_wrong_statement_of_the_code_is_not_proved(layer, options, old, new):
    derivation = layer.with_options(**options).derive()
    source = derivation.numpy()
    assert old in source
    assert read_back(source.replace(old, new), derivation).status == "open"


@pytest.mark.parametrize("layer", [MAX, AVG], ids=["max", "avg"])
def test_float32_stays(layer):
    code = layer.with_options(kernel_size=3, padding=1, ceil_mode=True).derive().compile()
    Y, cache = code.forward(np.random.default_rng(0).standard_normal((2, 2, 5, 5)).astype(np.float32))
    assert {a.dtype for a in (Y, *code.backward(Y, cache).values())} == {np.dtype(np.float32)}


BAD = [
    (MAX, {"kernel_size": 0}, "kernel_size=0; a whole number of at least 1 was wanted"),
    (MAX, {"stride": 0}, "stride=0; a whole number of at least 1 was wanted"),
    (MAX, {"padding": 2}, "padding=2 with kernel_size=2; at most half of the window was wanted"),
    (AVG, {"kernel_size": (4, 2), "padding": (2, 2)}, r"padding=\(2, 2\) with kernel_size=\(4, 2\); at most half of the window"),
    (MAX, {"ceil_mode": 2}, "ceil_mode=2; one of False, True was wanted"),
    (AVG, {"count_include_pad": "no"}, "count_include_pad='no'; one of True, False was wanted"),
    (AVG, {"divisor_override": 0}, "divisor_override=0; a whole number of at least 1 was wanted"),
    (MAX, {"kernel_size": "k", "stride": 2, "padding": 1, "ceil_mode": True}, "ceil_mode=True with a window of k places"),
    (AVG, {"dilation": 2}, "an option named dilation; one of kernel_size"),
    (MAX, {"kernel_size": (2, 2, 2)}, r"kernel_size=\(2, 2, 2\); one value or 2 were wanted"),
]


@pytest.mark.parametrize(("layer", "options", "told"), BAD, ids=lambda value: getattr(value, "name", str(value)))
def test_bad_options_are_refused(layer, options, told):
    with pytest.raises(DeriveError, match=told):
        layer.with_options(**options)


@pytest.mark.parametrize("layer", [MAX, AVG], ids=["max", "avg"])
def test_images_smaller_than_the_window_are_refused(layer):
    code = layer.with_options(kernel_size=3).derive().compile()
    with pytest.raises(ValueError, match=r"input \(1, 1, 2, 5\); wanted input \(n, c, h, w\) with h ≥ 3 and w ≥ 3"):
        code.forward(np.ones((1, 1, 2, 5)))


def test_a_maximum_is_differentiated_twice():
    """Where the largest entry is does not change: the second derivative in any direction is 0, through the first 0 too."""
    again = MAX.derive().derive()
    assert again.prove().status == "proved"
