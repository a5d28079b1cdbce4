"""Values of expressions, told three ways: from the index terms, from the NumPy text, and node by node."""

import math
from fractions import Fraction

import numpy as np

from derive.arrays.array import apply
from derive.arrays.entries import meaning
from derive.arrays.functions import FUNCTIONS
from derive.arrays.gather import AddRows, OneHot, Pick, Put, Rows
from derive.arrays.helpers import HELPERS
from derive.arrays.moves import Place, Slice
from derive.arrays.named import Named, as_declared, name
from derive.arrays.operations import Constant, PowerOf
from derive.arrays.pooling import AtLargest, ToLargest, WindowMax
from derive.arrays.shapes import concrete, declare, size_names
from derive.arrays.size_text import read_size
from derive.arrays.windows import Overlap, Windows
from derive.index.size import Size
from derive.index.terms import Apply, Delta, Entry, Extent, Index, Number, OfMatrix, Plus, Position, Power, Times, Total

EPS = np.finfo(float).eps

PRIMITIVES = {
    "exp": np.exp, "log": np.log, "sin": np.sin, "cos": np.cos, "abs": np.abs, "sign": np.sign,
    "step": lambda x: np.where(x > 0, 1.0, 0.0), "erf": np.vectorize(math.erf, otypes=[float]),
}  # fmt: skip


def N(label, shape):
    """A named array from a shape string."""
    return as_declared(label, declare(shape))


def S(text):
    """A size."""
    return read_size(str(text))


def code_names():
    """What the NumPy spelling of the language calls: NumPy, the imports and helpers of the table, and other helpers."""
    names = {"np": np}
    for function in FUNCTIONS.values():
        for text in filter(None, (function.imports, function.helper)):
            exec(text, names)
    for text in HELPERS.values():
        exec(text, names)
    return names


CODE = code_names()


def run(text, sizes, arrays):
    """The value of NumPy text."""
    return np.asarray(eval(text, {**CODE, **sizes, **arrays}))


def text_value(array, sizes, arrays):
    """The value of an expression by its NumPy text."""
    return run(str(array), sizes, arrays)


def node_values(array, sizes, arrays):
    """The value of every part: each operation spelled by itself on operands that are names, so that no bracket is needed."""
    values = {}
    for node in array.walk():
        if isinstance(node.op, Named):
            values[node] = np.asarray(arrays[node.op.label])
            continue
        operands = [name(f"_{k}", a.shape, a.kind) for k, a in enumerate(node.operands)]
        given = {f"_{k}": values[a] for k, a in enumerate(node.operands)}
        values[node] = run(str(apply(node.op, *operands)), sizes, given)
    return values


def entry_values(array, sizes, arrays):
    """The value of an expression by its index terms."""
    shape = concrete(array.shape, sizes)
    if 0 in shape:
        return np.empty(shape)
    indices = [Index(size) for size in array.shape]
    at = dict(zip(indices, np.indices(shape), strict=True))
    term = meaning(array, tuple(Position.of(i) for i in indices))
    return np.broadcast_to(term_value(term, sizes, arrays, at), shape)


