"""A layer's forward equations run at numbers, and gradients of them by differences.  Nothing here knows a rule.

The equations are written as one plain NumPy function, in which every computed name may also be held at a value: the
adjoint of a name is the gradient in what it is held at.  The same text is run here and printed in the snippets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from derive.arrays.array import Array
from derive.arrays.functions import needed
from derive.arrays.operations import Elementwise
from derive.arrays.rewriting import unfolded
from derive.arrays.shapes import write_shape
from derive.arrays.writing import numpy_text
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM, Derivation, adjoint_name, upstream_name
from derive.evidence.richardson import Curve, Estimate, Reals, confirmed, confirmed_sum, directional

Measured = tuple[Reals, Reals]  # a value and the bound on its error

DIFFERENCES = '''def differences(name, step=2.0**-8):
    """The gradient of the loss in one name, by central differences at two steps (Richardson)."""
    value = np.asarray(values[name], dtype=float)
    gradient = np.zeros(value.shape)
    for place in np.ndindex(value.shape):
        move = np.zeros(value.shape)
        move[place] = step
        near, far = [
            (loss(**{name: value + k * move}) - loss(**{name: value - k * move})) / (2 * k * step) for k in (1, 2)
        ]
        gradient[place] = (4 * near - far) / 3
    return gradient
'''


@dataclass(frozen=True)
class Point:
    """Where to look: the sizes, the inputs, and the adjoints of the outputs by name (``{"dE": 1.0}``)."""

    sizes: Mapping[str, int]
    inputs: Mapping[str, Any]
    upstream: Mapping[str, Any]


class Experiment:
    """A claimed expression about a layer beside the layer's own equations, both as code that runs at a point.

    ``target`` names what the claim is about; ``of_value`` if the claim is about its value instead of its adjoint.
    """

    def __init__(self, layer: Layer, target: str, claimed: Array, of_value: bool = False) -> None:
        self.layer, self.target, self.claimed, self.of_value = layer, target, claimed, of_value
        self.arguments = claimed.names()
        self.source = _definitions(layer, claimed, self.arguments)
        self.space: dict[str, Any] = {"np": np}
        exec(self.source, self.space)  # our own text, written from the expressions just above

    # ---- at a point

    def values(self, point: Point, **held: Any) -> dict[str, Any]:
        """Every name's value, some computed names or inputs being held."""
        self.space.update(point.sizes)
        inputs = {**point.inputs, **held}
        return {**inputs, **self.space["forward"](**inputs)}

    def measured(self, point: Point, name: str, careful: bool = True) -> Measured | None:
        """dE/d(name) by differences, entry by entry, and the bound on its error; None where it has no clear value.

        With ``careful`` the derivatives from both sides and those at a finer step must agree: no kink is near.
        """
        base = np.asarray(self.values(point)[name], dtype=np.float64)
        kind = getattr(getattr(self.layer.input(name), "kind", None), "name", "float")
        value, error = np.zeros(base.shape), np.zeros(base.shape)
        for place in np.ndindex(base.shape):
            reach = _reach(kind, float(base[place]))
            move = np.zeros(base.shape)
            move[place] = reach
            curve = Curve(self._terms(point, name, base, move), abs(float(base[place])) / reach)
            estimate = _smooth(curve) if careful else directional(curve)
            if estimate is None or not np.isfinite(estimate.error):
                return None
            value[place], error[place] = estimate.value / reach, estimate.error / reach
        return value, error

    def _terms(self, point: Point, name: str, base: Reals, move: Reals) -> Callable[[float], Reals]:
        def terms(t: float) -> Reals:
            found = self.values(point, **{name: base + t * move})
            weights = zip(self.layer.outputs, point.upstream.values(), strict=True)
            return np.concatenate([np.ravel(weight * np.asarray(found[output])) for output, weight in weights])

        return terms

    def expected(self, point: Point, careful: bool = True) -> Measured | None:
        """What the claim is to be compared with."""
        if not self.of_value:
            return self.measured(point, self.target, careful)
        value = np.asarray(self.values(point)[self.target], dtype=np.float64)
        return value, 64 * np.finfo(float).eps * np.abs(value)

    def got(self, point: Point, careful: bool = True) -> Measured | None:
        """The claimed value, the adjoints in it being the true ones, and what their errors may do to it."""
        known, adjoints, doubt = self.values(point), {**point.upstream}, {}
        for name in self.arguments:
            if name in known or name in adjoints:
                continue
            found = self.measured(point, name.removeprefix("d"), careful)
            if found is None:
                return None
            adjoints[name], doubt[name] = found
        arguments = {name: known[name] if name in known else adjoints[name] for name in self.arguments}
        value = self._claim(arguments)
        error = 64 * np.finfo(float).eps * np.abs(value)
        for name, bound in doubt.items():
            for place in np.ndindex(bound.shape):
                moved = arguments[name].copy()
                moved[place] += bound[place]
                error = error + np.abs(self._claim({**arguments, name: moved}) - value)
        return value, error

    def _claim(self, arguments: Mapping[str, Any]) -> Reals:
        return np.asarray(self.space["claim"](**arguments), dtype=np.float64)

    # ---- as text

    def snippet(self, point: Point, digits: int) -> str:
        """Python that runs as it stands: the equations, the claim, the numbers, and both results printed."""
        return "\n".join([*self.preamble(point), *self._comparison(point, digits)]) + "\n"

    def preamble(self, point: Point) -> list[str]:
        """The snippet up to the point where every value is known."""
        parts = ["import numpy as np", "", "", self.source.rstrip(), ""]
        if not self.of_value:
            parts += [*_loss(self.layer, point.upstream), "", "", DIFFERENCES.rstrip(), ""]
        sizes = f"{', '.join(point.sizes)} = {', '.join(map(str, point.sizes.values()))}" if point.sizes else ""
        inputs = [f'    "{name}": {_number(value)},' for name, value in point.inputs.items()]
        upstream = [
            f"upstream_{name} = {_number(value)}"
            for name, value in point.upstream.items()
            if not self.of_value and not _plain_one(value)
        ]
        data = [sizes, "inputs = {", *inputs, "}", *upstream, "values = {**inputs, **forward(**inputs)}"]
        return [*parts, "", *filter(None, data)]

    def _comparison(self, point: Point, digits: int) -> list[str]:
        known = {i.name for i in self.layer.inputs} | {e.name for e in self.layer.equations}
        given = {name: "1.0" if _plain_one(value) else f"upstream_{name}" for name, value in point.upstream.items()}
        sources = {
            name: f'values["{name}"]' if name in known else given.get(name) or f'differences("{name[1:]}")'
            for name in self.arguments
        }
        wanted = f'values["{self.target}"]' if self.of_value else f'differences("{self.target}")'
        arguments = ", ".join(f"{name}={source}" for name, source in sources.items())
        return [
            f"claimed = claim({arguments})",
            f"expected = {wanted}",
            f'print("claimed", (np.round(claimed, {digits}) + 0.0).tolist())',
            f'print("expected", (np.round(expected, {digits}) + 0.0).tolist())',
        ]


