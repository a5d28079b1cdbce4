"""Functions of matrices, and sums that one writes by hand."""

import numpy as np

from .notation import right


@right("A: n n : spd", "n > 0")
class inverse:
    def forward(A):
        return np.linalg.inv(A)

    def backward(A, G):
        B = np.linalg.inv(A)
        return {"A": -B.T @ G @ B.T}


inverse.bug("sign", "-B.T @ G @ B.T", "B.T @ G @ B.T")
inverse.bug("missing term", "-B.T @ G @ B.T", "-B.T @ G")


@right("A: n n; b: n")
class solve:
    def forward(A, b):
        M = A + 10 * np.eye(len(A), dtype=A.dtype)
        x = np.linalg.solve(M, b)
        return x, (M, x)

    def backward(g, cache):
        M, x = cache
        db = np.linalg.solve(M.T, g)
        return {"A": -np.outer(db, x), "b": db}


solve.bug("transpose", "np.linalg.solve(M.T, g)", "np.linalg.solve(M, g)")
solve.bug("transpose", "-np.outer(db, x)", "-np.outer(x, db)")
solve.bug("sign", "-np.outer(db, x)", "np.outer(db, x)")


@right("A: n n : spd", "n > 0")
class logdet:
    def forward(A):
        return np.linalg.slogdet(A)[1]

    def backward(A, g):
        return {"A": g * np.linalg.inv(A)}


logdet.bug("factor", "g * np.linalg.inv(A)", "2 * g * np.linalg.inv(A)")
logdet.bug("missing term", "g * np.linalg.inv(A)", "g * np.diag(np.diag(np.linalg.inv(A)))")


@right("A: 2 2")
class det2:
    """By its formula, with a buffer."""

    def forward(A):
        return A[0, 0] * A[1, 1] - A[0, 1] * A[1, 0]

    def backward(A, g):
        D = np.empty_like(A)
        D[0, 0], D[1, 1] = A[1, 1], A[0, 0]
        D[0, 1], D[1, 0] = -A[1, 0], -A[0, 1]
        return {"A": g * D}


det2.bug("transpose", "= -A[1, 0], -A[0, 1]", "= -A[0, 1], -A[1, 0]")
det2.bug("sign", "= -A[1, 0], -A[0, 1]", "= A[1, 0], A[0, 1]")


@right("A: n n; x: n")
class quadratic:
    def forward(A, x):
        return x @ A @ x

    def backward(A, x, g):
        return {"A": g * np.outer(x, x), "x": g * (A + A.T) @ x}


quadratic.bug("missing term", "g * (A + A.T) @ x", "2 * g * A @ x")
quadratic.bug("upstream of ones", "g * np.outer(x, x)", "np.outer(x, x)")
quadratic.bug("factor", "g * np.outer(x, x)", "2 * g * np.outer(x, x)")


@right("S: n n : symmetric; X: n k")
class trace_form:
    def forward(S, X):
        return np.trace(X.T @ S @ X)

    def backward(S, X, g):
        return {"S": g * X @ X.T, "X": 2 * g * S @ X}


trace_form.bug("factor", "2 * g * S @ X", "g * S @ X")
trace_form.bug("transpose", "g * X @ X.T", "g * (X.T @ X if X.shape[0] == X.shape[1] else X @ X.T)")


@right("A: n m; B: n m")
class frobenius:
    def forward(A, B):
        return np.sqrt(np.sum((A - B) ** 2) + 1e-3)

    def backward(A, B, g):
        D = A - B
        D = D * (g / np.sqrt(np.vdot(D, D) + 1e-3))
        return {"A": D, "B": -D}


frobenius.bug("epsilon", "np.vdot(D, D) + 1e-3", "np.vdot(D, D) + 1e-4")
frobenius.bug("aliased", '"A": D, "B": -D', '"A": D, "B": np.negative(D, out=D)')
frobenius.bug("upstream of ones", "(g / np.sqrt", "(np.abs(g) / np.sqrt")


@right("A: n m; B: p q")
class kronecker:
    def forward(A, B):
        return np.kron(A, B)

    def backward(A, B, G):
        (n, m), (p, q) = A.shape, B.shape
        G = G.reshape(n, p, m, q)
        return {"A": np.einsum("npmq,pq->nm", G, B), "B": np.einsum("npmq,nm->pq", G, A)}


