"""Statistics over one axis or several, and norms of rows."""

import numpy as np

from .notation import right


@right("x: n d; gamma: d; beta: d", "d > 0")
class layer_norm:
    def forward(x, gamma, beta, eps=1e-5):
        mu = x.mean(axis=-1, keepdims=True)
        var = x.var(axis=-1, keepdims=True)
        xhat = (x - mu) / np.sqrt(var + eps)
        return gamma * xhat + beta, (xhat, gamma, var, eps)

    def backward(dy, cache):
        xhat, gamma, var, eps = cache
        dxhat = dy * gamma
        dx = dxhat - dxhat.mean(axis=-1, keepdims=True) - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)
        dx = dx / np.sqrt(var + eps)
        return {"x": dx, "gamma": (dy * xhat).sum(axis=0), "beta": dy.sum(axis=0)}


layer_norm.bug("missing term", " - xhat * (dxhat * xhat).mean(axis=-1, keepdims=True)", "")
layer_norm.bug("missing term", " - dxhat.mean(axis=-1, keepdims=True)", "")
layer_norm.bug("epsilon", "dx = dx / np.sqrt(var + eps)", "dx = dx / (np.sqrt(var) + eps)")
layer_norm.bug("epsilon", "dx = dx / np.sqrt(var + eps)", "dx = dx / np.sqrt(var + 1e-6)")
layer_norm.bug("wrong axis", "(dy * xhat).sum(axis=0)", "(dy * xhat).sum(axis=-1 if len(dy) == len(gamma) else 0)")
layer_norm.bug("pre/post activation", "dxhat = dy * gamma", "dxhat = dy * np.ones_like(gamma)")
layer_norm.bug("mean against sum", "- dxhat.mean(axis=-1, keepdims=True) -", "- dxhat.sum(axis=-1, keepdims=True) -")


@right("x: n d; gamma: d; beta: d", "n > 0")
class BatchNorm:
    """Training mode: the backward of the original paper, term by term."""

    def __init__(self, eps=1e-3):
        self.eps = eps

    def forward(self, x, gamma, beta):
        self.x, self.gamma = x, gamma
        self.mean = np.mean(x, axis=0)
        self.xc = x - self.mean
        self.var = np.mean(self.xc**2, axis=0)
        self.std = np.sqrt(self.var + self.eps)
        self.xn = self.xc / self.std
        return gamma * self.xn + beta

    def backward(self, dout):
        n = len(dout)
        dbeta = dout.sum(axis=0)
        dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc = dxc + (2.0 / n) * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        dx = dxc - dmu / n
        return dx, dgamma, dbeta


BatchNorm.bug("missing term", "dx = dxc - dmu / n", "dx = dxc")
BatchNorm.bug("factor", "(2.0 / n) * self.xc * dvar", "(1.0 / n) * self.xc * dvar")
BatchNorm.bug("forgot 1/n", "(2.0 / n) * self.xc * dvar", "2.0 * self.xc * dvar")
BatchNorm.bug("epsilon", "dvar = 0.5 * dstd / self.std", "dvar = 0.5 * dstd / np.sqrt(self.var + 1e-5)")
BatchNorm.bug("forgot 1/n", "dmu / n", "dmu / (n - 1 + (n == 1))")
BatchNorm.bug("size 1", "dmu = np.sum(dxc, axis=0)", "dmu = np.sum(dxc, axis=0) if n > 1 else 0.5 * dxc[0]")
BatchNorm.bug("in place", "self.xc = x - self.mean", "self.xc = x\nself.xc -= self.mean")
BatchNorm.bug("stale state", "self.mean = np.mean(x, axis=0)", "self.mean = np.mean(x, axis=0)\nself.eps *= 1.001")
BatchNorm.bug("cancellation", "dvar = 0.5 * dstd / self.std", "dvar = 0.5 * dstd / np.sqrt(np.mean(self.x**2, axis=0) - self.mean**2 + self.eps)")


