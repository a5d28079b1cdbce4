"""The derivation: a layer's equations swept in reverse, one named and proved line for each adjoint.

upper path:   the rules of the book carry the adjoint of each equation down to the names that it uses
lower path:   the kernel differentiates the same equations, entry by entry, by the seven laws
verdict:      proved where both have the same normal form
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from types import MappingProxyType
from typing import Any

from derive.arrays.array import Array
from derive.arrays.named import Named, label, name, substitute
from derive.derivation import upstairs
from derive.derivation.layer import Layer
from derive.derivation.program import Equation
from derive.errors import DeriveError, callers_place
from derive.rules.book import pull, zero
from derive.rules.proof import Shown, is_adjoint, is_equal
from derive.rules.simplify import simplify
from derive.verdict import Rung, Verdict, weakest

UPSTREAM = "upstream"  # the rule of a line that is given
Use = tuple[Equation, Array | None]  # an equation that uses a name, and what the rules hand from it to the name

PASSES = ("add", "subtract", "negative", "reshape")  # rules that only hand the adjoint on


@dataclass(frozen=True)
class Step:
    """One line: the adjoint of ``name`` is ``expression``, by ``rule``, because of ``reason``; and its verdict."""

    name: str
    expression: Array
    rule: str
    reason: str
    verdict: Verdict
    source: str = ""
    seconds: float = field(default=0.0, compare=False, repr=False)  # what deriving and proving it took

    @property
    def adjoint(self) -> str:
        """The adjoint's own name, ``dW``."""
        return adjoint_name(self.name)

    def __str__(self) -> str:
        return f"{self.adjoint} = {self.expression}"


@dataclass(frozen=True, eq=False)
class Derivation:
    """A layer's table of adjoints, output first."""

    layer: Layer
    wrt: tuple[str, ...]
    steps: tuple[Step, ...]

    @cached_property
    def gradients(self) -> Mapping[str, Array]:
        """The adjoint of each input, over inputs, computed names and earlier adjoints."""
        lines = {step.name: step.expression for step in self.steps}
        return MappingProxyType({key: lines[key] for key in self.wrt})

    def step(self, label: str) -> Step:
        """The line of a name; DeriveError if it has none."""
        for step in self.steps:
            if step.name == label:
                return step
        raise DeriveError(
            f"{self.layer.name}: no adjoint of {label!r}",
            f"one of {', '.join(s.name for s in self.steps)}",
            callers_place(),
            "a name of an input or an equation",
        )

    @staticmethod
    def adjoint_name(label: str) -> str:
        """``dW`` for ``W``."""
        return adjoint_name(label)

    def closed_forms(self, output: str) -> dict[str, Array]:
        """The gradients from one output's adjoint alone, over inputs, that output and its adjoint."""
        known: dict[str, Array] = {}
        for equation in self.layer.equations:
            known[equation.name] = substitute(equation.expression, known)
        known[output] = self.layer.named(output)
        for other in self.layer.outputs:  # what comes from above: only to this output
            above = name(adjoint_name(other), known[other].shape) if other == output else zero(known[other])
            known[upstream_name(other)] = above
            if other != output:
                known[adjoint_name(other)] = above
        closed: dict[str, Array] = {}
        for step in self.steps:
            if step.name in self.layer.outputs and step.rule == UPSTREAM:
                continue
            expression = substitute(step.expression, known)
            known[step.adjoint] = expression
            if step.name in self.wrt:
                closed[step.name] = simplify(expression)
        return closed

    def prove(self) -> Verdict:
        """The verdict for all shapes: as good as the weakest line."""
        derived = [step for step in self.steps if step.rule != UPSTREAM]  # what is given needs no proof
        verdicts = [step.verdict for step in derived]
        status = weakest(v.status for v in verdicts)
        failed = [step.adjoint for step in derived if not step.verdict.ok]
        given = [e.expression for e in self.layer.equations if not e.expression.names()]  # sizes as numbers: 1 / n
        conditions = [a for expression in given for node in expression.walk() for a in node.op.assumes(node)]
        conditions += [a for e in self.layer.equations for a in e.domain]
        assumptions = tuple(dict.fromkeys([*conditions, *(a for v in verdicts for a in v.assumptions)]))
        proved = len([v for v in verdicts if v.status == "proved"])
        reason = f"not shown: {', '.join(failed)}" if failed else ""
        detail = f"{proved} of {len(verdicts)} lines" + (f"; {reason}" if failed else "")
        rung = Rung("proof", status, detail, {"lines": len(verdicts), "proved": proved})
        return Verdict(status, self.layer.name, reason, assumptions, (rung,))

    @cached_property
    def layer_of_gradients(self) -> Layer:
        """The derivation as a layer: from the inputs and upstream gradients to the gradients, named ``X_bar``."""
        made: Layer = upstairs.call("derivation.gradient", "gradient_layer", self)
        return made

    def derive(self, wrt: Sequence[str] | None = None) -> Derivation:
        """The derivation of the gradients: second order.  Its gradients are Hessian-vector products.

        ``wrt``: inputs or upstream gradients (``E_bar``), by default all floats.
        """
        return self.layer_of_gradients.derive(wrt)

    def numpy(self) -> str:
        """A NumPy module with ``forward`` and ``backward``, as text."""
        text: str = upstairs.call("emit.numpy", "module", self)
        return text

    def compile(self) -> Any:
        """The NumPy module, loaded: ``forward(*inputs) -> (y, cache)``, ``backward(dY, cache) -> {name: gradient}``."""
        return upstairs.call("emit.loading", "load", self)

    def sympy(self, label: str) -> Any:
        """A gradient as a SymPy matrix expression in the layer's own symbols; DeriveError if it has no matrix form."""
        if label not in self.gradients:
            raise DeriveError(
                f"{self.layer.name}: no gradient of {label!r}", f"one of {', '.join(self.wrt)}", callers_place()
            )
        own = self.layer.symbols.get(label)
        return upstairs.call(
            "arrays.sympy_out", "write", self.gradients[label], self.layer.symbols, getattr(own, "shape", None)
        )

    def _repr_latex_(self) -> str:
        text: str = upstairs.call("derivation.notation", "derivation_in_latex", self)
        return text

    def __str__(self) -> str:
        return "\n".join(str(step) for step in self.steps)


