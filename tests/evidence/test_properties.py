"""Right layers are accepted, with no false alarm over several seeds; planted lies are caught, each by its property."""

import importlib
from types import SimpleNamespace

import numpy as np
import pytest

from derive.arrays.shapes import declare
from derive.errors import DeriveError
from derive.evidence.cases import Signature
from derive.evidence.properties import properties


def signature(*outputs, **inputs):
    declared = {name: declare(text) for name, text in inputs.items()}
    return Signature(declared, tuple(declare(text).shape for text in outputs))


def dense_forward(X, W, b):
    return X @ W + b, (X, W)


def dense_backward(G, cache):
    X, W = cache
    return {"X": G @ W.T, "W": X.T @ G, "b": G.sum(axis=0)}


def sigmoid_forward(X):
    S = 1 / (1 + np.exp(-X))
    return S, S


def loss_forward(X, T):
    return ((X - T) ** 2).mean(), X - T


def loss_backward(G, R):
    D = 2 * G * R / R.size
    return {"X": D, "T": -D}


def pair_forward(x, s):
    return (s * x, x.sum() * s), (x, s)


def pair_backward(G, cache):
    x, s = cache
    return {"x": s * G[0] + s * G[1], "s": (G[0] * x).sum() + G[1] * x.sum()}


def take_forward(X, i):
    return X[np.arange(len(i)), i], (X.shape, i)


def take_backward(G, cache):
    shape, i = cache
    dX = np.zeros(shape, G.dtype)
    dX[np.arange(len(i)), i] = G
    return {"X": dX}


DENSE = signature("n m", X="n d", W="d m", b="m")
RIGHT = {
    "dense": (dense_forward, dense_backward, DENSE, ()),
    "sigmoid": (sigmoid_forward, lambda G, S: {"X": G * S * (1 - S)}, signature("n d", X="n d"), ()),
    "squared error": (
        lambda X, T: (((X - T) ** 2).sum(), X - T),
        lambda G, R: {"X": 2 * G * R, "T": -2 * G * R},
        signature("", X="n d", T="n d"),
        (),
    ),
    "relu": (lambda X: (np.maximum(X, 0), X > 0), lambda G, M: {"X": G * M}, signature("n d", X="n d"), ()),
    "mean loss": (loss_forward, loss_backward, signature("", X="n d", T="n d"), ("n", "d")),
    "scalar": (lambda x: (x**3, x), lambda G, x: {"x": 3 * G * x**2}, signature("", x=""), ()),
    "two outputs": (pair_forward, pair_backward, signature("n", "", x="n", s=""), ()),
    "inverse": (
        lambda A: ((B := np.linalg.inv(A)), B),
        lambda G, B: {"A": -B.T @ G @ B.T},
        signature("d d", A="d d"),
        (),
    ),
    "take": (take_forward, take_backward, signature("n", X="n d", i="n : int[0,d)"), ()),
}


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", range(4))
def test_right_code_is_accepted(name, seed):
    forward, backward, declared, positive = RIGHT[name]
    code = SimpleNamespace(forward=forward, backward=backward)
    outcome = properties(code, declared, seed=seed, positive_sizes=frozenset(positive), examples=40)
    assert outcome.rung.status == "tested", outcome.rung.detail
    assert outcome.counterexample is None
    numbers = outcome.rung.numbers
    assert numbers["examples"] == 40
    assert numbers["seed"] == seed
    assert numbers["worst_error_in_tolerances"] <= 1
    assert (numbers["kinks"] > 0) == (name == "relu")


def altered(**changes):
    """The dense layer with gradients changed by functions of (G, X, W)."""

    def backward(G, cache):
        right = dense_backward(G, cache)
        return {**right, **{name: np.asarray(change(G, *cache, right[name])) for name, change in changes.items()}}

    return SimpleNamespace(forward=dense_forward, backward=backward)


def counting():
    calls = []

    def forward(X, W, b):
        calls.append(1)
        return X @ W + b + (1e-3 if len(calls) % 2 else 0), (X, W)

    return forward


def drops_cache(G, cache):
    gradients = dense_backward(G, cache)
    cache[0][...] = 0
    return gradients


