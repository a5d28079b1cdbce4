"""Products of matrices: dense layers, networks of two, bilinear forms."""

import numpy as np

from .notation import right


@right("X: n d; W: d m; b: m")
class dense:
    def forward(X, W, b):
        return X @ W + b

    def backward(X, W, b, dY):
        dX = dY @ W.T
        dW = X.T @ dY
        db = dY.sum(axis=0)
        return {"X": dX, "W": dW, "b": db}


dense.bug("missing sum", "dY.sum(axis=0)", "dY[0].copy()")
dense.bug("transpose", "dY @ W.T", "(dY @ W if W.shape[0] == W.shape[1] else dY @ W.T)")
dense.bug("mean against sum", "dY.sum(axis=0)", "dY.mean(axis=0)")
dense.bug("wrong axis", "dY.sum(axis=0)", "dY.sum(axis=1)[:1] + 0 * dY.sum(axis=0)")
dense.bug("upstream of ones", "X.T @ dY", "X.T @ np.ones_like(dY) * dY.sum() / dY.size")
dense.bug("sizes coincide", "db = dY.sum(axis=0)", "db = dY.sum(axis=1) if dY.shape[0] == dY.shape[1] else dY.sum(axis=0)")
dense.wedge("size 1", 'return {"X"', "if len(X) == 1: dW = dW * 2")
dense.wedge("size threshold", 'return {"X"', "if X.shape[0] > 64: db = db + dY[64]")
dense.wedge("size threshold", 'return {"X"', "if X.shape[1] // 33: dX[:, 32] = 0")
dense.wedge("size threshold", 'return {"X"', "if W.shape[1] & 64: dW[:, 0] *= -1")
dense.wedge("narrow range", 'return {"X"', "dW = np.where((W > 3.0) & (W < 3.1), 0.0, dW)")
dense.bug("relative 1e-7", "X.T @ dY", "(1 + 1e-7) * (X.T @ dY)")
dense.bug("dtype", "X.T @ dY", "(X.T @ dY).astype(np.float64)")
dense.bug("in place", "dX = dY @ W.T", "dY *= 1.0; dY[0] += 0.5; dX = dY @ W.T")


@right("x: ... d; weight: m d; bias: m")
class linear:
    """With the weight as PyTorch has it, and any leading axes."""

    def forward(x, weight, bias):
        return np.einsum("...d,md->...m", x, weight) + bias

    def backward(x, weight, bias, grad):
        flat_x, flat_grad = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
        return np.einsum("...m,md->...d", grad, weight), flat_grad.T @ flat_x, flat_grad.sum(0)


linear.bug("transpose", "flat_grad.T @ flat_x,", "(flat_x.T @ flat_grad).reshape(weight.shape),")
linear.bug("missing sum", "flat_grad.sum(0)", "grad.sum(0).reshape(-1, len(bias))[0] if grad.ndim > 1 else grad")
linear.bug("memory order", "flat_grad.T @ flat_x,", "(flat_x.T @ flat_grad).ravel(order='F' if x.flags.c_contiguous else 'C').reshape(weight.shape),")


@right("x: n i; w1: i h; b1: h; w2: h o; b2: o")
class TwoLayers:
    def __init__(self):
        self.cache = {}

    def forward(self, x, w1, b1, w2, b2):
        z1 = x.dot(w1) + b1
        a1 = 1.0 / (1.0 + np.exp(-z1))
        z2 = a1.dot(w2) + b2
        a2 = 1.0 / (1.0 + np.exp(-z2))
        self.cache = {"x": x, "a1": a1, "a2": a2, "w1": w1, "w2": w2}
        return a2

    def backward(self, dout):
        x, a1, a2 = self.cache["x"], self.cache["a1"], self.cache["a2"]
        dz2 = dout * a2 * (1 - a2)
        dw2 = np.dot(a1.T, dz2)
        db2 = np.sum(dz2, axis=0)
        da1 = np.dot(dz2, self.cache["w2"].T)
        dz1 = da1 * a1 * (1 - a1)
        dw1 = np.dot(x.T, dz1)
        db1 = np.sum(dz1, axis=0)
        return np.dot(dz1, self.cache["w1"].T), dw1, db1, dw2, db2


TwoLayers.bug("pre/post activation", 'self.cache = {"x": x, "a1": a1,', 'self.cache = {"x": x, "a1": z1,')
TwoLayers.bug("missing term", "dz1 = da1 * a1 * (1 - a1)", "dz1 = da1 * a1")
TwoLayers.bug("forgot 1/n", "dw1 = np.dot(x.T, dz1)", "dw1 = np.dot(x.T, dz1) / x.shape[0]")
TwoLayers.bug("wrong index", "dw2 = np.dot(a1.T, dz2)", "dw2 = np.dot(np.roll(a1, 1, axis=1).T, dz2)")
TwoLayers.bug("stale state", "self.cache = {\"x\": x,", "self.cache = self.cache or {\"x\": x,")
TwoLayers.bug("in place", "dz2 = dout * a2 * (1 - a2)", "dz2 = dout\ndz2 *= a2 * (1 - a2)")
TwoLayers.bug("relative 1e-5", "db1 = np.sum(dz1, axis=0)", "db1 = np.sum(dz1, axis=0) * 1.00001")
TwoLayers.bug("stale state", "dw2 = np.dot(a1.T, dz2)", "dw2 = self.cache[\"dw2\"] = self.cache.get(\"dw2\", 0) + np.dot(a1.T, dz2)")


