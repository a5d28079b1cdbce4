"""Entries picked, put, added up, masked, joined and cut."""

import math

import numpy as np

from .notation import right


@right("table: v d; ids: n : int[0,v)", "v > 0")
class embedding:
    def forward(table, ids):
        return table[ids]

    def backward(table, ids, dy):
        grad = np.zeros_like(table)
        np.add.at(grad, ids, dy)
        return {"table": grad}


embedding.bug("repeated indices", "np.add.at(grad, ids, dy)", "grad[ids] += dy")
embedding.bug("repeated indices", "np.add.at(grad, ids, dy)", "for i, g in zip(ids, dy):\n    grad[i] = g")
embedding.bug("repeated indices", "np.add.at(grad, ids, dy)", "np.add.at(grad, np.unique(ids), dy[np.unique(ids, return_index=True)[1]])")
embedding.bug("off by one", "np.add.at(grad, ids, dy)", "np.add.at(grad, ids - 1, dy)")
embedding.bug("contract", 'return {"table": grad}', 'return {"table": grad, "ids": np.zeros(ids.shape)}')
embedding.bug("dtype", "np.zeros_like(table)", "np.zeros(table.shape, dtype=np.float64)")
embedding.bug("size threshold", "np.add.at(grad, ids, dy)", "np.add.at(grad, np.minimum(ids, 255), dy)")
embedding.bug("memory order", "np.add.at(grad, ids, dy)", "d = table.shape[1]\nplaces = ids[:, None] * d + np.arange(d)\nnp.add.at(grad.reshape(-1), places.reshape(-1), dy.reshape(-1))")


@right("table: v d; ids: n t : int[0,v)", "v > 0")
class embedding_matmul:
    """With onehot rows, as a product; scaled as transformers do."""

    def forward(table, ids):
        return math.sqrt(table.shape[1]) * table[ids]

    def backward(table, ids, dy):
        onehot = (ids.reshape(-1, 1) == np.arange(len(table))).astype(table.dtype)
        return {"table": math.sqrt(table.shape[1]) * (onehot.T @ dy.reshape(-1, table.shape[1]))}


embedding_matmul.bug("factor", "math.sqrt(table.shape[1]) * (onehot", "(onehot")
embedding_matmul.bug("dtype", ".astype(table.dtype)", ".astype(np.uint8).astype(float)")


@right("x: n d; keep: n d : bool")
class dropout:
    def forward(x, keep):
        return x * keep / 0.8

    def backward(x, keep, dy):
        dx = np.zeros_like(x)
        dx[keep] = dy[keep] / 0.8
        return {"x": dx}


dropout.bug("factor", "dy[keep] / 0.8", "dy[keep]")
dropout.bug("wrong index", "dx[keep] = dy[keep] / 0.8", "dx[~keep] = dy[~keep] / 0.8")
dropout.bug("relative 1e-7", "dy[keep] / 0.8", "dy[keep] * 1.2500001")
dropout.bug("stale state", "dx = np.zeros_like(x)", "dx = np.zeros_like(x)\nnp.logical_not(keep, out=keep)")
dropout.bug("memory order", "dx[keep] = dy[keep] / 0.8", "dx.reshape(-1)[keep.reshape(-1)] = dy[keep] / 0.8")
dropout.bug("relative 1e-5", "dx[keep] = dy[keep] / 0.8", "dx[keep] = 1.25001 * dy[keep]")


@right("x: n c; y: n : int[0,c)", "c > 0")
class pick:
    def forward(x, y):
        return x[np.arange(len(x)), y]

    def backward(x, y, g):
        dx = np.zeros(x.shape, x.dtype)
        dx[np.arange(x.shape[0]), y] = g
        return {"x": dx}


pick.bug("wrong index", "dx[np.arange(x.shape[0]), y] = g", "dx[np.arange(x.shape[0]), y - 1] = g")
pick.bug("wrong index", "dx[np.arange(x.shape[0]), y] = g", "dx[:, y] = g")
pick.bug("upstream of ones", "dx[np.arange(x.shape[0]), y] = g", "dx[np.arange(x.shape[0]), y] = 1")
pick.bug("dtype", "np.arange(x.shape[0]), y]", "np.arange(x.shape[0]), y.astype(np.int8) if x.shape[1] > 200 else y]")


@right("x: n d; seg: n : int[0,s)", "s > 0")
class segment_sum:
    def forward(x, seg):
        out = np.zeros((seg.max(initial=0) + 1, x.shape[1]), x.dtype)
        for i, s in enumerate(seg):
            out[s] += x[i]
        return out

    def backward(x, seg, dy):
        return {"x": dy[seg]}


