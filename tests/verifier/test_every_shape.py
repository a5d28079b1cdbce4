"""Code that writes in place is proved for every shape where no loop over a size is in it; wrong code never is."""

from functools import partial

import numpy as np
import pytest
from scipy import special
from scipy.special import softmax as softmax_of_scipy

from derive.reading.refusal import NotRun
from derive.verifier.everyshape import for_every_shape
from derive.verifier.pair import pair
from derive.verifier.proofs import climb

ROWS = {"x": "n d"}
IMAGES = {"x": "n 2*h w", "W": "2 2", "@where": ["h > 0", "w > 1"]}
LABELS = {"x": "n c", "y": "n : int[0,c)"}


def relu(x):
    y = x.copy()
    y[y < 0] = 0
    return y


def relu_in_place(x, dy):
    dx = dy.copy()
    dx[x <= 0] = 0
    return dx


def relu_gathered(x, dy):
    dx = np.zeros_like(x)
    dx[x > 0] = dy[x > 0]
    return dx


def leaky(x, slope=0.1):
    y = np.empty(x.shape)
    y[x > 0] = x[x > 0]
    y[x <= 0] = slope * x[x <= 0]
    return y


def leaky_backward(x, dy, slope=0.1):
    dx = np.array(dy)
    dx[x <= 0] *= slope
    return dx


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


def softmax_backward(x, dy):
    s = softmax(x)
    dx = s * dy
    dx -= s * dx.sum(axis=1, keepdims=True)
    return dx


def cross_entropy(x, y):
    p, n = softmax(x), len(y)
    return -np.log(p[np.arange(n), y]).sum() / n


def cross_entropy_backward(x, y, dE):
    p, n = softmax(x), x.shape[0]
    p[np.arange(n), y] -= 1
    p /= n
    p *= dE
    return {"x": p}


def differences(x):
    return x[:, 1:] - x[:, :-1]


def differences_backward(x, dy):
    dx = np.zeros_like(x)
    dx[:, 1:] += dy
    dx[:, :-1] -= dy
    return dx


def differences_through_views(x, dy):
    dx = np.zeros(x.shape)
    after, before = dx[:, 1:], dx.T[:-1]
    after += dy
    before -= dy.T
    return dx


def embedding(table, ids):
    return table[ids]


def embedding_backward(table, ids, dy):
    d = np.zeros_like(table)
    np.add.at(d, ids, dy)
    return {"table": d}


def dense(X, W, b):
    out = np.dot(X, W)
    out += b
    return out, (X, W)


def dense_backward(dY, cache):
    X, W = cache
    n, d = X.shape
    dW, db = np.zeros((d, W.shape[1])), np.ones(n) @ dY
    dW += np.dot(X.T, dY)
    return {"X": np.dot(dY, W.T), "W": dW, "b": db}


class BatchNorm:
    """A small class with a cache, and a helper of its own."""

    def __init__(self):
        self.eps = 1e-5

    def forward(self, x, gamma, beta):
        self.x, self.gamma = x, gamma
        self.scale = np.sqrt(x.var(axis=0) + self.eps)
        self.normal = (x - x.mean(axis=0)) / self.scale
        out = gamma * self.normal
        out += beta
        return out

    def backward(self, dy):
        n = len(dy)
        d = dy * self.gamma
        dx = n * d
        dx -= d.sum(axis=0)
        dx -= self.normal * np.sum(d * self.normal, axis=0)
        dx /= n * self.scale
        return dx, np.sum(dy * self.normal, axis=0), dy.sum(axis=0)


def heads(x, k=2):
    n = x.shape[0]
    return x.reshape(n, k, -1).transpose(1, 0, 2) ** 2


def heads_backward(x, dy, k=2):
    dx = np.zeros(x.shape)
    parts = dx.reshape(len(x), k, -1)
    parts += 2 * x.reshape(len(x), k, -1) * np.transpose(dy, (1, 0, 2))
    return dx


def gates(z):
    a, b = np.split(z, 2, axis=1)
    return np.concatenate([a * np.tanh(b), b], axis=1)


