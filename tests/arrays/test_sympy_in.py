"""SymPy expressions read into the language: values against SymPy's own, texts of every refusal."""

import numpy as np
import pytest
import sympy as sp
from sympy import HadamardPower, HadamardProduct, Identity, Lambda, OneMatrix, Trace, ZeroMatrix, exp
from sympy.matrices.expressions.matexpr import MatrixElement

from derive.arrays import sympy_in, sympy_scalars
from derive.arrays.shapes import concrete
from derive.arrays.sympy_in import read
from derive.errors import DeriveError
from derive.rules.simplify import simplify

from .sympy_values import SIZES, numpy_value, sympy_value, values, walked_value

n, d, m, k, x = sp.symbols("n d m k x")
eps, t = sp.Symbol("eps", positive=True), sp.Symbol("t")
X, W, A = sp.MatrixSymbol("X", n, d), sp.MatrixSymbol("W", d, m), sp.MatrixSymbol("A", n, n)
b, c, v = sp.MatrixSymbol("b", 1, m), sp.MatrixSymbol("c", m, 1), sp.MatrixSymbol("v", n, 1)
Y, T, Q = sp.MatrixSymbol("Y", n, k), sp.MatrixSymbol("T", n, k), sp.MatrixSymbol("Q", 1, 1)
V = sp.MatrixSymbol("V", 4 * k, n + 1)
i, j = sp.symbols("i j")

SIGMOID = "sigmoid(X)"


def agree(expression, inputs, shapes=None):
    named, array = read(expression, inputs, shapes)
    for sizes in SIZES:
        arrays = values(named, sizes)
        wanted = sympy_value(expression, sizes, arrays)
        if not expression.has(sp.Sum, sp.Piecewise):
            np.testing.assert_allclose(walked_value(expression, sizes, arrays), wanted, rtol=1e-9)
        for form in (array, simplify(array)):
            got = numpy_value(form, sizes, arrays)
            assert np.shape(got) == np.shape(wanted) == concrete(array.shape, sizes)
            np.testing.assert_allclose(got, wanted, rtol=1e-9)
    return simplify(array)


def text(expression, inputs, shapes=None):
    return str(simplify(read(expression, inputs, shapes)[1]))


