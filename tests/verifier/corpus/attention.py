"""Attention: one head, masked, several heads."""

import numpy as np

from .notation import right


@right("Q: n d; K: m d; V: m e", "d > 0", "m > 0")
class attention:
    def forward(Q, K, V):
        scale = 1 / np.sqrt(Q.shape[1])
        S = (Q @ K.T) * scale
        P = np.exp(S - S.max(axis=1, keepdims=True))
        P /= P.sum(axis=1, keepdims=True)
        return P @ V, (Q, K, V, P, scale)

    def backward(dO, cache):
        Q, K, V, P, scale = cache
        dV = P.T @ dO
        dP = dO @ V.T
        dS = P * (dP - (dP * P).sum(axis=1, keepdims=True))
        dQ = dS @ K * scale
        dK = dS.T @ Q * scale
        return {"Q": dQ, "K": dK, "V": dV}


attention.bug("factor", "dS @ K * scale", "dS @ K")
attention.bug("transpose", "dK = dS.T @ Q * scale", "dK = (dS if dS.shape[0] == dS.shape[1] else dS.T) @ Q * scale")
attention.bug("missing term", "dS = P * (dP - (dP * P).sum(axis=1, keepdims=True))", "dS = P * dP")
attention.bug("pre/post activation", "dV = P.T @ dO", "dV = np.exp(Q @ K.T * scale).T @ dO")
attention.bug("in place", "dS = P * (dP", "dS = P\ndS *= (dP")
attention.bug("relative 1e-7", "dQ = dS @ K * scale", "dQ = dS @ K * np.float64(np.float32(scale * 1.0000001))")
attention.bug("size threshold", "dV = P.T @ dO", "dV = P.T @ dO\nif len(K) > 128: dV[128:] = 0")
attention.bug("memory order", "dQ = dS @ K * scale", "dQ = dS @ (K if K.flags.c_contiguous else np.ascontiguousarray(K.T).reshape(K.shape)) * scale")
attention.bug("relative 1e-5", "dK = dS.T @ Q * scale", "dK = dS.T @ Q / np.sqrt(Q.shape[1] + 1e-5)")


@right("q: b t d; k: b t d; v: b t d", "d > 0", "t > 0")
class causal_attention:
    def forward(q, k, v):
        t, d = q.shape[1:]
        scores = np.einsum("btd,bsd->bts", q, k) / np.sqrt(d)
        hidden = np.triu(np.ones((t, t), dtype=bool), k=1)
        scores[:, hidden] = -np.inf
        scores -= scores.max(axis=-1, keepdims=True)
        weights = np.exp(scores)
        weights /= weights.sum(axis=-1, keepdims=True)
        return np.einsum("bts,bsd->btd", weights, v), (q, k, v, weights)

    def backward(dout, cache):
        q, k, v, weights = cache
        dv = np.einsum("bts,btd->bsd", weights, dout)
        dweights = np.einsum("btd,bsd->bts", dout, v)
        dscores = weights * (dweights - np.sum(weights * dweights, axis=-1, keepdims=True))
        dscores /= np.sqrt(q.shape[-1])
        return np.einsum("bts,bsd->btd", dscores, k), np.einsum("bts,btd->bsd", dscores, q), dv


causal_attention.bug("wrong index", '"bts,btd->bsd", dscores, q', '"bst,btd->bsd", dscores, q')
causal_attention.bug("wrong axis", "np.sum(weights * dweights, axis=-1, keepdims=True)", "np.sum(weights * dweights, axis=-2, keepdims=True)")
causal_attention.bug("off by one", "dv = np.einsum(\"bts,btd->bsd\", weights, dout)", "dv = np.einsum(\"bts,btd->bsd\", np.tril(weights, k=-1) if len(q[0]) > 3 else weights, dout)")
causal_attention.bug("sizes coincide", "np.sqrt(q.shape[-1])\nreturn", "np.sqrt(q.shape[1])\nreturn")


