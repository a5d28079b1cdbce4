"""How the formulas of a layer and of its derivation are written in LaTeX: what is an adjoint, how axes are called."""

from __future__ import annotations

from collections.abc import Sequence

from derive.arrays.array import Array
from derive.arrays.latex import Latex, sides
from derive.arrays.latex_entries import Entries
from derive.arrays.latex_names import Notation, symbol
from derive.arrays.named import Named, label, substitute
from derive.arrays.operations import Einsum
from derive.arrays.windows import Overlap, Windows
from derive.derivation.layer import Layer
from derive.derivation.steps import EachStep
from derive.derivation.sweep import UPSTREAM, Derivation, adjoint_name, upstream_name


def notation_of(layer: Layer) -> Notation:
    """For the layer's equations: axes go by the letters of the author's subscripts, an adjoint's as its name's."""
    letters: dict[str, tuple[str, ...]] = {}
    for e in layer.equations:
        for node in e.expression.walk():
            if isinstance(node.op, Einsum):
                for subscripts, operand in zip(node.op.inputs, node.operands, strict=True):
                    if (title := label(operand)) is not None and len({*subscripts}) == len(subscripts):
                        letters.setdefault(title, tuple(subscripts))
    for e in layer.equations:
        known = Entries(Notation(letters=letters), ()).letters_of(e.expression)
        letters.setdefault(e.name, tuple(known))
    titles = {
        title.partition("[")[0] for title in [*(i.name for i in layer.inputs), *(e.name for e in layer.equations)]
    }
    adjoints = {adjoint_name(title) for title in titles} | {upstream_name(title) for title in titles}
    letters |= {adjoint_name(title): own for title, own in letters.items()}
    return Notation(frozenset(adjoints), letters)


def layer_in_latex(layer: Layer) -> str:
    """The equations of a layer, as a notebook shows them."""
    notation = notation_of(layer)
    return _aligned([sides(e.name, e.expression, notation) for e in layer.equations])


def derivation_in_latex(derivation: Derivation) -> str:
    """The lines of a derivation, as a notebook shows them; what is given as a derivative of the loss."""
    notation = notation_in(derivation)
    lines = []
    for step in derivation.steps:
        left, right = sides(step.adjoint, step.expression, notation)
        lines.append((left, upstream_in_latex(step.name, notation) if step.rule == UPSTREAM else right))
    return _aligned(lines)


def upstream_in_latex(name: str, notation: Notation) -> str:
    """What is given from above: the derivative of the loss by an output."""
    return rf"\partial E / \partial {symbol(name, notation)}"


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    body = r" \\ ".join(f"{left} &= {right}" for left, right in lines)
    return rf"$\displaystyle \begin{{aligned}} {body} \end{{aligned}}$"


def gradient_in_latex(derivation: Derivation, key: str) -> tuple[str, str]:
    """The two sides of a gradient; of one that has a value at each step, at a step."""
    array = derivation.gradients[key]
    if isinstance(array.op, EachStep):
        return sides(f"d{key}[{array.op.step.name}]", array.operands[0], notation_in(derivation))
    return sides(f"d{key}", merged(derivation, key), notation_in(derivation))


def merged(derivation: Derivation, key: str) -> Array:
    """A gradient; where it is written entry by entry, lines that only say where entries lie are put into it."""
    array = derivation.gradients[key]
    write = Latex(notation_in(derivation))
    write.text(array)
    if write.whole:
        return array
    lines = {e.name: e.expression for e in derivation.layer.equations}
    lines |= {step.adjoint: step.expression for step in derivation.steps if step.rule != UPSTREAM}
    while known := {
        title: lines[title]
        for title in array.names()
        if title in lines and (_rearranges(array) or _rearranges(lines[title]))
    }:
        array = substitute(array, known)
    return array


def _rearranges(array: Array) -> bool:
    """True for entries of named arrays, elsewhere or added up."""
    if isinstance(array.op, Named):
        return True
    return (isinstance(array.op, Windows | Overlap) or array.op.moves) and all(map(_rearranges, array.operands))


def notation_in(derivation: Derivation) -> Notation:
    """For the lines of a derivation: what an equation computes is written by its name there."""
    own = notation_of(derivation.layer)
    names = {e.expression: e.name for e in derivation.layer.equations if not _rearranges(e.expression)}
    return Notation(own.adjoints, own.letters, names)
