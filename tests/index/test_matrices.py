"""Inverses and determinants in the kernel: identities that hold and their wrong variants, and the seventh law of ∂."""

from __future__ import annotations

import pytest

from derive.index.calculus import partial
from derive.index.effort import Exhausted
from derive.index.normal import equal, normal_form
from derive.index.size import Size
from derive.index.terms import Apply, Entry, Extent, Index, Number, OfMatrix, Position, delta, entry, total

N, D = Size.of("n"), Size.of("d")
I, J, P, Q, K, L = Index(D, "i"), Index(D, "j"), Index(D, "p"), Index(D, "q"), Index(N, "k"), Index(N, "l")  # noqa: E741  # as in a book


class Matrix:
    """A matrix given entry by entry, with the operators of matrices, so that identities read as in a book."""

    def __init__(self, rows, columns, at):
        self.rows, self.columns, self.at = rows, columns, at

    def __call__(self, i, j):
        return self.at(i, j)

    def __add__(self, other):
        return Matrix(self.rows, self.columns, lambda i, j: self(i, j) + other(i, j))

    def __sub__(self, other):
        return self + -1 * other

    def __mul__(self, number):
        return Matrix(self.rows, self.columns, lambda i, j: number * self(i, j))

    __rmul__ = __mul__  # a term would take the matrix for a number

    def __matmul__(self, other):
        def at(i, j):
            k = Index(self.columns)
            return total(self(i, k) * other(k, j), k)

        return Matrix(self.rows, other.columns, at)

    @property
    def T(self):
        return Matrix(self.columns, self.rows, lambda i, j: self(j, i))


def named(name, rows=D, columns=D, kind="float"):
    return Matrix(rows, columns, lambda i, j: entry(name, i, j, kind=kind))


def of(function, matrix, *at):
    rows, columns = Index(matrix.rows), Index(matrix.columns)
    return OfMatrix(function, rows, columns, matrix(rows, columns), tuple(map(Position.of, at)))


def inv(matrix):
    return Matrix(matrix.rows, matrix.columns, lambda i, j: of("inv", matrix, i, j))


def det(matrix):
    return of("det", matrix)


def tr(matrix):
    i = Index(matrix.rows)
    return total(matrix(i, i), i)


def log(term):
    return Apply("log", term)


def diag(vector):
    return Matrix(D, D, lambda i, j: delta(i, j) * vector(i))


A, B, C, F, X, U, V, W = (
    named("A"), named("B"), named("C"), named("F"), named("X", N, D), named("U", D, N), named("V", N, D), named("W", N, N),
)  # fmt: skip
S, R = named("S", kind="symmetric"), named("R", kind="spd")
ID, ID_N = Matrix(D, D, delta), Matrix(N, N, delta)
LAM, C0 = entry("lam"), entry("c", kind="positive")
GRAM = X.T @ X
RIDGE = GRAM + ID * LAM


def u(i):
    return entry("u", i)


def v(i):
    return entry("v", i)


OUTER = Matrix(D, D, lambda i, j: u(i) * v(j))
HAT = X @ inv(GRAM) @ X.T

MATRICES = {
    "A": A, "A'": A.T, "2 A": 2 * A, "lam A": A * LAM, "A B": A @ B, "A B C": A @ B @ C, "A + B": A + B, "A + A'": A + A.T, "A A + B": A @ A + B,
    "X'X": GRAM, "X'X + lam I": RIDGE, "X'X + S": GRAM + S, "S": S, "spd": R, "inv(A) + B": inv(A) + B, "A + u v'": A + OUTER,
    "D A D": diag(u) @ A @ diag(v), "X'W X": X.T @ W @ X, "A B + S": A @ B + S,
}  # fmt: skip
SYMMETRIC = ("A + A'", "X'X", "X'X + lam I", "X'X + S", "S", "spd")
SCALED = ("lam A", "D A D")  # det(lam A) is lam to the power d times det(A): no form for that where lam may be negative


