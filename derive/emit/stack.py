"""A network as a stack of layer objects: a class for each kind of layer, with ``forward``, ``backward`` and ``step``.

Each object keeps its parameters and what its backward needs; ``backward`` stores the gradients of the parameters and
passes the deltas of its inputs up.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Mapping
from dataclasses import dataclass

from derive.arrays.array import Array
from derive.arrays.functions import FUNCTIONS
from derive.arrays.helpers import HELPERS
from derive.arrays.named import label, name
from derive.arrays.shapes import write_shape
from derive.arrays.writing import numpy_text
from derive.derivation.call import LayerCall
from derive.derivation.layer import Layer
from derive.derivation.program import Equation
from derive.derivation.sweep import Derivation, contributions
from derive.emit.checks import mentioned, pack, places, read_sizes, unpacked
from derive.emit.layout import laid_out
from derive.emit.leading import leading
from derive.emit.numpy import backward_body, cache_text, first_sentence, forward_body, gradient_text, opening, returned
from derive.emit.plan import Plan
from derive.rules.simplify import simplify
from derive.rules.stable import stabilized

METHODS = ("forward", "backward", "step", "cache")  # what every object has besides its parameters
TAKEN = {
    "Network",
    "np",
    "special",
    *METHODS,
    *HELPERS,
    *(t for f in FUNCTIONS.values() for t in re.findall(r"def (\w+)", f.helper)),
}


@dataclass(frozen=True)
class Member:
    """One layer object of a network: its attribute, its layer, the equation it is."""

    attribute: str
    layer: Layer
    equation: Equation

    @property
    def operands(self) -> Mapping[str, Array]:
        """The operand of each of the layer's inputs."""
        return dict(zip((i.name for i in self.layer.arrays), self.equation.expression.operands, strict=True))

    @property
    def parameters(self) -> dict[str, str]:
        """The layer's parameters, and what they are called in the network."""
        return {i.name: str(label(self.operands[i.name])) for i in self.layer.inputs if i.role == "parameter"}

    @property
    def data(self) -> list[str]:
        """The layer's inputs that are not parameters."""
        return [i.name for i in self.layer.inputs if i.role != "parameter"]


def members(layer: Layer) -> list[Member] | None:
    """The layer objects of a network, or None for one that calls none or whose objects would be wrong."""
    found = _members(layer)
    return found if found and not _wrong(layer, found) else None


def why_no_objects(layer: Layer) -> str:
    """Why a layer that calls layers has no classes, in a line; empty for every other layer."""
    found = _members(layer)
    wrong = _wrong(layer, found) if found else ""
    return f"No layer objects: {wrong}." if wrong else ""


def _members(layer: Layer) -> list[Member]:
    calls = [(e, e.expression.op.layer) for e in layer.equations if isinstance(e.expression.op, LayerCall)]
    kinds = [kind for _, kind in calls]
    found: list[Member] = []
    for equation, kind in calls:
        number = 1 + len([m for m in found if m.layer is kind])
        found.append(Member(f"{kind.name}{number}" if kinds.count(kind) > 1 else kind.name, kind, equation))
    return found


def _wrong(layer: Layer, found: list[Member]) -> str:
    """What would be wrong with the objects; empty if they are right."""
    return _wrong_arrays(layer, found) or _wrong_names(layer, found)


def _wrong_arrays(layer: Layer, found: list[Member]) -> str:
    """What the arrays of the calls have that objects cannot: an object owns its parameters and is passed its data."""
    owners: dict[str, Member] = {}
    if leading(layer):
        return "its inputs have leading axes"
    if unstable := next((e for e in layer.equations if stabilized(e.expression, {}) is not e.expression), None):
        return f"{unstable.name} is no layer, and has a stable form"
    for m in found:
        if len(m.layer.outputs) > 1:
            return f"{m.layer.name} has {len(m.layer.outputs)} outputs"
        if m.layer.arrays != m.layer.inputs:
            return f"{m.layer.name} is passed a size"
        passed = [label(operand) for operand in m.operands.values()]
        for text in passed:
            if text is None:
                return f"{m.layer.name} is passed a formula"
            if passed.count(text) > 1:
                return f"{text} is passed twice to {m.layer.name}"
        for text in m.parameters.values():
            if layer.input(text) is None:
                return f"{text}, a parameter of {m.layer.name}, is no input"
            if text in owners:
                return f"{text} is a parameter of two layers"
            owners[text] = m
    for text, m in owners.items():
        if any(text in e.expression.names() for e in layer.equations if e is not m.equation):
            return f"{text} is a parameter of {m.layer.name} and data elsewhere"
    return ""


