"""A claim in words: a scalar formula, the name it is differentiated by, and what the gradient is said to be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from derive.arrays.array import Array
from derive.arrays.build import constant, spread
from derive.arrays.named import as_declared, name, substitute
from derive.arrays.shapes import FLOAT, KINDS, Declaration, Kind, check_name, declare, size_names, write_shape
from derive.derivation.layer import Input, Layer, build_layer, output_name
from derive.errors import DeriveError, callers_place
from derive.formulas import habits
from derive.formulas.conditions import smooth_where
from derive.formulas.right import right_formula
from derive.formulas.text import Reader
from derive.formulas.witness import asked, decide
from derive.index.size import Size
from derive.verdict import Verdict

TITLE = "claim"
TIES = ("symmetric", "spd", "stochastic", "onehot")  # kinds that tie the entries of an array together
FREE = {"stochastic": Kind("positive")}  # what is left of them for each entry by itself; else nothing


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
    title = output_name(constant(0), {key: name(key, d.shape) for key, d in declared.items()})
    return Statement(declared, {title: forward}).decide(title, wrt, gradient)


class Statement:
    """Named formulas over declared names, each over the earlier ones; claims are made about their gradients."""

    def __init__(
        self,
        declared: Mapping[str, Declaration],
        formulas: Mapping[str, str],
        where: str = "",
        alike: Mapping[str, Size] | None = None,
    ) -> None:
        self.declared, self.formulas, self.where = declared, dict(formulas), where or callers_place()
        self.alike = dict(alike or {})  # what names of sizes that no shape has stand for
        self.sizes = frozenset(size_names(d.shape for d in declared.values()))
        self.arrays = {key: as_declared(key, d) for key, d in declared.items()}
        self.arrays |= {key: constant(size) for key, size in self.alike.items() if key not in self.sizes}
        self.defined: dict[str, Array] = {}
        for key, text in formulas.items():
            self.defined[key] = self.read(text)

    def read(self, text: str) -> Array:
        """A formula over the declared and the defined names."""
        return Reader({**self.arrays, **self.defined}, self.sizes, self.where).read(text)

    def decide(self, loss: str, wrt: str, gradient: str) -> Verdict:
        """The verdict on the claim ``d(loss)/d(wrt) = gradient``; a refuted one has the right formula in its reason."""
        layer = self.layer(loss, wrt)
        try:
            claimed = self.claimed(layer, wrt, gradient)
        except DeriveError as misfit:
            return self._refuted_where_it_fits(misfit, layer, (loss, wrt, gradient))
        layer = self.layer(loss, wrt, claimed.names())
        variable = self.defined[wrt] if wrt in self.defined else self.arrays[wrt]
        formula, facts, given = self.defined[loss], self.facts(wrt), {f"d{loss}": 1}
        assumed, apart = smooth_where(formula, variable), smooth_where(formula)
        verdict = decide(layer, wrt, claimed, given=given, facts=facts, conditions=assumed, apart=apart)
        told = tuple(a for a in verdict.assumptions if a != f"d{loss} = 1")  # that it is the loss goes without saying
        verdict = replace(verdict, subject=f"d{loss}/d{wrt}", assumptions=told)
        if verdict.ok:
            return verdict
        reasons = [verdict.reason]
        if verdict.status == "refuted":
            right = f"it is {right_formula(layer, wrt, self.defined)}"
            reasons += [*self._facts_that_help(loss, wrt, gradient), right]
        return replace(verdict, reason="; ".join(reasons))

    def proves(self, loss: str, wrt: str, gradient: str) -> bool:
        """True if the claim is proved; no counterexample is looked for."""
        layer = self.layer(loss, wrt)
        claimed = self.claimed(layer, wrt, gradient)
        layer = self.layer(loss, wrt, claimed.names())
        return bool(asked(layer, wrt, claimed, {f"d{loss}": 1}, facts=self.facts(wrt)).holds())

    def claimed(self, layer: Layer, wrt: str, gradient: str) -> Array:
        """The claimed gradient as an expression, a number being one everywhere; DeriveError for text that is none."""
        claimed = self.read(gradient)
        if not claimed.names() and not claimed.shape:  # 0, or a number everywhere
            claimed = spread(claimed, layer.named(wrt).shape)
        return claimed

    def _refuted_where_it_fits(self, misfit: DeriveError, layer: Layer, claim: tuple[str, str, str]) -> Verdict:
        """A claim whose shapes agree only if all sizes are equal: refuted if it is wrong even then, else an error."""
        if len(self.sizes) < 2:
            raise misfit
        alike = {key: Size.of("n") for key in self.sizes}
        declared = {k: replace(d, shape=tuple(size.at(alike) for size in d.shape)) for k, d in self.declared.items()}
        try:
            verdict = Statement(declared, self.formulas, self.where, alike).decide(*claim)
        except DeriveError:
            raise misfit from None
        if verdict.status != "refuted":
            raise misfit
        shapes = f"{misfit.got}; {misfit.wanted}"
        right = right_formula(layer, claim[1], self.defined)
        reason = f"{shapes}; where all sizes are equal it has a value, but another; it is {right}"
        return replace(verdict, reason=reason)

    def layer(self, loss: str, wrt: str, besides: Collection[str] = ()) -> Layer:
        """The layer of one formula, to be differentiated by one name; DeriveError for a name that is not in it.

        ``besides`` are declared names that need not be in the formula: a claim may speak of them, wrongly.
        """
        formula = self.defined.get(loss)
        if formula is None:
            known = ", ".join(self.defined) or "none is stated yet"
            raise DeriveError(
                f"the gradient of {loss!r}", f"a formula was wanted: {known}", self.where, f"{loss} = ..."
            )
        if formula.shape:
            text = self.formulas[loss].strip()
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
            there = [*inputs, *parts]
            near = habits.nearest(wrt, there)
            wanted = f"a name in {loss}, {' or '.join(there)}, was wanted"
            hint = f"d{loss}/d{near}" if near else "" if wrt in self.declared else f"declaring it: {wrt}: n d"
            raise DeriveError(f"the gradient with respect to {wrt!r}", wanted, self.where, hint)
        if wrt in inputs and not inputs[wrt].kind.is_float:
            got = f"the gradient with respect to {wrt}, which is {inputs[wrt].kind}"
            raise DeriveError(got, "an array of floats was wanted", self.where)
        if kind := self.facts(wrt):
            free = FREE.get(kind[wrt].name, FLOAT)
            plain = {wrt: name(wrt, inputs[wrt].shape, free.name)}
            inputs[wrt] = replace(inputs[wrt], kind=free)
            parts = {key: substitute(part, plain) for key, part in parts.items()}
            formula = substitute(formula, plain)
        layer = build_layer(TITLE, inputs, parts, {loss: formula})
        spoken = {key: declared for key, declared in self.declared.items() if key in besides and key not in inputs}
        more = [Input(key, d.shape, d.kind, "constant") for key, d in spoken.items()]
        return replace(layer, inputs=(*layer.inputs, *more)) if more else layer

    def facts(self, wrt: str) -> dict[str, Kind]:
        """What ties the entries of the variable together, and is not used when the formula is differentiated."""
        kind = self.declared[wrt].kind if wrt in self.declared else FLOAT
        return {wrt: kind} if kind.name in TIES else {}

    def _facts_that_help(self, loss: str, wrt: str, gradient: str) -> list[str]:
        """The facts, each about one array, under which the claim is proved: ``it holds if C is symmetric``."""
        found = []
        for key, declared in self.declared.items():
            for fact in _facts(declared):
                known = {**self.declared, key: replace(declared, kind=Kind(fact))}
                if Statement(known, self.formulas, self.where, self.alike).proves(loss, wrt, gradient):
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
