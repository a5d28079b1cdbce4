"""Claims in words: proved for every shape, refuted by numbers that run, and the right formula beside them."""

import json
import subprocess
import sys

import pytest

import derive
from derive.errors import DeriveError

SHAPES = {"X": "n d", "W": "d k", "b": "k", "G": "n k", "w": "d", "y": "n", "A": "n n", "x": "n"}

TRUE = [
    ("sum(G*(X@W+b))", "b", "sum(G,axis=0)"),
    ("sum(G*(X@W+b))", "W", "X.T@G"),
    ("sum(G*tanh(X@W+b))", "W", "X.T@(G*(1-tanh(X@W+b)**2))"),
    ("x@A@x", "x", "(A+A.T)@x"),
    ("x@A@x", "A", "outer(x,x)"),
    ("log(sum(exp(x)))", "x", "exp(x)/sum(exp(x))"),
    ("sum(relu(X))", "X", "step(X)"),
    ("mean((X@w-y)**2)", "w", "2*X.T@(X@w-y)/n"),
    ("sum(abs(x))", "x", "sign(x)"),
    ("sqrt(sum(x**2))", "x", "x/sqrt(sum(x**2))"),
    ("trace(A)", "A", "eye(n)"),
    ("n*sum(x)", "x", "n"),
]
FALSE = [
    ("sum(G*(X@W+b))", "b", "G", "the sum over n is missing", "G.sum(axis=0)"),
    ("sum(G*(X@W+b))", "W", "-X.T@G", "the sign is wrong", "X.T @ G"),
    ("mean((X@w-y)**2)", "w", "2*X.T@(X@w-y)", "a factor n is too much", "/ n"),
    ("sum((X@w-y)**2)", "w", "X.T@(X@w-y)", "a factor 2 is missing", "2 *"),
    ("sum(x**3)", "x", "3*x**2 + 1e-7", "its value is another", "3 * x ** 2"),
    ("sum(x)", "x", "0", "another", "1"),
]


def claim(forward, wrt, gradient, **more):
    used = {key: text for key, text in SHAPES.items() if key in forward or key in gradient}
    return derive.claim(forward, wrt, gradient, {**used, **more})


def test_rows_that_sum_to_one_still_have_a_gradient():
    assert derive.claim("sum(x)", "x", "1", {"x": "n : stochastic"}).status == "proved"


@pytest.mark.parametrize(("forward", "wrt", "gradient"), TRUE)
def test_a_true_claim_is_proved(forward, wrt, gradient):
    verdict = claim(forward, wrt, gradient)
    assert verdict.status == "proved", verdict
    assert claim(forward, wrt, f"2*({gradient})").status == "refuted"


@pytest.mark.parametrize(("forward", "wrt", "gradient", "fault", "right"), FALSE)
def test_a_false_claim_is_refuted_and_put_right(forward, wrt, gradient, fault, right, tmp_path):
    verdict = claim(forward, wrt, gradient)
    assert verdict.status == "refuted", verdict
    assert fault in verdict.reason
    assert right in verdict.reason
    snippet = tmp_path / "snippet.py"
    snippet.write_text(verdict.counterexample.snippet)
    shown = subprocess.run([sys.executable, snippet], capture_output=True, text=True, check=True).stdout
    claimed, expected = (line.partition(" ")[2] for line in shown.splitlines())
    assert claimed != expected
    json.dumps(verdict.to_dict())


def test_a_claim_that_needs_a_fact_names_it():
    forward, gradient = (
        "-sum(T*log(exp(Z)/sum(exp(Z),axis=1,keepdims=True)))",
        "exp(Z)/sum(exp(Z),axis=1,keepdims=True)-T",
    )
    verdict = derive.claim(forward, "Z", gradient, {"Z": "n k", "T": "n k"})
    assert verdict.status == "refuted"
    assert "it holds if T is stochastic" in verdict.reason
    given = verdict.counterexample.inputs["T"]
    assert (given.sum(axis=1) != 1).any()
    assert derive.claim(forward, "Z", gradient, {"Z": "n k", "T": "n k"}, assume={"T": "stochastic"}).status == "proved"
    assert derive.claim(forward, "Z", gradient, {"Z": "n k", "T": "n k : onehot"}).status == "proved"


def test_a_symmetric_matrix_is_asked_for():
    verdict = claim("x@A@x", "x", "2*A@x")
    assert verdict.status == "refuted"
    assert "it holds if A is symmetric" in verdict.reason
    given = verdict.counterexample.inputs["A"]
    assert (given != given.T).any()
    assert derive.claim("x@A@x", "x", "2*A@x", {"x": "n", "A": "n n"}, assume={"A": "symmetric"}).status == "proved"
    assert claim("x@A@x", "x", "2*A@x", A="n n : symmetric").status == "proved"


def test_a_claim_may_speak_of_what_the_formula_does_not():
    """The wrong matrix is written; that it comes in with a factor 0 does no harm."""
    shapes = {"X": "n d", "W": "d m", "G": "n m", "Y": "n d", "K": "d d : spd"}
    wrong = derive.claim("sum(G * (X @ W))", "W", "Y.T @ G", shapes)
    assert wrong.status == "refuted"
    assert wrong.reason.endswith("it is X.T @ G")
    assert set(wrong.counterexample.inputs) == {"X", "W", "G", "Y"}
    assert derive.claim("sum(G * (X @ W))", "W", "K @ X.T @ G", shapes).status == "refuted"
    assert derive.claim("sum(G * (X @ W))", "W", "X.T @ (G + Y @ W - Y @ W)", shapes).status == "proved"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("X @ w", "X", "X", {"X": "n d", "w": "d"}), "a scalar was wanted"),
        (("sum(X)", "Q", "X", {"X": "n d"}), "'Q'"),
        (("sum(X)", "w", "w", {"X": "n d", "w": "d"}), "'w'"),
        (("sum(X)", "X", "Y", {"X": "n d"}), "the name Y"),
        (("sum(X)", "X", "X", {"X": "n d!"}), "n d!"),
        (("sum(X)", "X", "X", {"X": "n d"}, {"Y": "spd"}), "assume 'Y'"),
        (("sum(X)", "X", "X", {"X": "n d"}, {"X": "big"}), "'big'"),
        (("sum(X * m)", "m", "X", {"X": "n d", "m": "n d : bool"}), "bool"),
        (("sum(X", "X", "X", {"X": "n d"}), "no expression"),
        ((3, "X", "X", {"X": "n d"}), "type int"),
        (("sum(X)", "X", "X", {"np": "n d"}), "reserved"),
    ],
)
def test_what_cannot_be_read_is_an_error(arguments, said):
    with pytest.raises(DeriveError, match=said):
        derive.claim(*arguments)