def _wrong_names(layer: Layer, found: list[Member]) -> str:
    """What names would mean two things in the code of the objects."""
    names = {i.name for i in layer.inputs} | {e.name for e in layer.equations} | set(layer.sizes)
    titles: dict[str, Layer] = {}
    for m in found:
        title = class_name(m.layer)
        if titles.setdefault(title, m.layer) is not m.layer:
            return f"two layers would be the class {title}"
        if not title.isidentifier() or title in TAKEN or keyword.iskeyword(title) or hasattr(builtins, title):
            return f"a class of {m.layer.name} would be called {title!r}"
        if title in names or title in {i.name for i in m.layer.inputs}:
            return f"{title} would be an array and a class"
        for text in (m.attribute, *(i.name for i in m.layer.inputs if i.role == "parameter")):
            if text in METHODS or text.startswith("__"):
                return f"an attribute would be called {text}"
        clash = next((text for text in sorted(names) if f"{text}_{m.attribute}" in names), None)
        if clash is not None:
            return f"d{clash}_{m.attribute} would mean two things"
    attributes = [m.attribute for m in found]
    twice = next((text for text in attributes if attributes.count(text) > 1), None)
    return f"two attributes would be called {twice}" if twice is not None else ""


def class_name(layer: Layer) -> str:
    """``SquaredError`` for ``squared_error``."""
    return "".join(part[:1].upper() + part[1:] for part in layer.name.split("_"))


def classes(derivation: Derivation) -> list[str]:
    """The source of the layer classes and of the network; nothing for a layer that is not a network of layers."""
    found = members(derivation.layer)
    if found is None:
        return []
    kinds = dict.fromkeys(m.layer for m in found)
    return [*(layer_class(kind) for kind in kinds), network_class(derivation, found)]


def layer_class(layer: Layer) -> str:
    """The class of one kind of layer."""
    plan = Plan(layer.derive())
    parameters = [i.name for i in layer.inputs if i.role == "parameter"]
    data = [i for i in layer.inputs if i.role != "parameter"]
    lines = [f"class {class_name(layer)}:", f'    """{first_sentence(layer)}"""', ""]
    if parameters:
        own = ", ".join(f"self.{p}" for p in parameters)
        lines += [f"    def __init__(self, {', '.join(parameters)}):", f"        {own} = {', '.join(parameters)}", ""]
    lines.append(f"    def forward({', '.join(['self', *(i.name for i in data)])}):")
    body = [f"{', '.join(parameters)} = {', '.join(f'self.{p}' for p in parameters)}"] if parameters else []
    known = [i.array for i in layer.inputs if i.role == "parameter"]
    body += opening(plan, data, known, plan.derivation.prove().assumptions)
    body += forward_body(plan)
    body += [f"self.cache = {cache_text(plan)}", f"return {returned(plan)}"]
    lines += [f"        {line}" for line in laid_out(body)]
    upstream = plan.upstream[0]
    default = "=1.0" if not layer.named(layer.outputs[0]).shape else ""
    lines += ["", f"    def backward(self, {upstream}{default}):"]
    body = backward_body(plan, "self.cache")
    if parameters:
        body.append(f"{', '.join(f'self.d{p}' for p in parameters)} = {', '.join(f'd{p}' for p in parameters)}")
    up = [gradient_text(plan, i.name) for i in data if i.kind.is_float]
    body.append(f"return {', '.join(up)}" if up else "return None")
    lines += [f"        {line}" for line in laid_out(body)]
    if parameters:
        lines += ["", "    def step(self, rate):"]
        lines += [f"        self.{p} = self.{p} - rate * self.d{p}" for p in parameters]
    return "\n".join(lines) + "\n"


def network_class(derivation: Derivation, found: list[Member]) -> str:
    """The class of the network: its layers in order, forward, backward and step."""
    layer = derivation.layer
    owned = [text for m in found for text in m.parameters.values()]
    data = [i.name for i in layer.inputs if i.name not in owned]
    kinds = " -> ".join(m.layer.name for m in found)
    lines = [
        "class Network:",
        f'    """{layer.name}: {kinds}."""',
        "",
        f"    def __init__({', '.join(['self', *owned])}):",
    ]
    lines += [f"        self.{m.attribute} = {class_name(m.layer)}({', '.join(m.parameters.values())})" for m in found]
    backward, kept = _backward_lines(derivation, found)
    lines += ["", f"    def forward({', '.join(['self', *data])}):"]
    lines += [f"        {line}" for line in _forward_lines(layer, found, kept)]
    lines += [f"        self.cache = {pack(kept)}"] if kept else []
    lines += [f"        return {', '.join(layer.outputs)}", ""]
    plan = Plan(derivation)
    scalar = all(not layer.named(o).shape for o in layer.outputs)
    lines.append(f"    def backward({', '.join(['self', *(d + ('=1.0' if scalar else '') for d in plan.upstream)])}):")
    lines += [f"        {unpacked(kept)} = self.cache"] if kept else []
    lines += [f"        {line}" for line in backward]
    entries = ", ".join(f'"{key}": d{key}' for key in derivation.wrt)
    lines += [f"        return {{{entries}}}"]
    if owned:
        lines += ["", "    def step(self, rate):"]
        lines += [f"        self.{m.attribute}.step(rate)" for m in found if m.parameters]
    return "\n".join(lines) + "\n"


