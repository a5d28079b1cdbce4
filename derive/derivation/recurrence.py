"""A cell over any number of steps: a layer whose outputs are handed back to it, step by step.

The network of t cells is a program like any other: every name of the cell has a value at each step, and the state
before step s + 1 is the state after step s.  Its equations, and the lines of its derivation, are written once, with the
step s.  Each line is proved by the kernel for every step and every number of steps at once; that they may be computed
from the last step to the first is as in every program: a step uses nothing but what earlier steps have made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from types import MappingProxyType
from typing import Any

from derive.arrays.array import Array
from derive.arrays.joining import concatenate, stack
from derive.arrays.named import as_declared, label, name, substitute
from derive.arrays.shapes import check_name, size_names, write_shape
from derive.derivation.layer import Input, Layer
from derive.derivation.program import Equation
from derive.derivation.steps import at_place, at_step, each_step, sum_of_steps
from derive.derivation.sweep import (
    UPSTREAM,
    Derivation,
    Step,
    adjoint_name,
    given_as,
    upstream_name,
    wanted_inputs,
    with_constants,
)
from derive.errors import DeriveError, callers_place
from derive.index.size import Size
from derive.index.terms import Index
from derive.rules.book import zero
from derive.rules.proof import is_adjoint
from derive.verdict import Verdict


@dataclass(frozen=True)
class State:
    """What a cell hands from step to step: its output ``after`` is its input ``before`` of the next step.

    ``first`` names the state before all steps, an input; ``last`` the state after all of them, an output.
    """

    before: str
    after: str
    first: str
    last: str


@dataclass(frozen=True, eq=False)
class Loop:
    """A cell, the inputs that come anew at each step, the states, and the outputs whose steps are collected."""

    cell: Layer
    sequences: tuple[str, ...]
    states: tuple[State, ...]
    collected: Mapping[str, str]  # output: output of the cell
    step: Index

    @property
    def number(self) -> Size:
        """The number of steps."""
        return Size.of(self.step.size)

    @cached_property
    def stacks(self) -> Mapping[str, Array]:
        """The arrays with a value at each step, by the cell's names; a state before a step has one more, the last."""
        plain = [self.cell.named(key) for key in (*self.sequences, *(e.name for e in self.cell.equations))]
        found = {str(label(a)): name(str(label(a)), (self.number, *a.shape), a.kind) for a in plain}
        for state in self.states:
            found[state.before] = name(state.before, (self.number + 1, *self.cell.named(state.before).shape))
        return MappingProxyType(found)

    @cached_property
    def names(self) -> Mapping[str, Array]:
        """The cell's names at step s."""
        return MappingProxyType({key: at_step(array, self.step) for key, array in self.stacks.items()})

    @cached_property
    def equations(self) -> tuple[Equation, ...]:
        """The program: the cell's equations at step s, and what ties the steps together."""
        s, found = self.step.name, []
        for state in self.states:
            found.append(Equation(f"{state.before}[0]", self.first(state)))
        for e in self.cell.equations:
            found.append(Equation(f"{e.name}[{s}]", self.at(e.expression), e.domain))
        for state in self.states:
            found.append(Equation(f"{state.before}[{s} + 1]", self.names[state.after]))
        for output, of in self.collected.items():
            found.append(Equation(output, self.stacks[of]))
        for state in self.states:
            found.append(Equation(state.last, at_place(self.stacks[state.before], self.number)))
        return tuple(found)

    def at(self, expression: Array) -> Array:
        """An expression in the cell's names, at step s."""
        return substitute(expression, self.names)

    def first(self, state: State) -> Array:
        """The state before all steps, an input."""
        return name(state.first, self.cell.named(state.before).shape)


