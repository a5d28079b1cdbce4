"""What a module computes: the statements of forward and backward, and what is handed from one to the other.

What both need is computed once, in forward, and kept; what backward needs twice gets a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain, count

from derive.arrays.array import Array, apply, label, name
from derive.arrays.operations import Constant, Eye
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM, Derivation
from derive.emit.checks import mentioned, places
from derive.emit.statements import Statement, is_work, statements
from derive.rules.simplify import simplify
from derive.rules.stable import stabilized

LETTERS = {"subtract": "R", "exp": "E", "sum": "s", "matmul": "P"}  # names for parts that have none


def unfolded(array: Array) -> Array:
    """The expression with every layer call replaced by what the layer does."""
    done: dict[int, Array] = {}
    for node in array.walk():
        operands = tuple([done[id(operand)] for operand in node.operands])
        new = node if all(a is b for a, b in zip(operands, node.operands, strict=True)) else apply(node.op, *operands)
        inner = new.op.unfold(new)
        done[id(node)] = new if inner is None else unfolded(inner)
    return simplify(done[id(array)])


class Plan:
    """What forward and backward compute, in order, and what is handed from one to the other."""

    def __init__(self, derivation: Derivation) -> None:
        self.derivation = derivation
        self.layer: Layer = derivation.layer
        formulas = {e.name: unfolded(e.expression) for e in self.layer.equations}
        adjoints = {s.adjoint: unfolded(s.expression) for s in derivation.steps if s.rule != UPSTREAM}
        equations = [Statement(key, stabilized(formula, formulas)) for key, formula in formulas.items()]
        lines = [Statement(key, stabilized(adjoint, formulas)) for key, adjoint in adjoints.items()]
        taken = {i.name for i in self.layer.inputs} | {s.target for s in equations + lines} | set(self.layer.sizes)
        taken |= set(self.upstream)
        self.names: dict[Array, str] = {}  # the parts that have a name in the code
        roots = {s.expression: s.target for s in equations if s.expression.operands}
        forward_parts = {node for s in equations for node in s.expression.walk()}
        shared = _topmost([s.expression for s in lines], lambda node: node in forward_parts and is_work(node))
        for node in shared:
            self.names[node] = roots.get(node) or _fresh(LETTERS.get(node.op.name, "A"), taken)
        made = [*roots, *(node for node in shared if node not in roots)]
        for node in _used_twice(made, set(made)):
            self.names[node] = _fresh(LETTERS.get(node.op.name, "A"), taken)
        self.forward = _with_parts(equations, [n for n in self.names if n not in roots], self.names)
        named = set(self.names)
        again = _used_twice([s.expression for s in lines], named)
        line_roots = {s.expression for s in lines}
        for node in again:
            if node not in line_roots:
                self.names[node] = _fresh("D", taken)
        self.backward = _with_parts(lines, [n for n in again if n not in line_roots], self.names)

    @property
    def upstream(self) -> list[str]:
        """The parameters of backward: the adjoint of each output."""
        given = []
        for output in self.layer.outputs:
            step = next((s for s in self.derivation.steps if s.name == output), None)
            further = step is not None and step.rule != UPSTREAM
            given.append(f"d{output}_out" if further else f"d{output}")
        return given

    @cached_property
    def kept(self) -> list[Array]:
        """The arrays in the cache: inputs, results and shared parts that backward mentions."""
        mentioned: set[str] = set()
        for statement in self.backward:
            for node in _cut_walk(statement.expression, self.names):
                text = self.names.get(node) or label(node)
                if text is not None:
                    mentioned.add(text)
        order = [i.array for i in self.layer.inputs]
        for statement in self.forward:
            order.append(_as_name(statement))
        kept = [array for array in order if label(array) in mentioned]
        made = any(isinstance(s.expression.op, Constant | Eye) and s.expression.shape for s in self.backward)
        if made and not any(a.shape and a.kind == "float" for a in [*kept, *self.upstream_arrays]):
            kept += [i.array for i in self.layer.inputs if i.kind.is_float and i.shape][:1]  # for its dtype
        return kept

    @cached_property
    def forward_lines(self) -> list[str]:
        """The statements of forward."""
        inputs = self.layer.inputs
        dtype = next((f"{i.name}.dtype" for i in inputs if i.kind.is_float and i.shape), "")
        return statements(self.forward, self.names, dtype, self.layer.outputs)

    @cached_property
    def backward_lines(self) -> list[str]:
        """The statements of backward."""
        arrays = [*self.kept, *self.upstream_arrays]
        dtype = next((f"{label(a)}.dtype" for a in arrays if a.shape and a.kind == "float"), "")
        return statements(self.backward, self.names, dtype, [f"d{key}" for key in self.derivation.wrt])

    @cached_property
    def kept_sizes(self) -> list[str]:
        """The sizes in the cache: those that backward needs and cannot read off what it has."""
        at_hand = places([*self.kept, *self.upstream_arrays])
        return [size for size in mentioned(self.backward_lines, self.layer.sizes) if size not in at_hand]

    @property
    def upstream_arrays(self) -> list[Array]:
        """The upstream gradients as named arrays."""
        return [name(d, self.layer.named(o).shape) for d, o in zip(self.upstream, self.layer.outputs, strict=True)]


def _as_name(statement: Statement) -> Array:
    return name(statement.target, statement.expression.shape, statement.expression.kind)


def _topmost(expressions: Iterable[Array], wanted: Callable[[Array], bool]) -> list[Array]:
    """The largest parts that are wanted, in order of first appearance."""
    found: dict[Array, None] = {}
    seen: set[int] = set()

    def look(node: Array) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        if wanted(node):
            found[node] = None
            return
        for operand in node.operands:
            look(operand)

    for expression in expressions:
        look(expression)
    return list(found)


def _used_twice(expressions: Iterable[Array], named: set[Array]) -> list[Array]:
    """Parts that stand in more than one place, operands first."""
    uses: dict[Array, int] = {}
    order: dict[Array, None] = {}
    for expression in expressions:
        uses[expression] = uses.get(expression, 0) + 1
        stack = [expression]
        while stack:
            node = stack.pop()
            if node in named and node is not expression:
                continue
            for operand in node.operands:
                uses[operand] = uses.get(operand, 0) + 1
                if uses[operand] == 1:
                    stack.append(operand)
        order.update(dict.fromkeys(expression.walk()))
    return [node for node in order if uses.get(node, 0) > 1 and is_work(node) and node not in named]


def _with_parts(statements: Sequence[Statement], parts: Sequence[Array], names: dict[Array, str]) -> list[Statement]:
    """The statements, each after those of the named parts that it uses first."""
    result: list[Statement] = []
    done: set[Array] = set()
    wanted = set(parts)
    for statement in statements:
        for node in statement.expression.walk():
            if node in wanted and node not in done and node is not statement.expression:
                done.add(node)
                result.append(Statement(names[node], node))
        result.append(statement)
    return result


def _cut_walk(expression: Array, names: dict[Array, str]) -> list[Array]:
    """The parts that a statement's text mentions: it goes no deeper than what has a name."""
    found: dict[Array, None] = {}
    stack = [expression]
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found[node] = None
        if node not in names or (node is expression):
            stack += node.operands
    return list(found)


def _fresh(letter: str, taken: set[str]) -> str:
    chosen = next(c for c in chain([letter], (f"{letter}{k}" for k in count(1))) if c not in taken)
    taken.add(chosen)
    return chosen