def gates_backward(z, dy):
    a, b = np.split(z, 2, axis=1)
    da, db = np.split(dy, 2, axis=1)
    dz = np.empty_like(z)
    k = a.shape[1]
    dz[:, :k], dz[:, k:] = da * np.tanh(b), db + da * a * (1 - np.tanh(b) ** 2)
    return dz


def changes_through_another_name(x, dy):
    dx = dy
    dx[x <= 0] = 0
    dx += x - x
    return 2 * dx - dy


def momentum(a, b):
    v = 0.9 * a
    return v, b + v


def momentum_backward(a, b, upstream):
    return 0.9 * (upstream[0] + upstream[1]), +upstream[1]


GATED = {"x": "n 2*k", "c": "n k", "W": "2*k 4*k", "b": "4*k"}


def gated_cell(x, c, W, b):
    i, f, g, o = np.split(x @ W + b, 4, axis=1)
    i, f, o = (1 / (1 + np.exp(-gate)) for gate in (i, f, o))
    state = f * c + i * np.tanh(g)
    return o * np.tanh(state), state


def gated_cell_backward(x, c, W, b, upstream, wrong=False):
    dh, dstate = upstream
    k, a = c.shape[1], x @ W + b
    i, f, o = (1 / (1 + np.exp(-a[:, j * k : (j + 1) * k])) for j in (0, 1, 3))
    g = np.tanh(a[:, 2 * k : 3 * k])
    t = np.tanh(f * c + i * g)
    ds = dh * o * (1 - t * t) + (0 if wrong else dstate)
    da = np.hstack([ds * g * i * (1 - i), ds * c * f * (1 - f), ds * i * (1 - g * g), dh * t * o * (1 - o)])
    return {"x": da @ W.T, "c": ds * f, "W": x.T @ da, "b": da.sum(axis=0)}


def scores(x, y, smoothing=0.1):
    n, c = x.shape
    target = np.full_like(x, smoothing / c)
    target[np.arange(n), y] += 1 - smoothing
    return -(target * (x - special.logsumexp(x, axis=1, keepdims=True))).sum() / n


def scores_backward(x, y, dE, smoothing=0.1, axis=1):
    n, c = x.shape
    target = np.zeros((n, c), np.result_type(x, dE))
    target += smoothing / c
    target[np.arange(n), y] += 1 - smoothing
    return {"x": dE * (softmax_of_scipy(x, axis=axis) - target) / n}


def directions(x):
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def directions_backward(x, dy, sign=1):
    r = np.linalg.norm(x, axis=1, keepdims=True)
    u = np.divide(x, r, out=np.zeros_like(x), where=sign * r > 0)
    return (dy - u * np.sum(u * dy, axis=1, keepdims=True)) / r


def adds_where_it_may(x, dy, other=0.5):
    dx = np.array(dy)
    np.multiply(dx, 0, out=dx, where=x <= 0)
    np.add(dx, dx, out=dx, where=x > 0)
    return other * dx