@dataclass(frozen=True, eq=False)
class Recurrence(Layer):
    """A layer that is a cell over steps.  Made by ``over_steps``; its equations are those of the loop."""

    loop: Loop = field(kw_only=True)

    def __post_init__(self) -> None:
        _check_names(self)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """The layer applied: to NumPy arrays, or to symbolic ones with a number as their number of steps."""
        operands = self.bind(args, named)
        if not any(isinstance(operand, Array) for operand in operands):
            return self._compiled.forward(*operands)[0]
        sequence = next(a for i, a in zip(self.inputs, operands, strict=True) if i.name in self.loop.sequences)
        steps = sequence.shape[0].constant if isinstance(sequence, Array) and sequence.shape else None
        if not steps:
            raise DeriveError(
                f"{self.name} inside another layer, over {self.loop.number} steps",
                "a number of steps in the shape, at least 1",
                callers_place(),
                f'"3 n d" for {self.loop.sequences[0]}, say; or a cell that is the whole network of a step',
            )
        return self.unrolled(steps)(*operands)

    def derive(self, wrt: Sequence[str] | None = None) -> Derivation:
        """The derivation: the adjoint of every name at every step.  ``wrt``: inputs, by default all floats."""
        return _derivation(self, wrt)

    def unrolled(self, steps: int) -> Layer:
        """The same over a given number of steps, at least 1, written out: a network like any other."""
        return _unrolled(self, steps)


def over_steps(
    cell: Layer,
    title: str,
    *,
    sequences: Sequence[str],
    states: Sequence[State],
    outputs: Mapping[str, str],
    steps: str = "t",
    doc: str = "",
    source: str = "",
) -> Recurrence:
    """A cell over ``steps`` steps.  ``sequences`` are the cell's inputs that come anew at each step.

    ``outputs`` says what is collected over the steps, as ``{"output": "hy"}``.  DeriveError for names that the cell
    does not have, a state that changes its shape, or no sequence.
    """
    _check_parts(cell, title, sequences, states, outputs)
    number = Size.of(steps)
    firsts = {state.before: state.first for state in states}
    inputs = tuple(
        Input(firsts.get(i.name, i.name), (number, *i.shape) if i.name in sequences else i.shape, i.kind, i.role)
        for i in cell.inputs
    )
    taken = {*(i.name for i in inputs), *(e.name for e in cell.equations), *size_names(i.shape for i in inputs)}
    letter = next(c for c in ("s", "k", *(f"s{k}" for k in range(1, len(taken) + 2))) if c not in taken)
    loop = Loop(cell, tuple(sequences), tuple(states), MappingProxyType(dict(outputs)), Index(number, letter))
    last = tuple(state.last for state in states)
    said = doc or f"{cell.name} over {steps} steps."
    return Recurrence(title, inputs, loop.equations, (*outputs, *last), said, source or cell.source, loop=loop)


def _check_parts(
    cell: Layer, title: str, sequences: Sequence[str], states: Sequence[State], outputs: Mapping[str, str]
) -> None:
    inputs = [i.name for i in cell.inputs]
    wrong = [f"{key}, which is no input" for key in (*sequences, *(s.before for s in states)) if key not in inputs]
    wrong += [
        f"{key}, which is no output"
        for key in (*(s.after for s in states), *outputs.values())
        if key not in cell.outputs
    ]
    for state in states if not wrong else ():
        before, after = cell.named(state.before).shape, cell.named(state.after).shape
        if before != after:
            wrong.append(f"{state.before} {write_shape(before)}, which becomes {state.after} {write_shape(after)}")
    if not sequences:
        wrong.append("no sequence")
    if wrong:
        raise DeriveError(
            f"{title}: {wrong[0]} of {cell.name}",
            f"inputs {', '.join(inputs)}, outputs {', '.join(cell.outputs)}, states that keep their shape",
            callers_place(),
            "a cell whose inputs and outputs these are",
        )


def _check_names(layer: Recurrence) -> None:
    """DeriveError for a name that is reserved, taken twice, or that an adjoint would take."""
    where = callers_place()
    loop = layer.loop
    check_name(layer.name, "a layer", where)
    given = [i.name for i in layer.inputs] + list(layer.outputs)
    given += [e.name for e in loop.cell.equations] + [state.before for state in loop.states]
    for key in given:
        check_name(key, f"{layer.name}: an array", where)
        for other in (key, adjoint_name(key)):
            if given.count(other) > (other == key) or other in layer.sizes:
                raise DeriveError(f"{layer.name}: the name {other}", "one meaning a name", where, "another name")


