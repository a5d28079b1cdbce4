"""What a claim asks for is said in the user's names, and points are tried where formulas have a value."""

import pytest

import derive

SHAPES = {"x": "n", "A": "m n", "y": "m", "M": "n n"}

ASKED = [  # a formula, a right gradient in x, what both ask for
    ("sum(x)", "x / x", ("x ≠ 0",)),
    ("sum(x)", "exp(log(x)) / x", ("x > 0", "x ≠ 0")),
    ("sum(x)", "ones(n) * trace(M @ inv(M)) / n", ("n > 0", "M is invertible")),
    ("norm(A @ x - y)", "A.T @ (A @ x - y) / norm(A @ x - y)", ("A @ x - y ≠ 0", "np.linalg.norm(A @ x - y) ≠ 0")),
    ("sum(x) + sum(abs(y))", "ones(n)", ()),  # what has a kink is not on the way to x
    ("sum(relu(x)) + sum(1 / y)", "(x > 0) * 1", ("x ≠ 0", "y ≠ 0")),
    ("x[5]", "eye(n)[5]", ("n ≥ 6",)),
    ("x @ x", "2 * x", ()),
    ("sum(x) * (y @ y > 0)", "ones(n) * (y @ y > 0)", ()),
    ("sum(x) * (y @ y > 0)", "ones(n)", ("y @ y ≠ 0",)),  # true apart from a tie that is not on the way to x
]


@pytest.mark.parametrize(("formula", "gradient", "asked"), ASKED, ids=[row[1] for row in ASKED])
def test_a_proved_claim_says_where_both_sides_have_a_value(formula, gradient, asked):
    verdict = derive.claim(formula, "x", gradient, SHAPES)
    assert verdict.status == "proved", verdict
    assert set(verdict.assumptions) == set(asked)


@pytest.mark.parametrize(
    ("formula", "gradient", "right"),
    [
        ("x[5]", "eye(n)[4]", "pad(full((1,), 1), ((5, n - 6),))"),
        ("x[2] * x[0]", "x[0] * eye(n)[2]", ""),
        ("sum(x[3:])", "0 * x", ""),
        ("x[n - 2]", "0 * x", ""),
        ("sum(x)", "ones(n) + x[5]", "1"),  # only the claim asks for it
    ],
)
def test_a_wrong_claim_is_refuted_where_it_has_a_value(formula, gradient, right):
    verdict = derive.claim(formula, "x", gradient, {"x": "n"})
    assert verdict.status == "refuted"
    assert right in verdict.reason


def test_what_has_no_value_at_small_sizes_is_open():
    verdict = derive.claim("x[10**6]", "x", "x", {"x": "n"})
    assert verdict.status == "open"
    assert "no small sizes at which it has a value" in verdict.reason
