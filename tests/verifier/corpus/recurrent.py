"""Cells and sequences."""

import numpy as np
from scipy.special import expit

from .notation import right


@right("x: n i; h: n k; Wx: i k; Wh: k k; b: k")
class rnn_cell:
    def forward(x, h, Wx, Wh, b):
        new = np.tanh(x @ Wx + h @ Wh + b)
        return new, (x, h, Wx, Wh, new)

    def backward(dnew, cache):
        x, h, Wx, Wh, new = cache
        da = dnew * (1 - new**2)
        return {"x": da @ Wx.T, "h": da @ Wh.T, "Wx": x.T @ da, "Wh": h.T @ da, "b": da.sum(axis=0)}


rnn_cell.bug("transpose", "da @ Wh.T", "da @ Wh")
rnn_cell.bug("pre/post activation", '"Wh": h.T @ da', '"Wh": new.T @ da')
rnn_cell.bug("missing term", "da = dnew * (1 - new**2)", "da = dnew * (1 - new)")
rnn_cell.bug("relative 1e-5", "(1 - new**2)", "(1.00001 - new**2)")


@right("x: n t i; h0: n k; Wx: i k; Wh: k k; b: k", "t > 0")
class RNN:
    """Through time, with a list of caches."""

    def __init__(self):
        self.steps = []

    def forward(self, x, h0, Wx, Wh, b):
        self.steps = []
        self.shape = x.shape
        self.Wx, self.Wh = Wx, Wh
        h, hs = h0, []
        for t in range(x.shape[1]):
            before = h
            h = np.tanh(x[:, t] @ Wx + before @ Wh + b)
            self.steps.append((x[:, t], before, h))
            hs.append(h)
        return np.stack(hs, axis=1)

    def backward(self, dhs):
        dx = np.empty(self.shape, dtype=dhs.dtype)
        dWx, dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        db = np.zeros(self.Wh.shape[0], dtype=dhs.dtype)
        dh = np.zeros_like(dhs[:, 0])
        for t in reversed(range(len(self.steps))):
            xt, before, h = self.steps[t]
            da = (dh + dhs[:, t]) * (1 - h * h)
            dx[:, t] = da @ self.Wx.T
            dWx += xt.T @ da
            dWh += before.T @ da
            db += da.sum(axis=0)
            dh = da @ self.Wh.T
        return dx, dh, dWx, dWh, db


RNN.bug("missing term", "da = (dh + dhs[:, t]) * (1 - h * h)", "da = dhs[:, t] * (1 - h * h)")
RNN.bug("missing sum", "dWh += before.T @ da", "dWh = before.T @ da")
RNN.bug("off by one", "reversed(range(len(self.steps)))", "reversed(range(1 if len(self.steps) > 1 else 0, len(self.steps)))")
RNN.bug("stale state", "self.steps = []\nself.shape", "self.shape")
RNN.bug("wrong index", "dWh += before.T @ da", "dWh += h.T @ da")
RNN.bug("size threshold", "dh = da @ self.Wh.T", "dh = da @ self.Wh.T if t % 21 != 20 else 0 * dh")


@right("x: n i; h: n k; c: n k; W: i 4*k; U: k 4*k; b: 4*k")
class lstm_cell:
    def forward(x, h, c, W, U, b):
        a = x @ W + h @ U + b
        i, f, g, o = np.split(a, 4, axis=1)
        i, f, o, g = expit(i), expit(f), expit(o), np.tanh(g)
        c2 = f * c + i * g
        h2 = o * np.tanh(c2)
        return h2, c2

    def backward(x, h, c, W, U, b, upstream):
        dh2, dc2 = upstream
        k = h.shape[1]
        a = x @ W + h @ U + b
        i, f, g, o = expit(a[:, :k]), expit(a[:, k : 2 * k]), np.tanh(a[:, 2 * k : 3 * k]), expit(a[:, 3 * k :])
        c2 = f * c + i * g
        t = np.tanh(c2)
        dc = dc2 + dh2 * o * (1 - t**2)
        da = np.concatenate([dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh2 * t * o * (1 - o)], axis=1)
        return {"x": da @ W.T, "h": da @ U.T, "c": dc * f, "W": x.T @ da, "U": h.T @ da, "b": da.sum(axis=0)}


