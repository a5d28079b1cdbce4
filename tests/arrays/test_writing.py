"""What expressions look like: NumPy text that means what the tree means, and LaTeX."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

from derive.arrays.array import apply
from derive.arrays.build import elementwise
from derive.arrays.latex import math_text, sides
from derive.arrays.latex_names import Notation, math_size
from derive.arrays.operations import Broadcast, Constant
from derive.arrays.writing import numpy_text

from .cases import CASES
from .latex import Reader
from .strategies import expressions
from .values import EPS, N, S, entry_values, node_values, sizes_for, text_value, values_for, work

X, W, V, b, c, G, q = N("X", "n d"), N("W", "d m"), N("V", "n d"), N("b", "m"), N("c", "n"), N("dY", "n m"), N("q", "")
K, Q, F, T = N("K", "n n"), N("Q", "b h d n"), N("F", "4 6"), N("T", "b n n")


def assert_agree(got, want, nodes, rounding):
    """Equal up to the rounding of intermediate results."""
    assert got.shape == want.shape
    scale = max([1.0, *[float(np.max(np.abs(v), initial=0)) for v in nodes.values()]])
    np.testing.assert_allclose(got, want, rtol=0, atol=EPS * rounding * scale**3)


@given(expressions())
@settings(max_examples=300, deadline=None)
def test_text_evaluates_to_what_the_tree_does(array):
    for seed, sizes in enumerate(sizes_for(array)):
        arrays = values_for([array], sizes, seed)
        nodes = node_values(array, sizes, arrays)
        assert_agree(text_value(array, sizes, arrays), nodes[array], nodes, work(array, sizes))


@given(expressions(depth=3))
@settings(max_examples=60, deadline=None)
def test_text_evaluates_to_the_meaning(array):
    sizes = next(iter(sizes_for(array)))
    arrays = values_for([array], sizes)
    nodes = node_values(array, sizes, arrays)
    assert_agree(text_value(array, sizes, arrays), entry_values(array, sizes, arrays), nodes, work(array, sizes))


def brackets_balanced(latex):
    """True if \\left and \\right, and braces, are nested as they should be."""
    stack = []
    text = latex.replace(r"\{", "").replace(r"\}", "").replace(r"\left(", "⟨").replace(r"\right)", "⟩")
    text = text.replace(r"\left[", "«").replace(r"\right]", "»").replace(r"\lvert", "‹").replace(r"\rvert", "›")
    for mark in text:
        if mark in "⟨«‹{([":
            stack.append(mark)
        elif mark in "⟩»›})]" and (not stack or stack.pop() != "⟨«‹{(["["⟩»›})]".index(mark)]):
            return False
    return not stack


@given(expressions())
@settings(max_examples=200, deadline=None)
def test_latex_brackets_are_balanced(array):
    assert brackets_balanced(math_text(array))


@pytest.mark.parametrize("array", CASES.values(), ids=CASES)
def test_every_operation_writes_latex(array):
    text = math_text(array)
    assert text
    assert brackets_balanced(text)
    assert array._repr_latex_() == rf"$\displaystyle {text}$"


@given(expressions())
@settings(max_examples=200, deadline=None, derandomize=True)
def test_latex_read_back_has_the_value_of_the_tree(array):
    for seed, sizes in enumerate(sizes_for(array)):
        arrays = values_for([array], sizes, seed)
        nodes = node_values(array, sizes, arrays)
        reader = Reader(sizes, arrays | {"result": nodes[array]}, Notation())
        assert_agree(reader.line(*sides("result", array)), nodes[array], nodes, work(array, sizes))


@given(expressions())
@settings(max_examples=200, deadline=None)
def test_latex_never_puts_a_sign_behind_another(array):
    words = math_text(array).replace(r"\,", "").replace("{", "").replace(" ", "")
    assert not any(pair in words for pair in ("+-", "--", r"\odot-", r"\oslash-", r"\top-"))


NUMPY = {
    "X @ W + b": X @ W + b,
    "dY @ W.T": G @ W.T,
    "X.T @ dY": X.T @ G,
    "dY.sum(axis=0)": G.sum(axis=0),
    "dY.sum(axis=0, keepdims=True)": G.sum(axis=0, keepdims=True),
    "X.sum(axis=1) / (1 + c)": X.sum(axis=1) / (1 + c), "X.sum(axis=0) / d": X.sum(axis=0) / S("d"), "np.mean(X)": X.mean(),
    "F.mean(axis=1)": Fraction(1, 6) * F.sum(axis=1), "F.sum(axis=1) / 4": F.sum(axis=1) / 4,
    "X - X.mean(axis=1, keepdims=True)": X - X.mean(axis=1, keepdims=True),
    "1 / (1 + np.exp(-X))": 1 / (1 + np.exp(-X)),
    "(X - 1) * (2 - V) / 3": (X - 1) * (2 - V) / 3,
    "X ** 2": X**2,
    "(-X) ** 2": (-X) ** 2,
    "-X ** 2": -(X**2),
    "X ** (-1)": X**-1,
    "X ** 1.5": X**1.5,
    "X ** (1 / 3)": X ** Fraction(1, 3),
    "np.where(X > 0, X, 0)": np.where(X > 0, X, 0),
    "np.einsum(\"ij,jk->ik\", X, W)": np.einsum("ij,jk->ik", X, W),
    "np.outer(b, c)": np.outer(b, c),
    "np.trace(K)": np.trace(K),
    "b @ b": b @ b,
    "X @ W @ b": X @ W @ b,
    "K @ (X @ W)": K @ (X @ W),
    "K @ T": K @ T, "T @ X": T @ X, "T @ K.T @ X": T @ K.T @ X, "Q @ T[:, None, :, :]": Q @ T[:, None],
    "np.broadcast_to(K, (b, n, n)) @ X": np.broadcast_to(K, T.shape) @ np.broadcast_to(X, (T.shape[0], *X.shape)),
    "(X + V) @ W": (X + V) @ W,
    "c[:, None]": c[:, None],
    "b[None, :]": b[None, :],
    "b + c[:, None]": b + c[:, None],
    "b[None, :] + b": b[None, :] + b[None, :],
    "X[1:, :-1]": X[1:, :-1],
    "X[::-1]": X[::-1],
    "X.reshape(d*n)": X.reshape(-1),
    "np.reshape(q, (1,))": q.reshape(1),
    "np.pad(X, ((1, 0), (0, 2)))": np.pad(X, ((1, 0), (0, 2))),
    "np.sum(X * X) / 2": np.sum(X * X) / 2,
    "X - (V - X)": X - (V - X),
    "X / (X * V)": X / (X * V),
    "X * (V / X)": X * (V / X),
    "-(X + V)": -(X + V),
    "(X > 0) > X": (X > 0) > X,
    "~(X > 0)": ~(X > 0),
    "Q.transpose(0, 2, 1, 3)": Q.transpose(0, 2, 1, 3),
    "Q.T": Q.T,
    "2 * np.pi * X": 2 * np.pi * X,
    "X / (n + 1)": X / S("n+1"),
    "np.full((n, d), 3)": apply(Constant(Fraction(3), X.shape)),
    "np.broadcast_to(b, (n, m))": apply(Broadcast(G.shape, (1,)), b),
}  # fmt: skip


@pytest.mark.parametrize("text", NUMPY)
def test_numpy_text(text):
    assert str(NUMPY[text]) == text


LATEX = {
    r"X \, W + \mathbf{1} \, b": X @ W + b,
    r"\mathrm{d}Y \, W^{\top}": G @ W.T,
    r"X^{\top} \, \mathrm{d}Y": X.T @ G,
    r"\mathbf{1}^{\top} \, \mathrm{d}Y": G.sum(axis=0),
    r"X \, \mathbf{1}": X.sum(axis=1),
    r"\operatorname{rowsum}(X)": apply(Broadcast(X.shape, (0,)), X.sum(axis=1)),
    r"X - \operatorname{rowmean}(X)": X - X.mean(axis=1, keepdims=True),
    r"X - \operatorname{colmean}(X)": X - X.mean(axis=0, keepdims=True),
    r"X \oslash \sqrt{\operatorname{rowmean}(X^{\odot 2}) + 10^{-5}}": X / np.sqrt((X**2).mean(axis=1, keepdims=True) + 1e-5),
    r"Q \, Q^{\top}": Q @ Q.swapaxes(2, 3),
    r"\left[Q_{b,h,i,n}\right]_{b,i,h,n}": Q.transpose(0, 2, 1, 3),
    r"b^{\top} \, W^{\top} \, c": W @ b @ N("c", "d"),
    r"K \, c": K @ c, r"K^{\top} \, c": c @ K, r"c^{\top} \, c": c @ c, r"c \, b^{\top}": np.outer(c, b),
    r"\begin{cases} X & \text{if } X > 0 \\ 0 & \text{otherwise} \end{cases}": np.where(X > 0, X, 0),
    r"\tanh(X \, W)": np.tanh(X @ W),
    r"X^{\odot 2}": X**2,
    r"q^{2}": q**2,
    r"X \odot V": X * V,
    r"X \oslash V": X / V,
    r"q \, X": q * X,
    r"2 X": 2 * X,
    r"X / 2": X / 2,
    r"X / d": X / S("d"),
    r"-X \odot V": -(X * V),
    r"X \, \left(-W\right)": X @ (-W),
    r"X \odot \left(-V\right)": X * (-V),
    r"X - \left(-V\right)": X - (-V),
    r"\left(X + V\right) \, W": (X + V) @ W,
    r"\left(X + V\right)^{\top}": (X + V).T,
    r"\operatorname{tr}(K)": np.trace(K),
    r"\operatorname{tr}(K^{\top} \, K)": np.trace(K.T @ K),
    r"c \, \mathbf{1}^{\top}": apply(Broadcast((S("n"), S("d")), (0,)), c),
    r"\sqrt{X}": np.sqrt(X),
    r"\lvert X \rvert": np.abs(X),
    r"\sigma(X)": elementwise("sigmoid", X),
    r"\max(X, 0)": np.maximum(X, 0),
    r"\mathbf{1}_{n \times d}": apply(Constant(Fraction(1), X.shape)),
    r"\mathbf{0}_{n \times d}": apply(Constant(Fraction(0), X.shape)),
    r"\pi": apply(Constant("pi")),
    r"\tfrac{1}{3}": apply(Constant(Fraction(1, 3))),
    r"\lnot \left[X > 0\right]": ~(X > 0),
    r"W_{1}": N("W1", "d m"),
    r"\mathrm{d}W_{1}": N("dW1", "d m"),
    r"\epsilon": N("eps", ""),
    r"\gamma": N("gamma", "d"),
    r"\mathit{mask}": N("mask", "n"), r"\mathit{data}": N("data", "n"), r"\mathit{running\_mean}": N("running_mean", "n"),
    r"w_{\mathit{ih}}": N("w_ih", "n d"), r"\overline{\mathrm{d}W_{2}}": N("dW2_bar", "n d"),
    r"\mathrm{d}b": N("db", "m"),
    r"0.01 X": 0.01 * X, r"10^{-5} X": 1e-5 * X, r"2.5 \cdot 10^{-3} X": 0.0025 * X,
}  # fmt: skip


@pytest.mark.parametrize("text", LATEX)
def test_latex_text(text):
    assert math_text(LATEX[text]) == text


def test_parts_with_a_name_are_written_by_name():
    Z = X @ W
    assert numpy_text(np.tanh(Z + b), {Z: "Z"}) == "np.tanh(Z + b)"
    assert math_text(np.tanh(Z + b), Notation(names={Z: "Z"})) == r"\tanh(Z + \mathbf{1} \, b)"


def test_a_line_without_a_matrix_notation_is_written_entry_by_entry():
    weights, images = N("weight", "o c k"), N("X", "n c k")
    assert sides("Y", np.einsum("ock,nck->no", weights, images)) == (r"Y_{n,o}", r"\sum_{c,k} \mathit{weight}_{o,c,k} \, X_{n,c,k}")
    assert sides("Y", Q.sum(axis=(0, 2))) == ("Y_{h,n}", r"\sum_{b,i} Q_{b,h,i,n}")
    assert sides("Y", X @ W) == ("Y", r"X \, W")


def test_no_index_goes_by_the_name_of_a_size_that_is_written():
    left, right = sides("E", X.sum() / S("n"))
    assert left == "E"
    assert right == r"\frac{\sum_{i,j} X_{i,j}}{n}"


def test_how_far_an_index_runs_is_said_where_no_axis_says_it():
    assert sides("Y", F[::2, ::2].sum())[1] == r"\sum_{i<2,j<3} F_{2 i,2 j}"


def test_the_name_of_an_adjoint_is_told_from_other_names():
    assert math_text(N("doutput", "n")) == r"\mathit{doutput}"
    assert math_text(N("doutput", "n"), Notation(frozenset({"doutput"}))) == r"\mathrm{d}\mathit{output}"


def test_a_negated_quotient_binds_no_tighter_than_a_quotient():
    x, y = N("x", "n"), N("y", "n")
    assert str(x @ (-(1 / y))) == "x @ (-1 / y)"
    assert str(x @ -y) == "x @ -y"


@pytest.mark.parametrize(
    ("size", "latex"),
    [
        ("2*(h//2) + 1", r"2 \, \lfloor \tfrac{h}{2} \rfloor + 1"),
        ("(h - k)//s - n*m", r"-m \, n + \lfloor \tfrac{h - k}{s} \rfloor"),
        ("(h//2)//s", r"\lfloor \tfrac{\lfloor \tfrac{h}{2} \rfloor}{s} \rfloor"),
    ],
)
def test_a_size_in_latex(size, latex):
    assert math_size(S(size)) == latex
