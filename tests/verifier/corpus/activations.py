"""Functions of each entry."""

import math

import numpy as np
from scipy import special

from .notation import right


@right("x: n d")
class relu:
    def forward(x):
        return x * (x > 0)

    def backward(x, dy):
        return dy * (x > 0)


relu.bug("narrow range", "return dy * (x > 0)", "return dy * (x > 0) * ~((x > 3.0) & (x < 3.1))")
relu.bug("narrow range", "return dy * (x > 0)", "return dy * (x > 1e-3)")
relu.bug("large |x|", "return dy * (x > 0)", "return dy * ((x > 0) & (x < 700))")
relu.bug("kinks", "return dy * (x > 0)", "return dy * ((x > 0) + 2.0 * (x == 0))")
relu.bug("dtype", "return dy * (x > 0)", "return dy * np.where(x > 0, 1.0, np.zeros(()))[...].astype(np.float64)")
relu.bug("sign", "return dy * (x > 0)", "return dy * np.sign(x)")
relu.bug("memory order", "return dy * (x > 0)", "return (dy.ravel(order='K') * (x.ravel(order='K') > 0)).reshape(x.shape)")


@right("z: ... d")
class leaky_relu:
    def forward(z):
        return np.where(z > 0, z, 0.01 * z)

    def backward(z, delta):
        slope = np.ones_like(z)
        slope[z < 0] = 0.01
        return {"z": slope * delta}


leaky_relu.bug("factor", "slope[z < 0] = 0.01", "slope[z < 0] = 0.1")
leaky_relu.bug("kinks", "slope[z < 0] = 0.01", "slope[z < 0] = 0.01\nslope[z == 0] = -1")
leaky_relu.bug("relative 1e-7", "slope[z < 0] = 0.01", "slope[z < 0] = 0.01 + 1e-9")
leaky_relu.bug("dtype", "np.ones_like(z)", "np.ones(z.shape)")
leaky_relu.bug("memory order", "slope * delta", "slope * np.frombuffer(delta.tobytes(order='A'), delta.dtype).reshape(delta.shape)")


@right("x: n")
class elu:
    def forward(x, alpha=1.0):
        return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))

    def backward(x, dy, alpha=1.0):
        return {"x": np.where(x > 0, dy, dy * alpha * np.exp(np.minimum(x, 0)))}


elu.bug("missing term", "dy * alpha * np.exp(np.minimum(x, 0))", "dy * alpha * np.expm1(np.minimum(x, 0))")
elu.bug("narrow range", "np.where(x > 0, dy,", "np.where((x > 0) | (x < -5), dy,")
elu.bug("epsilon", "np.exp(np.minimum(x, 0))", "(np.exp(np.minimum(x, 0)) + 1e-8)")


@right("x: n d")
class sigmoid:
    """Stable on both sides, with a buffer."""

    def forward(x):
        out = np.empty_like(x)
        positive = x >= 0
        out[positive] = 1 / (1 + np.exp(-x[positive]))
        ex = np.exp(x[~positive])
        out[~positive] = ex / (1 + ex)
        return out, out

    def backward(dout, out):
        return dout * out * (1 - out)


sigmoid.bug("pre/post activation", "return out, out", "return out, x")
sigmoid.bug("in place", "return dout * out * (1 - out)", "dout *= out\nreturn dout * (1 - out)")
sigmoid.bug("stale state", "return dout * out * (1 - out)", "dx = dout * out * (1 - out)\nout *= 0.5\nreturn dx")
sigmoid.bug("relative 1e-3", "return dout * out * (1 - out)", "return dout * out * (1.001 - out)")


@right("x: n")
class sigmoid_plain:
    def forward(x):
        s = 1.0 / (1.0 + np.exp(-x))
        return s

    def backward(x, g):
        s = 1.0 / (1.0 + np.exp(-x))
        return g * s * (1.0 - s)


sigmoid_plain.bug("overflow", "return g * s * (1.0 - s)", "return g * np.exp(-x) * s**2")
sigmoid_plain.bug("overflow", "return g * s * (1.0 - s)", "return g * np.exp(x) / (1 + np.exp(x)) ** 2")
sigmoid_plain.bug("overflow", "return g * s * (1.0 - s)", "return g / (2 + np.exp(x) + np.exp(-x)) if np.all(x < 300) else g * np.exp(x) / (1 + np.exp(x)) ** 2")
sigmoid_plain.bug("large |x|", "return g * s * (1.0 - s)", "return g * np.where(np.abs(x) > 500, 0.25, s * (1.0 - s))")