def _forward_lines(layer: Layer, found: list[Member], kept: list[str]) -> list[str]:
    by_equation = {m.equation: m for m in found}
    lines: list[str] = []
    for equation in layer.equations:
        member = by_equation.get(equation)
        if member is None:
            text = numpy_text(equation.expression)
        else:
            text = (
                f"self.{member.attribute}.forward({', '.join(numpy_text(member.operands[key]) for key in member.data)})"
            )
        comment = f"  # {write_shape(equation.expression.shape)}" if equation.expression.shape else ""
        lines.append(f"{equation.name} = {text}{comment}")
    sizes = [size for size in layer.sizes if size in kept or size in mentioned(lines, layer.sizes)]
    owned = {text: f"self.{m.attribute}.{own}" for m in found for own, text in m.parameters.items()}
    order = sorted(layer.inputs, key=lambda i: i.name in owned)  # parameters are in the objects
    read = read_sizes(sizes, [i.array for i in order])
    return [re.sub(r"\b(\w+)(?=\.shape)", lambda at: owned.get(at[1], at[1]), line) for line in read] + lines


def _backward_lines(derivation: Derivation, found: list[Member]) -> tuple[list[str], list[str]]:
    """One call for each layer object, one statement for each adjoint that is met otherwise; and what must be kept."""
    layer = derivation.layer
    by_equation = {m.equation: m for m in found}
    active = set(derivation.wrt) | {e.name for e in layer.equations}
    plan = Plan(derivation)
    parts: dict[str, list[Array]] = {o: [a] for o, a in zip(layer.outputs, plan.upstream_arrays, strict=True)}
    lines: list[str] = []
    statements: list[Array] = []

    def gather(target: str) -> None:
        met = parts.get(target, [])
        if not met or (len(met) == 1 and label(met[0]) == f"d{target}"):
            return
        total = met[0]
        for part in met[1:]:
            total = total + part
        total = simplify(total)
        statements.append(total)
        copied = ".copy()" if label(total) is not None and total.shape else ""  # results are never views
        lines.append(f"d{target} = {numpy_text(total)}{copied}")

    for equation in reversed(layer.equations):
        gather(equation.name)
        member = by_equation.get(equation)
        if member is None:
            grad = name(f"d{equation.name}", equation.expression.shape)
            for target, adjoint in contributions(equation, grad, active).items():
                parts.setdefault(target, []).append(adjoint)
            continue
        targets = []
        for key in member.data:
            operand = member.operands[key]
            source = label(operand)
            i = member.layer.input(key)
            if source is None or i is None or not i.kind.is_float:
                continue
            alone = source not in parts and _uses(layer, source) == 1
            targets.append(f"d{source}" if alone else f"d{source}_{member.attribute}")
            parts.setdefault(source, []).append(name(targets[-1], operand.shape))
        call = f"self.{member.attribute}.backward(d{equation.name})"
        lines.append(f"{', '.join(targets)} = {call}" if targets else call)
        for own, text in member.parameters.items():
            lines.append(f"d{text} = self.{member.attribute}.d{own}")
    for key in derivation.wrt:
        gather(key)
    forward_names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    used = {text for array in statements for text in array.names()}
    kept = [text for text in forward_names if text in used]
    sizes = mentioned(lines, layer.sizes)
    at_hand = [layer.named(text) for text in kept] + [
        a for met in parts.values() for a in met if label(a) in plan.upstream
    ]
    far = [size for size in sizes if size not in places(at_hand)]
    return read_sizes([size for size in sizes if size not in far], at_hand) + lines, kept + far


def _uses(layer: Layer, target: str) -> int:
    used = [1 for e in layer.equations for operand in e.expression.operands if target in operand.names()]
    return len(used) + (1 if target in layer.outputs else 0)
