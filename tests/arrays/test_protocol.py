"""Symbolic arrays stand in for NumPy's: the same code on both gives the same values and shapes."""

# ruff: noqa: PLW0108, E741, SIM300  # the table is of calls as they are written, by the names of their arrays

from fractions import Fraction

import numpy as np
import pytest
from scipy import special

from derive.arrays import build, protocol
from derive.arrays.array import Array
from derive.arrays.functions import FUNCTIONS
from derive.arrays.shapes import concrete

from .values import N, S, assert_same, sizes_for, text_value, values_for, work

SHAPES = {
    "X": "n d", "V": "n d", "W": "d m", "b": "d", "b2": "d", "c": "n", "K": "n n", "Q": "b h n d", "P": "b n d", "R": "b d m", "q": "",
    "C1": "n 1", "R1": "1 d", "O": "1", "M": "n d : bool", "M2": "n d : bool", "F": "4 6", "T": "b n n",
    "t": "m : int[0,n)", "t2": "h m : int[0,n)", "u": "n : int[0,d)", "u1": "n 1 : int[0,d)", "u3": "n 3 : int[0,d)", "r1": "1 d : int[0,n)", "p": "b n : int[0,d)",
}  # fmt: skip
ARRAYS = {label: N(label, shape) for label, shape in SHAPES.items()}

