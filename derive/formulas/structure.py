"""Statements about how a layer is built, decided from its inputs, its derived lines and the kernel.

acts entry by entry     ∂Y[i]/∂X[k] = [i = k] ∂Y[i]/∂X[k], by the kernel
has no parameters       by the roles of its inputs
only passes deltas up   its derivation has no gradient but those of its data, each made from the delta from above
set by the loss         the derived line mentions no adjoint but the loss's own
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.entries import meaning
from derive.arrays.shapes import concrete, write_shape
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM, adjoint_name
from derive.errors import DeriveError
from derive.formulas.experiment import Experiment, Point
from derive.index.calculus import partial
from derive.index.terms import Delta
from derive.rules.proof import Shown, free_places, shown
from derive.verdict import Counterexample, Rung, Status, Verdict

Positions = tuple[int, ...]


def acts_entrywise(layer: Layer, output: str, variable: str) -> Verdict:
    """Whether each entry of a computed name depends on the same entry of another name alone."""
    equation = layer.equation(output)
    names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    if equation is None or variable not in names:
        raise DeriveError(
            f"{layer.name}: {output!r} as a function of {variable!r}",
            f"names among {', '.join(names)}, the first one computed",
            layer.name,
            "the name of an equation",
        )
    subject = f"∂{output}/∂{variable}"
    result, argument = equation.expression, layer.named(variable)
    if result.shape != argument.shape:
        shapes = f"{output} is {write_shape(result.shape)}, {variable} is {write_shape(argument.shape)}"
        return Verdict("refuted", subject, f"the shapes differ: {shapes}")
    diagonal = _diagonal(layer, result, variable)
    if diagonal:
        statement = f"`∂{output}[i, ..] / ∂{variable}[k, ..]` is 0 unless the two positions are the same"
        return _shown("proved", subject, statement)
    found = _off_diagonal(layer, output, variable)
    if found is None:
        return Verdict("open", subject, f"{diagonal.doubt}, and no entry was seen to depend on another one")
    reason = f"an entry of {output} depends on another entry of {variable}"
    return Verdict("refuted", subject, reason, counterexample=found)


def _diagonal(layer: Layer, result: Array, variable: str) -> Shown:
    known = {e.name: e.expression for e in layer.equations if e.name != variable}
    here, there = free_places(result), free_places(result)
    slope = partial(meaning(result, here, known), variable, there)
    same = slope
    for i, k in zip(here, there, strict=True):
        same = Delta(i, k) * same
    return shown(slope, same)


def _off_diagonal(layer: Layer, output: str, variable: str) -> Counterexample | None:
    """An entry that moves when another entry of the variable does."""
    experiment = Experiment(layer, output, layer.named(variable), of_value=True)
    for point in _points(layer):
        before = experiment.values(point)
        base = np.asarray(before[variable], dtype=np.float64)
        for there in np.ndindex(base.shape):
            moved = base.copy()
            moved[there] += 1
            after = np.asarray(experiment.values(point, **{variable: moved})[output])
            change = np.abs(after - before[output])
            change[there] = 0
            if np.max(change, initial=0) > 1e-6 * np.max(np.abs(after), initial=0):
                return _moved(experiment, point, (output, variable), (before[output], after), there)
    return None


def _moved(
    experiment: Experiment, point: Point, names: tuple[str, str], values: tuple[Any, Any], there: Positions
) -> Counterexample:
    """The witness: only one entry of the variable is moved; entries of the output besides that one change."""
    output, variable = names
    before, after = (np.round(np.asarray(value, dtype=float), 6) + 0.0 for value in values)
    expected = before.copy()
    expected[there] = after[there]
    code = [
        *experiment.preamble(point),
        f'moved = np.array(values["{variable}"], dtype=float)',
        f"moved[{there}] += 1",
        f'after = forward(**{{**inputs, "{variable}": moved}})["{output}"]',
        f'expected = np.array(values["{output}"])',
        f"expected[{there}] = after[{there}]  # the only entry that should change",
        'print("claimed", np.round(expected, 6).tolist())',
        'print("expected", np.round(after, 6).tolist())',
    ]
    return Counterexample(output, {**point.inputs}, None, expected, after, "\n".join(code) + "\n")


def _points(layer: Layer) -> Iterator[Point]:
    chance = np.random.default_rng(0)
    for values in sorted(product((1, 2), repeat=len(layer.sizes)), key=sum):
        sizes = dict(zip(layer.sizes, values, strict=True))
        yield Point(sizes, {i.name: chance.integers(1, 4, concrete(i.shape, sizes)) / 2 for i in layer.inputs}, {})


# ---- how layers are built


def has_no_parameters(layer: Layer) -> Verdict:
    """Whether none of a layer's inputs is a parameter."""
    learned = [i.name for i in layer.inputs if i.role == "parameter"]
    if learned:
        return Verdict("refuted", layer.name, f"`{layer.name}` has the parameters {', '.join(learned)}")
    data = ", ".join(i.name for i in layer.inputs)
    return _shown("proved", layer.name, f"The inputs of `{layer.name}` are {data}, none of them a parameter")


def only_passes_up(layer: Layer) -> Verdict:
    """Whether a layer's backward gives the deltas of its data and nothing else, each made from the delta from above."""
    unparametrised = has_no_parameters(layer)
    if not unparametrised.ok:
        return Verdict("refuted", layer.name, f"{unparametrised.reason}, and gradients of them")
    derivation = layer.derive()
    carried = {adjoint_name(output) for output in layer.outputs}
    for step in derivation.steps:
        if step.rule != UPSTREAM and carried.intersection(step.expression.names()):
            carried.add(step.adjoint)
    stray = [key for key in derivation.wrt if adjoint_name(key) not in carried]
    if stray:
        reason = f"{', '.join(map(adjoint_name, stray))} is not made from the delta from above"
        return Verdict("refuted", layer.name, reason)
    if not derivation.prove().ok:
        return Verdict("open", layer.name, derivation.prove().reason)
    lines = " and ".join(f"`d{key} = {value}`" for key, value in derivation.gradients.items())
    return _shown("proved", layer.name, f"`{layer.name}` gives only {lines}")


def set_by_loss(layer: Layer, target: str) -> Verdict:
    """Whether the delta of a name is made by the loss alone: its line mentions no other delta than the loss's own."""
    step = layer.derive().step(target)
    losses = [o for o in layer.outputs if not layer.named(o).shape]
    own = {adjoint_name(o) for o in losses}
    names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    deltas = [key for key in step.expression.names() if key not in names and key not in own]
    used = {key for e in layer.equations if e.name in losses for key in e.expression.names()}
    foreign = [key for key in step.expression.names() if key in names and key not in used]
    if not losses or deltas or foreign:
        made = ", ".join([*deltas, *foreign]) or "no loss"
        return Verdict("refuted", step.adjoint, f"`{step}` is made from {made}, which the loss does not give")
    return _shown(step.verdict.status, step.adjoint, f"`{step}` mentions only what the loss takes")


def _shown(status: Status, subject: str, detail: str) -> Verdict:
    return Verdict(status, subject, evidence=(Rung("structure", status, detail),))