def _unrolled(layer: Recurrence, steps: int) -> Layer:
    loop, equations = layer.loop, list[Equation]()
    sequences = {
        i.name: as_declared(i.name, replace(i.declaration, shape=(Size.of(steps), *i.shape[1:])))
        for i in layer.inputs
        if i.name in loop.sequences
    }
    before = {state.before: loop.first(state) for state in loop.states}
    made: dict[str, list[Array]] = {e.name: [] for e in loop.cell.equations}
    for k in range(steps):
        names = {**before, **{key: array[k] for key, array in sequences.items()}}
        for e in loop.cell.equations:
            equations.append(Equation(f"{e.name}_{k}", substitute(e.expression, names), e.domain))
            names[e.name] = equations[-1].array
            made[e.name].append(equations[-1].array)
        before = {state.before: names[state.after] for state in loop.states}
    equations += [Equation(output, stack(made[of])) for output, of in loop.collected.items()]
    equations += [Equation(state.last, before[state.before]) for state in loop.states]
    inputs = tuple(
        Input(i.name, sequences[i.name].shape if i.name in sequences else i.shape, i.kind, i.role) for i in layer.inputs
    )
    return Layer(f"{layer.name}_{steps}", inputs, tuple(equations), layer.outputs, layer.doc, layer.source)


# ---- the derivation


@dataclass(frozen=True, eq=False)
class LoopDerivation(Derivation):
    """A recurrence's table of adjoints: the lines of its cell's derivation at step s, and those between the steps."""

    own: Derivation = field(kw_only=True)  # the cell's

    @cached_property
    def gradients(self) -> Mapping[str, Array]:
        """The adjoint of each input: at each step, or summed over the steps."""
        layer = self.layer
        assert isinstance(layer, Recurrence)
        lines = {step.name: step.expression for step in self.steps}
        step, found = layer.loop.step, {}
        for key in self.wrt:
            at = f"{key}[{step.name}]"
            found[key] = each_step(lines[at], step) if at in lines else lines[key]
        return MappingProxyType(found)

    @cached_property
    def layer_of_gradients(self) -> Layer:
        """Not for a loop over a symbolic number of steps: DeriveError."""
        raise DeriveError(
            f"{self.layer.name}: second order over any number of steps",
            "a number of steps",
            callers_place(),
            f"{self.layer.name}.unrolled(3).derive().derive()",
        )


Use = tuple[Equation, Array, Array]  # as it is shown, as an expression at all steps, and the adjoint of its result


