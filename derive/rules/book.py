"""The book of rules: the pullback of every operation, admitted by proof.

A rule is used only through ``pull``, and ``pull`` uses it only after the kernel has proved it, for operands of these
ranks and of every size.  A rule that is not proved cannot take part in a derivation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from derive.arrays.array import Array, Operation, apply
from derive.arrays.named import name
from derive.arrays.renaming import alpha_key
from derive.rules.proof import is_adjoint

LETTERS = "ABCDEFHIJK"  # generic operands; G is the adjoint of the result


class Unproved(RuntimeError):
    """A rule or an identity of the book that the kernel does not confirm: a defect of the book."""


@dataclass(frozen=True)
class Rule:
    """A pullback at work: its operation, its statement, where it is published, what it assumes."""

    name: str
    statement: str
    source: str
    assumptions: tuple[str, ...]


_admitted: set[tuple[Any, ...]] = set()


def forget() -> None:
    """Forget which rules were admitted."""
    _admitted.clear()


def generic(node: Array) -> Array:
    """The operation of a node on generic operands of the same shapes."""
    letters = [LETTERS[k] if k < len(LETTERS) else f"A{k}" for k in range(len(node.operands))]
    return apply(node.op, *[name(letter, a.shape, a.kind) for letter, a in zip(letters, node.operands, strict=True)])


def confirm(op: Operation, result: Array, adjoints: tuple[Array | None, ...], grad: Array) -> None:
    """Unproved unless each adjoint is proved to be the pullback of the result, whose operands are named arrays."""
    if len(adjoints) != len(result.operands):
        raise Unproved(f"the rule of {op.name} gives {len(adjoints)} adjoints for {len(result.operands)} operands")
    for operand, adjoint in zip(result.operands, adjoints, strict=True):
        if operand.kind != "float":
            continue
        claimed = adjoint if adjoint is not None else zero(operand)
        if not is_adjoint(claimed, operand, [(result, grad)]):
            raise Unproved(f"the rule of {op.name} is not proved for {operand}: {op.rule}")


def zero(array: Array) -> Array:
    """Zeros of the same shape."""
    from fractions import Fraction

    from derive.arrays.operations import Constant

    return apply(Constant(Fraction(0), array.shape))


def admit(node: Array) -> None:
    """Prove the rule of a node's operation at operands of these shapes, once."""
    key = alpha_key(generic(node))
    if key not in _admitted:
        result = generic(node)
        grad = name("G", result.shape)
        confirm(node.op, result, node.op.pullback(result, grad, *result.operands), grad)
        _admitted.add(key)


def pull(node: Array, result: Array, grad: Array) -> tuple[Array | None, ...]:
    """The adjoints of a node's operands; ``result`` is the node's value as it may be named."""
    admit(node)
    return node.op.pullback(result, grad, *node.operands)


def rule_of(node: Array) -> Rule:
    """The rule that ``pull`` uses at a node."""
    return Rule(node.op.name, node.op.rule, node.op.source, node.op.assumes(node))
