"""Reading NumPy-style functions: what they do is the formula, what they name is kept."""

# ruff: noqa: UP037  # the annotations are shape strings

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import derive
from derive.errors import DeriveError

from ..arrays.values import N, S


def lines(layer):
    return [str(equation) for equation in layer.equations]


def test_annotations_are_read_under_the_future_import():
    """This file has it: an annotation comes as text in quotes of its own."""

    def dense(X: "n d", W: "d m", b: "m"):
        return X @ W + b

    assert str(derive.layer(dense)) == "dense(X: (n, d), W: (d, m), b: (m,))\n  Y = X @ W + b"


def test_names_of_locals_are_names_of_equations():
    @derive.layer
    def f(X: "n d"):
        centred = X - X.mean(axis=0)
        spread = np.sqrt((centred**2).mean(axis=0))
        aside = X * 2  # noqa: F841  # not used by the result
        Out = centred * spread
        return Out

    assert lines(f) == [
        "centred = X - X.mean(axis=0)",
        "spread = np.sqrt((centred ** 2).mean(axis=0))",
        "Out = centred * spread",
    ]


def test_a_result_without_a_name_is_Y_or_E():
    @derive.layer
    def f(X: "n d"):
        return np.exp(X)

    @derive.layer
    def g(X: "n d"):
        return np.sum(X)

    @derive.layer
    def h(Y: "n d", E: ""):
        return Y * E, Y.sum() * E

    assert (f.outputs, g.outputs, h.outputs) == (("Y",), ("E",), ("Z", "L"))


def test_names_given_by_derive_avoid_those_of_the_author():
    """Also those of sizes and of adjoints."""

    @derive.layer
    def f(X: "Z A", Y: "Z E"):
        return np.tanh(np.exp(X @ X.T)) @ Y, X.sum()

    names = [*(i.name for i in f.inputs), *(e.name for e in f.equations)]
    assert len(set(names)) == len(names)
    assert not set(names) & set(f.sizes)
    assert f.derive().prove().status == "proved"


def test_many_results_without_a_name():
    @derive.layer
    def f(X: "n d"):
        return X.sum(), X.mean(), np.sum(X * X), np.sum(np.exp(X)), np.sum(np.tanh(X))

    assert len(set(f.outputs)) == 5
    assert f.derive().prove().status == "proved"


def test_an_input_that_is_assigned_anew_is_another_array():
    @derive.layer
    def f(X: "n d"):
        X = np.tanh(X)
        X = X * 2
        return X

    assert lines(f) == ["A = np.tanh(X)", "Y = 2 * A"]


def test_sizes_come_from_shapes():
    @derive.layer
    def f(X: "n d"):
        n, d = X.shape
        return X.sum(axis=0) / n + X.reshape(n * d)[:d] * d

    assert lines(f) == ["Y = X.mean(axis=0) + d * X.reshape(d*n)[:d]"]
    assert f.derive().prove().status == "proved"


def test_scalars_and_numbers_are_exact():
    @derive.layer
    def f(X: "n d", a: ""):
        return 0.1 * X + np.pi * a + 1e-3 + np.float32(0.3) * X / 3

    assert lines(f) == ["Y = 0.2 * X + np.pi * a + 0.001"]


def test_keyword_only_and_positional_only_inputs():
    def f(X: "n d", /, W: "d m", *, b: "m"):
        return X @ W + b

    assert str(derive.layer(f)) == "f(X: (n, d), W: (d, m), b: (m,))\n  Y = X @ W + b"


def test_a_tuple_is_several_outputs():
    @derive.layer
    def f(X: "n d"):
        A = np.exp(X)
        return A, A.sum(axis=1)

    assert f.outputs == ("A", "Y")


def test_docstring_title_and_source_are_kept():
    def f(X: "n d"):
        """Twice.

        And no more.
        """
        return 2 * X

    layer = derive.layer(f, title="twice", source="Euclid")
    assert (layer.name, layer.doc, layer.source, layer.written) == ("twice", "Twice.\n\nAnd no more.", "Euclid", f)


def test_roles():
    @derive.layer
    def dense(X: "n d", W: "d m"):
        return X @ W

    layer = derive.layer(dense.written, parameters=["W"])
    assert [i.role for i in layer.inputs] == ["data", "parameter"]

    @derive.layer
    def network(X: "n d", V: "d m", M: "n m : bool"):
        return np.where(M, layer(X, V), 0)

    assert [i.role for i in network.inputs] == ["data", "parameter", "constant"]
    assert network.wrt == ("X", "V")