def term_value(term, sizes, arrays, at):
    """The value of an index term; the indices in ``at`` are whole arrays of places, a summed one is one axis more."""

    def number(size):
        return size.at(sizes).constant

    def place(position):
        return number(position.offset) + sum(number(c) * at[i] for i, c in position.parts)

    def value(inner):
        return term_value(inner, sizes, arrays, at)

    match term:
        case Number(value=c):
            return np.float64(Fraction(c))
        case Extent(size=size):
            return np.float64(number(size))
        case Entry(array="π"):
            return np.float64(np.pi)
        case Entry(array="ℕ", at=(where,)):
            return np.asarray(place(where), float)
        case Entry(array=label, at=(*where, last)) if label.endswith("="):
            held = np.asarray(arrays[label[:-1]])
            return np.where(held[tuple(np.asarray(place(p)) for p in where)] == place(last), 1.0, 0.0)
        case Entry(array=label, at=where):
            places = tuple(np.asarray(place(p)) for p in where)
            held = np.asarray(arrays[label], dtype=float)
            assert all(p.size == 0 or (p.min() >= 0 and p.max() < s) for p, s in zip(places, held.shape, strict=True))
            return held[places]
        case Delta(left=left, right=right):
            return np.where(place(left) == place(right), 1.0, 0.0)
        case Plus(terms=terms):
            return sum((value(u) for u in terms), np.float64(0))
        case Times(factors=factors):
            return math.prod((value(u) for u in factors), start=np.float64(1))
        case Power(base=base, exponent=exponent):
            return np.power(value(base), float(exponent))
        case Apply(function=function, argument=argument):
            return PRIMITIVES[function](value(argument))
        case Total(index=index) if number(index.size) == 0:
            return np.float64(0)
        case Total(index=index, body=inner):
            rank = max((np.ndim(k) for k in at.values()), default=0)
            running = np.arange(number(index.size)).reshape(-1, *[1] * rank)
            body = term_value(inner, sizes, arrays, {**at, index: running})
            shape = np.broadcast_shapes(np.shape(body), running.shape)
            return np.broadcast_to(body, shape).sum(axis=0)
        case OfMatrix(function=function, rows=rows, columns=columns, body=inner, at=where):
            rank = max((np.ndim(k) for k in at.values()), default=0)
            run = np.arange(number(rows.size))
            axes = {rows: run.reshape(-1, 1, *[1] * rank), columns: run.reshape(1, -1, *[1] * rank)}
            entries = term_value(inner, sizes, arrays, {**at, **axes})
            shape = np.broadcast_shapes(np.shape(entries), (*run.shape, *run.shape, *[1] * rank))
            matrix = np.moveaxis(np.broadcast_to(entries, shape), (0, 1), (-2, -1))
            return np.linalg.det(matrix) if function == "det" else _entry_of(np.linalg.inv(matrix), *map(place, where))
    raise TypeError(type(term).__name__)


def _entry_of(matrices, row, column):
    """An entry of each matrix, its place given as arrays over the leading axes."""
    leading = np.broadcast_shapes(matrices.shape[:-2], np.shape(row), np.shape(column))
    matrices = np.broadcast_to(matrices, leading + matrices.shape[-2:])
    return matrices[(*np.indices(leading), np.broadcast_to(row, leading), np.broadcast_to(column, leading))]


def sizes_for(*expressions):
    """Sizes to try: pairwise different, each name being 1 in turn; only those at which every slice lies inside."""
    nodes = [node for array in expressions for node in array.walk()]
    numbers = [node.op.value for node in nodes if isinstance(node.op, Constant) and isinstance(node.op.value, Size)]
    names = sorted(size_names([*(node.shape for node in nodes), numbers]))
    for turn in range(len(names) + 2):
        sizes = {label: (k + turn) % (len(names) + 2) + 1 for k, label in enumerate(names)}
        if all(_fits(node, sizes) for node in nodes):
            yield sizes


def roomy_sizes(*expressions):
    """Sizes that are pairwise different, as few of them 1 as can be; None if none will do."""
    return max(
        sizes_for(*expressions), key=lambda sizes: (min(sizes.values(), default=1), sum(sizes.values())), default=None
    )


