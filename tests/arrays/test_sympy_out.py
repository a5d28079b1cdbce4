"""Arrays written as SymPy expressions: values against SymPy's own, shapes of every part, texts of every refusal."""

import numpy as np
import pytest
import sympy as sp
from sympy import HadamardPower, HadamardProduct, Lambda, OneMatrix, Trace, exp

from derive.arrays import sympy_matrices, sympy_out
from derive.arrays.build import elementwise
from derive.arrays.named import name
from derive.arrays.shapes import concrete, declare
from derive.arrays.sympy_in import read
from derive.arrays.sympy_out import write
from derive.errors import DeriveError
from derive.rules.proof import is_equal
from derive.rules.simplify import simplify

from .sympy_values import SIZES, numpy_value, values, walked_value

n, d, m, x = sp.symbols("n d m x")
SHAPES = {
    "X": "n d",
    "W": "d m",
    "Y": "n m",
    "T": "n m",
    "G": "n m",
    "Q": "n n",
    "b": "m",
    "w": "m",
    "v": "n",
    "u": "d",
    "s": "",
    "t": "",
    "B": "1 m",
    "C": "n 1",
    "P": "1 1",
}  # fmt: skip
NAMED = {label: name(label, declare(text).shape) for label, text in SHAPES.items()}
X, W, Y, T, G, Q, b, w, v, u, s, t, B, C, P = NAMED.values()
SIZE_N, SIZE_D = X.shape
SYMBOLS = {label: sp.MatrixSymbol(label, *([1] * (2 - array.ndim) + [sp.sympify(str(size)) for size in array.shape]))
           if array.shape else sp.Symbol(label) for label, array in NAMED.items()}  # fmt: skip
COLUMNS = {**SYMBOLS, **{label: sp.MatrixSymbol(label, sp.Symbol(SHAPES[label]), 1) for label in "bwvu"}}


def sigmoid(array):
    return elementwise("sigmoid", array)


EXPRESSIONS = [
    X.T @ G, G @ W.T, G.sum(axis=0), G.sum(axis=1), X @ W + b, Q @ Q @ Q.T @ X, (X @ W).T, Q.T @ (Q + Q.T) @ Q,
    G * Y * (1 - Y), (Y - T) / 3, (Y - T) / SIZE_N, -Y, Y / T, Y / s, s / Y, 1 / Y, b / v.sum(), Y - T - G, s * Y - 2,
    3 - s, sigmoid(Y), np.exp(Y) + 1, np.tanh(b) * v[:, None], np.sqrt(np.abs(Y) + 1),
    np.sign(Y - T) * np.sin(Y) * np.cos(T), np.log(Y), Y**3, Y**-2, (Y - 1) ** 2 + Y**0.5, s**3 / (1 + t),
    sigmoid(s) * np.exp(s), np.maximum(Y, T), np.maximum(Y - 1, 0), np.minimum(Y, s), np.where(Y > T, G, 0),
    np.where(b >= 1, b, w), (Y < 1) * G, ~(Y > T) * Y, np.sum((Y - T) ** 2) / 2, np.sum(Y * T), np.sum(Y), np.sum(b),
    np.sum(b * w), np.sum(b**2), b @ w, np.sum(s * Y), np.sum(3 * Y * T), np.trace(Q), np.trace(2 * Q @ Q),
    np.sum(np.exp(Y)), np.sum(v[:, None] * Y), np.sum(P), np.sum(B), s * np.sum(b) * b, W @ b, v @ X, b * w,
    np.outer(v, w), b + 1, b - w * s, b[None, :], b[:, None], v[:, None] @ b[None, :], v[:, None] * Y,
    np.ones_like(Y), 0 * Y, np.ones_like(Y) * s, np.ones_like(b), b[None, :] @ W.T, Y * np.outer(v, w),
    Y - v[:, None], Y - Y.mean(axis=0), Y - Y.mean(axis=1, keepdims=True),
    np.exp(Y) / np.exp(Y).sum(axis=1, keepdims=True), C + Y, B + Y, C * B, P + Y, P * s, B.sum(axis=0), C.sum(axis=1),
    B.sum(axis=1), Y.sum(axis=0, keepdims=True), B.reshape(Y.shape[1]), C.T, P.reshape(()), X[1:], X[:, :1], b[1:],
    b[1:][None, :], X.mean(), np.pi * Y, 0.25 * Y, Y @ Y.T @ v, np.exp(b)[:, None] * W.T, np.einsum("ii->i", Q),
    np.einsum("ii->i", Q) * v, np.einsum("ij,j->ij", Y, b), np.einsum("ij,i->ij", Y, v), np.einsum("ij,ij->j", Y, T),
    np.einsum("ij,ij->i", Y, T), np.einsum("ij,ij->", Y, T), np.einsum("ij,ij,ij->j", Y, T, G),
    np.einsum("ij,i,j->", Y, v, w), np.einsum("ij,jk,ik->", X, W, Y), np.einsum("ij,jk,j->ik", X, W, u),
    np.einsum("ij,kj->ki", Y, T), np.einsum("i,j,ij->ij", v, w, Y), np.einsum("i,i,j->ij", v, v, w),
    np.einsum("ii,i->", Q, v), np.einsum("ij,ji->", Q, Q), np.einsum(",ij->ji", s, Y), np.einsum("ij,jj->i", Q, Q),
    np.einsum("ij->", Y), np.einsum("ij,k->jk", Y, u), np.einsum("i,ij,jk,k->i", v, X, W, b),
    np.einsum("ij,ik,jk->", X, Y, W), np.einsum("ij,ij,jk->ik", X, X, W),
    np.linalg.inv(Q), np.linalg.inv(Q.T).T @ X, np.linalg.inv(X @ X.T), np.linalg.det(Q), 2 * np.linalg.det(X @ X.T) ** 2, np.linalg.slogdet(Q)[1],
    np.linalg.solve(Q, X), np.linalg.solve(Q, v), np.linalg.solve(Q.T, v[:, None]).T, (v @ np.linalg.inv(Q)) @ v, np.linalg.solve(Q, X).T @ Q,
    np.linalg.norm(X), np.linalg.norm(b), X / np.linalg.norm(X), np.linalg.norm(Y, axis=0),
]  # fmt: skip


