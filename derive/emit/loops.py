"""A recurrence as a NumPy module: the cell's statements in a loop over the steps, and in the reverse loop.

What can be done for all steps at once stands before and after the loops (loop_plan.py).  A state is an array of all its
values, ``hx[s + 1]`` made from ``hx[s]``; what backward's loop needs besides is kept step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from derive.arrays.array import Array
from derive.arrays.named import Named, label, name, substitute
from derive.arrays.writing import Writer
from derive.derivation.recurrence import LoopDerivation
from derive.derivation.steps import AtStep, at_step
from derive.derivation.sweep import adjoint_name, upstream_name
from derive.emit.checks import fit_check, float_check, mentioned, pack, places, read_sizes, unpacked, upstream_check
from derive.emit.loop_plan import LoopPlan
from derive.emit.numpy import docstring, imported, indented, joined
from derive.emit.statements import VIEWS, Statement, statements

DTYPES = {"bool": "bool", "int": "int"}


def module(derivation: LoopDerivation, form: Callable[[Array], Array] | None = None) -> str:
    """A NumPy module with ``forward(*inputs) -> (outputs, cache)`` and ``backward(upstream, cache) -> gradients``."""
    code = LoopCode(LoopPlan(derivation, form))
    upstream = [adjoint_name(output) for output in derivation.layer.outputs]
    forward, backward = code.forward, code.backward
    imports, functions = imported(code.expressions, forward + backward)
    return joined([docstring(derivation, upstream), imports, *functions, forward, backward])


class LoopCode:
    """The text of forward and backward."""

    def __init__(self, plan: LoopPlan) -> None:
        self.plan, self.layer, self.loop = plan, plan.layer, plan.loop
        self.s = self.loop.step.name
        taken = {*(i.name for i in self.layer.inputs), *self.layer.outputs, *plan.shapes, *self.layer.sizes, self.s}
        self.kept = next(c for c in ("kept", "steps", "history", *(f"kept{k}" for k in range(9))) if c not in taken)

    @property
    def expressions(self) -> list[Array]:
        """Everything that the code computes."""
        plan = self.plan
        return [s.expression for s in (*plan.ahead, *plan.forward, *plan.before, *plan.backward, *plan.after)]

    def _in_loop(self, block: Iterable[Statement]) -> list[Statement]:
        """Statements of the cell as the loop says them."""
        found = []
        for s in block:
            names = {key: at for key in s.expression.names() if (at := self.plan.at(key)) is not None}
            found.append(Statement(self._target(s.target), substitute(s.expression, names)))
        return found

    def _target(self, key: str) -> str:
        at = self.plan.at(key)
        return key if at is None else str(at)

    def _for(self, steps: str, first: Sequence[str], block: Sequence[Statement], dtype: str, last: str) -> list[str]:
        lines = [*first, *statements(block, {}, dtype, ()), *([last] if last else [])]
        return [f"for {self.s} in {steps}:", *(f"    {line}" for line in lines)]

    def _empty(self, array: Array, dtype: str) -> str:
        shape = Writer().numpy_shape(array.shape)
        return f"{label(array)} = np.empty({shape}, dtype={DTYPES.get(array.kind, dtype)})"

    # ---- forward

    @property
    def _like(self) -> str:
        """The input whose dtype arrays of all steps have."""
        return next(i.name for i in self.layer.inputs if i.kind.is_float and i.shape)

    @cached_property
    def _forward_lines(self) -> list[str]:
        plan = self.plan
        dtype = f"{self._like}.dtype"
        lines = statements(plan.ahead, {}, dtype, ())
        lines += [self._empty(array, dtype) for array in plan.states.values()]
        lines += [f"{state.before}[0] = {state.first}" for state in self.loop.states]
        lines += [self._empty(plan.stacked[s.target], dtype) for s in plan.forward if s.target in plan.stacked]
        lines += [f"{self.kept} = []"] if plan.history else []
        held = plan.history[0] if len(plan.history) == 1 else pack(plan.history)
        last = f"{self.kept}.append({held})" if plan.history else ""
        block = self._in_loop(plan.forward)
        for state in self.loop.states:
            if plan.ends[state.after] != state.before:  # a second state that is the same
                same = at_step(plan.states[state.before], self.loop.step, 1)
                block.append(Statement(str(same), at_step(plan.states[plan.ends[state.after]], self.loop.step, 1)))
        return lines + self._for(f"range({self.loop.number})", [], block, dtype, last)

    @property
    def forward(self) -> str:
        """``def forward``."""
        layer, outs = self.layer, []
        sizes = list(dict.fromkeys([*mentioned(self._forward_lines, layer.sizes), *self._kept_sizes]))
        body = fit_check(layer.name, [i.array for i in layer.inputs]) + float_check(layer.name, self._like)
        body += read_sizes(sizes, [i.array for i in layer.inputs]) + self._forward_lines
        for of in self.loop.collected.values():
            before = self.plan.ends.get(of)
            outs.append(f"{of}.copy()" if before is None else f"{before}[1:].copy()")
        outs += [f"{state.before}[-1].copy()" for state in self.loop.states]
        returned = outs[0] if len(outs) == 1 else f"({', '.join(outs)})"
        body.append(f"return {returned}, {pack(self._cache)}")
        doc = f'"""{", ".join(layer.outputs)}, and what backward needs: {", ".join(self._cache) or "nothing"}."""'
        return f"def forward({', '.join(i.name for i in layer.inputs)}):\n" + indented([doc, *body])

    # ---- what is handed on

    @cached_property
    def _held(self) -> list[Array]:
        """The arrays in the cache."""
        plan = self.plan
        used = {key for s in (*plan.before, *self._backward_block, *plan.after) for key in s.expression.names()}
        made = {s.target: plan.stacked[s.target] for s in plan.forward if s.target in plan.stacked}
        once = {s.target: name(s.target, s.expression.shape) for s in plan.ahead}
        arrays = {**{i.name: i.array for i in self.layer.inputs}, **once, **plan.made_ahead, **plan.states, **made}
        return [array for key, array in arrays.items() if key in used]

    @cached_property
    def _kept_sizes(self) -> list[str]:
        at_hand = places([*self._held, *self._upstream])
        return [size for size in mentioned(self._backward_lines, self.layer.sizes) if size not in at_hand]

    @property
    def _cache(self) -> list[str]:
        kept = [self.kept] if self.plan.history else []
        return [*(str(label(array)) for array in self._held), *kept, *self._kept_sizes]

    @property
    def _upstream(self) -> list[Array]:
        return [name(adjoint_name(output), self.layer.named(output).shape) for output in self.layer.outputs]

    # ---- backward

    def _above(self, output: str) -> Array:
        """What comes to an output of the cell from what collects it, and from the next step."""
        loop, shape = self.loop, self.loop.cell.named(output).shape
        given = {label(array): array for array in self._upstream}
        parts = [at_step(given[adjoint_name(c)], loop.step) for c, of in loop.collected.items() if of == output]
        for state in loop.states:
            if state.after == output:
                d = adjoint_name(state.before)
                trail = self.plan.trails.get(d)
                parts.append(name(d, shape) if trail is None else at_step(trail, loop.step, 1))
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    @cached_property
    def _backward_block(self) -> list[Statement]:
        """The statements of the reverse loop."""
        plan, first, inside = self.plan, list[Statement](), dict[str, Array]()
        for output in self.loop.cell.outputs:
            bound = next((key for key in self._names_above(output) if key in plan.from_above), None)
            if bound is not None:
                first.append(Statement(self._target(bound), self._above(output)))
            else:
                inside[upstream_name(output)] = self._above(output)
        sums = {s.target for s in plan.sums}
        for s in self._in_loop(plan.backward):
            before = name(s.target, s.expression.shape)
            expression = substitute(s.expression, inside)
            first.append(Statement(s.target, before + expression if s.target in sums else expression))
        return first

    @staticmethod
    def _names_above(output: str) -> tuple[str, str]:
        return adjoint_name(output), upstream_name(output)

    @cached_property
    def _backward_lines(self) -> list[str]:
        plan = self.plan
        held = [*(array for array in self._held if array.kind == "float"), *self._upstream]
        dtype = f"{label(held[0])}.dtype"
        lines = []
        for state in self.loop.states:
            d, last = adjoint_name(state.before), adjoint_name(state.last)
            trail = plan.trails.get(d)
            lines += [f"{d} = {last}.copy()"] if trail is None else [self._empty(trail, dtype), f"{d}[-1] = {last}"]
        lines += statements(plan.before, {}, dtype, ())
        made = [*plan.from_above, *(s.target for s in plan.backward)]
        lines += [self._empty(plan.stacked[key], dtype) for key in made if key in plan.stacked]
        for s in plan.sums:
            lines.append(f"{s.target} = np.zeros({Writer().numpy_shape(s.expression.shape)}, dtype={dtype})")
        first = [f"{', '.join(plan.history)} = {self.kept}[{self.s}]"] if plan.history else []
        lines += self._for(f"reversed(range({self.loop.number}))", first, self._backward_block, dtype, "")
        return lines + statements(plan.after, {}, dtype, map(adjoint_name, plan.derivation.wrt))

    @property
    def backward(self) -> str:
        """``def backward``."""
        layer, wrt, cache = self.layer, self.plan.derivation.wrt, self._cache
        given = [str(label(array)) for array in self._upstream]
        body = [f"{', '.join(given)} = upstream"] if len(given) > 1 else []
        body += [f"{unpacked(cache)} = cache"] if cache else []
        body += upstream_check(layer.name, self._upstream, layer.outputs, self._held, self._kept_sizes)
        sizes = [size for size in mentioned(self._backward_lines, layer.sizes) if size not in self._kept_sizes]
        body += read_sizes(sizes, [*self._held, *self._upstream]) + self._backward_lines
        firsts = {state.first: adjoint_name(state.before) for state in self.loop.states}
        views = {s.target for s in self._backward_block if _is_view(s.expression)}
        texts = {key: f"{d}[0].copy()" if d in self.plan.trails else d for key, d in firsts.items()}
        texts |= {key: f"{d}.copy()" for key, d in firsts.items() if d in views}
        entries = ", ".join(f'"{key}": {texts.get(key, adjoint_name(key))}' for key in wrt)
        body.append(f"return {{{entries}}}")
        doc = f'"""The gradients of {", ".join(wrt)}, from the upstream gradient {" and ".join(given)}."""'
        return f"def backward({given[0] if len(given) == 1 else 'upstream'}, cache):\n" + indented([doc, *body])


def _is_view(array: Array) -> bool:
    """True for a view of an array that has a name, or of one of its steps."""
    while isinstance(array.op, VIEWS) and array.operands:
        (array,) = array.operands
    return isinstance(array.op, AtStep | Named)
