"""The page of textbook gradients: every true claim is proved, every false one refuted, none left open."""

from derive.catalogue.textbook import TEXTBOOK
from derive.formulas.markdown import annotated, decided

FALSE = {
    "dT2/dX = 2 * C @ X",
    "dL1/dX = inv(X)",
    "dL5/dX = -inv(X) @ outer(a, b) @ inv(X)",
    "dL8/dX = 3 * det(X) ** 2 * inv(X).T",
    "dG1/dK = (inv(K) + inv(K) @ outer(x - m, x - m) @ inv(K)) / 2",
    "dN3/dx = exp(x) / (1 + sum(exp(x)))",
    "dE1/db = G",
    "dE2/dw = 2 * X.T @ (X @ w - t)",
    "dE3/dW = X.T @ (G * (1 - S))",
    "dE6/dZ = Q - T",
    "dE1/dx = G / sqrt(v + 1/100000)",
    "dE2/dQ = (A * (H @ V.T - sum(A * (H @ V.T), axis=1, keepdims=True))) @ K",
}


def test_true_claims_are_proved_and_false_ones_refuted():
    found = {line.text.strip(): verdict for line, verdict in decided(TEXTBOOK)}
    assert len(found) == 50
    assert {text for text, verdict in found.items() if verdict.status == "refuted"} == FALSE
    assert all(verdict.status == "proved" for text, verdict in found.items() if text not in FALSE)
    assert all("it is " in found[text].reason for text in FALSE)
    once = annotated(TEXTBOOK)
    assert once.count("#: proved") == len(found) - len(FALSE)