@right("x: n c h w; gamma: c; beta: c", "n*h*w > 0")
class batch_norm_images:
    def forward(x, gamma, beta):
        axes = (0, 2, 3)
        mu = x.mean(axis=axes, keepdims=True)
        inv = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)
        return gamma[None, :, None, None] * (x - mu) * inv + beta[None, :, None, None]

    def backward(x, gamma, beta, dy):
        axes = (0, 2, 3)
        m = x.size // x.shape[1] if x.size else 1
        mu = x.mean(axis=axes, keepdims=True)
        inv = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)
        xhat = (x - mu) * inv
        dbeta = dy.sum(axis=axes)
        dgamma = (dy * xhat).sum(axis=axes)
        dx = gamma[:, None, None] * inv / m * (m * dy - dbeta[:, None, None] - xhat * dgamma[:, None, None])
        return {"x": dx, "gamma": dgamma, "beta": dbeta}


batch_norm_images.bug("forgot 1/n", "m = x.size // x.shape[1] if x.size else 1", "m = len(x)")
batch_norm_images.bug("wrong axis", "dgamma = (dy * xhat).sum(axis=axes)", "dgamma = (dy * xhat).sum(axis=(0, 1, 2) if x.shape[1] == x.shape[3] else axes)")
batch_norm_images.bug("relative 1e-3", "(m * dy - dbeta", "(m * dy - 0.999 * dbeta")
batch_norm_images.bug("cancellation", "inv = 1 / np.sqrt(x.var(axis=axes, keepdims=True) + 1e-5)\nxhat", "inv = 1 / np.sqrt(np.abs((x * x).mean(axis=axes, keepdims=True) - mu * mu) + 1e-5)\nxhat")


@right("x: ... d; w: d", "d > 0")
class rms_norm:
    def forward(x, w):
        r = np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6)
        return x / r * w

    def backward(x, w, dy):
        r = np.sqrt(np.mean(np.square(x), axis=-1, keepdims=True) + 1e-6)
        g = dy * w
        dx = g / r - x * np.mean(g * x, axis=-1, keepdims=True) / r**3
        dw = (dy * x / r).reshape(-1, x.shape[-1]).sum(axis=0)
        return {"x": dx, "w": dw}


rms_norm.bug("factor", "/ r**3", "/ r**2")
rms_norm.bug("mean against sum", "np.mean(g * x, axis=-1, keepdims=True)", "np.sum(g * x, axis=-1, keepdims=True)")
rms_norm.bug("epsilon", "+ 1e-6)\ng", "+ 1e-5)\ng")
rms_norm.bug("epsilon", "+ 1e-6)\ng", ")\ng")
rms_norm.bug("aliased", 'return {"x": dx,', "dx = dx if len(x) != 1 else dy\nreturn {\"x\": dx,")
rms_norm.bug("sign", "dx = g / r - x", "dx = g / r + x")


@right("x: n d")
class l2_normalise:
    def forward(x):
        return x / np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12)

    def backward(x, dy):
        n = np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12)
        y = x / n
        return {"x": (dy - y * (dy * y).sum(axis=1, keepdims=True)) / n}


l2_normalise.bug("missing term", "(dy - y * (dy * y).sum(axis=1, keepdims=True)) / n", "dy / n")
l2_normalise.bug("upstream of ones", "(dy * y).sum(axis=1, keepdims=True)", "y.sum(axis=1, keepdims=True)")
l2_normalise.bug("epsilon", "+ 1e-12)\ny", "+ 1e-8)\ny")
l2_normalise.bug("large |x|", "n = np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12)", "n = np.minimum(np.sqrt((x * x).sum(axis=1, keepdims=True) + 1e-12), 1e3)")