def test_a_loop_over_a_number_is_unrolled():
    @derive.layer
    def f(X: "n d"):
        for _ in range(3):
            X = X * X
        return X

    assert f.derive().prove().status == "proved"


def test_a_layer_is_called_by_position_or_by_name():
    @derive.layer
    def dense(X: "n d", W: "d m", b: "m"):
        return X @ W + b

    X, W, b = N("X", "p q"), N("W", "q r"), N("b", "r")
    assert dense(X, W, b) is dense(X, b=b, W=W)
    assert dense(X, W, b).shape == (S("p"), S("r"))
    assert str(dense(X, W, b)) == "dense(X, W, b)"


# ---- bad input


def no_shape(X: "n d", W):
    return X @ W


def starred(*arrays: "n d"):
    return arrays[0]


def nothing():
    return 1


def branches(X: "n d"):
    if X.sum() > 0:
        return X
    return -X


def assigns(X: "n d"):
    X[0] = 1
    return X


def returns_none(X: "n d"):
    X + 1


def returns_list(X: "n d"):
    return [X, X]


def returns_numpy(X: "n d"):
    return np.ones(3)


def unused(X: "n d", W: "d m"):
    return X * 2


def array_and_size(X: "n d", n: ""):
    return X * n


def adjoint_of(X: "n d", dX: "n d"):
    return X * dX


def adjoint_size(X: "n dX"):
    return X * 2


def reserved(np: "n d"):
    return np * 2


def reserved_size(X: "n cache"):
    return X * 2


def greek(X: "n d"):
    β = X * 2  # noqa: PLC2401  # what is refused
    return β


def from_above(X: "n d"):
    Y = np.tanh(X)
    Y_out = Y * 2
    return Y, Y_out


def raises(X: "n d"):
    return X * {}["key"]


def outside(X: "n d"):
    return np.sort(X)


def inner(X: "n d", W: "m k"):
    return X @ W


def sum_of_two(X: "n d", V: "m d"):
    return X + V


def one_over_size(X: "n d"):
    n, _ = X.shape
    return X.sum(axis=0) * (1 / n)


def endless(X: "n d"):
    return endless(X)


WHOLE = "NumPy operations on whole arrays; sizes are symbolic, so nothing may depend on which is larger"
BAD = {
    no_shape: ("no_shape: the parameter W has no shape; a shape string as its annotation", 'W: "n d"; "" is a scalar'),
    starred: ("starred: the parameter *arrays; one named parameter an input\n  try a parameter such as X: \"n d\" for each", ""),
    nothing: ("nothing: no parameters; at least one input was wanted", ""),
    branches: ("the truth value of the symbolic array np.sum(X) > 0 was asked for; a formula whose source does not branch on values",
               "np.where(condition, a, b) or np.maximum in place of if, and, or, max()"),
    assigns: ("an entry of a symbolic array was set; forward formulas do not change arrays in place",
              "np.where or np.pad in place of the assignment"),
    returns_none: ("returns_none returns NoneType; an array (or a tuple of arrays)", "returning the output array"),
    returns_list: ("returns_list returns list; an array (or a tuple of arrays)", "returning the output array"),
    returns_numpy: ("returns_numpy returns ndarray; an array (or a tuple of arrays)", "returning the output array"),
    unused: ("unused: the input W is not used; every declared input in the formula", "removing W from the inputs"),
    array_and_size: ("array_and_size: n names an array and a size; one meaning a name", 'another name for the size, such as "n_"'),
    adjoint_of: ("adjoint_of: the name dX is declared; it names the adjoint of X", "another name for one of the two"),
    adjoint_size: ("adjoint_size: the name dX is declared; it names the adjoint of X", "another name for one of the two"),
    reserved: ("reserved: an array named 'np'; that name is reserved in Python or in generated code", 'another name, such as "np_"'),
    reserved_size: ("a size named 'cache'; that name is reserved in Python or in generated code", 'another name, such as "cache_"'),
    greek: ("greek: an array named 'β'; a Python identifier in ASCII was wanted", 'a name such as "X" or "W1"'),
    from_above: ("from_above: the name Y_out is declared; dY_out names what comes from above to the output Y", "another name for one of the two"),
    raises: ("raises raised KeyError: 'key'; a function that runs on symbolic arrays", WHOLE),
    outside: ("np.sort of a symbolic array; that function is outside the language",
              "writing it with + - * / ** @, np.exp, np.log, np.tanh, np.where, np.einsum, sums and reshapes"),
    inner: ("matmul: X is (n, d) but W is (m, k); the inner sizes d and m differ", 'declaring W as "d k"'),
    sum_of_two: ("add: X is (n, d) but V is (m, d); shapes that agree axis by axis from the right; only a literal 1 is stretched",
                 'declaring V as "n d", or an explicit sum or slice'),
    endless: ("endless did not end; a function that ends", ""),
}  # fmt: skip


