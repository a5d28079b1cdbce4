"""``derive list``, ``show``, ``prove`` and ``generate``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from derive.commands.answer import Answer, Grid, Part, Prose, Title, each
from derive.commands.finding import find
from derive.errors import DeriveError

if TYPE_CHECKING:
    from derive.arrays.array import Array
    from derive.derivation.layer import Layer
    from derive.derivation.sweep import Derivation, Step


def listing() -> Answer:
    """Every layer of the catalogue, with its verdict."""
    from derive.catalogue import layers

    found = [(layer, layer.derive().prove().status) for layer in each(tuple(layers.values()), "proving")]
    data = [{**_about(layer), "status": status} for layer, status in found]
    rows = [(layer.name, _inputs(layer), _chosen(layer) or "none", status) for layer, status in found]
    return Answer({"layers": data}, [Grid(("name", "inputs", "options", "status"), rows)], [row[-1] for row in rows])


def shown(names: Sequence[str], latex: bool, sympy: bool, settings: Sequence[str] = ()) -> Answer:
    """Equations, derivation and gradients of some layers."""
    data: list[dict[str, Any]] = []
    parts: list[Part] = []
    statuses = []
    for layer in find(names, settings):
        derivation = layer.derive()
        statuses.append(derivation.prove().status)
        data.append({**_about(layer), **_formulas(derivation, latex, sympy), "status": statuses[-1]})
        parts += ["", *_shown(derivation, latex, sympy)]
    return Answer({"layers": data}, parts[1:], statuses)


def proved(names: Sequence[str], settings: Sequence[str] = ()) -> Answer:
    """Each line of some layers, or of the whole catalogue, with its verdict and its time."""
    from derive.catalogue import layers

    data: list[dict[str, Any]] = []
    parts: list[Part] = []
    statuses = []
    for layer in each(find(names, settings) if names else tuple(layers.values()), "proving"):
        began = perf_counter()
        derivation = layer.derive()
        verdict = derivation.prove()
        took = _milliseconds(perf_counter() - began)
        statuses.append(verdict.status)
        lines = [{**_step(step), "verdict": step.verdict.to_dict(), "ms": _time(step)} for step in derivation.steps]
        data.append({"name": layer.name, "verdict": verdict.to_dict(), "ms": took, "lines": lines})
        rows = [
            (str(step), _shown_status(step), step.rule, "" if _time(step) is None else f"{_time(step):.2f}")
            for step in derivation.steps
        ]
        doubts = [str(step.verdict) for step in derivation.steps if not step.verdict.ok]
        parts += [
            "",
            Title(layer.name),
            Grid(("line", "verdict", "rule", "ms"), rows, ("ms",)),
            *doubts,
            str(verdict),
            f"  derived and proved in {took:.2f} ms",
        ]
    return Answer({"layers": data}, parts[1:], statuses)


def generated(names: Sequence[str], folder: str | None, settings: Sequence[str] = ()) -> Answer:
    """The NumPy modules of some layers, printed or written."""
    if folder is None and len(names) > 1:
        raise DeriveError(
            f"{len(names)} layers", "one module can be printed", "argument NAME", "-o DIR, to write a file each"
        )
    data: list[dict[str, Any]] = []
    parts: list[Part] = []
    statuses = []
    for layer in each(find(names, settings), "generating"):
        derivation = layer.derive()
        statuses.append(derivation.prove().status)
        source = derivation.numpy()
        path = None
        if folder is not None:
            path = str(write(Path(folder) / file_name(layer, ".py"), source))
        data.append({"name": layer.name, "path": path, "source": source, "status": statuses[-1]})
        parts.append(source if path is None else path)
    return Answer({"modules": data}, parts, statuses)


def file_name(layer: Layer, ending: str) -> str:
    """``dense.py``; DeriveError for a layer whose name cannot name a file."""
    if not layer.name.isidentifier():
        raise DeriveError(
            f"a layer named {layer.name!r}",
            "a Python identifier, since the name becomes that of a file",
            "argument NAME",
            'title="..." where the layer is made',
        )
    return layer.name + ending


def write(path: Path, content: str | bytes) -> Path:
    """Write a file and the folders above it; DeriveError where that cannot be done."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    except (OSError, ValueError) as error:
        raise DeriveError(
            f"cannot write {str(path)!r} ({getattr(error, 'strerror', None) or error})",
            "a folder that can be written to",
            "option -o",
            "another folder, -o DIR",
        ) from None
    return path


# ---- a layer as JSON-ready values


