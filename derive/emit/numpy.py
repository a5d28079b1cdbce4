"""A derivation as a NumPy module that a practitioner would have written.

``forward`` returns the output and exactly what ``backward`` needs; ``backward`` has one statement for each line of the
derivation.  What both need is computed once.  Inputs are never changed, results are never views of them, and the dtype
of the inputs is kept.  A network also gets a small class for each of its layers (stack.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

from derive.arrays.array import Array, Named, apply, label, name
from derive.arrays.functions import FUNCTIONS
from derive.arrays.moves import Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Elementwise, Eye
from derive.arrays.shapes import Shape, size_names, write_shape
from derive.arrays.writing import Writer
from derive.derivation.layer import Layer
from derive.derivation.sweep import UPSTREAM, Derivation
from derive.index.size import Size
from derive.rules.simplify import simplify

VIEWS = (Named, Transpose, Reshape, Slice, Broadcast)  # NumPy gives a view for these
PLAIN = (Named, Constant, Eye, Broadcast, Transpose, Reshape)  # too cheap to be kept or shared

WIDTH = 110

LETTERS = {"subtract": "R", "exp": "A", "sum": "s", "matmul": "P"}  # names for parts that have none


@dataclass(frozen=True)
class Statement:
    """``target = expression``."""

    target: str
    expression: Array


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
        equations = [Statement(e.name, unfolded(e.expression)) for e in self.layer.equations]
        lines = [Statement(s.adjoint, unfolded(s.expression)) for s in derivation.steps if s.rule != UPSTREAM]
        taken = {i.name for i in self.layer.inputs} | {s.target for s in equations + lines} | set(self.layer.sizes)
        taken |= set(self.upstream)
        self.names: dict[Array, str] = {}  # the parts that have a name in the code
        roots = {s.expression: s.target for s in equations if s.expression.operands}
        forward_parts = {node for s in equations for node in s.expression.walk()}
        shared = _topmost([s.expression for s in lines], lambda node: node in forward_parts and _worth(node))
        for node in shared:
            self.names[node] = roots.get(node) or _fresh(LETTERS.get(node.op.name, "A"), taken)
        self.forward = _with_parts(equations, [n for n in shared if n not in roots], self.names)
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
        return [array for array in order if label(array) in mentioned]

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
        at_hand = _places([*self.kept, *self.upstream_arrays])
        return [size for size in mentioned(self.backward_lines, self.layer.sizes) if size not in at_hand]

    @property
    def upstream_arrays(self) -> list[Array]:
        """The upstream gradients as named arrays."""
        return [name(d, self.layer.named(o).shape) for d, o in zip(self.upstream, self.layer.outputs, strict=True)]


def mentioned(lines: Sequence[str], sizes: Sequence[str]) -> list[str]:
    """The sizes that occur in some code, comments left out."""
    code = "\n".join(line.partition("  # ")[0] for line in lines)
    return [size for size in sizes if re.search(rf"(?<![\w.]){size}\b(?!\s*=[^=])", code)]


def _as_name(statement: Statement) -> Array:
    return name(statement.target, statement.expression.shape, statement.expression.kind)


def _worth(node: Array) -> bool:
    return bool(node.operands) and not isinstance(node.op, PLAIN)


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
            if node in named:
                continue
            for operand in node.operands:
                uses[operand] = uses.get(operand, 0) + 1
                if uses[operand] == 1:
                    stack.append(operand)
        order.update(dict.fromkeys(expression.walk()))
    return [node for node in order if uses.get(node, 0) > 1 and _worth(node) and node not in named]


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


# ---- text

def module(derivation: Derivation) -> str:
    """A NumPy module with ``forward(*inputs) -> (y, cache)`` and ``backward(dY, cache) -> {name: gradient}``."""
    from derive.emit.stack import classes

    plan = Plan(derivation)
    parts = [_docstring(plan), "import numpy as np\n", *_helpers(plan), forward_text(plan), backward_text(plan)]
    parts += classes(derivation)
    return "\n\n".join(part.rstrip("\n") + "\n" for part in parts).replace('"""\n\n\nimport', '"""\n\nimport')


def _helpers(plan: Plan) -> list[str]:
    used = {n.op.function for s in [*plan.forward, *plan.backward] for n in s.expression.walk() if isinstance(n.op, Elementwise)}
    return [FUNCTIONS[function].helper for function in FUNCTIONS if function in used and FUNCTIONS[function].helper]


def _docstring(plan: Plan) -> str:
    layer = plan.layer
    lines = [f'"""{layer.name}: {first_sentence(layer)}', ""]
    lines += [f"    {e}" for e in layer.equations]
    given = " and ".join(plan.upstream)
    lines += ["", f"Gradients, for the upstream gradient {given}:", ""]
    lines += [f"    {s}" for s in plan.derivation.steps if s.rule != UPSTREAM]
    shapes = ", ".join(f"{i.name} {write_shape(i.shape)}" for i in layer.inputs)
    lines += ["", f"Shapes: {shapes}."]
    if layer.source:
        lines.append(f"Source: {layer.source}.")
    assumed = plan.derivation.prove().assumptions
    if assumed:
        lines.append(f"Assumed: {'; '.join(assumed)}.")
    return "\n".join([*lines, "Generated by derive.", '"""', ""])


