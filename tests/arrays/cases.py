"""For every operation of the language, expressions that end in it: what the language and the book are tested on."""

import importlib
import pkgutil
from fractions import Fraction

import numpy as np

import derive.arrays
from derive.arrays import build
from derive.arrays.array import Operation, apply
from derive.arrays.functions import FUNCTIONS
from derive.arrays.gather import AddRows, OneHot, Pick, Put, Rows
from derive.arrays.joining import Concatenate
from derive.arrays.matrices import Determinant, Inverse, LogDeterminant, Norm, Solve
from derive.arrays.moves import Place, Reshape, Slice, Transpose
from derive.arrays.operations import Broadcast, Constant, Einsum, Elementwise, Eye, Matmul, Sum
from derive.arrays.pooling import AtLargest, ToLargest, WindowMax
from derive.arrays.rows import Arange, ArgMax, Largest, Max
from derive.arrays.softmax import LogSoftmax, LogSumExp, Softmax
from derive.arrays.statistics import RootMeanSquare, Standardize, Variance
from derive.arrays.windows import Overlap, Windows

from .values import N, S

RANKS = ("", "n d", "b n d")


def operations():
    """Every operation of the language, discovered."""
    for module in pkgutil.iter_modules(derive.arrays.__path__):
        if not module.name.startswith("sympy"):
            importlib.import_module(f"derive.arrays.{module.name}")
    found, todo = set(), [Operation]
    while todo:
        for kind in todo.pop().__subclasses__():
            todo.append(kind)
            if kind.__module__.startswith("derive.arrays.") and not kind.__abstractmethods__:
                found.add(kind)
    return found


def _elementwise():
    for function in FUNCTIONS.values():
        for shape in RANKS:
            masks = {"where": (0,), "logical_not": (0,)}.get(function.name, ())
            operands = [N("ABC"[k], f"{shape} : bool" if k in masks else shape) for k in range(function.arity)]
            yield f"{function.name}({shape})", apply(Elementwise(function.name), *operands)