LAYERS = {
    "rank 1 row": (X * W + OneMatrix(n, 1) * b, [X, W, b], {"b": "m"}, "X @ W + b"),
    "1 x m row": (X * W + OneMatrix(n, 1) * b, [X, W, b], None, "X @ W + b"),
    "rank 1 column": (X * W + OneMatrix(n, 1) * c.T, [X, W, c], {"c": "m"}, "X @ W + c"),
    "squared error by trace": (Trace((Y - T).T * (Y - T)) / 2, [Y, T], None, "0.5 * np.sum((Y - T) ** 2)"),
    "squared error by ones": (
        (OneMatrix(1, n) * HadamardPower(Y - T, 2) * OneMatrix(k, 1))[0, 0] / 2, [Y, T], None,
        "0.5 * np.sum((Y - T) ** 2)"),
    "squared error, element kept": (
        MatrixElement(OneMatrix(1, n) * HadamardPower(Y - T, 2) * OneMatrix(k, 1), 0, 0) / 2, [Y, T], None,
        "0.5 * np.sum((Y - T) ** 2)"),
    "mean over a size": (Trace((Y - T).T * (Y - T)) / (2 * n * k), [Y, T], None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_read_as_a_person_would_write_them(name):
    expression, inputs, shapes, wanted = LAYERS[name]
    result = agree(expression, inputs, shapes)
    assert wanted is None or str(result) == wanted


NODES = [
    (A**3 * X, [A, X]), (X * X.T * X, [X]), ((X.T * X) ** 2, [X]), (sp.MatPow(A, 0) + A, [A]),
    (Trace(A) * n * X / (n + 1), [A, X]), (2 * t * X - X * 3, [t, X]), (2 * Identity(n) + A, [A]),
    (HadamardProduct(X, X, OneMatrix(n, d)), [X]), (X + ZeroMatrix(n, d), [X]), (2.5 * X - OneMatrix(n, d) / 3, [X]),
    (HadamardPower(X, -1) * W, [X, W]), (HadamardPower(X, sp.Rational(1, 2)), [X]), (HadamardPower(X, t), [X, t]),
    (HadamardPower(A, A.T), [A]), ((X.T + X.T.applyfunc(exp)) * v, [X, v]), (HadamardProduct(A, A.T), [A]),
    (X[0:1, :] * W, [X, W]), (X[:, 1:d], [X]), (V * OneMatrix(n + 1, 1), [V]), (v * b, [v, b]),
    (v * b * W.T, [v, b, W]), (OneMatrix(n, 1) * b * W.T * Trace(X.T * X), [b, W, X]),
    (v * OneMatrix(1, k) + Y, [v, Y]), (X * W * c * b, [X, W, c, b]),
    (A.I, [A]), (A**-1 * X, [A, X]), (A**-2, [A]), (X.T * A.I * X * W, [A, X, W]), (A * (2 * A + Identity(n)).I, [A]), (A.T.I * v, [A, v]),
    (X * (X.T * X + t * Identity(d)).I * X.T, [X, t]), (A * X * (X.T * A * X + Identity(d)).I, [A, X]), (A.I * A.I.T, [A]), (sp.Determinant(A) * A.T.I, [A]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "inputs"), NODES, ids=lambda e: str(e) if isinstance(e, sp.Basic) else "")
def test_matrix_nodes_mean_what_they_mean_in_sympy(expression, inputs):
    agree(expression, inputs)


SCALARS = [
    (Trace(A), [A]), (Trace(2 * A * A), [A]), (Trace(b * b.T), [b]), (A[0, 0], [A]), (X[0, 1], [X]),
    ((A * X)[0, 0], [A, X]), ((c.T * W.T * W * c)[0, 0], [c, W]), (MatrixElement(c.T * W.T * W * c, 0, 0), [c, W]),
    ((X * W * b.T)[0, 0], [X, W, b]), (((b * c) + OneMatrix(1, 1))[0, 0], [b, c]),
    (MatrixElement(2 * b * c + (b * c).applyfunc(exp), 0, 0), [b, c]),
    (MatrixElement(HadamardProduct(b * c, Q), 0, 0), [b, c, Q]), (sp.log(Q[0, 0]) * Trace(Q), [Q]),
    (sp.sqrt(Trace(X.T * X) + eps), [X, eps]), (Trace(X * X.T) ** 2 / sp.sqrt(Trace(A)) / n, [X, A]),
    (t**t + t**2, [t]), (sp.Sum(A[i, i], (i, 0, n - 1)), [A]),
    (sp.Sum(X[i, j] * n, (i, 0, n - 1), (j, 0, d - 1)), [X]),
    (sp.Sum(A[i, j] * A[j, i], (i, 0, n - 1), (j, 0, n - 1)), [A]), (sp.Sum(t, (i, 0, n - 1)) + Trace(A), [t, A]),
    (sp.Sum(A[i, j] * X[j, 0] * A[i, i] / v[i, 0], (i, 0, n - 1), (j, 0, n - 1)), [A, X, v]),
    (sp.pi * t + sp.E + 0.1, [t]), (exp(t) / (1 + exp(t)) * sp.Max(t, 1, eps), [t, eps]),
    (sp.Abs(t) + sp.sign(t) * sp.sin(t) * sp.cos(t), [t]), (sp.Min(t, eps) ** sp.Rational(3, 2), [t, eps]),
    (Trace(A * A.T) + n * Trace(A) + n * d + Trace(X.T * X), [A, X]),
    (sp.Determinant(A), [A]), (sp.log(sp.Abs(sp.Determinant(A))), [A]), (sp.log(sp.Determinant(A * A.T)), [A]), (sp.Determinant(A.I) ** 2, [A]),
    (Trace(A.I * A.T), [A]), (Trace(v.T * A.I * v), [A, v]), ((v.T * A.I * v)[0, 0], [A, v]), (sp.sqrt(Trace(X.T * X)), [X]),
    (1 / sp.sqrt(Trace(X.T * X)), [X]), (sp.sqrt(Trace(v.T * v)), [v]),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "inputs"), SCALARS, ids=lambda e: str(e) if isinstance(e, sp.Basic) else "")
@pytest.mark.parametrize("vectors", [False, True])
def test_scalars_mean_what_they_mean_in_sympy(expression, inputs, vectors):
    shapes = {s.name: {"b": "m", "c": "m", "v": "n", "Q": ""}[s.name] for s in inputs if s.name in "bcvQ"}
    result = agree(expression, inputs, shapes if vectors else None)
    assert result.shape == ()


FUNCTIONS = [
    (1 / (1 + exp(-x)), SIGMOID), (exp(x) / (1 + exp(x)), SIGMOID), (1 - 1 / (1 + exp(x)), SIGMOID),
    ((1 + sp.tanh(x / 2)) / 2, SIGMOID), (sp.Function("sigmoid")(x), SIGMOID),
    (1 / (1 + exp(-2 * x)), "sigmoid(2 * X)"), (x / (1 + exp(-x)), "sigmoid(X) * X"),
    (3 * x * exp(x) / (1 + exp(x)), "3 * (X * sigmoid(X))"), (1 / (1 + exp(-x)) ** 2, "sigmoid(X) ** 2"),
    (sp.tanh(x), "np.tanh(X)"), ((exp(x) - exp(-x)) / (exp(x) + exp(-x)), "np.tanh(X)"),
    (2 / (1 + exp(-2 * x)) - 1, "np.tanh(X)"), ((exp(2 * x) - 1) / (exp(2 * x) + 1), "np.tanh(X)"),
    (1 / (1 + exp(-x / n - 1)), "sigmoid(1 + X / n)"), (1 / (2 + exp(-x)), "1 / (2 + np.exp(-X))"),
    (exp(x) / (1 + exp(-x)), "sigmoid(X) * np.exp(X)"), (sp.Max(0, x), "np.maximum(X, 0)"),
    (sp.Piecewise((x, x > 0), (0, True)), "np.where(X > 0, X, 0)"),
    (sp.Piecewise((1, x <= 1), (x, x < 2), (n, True)), None), (x * sp.Heaviside(x - 1, 0), None),
    (sp.Abs(x) ** 2.5, None), (sp.log(1 + exp(x)), "np.logaddexp(0, X)"), (x**3 / (x + 2), None), (x, "X"),
    (sp.Integer(3), "np.full((n, d), 3)"), (exp(-(x**2) / 2) / sp.sqrt(2 * sp.pi), None), (0.1 * x, "0.1 * X"),
    (sp.sqrt(x) * 2**x, None),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), FUNCTIONS, ids=lambda e: str(e) if isinstance(e, sp.Basic) else "")