@right("x: n m")
class silu:
    def forward(x):
        return x * special.expit(x)

    def backward(x, dy):
        s = special.expit(x)
        return {"x": dy * (s + x * s * (1 - s))}


silu.bug("missing term", "(s + x * s * (1 - s))", "(x * s * (1 - s))")
silu.bug("pre/post activation", "(s + x * s * (1 - s))", "(s + s * s * (1 - s))")
silu.bug("large |x|", "s + x * s * (1 - s)", "np.where(np.abs(x) > 30, 1.0, s + x * s * (1 - s))")


@right("x: n d")
class gelu:
    def forward(x):
        return 0.5 * x * (1 + special.erf(x / np.sqrt(2)))

    def backward(x, dy):
        cdf = 0.5 * (1 + special.erf(x / np.sqrt(2)))
        pdf = np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi)
        return dy * (cdf + x * pdf)


gelu.bug("missing term", "dy * (cdf + x * pdf)", "dy * cdf")
gelu.bug("factor", "np.sqrt(2 * np.pi)", "np.sqrt(np.pi)")
gelu.bug("relative 1e-5", "np.sqrt(2 * np.pi)", "2.50665")
gelu.bug("relative 1e-3", "return dy * (cdf + x * pdf)", "return dy * special.expit(1.702 * x) * (1 + 1.702 * x * (1 - special.expit(1.702 * x)))")


@right("x: k")
class gelu_tanh:
    def forward(x):
        inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
        return 0.5 * x * (1 + np.tanh(inner))

    def backward(x, dy):
        c = math.sqrt(2 / math.pi)
        t = np.tanh(c * (x + 0.044715 * x**3))
        dinner = c * (1 + 3 * 0.044715 * x**2)
        return {"x": dy * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * dinner)}


gelu_tanh.bug("factor", "1 + 3 * 0.044715 * x**2", "1 + 0.044715 * x**2")
gelu_tanh.bug("relative 1e-5", "c = math.sqrt(2 / math.pi)", "c = 0.79788")
gelu_tanh.bug("missing term", "0.5 * (1 + t) + ", "")
gelu_tanh.bug("relative 1e-5", "3 * 0.044715", "0.13414")


@right("x: n")
class softplus:
    def forward(x):
        return np.logaddexp(0, x)

    def backward(x, dy):
        return {"x": dy / (1 + np.exp(-np.clip(x, -500, None)))}


softplus.bug("large |x|", "dy / (1 + np.exp(-np.clip(x, -500, None)))", "np.where(x > 20, 0, dy) / (1 + np.exp(-np.clip(x, -500, None)))")
softplus.bug("overflow", "dy / (1 + np.exp(-np.clip(x, -500, None)))", "dy * np.exp(x) / (1 + np.exp(x))")
softplus.bug("narrow range", "-np.clip(x, -500, None)", "-np.clip(x, -6.5, None)")


@right("x: a b c")
class mish:
    def forward(x):
        return x * np.tanh(np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0))

    def backward(x, dy):
        sp = np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0)
        t = np.tanh(sp)
        sig = special.expit(x)
        return dy * (t + x * (1 - t * t) * sig)


mish.bug("missing term", "(1 - t * t) * sig", "(1 - t * t)")
mish.bug("sign", "(t + x * (1 - t * t) * sig)", "(t - x * (1 - t * t) * sig)")


@right("x: n d")
class hard_tanh:
    def forward(x):
        return np.clip(x, -1.0, 1.0)

    def backward(x, dy):
        inside = (x > -1.0) & (x < 1.0)
        return {"x": inside * dy}


hard_tanh.bug("narrow range", "(x > -1.0)", "(x > -1.05)")
hard_tanh.bug("kinks", "inside * dy", "inside * dy - (x == 1.0) * dy")


@right("x: n d")
class hard_swish:
    def forward(x):
        return x * np.minimum(np.maximum(x + 3, 0), 6) / 6

    def backward(x, dy):
        dx = np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6)).astype(x.dtype)
        return dx * dy


