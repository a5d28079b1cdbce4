"""Bad input gets an answer: what came, what was wanted, where, and what to try."""

# ruff: noqa: PLW0108  # the table is of calls as they are written

import re

import numpy as np
import pytest

from derive.arrays.build import constant, elementwise
from derive.arrays.reducing import arange
from derive.errors import DeriveError

from .values import N, S

T = N("t", "n : int")
X, W, V, B, D, b, c, K, Q, q, M = (
    N("X", "n d"), N("W", "d m"), N("V", "m d"), N("B", "m k"), N("D", "m d"), N("b", "m"), N("c", "n"), N("K", "n n"), N("Q", "b h n d"),
    N("q", ""), N("M", "n d : bool"),
)  # fmt: skip

AGREE = "shapes that agree axis by axis from the right; only a literal 1 is stretched"
WRITING = "writing it with + - * / ** @, np.exp, np.log, np.tanh, np.where, np.einsum, sums and reshapes"
WINDOWS = np.lib.stride_tricks.sliding_window_view
BRANCH = "a formula whose source does not branch on values"
PLACES = "np.where(condition, a, b) or np.maximum in place of if, and, or, max()"
DECLARE = "declaring it as an input with a shape string"


def branch():
    if X.sum() > 0:
        return X
    return -X


def assign():
    X[0] = 1


def augmented():
    Z = X + 0
    Z[:, 0] += 1