def first_sentence(layer: Layer) -> str:
    """What a layer is, in a line."""
    text = layer.doc.strip().split("\n")[0] if layer.doc else str(layer.equations[-1])
    return text if text.endswith(".") else f"{text}."


def _places(arrays: Iterable[Array]) -> dict[str, str]:
    """Where each size can be read: ``{"n": "X.shape[0]"}``."""
    found: dict[str, str] = {}
    for array in arrays:
        for axis, size in enumerate(array.shape):
            if size.name is not None:
                found.setdefault(size.name, f"{label(array)}.shape[{axis}]")
    return found


def read_sizes(wanted: Sequence[str], arrays: Sequence[Array]) -> list[str]:
    """Statements that read sizes off arrays."""
    lines = []
    left = list(wanted)
    for array in arrays:
        here = [size.name for size in array.shape]
        mine = [size for size in dict.fromkeys(here) if size in left]
        if len(mine) == len(here) > 1:
            lines.append(f"{', '.join(map(str, here))} = {label(array)}.shape")
        else:
            lines += [f"{size} = {label(array)}.shape[{here.index(size)}]" for size in mine]
        left = [size for size in left if size not in mine]
    return lines


def fit_check(title: str, arrays: Sequence[Array], known: Sequence[Array] = ()) -> list[str]:
    """Statements that raise ValueError where arrays do not fit their shapes."""
    places = _places(known)
    shaped = [array for array in arrays if array.shape]
    conditions = [condition for array in shaped for condition in _fits(array, places)]
    if not conditions:
        return []
    came = ", ".join(f"{label(a)} {{{label(a)}.shape}}" for a in shaped)
    wanted = ", ".join(f"{label(a)} {write_shape(a.shape)}" for a in shaped)
    test = [f"if {conditions[0].replace('==', '!=')}:"] if len(conditions) == 1 else _all_of(conditions)
    return [*test, *_raise(f"{title}: {came}", f"; wanted {wanted}")]


def _fits(array: Array, places: dict[str, str]) -> list[str]:
    """The conditions on one array; sizes that it is the first to have are noted in ``places``."""
    if all(size.names <= places.keys() for size in array.shape):
        return [f"{label(array)}.shape == {pack([_size_code(size, places) for size in array.shape])}"]
    conditions = [f"{label(array)}.ndim == {array.ndim}"]
    for axis, size in enumerate(array.shape):
        here = f"{label(array)}.shape[{axis}]"
        if size.name is not None and size.name not in places:
            places[size.name] = here
        elif size.names <= places.keys():
            conditions.append(f"{here} == {_size_code(size, places)}")
    return conditions


def _all_of(conditions: Sequence[str]) -> list[str]:
    """``if not (a and b and ..):``, wrapped."""
    line = f"if not ({' and '.join(conditions)}):"
    if len(line) <= WIDTH:
        return [line]
    rows = [conditions[0]]
    for condition in conditions[1:]:
        if len(rows[-1]) + len(condition) + 5 > WIDTH:
            rows.append(f"and {condition}")
        else:
            rows[-1] += f" and {condition}"
    return ["if not (", *(f"    {row}" for row in rows), "):"]


def _raise(came: str, wanted: str) -> list[str]:
    line = f'    raise ValueError(f"{came}{wanted}")'
    if len(line) <= WIDTH:
        return [line]
    return ["    raise ValueError(", f'        f"{came}"', f'        "{wanted}"', "    )"]


def _size_code(size: Size, places: dict[str, str]) -> str:
    if size.constant is not None:
        return str(size.constant)
    terms = []
    for mono, c in size.terms:
        factors = [places[n] for n, power in mono for _ in range(power)]
        terms.append(" * ".join([str(c), *factors] if c != 1 or not factors else factors))
    return " + ".join(terms) if len(terms) < 2 else f"({' + '.join(terms)})"


def statements(block: Sequence[Statement], names: dict[Array, str], dtype: str, returned: Iterable[str]) -> list[str]:
    """Lines of code, shapes as comments; what is returned is made a copy where it would be a view."""
    lines = []
    known = dict(names)
    out = set(returned)
    for statement in block:
        root = statement.expression
        own = known.pop(root, None)
        write = Writer("numpy", known, dtype, quick=True)
        text = write.text(root)[0]
        if own is not None and own != statement.target:
            text = own
        if statement.target in out:
            text = _owned(root, text, write, own is not None and own != statement.target)
        comment = f"  # {write_shape(root.shape)}" if root.shape else ""
        lines.append(f"{statement.target} = {text}{comment}")
        if _worth(root):
            known.setdefault(root, statement.target)
        if own is not None:
            known[root] = own
    return lines