hard_swish.bug("factor", "(2 * x + 3) / 6", "(x + 3) / 6")
hard_swish.bug("narrow range", "np.where(x >= 3, 1,", "np.where(x >= 3.05, 1,")
hard_swish.bug("dtype", ".astype(x.dtype)", ".astype(float)")


@right("x: n d; slope: d")
class prelu:
    def forward(x, slope):
        return np.maximum(x, 0) + slope * np.minimum(x, 0)

    def backward(x, slope, dy):
        dx = np.where(x > 0, dy, slope * dy)
        return {"x": dx, "slope": (dy * np.minimum(x, 0)).sum(axis=0)}


prelu.bug("missing sum", "(dy * np.minimum(x, 0)).sum(axis=0)", "(dy * np.minimum(x, 0))[-1] + 0")
prelu.bug("pre/post activation", "dy * np.minimum(x, 0)", "dy * slope * np.minimum(x, 0)")
prelu.bug("wrong index", "np.where(x > 0, dy, slope * dy)", "np.where(x > 0, dy, slope[::-1] * dy)")


@right("x: n 2*h")
class glu:
    def forward(x):
        a, b = np.split(x, 2, axis=1)
        return a * (1 / (1 + np.exp(-b)))

    def backward(x, dy):
        a, b = np.split(x, 2, axis=1)
        s = 1 / (1 + np.exp(-b))
        return {"x": np.concatenate([dy * s, dy * a * s * (1 - s)], axis=1)}


glu.bug("wrong index", "[dy * s, dy * a * s * (1 - s)]", "[dy * a * s * (1 - s), dy * s]")
glu.bug("pre/post activation", "dy * a * s * (1 - s)", "dy * a * b * (1 - b)")
glu.bug("size 1", "return {\"x\": np.concatenate([dy * s,", "return {\"x\": np.concatenate([dy * (s if len(x) > 1 else s**2),")


@right("x: n; beta: ")
class swish:
    """With a trainable scalar."""

    def forward(x, beta):
        return x / (1 + np.exp(-beta * x))

    def backward(x, beta, dy):
        s = 1 / (1 + np.exp(-beta * x))
        ds = s * (1 - s)
        return dy * (s + beta * x * ds), np.sum(dy * x * x * ds)


swish.bug("missing term", "(s + beta * x * ds)", "(s + x * ds)")
swish.bug("mean against sum", "np.sum(dy * x * x * ds)", "np.mean(dy * x * x * ds) if x.size else np.sum(x)")
swish.bug("dtype", "np.sum(dy * x * x * ds)", "float(np.sum(dy * x * x * ds))")
swish.bug("contract", "np.sum(dy * x * x * ds)", "np.sum(dy * x * x * ds, keepdims=True)")


@right("x: n")
class signed_log:
    """abs, sign and log1p."""

    def forward(x):
        return np.sign(x) * np.log1p(np.abs(x))

    def backward(x, dy):
        return {"x": dy / (1 + np.abs(x))}


signed_log.bug("sign", "dy / (1 + np.abs(x))", "dy * np.sign(x) / (1 + np.abs(x))")
signed_log.bug("narrow range", "dy / (1 + np.abs(x))", "np.where(x == np.round(x), 0.5 * dy, dy) / (1 + np.abs(x))")
signed_log.bug("narrow range", "dy / (1 + np.abs(x))", "np.where(np.signbit(x) & (x == 0), 0 * dy, dy) / (1 + np.abs(x))")


def scaled(scale):
    def forward(x):
        return np.tanh(scale * x)

    def backward(x, dy):
        return {"x": scale * dy / np.cosh(np.clip(scale * x, -300, 300)) ** 2}

    return forward, backward


@right("x: n d", uses=(scaled,))
class scaled_tanh:
    """Made by a closure."""

    forward, backward = scaled(2 / 3)


scaled_tanh.bug("factor", "scale * dy", "dy")
scaled_tanh.bug("overflow", "/ np.cosh(np.clip(scale * x, -300, 300)) ** 2", "* 4 * np.exp(2 * scale * x) / (np.exp(2 * scale * x) + 1) ** 2")
scaled_tanh.bug("relative 1e-7", "scale * dy", "0.66666675 * dy")
scaled_tanh.bug("relative 1e-5", "scale * dy /", "0.66667 * dy /")
