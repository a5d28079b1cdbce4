"""Losses and distances."""

import numpy as np

from .notation import right


@right("p: n d; t: n d", "n > 0", "d > 0")
class mse:
    def forward(p, t):
        return ((p - t) ** 2).mean()

    def backward(p, t, g):
        grad = 2.0 * g * (p - t) / p.size
        return {"p": grad, "t": -grad}


mse.bug("forgot 1/n", "/ p.size", "/ len(p)")
mse.bug("factor", "2.0 * g", "1.0 * g")
mse.bug("sign", '"t": -grad', '"t": grad.copy()')
mse.bug("aliased", '"t": -grad', '"t": np.negative(grad, out=grad)')
mse.bug("upstream of ones", "2.0 * g * (p - t)", "2.0 * (p - t)")
mse.bug("contract", '{"p": grad, "t": -grad}', '{"p": grad.ravel(), "t": -grad}')


@right("p: n; t: n")
class mse_sum_half:
    """The convention of many lectures: half of the sum of squares."""

    def forward(p, t):
        e = p - t
        return 0.5 * np.dot(e, e)

    def backward(p, t, g):
        return g * (p - t), g * (t - p)


mse_sum_half.bug("factor", "return g * (p - t),", "return 2 * g * (p - t),")
mse_sum_half.bug("mean against sum", "return g * (p - t),", "return g * (p - t) / max(len(p), 1),")


@right("p: n; t: n", "n > 0")
class huber:
    def forward(p, t, delta=1.5):
        r = np.abs(p - t)
        small = r <= delta
        return np.where(small, 0.5 * r**2, delta * (r - 0.5 * delta)).mean()

    def backward(p, t, g, delta=1.5):
        grad = np.clip(p - t, -delta, delta) * g / len(p)
        return {"p": grad, "t": -grad}


huber.bug("factor", "np.clip(p - t, -delta, delta)", "np.clip(p - t, -1, 1)")
huber.bug("narrow range", "np.clip(p - t, -delta, delta)", "np.clip(p - t, -delta, 4 * delta)")
huber.bug("epsilon", "g, delta=1.5)", "g, delta=1.5001)")


@right("p: n d; t: n d", "n*d > 0")
class mae:
    def forward(p, t):
        return np.mean(np.abs(p - t))

    def backward(p, t, g):
        s = np.where(p > t, 1, -1) * g / p.size
        s[p == t] = 0
        return {"p": s.astype(p.dtype), "t": -s.astype(p.dtype)}


mae.bug("kinks", "s[p == t] = 0", "s[p == t] *= 2")
mae.bug("forgot 1/n", "* g / p.size", "* g")
mae.bug("dtype", '"p": s.astype(p.dtype)', '"p": s.astype(np.float32)')


@right("scores: n c; y: n : int[0,c)", "c > 0", "n > 0")
class hinge:
    """Of several classes, with a loop over the rows."""

    def forward(scores, y):
        n = len(y)
        correct = scores[np.arange(n), y][:, None]
        margins = np.maximum(0, scores - correct + 1)
        margins[np.arange(n), y] = 0
        return np.sum(margins) / n

    def backward(scores, y, dloss):
        n, c = scores.shape
        d = np.zeros_like(scores)
        for i in range(n):
            for j in range(c):
                if j != y[i] and scores[i, j] - scores[i, y[i]] + 1 > 0:
                    d[i, j] += 1
                    d[i, y[i]] -= 1
        return {"scores": d * dloss / n}


hinge.bug("missing term", "d[i, y[i]] -= 1", "d[i, y[i]] = -1")
hinge.bug("off by one", "for j in range(c):", "for j in range(1, c):")
hinge.bug("forgot 1/n", "d * dloss / n", "d * dloss")


@right("p: n : unit; t: n : bool", "n > 0")
class bce:
    def forward(p, t):
        return -np.mean(np.where(t, np.log(p), np.log1p(-p)))

    def backward(p, t, g):
        return {"p": g * (p - t) / (p * (1 - p)) / len(p)}


bce.bug("epsilon", "/ (p * (1 - p))", "/ (p * (1 - p) + 1e-7)")
bce.bug("sign", "(p - t)", "(t - p)")
bce.bug("narrow range", "g * (p - t)", "g * (np.clip(p, 0.02, 0.98) - t)")


@right("mu: n; logvar: n; x: n")
class gaussian_nll:
    def forward(mu, logvar, x):
        return 0.5 * (logvar + (x - mu) ** 2 * np.exp(-logvar))

    def backward(mu, logvar, x, g):
        inv = np.exp(-logvar)
        d = (x - mu) * inv
        return {"mu": -g * d, "logvar": 0.5 * g * (1 - d * (x - mu)), "x": g * d}


gaussian_nll.bug("missing term", "(1 - d * (x - mu))", "(-d * (x - mu))")
gaussian_nll.bug("factor", "0.5 * g * (1", "g * (1")
gaussian_nll.bug("relative 1e-7", '"x": g * d', '"x": g * d * (1 - 3e-8)')
gaussian_nll.bug("cancellation", "(1 - d * (x - mu))", "(1 - (x * x - 2 * x * mu + mu * mu) * inv)")


