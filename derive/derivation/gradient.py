"""A derivation as a layer again: a gradient is a program in the same language, so it can be derived once more.

The adjoint of X, the line dX of the derivation, is called X_bar here, for the adjoint of X in the layer that comes out
is dX again.  With the upstream gradients v of all the X_bar, the gradients of that layer are Hessian-vector products.
"""

from __future__ import annotations

from itertools import count

from derive.arrays.array import Array
from derive.arrays.named import name, substitute
from derive.arrays.shapes import FLOAT
from derive.derivation.layer import Input, Layer
from derive.derivation.program import Equation
from derive.derivation.sweep import UPSTREAM, Derivation, adjoint_name, upstream_name


def gradient_layer(derivation: Derivation) -> Layer:
    """The layer from a layer's inputs and its upstream gradients to its gradients.

    Its source: Pearlmutter, "Fast exact multiplication by the Hessian", Neural Computation 6, 1994.
    """
    layer = derivation.layer
    taken = {i.name for i in layer.inputs} | {e.name for e in layer.equations} | set(layer.sizes)
    renamed: dict[str, Array] = {}

    def bar(label: str, adjoint: str, suffix: str = "_bar") -> str:
        text = next(t for k in count(1) if (t := f"{label}{suffix}{k if k > 1 else ''}") not in taken)
        taken.add(text)
        renamed[adjoint] = name(text, layer.named(label).shape)
        return text

    given: list[Input] = []
    lines: list[Equation] = []
    steps = {step.name: step for step in derivation.steps}
    leading = any(i.leading for i in layer.inputs)
    for output in layer.outputs:
        step = steps.get(output)
        if step is None:
            continue
        further = step.rule != UPSTREAM  # used further as well: what comes from above has a name of its own
        adjoint = upstream_name(output) if further else adjoint_name(output)
        text = bar(output, adjoint, "_above" if further else "_bar")
        shape = layer.named(output).shape
        leads = leading and bool(shape) and shape[0] in [i.shape[0] for i in layer.inputs if i.leading]
        given.append(Input(text, shape, FLOAT, "data", leads))
    for step in derivation.steps:
        if step.rule != UPSTREAM:
            expression = substitute(step.expression, renamed)
            lines.append(Equation(bar(step.name, step.adjoint), expression))
    outputs = tuple(str(renamed[adjoint_name(key)]) for key in derivation.wrt)
    equations = _needed([*layer.equations, *lines], outputs)
    used = {text for e in equations for text in e.expression.names()}
    used |= {i.name for i in layer.inputs if i.kind.equals is not None}
    return Layer(
        f"{layer.name}_gradient",
        tuple(i for i in [*layer.inputs, *given] if i.name in used),
        equations,
        outputs,
        f"The gradients of {layer.name}.",
        layer.source,
    )


def _needed(equations: list[Equation], outputs: tuple[str, ...]) -> tuple[Equation, ...]:
    """The equations that the outputs are made of."""
    wanted = set(outputs)
    kept: list[Equation] = []
    for equation in reversed(equations):
        if equation.name in wanted:
            kept.append(equation)
            wanted.update(equation.expression.names())
    return tuple(reversed(kept))