def test_mapped_functions_are_read_and_recognised(body, wanted):
    if body.has(sp.Function("sigmoid")):
        result = simplify(read(X.applyfunc(Lambda(x, body)), [X])[1])
    else:
        result = agree(X.applyfunc(Lambda(x, body)), [X])
    assert wanted is None or str(result) == wanted


def test_a_function_may_be_given_as_itself():
    assert text(X.applyfunc(sp.tanh), [X]) == text(X.applyfunc(lambda z: sp.tanh(2 * z / 2)), [X]) == "np.tanh(X)"


def test_a_function_of_inputs_and_sizes_beside_its_variable():
    agree(X.applyfunc(Lambda(x, x / (x + eps) + Trace(X.T * X) / n)), [X, eps])


def test_a_bound_variable_may_have_the_name_of_an_input_or_a_size():
    assert text(X.applyfunc(Lambda(n, (n + 1) ** 2)) + n * X, [X]) == "n * X + (1 + X) ** 2"
    assert text(X.applyfunc(Lambda(t, t**2)) + t * X, [X, t]) == "t * X + X ** 2"
    size = sp.MatrixSymbol("S", x, x)  # the name that bound variables get
    assert text(size.applyfunc(Lambda(t, t + 1)), [size]) == "1 + S"


def test_nothing_near_sigmoid_is_taken_for_it():
    for body in (1 / (1 + 1.0000001 * exp(-x)), 1 / (1 + exp(-x)) + x * 1e-12, 1 / (1 - exp(-x))):
        assert text(X.applyfunc(Lambda(x, body)), [X]) != SIGMOID


