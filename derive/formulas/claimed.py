"""A claim in words: a scalar formula, the name it is differentiated by, and what the gradient is said to be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from derive.arrays.array import Array, name, substitute
from derive.arrays.build import constant, spread
from derive.arrays.shapes import KINDS, Declaration, Kind, check_name, declare, size_names, write_shape
from derive.derivation.layer import Layer, build_layer, output_name
from derive.errors import DeriveError, callers_place
from derive.formulas.text import Reader
from derive.formulas.witness import asked, decide
from derive.rules.simplify import simplify
from derive.verdict import Verdict

TITLE = "claim"


def claim(
    forward: str, wrt: str, gradient: str, shapes: Mapping[str, str], assume: Mapping[str, str] | None = None
) -> Verdict:
    """Whether ``gradient`` is d(forward)/d(wrt), for every shape: proved, or refuted by small numbers, or open.

    ``forward`` is a scalar formula and ``gradient`` a formula of the shape of ``wrt``, both in NumPy-style text over
    the names in ``shapes`` (``{"X": "n d"}``); ``assume`` maps a name to a kind: ``symmetric``, ``spd``,
    ``stochastic``, ``positive``, ...  DeriveError for text outside the language, shapes that clash, or a name that is
    not declared.
    """
    declared = _declarations(shapes, assume or {})
    title = output_name(constant(0), declared)
    return Statement(declared, {title: forward}).decide(title, wrt, gradient)


class Statement:
    """Named formulas over declared names, each over the earlier ones; claims are made about their gradients."""

    def __init__(self, declared: Mapping[str, Declaration], formulas: Mapping[str, str], where: str = "") -> None:
        self.declared, self.formulas, self.where = declared, formulas, where or callers_place()
        arrays = {key: name(key, d.shape, d.kind.name) for key, d in declared.items()}
        sizes = frozenset(size_names(d.shape for d in declared.values()))
        self.defined: dict[str, Array] = {}
        for key, text in formulas.items():
            self.defined[key] = Reader({**arrays, **self.defined}, sizes, self.where).read(text)
        self.reader = Reader({**arrays, **self.defined}, sizes, self.where)

    def decide(self, loss: str, wrt: str, gradient: str) -> Verdict:
        """The verdict on the claim ``d(loss)/d(wrt) = gradient``; a refuted one has the right formula in its reason."""
        layer, claimed, given = self._claimed(loss, wrt, gradient)
        verdict = decide(layer, wrt, claimed, given=given)
        assumed = tuple(
            a for a in verdict.assumptions if a != f"d{loss} = 1"
        )  # that it is the loss goes without saying
        verdict = replace(verdict, subject=f"d{loss}/d{wrt}", assumptions=assumed)
        if verdict.ok:
            return verdict
        told = [verdict.reason]
        if verdict.status == "refuted":
            told += [*self._facts_that_help(loss, wrt, gradient), f"it is {right_formula(layer, wrt)}"]
        return replace(verdict, reason="; ".join(told))

    def proves(self, loss: str, wrt: str, gradient: str) -> bool:
        """True if the claim is proved; no counterexample is looked for."""
        layer, claimed, given = self._claimed(loss, wrt, gradient)
        return bool(asked(layer, wrt, claimed, given).holds())

    def _claimed(self, loss: str, wrt: str, gradient: str) -> tuple[Layer, Array, dict[str, float]]:
        layer = self._layer(loss, wrt)
        claimed = self.reader.read(gradient)
        if not claimed.names() and not claimed.shape:  # 0, or a number everywhere
            claimed = spread(claimed, layer.named(wrt).shape)
        return layer, claimed, {f"d{loss}": 1}

    def _layer(self, loss: str, wrt: str) -> Layer:
        formula = self.defined.get(loss)
        if formula is None:
            known = ", ".join(self.defined) or "none is stated yet"
            raise DeriveError(
                f"the gradient of {loss!r}", f"a formula was wanted: {known}", self.where, f"{loss} = ..."
            )
        if formula.shape:
            text = self.formulas[loss]
            raise DeriveError(
                f"the formula {loss} = {text} of shape {write_shape(formula.shape)}",
                "a scalar was wanted",
                self.where,
                f"sum(G * ({text})), with an upstream gradient G of that shape",
            )
        used = formula.names()
        parts = {key: part for key, part in self.defined.items() if key != loss and part in set(formula.walk())}
        inputs = {key: declared for key, declared in self.declared.items() if key in used}
        if wrt not in inputs and wrt not in parts:
            wanted = f"a name in {loss}, {' or '.join([*inputs, *parts])}, was wanted"
            raise DeriveError(f"the gradient with respect to {wrt!r}", wanted, self.where)
        if wrt in inputs and not inputs[wrt].kind.is_float:
            raise DeriveError(f"the gradient with respect to {wrt}, which is {inputs[wrt].kind}", "floats", self.where)
        return build_layer(TITLE, inputs, parts, {loss: formula})

    def _facts_that_help(self, loss: str, wrt: str, gradient: str) -> list[str]:
        """The facts, each about one array, under which the claim is proved: ``it holds if C is symmetric``."""
        found = []
        for key, declared in self.declared.items():
            for fact in _facts(declared):
                known = {**self.declared, key: replace(declared, kind=Kind(fact))}
                if Statement(known, self.formulas, self.where).proves(loss, wrt, gradient):
                    found.append(f"it holds if {key} is {fact}")
                    break
        return found


def _declarations(shapes: Mapping[str, str], assume: Mapping[str, str]) -> dict[str, Declaration]:
    """The declared names, with the kinds that are assumed; DeriveError for a name or a kind that is not known."""
    declared = {}
    for key, text in shapes.items():
        check_name(key, "an array", callers_place())
        declared[key] = declare(text, key)
    for key, kind in assume.items():
        if key not in declared:
            raise DeriveError(f"assume {key!r}", f"one of {', '.join(declared)} was wanted", callers_place())
        if kind not in KINDS:
            raise DeriveError(f"assume {key!r} is {kind!r}", f"one of {', '.join(KINDS)} was wanted", callers_place())
        declared[key] = replace(declared[key], kind=Kind(kind))
    return declared


def _facts(declared: Declaration) -> tuple[str, ...]:
    """The facts that an array could have."""
    if declared.kind.name != "float" or not declared.shape:
        return ()
    square = len(declared.shape) == 2 and declared.shape[0] == declared.shape[1]
    return ("symmetric", "stochastic") if square else ("stochastic",)


def right_formula(layer: Layer, wrt: str) -> str:
    """The derived gradient over the inputs alone, the layer's output being the loss itself."""
    (output,) = layer.outputs
    derivation = layer.derive()
    known: dict[str, Array] = {f"d{output}": constant(1)}
    for equation in layer.equations:
        known[equation.name] = substitute(equation.expression, known)
    for step in derivation.steps:
        if step.name != output:
            known[step.adjoint] = simplify(substitute(step.expression, known))
    return str(known[f"d{wrt}"])