@right("mu: n k; logvar: n k", "n > 0")
class vae_kl:
    def forward(mu, logvar):
        return -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / len(mu)

    def backward(mu, logvar, g):
        n = mu.shape[0]
        return g * mu / n, 0.5 * g * (np.exp(logvar) - 1) / n


vae_kl.bug("missing term", "(np.exp(logvar) - 1)", "np.exp(logvar)")
vae_kl.bug("size 1", "n = mu.shape[0]", "n = mu.shape[0] if mu.shape[0] > 1 else 2")


@right("a: n d; p: n d; q: n d")
class triplet:
    def forward(a, p, q):
        near, far = np.sum((a - p) ** 2, axis=1), np.sum((a - q) ** 2, axis=1)
        return np.maximum(near - far + 1.0, 0).sum()

    def backward(a, p, q, g):
        near, far = np.sum((a - p) ** 2, axis=1), np.sum((a - q) ** 2, axis=1)
        on = (near - far + 1.0 > 0)[:, None]
        return {"a": 2 * g * on * (q - p), "p": 2 * g * on * (p - a), "q": 2 * g * on * (a - q)}


triplet.bug("sign", '"q": 2 * g * on * (a - q)', '"q": 2 * g * on * (q - a)')
triplet.bug("missing term", '"a": 2 * g * on * (q - p)', '"a": 2 * g * on * (a - p)')
triplet.bug("kinks", "near - far + 1.0 > 0)", "near - far + 0.9 > 0)")


@right("x: n d; y: m d")
class pairwise_squared:
    def forward(x, y):
        return (x**2).sum(1)[:, None] + (y**2).sum(1)[None] - 2 * x @ y.T

    def backward(x, y, g):
        dx = 2 * (g.sum(axis=1, keepdims=True) * x - g @ y)
        dy = 2 * (g.sum(axis=0)[:, None] * y - g.T @ x)
        return {"x": dx, "y": dy}


pairwise_squared.bug("wrong axis", "g.sum(axis=0)[:, None] * y", "(g.sum(axis=0) if len(x) != len(y) else g.sum(axis=1))[:, None] * y")
pairwise_squared.bug("missing sum", "g.sum(axis=1, keepdims=True) * x", "g.mean(axis=1, keepdims=True) * x")
pairwise_squared.bug("transpose", "g.T @ x", "(g.T if len(g) != len(g.T) else g) @ x")


@right("x: n d; y: m d")
class pairwise_distance:
    """Through the whole array of differences; 0 where two points meet."""

    def forward(x, y):
        d = x[:, None, :] - y[None, :, :]
        return np.sqrt(np.sum(d * d, axis=-1) + 1e-12)

    def backward(x, y, g):
        d = x[:, None, :] - y[None, :, :]
        r = np.sqrt(np.sum(d * d, axis=-1) + 1e-12)
        w = (g / r)[:, :, None] * d
        return {"x": w.sum(axis=1), "y": -w.sum(axis=0)}


pairwise_distance.bug("sign", "-w.sum(axis=0)", "w.sum(axis=0)")
pairwise_distance.bug("pre/post activation", "(g / r)[:, :, None]", "(g / (r * r))[:, :, None]")
pairwise_distance.bug("epsilon", "r = np.sqrt(np.sum(d * d, axis=-1) + 1e-12)", "r = np.maximum(np.sqrt(np.sum(d * d, axis=-1)), 1e-3)")
pairwise_distance.bug("cancellation", "w = (g / r)", "r = np.sqrt(np.abs((x * x).sum(1)[:, None] + (y * y).sum(1) - 2 * x @ y.T) + 1e-12)\nw = (g / r)")


@right("x: n; lam: : positive")
class poisson:
    """The negative log-likelihood with a rate that scales exp(x), up to a constant."""

    def forward(x, lam):
        return np.sum(lam * np.exp(np.minimum(x, 50)) - x * 2)

    def backward(x, lam, g):
        e = np.exp(np.minimum(x, 50))
        return {"x": g * (lam * e * (x < 50) - 2), "lam": g * e.sum()}


poisson.bug("missing sum", "g * e.sum()", "g * e.max(initial=0)")
poisson.bug("large |x|", "* (x < 50) - 2", "- 2")


@right("x: n", "n >= 2")
class total_variation:
    def forward(x):
        return np.abs(np.diff(x)).sum()

    def backward(x, g):
        s = np.sign(np.diff(x)) * g
        dx = np.zeros_like(x)
        dx[1:] += s
        dx[:-1] -= s
        return {"x": dx}


total_variation.bug("off by one", "dx[:-1] -= s", "dx[:-2] -= s[:-1]")
total_variation.bug("missing sum", "dx[:-1] -= s", "dx[0] = -s[0]")
total_variation.bug("kinks", "np.sign(np.diff(x)) * g", "np.where(np.diff(x) >= 0, 1, -1) * (1 + 3 * (np.diff(x) == 0)) * g")