def changes_input(X, W, b):
    if X.flags.writeable:
        X -= 1
    return dense_forward(X, W, b)


def changes_upstream(G, cache):
    if isinstance(G, np.ndarray) and G.flags.writeable:
        G *= 2
    return dense_backward(G, cache)


def fails_on_one(X, W, b):
    if len(X) == 1:
        raise IndexError("no second row")
    return dense_forward(X, W, b)


def as_code(forward=dense_forward, backward=dense_backward):
    return SimpleNamespace(forward=forward, backward=backward)


def missing(G, cache):
    return {name: gradient for name, gradient in dense_backward(G, cache).items() if name != "b"}


LIES = {
    "missing transpose": (altered(X=lambda G, X, W, g: G @ W if len(W) == len(W.T) else g), "gradient of X is wrong"),
    "transpose of the result": (altered(W=lambda G, X, W, g: g.T), "shape"),
    "sign": (altered(W=lambda G, X, W, g: -g), "gradient of W is wrong"),
    "factor 2": (altered(X=lambda G, X, W, g: 2 * g), "gradient of X is wrong"),
    "mean for sum": (altered(b=lambda G, X, W, g: g / max(1, len(G))), "gradient of b is wrong"),
    "missing sum over the batch": (altered(b=lambda G, X, W, g: +G[0] if len(G) else g), "gradient of b is wrong"),
    "the sum is not taken": (altered(b=lambda G, X, W, g: +G), "shape"),
    "wrong only for one row": (altered(W=lambda G, X, W, g: 3 * g if len(G) == 1 else g), "gradient of W is wrong"),
    "relative error 1e-7": (altered(X=lambda G, X, W, g: g * (1 + g.dtype.type(1e-7))), "gradient of X is wrong"),
    "right only for ones upstream": (altered(b=lambda G, X, W, g: np.full_like(g, len(G))), "gradient of b is wrong"),
    "aliases the upstream": (as_code(lambda X: (+X, None), lambda G, _: {"X": G}), "shares memory with upstream"),
    "aliases an input": (as_code(lambda X: (X.T @ X, X), lambda G, X: {"X": X}), "shares memory with X"),
    "output is the input": (as_code(lambda X: (X, None), lambda G, _: {"X": +G}), "output shares memory with X"),
    "float32 for float64": (altered(W=lambda G, X, W, g: g.astype(np.float32)), "dtype float32, not float64"),
    "float64 for float32": (altered(W=lambda G, X, W, g: g.astype(np.float64)), "dtype float64, not float32"),
    "changes an input": (as_code(changes_input), "input X was changed in place"),
    "changes the upstream": (as_code(backward=changes_upstream), "upstream gradient was changed in place"),
    "stateful forward": (as_code(counting()), "second forward"),
    "uses its cache up": (as_code(lambda X, W, b: (X @ W + b, (+X, W)), drops_cache), "second backward with"),
    "gradient missing": (as_code(backward=missing), "gradient of b is missing"),
    "unknown name": (as_code(backward=lambda G, c: {**dense_backward(G, c), "c": +G}), "gradient of c came"),
    "raises": (as_code(fails_on_one), "IndexError: no second row"),
    "no pair": (as_code(lambda X, W, b: X @ W + b), "pair"),
    "memory order": (altered(X=lambda G, X, W, g: g if X.flags.c_contiguous else 2 * g), "(F|strided) arrays"),
    "not finite": (altered(X=lambda G, X, W, g: g * np.inf), "gradient of X is wrong"),
}
ONE_INPUT = {"aliases the upstream": "n d", "output is the input": "n d", "aliases an input": "d d"}


@pytest.mark.parametrize("lie", LIES)
def test_a_planted_lie_is_caught_and_told(lie):
    code, told = LIES[lie]
    declared = signature(ONE_INPUT[lie], X="n d") if lie in ONE_INPUT else DENSE
    outcome = properties(code, declared, seed=0)
    assert outcome.rung.status == "refuted"
    assert pytest.raises(AssertionError, match=told).matches(AssertionError(outcome.rung.detail)), outcome.rung.detail
    assert outcome.counterexample is not None
    if "stateful" not in lie:
        assert max(np.size(value) for value in outcome.counterexample.inputs.values()) <= 4