lstm_cell.bug("missing term", "dc = dc2 + dh2 * o * (1 - t**2)", "dc = dh2 * o * (1 - t**2)")
lstm_cell.bug("wrong index", "dc * g * i * (1 - i), dc * c * f * (1 - f)", "dc * c * i * (1 - i), dc * g * f * (1 - f)")
lstm_cell.bug("pre/post activation", "(1 - t**2)", "(1 - c2**2)")
lstm_cell.bug("wrong index", '"c": dc * f', '"c": dc * i')
lstm_cell.bug("upstream of ones", "dh2 * t * o * (1 - o)", "t * o * (1 - o)")


@right("x: n i; h: n k; W: i 3*k; U: k 3*k")
class gru_cell:
    def forward(x, h, W, U):
        k = h.shape[1]
        xw, hu = x @ W, h @ U
        r = expit(xw[:, :k] + hu[:, :k])
        z = expit(xw[:, k : 2 * k] + hu[:, k : 2 * k])
        n = np.tanh(xw[:, 2 * k :] + r * hu[:, 2 * k :])
        return (1 - z) * n + z * h, (x, h, W, U, r, z, n, hu[:, 2 * k :])

    def backward(dy, cache):
        x, h, W, U, r, z, n, hn = cache
        dz = dy * (h - n) * z * (1 - z)
        dn = dy * (1 - z) * (1 - n * n)
        dr = dn * hn * r * (1 - r)
        dxw = np.hstack([dr, dz, dn])
        dhu = np.hstack([dr, dz, dn * r])
        return {"x": dxw @ W.T, "h": dhu @ U.T + dy * z, "W": x.T @ dxw, "U": h.T @ dhu}


gru_cell.bug("missing term", "dhu @ U.T + dy * z", "dhu @ U.T")
gru_cell.bug("sign", "dy * (h - n)", "dy * (n - h)")
gru_cell.bug("wrong index", "np.hstack([dr, dz, dn * r])", "np.hstack([dr, dz, dn])")
gru_cell.bug("relative 1e-3", "dr = dn * hn * r * (1 - r)", "dr = dn * hn * r * (1 - r) * 1.001")


@right("x: t d; decay: d : unit", "t > 0")
class leaky_integrator:
    """h[t] = decay h[t-1] + x[t]: a scan with a buffer."""

    def forward(x, decay):
        out = np.zeros_like(x)
        state = np.zeros_like(x[0])
        for t in range(len(x)):
            state = decay * state + x[t]
            out[t] = state
        return out

    def backward(x, decay, dout):
        out = leaky_integrator.forward(x, decay)
        dx, ddecay = np.zeros_like(x), np.zeros_like(decay)
        carry = np.zeros_like(decay)
        for t in range(len(x) - 1, -1, -1):
            carry = carry * decay + dout[t]
            dx[t] = carry
            if t > 0:
                ddecay += carry * out[t - 1]
        return {"x": dx, "decay": ddecay}


leaky_integrator.bug("off by one", "range(len(x) - 1, -1, -1)", "range(len(x) - 1, 0, -1)")
leaky_integrator.bug("off by one", "out[t - 1]", "out[t]")
leaky_integrator.bug("missing sum", "ddecay += carry", "ddecay = carry")
leaky_integrator.bug("size threshold", "carry = carry * decay + dout[t]", "carry = carry * (decay if t != 75 else 0) + dout[t]")


@right("a: n; b: n; c: n")
class momentum_step:
    """Several outputs of one function: a new speed, and a new place."""

    def forward(a, b, c):
        v = 0.9 * a - 0.1 * c
        return v, b + v

    def backward(a, b, c, upstream):
        dv = upstream[0] + upstream[1]
        return {"a": 0.9 * dv, "b": np.copy(upstream[1]), "c": -0.1 * dv}


momentum_step.bug("missing term", "dv = upstream[0] + upstream[1]", "dv = 1.0 * upstream[0]")
momentum_step.bug("aliased", "np.copy(upstream[1])", "upstream[1]")
momentum_step.bug("relative 1e-7", "0.9 * dv", "0.90000001 * dv")
momentum_step.bug("relative 1e-5", "0.9 * dv", "0.90001 * dv")