def _owned(root: Array, text: str, write: Writer, by_name: bool) -> str:
    """The text of a result that shares no memory with anything else."""
    if not by_name and not _is_view(root):
        return text
    if not root.shape:
        return f"np.copy({text})[()]"
    return f"{text}.copy()" if by_name or write.text(root)[1] >= write.ATOM else f"({text}).copy()"


def _is_view(array: Array) -> bool:
    while isinstance(array.op, VIEWS):
        if isinstance(array.op, Named | Broadcast):
            return True
        array, = array.operands
    return False


def forward_text(plan: Plan) -> str:
    """``def forward``."""
    layer = plan.layer
    out = ", ".join(layer.outputs)
    body = [*fit_check(layer.name, [i.array for i in layer.inputs]), *forward_body(plan)]
    body.append(f"return {out if len(layer.outputs) == 1 else f'({out})'}, {cache_text(plan)}")
    doc = f'"""{out}, and what backward needs: {", ".join(cache_names(plan)) or "nothing"}."""'
    return f"def forward({', '.join(i.name for i in layer.inputs)}):\n" + indented([doc, *body])


def forward_body(plan: Plan) -> list[str]:
    """The statements of forward, after the sizes that they mention."""
    wanted = mentioned(plan.forward_lines, plan.layer.sizes)
    sizes = list(dict.fromkeys([*wanted, *plan.kept_sizes]))
    return read_sizes(sizes, [i.array for i in plan.layer.inputs]) + plan.forward_lines


def cache_names(plan: Plan) -> list[str]:
    """What the cache holds."""
    return [str(label(array)) for array in plan.kept] + plan.kept_sizes


def cache_text(plan: Plan) -> str:
    """The cache as a tuple."""
    return pack(cache_names(plan))


def pack(names: Sequence[str]) -> str:
    """Names as a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def unpacked(names: Sequence[str]) -> str:
    """Names on the left of an assignment from a tuple."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def backward_body(plan: Plan, unpack: str) -> list[str]:
    """The statements of backward: the cache taken apart, the check of the upstream gradient, the lines."""
    names = cache_names(plan)
    body = [f"{unpacked(names)} = {unpack}"] if names else []
    body += _upstream_check(plan)
    sizes = [size for size in mentioned(plan.backward_lines, plan.layer.sizes) if size not in plan.kept_sizes]
    return body + read_sizes(sizes, [*plan.kept, *plan.upstream_arrays]) + plan.backward_lines


def backward_text(plan: Plan) -> str:
    """``def backward``."""
    given = plan.upstream[0] if len(plan.upstream) == 1 else "upstream"
    body = backward_body(plan, "cache")
    if len(plan.upstream) > 1:
        body.insert(0, f"{', '.join(plan.upstream)} = upstream")
    entries = ", ".join(f'"{key}": d{key}' for key in plan.derivation.wrt)
    body.append(f"return {{{entries}}}")
    wanted = ", ".join(plan.derivation.wrt)
    scalar = [d for d, array in zip(plan.upstream, plan.upstream_arrays, strict=True) if not array.shape]
    loss = f"; {scalar[0]} is 1 if {plan.layer.outputs[0]} is the loss itself" if scalar == plan.upstream else ""
    doc = f'"""The gradients of {wanted}, from the upstream gradient {" and ".join(plan.upstream)}{loss}."""'
    return f"def backward({given}, cache):\n" + indented([doc, *body])


def _upstream_check(plan: Plan) -> list[str]:
    lines = []
    places = {**_places(plan.kept), **{size: size for size in plan.kept_sizes}}
    for d, output in zip(plan.upstream, plan.layer.outputs, strict=True):
        shape: Shape = plan.layer.named(output).shape
        if not shape:
            continue
        twin = next((label(array) for array in plan.kept if array.shape == shape), None)
        if twin is not None:
            wanted, said = f"{twin}.shape", f"{{{twin}.shape}}"
        elif set(size_names([shape])) <= places.keys():
            inner = ", ".join(_size_code(size, places) for size in shape)
            wanted = f"({inner}{',' if len(shape) == 1 else ''})"
            said = f"{{{wanted}}}"
        else:
            lines.append(f"if {d}.ndim != {len(shape)}:")
            lines += _raise(f"{plan.layer.name}: {d} {{{d}.shape}}", f"; wanted {write_shape(shape)}, the shape of {output}")
            continue
        lines.append(f"if {d}.shape != {wanted}:")
        lines.append(f'    raise ValueError(f"{plan.layer.name}: {d} {{{d}.shape}}; wanted {said}, the shape of {output}")')
    return lines


def indented(lines: Iterable[str]) -> str:
    """Lines of a body."""
    return "\n".join(f"    {line}" if line else "" for line in lines) + "\n"