def test_results_that_alias_each_other_are_caught():
    def backward(G, cache):
        gradient = G * 2
        return {"X": gradient, "T": gradient}

    outcome = properties(as_code(lambda X, T: (2 * X + 2 * T, None), backward), signature("n", X="n", T="n"))
    assert "shares memory with gradients" in outcome.rung.detail


def test_mean_for_sum_in_a_loss_is_caught():
    code = as_code(loss_forward, lambda G, R: {"X": 2 * G * R, "T": -2 * G * R})
    outcome = properties(code, RIGHT["mean loss"][2], positive_sizes=frozenset("nd"))
    assert outcome.rung.status == "refuted"
    assert outcome.counterexample.inputs["X"].size == 2


SOURCE = """
def forward(X, W, b):
    return X @ W + b, (X, W)

def backward(G, cache):
    X, W = cache
    return {"X": G @ W.T, "W": -X.T @ G, "b": G.sum(axis=0)}
"""


def test_the_snippet_runs_as_it_stands(capsys):
    space = {}
    exec(SOURCE, space)
    outcome = properties(as_code(space["forward"], space["backward"]), DENSE, source=SOURCE)
    exec(outcome.counterexample.snippet, {"__name__": "snippet"})
    printed = capsys.readouterr().out
    assert printed.startswith("got [[")
    assert "expected [[" in printed
    assert outcome.counterexample.name == "W"
    assert np.array_equal(np.sign(outcome.counterexample.got), -np.sign(outcome.counterexample.expected))
    assert len(outcome.counterexample.snippet.splitlines()) < len(SOURCE.splitlines()) + 14


@pytest.mark.parametrize(
    "lie", ["aliases the upstream", "memory order", "raises", "float32 for float64", "gradient missing"]
)
def test_every_kind_of_snippet_runs(lie, capsys):
    code, _ = LIES[lie]
    declared = signature("n d", X="n d") if lie in ONE_INPUT else DENSE
    snippet = properties(code, declared).counterexample.snippet
    exec(snippet, {"forward": code.forward, "backward": code.backward})
    assert "got" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_numbers_and_nothing_is_printed(capsys):
    first, second = (properties(as_code(), DENSE, seed=3) for _ in range(2))
    assert first == second
    assert capsys.readouterr() == ("", "")


def test_the_numbers_do_not_depend_on_the_modules_that_are_loaded(tmp_path, monkeypatch):
    before = properties(as_code(), DENSE)
    (tmp_path / "many_constants.py").write_text(f"numbers = [{', '.join(map(str, range(1000, 9000, 7)))}, 2, 3, 5]")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    importlib.import_module("many_constants")
    assert properties(as_code(), DENSE) == before
    assert not (tmp_path / ".hypothesis").exists()


def test_nothing_compared_is_open_not_tested():
    outcome = properties(as_code(lambda X: (np.log(-1 - X * X), X), lambda G, X: {"X": G / X}), signature("n", X="n"))
    assert outcome.rung.status == "open"


def test_wrt_limits_what_must_come_and_unknown_names_are_refused():
    code = as_code(backward=missing)
    assert properties(code, DENSE, wrt=["X", "W"], examples=10).rung.status == "tested"
    with pytest.raises(DeriveError, match="wrt names Z"):
        properties(code, DENSE, wrt=["Z"])


def test_a_glance_sees_what_is_wrong_and_its_number_is_told():
    def rounded(G, cache):  # right to seven digits, wrong where differences are looked at closely
        found = dense_backward(G, cache)
        return {**found, "W": found["W"].astype(np.float32).astype(G.dtype)}

    right = properties(as_code(), DENSE, closely=3).rung
    assert right.status == "tested"
    assert right.numbers["at_a_glance"] > 30
    assert f"{right.numbers['at_a_glance']} at a glance" in right.detail
    assert properties(as_code(backward=rounded), DENSE, closely=3).rung.status == "refuted"
    assert properties(as_code(backward=rounded), DENSE, closely=0).rung.status == "tested"
    wrong = as_code(backward=lambda G, cache: {**dense_backward(G, cache), "X": 1.0001 * G @ cache[1].T})
    assert properties(wrong, DENSE, closely=0).rung.status == "refuted"