@pytest.mark.parametrize("function", BAD, ids=lambda f: f.__name__)
def test_what_cannot_be_read_is_said(function):
    text, hint = BAD[function]
    with pytest.raises(DeriveError) as error:
        derive.layer(function)
    place = re.search(r"  \(test_reader\.py:\d+(, \w+)?\)", str(error.value))
    assert place is not None
    assert str(error.value).replace(place.group(), "") == text + (f"\n  try {hint}" if hint else "")


@pytest.mark.parametrize(
    ("function", "line"), [(branches, 1), (assigns, 1), (outside, 1), (inner, 1), (raises, 1), (no_shape, 0)]
)
def test_the_place_is_the_line_of_the_users_source(function, line):
    with pytest.raises(DeriveError) as error:
        derive.layer(function)
    assert error.value.where == f"test_reader.py:{function.__code__.co_firstlineno + line}"


def test_what_is_no_function():
    with pytest.raises(DeriveError, match=r"^3; a Python function was wanted"):
        derive.layer(3)


def test_the_same_name_twice_in_a_layer():
    from derive.arrays.shapes import declare
    from derive.derivation.layer import Input, Layer
    from derive.derivation.program import Equation

    X = Input("X", declare("n d").shape)
    with pytest.raises(DeriveError, match=r"^twice: the name X is declared twice; one array a name"):
        Layer("twice", (X, X), (Equation("Y", X.array * 2),), ("Y",))
    with pytest.raises(DeriveError, match=r"^twice: the name X is declared twice; one array a name"):
        Layer("twice", (X,), (Equation("X", X.array * 2),), ("X",))


@derive.layer
def labelled(X: "n c", y: "n : int[0,c)", M: "n c : bool"):
    return np.where(M, X, 0) * np.expand_dims(y, 1)


def dense(X: "n d", W: "d m"):
    return X @ W


WRT = {
    "y": "labelled: wrt 'y', which is int[0,c); a gradient exists with respect to float inputs only  (test_reader.py)\n  try one of X",
    "M": "labelled: wrt 'M', which is bool; a gradient exists with respect to float inputs only  (test_reader.py)\n  try one of X",
    "Z": "labelled: wrt 'Z'; one of the inputs X  (test_reader.py)\n  try a name from that list; without wrt it is all of them",
}


@pytest.mark.parametrize("label", WRT)
def test_wrt_what_has_no_gradient(label):
    with pytest.raises(DeriveError) as error:
        labelled.derive(wrt=[label])
    assert re.sub(r"test_reader\.py:\d+", "test_reader.py", str(error.value)) == WRT[label]


CALLS = {
    "too many": (lambda f, X, W: f(X, W, X), "dense: 3 arguments; dense(X, W) was wanted"),
    "missing": (lambda f, X, W: f(X), "dense: no W; dense(X, W) was wanted"),
    "unknown": (lambda f, X, W: f(X, W, b=X), "dense: an argument named b; dense(X, W) was wanted"),
    "twice": (lambda f, X, W: f(X, W, X=X), "dense: X given twice; dense(X, W) was wanted"),
    "sizes": (lambda f, X, W: f(X, X), "dense: W came as (n, d): size n came where d was wanted, d being d elsewhere; X: (n, d), W: (d, m) was wanted"),
    "rank": (lambda f, X, W: f(X.sum(axis=0), W), "dense: X came as (d,): rank 1 came, rank 2 was wanted; X: (n, d), W: (d, m) was wanted"),
}  # fmt: skip


@pytest.mark.parametrize("case", CALLS)
def test_a_layer_called_wrongly(case):
    act, text = CALLS[case]
    with pytest.raises(DeriveError) as error:
        act(derive.layer(dense), N("X", "n d"), N("W", "d m"))
    assert str(error.value).split("  (test_reader.py")[0] == text


def test_options_that_are_not_there():
    with pytest.raises(DeriveError, match=r"^dense: options axis; this layer has no options"):
        derive.layer(dense).with_options(axis=1)


def test_parameters_that_are_not_there():
    with pytest.raises(DeriveError, match=r"^dense: parameters V; some of X, W were wanted"):
        derive.layer(dense, parameters=["V"])


# ---- the same text in every process

