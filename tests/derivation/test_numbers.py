"""Gradients against numerical differences, both evaluated straight from the text of equations and lines."""

import numpy as np
import pytest

from derive.arrays.shapes import concrete
from derive.derivation.sweep import UPSTREAM

from ..arrays.values import CODE, EPS
from .test_lines import LINES

LAYERS = {case: layer for case, (layer, _) in LINES.items()}


def callables():
    """The layers that are called in networks, as functions of the text of their own equations."""
    return {layer.name: (lambda *args, layer=layer: returned(layer, args)) for layer in LAYERS.values()}


def forward(layer, values):
    """Every name's value, from the text of the equations."""
    known = {**callables(), **CODE, **values}
    for equation in layer.equations:
        known[equation.name] = eval(str(equation.expression), known)
    return known


def returned(layer, args):
    known = forward(layer, {**dict(zip((i.name for i in layer.inputs), args, strict=True)), **sizes_of(layer, args)})
    return known[layer.outputs[0]] if len(layer.outputs) == 1 else tuple(known[name] for name in layer.outputs)


def sizes_of(layer, args):
    return {
        size.name: n
        for i, a in zip(layer.inputs, args, strict=True)
        for size, n in zip(i.shape, np.shape(a), strict=True)
        if size.name
    }


def backward(layer, known, upstream):
    """Every adjoint's value, from the text of the lines."""
    known = {**known, **upstream}
    for step in layer.derive().steps:
        if step.rule != UPSTREAM:
            known[step.adjoint] = eval(str(step.expression), known)
    return known


def names_from_above(layer):
    """What comes from above to each output: ``dY``, or ``dY_out`` where Y is used further as well."""
    given = {step.name for step in layer.derive().steps if step.rule == UPSTREAM}
    return {output: f"d{output}" if output in given else f"d{output}_out" for output in layer.outputs}


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("case", LAYERS)
def test_gradients_are_the_slopes_of_the_equations(case, seed):
    layer = LAYERS[case]
    rng = np.random.default_rng(seed)
    sizes = {name: k for k, name in enumerate(layer.sizes, 2 - seed)}
    values = {
        i.name: rng.uniform(0.5, 1.5, concrete(i.shape, sizes)) * rng.choice([-1, 1], concrete(i.shape, sizes))
        for i in layer.inputs
    }
    known = forward(layer, {**values, **sizes})
    above = {output: rng.normal(size=np.shape(known[output])) for output in layer.outputs}
    gradients = backward(layer, known, {title: above[output] for output, title in names_from_above(layer).items()})

    def loss(key, value):
        told = forward(layer, {**values, key: value, **sizes})
        return sum(float(np.sum(above[output] * told[output])) for output in layer.outputs)

    h = EPS ** (1 / 5)  # the best step for a difference of fourth order
    for key in layer.wrt:
        direction = rng.normal(size=np.shape(values[key]))
        slope = sum(w * loss(key, values[key] + t * h * direction) for t, w in ((-2, 1), (-1, -8), (1, 8), (2, -1))) / (
            12 * h
        )
        got = float(np.sum(gradients[f"d{key}"] * direction))
        size = max(1.0, abs(got), float(np.sum(np.abs(gradients[f"d{key}"]))))
        assert np.shape(gradients[f"d{key}"]) == np.shape(values[key])
        assert abs(got - slope) <= 1e2 * EPS ** (4 / 5) * size