@pytest.mark.parametrize("name", MATRICES)
def test_an_inverse_cancels_what_it_inverts(name):
    M = MATRICES[name]
    assert equal((inv(M) @ M)(I, J), delta(I, J))
    assert equal((M @ inv(M))(I, J), delta(I, J))
    assert equal(tr(M @ inv(M)), Extent(D))
    assert equal((A @ inv(M) @ M @ B)(I, J), (A @ B)(I, J))
    assert not equal((inv(M) @ M @ M)(I, J), delta(I, J))
    assert not equal((inv(M) @ inv(M))(I, J), inv(M)(I, J))
    assert not equal((inv(M) @ F @ M)(I, J), F(I, J))


@pytest.mark.parametrize("name", MATRICES)
def test_transposes(name):
    M = MATRICES[name]
    assert equal(inv(M.T)(I, J), inv(M)(J, I))
    assert equal(det(M), det(M.T))
    assert equal(inv(M)(I, J), inv(M)(J, I)) == (name in SYMMETRIC)
    assert equal((inv(M) @ M.T)(I, J), delta(I, J)) == (name in SYMMETRIC)


@pytest.mark.parametrize("name", MATRICES)
def test_inverses_of_inverses(name):
    M = MATRICES[name]
    assert equal(inv(inv(M))(I, J), M(I, J))
    assert equal(inv(inv(M).T)(I, J), M(J, I))
    assert equal(det(M) * det(inv(M)), Number(1)) or name in SCALED
    assert not equal(det(inv(M)), det(M))


P0, Q0 = Index(Size.of(1)), Index(Size.of(1))
SMALL = Matrix(Size.of(1), Size.of(1), lambda i, j: entry("A", i, j) + 2)

