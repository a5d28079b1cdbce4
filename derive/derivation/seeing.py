"""Seeing through names: ``E = np.exp(X); P = E / E.sum(axis=1, keepdims=True)`` is a softmax, although E has a name.

A part that the author named is opened only where a function of rows is recognised by it, or where it shifts the rows of
one that sees only how their entries differ; and no more parts than that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from derive.arrays.array import Array, apply
from derive.arrays.named import Named, substitute
from derive.arrays.operations import Broadcast, Constant
from derive.arrays.rows import RowFunction
from derive.arrays.statistics import Variance
from derive.rules.simplify import simplify

DEEPEST = 4  # names within names that are opened


def seen_through(given: Mapping[str, Array], outputs: Iterable[str]) -> dict[str, Array]:
    """The named parts, functions of rows recognised in them, without those that no output needs any more."""
    known: dict[str, Array] = {}
    for title, written in given.items():
        known[title] = _unshifted(_recognized(written, known), known)
    needed = set(outputs)
    for title in reversed(known):
        if title in needed:
            needed.update(known[title].names())
    return {title: written for title, written in known.items() if title in needed}


def _recognized(written: Array, known: Mapping[str, Array]) -> Array:
    """The expression with those names opened by which a function of rows is recognised in it."""
    if not any(map(_may_be_of_rows, written.walk())):
        return written
    plain = _functions(written)
    opened: set[str] = set()
    for _ in range(DEEPEST):
        more = {label for label in _opened(written, opened, known).names() if label in known} - opened
        opened |= {label for label in more if not _functions(known[label])}
        found = _functions(_opened(written, opened, known))
        if found > plain:
            for label in sorted(opened):
                if _functions(_opened(written, opened - {label}, known)) == found:
                    opened.remove(label)
            return _opened(written, opened, known)
    return written


def _unshifted(written: Array, known: Mapping[str, Array]) -> Array:
    """The expression with a named operand of a function of rows opened where that rids it of a shift of the rows.

    ``Z = X - X.max(axis=1, keepdims=True)``: the softmax of Z is that of X, whose gradient knows of no maximum.
    """
    plain = simplify(written)
    if gone := {*written.names()}.difference(plain.names()).intersection(known):  # Z - Z: what Z asks for is kept
        return _unshifted(_opened(written, gone, known), known)
    for node in filter(_of_rows, plain.walk()):
        (rows, *others) = node.operands
        for label in (label for label in rows.names() if label in known):
            opened = _opened(written, {label}, known)
            if _length(simplify(opened)) <= _length(plain) or (
                isinstance(rows.op, Named) and _is_shifted(apply(node.op, simplify(known[label]), *others))
            ):
                return _unshifted(opened, known)
    return written


def _is_shifted(rows: Array) -> bool:
    """True if the same function of shorter rows is the same."""
    found = simplify(rows)
    return found.op == rows.op and _length(found) < _length(rows)


def _length(array: Array) -> int:
    return len([*array.walk()])


def _may_be_of_rows(node: Array) -> bool:
    """True for a logarithm, a quotient by more than a number, a difference from copies."""
    name = node.op.name
    return name == "log" or (name in ("divide", "multiply", "subtract") and _varies_by_row(node.operands[1]))


def _varies_by_row(array: Array) -> bool:
    return isinstance(array.op, Broadcast) and not isinstance(array.operands[0].op, Constant)


def _opened(written: Array, labels: Collection[str], known: Mapping[str, Array]) -> Array:
    """The expression with some names replaced by what they are, also inside what they are."""
    while inside := [label for label in written.names() if label in labels]:
        written = substitute(written, {label: known[label] for label in inside})
    return written


def _functions(array: Array) -> int:
    """How many functions of rows are recognised in an expression; variances are none, they are parts of others."""
    return len([node for node in simplify(array).walk() if _of_rows(node)])


def _of_rows(node: Array) -> bool:
    return isinstance(node.op, RowFunction) and not isinstance(node.op, Variance)