ERRORS = {  # what is done: what came, what was wanted, what to try
    "inner sizes that differ": (lambda: X @ B, "matmul: X is (n, d) but B is (m, k)", "the inner sizes d and m differ", 'declaring B as "d k"'),
    "inner sizes of a transposed matrix": (
        lambda: X @ V, "matmul: X is (n, d) but V is (m, d)", "the inner sizes d and m differ", 'V.T, or declare V as "d m"'),
    "inner sizes of a vector": (lambda: X @ b, "matmul: X is (n, d) but b is (m,)", "the inner sizes d and m differ", 'declaring b as "d"'),
    "inner sizes of a batch": (
        lambda: Q @ N("R", "b h n k"), "matmul: Q is (b, h, n, d) but R is (b, h, n, k)", "the inner sizes d and n differ",
        'declaring R as "b h d k"'),
    "leading axes that differ": (
        lambda: N("P", "b n d") @ N("R", "c d m"), "matmul: P is (b, n, d) but R is (c, d, m)", "the leading axes must agree",
        "a reshape, or None in an index to add an axis"),
    "matmul by a number": (lambda: X @ 2, "matmul: 2 is (), a scalar", "arrays of rank 1 or more", "* in place of @"),
    "matmul by a scalar": (lambda: q @ X, "matmul: q is (), a scalar", "arrays of rank 1 or more", "* in place of @"),
    "sum of clashing shapes": (
        lambda: X + D, "add: X is (n, d) but D is (m, d)", AGREE, 'declaring D as "n d", or an explicit sum or slice'),
    "product with a transposed matrix": (lambda: X * N("Z", "d n"), "multiply: X is (n, d) but Z is (d, n)", AGREE, "Z.T"),
    "a column that came as a vector": (lambda: X - c, "subtract: X is (n, d) but c is (n,)", AGREE, "c[:, None] to copy it along the last axis"),
    "where of clashing shapes": (
        lambda: np.where(X > 0, X, N("Z", "n k")), "where: X > 0 is (n, d) but X is (n, d) but Z is (n, k)", AGREE,
        'declaring X as "n d", or an explicit sum or slice'),
    "a NumPy call outside the language": (lambda: np.sinc(X), "np.sinc of a symbolic array", "that function is outside the language", f"{WRITING}"),
    "a NumPy function outside it": (lambda: np.sort(X), "np.sort of a symbolic array", "that function is outside the language", WRITING),
    "a linalg call": (lambda: np.linalg.eigvals(K), "np.linalg.eigvals of a symbolic array", "that function is outside the language", WRITING),
    "inv of no square": (lambda: np.linalg.inv(X), "inv: X is (n, d)", "a square matrix was wanted", "X.T @ X, which is square"),
    "det of a vector": (lambda: np.linalg.det(X[0]), "det: X[:1].reshape(d) is (d,)", "a square matrix was wanted", "a matrix in the last two axes"),
    "inv of a mask": (lambda: np.linalg.inv(K > 0), "inv: K > 0, masks", "numbers were wanted: NumPy does not take masks as 0 and 1 there", "np.where(mask, 1, 0)"),
    "solve": (lambda: np.linalg.solve(K, X.T), "solve: K is (n, n) but X.T is (d, n)", "n rows on the right, and the same leading axes, were wanted", "a transpose"),
    "solve for a number": (lambda: np.linalg.solve(K, 1.0), "solve: K is (n, n) but 1 is ()", "n rows on the right, and the same leading axes, were wanted", ""),
    "another norm": (lambda: np.linalg.norm(X, "nuc"), "norm: ord 'nuc' over 2 axes", "the root of the sum of squares was wanted, or ord=1 of a vector", "np.max(np.abs(x)) for the largest entry"),
    "the spectral norm": (lambda: np.linalg.norm(X, 2), "norm: ord 2 over 2 axes", "the root of the sum of squares was wanted, or ord=1 of a vector", "np.max(np.abs(x)) for the largest entry"),
    "out=": (lambda: np.exp(X, out=np.zeros(3)), "np.exp with out= on a symbolic array", "np.exp called plainly was wanted", "assigning its result to a name"),
    "a ufunc's method": (lambda: np.multiply.outer(X, X), "np.multiply.outer on a symbolic array", "np.multiply called plainly was wanted",
                         "assigning its result to a name"),
    "an option": (lambda: np.trace(K, offset=1), "np.trace with offset=", "its plain form was wanted", ""),
    "a branch on a value": (branch, "the truth value of the symbolic array np.sum(X) > 0 was asked for", BRANCH, PLACES),
    "max() of arrays": (lambda: max(X, X * 2), "the truth value of the symbolic array X * 2 > X was asked for", BRANCH, PLACES),
    "an assignment in place": (assign, "an entry of a symbolic array was set", "forward formulas do not change arrays in place",
                               "np.where or np.pad in place of the assignment"),
    "an addition in place": (augmented, "(X + 0)[:, :1].reshape(n) was changed in place", "forward formulas do not change arrays: another name for the same array would change with it",
                             "Z = Z + 1 in place of Z += 1"),
    "float()": (lambda: float(X.sum()), "float() of the symbolic array np.sum(X) was asked for", "a formula that keeps arrays symbolic",
                "NumPy operations on whole arrays"),
    "int()": (lambda: int(q), "int() of the symbolic array q was asked for", "a formula that keeps arrays symbolic", "NumPy operations on whole arrays"),
    "an index": (lambda: [1, 2][q], "an index of the symbolic array q was asked for", "a formula that keeps arrays symbolic",
                 "NumPy operations on whole arrays"),
    "len()": (lambda: len(X), "len() of the symbolic array X was asked for", "a formula that keeps arrays symbolic", "NumPy operations on whole arrays"),
    "a method": (lambda: X.sort(), ".sort of a symbolic array",
                 "the language has .T .shape .ndim .size .sum .mean .reshape .transpose .swapaxes .copy .astype .dot .max .min .argmax .argmin .var .std"
                 " .clip .cumsum .diagonal .ravel .repeat .squeeze .take .trace .flatten",
                 "writing it with these and NumPy functions"),
    "an attribute set": (lambda: setattr(X, "shape", ()), "'shape' of a symbolic array was set", "symbolic arrays do not change", None),
    "a step": (lambda: X[::-2], "a slice ::-2 of X of shape (n, d)", "a step of at least 1, or ::-1", "[::-1] before or after the slice"),
    "a step of 0": (lambda: X[::0], "a slice ::0 of X of shape (n, d)", "a step of at least 1, or ::-1", "[::-1] before or after the slice"),
    "a step that may be 0": (lambda: X[:: S("n-1")], "a slice ::n - 1 of X of shape (n, d)", "a step of at least 1, or ::-1", "[::-1] before or after the slice"),
    "a tensordot": (lambda: np.tensordot(X, W, axes=((0,), (0,))), "tensordot: X is (n, d) but W is (d, m), axes (0,) and (0,)",
                    "axes of the same sizes, in pairs", "axes=((1,), (0,)) for a product of matrices"),
    "windows larger than the image": (lambda: WINDOWS(N("F", "4 n"), 5, axis=0), "sliding_window_view: F is (4, n) but the windows are (5,)",
                                      "a window from 1 to 4 long", "np.pad before it, or a smaller window"),
    "windows of nothing": (lambda: WINDOWS(X, (0, 1)), "sliding_window_view: X is (n, d) but the windows are (0, 1)",
                           "a window from 1 to n long", "np.pad before it, or a smaller window"),
    "windows along other axes": (lambda: WINDOWS(X, (2, 2), axis=1), "sliding_window_view: windows (2, 2) along the axes (1,) of X of shape (n, d)",
                                 "one size an axis, each axis once", "axis=(2, 3) for windows over the last two of four axes"),
    "windows along an axis twice": (lambda: WINDOWS(X, (2, 2), axis=(0, -2)), "sliding_window_view: windows (2, 2) along the axes (0, 0) of X of shape (n, d)",
                                    "one size an axis, each axis once", "axis=(2, 3) for windows over the last two of four axes"),
    "a mask as an index": (lambda: X[X > 0], "the index X > 0, a mask, into X of shape (n, d)", "declared whole numbers were wanted, or a choice among them",
                           "np.where(mask, A, 0)"),
    "floats as an index": (lambda: X[X], "the index X, float, into X of shape (n, d)", "declared whole numbers were wanted, or a choice among them",
                           "declaring the index itself, such as \"n : int[0,c)\""),
    "computed places": (lambda: X[T + 1], "the index t + 1, int, into X of shape (n, d)", "declared whole numbers were wanted, or a choice among them",
                        "declaring the index itself, such as \"n : int[0,c)\""),
    "an array beside a slice": (lambda: X[1:, T], "an array beside other indices into X of shape (n, d)", "whole axes beside arrays were wanted",
                                "one index after the other: A[1:][t]"),
    "two arrays": (lambda: X[T, T], "the indices t, t into X of shape (n, d)", "np.arange along every axis but one was wanted",
                   "A[np.arange(n), t], or np.take_along_axis"),
    "places of another size": (lambda: X[arange(S("n")), N("s", "m : int")], "the index s is (m,), into X of shape (n, d)",
                               "the shape (n,) was wanted", ""),
    "places of another rank": (lambda: np.take_along_axis(X, T, axis=1), "take_along_axis: X is (n, d), t is (n,)",
                               "indices of the same rank were wanted", "t[:, None]"),
    "too many indices": (lambda: X[0, 0, 0], "3 indices into X of shape (n, d)", "at most 2 were wanted\n  try one index an axis", ""),
    "an index out of range": (lambda: N("F", "4")[4], "index 4 into an axis of size 4 of F of shape (4,)", "an index in range\n  try -1 for the last entry", ""),
    "an end before its begin": (lambda: N("F", "4")[3:1], "the slice 3:1 of F of shape (4,)", "an end that is not before its begin\n  try the two exchanged", ""),
    "an axis": (lambda: X.sum(axis=2), "axis 2 of X of shape (n, d)", "an axis from -2 to 1\n  try axis=-1 for the last", ""),
    "an axis twice": (lambda: X.sum(axis=(0, -2)), "axes (0, -2)", "each axis once", "removing the second"),
    "axes of a transpose": (lambda: np.transpose(X, (0, 3)), "transpose: axes (0, 3) of X of shape (n, d)", "each axis once", ""),
    "axes of expand_dims": (lambda: np.expand_dims(X, 7), "expand_dims: axis 7 of X of shape (n, d)", "an axis from -3 to 2", ""),
    "the largest of nothing": (lambda: N("F", "0 n").max(axis=0), "max over axis 0 of F of shape (0, n)", "rows of at least one entry were wanted\n  try another axis", ""),
    "the place of the largest of all": (lambda: X.argmin(), "the place of the least of all entries of X of shape (n, d)",
                                        "one axis was wanted\n  try axis=-1 for the last", ""),
    "a squeeze of a named size": (lambda: np.squeeze(X, 0), "squeeze: axis 0 of X of shape (n, d)", "an axis of literal size 1\n  try a sum over the axis, or an index", ""),
    "a reshape": (lambda: X.reshape(S("n"), 3), "reshape: X of shape (n, d) to (n, 3)", "as many entries, d*n, were wanted, not 3*n\n  try -1 for one of the sizes", ""),
    "a reshape by halves": (lambda: X.reshape(2, -1), "reshape: X of shape (n, d) to (2, -1)", "a size in place of -1\n  try a product of sizes such as X.shape[0] * X.shape[1]", ""),
    "a size that is none": (lambda: X.reshape("a"), "the size 'a'", "a size or a whole number was wanted", ""),
    "a negative padding": (lambda: np.pad(X, -1), "pad: X is (n, d) by -1", "a width before and after each axis, none negative", "((1, 1), (0, 0)), say"),
    "a padding of the wrong rank": (lambda: np.pad(X, ((1, 1),) * 3), "pad: X is (n, d) by ((1, 1), (1, 1), (1, 1))",
                                    "a width before and after each axis, none negative", "((1, 1), (0, 0)), say"),
    "a padding mode": (lambda: np.pad(X, 1, mode="edge"), "pad: mode 'edge', constant_values=0", "one number all around was wanted", "np.pad(X, 1, constant_values=0)"),
    "concatenate of a clash": (lambda: np.concatenate([X, W]), "concatenate: X is (n, d) but W is (d, m)", "the same sizes but for axis 0",
                               "another axis=, or a transpose or broadcast_to of one of the two"),
    "concatenate of ranks": (lambda: np.concatenate([X, c], axis=1), "concatenate: X is (n, d) but c is (n,)", "the same sizes but for axis 1",
                             "another axis=, or a transpose or broadcast_to of one of the two"),
    "concatenate of scalars": (lambda: np.concatenate([q, q]), "concatenate: a scalar", "arrays of rank 1 or more were wanted", "np.stack for arrays of rank 0"),
    "concatenate along no axis": (lambda: np.concatenate([X, X], axis=2), "axis 2 of X of shape (n, d)", "an axis from -2 to 1", "axis=-1 for the last"),
    "stack of a clash": (lambda: np.stack([X, W]), "stack: X is (n, d) but W is (d, m)", "arrays of one shape were wanted",
                         "np.concatenate for parts of several sizes"),
    "split into no equal parts": (lambda: np.split(X, 2), "split: axis 0 of X of shape (n, d) into 2", "a number of parts that divides the size n",
                                  'declaring the axis as "2*k", or the places to split at'),
    "broadcast_to": (lambda: np.broadcast_to(X, (S("m"), S("d"))), "broadcast_to: X of shape (n, d) to (m, d)",
                     "sizes that agree from the right; only a literal 1 is stretched", ""),
    "einsum letters": (lambda: np.einsum("ijk", X), "einsum 'ijk': X is (n, d)", "one letter an axis\n  try subscripts such as \"ij,jk->ik\"", ""),
    "einsum sizes": (lambda: np.einsum("ii", X), "einsum 'ii': i is n and d", "one size a letter\n  try another letter, or a transpose", ""),
    "einsum output": (lambda: np.einsum("ij->ik", X), "einsum 'ij->ik': the output 'ik'", "letters of the inputs, each once\n  try an output such as \"->ik\"", ""),
    "einsum dots": (lambda: np.einsum("i..j", X), "einsum: subscripts 'i..j'", 'letters such as "ij,jk->ik" were wanted', ""),
    "outer": (lambda: np.outer(X, b), "outer: X is (n, d), b is (m,)", "two vectors were wanted", "np.einsum"),
    "trace": (lambda: np.trace(X), "trace: X is (n, d)", "a square matrix was wanted", ""),
    "dot": (lambda: np.dot(X, Q), "dot: Q is (b, h, n, d)", "rank 1 or 2 was wanted", "@ or np.einsum"),
    "a NumPy array": (lambda: X + np.ones(3), "a NumPy array of shape (3,)", "symbolic arrays and numbers were wanted", DECLARE),
    "a list": (lambda: X + [1, 2],  # noqa: RUF005  # what a user might write
               "add: a list among the operands", "symbolic arrays and numbers", DECLARE),
    "a text": (lambda: X + "a", "'a' of type str", "a symbolic array or a finite number was wanted", DECLARE),
    "nan": (lambda: X * float("nan"), "nan of type float", "a symbolic array or a finite number was wanted", DECLARE),
    "a complex number": (lambda: constant(1j), "1j of type complex", "a symbolic array or a finite number was wanted", DECLARE),
    "where by a float": (lambda: np.where(X, X, 0), "where: the condition X is float", "a comparison or a mask was wanted", "a condition such as X > 0"),
    "not of a float": (lambda: np.logical_not(X), "logical_not: the condition X is float", "a comparison or a mask was wanted", "a condition such as X > 0"),
    "a sum of masks": (lambda: M + (X > 0), "add: M and X > 0, masks", "numbers were wanted: NumPy does not take masks as 0 and 1 there",
                       "np.where(mask, 1, 0)"),
    "a product of masks": (lambda: M @ M.T, "matmul: M and M.T, masks", "numbers were wanted: NumPy does not take masks as 0 and 1 there",
                           "np.where(mask, 1, 0)"),
    "a function of a mask": (lambda: np.exp(M), "exp: M, masks", "numbers were wanted: NumPy does not take masks as 0 and 1 there", "np.where(mask, 1, 0)"),
    "a power of a mask": (lambda: M**2, "power: M, masks", "numbers were wanted: NumPy does not take masks as 0 and 1 there", "np.where(mask, 1, 0)"),
    "the sigmoid of a clash": (lambda: elementwise("maximum", X, W), "maximum: X is (n, d) but W is (d, m)", AGREE,
                               'declaring W as "n d", or an explicit sum or slice'),
}  # fmt: skip