def test_inputs_come_in_order_with_rank_and_kind():
    named, _ = read(
        t * X * W + OneMatrix(n, 1) * b + eps * OneMatrix(n, m),
        [b, eps, X, t, W],
        {"b": "m : positive", "X": "n d : unit"},
    )
    assert list(named) == ["b", "eps", "X", "t", "W"]
    assert [array.ndim for array in named.values()] == [1, 0, 2, 0, 2]
    assert [array.op.fact for array in named.values()] == ["positive", "positive", "unit", "float", "float"]
    assert read(V, [V])[0]["V"].shape[0] == 4 * named["X"].shape[0].of("k")


# ---- lies


def test_a_reader_that_swaps_factors_is_caught(monkeypatch):
    right = sympy_in.chain
    monkeypatch.setattr(sympy_in, "chain", lambda factors: right(factors[::-1]))
    with pytest.raises(AssertionError):
        agree(A * A.T + A, [A])


def test_a_reader_that_forgets_an_index_is_caught(monkeypatch):
    right = sympy_scalars.Scalars._sum

    def first_index_only(self, e, bound):
        return right(self, sp.Sum(e.function.subs(j, 0), e.limits[0]), bound)

    monkeypatch.setattr(sympy_scalars.Scalars, "_sum", first_index_only)
    with pytest.raises(AssertionError):
        agree(sp.Sum(A[i, j], (i, 0, n - 1), (j, 0, n - 1)), [A])


# ---- refusals: what came, what was wanted, where, what to try

HERE = "(test_sympy_in.py:"
MATRICES, SCALAR_LANGUAGE = sympy_scalars.MATRICES, sympy_scalars.SCALARS
x1 = sp.MatrixSymbol("X", d, n)
positive_n = sp.Symbol("n", positive=True)


def outside(kind, written, language, hint="writing it with these, or a NumPy-style function"):
    return f"{kind}: {written} is outside the language; the language has {language}", hint


def mismatch(function, left, right, hint):
    return f"{function}: {left} but {right}; matrices of one shape were wanted", hint


