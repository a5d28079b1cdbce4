"""A layer's program: expressions cut into named equations, as a person would write them down.

A part gets a name of its own if the author named it, if it is used twice, if it is a layer called, if its value is
used again by its own rule (``S (1 - S)``), or if a product inside a function would have its adjoint written twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count

from derive.arrays.array import Array
from derive.arrays.moves import Reshape, Transpose
from derive.arrays.named import Named, label, name
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf
from derive.arrays.rewriting import rewritten
from derive.arrays.rows import RowFunction
from derive.arrays.shapes import ROW_KINDS, Declaration, size_names
from derive.derivation.opening import Opening
from derive.derivation.seeing import seen_through
from derive.rules.simplify import simplify

LINEAR = ("add", "subtract", "negative")
PLAIN = (Named, Constant, Eye, Broadcast, Transpose, Reshape)  # never worth a name


@dataclass(frozen=True, eq=False)
class Equation:
    """``name = expression``, over inputs and earlier names; ``domain``: conditions that it had before simplifying."""

    name: str
    expression: Array
    domain: tuple[str, ...] = ()

    @property
    def array(self) -> Array:
        """The name as an expression."""
        return name(self.name, self.expression.shape, self.expression.kind)

    def __str__(self) -> str:
        return f"{self.name} = {self.expression}"


def program(
    inputs: Mapping[str, Declaration], parts: Mapping[str, Array], outputs: Mapping[str, Array]
) -> tuple[Equation, ...]:
    """The equations of some outputs, in order; ``parts`` are named by the author."""
    named = _by_author(inputs, parts, outputs)
    fixed = {*inputs, *size_names(declared.shape for declared in inputs.values())}
    opening = Opening({*fixed, *named})
    for title, written in named.items():
        opening.add(title, written)
    given = seen_through(opening.parts, outputs)
    equations: list[Equation] = []
    taken = {*fixed, *given}
    for title, written in given.items():
        conditions = (*_conditions(written), *opening.domains.get(title, ()))
        equations += _cut(title, _simple(written), taken, conditions)
    return tuple(equations)


def _simple(written: Array) -> Array:
    """The expression simplified; as written where rows that sum to 1 would drop out: they still are inputs."""
    simple = simplify(written)
    rows = {part for part in written.walk() if isinstance(part.op, Named) and part.op.fact in ROW_KINDS}
    return simple if rows <= {*simple.walk()} else written


def _by_author(
    inputs: Mapping[str, Declaration], parts: Mapping[str, Array], outputs: Mapping[str, Array]
) -> dict[str, Array]:
    """The named parts that the outputs use, as written, each over the earlier ones, in order of dependence."""
    titles: dict[Array, str] = {}
    for title, array in [*outputs.items(), *parts.items()]:
        if not isinstance(array.op, Named | Constant) and title not in inputs:
            titles.setdefault(array, title)
    found: dict[str, Array] = {}
    done: dict[Array, Array] = {}

    def named(node: Array, new: Array) -> Array:
        if node not in titles:
            return new
        found[titles[node]] = new
        return name(titles[node], node.shape, node.kind)

    whole = {title: rewritten(output, named, done) for title, output in outputs.items()}
    for title, output in whole.items():  # an output that is an input, a number, or the same as another
        found.setdefault(title, output)
    return _as_written(found, [*parts, *outputs])


def _as_written(found: Mapping[str, Array], order: Sequence[str]) -> dict[str, Array]:
    """The named parts in the author's order, as far as each comes after those that it uses."""
    done: dict[str, Array] = {}

    def place(title: str) -> None:
        for used in found[title].names():
            if used in found and used not in done:
                place(used)
        done.setdefault(title, found[title])

    for title in order:
        if title in found:
            place(title)
    return done


def _conditions(array: Array) -> tuple[str, ...]:
    return tuple(dict.fromkeys(a for node in array.walk() for a in node.op.domain(node)))


def _cut(title: str, expression: Array, taken: set[str], asked: tuple[str, ...]) -> list[Equation]:
    """One equation, after those of the parts that it needs named; ``asked`` are the conditions before simplifying."""
    wanted = _to_name(expression)
    found: list[Equation] = []

    def named(node: Array, new: Array) -> Array:
        if node not in wanted or node is expression:
            return new
        found.append(Equation(_fresh(_letter(node), taken), new))
        return found[-1].array

    whole, kept = rewritten(expression, named), _conditions(expression)
    return [*found, Equation(title, whole, tuple(a for a in asked if a not in kept))]


def _to_name(expression: Array) -> set[Array]:
    """The parts of an expression that get a name of their own."""
    wanted: set[Array] = set()
    users: dict[Array, int] = {}
    for node in expression.walk():
        for operand in {id(a): a for a in node.operands}.values():
            users[operand] = users.get(operand, 0) + 1
    for node in expression.walk():
        if isinstance(node.op, PLAIN) or not _floats(node):
            continue
        if users.get(node, 0) > 1 or node.op.unfold(node) is not None or _reuses_result(node):
            wanted.add(node)
        if _bends(node):
            wanted |= {a for a in map(_beneath, node.operands) if _has_product(a) and len(_floats(a)) > 1}
    return wanted


def _beneath(array: Array) -> Array:
    """What a broadcast or a transpose stands on."""
    while isinstance(array.op, Broadcast | Transpose | Reshape):
        (array,) = array.operands
    return array


def _floats(array: Array) -> set[str]:
    return {text for node in array.walk() if node.kind == "float" and (text := label(node)) is not None}


def _has_product(array: Array) -> bool:
    return any(isinstance(node.op, Matmul | Einsum) for node in array.walk())


def _bends(node: Array) -> bool:
    """True for functions of entries or rows that are not linear."""
    return isinstance(node.op, PowerOf | RowFunction) or (
        isinstance(node.op, Elementwise)
        and node.op.function not in LINEAR
        and not any(isinstance(a.op, Constant) or not a.names() for a in node.operands)
    )


def _reuses_result(node: Array) -> bool:
    """True if the pullback is written with the result."""
    if not isinstance(node.op, Elementwise | PowerOf | RowFunction):
        return False
    result, grad = name("?result", node.shape), name("?grad", node.shape)
    adjoints = [
        a for a, x in zip(node.op.pullback(result, grad, *node.operands), node.operands, strict=False) if _floats(x)
    ]
    return any(adjoint is not None and any(part is result for part in adjoint.walk()) for adjoint in adjoints)


def _letter(node: Array) -> str:
    return "A" if _bends(node) else "Z"


def _fresh(letter: str, taken: set[str]) -> str:
    candidates = chain([letter], (f"{letter}{k}" for k in count(1)))
    chosen = next(c for c in candidates if c not in taken and f"d{c}" not in taken)
    taken.add(chosen)
    return chosen