def windows(image, axes, window, stride, dilation):
    """All windows that fit."""
    window, stride, dilation = (tuple(map(S, text.split())) for text in (window, stride, dilation))
    steps = zip(axes, window, stride, dilation, strict=True)
    positions = tuple((image.shape[a].plain - d * (k - 1) - 1) // s + 1 for a, k, s, d in steps)
    return apply(Windows(axes, positions, window, stride, dilation), image)


T, T2, P0, Q0 = N("t", "n : int"), N("u", "b n : int"), N("P0", "n d h"), N("Q0", "b n d")
def largest(image, *steps):
    """The largest entry of each of all windows that fit."""
    return apply(WindowMax(**vars(windows(image, *steps).op)), image)


SLIDING = (  # an image; axes, windows, strides, dilations
    ("n+2", (0,), "3", "1", "1"), ("n+3 d", (0,), "2", "2", "1"), ("d n+4", (1,), "3", "1", "2"), ("s*n+d*k", (0,), "k", "s", "d"),
    ("n 2*h+3 w+1", (1, 2), "3 2", "2 1", "1 1"), ("n+5 n+5", (1, 0), "2 3", "1 2", "3 2"), ("n", (0,), "1", "2", "1"), ("k d", (0,), "k", "1", "1"),
    ("n 2*h+6", (1,), "2", "3", "4"),
)  # fmt: skip

X, W, V, b, c, Q, P, q, K, M, C1, R1 = (
    N("X", "n d"), N("W", "d m"), N("V", "n d"), N("b", "d"), N("c", "n"), N("Q", "b h n d"), N("P", "b n d"), N("q", ""), N("K", "n n"),
    N("M", "n d : bool"), N("C1", "n 1"), N("R1", "1 d"),
)  # fmt: skip

_ROWS = {
    "name": [X, q, M],
    "constant": [apply(Constant(value, shape)) for value in (Fraction(2), Fraction(-1, 3), Fraction("0.1"), S("n"), S("n*d"), "pi")
                 for shape in ((), (S("n"),), (S("n"), S("d")), (S("b"), S("n"), S(1)))],
    "eye": [apply(Eye(S("n"))), apply(Eye(S(3)))],
    "power": [a ** p for a in (q, b, X, Q) for p in (2, -1, 3, Fraction(3, 2), Fraction(-1, 2))],
    "broadcast": [
        *[apply(Broadcast((S("n"), S("d")), axes), a) for axes, a in (((1,), b), ((0,), c), ((), q), ((0, 1), C1), ((0, 1), R1))],
        apply(Broadcast((S("n"), S(1)), (0,)), c), apply(Broadcast((S(1), S("d")), (1,)), b), apply(Broadcast((S("n"),), ()), q),
        apply(Broadcast((S("b"), S("n"), S("d")), (1, 2)), X), apply(Broadcast((S("n"), S("h"), S("d")), (0, 2)), X),
        apply(Broadcast((S("n"), S("d"), S("h")), (0, 1)), X), apply(Broadcast((S("b"), S("n"), S("d")), (1, 2)), C1),
        apply(Broadcast((S(1), S("n"), S("d")), (1, 2)), X), apply(Broadcast((S("n"), S(1), S("d")), (0, 2)), X),
        apply(Broadcast((S(1), S(1)), ()), q), apply(Broadcast((S("n"), S("d")), (0, 1)), N("O", "1 1")),
        apply(Broadcast((S("n"), S("d")), (1,)), N("B", "d : bool")),
    ],
    "sum": [
        apply(Sum(axes), a)
        for axes, a in (((0,), b), ((0,), X), ((1,), X), ((0, 1), X), ((1,), Q), ((0, 2), Q), ((0, 1, 2, 3), Q), ((1,), C1), ((0,), C1))
    ],
    "max": [
        *[apply(Max(axis, least), a) for axis, a in ((0, b), (0, X), (1, X), (1, P), (1, C1), (0, C1)) for least in (False, True)],
        apply(Max(2), P), apply(Max(0), M),
    ],
    "largest": [apply(Largest(axis, least), a) for axis, a in ((0, b), (0, X), (1, X), (1, P), (2, P), (1, C1)) for least in (False, True)],
    "gather": [apply(Rows(), a, t) for a, t in ((X, T), (b, T), (P, T), (Q, T2), (X, N("k", "b : int[0,n)")), (X, N("z", ": int[0,n)")), (C1, T))],
    "add rows": [apply(AddRows(S(rows)), t, a) for rows, t, a in (("v", T, X), ("v", T, c), ("v", T, P0), ("v", T2, Q0), ("3", T, X), ("v", N("z", ": int"), b))],
    "pick": [
        *[apply(Pick(axis), a, t) for a, t, axis in ((X, T, 1), (P, T2, 2), (P, N("k", "b d : int"), 1), (P, N("k", "n d : int"), 0), (X, N("k", "d : int"), 0),
                                                     (Q, N("k", "b h n : int"), 3), (C1, T, 1), (R1, N("k", "1 : int"), 1), (b, N("z", ": int"), 0))],
        apply(Pick(1), X, build.elementwise("where", N("m", "n : bool"), T, 0)),
    ],
    "put": [
        *[apply(Put(axis), a, t, w) for a, t, w, axis in ((X, T, c, 1), (P, T2, N("w", "b n"), 2), (P, N("k", "b d : int"), N("w", "b d"), 1), (X, N("k", "d : int"), b, 0),
                                                          (C1, T, c, 1), (b, N("z", ": int"), q, 0))],
        apply(Put(1), X, T, apply(Constant(Fraction(0), (S("n"),)))),
    ],
    "onehot": [
        *[apply(OneHot(S(classes), axis), t) for classes, t, axis in (("c", T, 1), ("c", T, 0), ("c", T2, 2), ("c", T2, 1), ("1", T, 1), ("3", N("z", ": int"), 0))],
        *[apply(OneHot(S("c"), 1), t) for t in (T[1:], T2.T, T2.reshape(S("b*n")), build.elementwise("where", N("m", "n : bool"), T, 1))],
    ],
    "argmax": [apply(ArgMax(axis, least), a) for axis, a in ((0, b), (0, X), (1, X), (1, P)) for least in (False, True)],
    "arange": [apply(Arange(S(text))) for text in ("n", "3", "n*d", "n+1")],
    "softmax": [*[apply(Softmax(axes), a) for axes, a in (((0,), b), ((0,), X), ((1,), X), ((0, 1), X), ((2,), P), ((0, 2), P), ((1,), C1), ((0,), C1))],
                apply(Softmax((1,)), X, M), apply(Softmax((0, 1)), X, M)],
    "log_softmax": [apply(LogSoftmax(axes), a) for axes, a in (((0,), b), ((0,), X), ((1,), X), ((0, 1), X), ((2,), P), ((1,), C1), ((0,), C1))],
    "logsumexp": [apply(LogSumExp(axes), a) for axes, a in (((0,), b), ((0,), X), ((1,), X), ((0, 1), X), ((2,), P), ((0, 2), P), ((1,), C1), ((0,), C1))],
    "var": [apply(Variance(axes), a) for axes, a in (((0,), b), ((0,), X), ((1,), X), ((0, 1), X), ((2,), P), ((0, 2), P), ((1,), C1), ((0,), C1))],
    "standardize": [apply(Standardize(axes, eps), a)
                    for axes, a, eps in (((1,), X, Fraction("1e-5")), ((0, 2), P, Fraction(1, 10)), ((1,), C1, Fraction(2)))],
    "rms_normalize": [apply(RootMeanSquare(axes, eps), a) for axes, a in (((0,), b), ((1,), X), ((0, 1), X), ((0, 2), P), ((0,), C1))
                      for eps in (Fraction(1, 10), Fraction(0))],
    "transpose": [apply(Transpose(order), N("A", "n d m b"[: 2 * len(order) - 1]))
                  for order in ((1, 0), (2, 1, 0), (1, 0, 2), (2, 0, 1), (0, 2, 1, 3), (3, 2, 1, 0), (1, 2, 3, 0))],
    "matmul": [
        apply(Matmul(), X, W), apply(Matmul(), K, X), apply(Matmul(), C1, R1), apply(Matmul(), N("R", "1 n"), C1),
        apply(Matmul(), N("P", "b n d"), N("R", "b d m")), apply(Matmul(), N("P", "b h n d"), N("R", "b h d n")),
    ],
    "einsum": [
        apply(Einsum(tuple(inputs.split(",")), output), *[N("ABCD"[k], " ".join(letters)) for k, letters in enumerate(inputs.split(","))])
        for inputs, output in (
            ("i,i", ""), ("ij,j", "i"), ("i,ij", "j"), ("ij,i", "j"), ("i,j", "ij"), ("ii", ""), ("ii", "i"), ("ij", ""), ("ij", "ji"),
            ("ij,jk", "ik"), ("ij,kj", "ki"), ("ij,jk,kl", "il"), ("bhqd,bhkd", "bhqk"), ("ij,ij", "i"), ("i,i,i", "i"), ("ij,kl", "ljki"),
            (",ij", "ij"), ("iij", "j"), ("iji", "ij"), ("i,jj", "i"), ("ij,jj", "i"), ("i,j,k", "k"),
        )
    ],
    "reshape": [
        apply(Reshape(declared), a)
        for declared, a in (
            ((S("n*d"),), X), ((S("n"), S("d")), N("A", "n*d")), ((S("n"), S("h"), S("k")), N("A", "n h*k")), ((S("n"), S(1), S("d")), X),
            ((), N("A", "1")), ((S(1),), q), ((S("b*n"), S("d")), N("A", "b n d")), ((S("n"), S("d")), N("A", "n 1 d")),
            ((S("b"), S("n*d")), N("A", "b n d")), ((S("h*k"), S("n*d")), N("A", "h k n d")), ((S(2), S(3)), N("A", "6")),
            ((S("d"), S("n")), X), ((S("4*k"), S("n")), N("A", "4 k n")),
        )
    ],
    "slice": [
        X[1:], X[:, 1:], X[:-1], X[:, :-1], X[1:-1], X[::-1], X[::-1, ::-1], X[:2], X[2:], X[1:, ::-1], b[1:], b[::-1], Q[:, 1:, :, ::-1],
        apply(Slice((S("m"), S(0)), (S("n-m"), S("d")), (1, 1)), X), N("A", "4 d")[1:3], M[1:],
        apply(Slice((S("n"), S(0)), (S("m"), S("d")), (1, 1)), N("A", "n+m d")),
        apply(Slice((S("n-1"),), (S("n"),), (-1,)), N("A", "n+3")),
        X[::2], X[1::3, ::2], X[:-1:2], b[:: S("m")], N("A", "n*m d")[:: S("m")], N("A", "6")[1:5:2], Q[:, ::2, :, ::-1],
        apply(Slice((S(1),), (S("n"),), (S("m"),)), N("A", "n*m+1")),
        apply(Slice((S("n+1"),), (S("n"),), (-1,)), N("A", "n+3")), apply(Slice((S("n+2"),), (S("n+1"),), (-1,)), N("A", "n+3")),
    ],
    "inv": [apply(Inverse(), a) for a in (K, N("A", "3 3"), N("A", "b n n"), N("A", "b h n n"), N("A", "1 1"))],
    "det": [apply(Determinant(), a) for a in (K, N("A", "3 3"), N("A", "b n n"), N("A", "b h n n"))],
    "logdet": [apply(LogDeterminant(), a) for a in (K, N("A", "3 3"), N("A", "b n n"), N("A", "b h n n"))],
    "solve": [apply(Solve(), a, e) for a, e in ((K, X), (K, c), (K, N("L", "n n")), (K, C1), (N("A", "b n n"), N("B", "b n d")))],
    "norm": [apply(Norm(axes), a) for axes, a in (((0,), b), ((0, 1), X), ((0,), X), ((1,), X), ((0, 2), Q), ((1, 2, 3), Q), ((0, 1, 2, 3), Q))],
    "pad": [
        apply(Place((S(1), S(0)), (S("n+1"), S("d")), (1, 1)), X), apply(Place((S(0), S(2)), (S("n+1"), S("d+3")), (1, 1)), X),
        apply(Place((S("n-1"), S(0)), (S("n"), S("d")), (-1, 1)), X), apply(Place((S("n"), S(0)), (S("n+1"), S("d")), (-1, 1)), X),
        np.pad(X, 1, constant_values=2), np.pad(X, ((0, 0), (1, 2)), constant_values=-0.5), np.pad(N("A", "n*m"), ((2, 0),), constant_values=1),
        apply(Place((S("m"),), (S("n+m"),), (1,)), c), apply(Place((S(0), S(1), S(0), S(0)), (S("b"), S("h+2"), S("n"), S("d")), (1,) * 4), Q),
        apply(Place((S(1), S(0)), (S("n+1"), S("d")), (1, 1)), M),
        apply(Place((S(1), S(0)), (S("2*n+1"), S("d")), (2, 1)), X), apply(Place((S(0),), (S("n*m"),), (S("m"),)), c),
        apply(Place((S(0), S("d-1")), (S("3*n"), S("d+1")), (3, -1)), X),
    ],
    "windows": [windows(N("A", shape), *steps) for shape, *steps in SLIDING],
    "window_max": [largest(N("A", shape), *steps) for shape, *steps in SLIDING],
    "to_largest": [apply(ToLargest(**vars(Y.op)), N("B", " ".join(f"({size})".replace(" ", "") for size in Y.shape)), *Y.operands)
                   for shape, *steps in SLIDING for Y in [largest(N("A", shape), *steps)]],
    "at_largest": [apply(AtLargest(**vars(Y.op)), N("B", shape), *Y.operands) for shape, *steps in SLIDING for Y in [largest(N("A", shape), *steps)]],
    "overlap": [
        apply(Overlap(axes, tuple(map(S, extent.split())), tuple(map(S, stride.split())), tuple(map(S, dilation.split()))), N("A", shape))
        for shape, axes, extent, stride, dilation in (
            ("n 3", (0,), "n+2", "1", "1"), ("n d k", (0,), "2*n+k", "2", "1"), ("d n k", (1,), "n+2*k", "1", "2"), ("n k", (0,), "s*n+d*k", "s", "d"),
            ("n h w 3 2", (1, 2), "2*h+3 w+1", "2 1", "1 1"), ("n n 2 3", (1, 0), "3*n+5 3*n+5", "1 2", "3 2"), ("n 1", (0,), "3*n", "3", "1"),
        )
    ],
    "concatenate": [
        apply(Concatenate(axis), *parts)
        for axis, parts in (
            (0, (b, N("B", "d"))), (0, (b, c, b)), (0, (X, R1)), (1, (C1, X, V)), (1, (X, C1)), (0, (X, V)), (0, (M, N("L", "2 d : bool"))), (0, (R1, R1)),
            (1, (Q, N("A", "b 2 n d"))), (2, (N("P", "b n d"), N("A", "b n 2*d"))), (1, (M, X)), (0, (X, N("I", "m d : int"))), (1, (X[:, None], V[:, None])),
        )
    ],
}  # fmt: skip


CASES = dict(_elementwise())
for _kind, _rows in _ROWS.items():
    CASES.update({f"{_kind} {k}: {row}": row for k, row in enumerate(_rows)})

COMPOSITE = {
    "dense": X @ W + N("b", "m"),
    "softmax": build.elementwise("exp", X) / build.elementwise("exp", X).sum(axis=1, keepdims=True),
    "centred": X - X.mean(axis=0),
}