def agree(array, symbols=SYMBOLS, shape=None):
    """The SymPy expression, its value found node by node, and the array read back from it: all the same."""
    written = write(array, symbols, shape)
    for sizes in SIZES:
        arrays = values(NAMED, sizes)
        got = walked_value(written, sizes, arrays)
        wanted = np.asarray(numpy_value(array, sizes, arrays))
        if shape is None:
            rows = (1,) * (2 - array.ndim) if array.shape else ()
            assert np.shape(got) == rows + concrete(array.shape, sizes)
        np.testing.assert_allclose(np.reshape(got, wanted.shape), wanted, rtol=1e-9, atol=1e-12)
    held = written.atoms(sp.MatrixSymbol, sp.Symbol)
    kept = [label for label in array.names() if symbols[label] in held]
    if set(map(str, array.shape)) <= {size for label in kept for size in (*SHAPES[label].split(), "1", "n - 1")}:
        _, back = read(written, [symbols[label] for label in kept], {label: SHAPES[label] for label in kept})
        assert is_equal(back.reshape(array.shape), array), f"{back} was read back from {written}"
    return written


@pytest.mark.parametrize("array", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("symbols", [SYMBOLS, COLUMNS], ids=["rows", "columns"])
@pytest.mark.parametrize("form", [lambda array: array, simplify], ids=["plain", "simplified"])
def test_what_is_written_has_the_same_value_and_reads_back_the_same(array, symbols, form):
    agree(form(array), symbols)


@pytest.mark.parametrize("array", EXPRESSIONS, ids=str)
def test_names_without_symbols_get_some(array):
    made = write(array)
    assert made == write(array, SYMBOLS)


def test_gradients_are_what_one_would_type():
    x_, w_, g_, y_, t_ = (SYMBOLS[label] for label in ("X", "W", "G", "Y", "T"))
    assert write(X.T @ G) == x_.T * g_
    assert write(G @ W.T) == g_ * w_.T
    assert write(G.sum(axis=0)) == OneMatrix(1, n) * g_
    assert write(Y - T) == y_ - t_
    assert write((Y - T) / 2) == (y_ - t_) / 2
    assert write((Y - T) / SIZE_N) == (y_ - t_) / n
    assert write(simplify(G * Y * (1 - Y))) == HadamardProduct(g_, y_, OneMatrix(n, m) - y_)
    assert write(sigmoid(Y)) == y_.applyfunc(Lambda(x, 1 / (1 + exp(-x))))
    assert write(np.sum((Y - T) ** 2) / 2) == Trace((y_ - t_).T * (y_ - t_)) / 2
    assert write(1 / Y**2) == HadamardPower(HadamardPower(y_, 2), -1)
    assert write(X @ W + b) == x_ * w_ + OneMatrix(n, 1) * SYMBOLS["b"]


def test_the_result_has_the_shape_of_the_users_symbol():
    column = sp.MatrixSymbol("b", m, 1)
    assert write(G.sum(axis=0), shape=(1, m)).shape == (1, m)
    assert write(G.sum(axis=0), shape=column.shape) == SYMBOLS["G"].T * OneMatrix(n, 1)
    assert write(b * w, {"b": column}, column.shape).shape == (m, 1)
    assert write(b, {"b": column}, (m, 1)) == column
    assert write(np.sum(Y), shape=(1, 1)).shape == (1, 1)
    assert write(np.sum(Y), shape=()) == write(np.sum(Y))
    assert write(X.T @ G, shape=W.shape).shape == (d, m)
    for array in (G.sum(axis=0), b * w, W.T @ u, np.einsum("ij,i->j", Y, v)):
        agree(array, COLUMNS, (m, 1))
        agree(array, SYMBOLS, (m, 1))


def test_sizes_are_the_users_own_symbols_and_expressions():
    h, k = sp.symbols("h k", integer=True, positive=True)
    wide = sp.MatrixSymbol("S", (h + 1) * (k + 1), 4 * k)
    arrays, array = read(wide.applyfunc(exp), [wide])
    assert write(array, {"S": wide}).shape == wide.shape
    assert write(arrays["S"].sum(axis=1), {"S": wide}, (wide.shape[0], 1)).shape == (wide.shape[0], 1)
    assert write(array.T @ array / arrays["S"].shape[1], {"S": wide}).atoms(sp.Symbol) <= {h, k, sp.Symbol("x")}


def test_a_scalar_that_stands_for_a_1x1_symbol():
    p = sp.MatrixSymbol("s", 1, 1)
    assert write(s * Y, {"s": p}) == p[0, 0] * SYMBOLS["Y"]
    assert write(s, {"s": p}, (1, 1)) == p


# ---- lies


def test_a_writer_that_drops_transposes_is_caught_by_value(monkeypatch):
    array = Q @ Q.T + Q
    agree(array)
    monkeypatch.setattr(sympy_out, "flip", lambda matrix: matrix)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        agree(array)


def test_a_writer_that_forgets_to_copy_is_caught(monkeypatch):
    monkeypatch.setattr(sympy_out._Writer, "_copies", lambda self, array, column: self.matrix(*array.operands))
    with pytest.raises((AssertionError, DeriveError, ValueError, sp.ShapeError)):
        agree(X @ W + b)


def test_a_contraction_with_swapped_factors_is_caught(monkeypatch):
    right = sympy_matrices.matmul
    monkeypatch.setattr(sympy_matrices, "matmul", lambda *factors: right(*factors[::-1]))
    with pytest.raises(AssertionError):
        agree(np.einsum("ij,jk->ik", Q, Q.T * Q))


# ---- refusals

LACKS = "which has no form in SymPy matrices; ranks 0 to 2, products, sums, maps, traces, inverses and transposes were wanted"
TRY = "\n  try str() for NumPy code or _repr_latex_() for LaTeX; both write every expression"


@pytest.mark.parametrize(("array", "came"), [
    (Y[:, :, None] * b, "Y[:, :, None] * b has rank 3"),
    (np.sum(Y[:, :, None] * b, axis=(0, 1)), "Y[:, :, None] * b has rank 3"),
    (Y.reshape(SIZE_N * Y.shape[1]), "is made by reshape"),
    (np.pad(Y, 1), "np.pad(Y, ((1, 1), (1, 1))) is made by pad"),
    (np.sum(np.pad(b, 1)), "np.pad(b, ((1, 1),)) is made by pad"),
    (Y[::-1], "Y[::-1] is made by slice"),
    (np.einsum("ij,ik,il->jkl", X, Y, T), "has rank 3"),
    (np.einsum("ai,aj,ak,ij,jk->ik", Q, Q, Q, Q, Q), "is made by einsum"),
], ids=str)  # fmt: skip
def test_what_has_no_matrix_form_is_said_to_have_none(array, came):
    with pytest.raises(DeriveError) as caught:
        write(array)
    message = str(caught.value)
    assert f"{came}, {LACKS}" in message
    assert "(test_sympy_out.py:" in message
    assert message.endswith(TRY)


def test_a_shape_that_does_not_fit_is_refused():
    with pytest.raises(DeriveError) as caught:
        write(X.T @ G, shape=(m, d))
    message = str(caught.value)
    assert message.startswith("the SymPy shape (m, d) for X.T @ G, which is (d, m); the same sizes were wanted")
    assert message.endswith("try shape=(d, m)")


def test_a_quotient_rounded_down_is_a_floor():
    A = name("A", declare("h//2*k n").shape)
    h, k = sp.symbols("h k")
    assert write(2 * A).shape == (sp.floor(h / 2) * k, n)
