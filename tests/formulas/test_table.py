"""The table of claims: every true one is proved, every false one refuted, and the fact that is wanted is named."""

import pytest

from derive.formulas.right import right_formula

from .table import rows, subjects

ROWS, SUBJECTS = list(rows()), subjects()


def name(row):
    return f"{row.place} {row.text}"[:60]


def test_the_table_is_large():
    assert len(ROWS) >= 400
    assert sum(not row.is_true for row in ROWS) >= 100
    assert sum(bool(row.fact) for row in ROWS) >= 12


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_a_claim_of_the_table(row):
    verdict = row.decide()
    if row.is_true:
        assert verdict.status == "proved", verdict
        return
    assert verdict.status == "refuted", verdict
    assert row.fact in verdict.reason
    assert "it is " in verdict.reason
    assert verdict.counterexample.snippet


@pytest.mark.parametrize("row", SUBJECTS, ids=name)
def test_the_right_formula_is_itself_a_claim_that_is_proved(row):
    loss, wrt, _ = row.claim
    statement = row.statement
    right = right_formula(statement.layer(loss, wrt), wrt, statement.defined)
    assert "np." not in right
    assert statement.proves(loss, wrt, right)
