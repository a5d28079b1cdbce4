"""What is printed in LaTeX is a formula: read back, its shapes fit, and it has the value that it stands for."""

import numpy as np
import pytest

import derive
from derive.arrays.latex import sides
from derive.derivation.notation import gradient_in_latex, notation_in, notation_of
from derive.derivation.recurrence import Recurrence
from derive.derivation.sweep import UPSTREAM, adjoint_name, upstream_name
from derive.emit.ladder import divisors, signature_of
from derive.emit.plan import unfolded
from derive.evidence.properties import sample
from tests.arrays.latex import Reader
from tests.arrays.values import text_value

OPTIONS = [
    ("conv2d", {"stride": 2, "padding": 1, "dilation": 2}), ("conv2d", {"stride": "s", "padding": "p", "dilation": "e"}), ("conv2d", {"groups": 2}),
    ("conv_transpose2d", {"stride": 2, "padding": 1}), ("max_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1}), ("max_pool2d", {"kernel_size": (2, 3), "stride": 1, "dilation": 2}),
    ("avg_pool2d", {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False}), ("softmax", {"dim": -2}), ("log_softmax", {"dim": -2}), ("logsumexp", {"dim": -2}),
    ("layer_norm", {"normalized_dims": 2}), ("rms_norm", {"normalized_dims": 2}), ("batch_norm", {"dims": 0}), ("batch_norm", {"dims": 1}), ("batch_norm", {"training": False}),
    ("cross_entropy", {"reduction": "none"}), ("cross_entropy", {"dims": 2}), ("cross_entropy", {"ignore_index": -100}), ("nll_loss", {"reduction": "sum", "dims": 1}),
    ("scaled_dot_product_attention", {"is_causal": True}), ("gelu", {"approximate": "tanh"}),
]  # fmt: skip
LAYERS = {name: layer for name, layer in derive.layers.items() if not isinstance(layer, Recurrence)}
LAYERS |= {f"{name}({', '.join(f'{k}={v}' for k, v in options.items())})": derive.layers[name].with_options(**options) for name, options in OPTIONS}


def lines_of(layer):
    """Every equation and every adjoint line: its name, its expression, and its two sides in LaTeX."""
    derivation = layer.derive()
    for e in layer.equations:
        yield e.name, e.expression, sides(e.name, e.expression, notation_of(layer))
    for step in derivation.steps:
        if step.rule != UPSTREAM:
            yield step.adjoint, step.expression, sides(step.adjoint, step.expression, notation_in(derivation))


def case_of(layer):
    """A case whose arrays are not empty, with sizes as different as can be had."""
    drawn = sample(signature_of(layer), 24, 3, divisors(layer))
    draw = np.random.default_rng(0).standard_normal  # no ties
    kinds = {i.name: i.kind.name for i in layer.inputs}
    drawn = [case.with_inputs({key: draw(np.shape(x)) for key, x in case.inputs.items() if kinds[key] == "float"}) for case in drawn]
    full = [case for case in drawn if all(map(np.size, (*case.inputs.values(), *case.upstream)))]
    return max(full, key=lambda case: (len({*case.sizes.values()}), sum(map(np.size, case.inputs.values()))))


def values_of(layer):
    """Inputs and upstream gradients by name, the sizes, and the number of classes where there are labels."""
    case = case_of(layer)
    sizes = dict(case.sizes)
    highs = [i.kind.high for i in layer.inputs if i.kind.high is not None]
    return arrays_at(layer, case), sizes, highs[0].at(sizes).constant if highs else 0


def arrays_at(layer, case):
    """The arrays of a case, one leading axis in place of any number of them."""
    arrays = {i.name: flat(case.inputs[i.name], i.shape) for i in layer.inputs}
    for output, above in zip(layer.outputs, case.upstream, strict=True):
        named = adjoint_name if layer.derive().step(output).rule == UPSTREAM else upstream_name
        arrays[named(output)] = flat(above, layer.named(output).shape)
    return arrays


def flat(value, shape):
    """An array with its leading axes in one."""
    more = np.ndim(value) - len(shape)
    return np.reshape(value, (-1, *np.shape(value)[more + 1 :])) if shape else value


@pytest.mark.parametrize("name", LAYERS)
def test_a_printed_line_has_the_value_that_it_stands_for(name):
    layer = LAYERS[name]
    arrays, sizes, classes = values_of(layer)
    for title, expression, (left, right) in lines_of(layer):
        value = text_value(unfolded(expression), sizes, arrays)
        arrays[title] = value
        read = Reader(sizes, arrays, notation_in(layer.derive()), classes).line(left, right)
        assert read.shape == value.shape, (left, right)
        np.testing.assert_allclose(read, value, rtol=1e-9, atol=1e-12, err_msg=f"{left} = {right}")
    for key in layer.derive().gradients:  # as pages print them, names that only say where entries lie seen through
        left, right = gradient_in_latex(layer.derive(), key)
        read = Reader(sizes, arrays, notation_in(layer.derive()), classes).line(left, right)
        np.testing.assert_allclose(read, arrays[f"d{key}"], rtol=1e-9, atol=1e-12, err_msg=f"{left} = {right}")


def test_a_notebook_shows_a_layer_and_its_derivation():
    dense = derive.layers["dense"]
    assert dense._repr_latex_() == r"$\displaystyle \begin{aligned} Y &= X \, W + \mathbf{1} \, b \end{aligned}$"
    shown = dense.derive()._repr_latex_()
    assert r"\mathrm{d}Y &= \partial E / \partial Y \\ \mathrm{d}X &= \mathrm{d}Y \, W^{\top} \\" in shown


LIES = [  # a line of a layer, what is printed, and what is printed in its place
    ("dense", "dX", r"W^{\top}", "W"), ("dense", "db", r"\mathbf{1}^{\top}", r"\mathbf{1}"), ("softmax", "dinput", "rowsum", "rowmean"),
    ("layer_norm", "dinput", "rowmean", "colmean"), ("conv2d", "dweight", "{n,c,y,x,i,j}", "{n,c,x,y,i,j}"), ("conv2d", "dinput", "y + i = h", "y - i = h"),
    ("avg_pool2d", "dinput", "k<2", "k<1"), ("batch_norm", "dinput", "mean}_{i,j,k}", "mean}_{i,j}"), ("cross_entropy", "loss", r"\sum_{c}", r"\sum_{c<1}"),
    ("scaled_dot_product_attention", "dkey", r"\mathrm{d}S^{\top}", r"\mathrm{d}S"), ("quadratic_form", "dA", r"x^{\top}", "x"), ("glu", "B", "d:]", ":d]"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "title", "said", "instead"), LIES)
def test_a_line_that_is_printed_wrong_does_not_read_back(name, title, said, instead):
    layer = LAYERS[name]
    arrays, sizes, wrong = values_of(layer)
    for key, expression, (left, right) in lines_of(layer):
        arrays[key] = text_value(unfolded(expression), sizes, arrays)
        if key == title:
            assert said in right
            try:
                read = Reader(sizes, arrays, notation_in(layer.derive()), wrong).line(left, right.replace(said, instead, 1))
            except (AssertionError, ValueError, IndexError):
                return
            assert read.shape != arrays[key].shape or not np.allclose(read, arrays[key])
            return
    raise AssertionError(f"{name} has no line {title}")
