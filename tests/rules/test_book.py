"""The book: every rule is proved, at several ranks; no mutant of any rule is; a wrong rule takes no part."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pytest

import derive
from derive.arrays.array import Array, Operation, apply
from derive.arrays.named import name, substitute
from derive.arrays.operations import PowerOf
from derive.arrays.shapes import size_names
from derive.index.effort import MAX_EFFORT, Exhausted, bounded, spend
from derive.rules import book, proof
from derive.rules.mutants import mutants

from ..arrays.cases import CASES, operations
from ..arrays.values import S, differ, roomy_sizes, text_value, values_for, work

RULES = {key: array for key, array in CASES.items() if array.operands}


def square(array):
    """The same with all sizes alike, so that wrong transposes conform."""
    names = size_names(node.shape for node in array.walk())
    return substitute(array, {}, {label: S("n") for label in names if label != "m"})


ALIKE = {key: square(array) for key, array in RULES.items() if ":" in key and "slice" not in key and "pad" not in key}


def pulled(node):
    """The operation on generic operands, the adjoint of its result, and the adjoints that the rule gives."""
    result = book.generic(node)
    grad = name("G", result.shape)
    return result, grad, result.op.pullback(result, grad, *result.operands)


@pytest.fixture(autouse=True)
def _forget():
    book.forget()
    proof.forget()


@pytest.mark.parametrize("node", RULES.values(), ids=RULES)
def test_every_rule_is_proved(node):
    result, grad, adjoints = pulled(node)
    book.confirm(node.op, result, adjoints, grad)


@pytest.mark.parametrize("node", ALIKE.values(), ids=ALIKE)
def test_every_rule_is_proved_where_sizes_are_alike(node):
    result, grad, adjoints = pulled(node)
    book.confirm(node.op, result, adjoints, grad)


@pytest.mark.parametrize("node", RULES.values(), ids=RULES)
def test_rules_say_what_they_are(node):
    rule = book.rule_of(node)
    assert rule.name == node.op.name
    assert "=>" in rule.statement or "has no adjoint" in rule.statement


def wrong_ones(node):
    """Mutants of a rule that differ from it by numbers: which adjoint, what was changed, the adjoints so changed."""
    result, grad, adjoints = pulled(node)
    operands = result.operands
    for k, adjoint in enumerate(adjoints):
        if adjoint is None or operands[k].kind != "float":
            continue
        for what, mutant in mutants(adjoint):
            at = roomy_sizes(result, adjoint, mutant)
            if at is None:
                continue
            try:
                arrays = values_for([result, grad, *operands], at)
                with np.errstate(all="ignore"):
                    right, wrong = (text_value(a, at, arrays) for a in (adjoint, mutant))
            except (
                TypeError,
                ZeroDivisionError,
                np.linalg.LinAlgError,
            ):  # NumPy does not spell it: a mask negated, 0 ** -1
                continue
            except ValueError as error:
                if "Integers to negative" not in str(error):
                    raise
                continue
            if np.isfinite(wrong).all() and differ(right, wrong, work(adjoint, at)):
                yield k, what, (*adjoints[:k], mutant, *adjoints[k + 1 :])


@pytest.mark.parametrize(
    "node", [*RULES.values(), *ALIKE.values()], ids=[*RULES, *(f"{key}, sizes alike" for key in ALIKE)]
)
def test_no_mutant_of_a_rule_is_proved(node):
    result, grad, adjoints = pulled(node)
    attacked = set()
    for k, _, mutated in wrong_ones(node):
        attacked.add(k)
        with pytest.raises(book.Unproved):
            book.confirm(node.op, result, mutated, grad)
    assert attacked == {k for k, a in enumerate(adjoints) if a is not None and result.operands[k].kind == "float"}


# ---- a wrong rule takes no part


@dataclass(frozen=True)
class Wrong(PowerOf):
    """A square whose rule forgets the factor 2."""

    def pullback(self, result, grad, *operands):
        """Y = A^2  =>  dA = G ∘ A"""
        return (grad * operands[0],)


@dataclass(frozen=True)
class Forgetful(PowerOf):
    """A square whose rule hands nothing on."""

    def pullback(self, result, grad, *operands):
        """Y = A^2  =>  nothing"""
        return (None,)


@dataclass(frozen=True)
class TooMany(PowerOf):
    """A square whose rule hands on too much."""

    def pullback(self, result, grad, *operands):
        """Y = A^2  =>  twice"""
        return (2 * grad * operands[0], grad)


@dataclass(frozen=True)
class Misshapen(PowerOf):
    """A square whose rule is right but for its shape."""

    def pullback(self, result, grad, *operands):
        """Y = A^2  =>  a sum"""
        return ((2 * grad * operands[0]).sum(axis=0),)


WRONG = {
    Wrong: r"the rule of power is not proved for A: Y = A\^2 => dA = G ∘ A",
    Forgetful: r"the rule of power is not proved for A: Y = A\^2 => nothing",
    TooMany: "the rule of power gives 2 adjoints for 1 operands",
    Misshapen: r"the rule of power is not proved for A: Y = A\^2 => a sum",
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_rule_is_not_admitted(kind):
    X = name("X", (S("n"), S("d")))
    node = apply(kind(2), X)
    for _ in range(2):  # also not the second time
        with pytest.raises(book.Unproved, match=WRONG[kind]):
            book.pull(node, node, name("G", node.shape))


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_rule_takes_no_part_in_a_derivation(kind):
    @derive.layer
    def wrong(X: "n d"):
        Z = apply(kind(2), X)
        return Z.sum()

    with pytest.raises(book.Unproved):
        wrong.derive()


def test_a_right_rule_of_the_same_making_is_admitted():
    """What refuses the wrong ones is their mistake."""

    @dataclass(frozen=True)
    class Right(PowerOf):
        def pullback(self, result, grad, *operands):
            """Y = A^2  =>  dA = 2 G ∘ A"""
            return (2 * grad * operands[0],)

    node = apply(Right(2), name("X", (S("n"), S("d"))))
    (adjoint,) = book.pull(node, node, name("G", node.shape))
    assert str(adjoint) == "2 * G * X"


def test_a_rule_is_proved_once_for_a_pattern_of_sizes():
    X, V = name("X", (S("n"), S("d"))), name("V", (S("p"), S("q")))
    calls = []

    @dataclass(frozen=True)
    class Counted(PowerOf):
        def meaning(self, at, operands, *entries):
            calls.append(1)
            return super().meaning(at, operands, *entries)

    for a in (X, V):
        node = apply(Counted(2), a)
        book.pull(node, node, name("G", node.shape))
    assert len(calls) == 1
    K = apply(Counted(2), name("K", (S("n"), S("n"))))
    book.pull(K, K, name("G", K.shape))
    assert len(calls) == 2


def test_a_zero_adjoint_is_proved_too():
    """None means 0, and that is a statement."""
    X = name("X", (S("n"),))
    node = np.sign(X)
    assert book.pull(node, node, name("G", node.shape)) == (None,)


def test_mutants_keep_the_shape_and_are_new():
    for node in list(RULES.values())[::7]:
        _, _, adjoints = pulled(node)
        for adjoint in adjoints:
            if isinstance(adjoint, Array):
                found = [mutant for _, mutant in mutants(adjoint)]
                assert all(mutant.shape == adjoint.shape for mutant in found)
                assert len({*found, adjoint}) == len(found) + 1


def test_every_operation_has_a_rule():
    assert all(kind.pullback is not Operation.pullback for kind in operations())


def test_a_rule_for_which_another_question_left_no_work_is_proved_the_next_time():
    node = np.exp(name("X", (S("n"),)))

    @bounded
    def exhausted():
        with suppress(Exhausted):
            spend(2 * MAX_EFFORT)
        with pytest.raises(Exhausted):
            book.admit(node)

    exhausted()
    book.admit(node)
