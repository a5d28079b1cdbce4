"""What the loops of a recurrence compute: before them, at each step, and after them.

A product that needs no state is made for all steps at once, and so is a gradient that no state's adjoint needs: the
rows of all steps, one below the other, are one matrix.  That this says the same is proved, each time, by the kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from derive.arrays.array import Array
from derive.arrays.build import reshape
from derive.arrays.named import Named, label, name, substitute
from derive.arrays.operations import Einsum, Matmul, Sum
from derive.arrays.rewriting import replaced
from derive.derivation.recurrence import LoopDerivation, Recurrence
from derive.derivation.steps import at_step, each_step, entrywise, sum_of_steps
from derive.derivation.sweep import UPSTREAM, adjoint_name, upstream_name
from derive.emit.cutting import by_name, cut
from derive.emit.plan import Plan, fresh, topmost
from derive.emit.statements import Statement, is_work
from derive.errors import DeriveError
from derive.index.size import Size
from derive.rules.proof import is_equal
from derive.rules.simplify import simplify

CONTRACTIONS = (Matmul, Einsum, Sum)  # what gains from being done for all steps at once


class LoopPlan:
    """The statements of forward and backward, in the cell's names; and the arrays that keep what each step made.

    Forward does ``ahead`` what it can, in arrays of all steps, and ``forward`` in its loop; backward does ``before``
    what no adjoint is in, ``backward`` in its loop, and the rest ``after`` it.
    """

    def __init__(self, derivation: LoopDerivation, form: Callable[[Array], Array] | None = None) -> None:
        layer = derivation.layer
        assert isinstance(layer, Recurrence)
        self.derivation, self.layer, self.loop = derivation, layer, layer.loop
        self.states = {state.before: self.loop.stacks[state.before] for state in self.loop.states}
        cell = Plan(derivation.own, form)
        inputs = {adjoint_name(i.name) for i in self.loop.cell.inputs}
        self.cell_forward = named_parts(cell.forward, cell.names)
        backward = without_copies(named_parts(cell.backward, cell.names), inputs)
        self.cell_backward = self._by_themselves(backward)
        plain = [*self.cell_forward, *self.cell_backward]
        self.shapes = {s.target: s.expression for s in plain} | {i.name: i.array for i in self.loop.cell.inputs}
        for output in self.loop.cell.outputs:
            self.shapes[adjoint_name(output)] = self.shapes[upstream_name(output)] = self.loop.cell.named(output)
        self.given = {i.name: i.array for i in layer.inputs if i.name in self.loop.sequences}
        self.ends = {state.after: state.before for state in reversed(self.loop.states)}
        self.ahead: list[Statement] = []
        self.forward: list[Statement] = []
        self.made_ahead: dict[str, Array] = {}
        self.made_before: dict[str, Array] = {}
        self._place_forward()
        self.before: list[Statement] = []
        self._place_before()
        self.backward: list[Statement] = []
        self.after: list[Statement] = []
        self._place_backward(frozenset())

    # ---- what is made when

    def _place_forward(self) -> None:
        late = {*self.states}  # what is known only at its step
        for s in self.cell_forward:
            used = set(s.expression.names())
            if not used & {*late, *self.given, *self.made_ahead}:
                self.ahead.append(s)
                continue
            joined = self.joined(s.expression) if not used & late and _contracts(s.expression) else None
            if joined is None:
                self.forward.append(s)
                late.add(s.target)
            else:
                self.ahead.append(Statement(s.target, joined))
                self.made_ahead[s.target] = name(s.target, joined.shape)

    def _place_before(self) -> None:
        """What the lines need of forward alone, entry by entry, is made for all steps at once: slopes, mostly."""
        lines = {step.adjoint for step in self.derivation.own.steps}
        known = {*self.given, *self.made_ahead, *self.states, *(s.target for s in self.forward)}
        taken = {*self.shapes, *self.layer.sizes, *(i.name for i in self.layer.inputs), self.loop.step.name}
        block, self.cell_backward = self.cell_backward, []
        for s in block:
            parts: dict[Array, str] = {}
            for part in topmost([s.expression], lambda node: is_work(node) and known.issuperset(node.names())):
                made = self._at_all_steps(part)
                if made is not None:
                    whole = part is s.expression and s.target not in lines
                    parts[part] = key = s.target if whole else fresh("D", taken)
                    self.before.append(Statement(key, made))
                    self.made_before[key], self.shapes[key] = name(key, made.shape), part
                    known.add(key)
            root = s.expression
            if parts.get(root) != s.target:
                left = name(parts[root], root.shape) if root in parts else cut(root, parts)
                self.cell_backward.append(Statement(s.target, left))

    def _at_all_steps(self, part: Array) -> Array | None:
        """A formula of entries for all steps at once, if it is one and that is proved; else None."""
        found = {key: both for key in part.names() if (both := self.all_steps(key)) is not None}
        every = {node: found[key][0] for node in part.walk() if (key := label(node)) in found}
        made = entrywise(part, every) if len(found) == len(part.names()) else None
        if made is None:
            return None
        should = each_step(substitute(part, {key: at_s for key, (_, at_s) in found.items()}), self.loop.step)
        return made if made.shape == should.shape and is_equal(made, should) else None

    def _place_backward(self, forced: frozenset[str]) -> None:
        """Statements that states need, or that are cheap, stay in the loop; ``forced`` are others that must."""
        needed = {adjoint_name(state.before) for state in self.loop.states}
        for s in reversed(self.cell_backward):
            if s.target in needed:
                needed.update(s.expression.names())
        self.backward, self.after, done = [], [], set[str]()
        for s in self.cell_backward:
            waits = done.intersection(s.expression.names())
            joined = None
            if s.target not in needed | forced and (waits or _contracts(s.expression)):
                joined = self.joined(s.expression, total=self.is_parameter(s.target))
            if joined is not None:
                self.after.append(Statement(s.target, joined))
                done.add(s.target)
            elif waits:
                return self._place_backward(forced | waits)
            else:
                self.backward.append(s)
        return None

    def is_parameter(self, target: str) -> bool:
        """True for the adjoint of an input of the cell that is the same at every step."""
        inputs = {adjoint_name(i.name) for i in self.loop.cell.inputs if i.name not in self.loop.sequences}
        return target in inputs - {adjoint_name(key) for key in self.states}

    def _by_themselves(self, block: Sequence[Statement]) -> list[Statement]:
        """The statements without the adjoints of parameters in them, whose names are for the sums over the steps."""
        found: list[Statement] = []
        for s in block:
            one_step = {other.target: other.expression for other in found if self.is_parameter(other.target)}
            found.append(Statement(s.target, substitute(s.expression, one_step)))
        return found

    # ---- all steps at once

    @cached_property
    def rows(self) -> Size:
        """The size of the first axis of what comes at each step."""
        shape = self.loop.cell.named(self.loop.sequences[0]).shape
        return shape[0] if shape else Size.of(1)

    def all_steps(self, key: str) -> tuple[Array, Array] | None:
        """A name of the cell at all steps, as the code says it, and at step s; None for what is the same at each."""
        s, behind = self.loop.step, {adjoint_name(state.before): state.before for state in self.loop.states}
        if key in self.ends:
            every = self.states[self.ends[key]]
            return every[1:], at_step(every, s, 1)
        if key in self.states:
            return self.states[key][:-1], at_step(self.states[key], s)
        if key in behind:
            every = name(key, self.states[behind[key]].shape)
            return every[:-1], at_step(every, s)
        array = {**self.given, **self.made_ahead, **self.made_before}.get(key)
        above = {f(output) for output in self.loop.cell.outputs for f in (adjoint_name, upstream_name)}
        if array is None and key in above | {s.target for s in (*self.forward, *self.cell_backward)}:
            array = name(key, (self.loop.number, *self.shapes[key].shape), self.shapes[key].kind)
        return None if array is None else (array, at_step(array, s))

    def joined(self, expression: Array, total: bool = False) -> Array | None:
        """The expression for all steps at once (``total``: their sum), if that is proved to say the same; else None."""
        number, rows = self.loop.number, self.rows
        flat: dict[str, Array] = {}
        steps: dict[str, Array] = {}
        for key in expression.names():
            found = self.all_steps(key)
            if found is None:
                if any(rows.names & size.names for size in self.shapes[key].shape):
                    return None
                continue
            every, steps[key] = found
            if every.ndim < 2 or every.shape[1] != rows or rows.name is None:
                return None
            flat[key] = reshape(every, (number * rows, *every.shape[2:]))
        if not flat or (not total and (not expression.shape or expression.shape[0] != rows)):
            return None
        try:
            made = substitute(expression, flat, {str(rows.name): number * rows})
            made = made if total else reshape(made, (number, *expression.shape))
        except DeriveError:
            return None
        made, at_s = simplify(made), substitute(expression, steps)
        should = sum_of_steps(at_s, self.loop.step) if total else each_step(at_s, self.loop.step)
        return made if is_equal(made, should) else None

    # ---- what is kept

    @cached_property
    def history(self) -> list[str]:
        """What backward's loop needs of each step that no array of all steps holds: kept step by step."""
        wanted = {key for s in self.backward for key in s.expression.names()}
        made = [s.target for s in self.forward if s.target not in self.ends and s.target not in self.stacked]
        return [key for key in made if key in wanted]

    @cached_property
    def stacked(self) -> dict[str, Array]:
        """What the loops put into arrays of all steps: what is collected, and what is needed after a loop."""
        wanted = {key for s in (*self.before, *self.after) for key in s.expression.names()}
        wanted -= {s.target for s in (*self.before, *self.after)}
        wanted |= {of for of in self.loop.collected.values() if of not in self.ends}
        wanted |= set(map(adjoint_name, self.loop.sequences))
        found = {}
        for key in [s.target for s in self.forward] + self.from_above + [s.target for s in self.backward]:
            if key in wanted - self.trails.keys():
                every = self.all_steps(key)
                assert every is not None
                found[key] = every[0]
        return found

    @cached_property
    def trails(self) -> dict[str, Array]:
        """The adjoints of states that are needed after the loop: arrays of all steps, and of the last state."""
        wanted = {key for s in self.after for key in s.expression.names()}
        behind = {adjoint_name(state.before): self.states[state.before].shape for state in self.loop.states}
        return {key: name(key, shape) for key, shape in behind.items() if key in wanted}

    @cached_property
    def from_above(self) -> list[str]:
        """The names that the loop gives first to what comes to an output of the cell from outside of its step.

        It is said in place where the cell's line adds it to what the step itself hands down, unless the loop has by
        then the adjoint of the step's own state, or an array of all steps needs it.
        """
        given = {adjoint_name(step.name) for step in self.derivation.own.steps if step.rule == UPSTREAM}
        after = {key for s in self.after for key in s.expression.names()}
        found = []
        for output in self.loop.cell.outputs:
            if adjoint_name(output) in given:
                found.append(adjoint_name(output))
            elif upstream_name(output) in after or self._is_overtaken(output):
                found.append(upstream_name(output))
        return found

    def _is_overtaken(self, output: str) -> bool:
        behind = {adjoint_name(state.before) for state in self.loop.states if state.after == output}
        done = set[str]()
        for s in self.backward:
            if upstream_name(output) in s.expression.names() and behind & done:
                return True
            done.add(s.target)
        return False

    @cached_property
    def sums(self) -> list[Statement]:
        """The gradients that are added up step by step."""
        return [s for s in self.backward if self.is_parameter(s.target)]

    def at(self, key: str) -> Array | None:
        """A name of the cell as the loop's code says it; None for a plain name."""
        if key in self.ends:
            return at_step(self.states[self.ends[key]], self.loop.step, 1)
        arrays = {**self.given, **self.states, **self.made_ahead, **self.made_before, **self.stacked, **self.trails}
        return at_step(arrays[key], self.loop.step) if key in arrays else None


def _contracts(expression: Array) -> bool:
    return any(isinstance(node.op, CONTRACTIONS) for node in expression.walk())


def named_parts(block: Sequence[Statement], names: Mapping[Array, str]) -> list[Statement]:
    """The statements with the parts that have a name, once they have been made, replaced by it."""
    later = {s.target for s in block}
    known = {array: target for array, target in names.items() if target not in later}
    found = []
    for s in block:
        own = known.pop(s.expression, None)
        if own is not None and own != s.target:
            expression = name(own, s.expression.shape, s.expression.kind)
        else:
            expression = replaced(s.expression, by_name(known))
        found.append(Statement(s.target, expression))
        if own is not None:
            known[s.expression] = own
        elif is_work(s.expression):
            known[s.expression] = s.target
        known.update({array: target for array, target in names.items() if target == s.target})
    return found


def without_copies(block: Sequence[Statement], kept: set[str]) -> list[Statement]:
    """The statements without those that only give a second name, but for the names that are kept."""
    found, copies = [], dict[str, Array]()
    for s in block:
        expression = substitute(s.expression, copies)
        if isinstance(expression.op, Named) and s.target not in kept:
            copies[s.target] = expression
        else:
            found.append(Statement(s.target, expression))
    return found