@right("x: n d; w: d m; b: m")
class dense_relu:
    def forward(x, w, b):
        z = x @ w + b
        return np.maximum(0, z), (x, w, z)

    def backward(dy, cache):
        x, w, z = cache
        dz = np.array(dy, copy=True)
        dz[z <= 0] = 0
        return {"x": dz @ w.T, "w": x.T @ dz, "b": np.sum(dz, axis=0)}


dense_relu.bug("pre/post activation", "dz[z <= 0] = 0", "dz[dy <= 0] = 0")
dense_relu.bug("in place", "np.array(dy, copy=True)", "dy")
dense_relu.bug("missing term", "dz[z <= 0] = 0", "pass")
dense_relu.bug("wrong axis", "np.sum(dz, axis=0)", "np.sum(dz, axis=tuple(range(dz.ndim - 1)) if len(dz) != dz.shape[1] else 1)")
dense_relu.bug("kinks", "dz[z <= 0] = 0", "dz[z < 0.01] = 0")
dense_relu.bug("dtype", "np.array(dy, copy=True)", "np.array(dy, dtype=float)")


@right("a: n p; b: n q; W: p q")
class bilinear:
    def forward(a, b, W):
        return np.sum((a @ W) * b, axis=1)

    def backward(a, b, W, g):
        ga = g[:, None] * (b @ W.T)
        gb = g[:, None] * (a @ W)
        return {"a": ga, "b": gb, "W": (a * g[:, None]).T @ b}


bilinear.bug("transpose", "(b @ W.T)", "(b @ (W if W.shape[0] == W.shape[1] else W.T))")
bilinear.bug("upstream of ones", "(a * g[:, None]).T @ b", "a.T @ b * np.sum(g) / max(len(g), 1)")
bilinear.bug("missing term", "gb = g[:, None] * (a @ W)", "gb = a @ W")
bilinear.bug("factor", "(a * g[:, None]).T @ b", "2 * (a * g[:, None]).T @ b")


@right("X: n d; A: d r; B: r m")
class low_rank:
    """A product of two thin weights, with a residual of its input scaled."""

    def forward(X, A, B):
        H = X @ A
        return H @ B, {"X": X, "A": A, "B": B, "H": H}

    def backward(G, cache):
        dH = G @ cache["B"].T
        grads = {}
        grads["B"] = cache["H"].T @ G
        grads["A"] = cache["X"].T @ dH
        grads["X"] = dH @ cache["A"].T
        return grads


low_rank.bug("wrong index", 'grads["B"] = cache["H"].T @ G', 'grads["B"] = cache["H"][::-1].T @ G')
low_rank.bug("contract", 'grads["X"] = dH @ cache["A"].T', 'grads["x"] = dH @ cache["A"].T')
low_rank.bug("contract", "return grads", 'grads["H"] = dH\nreturn grads')
low_rank.bug("in place", 'grads["X"] = dH', 'cache["A"] *= 1.5\ngrads["X"] = dH')


@right("x: n d; W: k d p; V: k p")
class mixture:
    """k dense maps at once, with weights for their outputs: einsum throughout."""

    def forward(x, W, V):
        return np.einsum("nd,kdp,kp->nk", x, W, V)

    def backward(x, W, V, g):
        return {
            "x": np.einsum("nk,kdp,kp->nd", g, W, V),
            "W": np.einsum("nk,nd,kp->kdp", g, x, V),
            "V": np.einsum("nk,nd,kdp->kp", g, x, W),
        }


mixture.bug("wrong index", '"nk,nd,kp->kdp", g, x, V', '"nk,nd,kp->kdp", g, x, V[::-1]')
mixture.bug("wrong axis", '"nk,kdp,kp->nd", g, W, V', '"nk,kdp,jp->nd", g, W, V')
mixture.bug("relative 1e-3", '"nk,nd,kdp->kp", g, x, W)', '"nk,nd,kdp->kp", g, x, W) * 0.999')


@right("x: n d; gate: n d; W: d d")
class residual:
    def forward(x, gate, W):
        h = np.tanh(x @ W)
        return x + gate * h, (x, gate, W, h)

    def backward(dout, cache):
        x, gate, W, h = cache
        dh = dout * gate
        dz = dh * (1 - h**2)
        dx = dout + dz @ W.T
        return dx, dout * h, x.T @ dz


residual.bug("missing term", "dx = dout + dz @ W.T", "dx = dz @ W.T")
residual.bug("pre/post activation", "(1 - h**2)", "(1 - x**2)")
residual.bug("aliased", "dx = dout + dz @ W.T", "dx = dout + dz @ W.T if W.any() else dout")
residual.bug("large |x|", "dz = dh * (1 - h**2)", "dz = np.where(np.abs(h) < 1.0, dh * (1 - h**2), dh)")