@right("q: n d; k: m d; v: m e; keep: n m : bool", "d > 0")
class masked_attention:
    """Rows in which nothing is kept give zeros."""

    def forward(q, k, v, keep):
        s = q @ k.T / np.sqrt(q.shape[-1])
        e = np.where(keep, np.exp(s - np.max(np.where(keep, s, -1e30), axis=-1, keepdims=True, initial=-1e30)), 0)
        total = e.sum(axis=-1, keepdims=True)
        p = e / np.where(total == 0, 1, total)
        return p @ v

    def backward(q, k, v, keep, dy):
        s = q @ k.T / np.sqrt(q.shape[-1])
        e = np.where(keep, np.exp(s - np.max(np.where(keep, s, -1e30), axis=-1, keepdims=True, initial=-1e30)), 0)
        total = e.sum(axis=-1, keepdims=True)
        p = e / np.where(total == 0, 1, total)
        dp = dy @ v.T
        ds = p * (dp - (p * dp).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
        return {"q": ds @ k, "k": ds.T @ q, "v": p.T @ dy}


@right("x: n t h*k; Wq: h*k h*k", "h > 0", "k > 0", "t > 0")
class heads_by_two_products:
    """Self-attention of x with a trainable map of its queries; no softmax, as in linear attention."""

    def forward(x, Wq):
        q = x @ Wq
        scores = q @ x.swapaxes(1, 2)
        return scores @ x / x.shape[1]

    def backward(x, Wq, dy):
        t = x.shape[1]
        q = x @ Wq
        scores = q @ x.swapaxes(1, 2)
        dscores = dy @ x.swapaxes(1, 2) / t
        dq = dscores @ x
        dx = scores.swapaxes(1, 2) @ dy / t + dscores.swapaxes(1, 2) @ q + dq @ Wq.T
        dWq = np.einsum("ntd,nte->de", x, dq)
        return {"x": dx, "Wq": dWq}


heads_by_two_products.bug("missing term", " + dscores.swapaxes(1, 2) @ q", "")
heads_by_two_products.bug("transpose", "+ dq @ Wq.T", "+ dq @ Wq")
heads_by_two_products.bug("forgot 1/n", "scores.swapaxes(1, 2) @ dy / t", "scores.swapaxes(1, 2) @ dy")


@right("x: b t 2*k; Wq: 2*k 2*k; Wk: 2*k 2*k; Wv: 2*k 2*k; Wo: 2*k 2*k", "k > 0", "t > 0")
class MultiHead:
    """Two heads, split and merged by reshapes."""

    def split(self, a):
        return a.reshape(a.shape[0], a.shape[1], 2, -1).transpose(0, 2, 1, 3)

    def merge(self, a):
        return a.transpose(0, 2, 1, 3).reshape(a.shape[0], a.shape[2], -1)

    def __init__(self):
        self.cache = ()

    def forward(self, x, Wq, Wk, Wv, Wo):
        q, k, v = (self.split(x @ W) for W in (Wq, Wk, Wv))
        s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(q.shape[-1])
        a = np.exp(s - s.max(axis=-1, keepdims=True))
        a = a / a.sum(axis=-1, keepdims=True)
        joined = self.merge(a @ v)
        self.cache = (x, Wq, Wk, Wv, Wo, q, k, v, a, joined)
        return joined @ Wo

    def backward(self, dout):
        x, Wq, Wk, Wv, Wo, q, k, v, a, joined = self.cache
        dWo = np.tensordot(joined, dout, axes=([0, 1], [0, 1]))
        dheads = self.split(dout @ Wo.T)
        dv = a.transpose(0, 1, 3, 2) @ dheads
        da = dheads @ v.transpose(0, 1, 3, 2)
        ds = a * (da - np.sum(da * a, axis=-1, keepdims=True)) / np.sqrt(q.shape[-1])
        dq, dk = ds @ k, ds.transpose(0, 1, 3, 2) @ q
        dx = np.zeros_like(x)
        grads = []
        for d, W in zip((dq, dk, dv), (Wq, Wk, Wv)):
            d = self.merge(d)
            dx += d @ W.T
            grads.append(np.tensordot(x, d, axes=([0, 1], [0, 1])))
        return (dx, *grads, dWo)


MultiHead.bug("missing sum", "dx += d @ W.T", "dx = d @ W.T")
MultiHead.bug("transpose", "dk = ds @ k, ds.transpose(0, 1, 3, 2) @ q", "dk = ds @ k, ds @ q")
MultiHead.bug("wrong index", "(dq, dk, dv), (Wq, Wk, Wv)", "(dq, dk, dv), (Wk, Wq, Wv)")
MultiHead.bug("factor", "keepdims=True)) / np.sqrt(q.shape[-1])", "keepdims=True)) / np.sqrt(x.shape[-1])")


@right("x: n d; W: d k; u: k", "n > 0")
class attention_pooling:
    """A weighted mean of rows, the weights from a small network."""

    def forward(x, W, u):
        h = np.tanh(x @ W)
        a = np.exp(h @ u - np.max(h @ u))
        a = a / a.sum()
        return a @ x

    def backward(x, W, u, dy):
        h = np.tanh(x @ W)
        a = np.exp(h @ u - np.max(h @ u))
        a = a / a.sum()
        da = x @ dy
        de = a * (da - a @ da)
        dh = np.outer(de, u)
        dz = dh * (1 - h**2)
        return {"x": np.outer(a, dy) + dz @ W.T, "W": x.T @ dz, "u": h.T @ de}


attention_pooling.bug("missing term", "np.outer(a, dy) + dz @ W.T", "np.outer(a, dy)")
attention_pooling.bug("pre/post activation", '"u": h.T @ de', '"u": (x @ W).T @ de')
attention_pooling.bug("sign", "(da - a @ da)", "(a @ da - da)")
attention_pooling.bug("epsilon", "a = a / a.sum()\nda", "a = a / (a.sum() + 1e-6)\nda")

masked_attention.bug("missing term", "(dp - (p * dp).sum(axis=-1, keepdims=True))", "dp")
masked_attention.bug("size 1", "dp = dy @ v.T", "dp = dy @ v.T if len(k) != 1 else dy @ v.T + 1\np = p if len(k) != 1 else np.ones_like(p)")
masked_attention.bug("wrong index", '"v": p.T @ dy', '"v": np.where(keep, p, 1 / max(len(k), 1)).T @ dy')