RIGHT_AND_WRONG = {
    "inv of a product": (inv(A @ B)(I, J), (inv(B) @ inv(A))(I, J), [(inv(A) @ inv(B))(I, J)]),
    "inv of three": (inv(A @ B @ C)(I, J), (inv(C) @ inv(A @ B))(I, J), [(inv(C) @ inv(B @ A))(I, J)]),
    "inv of A A'": (inv(A @ A.T)(I, J), (inv(A).T @ inv(A))(I, J), [(inv(A) @ inv(A).T)(I, J)]),
    "inv(2 A)": (inv(2 * A)(I, J), inv(A)(I, J) / 2, [2 * inv(A)(I, J), inv(A)(I, J)]),
    "inv(-A)": (inv(-1 * A)(I, J), -inv(A)(I, J), [inv(A)(I, J)]),
    "inv(A - B)": (inv(A - B)(I, J), -inv(B - A)(I, J), [inv(B - A)(I, J)]),
    "inv(diag)": (inv(diag(u))(I, J), delta(I, J) / u(J), [delta(I, J) * u(J), 1 / u(J)]),
    "inv(D A E)": (inv(diag(u) @ A @ diag(v))(I, J), inv(A)(I, J) / u(J) / v(I), [inv(A)(I, J) / u(I) / v(J)]),
    "inv(I)": (inv(ID)(I, J), delta(I, J), [Number(1)]),
    "inv of 1x1": (inv(SMALL)(P0, Q0), 1 / SMALL(P0, Q0), [SMALL(P0, Q0)]),
    "inv of the scaled Gram matrix": (inv(GRAM * Extent(N) ** -1 + ID * LAM)(I, J), Extent(N) * inv(GRAM + ID * (Extent(N) * LAM))(I, J),
                                      [Extent(N) * inv(RIDGE)(I, J)]),
    "det of a product": (det(A @ B), det(B @ A), [det(A) + det(B), det(A)]),
    "det of three": (det(A @ B @ A.T), det(A) ** 2 * det(B), [det(A) * det(B)]),
    "det(I)": (det(ID), Number(1), [Extent(D)]),
    "det(c A)": (det(A * C0), Apply("exp", Extent(D) * log(C0)) * det(A), [C0 * det(A)]),
    "det of 1x1": (det(SMALL), SMALL(P0, Q0), [Number(1)]),
    "log det(2 S)": (log(det(2 * R)), Extent(D) * log(Number(2)) + log(det(R)), [log(Number(2)) + log(det(R)), log(det(R))]),
    "log det of spd matrices": (log(det(R @ named("Z", kind="spd"))), log(det(R)) + log(det(named("Z", kind="spd"))), [log(det(R))]),
    "|det| of spd": (Apply("abs", det(R)), det(R), [-det(R)]),
    "|det| of symmetric": (Apply("abs", det(S)) ** 2, det(S) ** 2, [det(S)]),
    "symmetric": (S(I, J), S(J, I), [A(J, I), S(I, I)]),
    "x'A x": (tr(OUTER @ S), tr(OUTER.T @ S), [tr(OUTER @ A)]),
    "inv(A) - inv(B)": ((inv(A) - inv(B))(I, J), (inv(A) @ (B - A) @ inv(B))(I, J), [(inv(A) @ (A - B) @ inv(B))(I, J)]),
    "Searle": (inv(inv(A) + inv(B))(I, J), (A @ inv(A + B) @ B)(I, J), [(A @ inv(A + B) @ A)(I, J)]),
    "push through": ((inv(RIDGE) @ X.T)(I, K), (X.T @ inv(X @ X.T + ID_N * LAM))(I, K), [(X.T @ inv(X @ X.T + ID_N))(I, K)]),
    "Woodbury": (inv(A + U @ W @ V)(I, J), (inv(A) - inv(A) @ U @ inv(inv(W) + V @ inv(A) @ U) @ V @ inv(A))(I, J),
                 [(inv(A) + inv(A) @ U @ inv(inv(W) + V @ inv(A) @ U) @ V @ inv(A))(I, J), (inv(A) - inv(A) @ U @ inv(W + V @ inv(A) @ U) @ V @ inv(A))(I, J)]),
    "Sherman-Morrison": (inv(A + OUTER)(I, J), inv(A)(I, J) - (inv(A) @ OUTER @ inv(A))(I, J) / (1 + tr(OUTER @ inv(A))),
                         [inv(A)(I, J) - (inv(A) @ OUTER @ inv(A))(I, J), inv(A)(I, J) - (inv(A) @ OUTER @ inv(A))(I, J) / (1 - tr(OUTER @ inv(A)))]),
    "a projection": ((HAT @ HAT)(K, L), HAT(K, L), [(X @ X.T)(K, L), delta(K, L)]),
    "a projection is symmetric": (HAT(K, L), HAT(L, K), [-HAT(L, K)]),
    "the rank of a projection": (tr(HAT), Extent(D), [Extent(N)]),
    "names are bound": ((inv(inv(A) + A) @ A)(I, J), (inv(inv(A) + A) @ A)(I, J), [(inv(inv(A) + A) @ A)(J, I), (A @ inv(inv(A) + B))(I, J)]),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT_AND_WRONG)
def test_identity(name):
    left, right, wrong = RIGHT_AND_WRONG[name]
    assert equal(left, right)
    assert [w for w in wrong if equal(left, w)] == []
    assert not equal(left, right + 1)


# ---- the seventh law


def gradient(loss, array, *at):
    return partial(loss, array, tuple(map(Position.of, at)))