def _fits(node, sizes):
    if min(concrete(node.shape, sizes), default=0) < 0:
        return False
    if isinstance(node.op, WindowMax | ToLargest | AtLargest):
        return _fits(apply(node.op.windows, node.operands[-1]), sizes)
    if isinstance(node.op, Windows | Overlap):
        image, windows = (node.operands[0], node) if isinstance(node.op, Windows) else (node, node.operands[0])
        along = zip(node.op.axes, windows.shape[image.ndim :], node.op.stride, node.op.dilation, strict=True)
        lines = [(image.shape[axis], windows.shape[axis], k, s, d) for axis, k, s, d in along]
        return all(h >= max(s * (o - 1), 0) + d * (k - 1) + 1 for h, o, k, s, d in (concrete(row, sizes) for row in lines))
    if not isinstance(node.op, Slice | Place):
        return True
    box, outer = (node, node.operands[0]) if isinstance(node.op, Slice) else (node.operands[0], node)
    begin, extent, size = (concrete(s, sizes) for s in (node.op.begin, box.shape, outer.shape))
    strides = concrete(tuple(map(Size.of, node.op.stride)), sizes)
    return all(
        b >= 0 and b + s * (e - 1) < n for b, e, n, s in zip(begin, extent, size, strides, strict=True) if s > 0 and e
    )


def wants_positive(*expressions):
    """True if values must be positive for the expression to be defined."""
    return any(
        node.op.name in ("log", "log1p", "sqrt") or (isinstance(node.op, PowerOf) and node.op.exponent.denominator != 1)
        for array in expressions
        for node in array.walk()
    )


def values_for(expressions, sizes, seed=0):
    """Values for the named arrays: away from 0, never two alike; masks, places; all positive if that is wanted.

    The mask of a softmax has an entry in each row of the last axis.
    """
    rng = np.random.default_rng(seed)
    positive = wants_positive(*expressions)
    arrays = {}
    for array in expressions:
        for node in array.walk():
            if isinstance(node.op, Named) and node.op.label not in arrays:
                shape = concrete(node.shape, sizes)
                sign = 1 if positive else rng.choice([-1, 1], shape)
                held = rng.uniform(0.5, 1.5, shape) * sign
                if node.kind == "int":
                    held = np.asarray(rng.integers(0, least_axis(node, expressions).at(sizes).constant, shape))
                if node.op.fact in ("symmetric", "spd"):
                    held = held + held.swapaxes(-1, -2) + (0 if node.op.fact == "symmetric" else 4 * np.eye(shape[-1]))
                if node.op.fact == "stochastic":
                    held = np.exp(held) / np.exp(held).sum(axis=node.op.axis, keepdims=True)
                arrays[node.op.label] = rng.random(shape) < 0.5 if node.kind == "bool" else held
    for node in [node for array in expressions for node in array.walk() if node.op.name == "softmax"]:
        for mask in node.operands[1:]:
            if isinstance(mask.op, Named):
                arrays[mask.op.label][..., 0] = True  # each row has an entry
    return arrays


def least_axis(index, expressions):
    """The axis whose places some whole numbers are; 3 for those that are only counted with."""
    if index.op.range:
        return index.op.range[0]
    for array in expressions:
        for node in array.walk():
            if isinstance(node.op, Rows | Pick | Put) and index in {*node.operands[1].walk()}:
                return node.operands[0].shape[0 if isinstance(node.op, Rows) else node.op.axis]
            if isinstance(node.op, AddRows) and index in {*node.operands[0].walk()}:
                return node.op.rows
            if isinstance(node.op, OneHot) and index in {*node.operands[0].walk()}:
                return node.op.classes + 1  # a number that is no place has no one
    return Size.of(3)


def assert_same(got, want, work):
    """Equal up to the rounding of so many operations; the same shape."""
    assert np.shape(got) == np.shape(want)
    scale = max(1.0, float(np.max(np.abs(want), initial=0)))
    np.testing.assert_allclose(np.asarray(got, float), np.asarray(want, float), rtol=0, atol=4 * EPS * work * scale)


def differ(left, right, work):
    """True if two values differ by far more than rounding."""
    scale = max(1.0, float(np.max(np.abs(left), initial=0)))
    gap = np.abs(np.asarray(left, float) - np.asarray(right, float))
    return bool(np.max(gap, initial=0) > 1e6 * EPS * work * scale)


def work(array, sizes):
    """A bound on the roundings in an entry of an expression: its parts, times the entries that are summed."""
    nodes = list(array.walk())
    return len(nodes) * max(math.prod(concrete(node.shape, sizes)) for node in nodes) + 16
