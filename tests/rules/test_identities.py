"""The identities: each fires, is proved, keeps the value; its mutants are refused; simplifying keeps the value and ends."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings

from derive.arrays import build
from derive.arrays.array import apply
from derive.arrays.moves import Place, Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, PowerOf, Sum
from derive.arrays.softmax import LogSoftmax, LogSumExp, Softmax
from derive.arrays.statistics import Standardize, Variance
from derive.arrays.windows import Overlap
from derive.rules import proof, simplify
from derive.rules.book import Unproved
from derive.rules.identities import IDENTITIES, identity
from derive.rules.mutants import mutants

from ..arrays.cases import windows
from ..arrays.strategies import expressions
from ..arrays.values import EPS, N, S, assert_same, differ, node_values, roomy_sizes, sizes_for, values_for, work


def erf(array):
    return build.elementwise("erf", array)


X, V, W, K, K2, b, c, q, Q, C1, R1 = (
    N("X", "n d"), N("V", "n d"), N("W", "d m"), N("K", "n n"), N("K2", "n n"), N("b", "d"), N("c", "n"), N("q", ""), N("Q", "b n d"), N("C1", "n 1"),
    N("R1", "1 d"),
)  # fmt: skip


I1, J = N("I1", "n+k+6"), N("J", "b n+6 d+6")
T3 = N("T3", "n 3")
T, T1 = N("T", "n d : stochastic"), N("T1", "b n d : stochastic[1]")
SOME = V.mean(axis=1, keepdims=True) <= V  # a mask that is nowhere empty
exp, log = np.exp, np.log


inv, det, solve = np.linalg.inv, np.linalg.det, np.linalg.solve
Y, Z, T4 = N("Y", "n n : symmetric"), N("Z", "n n : spd"), N("T4", "b n n")


def logdet(array):
    return np.linalg.slogdet(array)[1]


def full(value, shape):
    return apply(Constant(Fraction(value), tuple(map(S, shape.split()))))


def copies(array, shape, *axes):
    return apply(Broadcast(tuple(map(S, shape.split())), axes), array)


def einsum(inputs, output, *operands):
    return apply(Einsum(tuple(inputs.split(",")), output), *operands)


FIRES = {
    "product_in_order": [X * 2, X * (2 * V), (-X) * V, X * X, X * copies(q, "n d"), copies(q, "n d") * (X * q), -(X * 2), X / 4, X * 0,
                         X * X**-1, np.sqrt(X) * 2, X * copies(build.constant(S("n")), "n d")],
    "common_factor": [C1 * X - C1 * V, copies(c, "n d", 0) * X + V * copies(c, "n d", 0), q * X - q * V, R1 * X * V - X * R1, 2 * (q * X) + 3 * (V * q),
                      copies(q * c, "n d", 0) * X - copies(c, "n d", 0) * V, copies(c * X.sum(axis=1), "n d", 0) * V - copies(c, "n d", 0) * X],
    "sum_in_order": [X + X, X - X, X + (-V), X - (-V), -(X - V), X + 0, 2 * X - X, (X + V) - (V + X), X + 2 * X - 3 * V, -(X + V)],
    "quotient_by_itself": [X * V / V, X / X, 2 * X / X],
    "sigmoid_by_definition": [1 / (1 + np.exp(-X)), 1 / (np.exp(X @ W) + 1), 1 / (1 + np.exp(q)), V / (1 + np.exp(-X)), (1 + np.exp(X)) ** -1,
                              np.exp(X) / (np.exp(X) + 1)],
    "tanh_by_definition": [(np.exp(X) - np.exp(V)) / (np.exp(X) + np.exp(V)), (np.exp(q) - 1) / (1 + np.exp(q)), (1 - np.exp(X)) / (np.exp(X) + 1)],
    "softplus_by_definition": [np.log(1 + np.exp(X)), np.log(np.exp(q) + 1), np.log1p(np.exp(X @ W)), np.log(build.elementwise("sigmoid", X))],
    "opposite_comparison": [~(X > V), ~(X < 0), ~(X >= V), ~(X <= V), ~(X == V), ~(X != V), ~~(X > V), ~~N("M", "n d : bool")],
    "choice_within_choice": [np.where(X > 0, np.where(V > 0, X, 0), 0), np.where(q > 0, np.where(N("M", "n d : bool"), 2, 3), 3), np.tril(np.where(b > X, X, 0))],
    "softsign_by_definition": [X / (1 + abs(X)), q / (abs(q) + 1)],
    "normal_distribution_by_definition": [1 + erf(X), 1 - erf(q), erf(X / np.sqrt(2)) + 1, 1 + erf(X * np.sqrt(2)), 1 - erf(-X * np.sqrt(0.5)),
                                          1 + erf(2 * X / 3)],
    "map_of_copies": [copies(b, "n d", 1) * copies(b, "n d", 1), apply(Elementwise("exp"), copies(c, "n d", 0)), apply(PowerOf(Fraction(3)), copies(q, "n d")),
                      copies(b, "n d", 1) + full(1, "n d"), apply(Elementwise("add"), copies(C1, "n d", 0, 1), copies(2 * C1, "n d", 0, 1))],
    "copies_of_negative": [copies(-b, "n d", 1), copies(-c, "n d", 0)],
    "copies_of_copies": [copies(copies(b, "n d", 1), "b n d", 1, 2), copies(X, "n d", 0, 1), copies(build.constant(2), "n d"), copies(full(2, "d"), "n d", 1),
                         copies(copies(q, "n"), "n d", 0)],
    "sum_of_copies": [apply(Sum((0,)), copies(b, "n d", 1)), apply(Sum((0, 1)), copies(b, "n d", 1)), apply(Sum((1,)), copies(c, "n d", 0)),
                      apply(Sum((0,)), full(3, "n d")), apply(Sum((0, 1)), copies(q, "n d")),
                      apply(Sum((0, 2)), copies(R1, "n 1 d", 1, 2)), apply(Sum((1,)), copies(X, "n m d", 0, 2)), apply(Sum((0, 1)), copies(C1, "b n d", 1, 2))],
    "sum_of_sum": [X.sum(axis=0).sum(), Q.sum(axis=1).sum(axis=0), Q.sum(axis=0).sum(axis=1)],
    "number_in_front": [(X * 2).sum(axis=0), (X * 2) @ W, X @ (-W), (X / 3).T, (2 * X).reshape(-1), (-X)[1:], np.pad(3 * X, 1), windows(3 * X, (0,), "1", "1", "1"), apply(Overlap((0,), (S("n+d"),), (S(1),), (S(1),)), -X), einsum("ij,ij", "i", 2 * X, -V),
                        apply(Matmul(), 2 * X, 3 * W)],
    "slice_of_windows": [windows(I1, (0,), "k", "1", "1")[::2], windows(I1, (0,), "3", "2", "1")[:: S("m"), ::2], windows(I1, (0,), "3", "1", "2")[:2, ::3],
                         windows(J, (2, 1), "2 3", "1 1", "1 1")[:, ::2, ::3, ::1, ::2]],
    "transpose_of_transpose": [X.T.T, Q.transpose(1, 2, 0).transpose(0, 2, 1), Q.T.T],
    "transpose_of_product": [(X @ W).T, (K @ K2).T, (Q @ Q.swapaxes(-1, -2)).swapaxes(-1, -2)],
    "transpose_of_map": [copies(b, "n d", 1).T, full(2, "n d").T, apply(Transpose((1, 0)), apply(Eye(S("n")))), copies(c, "n d", 0).T, copies(q, "n d").T,
                         copies(X, "b n d", 1, 2).transpose(0, 2, 1), copies(Q, "b n m d", 0, 1, 3).transpose(3, 2, 0, 1)],
    "transpose_of_contraction": [einsum("abc,abd", "cd", Q, T4).T, einsum("ab,ab", "ab", X, V).T, einsum("bij,bjk,k", "ibk", T4, Q, b).transpose(1, 2, 0)],
    "sum_of_products": [(T4 @ Q).sum(axis=0), (Q.transpose(0, 2, 1) @ Q).sum(axis=0), (K @ Q).sum(axis=0), apply(Sum((1,)), N("A", "b m n d") @ N("B", "b m d n"))],
    "product_with_ones": [full(1, "m n") @ X, X @ full(2, "d m"), full(1, "n 1") @ R1, apply(Eye(S("n"))) @ X, X @ apply(Eye(S("d"))),
                          apply(Matmul(), full(2, "b m n"), Q), apply(Matmul(), Q, full(Fraction(1, 2), "b d m"))],
    "sum_of_one": [apply(Sum((1,)), C1), apply(Sum((0,)), R1), apply(Sum((0, 1)), N("O", "1 1"))],
    "trace_of_product": [np.trace(K @ K2), np.trace(X @ X.T), np.trace(K.T), np.trace(apply(Eye(S("n"))))],
    "contraction_as_product": [
        *[einsum(f"{left},{right}", out, N("A", " ".join(left)), N("B", " ".join(right)))
          for left, right, out in (("ab", "bc", "ac"), ("ab", "cb", "ac"), ("ab", "ac", "bc"), ("ab", "ca", "bc"), ("ab", "bc", "ca"), ("ab", "cb", "ca"),
                                   ("ab", "ac", "cb"), ("ab", "ca", "cb"))],
        einsum("ij", "ji", X), einsum("ij", "i", X), einsum("ij", "", X), einsum("ijk", "ki", Q), einsum("ijk", "kij", Q)],
    "contraction_with_ones": [einsum("ij,j", "ij", X, full(1, "d")), einsum("ij,j", "i", X, full(2, "d")), einsum("ij,k", "kij", X, full(3, "b")),
                              einsum(",ij", "ji", q, X), einsum("i,ij,j", "", c, X, full(1, "d")), einsum("ij,ij", "ij", X, full(2, "n d")),
                              einsum("ij,", "", X, q)],
    "reshape_of_reshape": [X.reshape(-1).reshape(X.shape), X.reshape(-1).reshape(1, -1), apply(Reshape(X.shape), X), apply(Reshape((S("n"), S("d"))), full(2, "n*d")),
                           apply(Reshape((S("n"), S(1), S("d"))), full(2, "n d"))],
    "parts_side_by_side": [np.pad(X, ((0, 0), (0, 1))) + np.pad(C1, ((0, 0), (X.shape[1], 0))),
                           np.pad(X, ((W.shape[1], 0), (0, 0))) - np.pad(W.T, ((0, X.shape[0]), (0, 0))),
                           np.pad(X, ((1, 2), (0, 0))) + 3 * np.pad(R1, ((1 + X.shape[0], 1), (0, 0))), np.pad(b, (0, 2)) + c.sum() + np.pad(b[:2], (b.shape[0], 0))],
    "parts_of_parts": [np.concatenate([np.concatenate([X, C1], axis=1), V], axis=1), np.concatenate([b, np.concatenate([b, c])])],
    "slice_of_parts": [np.concatenate([X, C1], axis=1)[:, :-1], np.concatenate([b, c])[b.shape[0]:], np.concatenate([b, c])[1:b.shape[0]], np.concatenate([C1, X, V], axis=1)[::-1, 1:X.shape[1]],
                       np.concatenate([C1, X], axis=1)[1:, 1:]],
    "reshape_of_copies": [X.sum(axis=1, keepdims=True).reshape(c.shape), c[:, None].reshape(c.shape), X[None].reshape(X.shape)],
    "slice_of_place": [np.pad(X, 1)[1:-1, 1:-1], apply(Slice((S("n-1"), S(0)), X.shape, (-1, 1)), apply(Place((S("n-1"), S(0)), X.shape, (-1, 1)), X)),
                       full(2, "n d")[1:], apply(Constant(Fraction(2), X.shape))[::-1]],
    "size_in_front": [
        (X / build.elementwise("sqrt", S("d"))) @ W, X @ (W * (1 / build.elementwise("sqrt", S("m")))), (X / S("n")) @ W,
        (X / build.elementwise("sqrt", S("d"))).T, (Q / S("n")).swapaxes(-1, -2)],
    "softmax_by_definition": [
        exp(X) / exp(X).sum(axis=1, keepdims=True), exp(X) / copies(exp(X).sum(), "n d"), exp(b) / copies(exp(b).sum(), "d"),
        exp(Q) / exp(Q).sum(axis=(0, 2), keepdims=True), exp(X) * copies(1 / exp(X).sum(axis=0), "n d", 1), V * exp(X) / exp(X).sum(axis=0),
        exp(X) * copies(exp(X).sum(axis=1) ** -1, "n d", 0), np.where(SOME, exp(X), 0) / np.where(SOME, exp(X), 0).sum(axis=1, keepdims=True),
        exp(X) * SOME / (exp(X) * SOME).sum(axis=1, keepdims=True)],
    "logsumexp_by_definition": [log(exp(X).sum(axis=1)), log(exp(X).sum()), log(exp(Q).sum(axis=(0, 2)))],
    "log_softmax_by_definition": [
        X - copies(apply(LogSumExp((1,)), X), "n d", 0), V + (X - copies(apply(LogSumExp((1,)), X), "n d", 0)), log(apply(Softmax((1,)), X)),
        X + V - copies(apply(LogSumExp((0,)), X + V), "n d", 1), exp(apply(LogSoftmax((1,)), X)), X - copies(apply(LogSumExp((1,)), X) - c, "n d", 0)],
    "factor_in_front": [(copies(c, "n d", 0) * X * copies(q, "n d")).sum(axis=1), (q * X).sum(), (copies(c, "b n d", 1) * Q).sum(axis=(0, 2)),
                        (copies(c, "n d", 0) * X * R1).sum(axis=1)],
    "rows_that_sum_to_one": [T.sum(axis=1), T1.sum(axis=1), (Fraction(1, 4) * T + build.spread(build.constant(Fraction(3, 4)) / S("d"), T.shape)).sum(axis=1), (2 - T).sum(axis=1)],
    "variance_by_definition": [
        ((X - X.mean(axis=1, keepdims=True)) ** 2).mean(axis=1), ((b - copies(b.mean(), "d")) ** 2).mean(), (X**2).mean(axis=0) - X.mean(axis=0) ** 2,
        ((Q - Q.mean(axis=(0, 2), keepdims=True)) ** 2).mean(axis=(0, 2)), Fraction(1, 3) * ((T3 - copies(Fraction(1, 3) * T3.sum(axis=1), "n 3", 0)) ** 2).sum(axis=1)],
    "normalized_by_definition": [
        (X - X.mean(axis=1, keepdims=True)) / copies(np.sqrt(X.var(axis=1) + 1), "n d", 0),
        V * (X - X.mean(axis=1, keepdims=True)) / copies(np.sqrt(Fraction(1, 2) + X.var(axis=1)), "n d", 0),
        (X - X.mean(axis=0)) * copies((2 + X.var(axis=0)) ** Fraction(-1, 2), "n d", 1), X / copies(np.sqrt((X**2).mean(axis=1) + 3), "n d", 0),
        V * X * copies(1 / np.sqrt((X**2).mean(axis=0)), "n d", 1)],
    "inverse_of_inverse": [inv(inv(K)), inv(K.T), inv(T4.transpose(0, 2, 1)), inv(inv(T4)), inv(apply(Eye(S("n")))), inv(2 * K), inv(-K), inv(K / 3)],
    "transpose_of_symmetric": [Y.T, Z.T, inv(X.T @ X + apply(Eye(S("d")))).T, inv(Y).T, (X.T @ X + q * apply(Eye(S("d")))).T, (Y - Z).T, inv(T4.transpose(0, 2, 1) @ T4).transpose(0, 2, 1)],
    "scalar_in_front": [(q * K).T, (K * (2 * q)).T, (q * inv(K)) @ X, X.T @ (q * inv(K).T), solve(K, q * X), solve(K, -X * q)],
    "product_with_inverse": [K @ inv(K), inv(K) @ K, K @ (inv(K) @ X), inv(K) @ (K @ X), X.T @ K @ inv(K), X.T @ inv(K) @ K, K @ solve(K, X), (X.T @ X + apply(Eye(S("d")))) @ inv(X.T @ X + apply(Eye(S("d"))))],
    "transpose_of_solution": [solve(K, X).T, solve(K.T, K2).T, solve(T4, T4 + 1).transpose(0, 2, 1)],
    "transpose_of_sum": [(K @ K2 + K.T).T, (X @ W - 2 * (V @ W)).T, (q * (X @ W) + solve(K, X @ W)).T, (X @ W - V @ W + (W.T @ X.T).T).T],
    "sum_of_diagonal": [(K * apply(Eye(S("n")))).sum(), (2 * K @ K2 * apply(Eye(S("n")))).sum(), (K * K2 * apply(Eye(S("n")))).sum()],
    "norm_by_definition": [np.sqrt((X**2).sum()), np.sqrt((b**2).sum()), np.sqrt((Q**2).sum(axis=(0, 2))), np.sqrt(((X - V) ** 2).sum(axis=0))],
    "solution_of_product": [solve(K, K), solve(K, K @ X), solve(K, apply(Eye(S("n")))), solve(apply(Eye(S("n"))), X), solve(inv(K), X), solve(inv(K), c)],
    "determinant_of_transpose": [det(K.T), det(inv(K)), det(apply(Eye(S("n")))), det(T4.transpose(0, 2, 1)), logdet(K.T), logdet(inv(K)), logdet(apply(Eye(S(3)))),
                                 logdet(inv(T4))],
    "shifted_rows": [
        apply(Softmax((1,)), X - copies(c, "n d", 0)), apply(Softmax((1,)), copies(c, "n d", 0) + X, SOME), apply(LogSoftmax((0,)), X + copies(b, "n d", 1)),
        apply(LogSumExp((1,)), X - copies(c, "n d", 0)), apply(LogSumExp((0, 1)), X + 3), apply(LogSumExp((1,)), X - copies(q - c, "n d", 0)),
        apply(LogSumExp((0,)), Q + copies(c, "b n d", 1)), apply(Variance((1,)), X + copies(c, "n d", 0)),
        apply(Standardize((0,), Fraction(1)), copies(b, "n d", 1) - X)],
}  # fmt: skip

BOOK = {rule.__name__: rule for rules in IDENTITIES.values() for rule in rules}
FIRING = [(title, node) for title, nodes in FIRES.items() for node in nodes]


@pytest.fixture(autouse=True)
def _forget():
    simplify.forget()
    proof.forget()


@pytest.mark.parametrize("title", BOOK)
def test_every_identity_has_a_case(title):
    assert FIRES[title]
    assert BOOK[title].__doc__


@pytest.mark.parametrize("title", FIRES)
def test_every_case_is_of_an_identity(title):
    assert title in BOOK


def fired(title, node):
    assert BOOK[title] in IDENTITIES[type(node.op)]
    after = BOOK[title](node)
    assert after is not None
    assert after is not node
    return after


@pytest.mark.parametrize(("title", "node"), FIRING, ids=str)
def test_an_identity_fires_is_proved_and_keeps_the_value(title, node):
    after = fired(title, node)
    assert after.shape == node.shape
    simplify.confirm(BOOK[title], node, after)
    for seed, sizes in enumerate(sizes_for(node, after)):
        arrays = values_for([node], sizes, seed)
        before, new = node_values(node, sizes, arrays)[node], node_values(after, sizes, arrays)[after]
        assert_same(new, before, work(node, sizes))


@pytest.mark.parametrize(("title", "node"), FIRING, ids=str)
def test_no_mutant_of_an_identity_is_proved(title, node):
    after = fired(title, node)
    attacked = 0
    for _, mutant in mutants(after):
        at = roomy_sizes(node, after, mutant)
        if at is None:
            continue
        arrays = values_for([node, mutant], at)
        try:
            with np.errstate(all="ignore"):
                right, wrong = node_values(node, at, arrays)[node], node_values(mutant, at, arrays)[mutant]
        except (TypeError, ZeroDivisionError, ValueError, np.linalg.LinAlgError):  # NumPy does not spell it: 0 ** -1
            continue
        if np.isfinite(wrong).all() and differ(right, wrong, work(node, at)):
            attacked += 1
            with pytest.raises(Unproved):
                simplify.confirm(BOOK[title], node, mutant)
    assert attacked


def test_a_wrong_identity_takes_no_part():
    """(A B)ᵀ = Aᵀ Bᵀ, entered into the book, is not used where it would apply."""

    def wrong(node):
        """(A B)ᵀ = Aᵀ Bᵀ"""
        (inner,) = node.operands
        return inner.operands[0].T @ inner.operands[1].T if isinstance(inner.op, Matmul) else None

    right = IDENTITIES[Transpose]
    IDENTITIES[Transpose] = []
    try:
        identity(Transpose)(wrong)
        assert simplify.simplify((K @ K2).T) is (K @ K2).T
        with pytest.raises(Unproved) as error:
            simplify.confirm(wrong, (K @ K2).T, K.T @ K2.T)
        assert str(error.value) == "the identity wrong is not proved for (K @ K2).T = K.T @ K2.T: (A B)ᵀ = Aᵀ Bᵀ"
    finally:
        IDENTITIES[Transpose] = right


def test_an_identity_that_goes_in_circles_is_stopped():
    def round_and_round(node):
        """A + B = B + A, for ever"""
        return node.operands[1] + node.operands[0]

    right = IDENTITIES[Elementwise]
    IDENTITIES[Elementwise] = [round_and_round]
    try:
        with pytest.raises(Unproved, match="does not end"):
            simplify.simplify(X + V)
    finally:
        IDENTITIES[Elementwise] = right


@given(expressions(depth=3))
@settings(max_examples=150, deadline=None)
def test_simplifying_keeps_the_value(array):
    simple = simplify.simplify(array)
    assert simple.shape == array.shape
    for seed, sizes in zip(range(3), sizes_for(array, simple), strict=False):
        arrays = values_for([array], sizes, seed)
        nodes, better = node_values(array, sizes, arrays), node_values(simple, sizes, arrays)
        assume(np.isfinite(nodes[array]).all())
        scale = max(1.0, *[float(np.max(np.abs(v), initial=0)) for v in (*nodes.values(), *better.values())])
        np.testing.assert_allclose(better[simple], nodes[array], rtol=0, atol=EPS * work(array, sizes) * scale**3)


@given(expressions(depth=3))
@settings(max_examples=100, deadline=None)
def test_simplifying_twice_is_simplifying_once(array):
    simple = simplify.simplify(array)
    simplify.forget()
    assert simplify.simplify(simple) is simple


PLAIN = {
    "X @ A + b": (X @ N("A", "d d")) + full(1, "n 1") @ b[None, :],
    "0.5 * np.sum((X - V) ** 2)": np.trace((X - V).T @ (X - V)) / 2,
    "W.T @ X.T": (X @ W).T,
    "6 * X": X * 2 * 3,
    "X ** 2": X * X,
    "X": X.T.T,
    "X - V": X + (-1) * V,
    "np.full((n, d), 0)": X - X,
    "-X @ W": (-X) @ W,
    "X * (1 - X)": (1 * X) * (1 - X),
    "q * X": X * q,
    "K2 @ K.T": einsum("ij,kj", "ki", K, K2),
    "n * b": apply(Sum((0,)), copies(b, "n d", 1)),
}  # fmt: skip


@pytest.mark.parametrize("text", PLAIN)
def test_expressions_read_as_a_person_would_write_them(text):
    assert str(simplify.simplify(PLAIN[text])) == text


def test_what_two_sides_share_is_taken_as_generic():
    before = np.tanh(X @ W).T.T
    left, right = simplify.abstract(before, np.tanh(X @ W))
    assert (str(left), str(right)) == ("?0.T.T", "?0")
