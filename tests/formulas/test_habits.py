"""What a stranger types: it is read as it is meant, or answered with what came, what was wanted, where, and what to try."""

import pytest

import derive
from derive.errors import DeriveError

SHAPES = {
    "X": "n d",
    "W": "d m",
    "A": "n n",
    "x": "n",
    "y": "n",
    "w": "d",
    "t": "n : int[0,d)",
    "M": "n d : bool",
    "eps": " : positive",
}

READ = [
    "x @ y", "x.T @ y", "x.dot(y)", "np.dot(x, y)", "sum(x * y)", "np.sum(x * y)", "(x * y).sum()", "einsum('i,i->', x, y)",
    "einsum('i,i', x, y)", "trace(outer(x, y))", "sum(X[:, 0])", "sum(X[0])", "sum(X[-1, :])", "X[0, 0]", "sum(X[:, 1:])", "sum(X[::-1])",
    "sum(X[..., 0])", "sum(x[:, None] * X)", "sum(X, axis=(0, 1))", "sum(sum(X, axis=-1))", "sum(X.sum(axis=1, keepdims=True))",
    "mean(X)", "X.mean()", "max(x)", "x.min()", "var(x)", "std(x)", "norm(x)", "np.linalg.norm(X)", "sum(diag(A))", "sum(diag(x) @ X)",
    "sum(eye(n) * A)", "sum(ones(n) * x)", "sum(ones((n, d)) * X)", "sum(zeros(n) + x)", "sum(X.reshape(n * d))", "sum(X.reshape(-1))",
    "sum(X.reshape((d, n)))", "sum(reshape(X, (d, n)))", "sum(transpose(X) @ x)", "sum(where(X > 0, X, 0))", "sum(where(M, X, 0))", "sum(M * X)",
    "sum(step(x))", "sum(relu(X))", "sum(np.maximum(x, 0))", "sum(gelu(X))", "sum(gelu(X, approximate='tanh'))", "sum(leaky_relu(x, negative_slope=0.2))",
    "sum(softmax(X, axis=0) * X)", "sum(log_softmax(X)[arange(n), t])", "sum(log(X ** 2 + eps))", "n * sum(x) / d", "sum(x) / (2 * n)",
    "sum(exp(-x ** 2 / 2)) / sqrt(2 * pi)", "sum(x / norm(x))", "logdet(A)", "log(det(A))", "x @ inv(A) @ y", "x @ solve(A, y)", "-x @ y + 1e-3",
    "-n / 2 * logdet(A)", "sum(x) / -n", "max(0)",
]  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_what_is_meant_is_read(text):
    from derive.formulas.claimed import Statement, _declarations

    assert Statement(_declarations(SHAPES, {}), {"E": text}, "here").defined["E"].shape == ()


ANSWERED = [  # what is typed, what the answer names, and what it says to try
    ("x^2", "x ^ 2", "x ** 2"), ("X'", "no expression", "X.T"), ("||x||", "no expression", "norm(x)"), ("|x|", "no expression", "abs(x)"),
    ("Xᵀ X", "'ᵀ'", "X.T"), ("x · y", "'·'", "@"), ("σ(x)", "'σ'", "sigmoid(x)"), ("x²", "'²'", "x ** 2"), ("−x", "'−'", "-"), ("‖x‖", "'‖'", "norm(x)"),
    ("sum(x", "no expression", "closing 1"), ("sum((x", "no expression", "closing 2"), ("X W", "no expression", "@"), ("2x", "no expression", "*"),
    ("E = x @ y", "no expression", "right-hand side"), ("\\sum_i x_i", "no expression", "NumPy-style"), ("$x$", "no expression", "without $"),
    ("sigmod(x)", "sigmod", "sigmoid"), ("softmaks(X)", "softmaks", "softmax"), ("tr(A)", "tr(A)", "trace"), ("ln(x)", "ln(x)", "log"),
    ("inverse(A)", "inverse", "inv"), ("x.shape", "x.shape", "n"), ("A.I", "A.I", "inv(X)"), ("x.sum", "x.sum", ".sum()"), ("exp", "exp", "exp(...)"),
    ("x if n else y", "x if n else y", "where"), ("x and y", "x and y", "*"), ("[a for a in x]", "for a in x", "einsum"), ("lambda: x", "lambda", "itself"),
    ("Q @ x", "the name Q", 'Q: "n d"'), ("Xx", "the name Xx", "X"), ("I @ x", "the name I", "eye(n)"), ("sum(X, dim=1)", "dim=1", "axis="),
    ("sum(X, axis=2)", "axis 2", "-1"), ("X @ x", "X is (n, d) but x is (n,)", "d"), ("X + x", "X is (n, d) but x is (n,)", "x[:, None]"),
    ("inv(X)", "X is (n, d)", "X.T @ X"), ("x[n]", "index n", "-1"), ("where(x, 1, 0)", "x is float", "X > 0"), ("softmax(X, dims=1)", "dims", "dim"),
    ("e ** x", "the name e", "exp(1)"), ("x // 2", "x // 2", "/"), ("x & y", "x & y", "*"), ("norm(x, 3)", "ord 3", "np.max"),
    ("max(0, x @ y)", "max of 2 arrays", "maximum(a, b)"), ("sum(min(x, y))", "min of 2 arrays", "minimum(a, b)"),
    ("sigmoid(x, y)", "sigmoid(x, y)", "takes 1 argument but 2 were given"), ("relu(x, y)", "relu(x, y)", "relu() takes 1"),
    ("sum(eye(-1))", "the size -1", "at least 0"), ("sum(ones(-n))", "the size -n", "at least 0"), ("eye()", "eye()", "eye() missing"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "names", "hint"), ANSWERED, ids=[row[0] for row in ANSWERED])
def test_what_is_not_read_is_answered(text, names, hint):
    with pytest.raises(DeriveError) as caught:
        derive.claim(text, "x", "x", SHAPES)
    error = caught.value
    assert names in error.got
    assert error.wanted
    assert error.where
    assert hint in f"{error.hint} {error.wanted}"