def _about(layer: Layer) -> dict[str, Any]:
    from derive.arrays.shapes import write_declaration

    inputs = [
        {
            "name": i.name,
            "shape": write_declaration(i.shape, leading=i.leading),
            "kind": str(i.kind),
            "role": i.role,
        }
        for i in layer.inputs
    ]
    return {
        "name": layer.name,
        "doc": layer.doc,
        "source": layer.source,
        "inputs": inputs,
        "outputs": list(layer.outputs),
        "options": _options(layer),
    }


def _options(layer: Layer) -> dict[str, Any]:
    plain = (bool, int, float, str, tuple, list, type(None))
    return {key: value if isinstance(value, plain) else str(value) for key, value in layer.options.items()}


def _chosen(layer: Layer) -> str:
    """``stride=1, padding=0``."""
    return ", ".join(f"{key}={value!r}" for key, value in layer.options.items())


def _formulas(derivation: Derivation, latex: bool, sympy: bool) -> dict[str, Any]:
    matrices = _matrices(derivation) if sympy else {}
    gradients = {}
    for key, value in derivation.gradients.items():
        gradients[key] = {"shape": _shape(value), "expression": str(value)}
        gradients[key] |= {"latex": _math(derivation, f"d{key}", value)} if latex else {}
        gradients[key] |= {"sympy": matrices[key]} if sympy else {}
    equations = [
        {"name": e.name, "shape": _shape(e.expression), "expression": str(e.expression)}
        | ({"latex": _math(derivation, e.name, e.expression)} if latex else {})
        for e in derivation.layer.equations
    ]
    steps = [
        _step(step)
        | ({"latex": _math(derivation, step.adjoint, step.expression)} if latex else {})
        | {"status": step.verdict.status}
        for step in derivation.steps
    ]
    return {"equations": equations, "derivation": steps, "gradients": gradients}


def _step(step: Step) -> dict[str, Any]:
    return {
        "name": step.name,
        "adjoint": step.adjoint,
        "expression": str(step.expression),
        "rule": step.rule,
        "reason": step.reason,
        "source": step.source,
    }


# ---- a layer for people


def _shown(derivation: Derivation, latex: bool, sympy: bool) -> list[Part]:
    spell = partial(_math, derivation) if latex else _plain
    layer = derivation.layer
    shape = layer.written_shape
    equations = [(spell(e.name, e.expression), shape(e.expression)) for e in layer.equations]
    steps = [(spell(s.adjoint, s.expression), s.rule, s.reason, _shown_status(s)) for s in derivation.steps]
    gradients = [(spell(f"d{key}", value), shape(value)) for key, value in derivation.gradients.items()]
    parts: list[Part] = [Title(f"{layer.name}({_inputs(layer)})")]
    parts += [Prose(layer.doc)] if layer.doc else []
    parts += [Prose(f"Source: {layer.source}")] if layer.source else []
    parts += ["", Grid(("equation", "shape"), equations)]
    parts += ["", Grid(("derivation", "rule", "because", "verdict"), steps)]
    parts += ["", Grid(("gradient", "shape"), gradients)]
    if sympy:
        matrices = [(f"d{key} = {text}",) for key, text in _matrices(derivation).items()]
        parts += ["", Grid(("gradient in SymPy",), matrices)]
    return parts


def _inputs(layer: Layer) -> str:
    return ", ".join(f"{i.name}: {i.written}" + ("" if i.kind.name == "float" else f" {i.kind}") for i in layer.inputs)


def _shape(array: Array) -> str:
    from derive.arrays.shapes import write_shape

    return write_shape(array.shape)


def _plain(label: str, array: Array) -> str:
    return f"{label} = {array}"


def _math(derivation: Derivation, label: str, array: Array) -> str:
    from derive.arrays.latex import sides
    from derive.derivation.notation import notation_in, notation_of

    adjoint = label in notation_of(derivation.layer).adjoints
    return " = ".join(sides(label, array, notation_in(derivation) if adjoint else notation_of(derivation.layer)))


def _matrices(derivation: Derivation) -> dict[str, str]:
    """The gradients as SymPy matrix expressions; one that has no matrix form says why."""
    from derive.commands.matrices import spelled

    found, refused = {}, []
    for key in derivation.gradients:
        try:
            found[key] = spelled(derivation.sympy(key))
        except DeriveError as error:
            refused.append(error)
            found[key] = f"none: {error.got}"
    if len(refused) == len(found):
        raise refused[0]
    return found


def _shown_status(step: Step) -> str:
    from derive.derivation.sweep import UPSTREAM

    return "given" if step.rule == UPSTREAM else step.verdict.status


def _milliseconds(seconds: float) -> float:
    return round(1000 * seconds, 3)


def _time(step: Step) -> float | None:
    """The time that a line took, if the derivation says so."""
    seconds = getattr(step, "seconds", None)
    return None if seconds is None else _milliseconds(seconds)