PRINT = """
import derive, numpy as np
@derive.layer
def net(X: "n d", W: "d h", b: "h", V: "h k", T: "n k"):
    H = np.tanh(X @ W + b)
    P = np.exp(H @ V)
    S = P / P.sum(axis=1, keepdims=True)
    return ((S - T) ** 2).sum() / 2 + 0.1 * (W * W).sum(), np.einsum("ij,kj,k->ik", S, T, S.sum(axis=1)), H
d = net.derive()
print(net)
print(d)
for s in d.steps:
    print(s.rule, s.reason, s.source, s.verdict, s.expression._repr_latex_())
"""


def test_text_does_not_depend_on_the_hash_seed(tmp_path):
    (tmp_path / "net.py").write_text(PRINT)
    root = str(Path(derive.__file__).parents[1])
    texts = [
        subprocess.run(
            [sys.executable, str(tmp_path / "net.py")],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": root},
        ).stdout
        for seed in (1, 2)
    ]
    assert texts[0] == texts[1]
    assert texts[0].count("proved") >= 8


# ---- a branch on a size would make a theorem for some sizes one for all


def by_rows(X: "n d"):
    if X.shape[0] == 1:
        return X * 3
    return X * 2


def by_square(X: "n d"):
    return X.T if X.shape == X.shape[::-1] else X


def by_order(X: "n d"):
    return X * 2 if X.shape[0] > X.shape[1] else X


def by_other(X: "n d"):
    return X * 2 if X.shape[0] != 7 else X


@pytest.mark.parametrize("function", [by_rows, by_square, by_order, by_other])
def test_a_branch_on_a_size_is_refused(function):
    with pytest.raises(DeriveError) as caught:
        derive.layer(function)
    text = str(caught.value)
    assert text.startswith("whether n ")
    assert "was asked of symbolic sizes; a formula that does not branch on a size  (test_reader.py:" in text
    assert "try one formula for every size" in text


def test_a_question_about_sizes_with_one_answer_for_all_is_answered():
    @derive.layer
    def checked(X: "n d", W: "d m", b: "1"):
        assert X.shape[1] == W.shape[0]
        assert W.shape == (X.shape[1], W.shape[1])
        assert X.shape[0] >= 1
        assert X.shape[0] + 1 != X.shape[0]
        assert b.shape == (1,)
        assert b.shape[0] < 2
        return X @ W + b

    assert checked.derive().prove().status == "proved"


@pytest.mark.parametrize("wrt", [[], ["X", "X"]])
def test_wrt_nothing_or_twice_is_refused(wrt):
    with pytest.raises(DeriveError, match="at least one input, each once"):
        derive.layers["sigmoid"].derive(wrt=wrt)


# ---- what NumPy would do otherwise than the formula


def in_place(X: "n d"):
    Z = X
    Z += 1
    return Z * X


def rounded(X: "n d"):
    return X.astype(int) * X


def filled(X: "n d"):
    return X * np.full_like(X, 2.7, dtype=int)


def beginning(X: "n d"):
    return X * np.add.reduce(X, axis=0, initial=5.0)


def before_the_axis(X: "5"):
    return X[-7] * X


def ends_the_program(X: "n d"):
    raise SystemExit(3)


@pytest.mark.parametrize("function", [in_place, rounded, filled, beginning, before_the_axis, ends_the_program])
def test_what_is_no_formula_is_refused(function):
    with pytest.raises(DeriveError, match=r"test_reader\.py"):
        derive.layer(function)


def test_a_slice_beyond_a_literal_axis_is_clamped_as_numpy_does():
    def clamped(X: "5"):
        return X[-7:] * X[:9]

    verdict = derive.layer(clamped).verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


@pytest.mark.parametrize(
    ("function", "assumed"),
    [
        (lambda X: X**-1 * X * X, ("X ≠ 0",)),
        (lambda X: 0 * np.log(X) + X, ("X > 0",)),
        (lambda X: np.maximum(X, X), ()),
        (lambda X: np.log(X) - np.log(X) + X, ("X > 0",)),
    ],
)
def test_conditions_survive_simplifying(function, assumed):
    function.__annotations__ = {"X": "n d"}
    assert derive.layer(function, title="f").derive().prove().assumptions == assumed


def test_conditions_of_a_called_layer_are_about_the_operands():
    @derive.layer
    def ilog(A: "n"):
        return np.log(A)

    @derive.layer
    def calls(A: "n", B: "n"):
        return ilog(B) * A

    assert calls.derive().prove().assumptions == ("B > 0",)
