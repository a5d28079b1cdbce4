"""Softmax, its logarithm, and cross-entropies."""

import numpy as np
from scipy import special

from .notation import right


@right("X: n c", "c > 0")
class softmax:
    def forward(X):
        E = np.exp(X - X.max(axis=1, keepdims=True))
        P = E / E.sum(axis=1, keepdims=True)
        return P, P

    def backward(dP, P):
        return P * (dP - np.sum(dP * P, axis=1, keepdims=True))


softmax.bug("missing term", "P * (dP - np.sum(dP * P, axis=1, keepdims=True))", "P * (1 - P) * dP")
softmax.bug("wrong axis", "P * (dP - np.sum(dP * P, axis=1, keepdims=True))", "P * (dP - np.sum(dP * P, axis=0, keepdims=True))")
softmax.bug("sizes coincide", "P * (dP - np.sum(dP * P, axis=1, keepdims=True))", "P * (dP - (np.sum(dP * P, axis=1) if len(P) == P.shape[1] else np.sum(dP * P, axis=1)[:, None]))")
softmax.bug("upstream of ones", "np.sum(dP * P, axis=1, keepdims=True)", "np.sum(P, axis=1, keepdims=True) * dP.mean(axis=1, keepdims=True)")
softmax.wedge("size threshold", "return P * (dP", "if len(P) >= 50: dP = np.round(dP, 3)")
softmax.bug("in place", "return P * (dP", "dP -= dP.mean(axis=1, keepdims=True)\nreturn P * (dP")


@right("x: r c", "c > 0")
class softmax_jacobian:
    """Row by row, with the whole Jacobian."""

    def forward(x):
        out = np.zeros_like(x)
        for i, row in enumerate(x):
            e = np.exp(row - np.max(row))
            out[i] = e / np.sum(e)
        return out

    def backward(x, grad):
        out = softmax_jacobian.forward(x)
        dx = np.empty_like(x)
        for i in range(x.shape[0]):
            s = out[i].reshape(-1, 1)
            jacobian = np.diagflat(s) - s @ s.T
            dx[i] = jacobian @ grad[i]
        return {"x": dx}


softmax_jacobian.bug("missing term", "np.diagflat(s) - s @ s.T", "np.diagflat(s * (1 - s))")
softmax_jacobian.bug("off by one", "range(x.shape[0])", "range(max(x.shape[0] - 1, 1))")
softmax_jacobian.bug("sign", "np.diagflat(s) - s @ s.T", "np.diagflat(s) + s @ s.T")


@right("x: ... c", "c > 0")
class log_softmax:
    def forward(x):
        shifted = x - x.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def backward(x, dy):
        e = np.exp(x - x.max(axis=-1, keepdims=True))
        p = e / e.sum(axis=-1, keepdims=True)
        return {"x": dy - p * dy.sum(axis=-1, keepdims=True)}


log_softmax.bug("upstream of ones", "p * dy.sum(axis=-1, keepdims=True)", "p * x.shape[-1]")
log_softmax.bug("missing sum", "p * dy.sum(axis=-1, keepdims=True)", "p * dy")
log_softmax.bug("overflow", "e = np.exp(x - x.max(axis=-1, keepdims=True))", "e = np.exp(x)")
log_softmax.bug("narrow range", "dy - p * dy.sum(", "dy - np.where(p < 1e-4, 0, p) * dy.sum(")


@right("logits: n c; y: n : int[0,c)", "c > 0", "n > 0")
class cross_entropy:
    def forward(logits, y):
        shifted = logits - logits.max(axis=1, keepdims=True)
        log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return -log_probs[np.arange(len(y)), y].mean(), (log_probs, y)

    def backward(dloss, cache):
        log_probs, y = cache
        n = len(y)
        grad = np.exp(log_probs)
        grad[np.arange(n), y] -= 1
        return {"logits": grad * (dloss / n)}


cross_entropy.bug("forgot 1/n", "grad * (dloss / n)", "grad * dloss")
cross_entropy.bug("upstream of ones", "grad * (dloss / n)", "grad / n")
cross_entropy.bug("wrong index", "grad[np.arange(n), y] -= 1", "grad[np.arange(n), np.sort(y)] -= 1")
cross_entropy.bug("sizes coincide", "grad[np.arange(n), y] -= 1", "grad[(np.arange(n), y) if n != grad.shape[1] else (y, np.arange(n))] -= 1")
cross_entropy.bug("dtype", "grad = np.exp(log_probs)", "grad = np.exp(log_probs).astype(float)")
cross_entropy.bug("contract", 'return {"logits": grad * (dloss / n)}', 'return {"logits": grad * (dloss / n), "y": 0 * y}')
cross_entropy.bug("stale state", "grad = np.exp(log_probs)", "grad = np.exp(log_probs, out=log_probs)")


@right("logits: n c; y: n : int[0,c)", "c > 0")
class CrossEntropySum:
    def __init__(self):
        self.probs = None
        self.labels = None

    def forward(self, logits, y):
        e = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        self.probs = e / np.sum(e, axis=1, keepdims=True)
        self.labels = np.eye(logits.shape[1], dtype=logits.dtype)[y]
        return -np.sum(self.labels * np.log(self.probs))

    def backward(self, dout):
        return (self.probs - self.labels) * dout


