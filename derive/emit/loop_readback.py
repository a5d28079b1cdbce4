"""A loop is read back by its invariant: what holds before a step, and what the body makes of it, holds after it.

The body of the loop is run once, at a step s that is any of ``0 .. t-1``: an array of all steps gives its entry there,
``hx[s]``, under the name that it has in the cell; and each statement is proved equal to the cell's equation or line.
What stands before the loop gives the first step what it is said to find; what stands after it is about arrays of all
steps, and is proved equal to the gradients of the recurrence for every number of steps.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from derive.arrays.array import Array
from derive.arrays.joining import concatenate
from derive.arrays.named import label, name, substitute
from derive.arrays.shapes import Shape
from derive.derivation.recurrence import LoopDerivation, Recurrence
from derive.derivation.steps import AtStep, at_step, each_step, entrywise
from derive.derivation.sweep import UPSTREAM, adjoint_name, upstream_name
from derive.emit.cutting import cut
from derive.emit.helpers import helpers_checked
from derive.emit.loop_function import LoopFunction
from derive.emit.plain import unread
from derive.emit.readback import (
    Statement,
    SymbolicNumPy,
    by_name,
    definitions_of,
    judged,
    symbolic,
)
from derive.errors import DeriveError
from derive.index.size import Size
from derive.rules.book import zero
from derive.verdict import Rung

NEXT = "?"  # before the name of an adjoint that the step after has handed down: no array of the user's is called so


def read_back(source: str, derivation: LoopDerivation) -> Rung:
    """The rung: ``proved`` if every statement is proved, for every number of steps; else ``open`` with its name."""
    try:
        code = LoopModule(source, derivation)
        found = [*code.forward(), *code.backward()]
        helped, doubt = helpers_checked(source)
    except Exception as error:  # whatever the code does, it is not shown
        return Rung("read-back", "open", f"the code does not lift: {type(error).__name__}: {error}")
    if doubt:
        return Rung("read-back", "open", doubt)
    return judged(found, f", for every number of steps{helped}")


# ---- what stands for arrays while the code runs


@dataclass
class Slots:
    """An array of all steps that the code fills: ``np.empty``."""

    shape: Shape
    at: dict[int, Array] = field(default_factory=dict)  # before the loop
    steps: dict[int, Array] = field(default_factory=dict)  # in the loop, at s + offset

    def __setitem__(self, place: int, value: Any) -> None:
        _once(self.at, int(place), value, self.shape)


def _once(entries: dict[int, Array], place: int, value: Any, shape: Shape) -> None:
    if place in entries or not isinstance(value, Array) or value.shape != shape[1:]:
        raise DeriveError(f"entry {place} of an array of all steps", "one array of its shape, put there once")
    entries[place] = value


@dataclass(frozen=True)
class History:
    """What is kept of each step."""

    held: Any


@dataclass(frozen=True)
class Steps:
    """``range(t)``, or the same from the last to the first."""

    number: Any
    falling: bool = False

    def __reversed__(self) -> Steps:
        return Steps(self.number, not self.falling)


class NumPyOfLoops(SymbolicNumPy):
    """NumPy, with arrays that are filled step by step."""

    @staticmethod
    def empty(shape: Any, dtype: Any = None) -> Slots:
        """To be filled."""
        return Slots(tuple(Size.of(size) for size in shape))

    @staticmethod
    def zeros(shape: Any, dtype: Any = None) -> Array:
        """Zeros, to be added to."""
        return SymbolicNumPy.full(shape, 0)


Proof = tuple[Statement, Mapping[str, Array]]  # and the definitions that it may use


class LoopModule:
    """A generated module, run on symbolic arrays."""

    def __init__(self, source: str, derivation: LoopDerivation) -> None:
        layer = derivation.layer
        assert isinstance(layer, Recurrence)
        self.derivation, self.layer, self.loop, self.own = derivation, layer, layer.loop, derivation.own
        tree = ast.parse(source)
        functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}
        self.code = {key: LoopFunction.of(functions[key]) for key in ("forward", "backward")}
        loops = [functions[key] for key in self.code]
        rest = ast.Module([part for part in tree.body if part not in loops], [])
        if strange := unread(ast.unparse(rest)):
            raise DeriveError(strange, "plain statements were wanted")
        self.globals = dict(symbolic(source, derivation).__dict__)
        self.globals.update(np=NumPyOfLoops(), range=Steps, _read=self._read, _put=self._put)
        self.after = {state.before: state.after for state in self.loop.states}
        self.cache: Any = None
        self.definitions = definitions_of(self.own)
        self.parts_of_code: dict[str, Array] = {}  # arrays of all steps that the derivation has no name for: at a step

    def _run(self, block: list[ast.stmt], names: dict[str, Any]) -> None:
        exec(compile(ast.fix_missing_locations(ast.Module(block, [])), "<loop>", "exec"), names)

    def _value(self, expression: ast.expr, names: dict[str, Any]) -> Any:
        return eval(compile(ast.fix_missing_locations(ast.Expression(expression)), "<loop>", "eval"), names)

    # ---- one step

    def _read(self, array: Any, offset: int) -> Any:
        """``array[s + offset]``, by its name in the cell."""
        if isinstance(array, History) and not offset:
            return array.held
        if isinstance(array, Slots):
            if offset in array.steps:
                return array.steps[offset]
            key = next((key for key, slots in self.filled.items() if slots is array), "")
            if key in self.after and not offset and 0 in array.at:
                return self.loop.cell.named(key)
            if key in map(adjoint_name, self.after) and offset == 1 and -1 in array.at:
                return name(NEXT + key, array.shape[1:])
        text = label(array) if isinstance(array, Array) else None
        if text in self.after and offset == 1:
            return self.loop.cell.named(self.after[text])
        if text is None or offset or array.shape[0] not in (self.loop.number, self.loop.number + 1):
            raise DeriveError(f"{text or 'an array'} at s + {offset}", "an entry that is there by then")
        if (array.shape[0] != self.loop.number) != (text in self.after):
            raise DeriveError(f"{text} at s", "one entry a step")
        return name(text, array.shape[1:], array.kind)

    def _put(self, array: Any, offset: int, value: Any) -> None:
        """``array[s + offset] = value``."""
        if not isinstance(array, Slots):
            raise DeriveError("an entry of an array that was given is set", "arrays of np.empty")
        _once(array.steps, offset, value, array.shape)

    def _steps(self, function: LoopFunction, names: dict[str, Any], falling: bool) -> None:
        """The header of the loop: all steps, in the order in which they hand on what the next one finds."""
        steps = self._value(function.steps, names)
        if not isinstance(steps, Steps) or Size.of(steps.number) != self.loop.number or steps.falling != falling:
            wanted = f"range({self.loop.number})"
            raise DeriveError(ast.unparse(function.steps), f"reversed({wanted})" if falling else wanted)

    def _body(self, function: LoopFunction, names: dict[str, Any], handed_on: Iterable[str] = ()) -> dict[str, Any]:
        """The names that a step makes, after one run of the body; those of before the loop are not changed by it."""
        self.filled = {key: value for key, value in names.items() if isinstance(value, Slots)}
        inside = dict(names)
        self._run(function.body, inside)
        made = {key: value for key, value in inside.items() if key not in names or value is not names[key]}
        if changed := [key for key in made if key in names and key not in handed_on]:
            raise DeriveError(
                f"the loop changes {changed[0]}", "what steps hand on by name is a state's adjoint, or a sum"
            )
        return made

    # ---- forward

    def forward(self) -> Iterator[Proof]:
        """The statements of forward: the invariant is that ``hx[0]`` to ``hx[s]`` are the states."""
        function, loop = self.code["forward"], self.loop
        names = {**self.globals, **{i.name: i.array for i in self.layer.inputs}}
        self._run(function.before, names)
        equations = {e.name: e.expression for e in loop.cell.equations}
        yield from self._made_before(names, equations)
        for state in loop.states:
            slots = names[state.before]
            if slots.shape != loop.stacks[state.before].shape or list(slots.at) != [0]:
                raise DeriveError(f"the array {state.before}", f"t + 1 states, the first of them {state.first}")
            yield Statement("forward", f"{state.before}[0]", slots.at[0], loop.first(state)), {}
        self._steps(function, names, falling=False)
        made = self._body(function, names)
        parts = {key: value for key, value in made.items() if key in equations}
        for key, slots in self.filled.items():
            text, offset = (self.after[key], 1) if key in self.after else (key, 0)
            if list(slots.steps) != [offset]:
                raise DeriveError(f"the array {key}", f"one entry a step, {key}[s + {offset}]")
            parts[text] = slots.steps[offset]
        self.parts = by_name(parts, equations)
        for key, value in parts.items():
            says = cut(value, self.parts)
            if key in equations:
                yield Statement("forward", key, says, equations[key]), self.definitions
            else:  # a part that the code has named
                self.parts_of_code[key] = says
        names = self._after(names, made)
        self._run(function.after, names)
        outputs, self.cache = self._value(function.returned, names)
        every = {s.before: concatenate([loop.first(s)[None], loop.stacks[s.after]]) for s in loop.states}
        returned = outputs if len(self.layer.outputs) > 1 else (outputs,)
        for output, value in zip(self.layer.outputs, returned, strict=True):
            equation = self.layer.equation(output)
            assert equation is not None
            yield Statement("forward returns", output, value, equation.expression), every

    def _made_before(self, names: dict[str, Any], wanted: Mapping[str, Array]) -> Iterator[Proof]:
        """What is made before the loop: for all steps, or once for all of them."""
        for key, value in list(names.items()):
            if key in wanted and isinstance(value, Array):
                at_s = self.loop.at(wanted[key])
                once = value.shape == wanted[key].shape
                should = at_s if once else each_step(at_s, self.loop.step)
                yield Statement("forward", key, value, should), {}
                names[key] = name(key, value.shape, value.kind)

    def _after(self, names: dict[str, Any], made: Mapping[str, Any]) -> dict[str, Any]:
        """The names after the loop: arrays of all steps; what was local to a step is gone."""
        after = {key: value for key, value in names.items() if key not in made}
        for key, slots in self.filled.items():
            after[key] = name(key, slots.shape)
        for key, value in after.items():
            if isinstance(value, list) and value:
                (held,) = value  # what one step has kept
                kept = [cut(part, self.parts) for part in (held if isinstance(held, tuple) else (held,))]
                after[key] = History(tuple(kept) if isinstance(held, tuple) else kept[0])
        return after

    # ---- backward

    def backward(self) -> Iterator[Proof]:
        """The statements of backward: the invariant is that ``dhx`` is what step s + 1 hands down."""
        function, loop, own = self.code["backward"], self.loop, self.own
        upstream = [name(adjoint_name(o), self.layer.named(o).shape) for o in self.layer.outputs]
        given = upstream[0] if len(upstream) == 1 else tuple(upstream)
        names = {**self.globals, **dict(zip(function.parameters, (given, self.cache), strict=True))}
        self._run(function.before, names)
        yield from self._made_for_all_steps(names)
        lines = {s.adjoint: s.expression for s in own.steps if s.rule != UPSTREAM}
        lines = {key: substitute(line, self._from_above()) for key, line in lines.items()}
        lines |= {key: line for key, line in self._from_above().items() if key in self._given()}
        carried = {adjoint_name(state.before): state for state in loop.states}
        for key, state in carried.items():
            last = name(adjoint_name(state.last), loop.cell.named(state.before).shape)
            found = names[key]
            if isinstance(found, Slots):  # the adjoint at every step, and behind them the last state's
                if list(found.at) != [-1] or found.shape[0] != loop.number + 1:
                    raise DeriveError(f"the array {key}", f"t + 1 entries, the last of them d{state.last}")
                found = found.at[-1]
            else:
                names[key] = name(NEXT + key, last.shape)
            yield Statement("backward", f"{key}[{loop.number}]", found, last), {}
        sums = {
            key: value
            for key, value in names.items()
            if key in lines and key not in carried and isinstance(value, Array)
        }
        for key, value in sums.items():
            yield Statement("backward", f"{key} at first", value, zero(value)), {}
            names[key] = name(NEXT + key, value.shape)
        self._steps(function, names, falling=True)
        made = self._body(function, names, {*carried, *sums})
        parts = {key: value for key, value in made.items() if key in lines}
        for key, slots in self.filled.items():
            if list(slots.steps) != [0] or (slots.at and key not in carried):
                raise DeriveError(f"the array {key}", f"one entry a step, {key}[s]")
            parts[key] = slots.steps[0]
        known = by_name({key: value for key, value in parts.items() if key not in sums}, lines)
        self.parts_of_code |= {key: cut(parts.pop(key), known) for key in self.filled if key not in lines}
        for key, value in parts.items():
            should = name(NEXT + key, value.shape) + lines[key] if key in sums else lines[key]
            yield (
                Statement("backward", key, cut(value, known), should),
                {**self.definitions, **lines, **self.parts_of_code},
            )
        if missing := [key for key in carried if key not in parts]:
            raise DeriveError(f"the loop makes no {missing[0]}", "what the step before finds")
        names = self._after(names, made)
        for key in (*carried, *sums):
            if key not in self.filled:
                names[key] = name(key, parts[key].shape)
        self._run(function.after, names)
        yield from self._gradients(self._value(function.returned, names), carried, set(sums))

    def _made_for_all_steps(self, names: dict[str, Any]) -> Iterator[Proof]:
        """What is made before the loop of what forward has kept, entry by entry, is what it is at every step."""
        number, step, cell = self.loop.number, self.loop.step, self.loop.cell
        at_s: dict[Array, tuple[Array, Array]] = {}  # of an array of all steps, its name at a step, and what that is
        for state in self.loop.states:
            stack = self.loop.stacks[state.before]
            at_s[stack[:-1]] = cell.named(state.before), at_step(stack, step)
            at_s[stack[1:]] = cell.named(state.after), at_step(stack, step, 1)
        for key, value in list(names.items()):
            if not isinstance(value, Array) or value.shape[:1] != (number,) or label(value) is not None:
                continue
            for part in value.walk():
                if (text := label(part)) is not None and part.shape[:1] == (number,):
                    at_s[part] = name(text, part.shape[1:], part.kind), at_step(part, step)
            one_step = entrywise(value, {part: own for part, (own, _) in at_s.items()})
            if one_step is not None:
                should = entrywise(value, {part: there for part, (_, there) in at_s.items()})
                assert should is not None
                yield Statement("backward", key, value, each_step(should, step)), {}
                self.parts_of_code[key] = one_step
                names[key] = name(key, value.shape, value.kind)

    def _given(self) -> set[str]:
        return {s.adjoint for s in self.own.steps if s.rule == UPSTREAM}

    def _from_above(self) -> dict[str, Array]:
        """What comes to the outputs of a step from those that collect them, and from the next step."""
        loop, found = self.loop, dict[str, Array]()
        for output in loop.cell.outputs:
            shape = loop.cell.named(output).shape
            parts = [name(adjoint_name(c), shape) for c, of in loop.collected.items() if of == output]
            parts += [name(NEXT + adjoint_name(s.before), shape) for s in loop.states if s.after == output]
            total = parts[0]
            for part in parts[1:]:
                total = total + part
            given = adjoint_name(output) in self._given()
            found[adjoint_name(output) if given else upstream_name(output)] = total
        return found

    def _gradients(self, gradients: Any, carried: Mapping[str, Any], sums: set[str]) -> Iterator[Proof]:
        """What backward returns: about arrays of all steps, each line by name."""
        wrt = self.derivation.wrt
        if not isinstance(gradients, dict) or list(gradients) != list(wrt):
            raise DeriveError(f"backward returns {gradients!r}", f"a gradient for each of {', '.join(wrt)}")
        firsts = {state.first: adjoint_name(state.before) for state in self.loop.states}
        lines = self._lines_at_all_steps(carried)
        for key, value in gradients.items():
            d = firsts.get(key, adjoint_name(key))
            own = (d in carried and d not in self.filled) or d in sums
            should = name(d, value.shape) if own else self.derivation.gradients[key]
            yield Statement("backward returns", key, value, should), lines

    def _lines_at_all_steps(self, carried: Mapping[str, Any]) -> dict[str, Array]:
        """What arrays of all steps stand for, by the lines, but for those that go from step to step."""
        step, found = self.loop.step, dict[str, Array]()
        at = f"[{step.name}]"
        names = dict(self.loop.names)
        for key, array in self.loop.stacks.items():
            d = name(adjoint_name(key), array.shape)
            names |= {adjoint_name(key): at_step(d, step), NEXT + adjoint_name(key): at_step(d, step, 1)}
        lines = {x.adjoint.removesuffix(at): x.expression for x in self.derivation.steps if x.name.endswith(at)}
        kept = [key for key in carried if key in self.filled and not isinstance(lines[key].op, AtStep)]
        same = {lines[key]: names[key] for key in kept}  # one name will do
        for key, expression in lines.items():
            if key not in carried:
                found[key] = each_step(same.get(expression, expression), step)
        for output in self.loop.collected:
            d = name(adjoint_name(output), self.layer.named(output).shape)
            names[adjoint_name(output)] = at_step(d, step)
        own = self.parts_of_code
        names |= {key: at_step(name(key, (step.size, *value.shape)), step) for key, value in own.items()}
        parts = {key: each_step(substitute(value, names), step) for key, value in own.items()}
        return found | parts
