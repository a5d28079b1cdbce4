"""The book: every rule is proved, at several ranks; no mutant of any rule is; a wrong rule takes no part."""

from dataclasses import dataclass

import numpy as np
import pytest

import derive
from derive.arrays.array import Array, Operation, apply, name, substitute
from derive.arrays.operations import PowerOf
from derive.arrays.shapes import size_names
from derive.rules import book, proof
from derive.rules.mutants import mutants

from ..arrays.cases import CASES, operations
from ..arrays.values import S, differ, sizes_for, text_value, values_for, work

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
    sizes = max(sizes_for(result, *[a for a in adjoints if a is not None]), key=lambda s: min(s.values(), default=1))
    for k, adjoint in enumerate(adjoints):
        if adjoint is None or operands[k].kind != "float":
            continue
        for what, mutant in mutants(adjoint):
            try:
                usable = list(sizes_for(result, adjoint, mutant))
                at = usable[-1] if usable else sizes
                arrays = values_for([result, grad, *operands], at)
                with np.errstate(all="ignore"):
                    right, wrong = (text_value(a, at, arrays) for a in (adjoint, mutant))
            except (TypeError, ZeroDivisionError):  # NumPy does not spell it: a mask negated, 0 ** -1
                continue
            except ValueError as error:
                if "Integers to negative" not in str(error):
                    raise
                continue
            if np.isfinite(wrong).all() and differ(right, wrong, work(adjoint, at)):
                yield k, what, (*adjoints[:k], mutant, *adjoints[k + 1 :])


@pytest.mark.parametrize("node", [*RULES.values(), *ALIKE.values()], ids=[*RULES, *(f"{key}, sizes alike" for key in ALIKE)])
def test_no_mutant_of_a_rule_is_proved(node):
    result, grad, adjoints = pulled(node)
    attacked = set()
    for k, what, mutated in wrong_ones(node):
        attacked.add(k)
        with pytest.raises(book.Unproved):
            book.confirm(node.op, result, mutated, grad)
            pytest.fail(what)
    assert attacked == {k for k, a in enumerate(adjoints) if a is not None and result.operands[k].kind == "float"}