REFUSED = {
    "inner sizes": (
        X * X, [X], None, "matmul: X is (n, d) but X is (n, d); the inner sizes d and n differ",
        'X.T, or declare X as "d n"'),
    "a power of a flat matrix": (
        X.T * X.T, [X], None, "matmul: X.T is (d, n) but X.T is (d, n); the inner sizes n and d differ", None),
    "a sum": (X + W, [X, W], None, *mismatch("add", "W is (d, m)", "X is (n, d)", "X of shape (d, m)")),
    "a sum with a transpose": (
        X + Y.T, [X, Y], None, *mismatch("add", "X is (n, d)", "Y.T is (k, n)", "Y.T of shape (n, d)")),
    "a sum with its own transpose": (
        X + x1.T.T, [x1], None, "two different symbols are named X; one symbol for one name",
        "one X, with the same assumptions and shape everywhere"),
    "a row on a matrix": (
        X * W + b, [X, W, b], None,
        *mismatch("add", "X*W is (n, m)", "b is (1, m)", "OneMatrix(n, 1)*b to copy the row")),
    "a Hadamard product": (
        HadamardProduct(X, X.T), [X], None, *mismatch("multiply", "X is (n, d)", "X.T is (d, n)", "X.T.T")),
    "factors of an entry": (
        (X * A)[0, 0], [X, A], None, "but _i_1 runs over d; the sizes n and d differ",
        "shapes that fit; SymPy does not check the factors of a product"),
    "a trace": (Trace(X), [X], None, "trace: X is (n, d); a square matrix was wanted", None),
    "not among the inputs": (X * W, [X], None, "W is not among the inputs; the inputs are X", "adding W to inputs"),
    "a scalar not among the inputs": (
        eps * X, [X], None, "eps is not among the inputs; the inputs are X", "adding eps to inputs"),
    "declared twice": (
        X, [X, X], None, "the input X is declared twice; every input once was wanted", "another name for one of them"),
    "not used": (
        X, [X, W], None, "the input W does not occur in X; every input must be used",
        "leaving W out of inputs; check whether SymPy has cancelled it"),
    "cancelled": (A - A, [A], None, "the input A does not occur in 0; every input must be used", None),
    "reserved": (
        sp.MatrixSymbol("np", n, n), [sp.MatrixSymbol("np", n, n)], None,
        "an input named 'np'; that name is reserved in Python or in generated code", 'another name, such as "np_"'),
    "no identifier": (
        sp.MatrixSymbol("x y", n, n), [sp.MatrixSymbol("x y", n, n)], None,
        "an input named 'x y'; a Python identifier in ASCII was wanted", 'a name such as "X" or "W1"'),
    "a size with a reserved name": (
        sp.MatrixSymbol("B", sp.Symbol("self"), n), [sp.MatrixSymbol("B", sp.Symbol("self"), n)], None,
        "a size named 'self'; that name is reserved", None),
    "an input and a size": (
        n * X, [n, X], None, "n is an input and a size; one name for one thing",
        'another name for the input, such as "n_"'),
    "two symbols of one name": (
        X * positive_n, [X], None, "two different symbols are named n; one symbol for one name",
        "one n, with the same assumptions and shape everywhere"),
    "another shape": (x1, [X], None, "two different symbols are named X; one symbol for one name", None),
    "an input that is none": (
        X, [X, 3], None, "the input 3 of type int; a MatrixSymbol or a Symbol was wanted", 'MatrixSymbol("X", n, d)'),
    "inputs not in a list": (
        X, X, None, "inputs of type MatrixSymbol; a list of MatrixSymbols and Symbols was wanted", "inputs=[X, W, b]"),
    "a broken size": (
        sp.MatrixSymbol("B", n / 2, n), [sp.MatrixSymbol("B", n / 2, n)], None,
        "the size 1/2 in the shape (n/2, n) of B; whole numbers and symbols with + - * were wanted",
        "a size such as n, 4*k or n+1"),
    "an unknown size": (
        X * OneMatrix(d, sp.Symbol("q")), [X], None,
        "the size q in OneMatrix(d, q); a size that an input has was wanted", "an input with q in its shape"),
    "a shape that does not fit": (
        b, [b], {"b": "n"},
        "the shape 'n' for b, which is (1, m) in SymPy; the same sizes, " "without a 1 or with it, were wanted",
        '"m"'),
    "a shape in another order": (X, [X], {"X": "d n"}, "the shape 'd n' for X, which is (n, d) in SymPy", '"n d"'),
    "a shape for a scalar": (t * X, [t, X], {"t": "3"}, "the shape '3' for t, which is () in SymPy", '""'),
    "a shape for nothing": (X, [X], {"b": "m"}, "a shape for 'b', which is not an input; the inputs are X", None),
    "an unknown kind": (b, [b], {"b": "m : round"}, "shape 'm : round': the kind 'round' is not known", None),
    "Kronecker product": (
        sp.KroneckerProduct(A, A), [A], None,
        *outside("KroneckerProduct", "KroneckerProduct(A, A)", MATRICES, "a NumPy-style function with np.einsum")),
    "blocks": (
        sp.BlockMatrix([[A, A]]), [A], None,
        *outside("BlockMatrix", "Matrix([[A, A]])", MATRICES, "a MatrixSymbol for each block")),
    "a matrix of numbers": (
        sp.Matrix([[1, 2]]), [A], None,
        *outside("MutableDenseMatrix", "Matrix([[1, 2]])", MATRICES, sympy_scalars.EXPLICIT)),
    "numbers inside": (
        sp.ImmutableMatrix([[1, 2]]) * sp.MatrixSymbol("Z", 2, k), [sp.MatrixSymbol("Z", 2, k)], None,
        *outside("ImmutableDenseMatrix", "Matrix([[1, 2]])", MATRICES, sympy_scalars.EXPLICIT)),
    "a derivative": (
        sp.Derivative(Trace(A), A), [A], None,
        *outside("Derivative", "Derivative(Trace(A), A)", SCALAR_LANGUAGE,
                 "the forward formula itself; its derivatives are found from it")),
    "a slice with steps": (X[0:n:2, :], [X], None, *outside("MatrixSlice", "X[::2, :]", MATRICES)),
    "an unknown function": (A.applyfunc(sp.Function("f")), [A], None, *outside("f", "f(_x)", SCALAR_LANGUAGE)),
    "a function outside the table": (
        A.applyfunc(sp.gamma), [A], None, *outside("gamma", "gamma(_x)", SCALAR_LANGUAGE)),
    "half at 0": (
        A.applyfunc(sp.Heaviside), [A], None,
        *outside("Heaviside", "Heaviside(_x)", SCALAR_LANGUAGE, "Heaviside(x, 0), which is 0 at 0")),
    "complex": (sp.I * A, [A], None, *outside("ImaginaryUnit", "I", SCALAR_LANGUAGE)),
    "infinity": (sp.oo * A, [A], None, "the number oo; a finite number was wanted", "Max, Min or Piecewise"),
    "an open case": (
        X.applyfunc(Lambda(x, sp.Piecewise((x, x > 0)))), [X], None,
        "Piecewise: Piecewise((_x, _x > 0)); single comparisons, and True last, were wanted",
        "Piecewise((a, x > 0), (b, True))"),
    "a function of a matrix": (
        exp(A), [A], None, "exp of a matrix, exp(A), where a scalar belongs; a scalar was wanted",
        "A.applyfunc(f) for a function of each entry, or Trace(A), or A[0, 0]"),
    "a symbolic power": (
        A**k, [A], None, "MatPow: A**k; a whole exponent from -64 to 64 was wanted",
        "HadamardPower(A, p) for a power of each entry"),
    "a huge power": (A**65, [A], None, "MatPow: A**65; a whole exponent from -64 to 64 was wanted", None),
    "a sum from 1": (
        sp.Sum(A[i, i], (i, 1, n - 1)), [A], None, "Sum: i from 1; a sum from 0 was wanted",
        "OneMatrix(1, n)*A*OneMatrix(m, 1), or Trace"),
    "an index as a number": (
        sp.Sum(i * A[i, i], (i, 0, n - 1)), [A], None, "the index i as a number; indices only as places of entries",
        None),
    "text": (
        "X*W", [X], None, "an output of type str: X*W; a SymPy expression was wanted", "X*W + OneMatrix(n, 1)*b"),
    "an equation": (
        sp.Eq(t, 1), [t], None, "an output of type Equality: Eq(t, 1); a SymPy expression was wanted", None),
    "nothing": (None, [X], None, "an output of type NoneType: None; a SymPy expression was wanted", None),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_what_came_what_was_wanted_where_and_what_to_try(name):
    expression, inputs, shapes, came, hint = REFUSED[name]
    with pytest.raises(DeriveError) as caught:
        read(expression, inputs, shapes)
    message = str(caught.value)
    assert came in message
    assert HERE in message
    assert hint is None or message.endswith(f"\n  try {hint}")


def test_the_table_of_alternatives_is_used_and_every_row_is_a_class_of_sympy():
    assert all(hasattr(sp, kind) or kind in ("DotProduct", "MutableDenseMatrix") for kind in sympy_scalars.INSTEAD)


def test_products_are_read_in_the_order_that_keeps_columns_thin():
    array = read(v * b * W.T, [v, b, W], {"b": "m", "v": "n"})[1]
    assert str(array) == "v[:, None] @ (b[None, :] @ W.T)"