SAME = {
    # operators
    "add": lambda X, V: X + V, "add a row": lambda X, b: X + b, "add a column": lambda X, C1: X + C1, "add rows": lambda X, R1: R1 + X,
    "add a number": lambda X: X + 2, "radd": lambda X: 2 + X, "sub": lambda X, V: X - V, "rsub": lambda X: 1 - X, "mul": lambda X, V: X * V,
    "rmul": lambda X: 0.1 * X, "div": lambda X, V: X / V, "rdiv": lambda X: 1 / X, "neg": lambda X: -X, "pos": lambda X: +X,
    "pow": lambda X: X ** 3, "pow -2": lambda X: X ** -2, "pow 0": lambda X: X ** 0, "pow 1": lambda X: X ** 1, "root": lambda q: (q * q) ** 0.5,
    "rpow": lambda X: 2 ** X, "power of arrays": lambda X, V: np.abs(X) ** V, "abs": lambda X: abs(X),
    "matmul": lambda X, W: X @ W, "matmul vector": lambda X, b: X @ b, "vector matmul": lambda b, W: b @ W, "inner": lambda b, b2: b @ b2,
    "matmul batch": lambda P, R: P @ R, "matmul spread": lambda P, W: P @ W, "matmul batch vector": lambda P, b: P @ b,
    "vector matmul batch": lambda b, R: b @ R, "matmul rank 4": lambda Q: Q @ Q.swapaxes(-1, -2), "scalar times": lambda q, X: q * X,
    "gt": lambda X, V: X > V, "lt": lambda X: X < 0, "ge": lambda X, V: X >= V, "le": lambda X: 0 <= X, "eq": lambda X, V: X == V,
    "ne": lambda X, V: X != V, "invert": lambda M: ~M, "mask times": lambda M, X: M * X, "masks": lambda M, M2: M * M2,
    "compare comparisons": lambda X, V: (X > 0) > (V > 0), "bool of a mask": lambda M: np.where(M, 1, 0),
    # scalars that are NumPy's
    "float64": lambda X: np.float64(0.5) * X, "float32": lambda X: X * np.float32(0.5), "int64": lambda X: X - np.int64(2),
    "0-d": lambda X: X * np.array(2.0), "pi": lambda X: np.pi * X, "half pi": lambda X: X - np.pi / 2, "True": lambda X: X + True,
    # methods and attributes
    "T": lambda X: X.T, "T rank 4": lambda Q: Q.T, "T vector": lambda b: b.T, "T scalar": lambda q: q.T, "transpose()": lambda P: P.transpose(),
    "transpose(axes)": lambda P: P.transpose(1, 0, 2), "transpose(tuple)": lambda P: P.transpose((2, 0, 1)), "transpose(-1)": lambda P: P.transpose(-1, 0, 1),
    "swapaxes": lambda Q: Q.swapaxes(1, -1), "sum()": lambda X: X.sum(), "sum(0)": lambda X: X.sum(0), "sum(axis)": lambda Q: Q.sum(axis=(0, -1)),
    "sum(keepdims)": lambda Q: Q.sum(axis=(1, 2), keepdims=True), "sum all keepdims": lambda X: X.sum(keepdims=True), "sum scalar": lambda q: q.sum(),
    "sum()()": lambda X: X.sum(axis=()), "mean()": lambda X: X.mean(), "mean(1)": lambda X: X.mean(1), "mean(keepdims)": lambda X: X.mean(axis=-1, keepdims=True),
    "sum of a mask": lambda M: M.sum(axis=0), "mean of a mask": lambda M: M.mean(), "dot": lambda X, W: X.dot(W), "copy": lambda X: X.copy(),
    "astype": lambda X: X.astype(float), "reshape(-1)": lambda Q: Q.reshape(-1), "reshape(a, b)": lambda F: F.reshape(3, 8),
    "reshape(tuple)": lambda F: F.reshape((2, -1, 3)), "reshape(list)": lambda F: F.reshape([24]), "reshape to ()": lambda O: O.reshape(()),
    "reshape sizes": lambda P: P.reshape(P.shape[0], -1), "reshape one": lambda q: q.reshape(1, 1), "size": lambda X: X / X.size,
    "size first": lambda X: X.shape[0] * X + (X.shape[1] - X) - (2 + X.shape[0]),
    "shape": lambda X: X / X.shape[1], "ndim": lambda X: X * X.ndim, "len": lambda F: F * len(F), "iter": lambda F: sum(row * k for k, row in enumerate(F)),
    "max()": lambda X: X.max(), "max(1)": lambda X: X.max(1), "max(keepdims)": lambda Q: Q.max(axis=(1, -1), keepdims=True), "min()": lambda X: X.min(),
    "min(0)": lambda X: X.min(0), "min(keepdims)": lambda X: X.min(axis=0, keepdims=True), "max of a mask": lambda M: M.max(axis=0),
    "max scalar": lambda q: q.max(), "argmax(1)": lambda X: X.argmax(1), "argmin(keepdims)": lambda X: X.argmin(axis=0, keepdims=True),
    "var(-1)": lambda X: X.var(-1), "var(keepdims)": lambda Q: Q.var(axis=(0, 2), keepdims=True), "std(0)": lambda X: X.std(0),
    "argmax of a vector": lambda b: b.argmax(),
    # several operations
    "np.clip": lambda X: np.clip(X, -0.5, 0.5), "np.clip low": lambda X: X.clip(min=0), "np.clip by arrays": lambda X, b: np.clip(X, None, b),
    "np.roll": lambda X: np.roll(X, 1, axis=0), "np.roll back": lambda X: np.roll(X, -1, axis=1), "np.roll all": lambda F: np.roll(F, 5), "np.roll by 0": lambda X: np.roll(X, 0, 0),
    "np.roll round": lambda F: np.roll(F, 9, axis=0), "np.diff": lambda X: np.diff(X, axis=0), "np.diff twice": lambda F: np.diff(F, 2),
    "np.cumsum": lambda X: np.cumsum(X, axis=1), "np.cumsum rank 4": lambda Q: Q.cumsum(axis=1), "np.cumsum of all": lambda F: np.cumsum(F), "np.cumsum of a vector": lambda b: np.cumsum(b),
    "np.diag": lambda b: np.diag(b), "np.diag of a matrix": lambda K: np.diag(K), "np.diagonal": lambda K: np.diagonal(K), "diagonal()": lambda K: K.diagonal(), "np.kron": lambda X, W: np.kron(X, W), "np.kron of vectors": lambda b, c: np.kron(b, c),
    "np.tile": lambda X: np.tile(X, 2), "np.tile (2, 3)": lambda X: np.tile(X, (2, 3)), "np.tile more": lambda b: np.tile(b, (2, 1)), "np.tile fewer": lambda P: np.tile(P, (2,)),
    "np.repeat": lambda X: np.repeat(X, 3, axis=0), "np.repeat all": lambda X: np.repeat(X, 2), "repeat()": lambda P: P.repeat(2, axis=-1),
    "np.inner": lambda X, V: np.inner(X, V), "np.inner of vectors": lambda b, b2: np.inner(b, b2), "np.inner with a scalar": lambda q, X: np.inner(q, X), "np.vdot": lambda X, V: np.vdot(X, V),
    "ravel()": lambda X: X.ravel(), "flatten()": lambda X: X.flatten(), "squeeze()": lambda C1: C1.squeeze(axis=1), "trace()": lambda K: K.trace(),
    "np.tan": lambda X: np.tan(X), "np.sinh": lambda X: np.sinh(X), "np.cosh": lambda X: np.cosh(X), "np.exp2": lambda X: np.exp2(X), "np.log2": lambda X: np.log2(X * X + 1),
    "np.log10": lambda X: np.log10(X * X + 1), "np.hypot": lambda X, V: np.hypot(X, V),
    # indices
    "[0]": lambda X: X[0], "[-1]": lambda X: X[-1], "[:, 0]": lambda X: X[:, 0], "[0, 0]": lambda X: X[0, 0], "[1:]": lambda X: X[1:],
    "[:-1]": lambda X: X[:-1], "[..., 0]": lambda Q: Q[..., 0], "[..., None]": lambda X: X[..., None], "[None]": lambda X: X[None],
    "[:, None]": lambda X: X[:, None], "[None, :, None]": lambda b: b[None, :, None], "[0, None]": lambda X: X[0, None], "[::-1]": lambda X: X[::-1],
    "[:, ::-1]": lambda X: X[:, ::-1], "[()]": lambda X: X[()], "[...]": lambda X: X[...], "[1:3, 2:]": lambda F: F[1:3, 2:], "[2:2]": lambda F: F[2:2],
    "[:9]": lambda F: F[:9], "[np.int64]": lambda F: F[np.int64(1)], "[1, :, 0, 1:]": lambda Q: Q[0, :, 0, 1:], "mask[1:]": lambda M: M[1:],
    "[::2]": lambda X: X[::2], "[1::3, :-1:2]": lambda F: F[1::3, :-1:2], "[size:]": lambda F: F[F.shape[0] // 2 :], "[:3:2]": lambda F: F[:3:2, ::5],
    "np.sliding_window_view": lambda F: np.lib.stride_tricks.sliding_window_view(F, (2, 3)), "np.sliding_window_view one axis": lambda F: np.lib.stride_tricks.sliding_window_view(F, 2, axis=1),
    "np.sliding_window_view two axes": lambda F: np.lib.stride_tricks.sliding_window_view(F, (3, 1), axis=(-1, 0))[::2, :, ::2],
    # whole numbers
    "[t]": lambda X, t: X[t], "[:, t]": lambda Q, t: Q[:, :, t], "[t2]": lambda X, t2: X[t2], "[..., u]": lambda P, u: P[..., u], "[t, None]": lambda X, t: X[t][:, None],
    "whole arithmetic": lambda X, u: X * (2 * u - 1)[:, None],
    "[a choice]": lambda P, M, p: P.swapaxes(0, -1)[np.where(M[:, 0], p, 0)], "compare": lambda X, u: X * (u == 2)[:, None], "add places": lambda X, u: X + u[:, None],
    "np.take": lambda X, t: np.take(X, t, axis=0), "np.take axis": lambda Q, t2: np.take(Q, t2, axis=2), "np.take flat": lambda c, t: np.take(c, t),
    "np.take_along_axis": lambda X, u1: np.take_along_axis(X, u1, axis=1), "np.take_along_axis many": lambda X, u3: np.take_along_axis(X, u3, axis=-1),
    "np.take_along_axis first": lambda X, r1: np.take_along_axis(X, r1, axis=0), "np.take_along_axis rank 3": lambda P, p: np.take_along_axis(P, p[:, :, None], axis=2)[..., 0],
    # NumPy functions that are not in the table of scalar functions
    "np.matmul": lambda X, W: np.matmul(X, W), "np.power": lambda X: np.power(X, 2), "np.float_power": lambda X: np.float_power(X, 2),
    "np.square": lambda X: np.square(X), "np.reciprocal": lambda X: np.reciprocal(X), "np.positive": lambda X: np.positive(X),
    "np.absolute": lambda X: np.absolute(X), "np.true_divide": lambda X, V: np.true_divide(X, V), "np.invert": lambda M: np.invert(M),
    "np.logaddexp": lambda X, V: np.logaddexp(X, V), "np.logaddexp 0": lambda X: np.logaddexp(0, X), "np.logaddexp of one": lambda X: np.logaddexp(X, 0.0),
    "np.dot": lambda X, W: np.dot(X, W), "np.dot scalar": lambda q, X: np.dot(q, X), "np.dot vectors": lambda b, b2: np.dot(b, b2),
    "np.einsum": lambda X, W: np.einsum("ij,jk->ik", X, W), "np.einsum implicit": lambda X, W: np.einsum("ij,jk", X, W),
    "np.einsum dots": lambda P, W: np.einsum("...j,jk->...k", P, W), "np.einsum dots of ranks": lambda Q, b: np.einsum("...ij,...j->...i", Q, b),
    "np.einsum dots implicit": lambda P: np.einsum("...i", P), "np.einsum dots of none": lambda X, W: np.einsum("...ij,jk->...ik", X, W),
    "np.einsum dots behind": lambda P: np.einsum("i...->...i", P),
    "np.einsum spaces": lambda X, W: np.einsum("i j, j k -> k i", X, W), "np.einsum optimize": lambda X, W: np.einsum("ij,jk", X, W, optimize=True),
    "np.einsum trace": lambda K: np.einsum("ii", K), "np.einsum upper": lambda X: np.einsum("Ab->bA", X), "np.outer": lambda b, c: np.outer(b, c),
    "np.tensordot": lambda X, W: np.tensordot(X, W, axes=((1,), (0,))), "np.tensordot 2": lambda X, V: np.tensordot(X, V), "np.tensordot 1": lambda Q, W: np.tensordot(Q, W, axes=1),
    "np.tensordot 0": lambda b, c: np.tensordot(b, c, 0), "np.tensordot axis": lambda Q, X: np.tensordot(Q, X, (2, 0)),
    "np.tensordot rank 4": lambda Q, P: np.tensordot(P, Q, axes=([-1, 0], [3, 0])),
    "np.trace": lambda K: np.trace(K), "np.transpose": lambda P: np.transpose(P, (1, 2, 0)), "np.transpose plain": lambda X: np.transpose(X),
    "np.swapaxes": lambda P: np.swapaxes(P, 0, 2), "np.moveaxis": lambda Q: np.moveaxis(Q, 1, -1), "np.sum": lambda X: np.sum(X, axis=1, keepdims=True),
    "np.max": lambda X: np.max(X, axis=1, keepdims=True), "np.amax": lambda X: np.amax(X, 0), "np.min": lambda X: np.min(X), "np.amin": lambda Q: np.amin(Q, (0, 2)),
    "np.tril": lambda X: np.tril(X), "np.tril k": lambda P: np.tril(P, 1), "np.triu": lambda Q: np.triu(Q, -2), "np.triu k": lambda X: np.triu(X, k=1),
    "np.vecdot": lambda X, V: np.vecdot(X, V), "np.vecdot batch": lambda P: np.vecdot(P, P),
    "np.var": lambda X: np.var(X, axis=0), "np.var all": lambda X: np.var(X), "np.var ddof": lambda X: np.var(X, axis=1, ddof=0.5, keepdims=True),
    "np.std": lambda X: np.std(X, axis=(0, 1)), "np.argmax": lambda X: np.argmax(X, axis=0), "np.argmin": lambda X: np.argmin(X, axis=-1, keepdims=True),
    "np.maximum.reduce": lambda X: np.maximum.reduce(X, axis=1), "np.minimum.reduce": lambda X: np.minimum.reduce(X),
    "np.mean": lambda X: np.mean(X, axis=0), "np.reshape": lambda F: np.reshape(F, (6, 4)), "np.expand_dims": lambda X: np.expand_dims(X, 1),
    "np.expand_dims two": lambda X: np.expand_dims(X, (0, -1)), "np.squeeze": lambda C1: np.squeeze(C1, 1), "np.squeeze axis": lambda R1: np.squeeze(R1, axis=0),
    "np.squeeze all": lambda O: np.squeeze(O), "np.broadcast_to": lambda b, X: np.broadcast_to(b, X.shape), "np.pad": lambda X: np.pad(X, ((1, 0), (0, 2))),
    "np.pad one number": lambda X: np.pad(X, 1), "np.pad one pair": lambda X: np.pad(X, (1, 2)), "np.pad one pair of pairs": lambda X: np.pad(X, ((1, 2),)),
    "np.pad (1,)": lambda X: np.pad(X, (1,)), "np.pad constant": lambda X: np.pad(X, 1, mode="constant", constant_values=0),
    "np.full_like": lambda X: X + np.full_like(X, 3), "np.ones_like": lambda X: X + np.ones_like(X), "np.zeros_like": lambda X: X + np.zeros_like(X),
    "np.where": lambda X, V: np.where(X > V, X, 0), "np.shape": lambda X: X * np.shape(X)[0], "np.ndim": lambda X: X * np.ndim(X),
    "np.size": lambda X: X * np.size(X), "np.copy": lambda X: np.copy(X), "np.ravel": lambda P: np.ravel(P), "np.flip": lambda X: np.flip(X, 0),
    "np.concatenate": lambda X, V: np.concatenate((X, V)), "np.concatenate list": lambda C1, X: np.concatenate([C1, X, X], axis=-1),
    "np.concatenate flat": lambda X, b: np.concatenate([X, b], axis=None), "np.concatenate one": lambda X: np.concatenate([X], axis=1),
    "np.concatenate mask": lambda X, M: np.concatenate((X, M), axis=1), "np.stack": lambda X, V: np.stack([X, V]),
    "np.stack axis": lambda X, V: np.stack((X, V, X), axis=-1), "np.stack scalars": lambda q: np.stack([q, 2 * q]), "np.stack rows": lambda F: np.stack(F),
    "np.hstack": lambda X, C1: np.hstack([X, C1]), "np.hstack vectors": lambda b, c: np.hstack([b, c]), "np.hstack scalars": lambda q, b: np.hstack([q, b]),
    "np.vstack": lambda X, b: np.vstack([X, b]), "np.vstack vectors": lambda b, b2: np.vstack([b, b2]), "np.vstack scalars": lambda q: np.vstack([q, q]),
    "np.split": lambda F: np.split(F, 2)[1], "np.split axis": lambda F: np.split(F, 3, axis=-1)[2], "np.split places": lambda F: np.split(F, [1, 4], axis=1)[1],
    "np.split from behind": lambda X: np.split(X, [-1], axis=1)[0], "np.split last": lambda X: np.split(X, [1], axis=1)[1],
    "np.flip all": lambda X: np.flip(X, (0, 1)), "np.flip plain": lambda X: np.flip(X),
    "np.inv": lambda K: np.linalg.inv(K), "np.inv of many": lambda T: np.linalg.inv(T), "np.det": lambda K: np.linalg.det(K), "np.det of many": lambda T: np.linalg.det(T),
    "np.slogdet": lambda K: np.linalg.slogdet(K)[1], "np.slogdet by name": lambda T: np.linalg.slogdet(T).logabsdet, "np.slogdet sign": lambda K: np.linalg.slogdet(K).sign,
    "np.solve": lambda K, X: np.linalg.solve(K, X), "np.solve vector": lambda K, c: np.linalg.solve(K, c), "np.solve of many": lambda T, P: np.linalg.solve(T, P),
    "np.solve many, one right": lambda T, X: np.linalg.solve(T, X), "np.solve many, one vector": lambda T, c: np.linalg.solve(T, c),
    "np.solve one, many right": lambda K, P: np.linalg.solve(K, P), "np.norm": lambda X: np.linalg.norm(X), "np.norm of a vector": lambda b: np.linalg.norm(b, 2),
    "np.norm axis": lambda X: np.linalg.norm(X, axis=1, keepdims=True), "np.norm fro": lambda P: np.linalg.norm(P, "fro", axis=(1, 2)),
    "np.norm 1": lambda X: np.linalg.norm(X, 1, axis=0), "np.norm of all": lambda Q: np.linalg.norm(Q), "np.trace by linalg": lambda K: np.linalg.trace(K),
    "np.add.reduce": lambda X: np.add.reduce(X, axis=1),
}  # fmt: skip

UNARY = [f for f in FUNCTIONS.values() if f.arity == 1 and hasattr(np, f.name)]
BINARY = [f for f in FUNCTIONS.values() if f.arity == 2 and hasattr(np, f.name)]


def _table():
    yield from SAME.items()
    for f in UNARY:
        call = getattr(np, f.name)
        if f.name == "logical_not":
            yield f"np.{f.name}", lambda M, call=call: call(M)
        else:
            yield f"np.{f.name}", lambda X, call=call: call(X * X)
    for f in BINARY:
        call = getattr(np, f.name)
        yield f"np.{f.name}", lambda X, V, call=call: call(X, V)


TABLE = dict(_table())


def names(function):
    return [name for name in function.__code__.co_varnames[: function.__code__.co_argcount] if name in ARRAYS]


@pytest.mark.parametrize("function", TABLE.values(), ids=TABLE)
def test_symbolic_arrays_do_what_numpys_do(function):
    labels = names(function)
    symbolic = function(*[ARRAYS[label] for label in labels])
    given = [ARRAYS[label] for label in labels]
    assert isinstance(symbolic, Array)
    for seed, sizes in enumerate(sizes_for(symbolic, *given)):
        arrays = values_for(given, sizes, seed)
        want = np.asarray(function(*[arrays[label] for label in labels]))
        assert concrete(symbolic.shape, sizes) == want.shape
        assert (symbolic.kind == "bool") == (want.dtype == bool)
        assert_same(text_value(symbolic, sizes, arrays), want, work(symbolic, sizes))


@pytest.mark.parametrize(
    "table",
    [protocol._UFUNCS, protocol._CALLS, {f.name: f for f in (*UNARY, *BINARY)}],
    ids=["ufuncs", "calls", "scalar functions"],
)
def test_every_numpy_name_that_is_read_is_compared_with_numpy(table):
    by_text = {"expit", "log_expit", "sigmoid", "softplus", "erf", "ndtr"}  # SciPy's and the table's own
    missing = [
        name
        for name in table
        if name not in by_text and not any(k == f"np.{name}" or k.startswith(f"np.{name} ") for k in TABLE)
    ]
    assert missing == []


@pytest.mark.parametrize("name", ["expit", "log_expit", "erf", "ndtr"])
def test_scipys_functions_do_what_they_do_on_arrays(name):
    X, call = ARRAYS["X"], getattr(special, name)
    symbolic = call(X)
    assert isinstance(symbolic, Array)
    for seed, sizes in enumerate(sizes_for(symbolic)):
        arrays = values_for([X], sizes, seed)
        assert_same(text_value(symbolic, sizes, arrays), call(arrays["X"]), work(symbolic, sizes))


def test_numbers_are_what_a_float_of_all_its_digits_is():
    assert str(build.constant(np.sqrt(2))) == "np.sqrt(2)"
    assert str(build.constant(-np.sqrt(2 / np.pi))) == "-np.sqrt(2 / np.pi)"
    assert str(build.constant(np.sqrt(3 * np.pi / 4))) == "np.sqrt(0.75 * np.pi)"
    assert str(build.constant(1.41421)) == "1.41421"  # not √2, but what it says
    assert build.constant(np.nextafter(np.sqrt(2), 2)).op.name == "constant"


def test_equal_expressions_are_one_object():
    X, W = ARRAYS["X"], ARRAYS["W"]
    assert np.tanh(X @ W) is np.tanh(X @ W)
    assert X == X  # noqa: PLR0124  # the point is that it is one object
    assert (X != X) is False  # noqa: PLR0124  # as above
    assert {X: 1}[N("X", "n d")] == 1


def test_shape_gives_symbolic_sizes():
    n, d = ARRAYS["X"].shape
    assert (n, d) == (S("n"), S("d"))
    assert ARRAYS["X"].size == S("n*d")


def test_decimals_are_what_they_say():
    assert build.constant(0.1).op.value == Fraction(1, 10)
    assert build.constant(np.float32(0.1)).op.value == Fraction(1, 10)
    assert build.constant(1e-05).op.value == Fraction(1, 100000)
    assert build.constant(np.pi).op.value == "pi"
    assert str(build.constant(3 * np.pi / 4)) == "0.75 * np.pi"