def windowed(x, W):
    """2 x 2 windows with a stride of 2 along the rows, the columns next to each other."""
    n, h, w = x.shape
    a, b, c = x.strides
    windows = np.lib.stride_tricks.as_strided(x, (n, h // 2, w - 1, 2, 2), (a, 2 * b, c, b, c))
    return np.einsum("nijpq,pq->nij", windows, W)


def windowed_backward(x, W, dy, step=2):
    dx, dW = np.zeros_like(x), np.empty_like(W)
    h, w = dy.shape[1:]
    for p in range(2):
        for q in range(2):
            part = (slice(None), slice(p, p + step * h, step), slice(q, q + w))
            dx[part] += dy * W[p, q]
            dW[p, q] = np.sum(x[part] * dy)
    return dx, dW


def through_strides_of_another(x, dy):
    return np.lib.stride_tricks.as_strided(dy, x.shape, (dy * 1).strides)


def groups(x, w):
    z = x.reshape(len(x), 2, -1)
    return (z * z).reshape(x.shape) * w


def groups_backward(x, w, dy, sums="ngk,ngk->gk"):
    z = x.reshape(len(x), 2, -1)
    dw = np.einsum(sums, dy.reshape(z.shape), z * z)
    return 2 * x * w * dy, dw.reshape(-1)


def largest(x):
    return x.max(axis=1)


def largest_backward(x, dy, order=-1):
    dx = np.zeros_like(x)
    np.put_along_axis(dx, np.argmax(order * -x, axis=1)[:, None], dy[:, None], axis=1)
    return dx


def determinant(A):
    return A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]


def determinant_backward(A, g, sign=-1):
    D = np.empty_like(A)
    D[0, 0], D[1, 1] = A[1, 1], A[0, 0]
    D[0, 1], D[1, 0] = sign * A[1, 0], sign * A[0, 1]
    return g * D


norm = BatchNorm()


def through_the_object(x, gamma, beta):
    return norm.forward(x, gamma, beta)


def back_through_the_object(dy):
    return norm.backward(dy)


PROVED = {
    "relu": (relu, relu_in_place, ROWS),
    "relu gathered": (relu, relu_gathered, ROWS),
    "leaky": (leaky, leaky_backward, ROWS),
    "softmax": (softmax, softmax_backward, ROWS),
    "cross entropy": (cross_entropy, cross_entropy_backward, LABELS),
    "differences": (differences, differences_backward, ROWS),
    "views": (differences, differences_through_views, ROWS),
    "embedding": (embedding, embedding_backward, {"table": "v d", "ids": "n : int[0,v)"}),
    "dense": (dense, dense_backward, {"X": "n d", "W": "d m", "b": "m"}),
    "batch norm": (norm.forward, norm.backward, {"x": "n d", "gamma": "d", "beta": "d"}),
    "an object of the module": (through_the_object, back_through_the_object, {"x": "n d", "gamma": "d", "beta": "d"}),
    "heads": (heads, heads_backward, {"x": "n 2*k"}),
    "another name": (relu, changes_through_another_name, ROWS),
    "gates": (gates, gates_backward, {"z": "n 2*k"}),
    "an output in another": (momentum, momentum_backward, {"a": "n", "b": "n"}),
    "a cell": (gated_cell, gated_cell_backward, GATED),
    "SciPy's functions": (scores, scores_backward, LABELS),
    "a quotient where it is one": (directions, directions_backward, ROWS),
    "a sum where it is one": (relu, adds_where_it_may, ROWS),
    "windows by strides": (windowed, windowed_backward, IMAGES),
    "the place of the largest": (largest, largest_backward, {**ROWS, "@where": ["d > 0"]}),
    "groups": (groups, groups_backward, {"x": "n 2*k", "w": "2*k"}),
    "entry by entry": (determinant, determinant_backward, {"A": "2 2"}),
    "outer": (np.multiply.outer, lambda x, y, G: (G @ y, x @ G), {"x": "n", "y": "m"}),
    "log det": (lambda A: np.linalg.slogdet(A)[1], lambda A, g: g * np.linalg.inv(A), {"A": "n n : spd"}),
}


@pytest.mark.parametrize("key", PROVED)
def test_code_that_writes_in_place_is_proved_for_every_shape(key):
    rung = for_every_shape(pair(*PROVED[key]))
    assert rung.status == "proved", rung


def reads_before_it_sets(x, dy):
    dx = np.empty_like(x)
    dx[x > 0] = dy[x > 0]
    return dx


def adds_to_what_is_not_set(x, dy):
    dx = np.empty(x.shape)
    dx[:, 1:] += dy
    dx[:, :-1] -= dy
    return dx


def sets_where_it_should_add(x, dy):
    dx = np.zeros_like(x)
    dx[:, 1:] = dy
    dx[:, :-1] = -dy
    return dx


def changes_a_copy(x, dy):
    dx = np.zeros_like(x)
    part = dx[x > 0]
    part += dy[x > 0]
    return dx


def rounds_to_whole_numbers(x, dy):
    dx = np.full(x.shape, 0)
    dx[x > 0] = dy[x > 0]
    return dx


def a_reshape_that_may_be_a_copy(x, dy):
    dx = np.zeros_like(x)
    flat = dx.reshape(-1)
    flat += np.where(x > 0, dy, 0).reshape(-1)
    return dx


def overwrites_repeated_rows(table, ids, dy):
    d = np.zeros_like(table)
    d[ids] += dy
    return {"table": d}


def overwrites_p(x, y, dE):
    p = softmax(x)
    q = p
    q[np.arange(len(y)), y] -= 1
    return {"x": (p - 1) * dE / len(y)}


def forgets_n(x, y, dE):
    p = softmax(x)
    p[np.arange(len(y)), y] -= 1
    return {"x": p * dE}


def label_of_the_first(x, y, dE):
    p = softmax(x)
    p[:, 0] -= 1
    p /= len(y)
    return {"x": p * dE}


def uses_what_it_changed(x, dy):
    s = softmax(x)
    s *= dy
    return s - s * s.sum(axis=1, keepdims=True)


WRONG = {
    "unset": (relu, reads_before_it_sets, ROWS),
    "unset +=": (differences, adds_to_what_is_not_set, ROWS),
    "= for +=": (differences, sets_where_it_should_add, ROWS),
    "a copy": (relu, changes_a_copy, ROWS),
    "wrong slope": (leaky, lambda x, dy: leaky_backward(x, dy, 0.1000001), ROWS),
    "wrong mask": (relu, lambda x, dy: relu_in_place(x - 1e-9, dy), ROWS),
    "whole numbers": (relu, rounds_to_whole_numbers, ROWS),
    "view or copy": (relu, a_reshape_that_may_be_a_copy, ROWS),
    "repeated rows": (embedding, overwrites_repeated_rows, {"table": "v d", "ids": "n : int[0,v)"}),
    "changed p": (cross_entropy, overwrites_p, LABELS),
    "no 1/n": (cross_entropy, forgets_n, LABELS),
    "label 0": (cross_entropy, label_of_the_first, LABELS),
    "changed s": (softmax, uses_what_it_changed, ROWS),
    "scalar": (np.sum, lambda x, dy: dy, ROWS),
    "not from above": (momentum, lambda a, b, up: (0.9 * up[0], +up[1]), {"a": "n", "b": "n"}),
    "not from the state": (gated_cell, partial(gated_cell_backward, wrong=True), GATED),
    "softmax along another axis": (scores, partial(scores_backward, axis=0), LABELS),
    "zeros where a quotient is wanted": (directions, partial(directions_backward, sign=-1), ROWS),
    "added twice": (relu, partial(adds_where_it_may, other=1), ROWS),
    "another stride": (windowed, partial(windowed_backward, step=1), IMAGES),
    "the place of the least": (largest, partial(largest_backward, order=1), {**ROWS, "@where": ["d > 0"]}),
    "groups exchanged": (groups, partial(groups_backward, sums="ngk,nhk->gk"), {"x": "n 2*k", "w": "2*k"}),
    "a sign of some entries": (determinant, partial(determinant_backward, sign=1), {"A": "2 2"}),
    "outer, transposed": (np.multiply.outer, lambda x, y, G: (G @ y, G @ x), {"x": "n", "y": "n"}),
    "det for log det": (lambda A: np.linalg.slogdet(A)[1], lambda A, g: g * A, {"A": "n n : spd"}),
    "unset forward": (lambda x: x + np.empty_like(x), lambda x, dy: dy, ROWS),
}


@pytest.mark.parametrize("key", WRONG)
def test_wrong_code_that_writes_in_place_is_never_proved(key):
    assert climb(pair(*WRONG[key]), "ci").rung.status == "open"


def test_strides_of_another_array_are_not_read():
    with pytest.raises(NotRun, match="not the array's own"):
        for_every_shape(pair(lambda x: +x, through_strides_of_another, ROWS))


def with_places(start, factor=1, step=1):
    """x times the whole numbers that np.arange counts from and to sizes."""
    return lambda x: x * np.arange(start, factor * x.shape[0] + start, step)


@pytest.mark.parametrize(("start", "factor", "step"), [(1, 1, 1), (0, 2, 2), (3, 2, 2)])
def test_counting_between_sizes_is_proved(start, factor, step):
    forward, other = with_places(start, factor, step), with_places(start + 1, factor, step)
    right = climb(pair(forward, lambda x, dy: forward(dy), {"x": "n"}), "ci").rung
    assert right.status == "proved"
    wrong = climb(pair(forward, lambda x, dy: other(dy), {"x": "n"}), "ci").rung
    assert wrong.status == "open"


def scored(z, y):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -np.log(p[range(len(y)), y]).sum() / len(y)


def of_scored(z, y, dy):
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    p[range(z.shape[0]), y] -= 1
    return {"z": dy * p / len(y)}


def test_a_range_may_be_an_index_and_no_loop():
    assert climb(pair(scored, of_scored, {"z": "n c", "y": "n : int[0,c)"}), "ci").rung.status == "proved"
    twice = pair(scored, lambda z, y, dy: {"z": 2 * of_scored(z, y, dy)["z"]}, {"z": "n c", "y": "n : int[0,c)"})
    assert climb(twice, "ci").rung.status == "open"

    def looping(x):
        return sum(x[k] for k in range(len(x)))

    rung = climb(pair(looping, lambda x, dy: dy * np.ones_like(x), {"x": "n"}), "ci").rung
    assert rung.status != "proved"
    assert "a loop over the size n" in rung.detail


def test_a_count_that_depends_on_the_sizes_is_not_read():
    def forward(x):
        return x[::2] * np.arange(0, x.shape[0], 2)

    assert climb(pair(forward, lambda x, dy: forward(dy), {"x": "n"}), "ci").rung.status != "proved"


def test_what_code_keeps_is_not_left_full_of_symbols():
    kept = {}

    class Cached:
        def __init__(self):
            self.cache = {}

        def forward(self, x):
            self.cache["x"] = kept["x"] = x
            return x * x

        def backward(self, dy):
            return 2 * self.cache["x"] * dy

    layer = Cached()
    assert climb(pair(layer.forward, layer.backward, ROWS), "ci").rung.status == "proved"
    assert layer.cache == {}
    assert kept == {}


def patches(x):
    n, length = x.shape
    columns = np.zeros((n, length - 2, 3))
    for k in range(3):
        columns[:, :, k] = x[:, k : length - 2 + k]
    return columns


def patches_backward(x, dy):
    dx = np.zeros_like(x)
    for k in range(3):
        dx[:, k : x.shape[1] - 2 + k] += dy[:, :, k]
    return dx


def one_place_off(x, dy):
    dx = np.zeros_like(x)
    for k in range(3):
        dx[:, k : x.shape[1] - 2 + k] += dy[:, :, max(k - 1, 0)]
    return dx


def the_last_wins(x, dy):
    dx = np.zeros_like(x)
    for k in range(3):
        dx[:, k : x.shape[1] - 2 + k] = dy[:, :, k]
    return dx


def test_patches_written_one_by_one():
    shapes = {"x": "n l", "@where": ["l >= 3"]}
    assert for_every_shape(pair(patches, patches_backward, shapes)).status == "proved"
    for wrong in (one_place_off, the_last_wins):  # the second is right where l = 3, and may be proved there
        assert for_every_shape(pair(patches, wrong, shapes)).status == "open"


def scores_along_columns(x, y):
    return scores(x, y) + special.logsumexp(x, axis=0).sum() - special.logsumexp(x, axis=1).sum()


def labelled(x, y):
    return x[np.arange(len(x)), y].sum() / 2


def labelled_backward(x, y, dE):
    dx = np.zeros(x.shape, float)
    dx[np.arange(len(x)), y] = dE / 2
    return {"x": dx}


def labelled_in_whole_numbers(x, y, dE):
    dx = np.zeros(x.shape, int)
    dx[np.arange(len(x)), y] = dE / 2  # halves are cut off
    return {"x": 1.0 * dx}


def labelled_in_those_of_labels(x, y, dE):
    dx = np.zeros(x.shape, np.result_type(y, y))
    dx[np.arange(len(x)), y] = dE / 2
    return {"x": 1.0 * dx}


def test_a_dtype_by_place_is_no_dtype_of_another_kind():
    assert climb(pair(labelled, labelled_backward, LABELS), "ci").rung.status == "proved"
    for wrong in (labelled_in_whole_numbers, labelled_in_those_of_labels):
        with pytest.raises(NotRun, match="floats are written into an array of int"):
            for_every_shape(pair(labelled, wrong, LABELS))


def test_a_sum_of_exponentials_along_another_axis_is_not_proved():
    assert climb(pair(scores_along_columns, scores_backward, LABELS), "ci").rung.status != "proved"