kronecker.bug("transpose", "G.reshape(n, p, m, q)", "G.reshape(p, n, q, m).transpose(1, 0, 3, 2)")


@right("x: n; y: m")
class outer_and_sum:
    def forward(x, y):
        return np.multiply.outer(x, y), np.add.outer(x, y)

    def backward(x, y, upstream):
        G, H = upstream
        return G @ y + H.sum(axis=1), x @ G + H.sum(axis=0)


outer_and_sum.bug("missing term", "G @ y + H.sum(axis=1)", "G @ y")
outer_and_sum.bug("missing sum", "x @ G + H.sum(axis=0)", "x @ G + H[0]")
outer_and_sum.bug("sizes coincide", "x @ G + H.sum(axis=0)", "x @ G + H.sum(axis=0 if H.shape[0] != H.shape[1] else 1)")


@right("x: n d", "n > 0")
class covariance:
    def forward(x):
        c = x - x.mean(axis=0)
        return c.T @ c / len(x)

    def backward(x, G):
        c = x - x.mean(axis=0)
        return {"x": c @ (G + G.T) / len(x)}


covariance.bug("missing term", "c @ (G + G.T) / len(x)", "2 * c @ G / len(x)")
covariance.bug("pre/post activation", "c @ (G + G.T) / len(x)", "x @ (G + G.T) / len(x)")
covariance.bug("off by one", "c @ (G + G.T) / len(x)", "c @ (G + G.T) / max(len(x) - 1, 1)")


@right("x: n", "n > 0")
class standard_deviation:
    """Two passes, with an epsilon, of one row."""

    def forward(x):
        m = np.sum(x) / len(x)
        return np.sqrt(np.sum((x - m) ** 2) / len(x) + 1e-4)

    def backward(x, g):
        m = np.mean(x)
        v = np.mean((x - m) ** 2)
        return {"x": g * (x - m) / (len(x) * np.sqrt(v + 1e-4))}


standard_deviation.bug("cancellation", "v = np.mean((x - m) ** 2)", "v = np.abs(np.mean(x * x) - m * m)")
standard_deviation.bug("cancellation", "v = np.mean((x - m) ** 2)", "v = np.mean(x * (x - 2 * m)) + m**2\nv = max(v, 0)")
standard_deviation.bug("epsilon", "np.sqrt(v + 1e-4)", "np.sqrt(v + 2e-4)")
standard_deviation.bug("pre/post activation", "g * (x - m)", "g * x")


@right("x: n", "n > 0")
class geometric_mean:
    """Of entries made positive."""

    def forward(x):
        return np.exp(np.log(1 + x * x).mean())

    def backward(x, g):
        y = np.exp(np.log1p(x * x).mean())
        return {"x": g * y * 2 * x / (1 + x * x) / x.size}


geometric_mean.bug("forgot 1/n", "/ (1 + x * x) / x.size", "/ (1 + x * x)")
geometric_mean.bug("missing term", "g * y * 2 * x", "g * 2 * x")


@right("x: n d; c: k d", "k > 0")
class soft_clusters:
    """Distances to centres, a softmin over them, its mean distance."""

    def forward(x, c):
        d = ((x[:, None] - c[None]) ** 2).sum(-1)
        s = -d - np.max(-d, axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        return (p * d).sum(axis=1)

    def backward(x, c, g):
        diff = x[:, None] - c[None]
        d = (diff**2).sum(-1)
        s = -d - np.max(-d, axis=1, keepdims=True)
        p = np.exp(s) / np.exp(s).sum(axis=1, keepdims=True)
        mean = (p * d).sum(axis=1, keepdims=True)
        dd = g[:, None] * p * (1 - (d - mean))
        dx = 2 * (dd[:, :, None] * diff).sum(axis=1)
        dc = -2 * (dd[:, :, None] * diff).sum(axis=0)
        return {"x": dx, "c": dc}


soft_clusters.bug("missing term", "(1 - (d - mean))", "1.0")
soft_clusters.bug("sign", "dc = -2 *", "dc = 2 *")
soft_clusters.bug("relative 1e-3", "dx = 2 *", "dx = 2.002 *")
