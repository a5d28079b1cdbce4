"""What a module computes: the statements of forward and backward, and what is handed from one to the other.

What both need is computed once, in forward, and kept; what backward needs twice gets a name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain, count

from derive.arrays import rewriting
from derive.arrays.array import Array
from derive.arrays.named import label, name, substitute
from derive.arrays.operations import Constant, Elementwise, Eye, PowerOf
from derive.arrays.shapes import LEADING_NAME
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM, Derivation
from derive.emit.checks import mentioned, places
from derive.emit.in_place import InPlace
from derive.emit.leading import is_alike, leading, opened
from derive.emit.statements import Statement, is_work, statements
from derive.rules.simplify import simplify
from derive.rules.stable import stabilized

QUICK = ("add", "subtract", "multiply", "negative")  # as quick with a number as reading what was kept
LETTERS = {"subtract": "R", "exp": "E", "sum": "s", "matmul": "P"}  # names for parts that have none


def unfolded(array: Array) -> Array:
    """The expression with every layer call replaced by what the layer does."""
    return simplify(rewriting.unfolded(array))


class Plan:
    """What forward and backward compute, in order, and what is handed from one to the other.

    Formulas are written as ``form`` says, by default in their stable forms.
    """

    def __init__(self, derivation: Derivation, form: Callable[[Array], Array] | None = None) -> None:
        self.derivation = derivation
        self.layer: Layer = derivation.layer
        formulas = {e.name: unfolded(e.expression) for e in self.layer.equations}
        adjoints = {s.adjoint: unfolded(s.expression) for s in derivation.steps if s.rule != UPSTREAM}
        self.said = {**formulas, **adjoints}  # what the derivation gives a name
        form = form or (lambda formula: stabilized(formula, self.said))
        equations = [Statement(key, form(formula)) for key, formula in formulas.items()]
        lines = [Statement(key, form(adjoint)) for key, adjoint in adjoints.items()]
        lines = _whole_first(_merged(lines, adjoints, {f"d{key}" for key in derivation.wrt}, form))
        taken = {i.name for i in self.layer.inputs} | {s.target for s in equations + lines} | set(self.layer.sizes)
        taken |= set(self.upstream)
        self.names: dict[Array, str] = {}  # the parts that have a name in the code
        roots = {s.expression: s.target for s in equations if s.expression.operands}
        forward_parts = {node for s in equations for node in s.expression.walk()}
        shared = _worth_keeping([s.expression for s in lines], forward_parts)
        for node in shared:
            self.names[node] = roots.get(node) or fresh(LETTERS.get(node.op.name, "A"), taken)
        for node in {node: None for s in lines for node in s.expression.walk()}:
            self.names.update({hint: roots[hint] for hint in node.op.hints(node) if hint in roots})
        made = [*roots, *(node for node in shared if node not in roots)]
        for node in _used_twice(made, set(made)):
            self.names[node] = fresh(LETTERS.get(node.op.name, "A"), taken)
        self.forward = _with_parts(equations, [n for n in self.names if n not in roots], self.names)
        named = set(self.names)
        again = _used_twice([s.expression for s in lines], named)
        line_roots = {s.expression for s in lines}
        for node in again:
            if node not in line_roots:
                self.names[node] = fresh("D", taken)
        self.backward = _with_parts(lines, [n for n in again if n not in line_roots], self.names)
        self.backward = _alive(self.backward, {f"d{key}" for key in derivation.wrt}, self._mentioned)
        self.forward = _alive(self.forward, {*self.layer.outputs, *self._mentioned(self.backward)}, self._mentioned)

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
    def any_rank(self) -> bool:
        """True if the statements are the same for any number of leading axes, so that these stay as they are."""
        nodes = {node: None for s in (*self.forward, *self.backward) for node in s.expression.walk()}
        if not leading(self.layer) or not all(map(is_alike, nodes)):
            return False
        forward = statements(self.forward, self.names, "", self.layer.outputs, any_rank=True)
        backward = statements(self.backward, self.names, "", (), any_rank=True)
        return not mentioned(forward + backward, [LEADING_NAME])

    def seen(self, arrays: Iterable[Array]) -> list[Array]:
        """Arrays as the checks see them: with leading axes of any number, or with one."""
        return [opened(array) if self.any_rank else array for array in arrays]

    @cached_property
    def kept(self) -> list[Array]:
        """The arrays in the cache: inputs, results and shared parts that backward mentions."""
        mentioned = self._mentioned(self.backward)
        order = [i.array for i in self.layer.inputs]
        for statement in self.forward:
            order.append(_as_name(statement))
        kept = [array for array in order if label(array) in mentioned]
        made = any(
            (isinstance(s.expression.op, Constant) and s.expression.shape)
            or any(isinstance(node.op, Eye) for node in s.expression.walk())
            for s in self.backward
        )
        if made and not any(a.shape and a.kind == "float" for a in [*kept, *self.upstream_arrays]):
            kept += [i.array for i in self.layer.inputs if i.kind.is_float and i.shape][:1]  # for its dtype
        return kept

    def _mentioned(self, statements: Iterable[Statement]) -> set[str]:
        """The names that some statements mention."""
        nodes = (node for s in statements for node in _cut_walk(s.expression, self.names))
        parts = (part for node in nodes for part in (node, *node.op.hints(node)))
        return {text for node in parts if (text := self.names.get(node) or label(node)) is not None}

    @cached_property
    def forward_lines(self) -> list[str]:
        """The statements of forward."""
        inputs = self.layer.inputs
        dtype = next((f"{i.name}.dtype" for i in inputs if i.kind.is_float and i.shape), "")
        outputs, in_place = self.layer.outputs, self._in_place[0]
        return statements(self.forward, self.names, dtype, outputs, any_rank=self.any_rank, in_place=in_place)

    @cached_property
    def backward_lines(self) -> list[str]:
        """The statements of backward."""
        arrays = [*self.kept, *self.upstream_arrays]
        dtype = next((f"{label(a)}.dtype" for a in arrays if a.shape and a.kind == "float"), "")
        returned = [f"d{key}" for key in self.derivation.wrt]
        return statements(self.backward, self.names, dtype, returned, True, self.any_rank, self._in_place[1])

    @cached_property
    def _in_place(self) -> tuple[InPlace, InPlace]:
        """What forward and backward do in place: parts without a name in the derivation that nothing needs later."""
        own = set(self.names.values()) - {*self.said, *(str(label(array)) for array in self.kept)}
        forward = InPlace(self.forward, self.names, own)
        return forward, InPlace(self.backward, self.names, own, forward.floats)

    @cached_property
    def kept_sizes(self) -> list[str]:
        """The sizes in the cache: those that backward needs and cannot read off what it has."""
        at_hand = places(self.seen([*self.kept, *self.upstream_arrays]))
        return [size for size in mentioned(self.backward_lines, self.layer.sizes) if size not in at_hand]

    @property
    def upstream_arrays(self) -> list[Array]:
        """The upstream gradients as named arrays."""
        return [name(d, self.layer.named(o).shape) for d, o in zip(self.upstream, self.layer.outputs, strict=True)]


def _as_name(statement: Statement) -> Array:
    return name(statement.target, statement.expression.shape, statement.expression.kind)


def _whole_first(lines: Sequence[Statement]) -> list[Statement]:
    """The statements, each after those of whose results it computes anew: ``dB`` before ``dA = -dB @ X.T``."""
    made = {s.expression: s for s in reversed(lines) if is_work(s.expression)}
    result: dict[str, Statement] = {}

    def put(statement: Statement, above: frozenset[str]) -> None:
        for node in statement.expression.walk():
            other = made.get(node, statement)
            if other.target not in {*result, *above} and other.expression is not statement.expression:
                put(other, above | {statement.target})
        result.setdefault(statement.target, statement)

    for statement in lines:
        put(statement, frozenset())
    return list(result.values())


def _merged(
    lines: Sequence[Statement], adjoints: dict[str, Array], wanted: set[str], form: Callable[[Array], Array]
) -> list[Statement]:
    """The statements, one that a single other uses written into that one where this saves passes over memory."""
    expressions, formulas = {s.target: s.expression for s in lines}, dict(adjoints)
    uses: dict[str, list[str]] = {}
    for s in lines:
        for key in s.expression.names():
            uses.setdefault(key, []).append(s.target)
    for key, users in uses.items():
        user = users[0]
        if key not in expressions or key in wanted or len(users) > 1:
            continue
        if not _may_merge(expressions[key], expressions[user]):
            continue
        formula = substitute(formulas[user], {key: formulas[key]})
        expression = form(simplify(formula))
        if _passes(expression) < _passes(expressions[key]) + _passes(expressions[user]):
            formulas[user], expressions[user] = formula, expression
            del expressions[key]
    return [Statement(key, expression) for key, expression in expressions.items()]


def _may_merge(one: Array, other: Array) -> bool:
    """True for two formulas of entries that share an array, or both have numbers."""
    entrywise = all(isinstance(array.op, Elementwise) for array in (one, other)) and one.shape == other.shape
    shared = set(one.names()) & set(other.names())
    return entrywise and (bool(shared) or all(_has_number(array) for array in (one, other)))


def _has_number(array: Array) -> bool:
    return any(isinstance(node.op, Constant) and node.op.value not in (1, -1) for node in array.walk())


def _passes(array: Array) -> int:
    """How many arrays of its shape NumPy computes for an expression."""
    nodes = (node for node in array.walk() if isinstance(node.op, Elementwise | PowerOf) and node.shape == array.shape)
    return len([node for node in nodes if node.names()])


def _worth_keeping(expressions: Sequence[Array], forward_parts: set[Array]) -> list[Array]:
    """The largest parts that forward has too, but for what is one sum or product of a number and another of them."""

    def wanted(node: Array) -> bool:
        return node in forward_parts and is_work(node)

    found = topmost(expressions, wanted)
    bases = {node: [a for a in node.operands if not isinstance(a.op, Constant)] for node in found}
    cheap = {node for node in found if node.op.name in QUICK and len(bases[node]) == 1 and bases[node][0] in bases}
    return topmost(expressions, lambda node: wanted(node) and node not in cheap) if cheap else found


def _alive(
    block: Sequence[Statement], wanted: set[str], mentioned: Callable[[Iterable[Statement]], set[str]]
) -> list[Statement]:
    """The statements whose results are wanted, or used by one whose result is."""
    kept: list[Statement] = []
    for statement in reversed(block):
        if statement.target in wanted:
            kept.insert(0, statement)
            wanted = wanted | mentioned([statement])
    return kept


def topmost(expressions: Iterable[Array], wanted: Callable[[Array], bool]) -> list[Array]:
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


def fresh(letter: str, taken: set[str]) -> str:
    """A name that is not taken yet, and now is."""
    chosen = next(c for c in chain([letter], (f"{letter}{k}" for k in count(1))) if c not in taken)
    taken.add(chosen)
    return chosen