@pytest.mark.parametrize("case", ERRORS)
def test_the_message_says_what_came_what_was_wanted_where_and_what_to_try(case):
    act, got, wanted, hint = ERRORS[case]
    with pytest.raises(DeriveError) as error:
        act()
    text = str(error.value)
    place = re.search(r"  \(test_errors\.py:\d+\)", text)
    if hint is None:  # an internal misuse, without a place
        assert text == f"{got}; {wanted}"
        return
    assert place is not None
    assert text.replace(place.group(), "") == f"{got}; {wanted}" + (f"\n  try {hint}" if hint else "")


def test_the_place_is_the_line_of_the_mistake():
    with pytest.raises(DeriveError) as error:
        assign()
    assert error.value.where == f"test_errors.py:{assign.__code__.co_firstlineno + 1}"


def test_an_error_has_its_parts():
    with pytest.raises(DeriveError) as error:
        X @ B
    assert (error.value.got, error.value.wanted) == (
        "matmul: X is (n, d) but B is (m, k)",
        "the inner sizes d and m differ",
    )
    assert error.value.hint == 'declaring B as "d k"'
    assert isinstance(error.value, ValueError)


def test_len_of_a_scalar_is_pythons_error():
    with pytest.raises(TypeError, match="rank 0"):
        len(q)