def adjoint_name(label: str) -> str:
    """``dW`` for ``W``."""
    return f"d{label}"


def given_as(label: str) -> str:
    """Why the adjoint of an output has no formula: ``given: the upstream gradient, dE/dY``, or ``dE/d output``."""
    return f"given: the upstream gradient, dE/d{' ' * label[:2].islower()}{label}"


def upstream_name(label: str) -> str:
    """``dH_out``: what comes from above to an output that is also used further."""
    return f"d{label}_out"


def derivation(layer: Layer, wrt: Sequence[str] | None = None) -> Derivation:
    """The reverse sweep; DeriveError for a ``wrt`` that is not a float input."""
    wanted = wanted_inputs(layer, wrt)
    active = set(wanted)
    for equation in layer.equations:
        if equation.expression.kind == "float" and active.intersection(equation.expression.names()):
            active.add(equation.name)
    uses: dict[str, list[Use]] = {}
    steps: list[Step] = []
    first_use = {
        label_: e.name for e in reversed(layer.equations) if e.name in active for label_ in e.expression.names()
    }
    complete: dict[str | None, list[str]] = {}  # the inputs whose adjoint is complete once an equation is done
    for key in wanted:
        complete.setdefault(first_use.get(key), []).append(key)
    for equation in reversed(layer.equations):
        if equation.name not in active:
            continue
        step = _line(layer, equation.name, uses, active)
        steps.append(step)
        grad = name(step.adjoint, equation.expression.shape)
        handed = contributions(equation, grad, active)
        for target in active.intersection(equation.expression.names()):  # a use is one, whatever the rules handed on
            uses.setdefault(target, []).append((equation, handed.get(target)))
        steps += [_line(layer, key, uses, active) for key in complete.get(equation.name, ())]
    steps += [_line(layer, key, uses, active) for key in complete.get(None, ())]
    return Derivation(layer, wanted, tuple(steps))


def wanted_inputs(layer: Layer, wrt: Sequence[str] | None) -> tuple[str, ...]:
    """The inputs that ``wrt`` names; DeriveError for one that there is not, or that is no float."""
    if wrt is None:
        return layer.wrt
    asked = (wrt,) if isinstance(wrt, str) else tuple(wrt)
    if not asked or len(set(asked)) != len(asked):
        raise DeriveError(
            f"{layer.name}: wrt {list(asked)}",
            "at least one input, each once",
            callers_place(),
            f"some of {', '.join(layer.wrt)}; without wrt it is all of them",
        )
    for label_ in asked:
        found = layer.input(label_)
        if found is None:
            raise DeriveError(
                f"{layer.name}: wrt {label_!r}",
                f"one of the inputs {', '.join(layer.wrt)}",
                callers_place(),
                "a name from that list; without wrt it is all of them",
            )
        if not found.kind.is_float:
            raise DeriveError(
                f"{layer.name}: wrt {label_!r}, which is {found.kind}",
                "a gradient exists with respect to float inputs only",
                callers_place(),
                f"one of {', '.join(layer.wrt)}",
            )
    return asked