INVERSE = inv(A)
GRADIENTS = {
    "det(A)": (det(A), det(A) * INVERSE(Q, P), [det(A) * INVERSE(P, Q), INVERSE(Q, P), -det(A) * INVERSE(Q, P)]),
    "log det(A)": (log(det(A)), INVERSE(Q, P), [INVERSE(P, Q), 2 * INVERSE(Q, P)]),
    "log |det(A)|": (log(det(A) ** 2) / 2, INVERSE(Q, P), [2 * INVERSE(Q, P)]),
    "tr(B inv(A))": (tr(B @ INVERSE), -(INVERSE @ B @ INVERSE)(Q, P), [(INVERSE @ B @ INVERSE)(Q, P), -(INVERSE @ B @ INVERSE)(P, Q)]),
    "det(A) squared": (det(A) ** 2, 2 * det(A) ** 2 * INVERSE(Q, P), [2 * det(A) * INVERSE(Q, P)]),
    "det(A'B A)": (det(A.T @ B @ A), 2 * det(A.T @ B @ A) * INVERSE(Q, P), [det(A.T @ B @ A) * INVERSE(Q, P)]),
    "inv(inv(A))": (tr(B @ inv(INVERSE)), B(Q, P), [B(P, Q)]),
    "the diagonal of inv(A)": (total(u(I) * INVERSE(I, I), I), -(INVERSE @ diag(u) @ INVERSE)(Q, P), [-(INVERSE @ INVERSE)(Q, P)]),
    "log det(A'A + lam I)": (log(det(A.T @ A + ID * LAM)), 2 * (A @ inv(A.T @ A + ID * LAM))(P, Q), [(A @ inv(A.T @ A + ID * LAM))(P, Q)]),
}  # fmt: skip


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name):
    loss, claim, wrong = GRADIENTS[name]
    found = gradient(loss, "A", P, Q)
    assert equal(found, claim)
    assert [w for w in wrong if equal(found, w)] == []


def test_the_law_twice():
    """The second derivative of log det(A): the places of an inverse may be the indices that the law itself made."""
    second = gradient(gradient(log(det(A)), "A", P, Q), "A", I, J)
    assert equal(second, -INVERSE(Q, I) * INVERSE(J, P))
    assert not equal(second, -INVERSE(Q, J) * INVERSE(I, P))
    third = gradient(gradient(tr(B @ INVERSE), "A", P, Q), "A", I, J)
    claim = (INVERSE @ B @ INVERSE)(Q, I) * INVERSE(J, P) + INVERSE(Q, I) * (INVERSE @ B @ INVERSE)(J, P)
    assert equal(third, claim)


def test_an_entry_of_a_symmetric_array_is_an_entry():
    """What is known of an array's values does not tie its entries together in a derivative."""
    assert equal(gradient(S(I, J), "S", P, Q), delta(I, P) * delta(J, Q))
    assert not equal(gradient(S(I, J), "S", P, Q), delta(I, Q) * delta(J, P))


# ---- what must not be taken for an inverse


def test_a_sum_over_a_part_of_an_axis_is_no_product():
    short = Index(D - 1)
    part = total(INVERSE(I, short) * A(short, J), short)
    assert not equal(part, delta(I, J))


def test_an_entry_outside_the_matrix_is_not_contracted():
    """``j + 1`` may lie beyond the last column."""
    k = Index(D)
    beyond = total(INVERSE(I, k) * entry("A", k, Position.of(J) + 1), k)
    assert not equal(beyond, delta(I, Position.of(J) + 1))
    within = Index(D - 1)
    inside = total(INVERSE(I, k) * entry("A", k, Position.of(within) + 1), k)
    assert equal(inside, delta(I, Position.of(within) + 1))


def test_an_index_used_twice_is_not_contracted():
    k = Index(D)
    assert not equal(total(INVERSE(I, k) * A(k, J) * u(k), k), delta(I, J) * u(J))
    assert not equal(total(INVERSE(k, k) * A(k, J), k), Number(1))
    batched = Matrix(D, D, lambda i, j: entry("T", I, i, j))
    assert not equal(total(of("inv", batched, I, k) * entry("T", J, k, J), k), delta(I, J))
    assert equal(total(of("inv", batched, I, k) * entry("T", I, k, J), k), delta(I, J))


def test_a_matrix_is_square():
    with pytest.raises(ValueError, match="a matrix of n rows and d columns"):
        normal_form(det(X))


def test_what_multiplies_an_equation_comes_to_an_end():
    """Here each inverse that goes brings the next one; it is given up, undecided."""
    both = Matrix(D, D, lambda i, j: inv(ID + A)(i, j) * u(i))
    assert not equal((both @ both)(I, J), both(I, J))
    with pytest.raises(Exhausted):
        normal_form(sum((entry(name) * det(A) for name in "abcdefgh"), Entry("x")) ** 1000)
