"""A known scale of the gradients is honoured in every rung; an undeclared or a wrong one is refuted."""

from fractions import Fraction

import numpy as np
import pytest

import derive
from derive.errors import DeriveError
from derive.evidence.scales import scales
from derive.verifier import enclosure, extremes, proofs, values
from derive.verifier.pair import pair

SHAPES = {"X": "n d", "W": "d m"}
RUNGS = (values, enclosure, extremes, proofs)


def product(X, W):
    return np.tanh(X) @ W


def mean_gradients(X, W, dY):
    n = X.shape[0]
    return {"X": (1 - np.tanh(X) ** 2) * (dY @ W.T) / n, "W": np.tanh(X).T @ dY / n}


def mean_of_one(X, W, dY):
    return {"X": (1 - np.tanh(X) ** 2) * (dY @ W.T), "W": np.tanh(X).T @ dY / X.shape[0]}


def by_rows(X, W, dY):
    dX, dW = np.zeros_like(X), np.zeros_like(W)
    for i in range(X.shape[0]):
        dX[i] = (1 - np.tanh(X[i]) ** 2) * (W @ dY[i]) / X.shape[0]
        dW += np.outer(np.tanh(X[i]), dY[i]) / X.shape[0]
    return {"X": dX, "W": dW}


@pytest.mark.parametrize("backward", [mean_gradients, by_rows])
@pytest.mark.parametrize("rung", RUNGS, ids=lambda rung: rung.NAME)
def test_every_rung_honours_it(rung, backward):
    found = rung.climb(pair(product, backward, SHAPES, convention="1/n"), "ci").rung
    assert found.status not in ("open", "refuted"), found


@pytest.mark.parametrize("convention", [None, "n", "1/d", "-1/n", "1/(n*d)", "X: 1/n"])
def test_a_wrong_one_is_refuted_and_never_proved(convention):
    given = pair(product, mean_gradients, SHAPES, convention=convention)
    assert values.climb(given, "ci").rung.status == "refuted"
    assert enclosure.climb(given, "ci").rung.status == "refuted"
    assert proofs.climb(given, "ci").rung.status == "open"


def test_an_undeclared_one_is_named():
    verdict = derive.check(product, mean_gradients, SHAPES)
    assert verdict.status == "refuted"
    assert "a factor n is missing" in verdict.reason


def test_it_is_shown_in_the_verdict():
    verdict = derive.check(product, mean_of_one, SHAPES, convention="W: 1/n")
    assert verdict.status == "proved", verdict
    assert "dW is meant as 1/n times the gradient" in verdict.assumptions


def test_the_snippet_of_a_wrong_one_expects_the_scaled_gradient():
    verdict = derive.check(product, by_rows, SHAPES, convention="-1")
    assert verdict.status == "refuted"
    got, expected = verdict.counterexample.got, verdict.counterexample.expected
    np.testing.assert_allclose(got * np.shape(verdict.counterexample.inputs["X"])[0], -expected, rtol=1e-9)  # differences tell about nine digits


def test_it_is_exact():
    found = scales("W: 1/(3*n**2), b: -n + 1", ["X", "W", "b"], ["n", "d"])
    assert found["W"].at({"n": 5, "d": 1}) == Fraction(1, 75)
    assert found["b"].at({"n": 5}) == -4
    with pytest.raises(ZeroDivisionError):
        found["b"].at({"n": 1})


BAD = [
    ("1/q", "'q' is no size"),
    ("n.real", "n.real"),
    ("__import__('os')", "__import__"),
    ("2**999", "2 ** 999"),
    ("1.5", "1.5"),
    ("Y: n", "'Y' has no gradient"),
    ("X: n, X: d", "no further NAME: SCALE"),
    ("X: n, d", "'d' is no further"),
    ("", "no expression"),
    ("(" * 150, "no expression"),
    ("n" * 300, "at most 200 characters"),
    (3, "at most 200 characters"),
]


@pytest.mark.parametrize(("convention", "said"), BAD)
def test_text_that_is_none_is_refused(convention, said):
    with pytest.raises(DeriveError, match="convention") as found:
        derive.check(product, mean_gradients, SHAPES, convention=convention)
    assert said in str(found.value)
    assert "try" in str(found.value)