def contributions(equation: Equation, grad: Array, active: set[str]) -> dict[str, Array]:
    """What the rules hand from an equation's adjoint to each active name that it uses."""
    root = equation.expression
    reached: dict[Array, bool] = {}
    for node in root.walk():
        here = label(node)
        reached[node] = here in active if here is not None else any(reached[operand] for operand in node.operands)
    adjoints: dict[Array, Array] = {root: grad}
    found: dict[str, Array] = {}
    for node in reversed(list(root.walk())):
        adjoint = adjoints.get(node)
        if adjoint is None or not reached[node]:
            continue
        if isinstance(node.op, Named):
            found[node.op.label] = adjoint
            continue
        result = equation.array if node is root else node
        for operand, part in zip(node.operands, pull(node, result, adjoint), strict=True):
            if reached[operand] and part is not None:
                adjoints[operand] = adjoints[operand] + part if operand in adjoints else part
    return found


def _line(layer: Layer, label_: str, uses: Mapping[str, Sequence[Use]], active: set[str]) -> Step:
    """One line of the table, proved."""
    start = perf_counter()
    variable = layer.named(label_)
    consumers = [equation for equation, _ in uses.get(label_, ())]
    parts = [part for _, part in uses.get(label_, ()) if part is not None]
    upstream = label_ in layer.outputs
    if upstream and not consumers:
        reason = given_as(label_) if variable.shape else "given: 1 if this is the loss itself"
        return Step(label_, name(adjoint_name(label_), variable.shape), UPSTREAM, reason, Verdict("proved", label_))
    if upstream:  # an output that is used further: what comes from above, and what comes from its uses
        parts.append(name(upstream_name(label_), variable.shape))
    expression = simplify(_sum(parts)) if parts else zero(variable)
    proved = _is_proved(expression, variable, uses.get(label_, ()), parts)
    conditions = [
        c
        for e in with_constants(layer, consumers, active)
        for node in e.expression.walk()
        for c in node.op.assumes(node)
    ]
    verdict = (
        Verdict("proved", label_, assumptions=tuple(dict.fromkeys(conditions)))
        if proved
        else Verdict("open", label_, proved.doubt)
    )
    took = perf_counter() - start
    rules, source = _rules(label_, consumers)
    reason = "; ".join(map(str, consumers)) or "not used by an output"
    return Step(label_, expression, rules, reason, verdict, source, took)


def _sum(parts: Sequence[Array]) -> Array:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _is_proved(claimed: Array, variable: Array, uses: Sequence[Use], parts: Sequence[Array]) -> Shown:
    """Both paths of the square for one line: use by use, so that many uses cost no more; then their sum."""
    if len(uses) == 1 and len(parts) == 1 and parts[0] is uses[0][1]:
        return _is_handed(claimed, variable, uses[0][0])
    for equation, part in uses:
        handed = _is_handed(zero(variable) if part is None else part, variable, equation)
        if not handed:
            return handed
    return is_equal(claimed, _sum(parts) if parts else zero(variable))


def _is_handed(part: Array, variable: Array, equation: Equation) -> Shown:
    """True if the equation hands that to the variable; with its own definition, where the rule uses its result."""
    use = (equation.expression, name(adjoint_name(equation.name), equation.expression.shape))
    own = {equation.name: equation.expression} if equation.name in part.names() else {}
    return is_adjoint(part, variable, [use], own)


def with_constants(layer: Layer, consumers: Sequence[Equation], active: set[str]) -> list[Equation]:
    """The consumers and what they use that no adjoint goes through: the ties of masks are conditions too."""
    found = list(consumers)
    for equation in found:
        named = [layer.equation(label_) for label_ in equation.expression.names()]
        found += [e for e in named if e is not None and e.name not in active and e not in found]
    return found


def _rules(label_: str, consumers: Sequence[Equation]) -> tuple[str, str]:
    """The names of the rules on the way to a name, without those that only hand the adjoint on; and their sources."""
    names: list[str] = []
    sources: list[str] = []
    for equation in consumers:
        on_the_way = [n for n in equation.expression.walk() if n.operands and label_ in n.names()]
        strong = [n for n in on_the_way if n.op.name not in PASSES] or on_the_way
        names += [n.op.name for n in reversed(strong)]
        sources += [n.op.source for n in reversed(strong) if n.op.source]
    return ", ".join(dict.fromkeys(names)) or "copy", "; ".join(dict.fromkeys(sources))