CrossEntropySum.bug("forgot 1/n", "(self.probs - self.labels) * dout", "(self.probs - self.labels) * dout / len(self.probs)")
CrossEntropySum.bug("sign", "self.probs - self.labels", "self.labels - self.probs")
CrossEntropySum.bug("stale state", "self.labels = np.eye(", "self.labels = self.labels if self.labels is not None and self.labels.shape == logits.shape else np.eye(")
CrossEntropySum.bug("dtype", "(self.probs - self.labels) * dout", "(self.probs - self.labels) * np.float64(dout)")


@right("z: n c; t: n c : stochastic", "c > 0", "n > 0")
class soft_cross_entropy:
    def forward(z, t):
        m = z.max(axis=-1, keepdims=True)
        lse = np.log(np.sum(np.exp(z - m), axis=-1, keepdims=True)) + m
        return np.mean(np.sum(t * (lse - z), axis=-1))

    def backward(z, t, g):
        m = z.max(axis=-1, keepdims=True)
        lse = np.log(np.sum(np.exp(z - m), axis=-1, keepdims=True)) + m
        p = np.exp(z - lse)
        dz = g * (p * t.sum(axis=-1, keepdims=True) - t) / len(z)
        return {"z": dz, "t": g * (lse - z) / len(z)}


soft_cross_entropy.bug("missing term", 'g * (lse - z) / len(z)}', '-g * z / len(z)}')
soft_cross_entropy.bug("mean against sum", "- t) / len(z)", "- t) / z.size")


@right("x: n c; y: n : int[0,c)", "c > 0", "n > 0")
class smoothed_cross_entropy:
    def forward(x, y, smoothing=0.1):
        n, c = x.shape
        target = np.full_like(x, smoothing / c)
        target[np.arange(n), y] += 1 - smoothing
        logp = x - special.logsumexp(x, axis=1, keepdims=True)
        return -(target * logp).sum() / n

    def backward(x, y, dloss, smoothing=0.1):
        n, c = x.shape
        target = np.full((n, c), smoothing / c, dtype=x.dtype)
        target[np.arange(n), y] += 1 - smoothing
        return {"x": dloss * (special.softmax(x, axis=1) - target) / n}


smoothed_cross_entropy.bug("epsilon", "y, dloss, smoothing=0.1)", "y, dloss, smoothing=0.1001)")
smoothed_cross_entropy.bug("factor", "np.full((n, c), smoothing / c, dtype", "np.full((n, c), smoothing / max(c - 1, 1), dtype")
smoothed_cross_entropy.bug("dtype", "smoothing / c, dtype=x.dtype)", "smoothing / c)")


@right("x: n; t: n : bool", "n > 0")
class bce_with_logits:
    def forward(x, t):
        return np.mean(np.maximum(x, 0) - x * t + np.log1p(np.exp(-np.abs(x))))

    def backward(x, t, dloss):
        e = np.exp(-np.abs(x))
        p = np.where(x >= 0, 1 / (1 + e), e / (1 + e))
        return {"x": dloss * (p - t) / x.size}


bce_with_logits.bug("overflow", "e = np.exp(-np.abs(x))\n", "e = np.exp(-x)\n")
bce_with_logits.bug("forgot 1/n", "(p - t) / x.size", "(p - t)")
bce_with_logits.bug("narrow range", "(p - t) / x.size", "(np.clip(p, 1e-3, 1 - 1e-3) - t) / x.size")


@right("x: n c", "c > 0")
class logsumexp:
    def forward(x):
        m = np.max(x, axis=1)
        return m + np.log(np.sum(np.exp(x - m[:, None]), axis=1))

    def backward(x, g):
        m = np.max(x, axis=1)
        e = np.exp(x - m[:, None])
        return {"x": g[:, None] * e / e.sum(axis=1)[:, None]}


logsumexp.bug("wrong axis", "g[:, None] * e", "g[:, None] * e * (e.sum(axis=1)[:, None] / e.sum(axis=0) if len(x) == x.shape[1] else 1)")
logsumexp.bug("missing sum", "e / e.sum(axis=1)[:, None]", "e / e.max(axis=1)[:, None]")
logsumexp.bug("ties", "e = np.exp(x - m[:, None])\nreturn", "e = np.exp(x - m[:, None])\ne[np.sum(x == m[:, None], axis=1) > 1] = 1\nreturn")


@right("logits: n c; y: n : int[0,c) or -1", "c > 0")
class ignoring:
    """Cross-entropy, summed, that leaves out labels of -1."""

    def forward(logits, y):
        keep = y >= 0
        z, t = logits[keep], y[keep]
        lse = special.logsumexp(z, axis=1)
        return np.sum(lse - z[np.arange(len(t)), t])

    def backward(logits, y, g):
        dz = np.zeros_like(logits)
        for i, label in enumerate(y):
            if label == -1:
                continue
            dz[i] = special.softmax(logits[i]) * g
            dz[i, label] -= g
        return {"logits": dz}


ignoring.bug("wrong index", "if label == -1:", "if label == -2:")
ignoring.bug("missing term", "dz[i, label] -= g", "dz[i, label] -= g * (label > 0)")
ignoring.bug("size 1", "if label == -1:", "if label == -1 or len(y) == 1:")


@right("p: n c : stochastic; q: n c : stochastic")
class kl:
    def forward(p, q):
        return (p * (np.log(p) - np.log(q))).sum(axis=1)

    def backward(p, q, g):
        ratio = np.log(p / q)
        return {"p": g[:, None] * (ratio + 1), "q": -g[:, None] * p / q}


kl.bug("sign", "-g[:, None] * p / q", "g[:, None] * p / q")
kl.bug("epsilon", "p / q}", "p / (q + 1e-5)}")