def upstream_names(derivation: Derivation) -> tuple[str, ...]:
    """The adjoint that comes from above to each output, by name."""
    given = {step.name for step in derivation.steps if step.rule == UPSTREAM}
    derived = {step.name for step in derivation.steps} - given
    return tuple(upstream_name(o) if o in derived else adjoint_name(o) for o in derivation.layer.outputs)


def _definitions(layer: Layer, claimed: Array, arguments: Sequence[str]) -> str:
    """``forward``, ``claim``, and the helper functions that they call."""
    equations = [(e.name, unfolded(e.expression)) for e in layer.equations]
    expressions = [expression for _, expression in equations] + [unfolded(claimed)]
    imports, helpers = needed(n.op.function for e in expressions for n in e.walk() if isinstance(n.op, Elementwise))
    held = [f"{name}=None" for name, _ in equations]
    lines = [
        f"def forward({', '.join([*(i.name for i in layer.inputs), *held])}):",
        '    """The computed arrays; one that is given is taken as given."""',
    ]
    for name, expression in equations:
        comment = f"  # {write_shape(expression.shape)}" if expression.shape else ""
        lines.append(f"    {name} = {numpy_text(expression)} if {name} is None else {name}{comment}")
    entries = ", ".join(f'"{name}": {name}' for name, _ in equations)
    lines.append(f"    return {{{entries}}}")
    claim = f"def claim({', '.join(arguments)}):\n    return {numpy_text(expressions[-1])}"
    return "\n\n\n".join([*imports, *(helper.rstrip() for helper in helpers), "\n".join(lines), claim]) + "\n"


def _loss(layer: Layer, upstream: Mapping[str, Any]) -> list[str]:
    """``loss``: the outputs weighted by what comes from above."""
    terms = [
        f'found["{output}"]' if _plain_one(weight) else f'np.sum(upstream_{name} * found["{output}"])'
        for output, (name, weight) in zip(layer.outputs, upstream.items(), strict=True)
    ]
    return ["", "def loss(**held):", "    found = forward(**{**inputs, **held})", f"    return {' + '.join(terms)}"]


def _plain_one(weight: Any) -> bool:
    return np.ndim(weight) == 0 and float(weight) == 1


def _number(value: Any) -> str:
    """An input as Python text."""
    return f"np.array({value.tolist()})" if isinstance(value, np.ndarray) else repr(value)


def _reach(kind: str, value: float) -> float:
    """How far an entry may move and stay in its kind."""
    room = {"positive": abs(value), "unit": min(value, 1 - value)}.get(kind, 1.0)
    return room or 1.0


def _smooth(curve: Curve) -> Estimate | None:
    """The derivative that finer steps and both sides confirm, or None."""
    (right, right_error), (left, left_error) = confirmed(curve, side=1), confirmed(curve, side=-1)
    return confirmed_sum(curve) if np.all(np.abs(right - left) <= right_error + left_error) else None