class _Lines:
    """The lines of a recurrence's derivation, each proved for every step from all uses of its name."""

    def __init__(self, layer: Recurrence, wrt: tuple[str, ...]) -> None:
        self.layer, self.loop, self.wrt = layer, layer.loop, wrt
        firsts = {state.first: state.before for state in self.loop.states}
        inputs = [firsts.get(key, key) for key in wrt]
        inputs += [state.before for state in self.loop.states if state.before not in inputs]
        self.own = self.loop.cell.derive([i.name for i in self.loop.cell.inputs if i.name in inputs])
        self.active = {step.name for step in self.own.steps}
        self.adjoints = {key: name(adjoint_name(key), a.shape) for key, a in self.loop.stacks.items()}
        self.names = {**self.loop.names, **self._adjoints_at_step()}

    def _adjoints_at_step(self) -> dict[str, Array]:
        found = {adjoint_name(key): at_step(array, self.loop.step) for key, array in self.adjoints.items()}
        found.update({upstream_name(output): self.above(output) for output in self.loop.cell.outputs})
        return found

    def above(self, output: str) -> Array:
        """What comes to an output of the cell from outside of its step: from what collects it, and the next step."""
        loop, total = self.loop, None
        parts = [
            at_step(name(adjoint_name(collected), self.layer.named(collected).shape), loop.step)
            for collected, of in loop.collected.items()
            if of == output
        ]
        parts += [at_step(self.adjoints[s.before], loop.step, 1) for s in loop.states if s.after == output]
        for part in parts:
            total = part if total is None else total + part
        return total if total is not None else zero(loop.cell.named(output))

    @cached_property
    def uses(self) -> list[Use]:
        """Every equation over all steps."""
        loop, found = self.loop, list[Use]()
        shown = {e.name: e for e in loop.equations}
        s = loop.step.name
        for e in loop.cell.equations:
            at = shown[f"{e.name}[{s}]"]
            found.append((at, each_step(at.expression, loop.step), self.adjoints[e.name]))
        for state in loop.states:
            every = concatenate([loop.first(state)[None], loop.stacks[state.after]])
            found.append((shown[f"{state.before}[{s} + 1]"], every, self.adjoints[state.before]))
        for output in self.layer.outputs:
            e = shown[output]
            found.append((e, e.expression, name(adjoint_name(output), e.expression.shape)))
        return found

    def line(
        self, shown: str, key: str, expression: Array, claimed: Array, rule: str, source: str = "", reason: str = ""
    ) -> Step:
        """One line: ``claimed`` is what it says over all steps, and is proved from all uses of the name ``key``."""
        start = perf_counter()
        variable = self.loop.stacks[key] if key in self.loop.stacks else self.layer.named(key)
        uses = [use for use in self.uses if key in use[1].names()]
        pairs = [(every, adjoint) for _, every, adjoint in uses]
        own = {e.name: each_step(self.loop.at(e.expression), self.loop.step) for e in self.loop.cell.equations}
        known = {key: own[key] for key in own if any(label(adjoint) == adjoint_name(key) for _, adjoint in pairs)}
        proved = is_adjoint(claimed, variable, pairs) or is_adjoint(claimed, variable, pairs, known)
        verdict = (
            Verdict("proved", shown, assumptions=self._assumed(key)) if proved else Verdict("open", shown, proved.doubt)
        )
        ends = [state.last for state in self.loop.states]
        reason = reason or "; ".join(str(e) for e, *_ in uses if e.name not in ends)
        return Step(shown, expression, rule, reason, verdict, source, perf_counter() - start)

    def _assumed(self, key: str) -> tuple[str, ...]:
        cell = self.loop.cell
        consumers = [e for e in cell.equations if key in e.expression.names()]
        expressions = [self.loop.at(e.expression) for e in with_constants(cell, consumers, self.active)]
        return tuple(dict.fromkeys(a for x in expressions for node in x.walk() for a in node.op.assumes(node)))

    def table(self) -> Iterator[Step]:
        """The lines, outputs first."""
        layer, loop, s = self.layer, self.loop, self.loop.step
        firsts = {state.before: state for state in loop.states}
        for output in layer.outputs:
            given = name(adjoint_name(output), layer.named(output).shape)
            yield Step(output, given, UPSTREAM, given_as(output), Verdict("proved", output))
        lines = {step.name: substitute(step.expression, self.names) for step in self.own.steps}
        ends = {
            state.before: name(adjoint_name(state.last), loop.cell.named(state.before).shape) for state in loop.states
        }
        alls = {key: concatenate([each_step(lines[key], s), ends[key][None]]) for key in firsts}
        for key, end in ends.items():
            last = str(layer.equation(firsts[key].last))
            yield self.line(f"{key}[{loop.number}]", key, end, alls[key], "copy", reason=last)
        for step in self.own.steps:
            key, at = step.name, f"{step.name}[{s.name}]"
            if step.rule == UPSTREAM:
                yield self.line(at, key, self.above(key), each_step(self.above(key), s), "copy")
            elif key in firsts:
                yield self.line(at, key, lines[key], alls[key], step.rule, step.source)
                first, start = firsts[key].first, at_place(self.adjoints[key], 0)
                if first in self.wrt:
                    yield self.line(first, first, start, start, "copy", reason=str(layer.equation(f"{key}[0]")))
            elif key in loop.stacks:
                yield self.line(at, key, lines[key], each_step(lines[key], s), step.rule, step.source)
            else:
                total = sum_of_steps(lines[key], s)
                yield self.line(key, key, total, total, step.rule, step.source)


def _derivation(layer: Recurrence, wrt: Sequence[str] | None) -> LoopDerivation:
    wanted = wanted_inputs(layer, wrt)
    lines = _Lines(layer, wanted)
    return LoopDerivation(layer, wanted, tuple(lines.table()), own=lines.own)