segment_sum.bug("wrong index", "dy[seg]", "dy[np.sort(seg)]")
segment_sum.bug("aliased", "dy[seg]", "dy[seg] if len(seg) != len(dy) or np.any(np.diff(seg) != 1) else dy")
segment_sum.bug("repeated indices", "dy[seg]", "dy[seg] / np.bincount(seg)[seg][:, None].astype(dy.dtype)")


@right("x: n d")
class cumulative_sum:
    def forward(x):
        return np.cumsum(x, axis=0)

    def backward(x, dy):
        return {"x": np.cumsum(dy[::-1], axis=0)[::-1].copy()}


cumulative_sum.bug("wrong index", "np.cumsum(dy[::-1], axis=0)[::-1].copy()", "np.cumsum(dy, axis=0)")
cumulative_sum.bug("off by one", "np.cumsum(dy[::-1], axis=0)[::-1].copy()", "np.cumsum(dy[::-1], axis=0)[::-1] - dy")
cumulative_sum.bug("wrong axis", "np.cumsum(dy[::-1], axis=0)[::-1].copy()", "np.cumsum(dy[:, ::-1], axis=1)[:, ::-1].copy()")
cumulative_sum.bug("size threshold", "np.cumsum(dy[::-1], axis=0)[::-1].copy()", "np.cumsum(dy[:1000][::-1], axis=0)[::-1].copy() if len(x) < 1000 else np.zeros_like(x)")


@right("a: n p; b: n q")
class concatenate:
    def forward(a, b):
        return np.concatenate((a, b), axis=1)

    def backward(a, b, dy):
        p = a.shape[1]
        return np.ascontiguousarray(dy[:, :p]) * 1, dy[:, p:].copy()


concatenate.bug("sizes coincide", "p = a.shape[1]", "p = a.shape[1]\nif a.shape == b.shape: dy = np.roll(dy, p, axis=1)")
concatenate.bug("aliased", "dy[:, p:].copy()", "dy[:, p:]")
concatenate.bug("aliased", "np.ascontiguousarray(dy[:, :p]) * 1", "np.ascontiguousarray(dy[:, :p])")


@right("x: n d; y: n d; choose: n : bool")
class select_rows:
    def forward(x, y, choose):
        out = y.copy()
        out[choose] = x[choose]
        return out

    def backward(x, y, choose, g):
        dx, dy = np.zeros_like(x), np.zeros_like(y)
        dx[choose] = g[choose]
        dy[~choose] = g[~choose]
        return dx, dy


select_rows.bug("wrong index", "dy[~choose] = g[~choose]", "dy[:] = g")
select_rows.bug("sign", "dy[~choose] = g[~choose]", "dy[~choose] = -g[~choose]")


@right("x: n d; a: : int[0,d)", "d > 0")
class roll_and_flip:
    def forward(x, a):
        return np.roll(x, a, axis=1)[::-1] * 1.0

    def backward(x, a, dy):
        return {"x": np.roll(dy[::-1], -a, axis=1)}


roll_and_flip.bug("sign", "np.roll(dy[::-1], -a, axis=1)", "np.roll(dy[::-1], a, axis=1)")
roll_and_flip.bug("wrong axis", "np.roll(dy[::-1], -a, axis=1)", "np.roll(dy[:, ::-1], -a, axis=1)")
roll_and_flip.bug("upstream of ones", "np.roll(dy[::-1], -a, axis=1)", "np.roll(dy, -a, axis=1)")


@right("x: n d", "d > 0")
class sort_rows:
    def forward(x):
        order = np.argsort(x, axis=1, kind="stable")
        return np.take_along_axis(x, order, axis=1), order

    def backward(dy, order):
        dx = np.empty_like(dy)
        np.put_along_axis(dx, order, dy, axis=1)
        return {"x": dx}


sort_rows.bug("wrong index", "np.put_along_axis(dx, order, dy, axis=1)", "dx = np.take_along_axis(dy, order, axis=1)")


@right("x: n d; w: n : positive", "n > 0")
class weighted_mean:
    def forward(x, w):
        return (w[:, None] * x).sum(axis=0) / w.sum()

    def backward(x, w, dy):
        total = w.sum()
        mean = (w @ x) / total
        return np.outer(w, dy) / total, (x - mean) @ dy / total


weighted_mean.bug("missing term", "(x - mean) @ dy / total", "x @ dy / total")
weighted_mean.bug("forgot 1/n", "np.outer(w, dy) / total", "np.outer(w, dy)")
weighted_mean.bug("size 1", "(x - mean) @ dy / total", "(x - mean) @ dy / total if len(w) > 1 else 1.0 * w")