@right("x: n 2*k; w: 2*k", "k > 0")
class two_group_norm:
    """Two groups of k channels, through reshapes."""

    def forward(x, w):
        z = x.reshape(len(x), 2, -1)
        centred = z - z.mean(axis=2, keepdims=True)
        scale = 1 / np.sqrt((centred**2).mean(axis=2, keepdims=True) + 1e-5)
        return (centred * scale).reshape(x.shape) * w

    def backward(x, w, dy):
        z = x.reshape(len(x), 2, -1)
        k = z.shape[2]
        centred = z - z.sum(axis=2, keepdims=True) / k
        scale = 1 / np.sqrt((centred**2).sum(axis=2, keepdims=True) / k + 1e-5)
        zhat = centred * scale
        dw = np.einsum("ngk,ngk->gk", dy.reshape(z.shape), zhat).reshape(-1)
        dz = (dy * w).reshape(z.shape)
        inner = (dz * zhat).sum(axis=2, keepdims=True)
        dx = scale * (dz - dz.sum(axis=2, keepdims=True) / k - zhat * inner / k)
        return dx.reshape(x.shape), dw


two_group_norm.bug("wrong axis", "inner = (dz * zhat).sum(axis=2, keepdims=True)", "inner = (dz * zhat).sum(axis=(1, 2), keepdims=True)")
two_group_norm.bug("forgot 1/n", "zhat * inner / k", "zhat * inner")
two_group_norm.bug("off by one", "k = z.shape[2]", "k = max(z.shape[2] - 1, 1)")
two_group_norm.bug("cancellation", "scale = 1 / np.sqrt((centred**2).sum(axis=2, keepdims=True) / k + 1e-5)", "scale = 1 / np.sqrt(np.abs((z**2).sum(axis=2, keepdims=True) / k - (z.sum(axis=2, keepdims=True) / k) ** 2) + 1e-5)")


@right("x: n c l", "l > 0")
class instance_norm:
    def forward(x):
        mu = x.mean(axis=2)
        sd = np.sqrt(((x - mu[..., None]) ** 2).mean(axis=2) + 1e-2)
        return (x - mu[:, :, None]) / sd[:, :, None], mu, sd

    def backward(x, upstream):
        dy, dmu, dsd = upstream
        length = x.shape[2]
        mu = x.mean(axis=2, keepdims=True)
        xc = x - mu
        sd = np.sqrt((xc**2).mean(axis=2, keepdims=True) + 1e-2)
        back = dsd[:, :, None] - np.sum(dy * xc, axis=2, keepdims=True) / sd**2
        dxc = dy / sd + back * xc / (length * sd)
        dx = dxc - dxc.mean(axis=2, keepdims=True)
        return {"x": dx + dmu[..., None] / length}


instance_norm.bug("missing term", "dsd[:, :, None] - np.sum", "-np.sum")
instance_norm.bug("forgot 1/n", "dmu[..., None] / length", "dmu[..., None]")
instance_norm.bug("upstream of ones", "dmu[..., None] / length", "np.sign(dmu[..., None] ** 2) / length")
instance_norm.bug("cancellation", "sd = np.sqrt((xc**2).mean(axis=2, keepdims=True) + 1e-2)", "sd = np.sqrt(np.maximum((x * x).mean(axis=2, keepdims=True) - mu * mu, 0) + 1e-2)")


@right("a: n d; b: n d", "d > 0")
class cosine_similarity:
    def forward(a, b):
        na = np.linalg.norm(a, axis=1) + 1e-8
        nb = np.linalg.norm(b, axis=1) + 1e-8
        return np.sum(a * b, axis=1) / (na * nb)

    def backward(a, b, g):
        ra, rb = np.linalg.norm(a, axis=1, keepdims=True), np.linalg.norm(b, axis=1, keepdims=True)
        na, nb = ra + 1e-8, rb + 1e-8
        cos = np.sum(a * b, axis=1, keepdims=True) / (na * nb)
        ua = np.divide(a, ra, out=np.zeros_like(a), where=ra > 0)
        ub = np.divide(b, rb, out=np.zeros_like(b), where=rb > 0)
        g = g[:, None]
        return {"a": g * (b / (na * nb) - cos * ua / na), "b": g * (a / (na * nb) - cos * ub / nb)}


cosine_similarity.bug("wrong index", "cos * ub / nb)", "cos * ub / na)")
cosine_similarity.bug("sign", "- cos * ua / na", "+ cos * ua / na")
cosine_similarity.bug("missing term", " - cos * ub / nb", "")
