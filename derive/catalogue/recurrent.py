"""Recurrent cells, one step each, and their sequences.  Names and the order of the gates are those of ``torch.nn``."""

from typing import Any

import numpy as np

from derive.derivation.layer import Layer
from derive.derivation.options import one_of, options
from derive.derivation.reader import layer
from derive.derivation.recurrence import State, over_steps

LEARNED = ("w_ih", "w_hh", "b_ih", "b_hh")


def sigmoid(x: Any) -> Any:
    """The gates' function."""
    return 1 / (1 + np.exp(-x))


@options
def rnn_cell(*, nonlinearity: str = "tanh") -> Layer:
    """The cell with tanh or with relu."""
    one_of("nonlinearity", nonlinearity, ("tanh", "relu"))

    @layer(parameters=LEARNED, source="Elman, Finding structure in time, Cognitive Science 14, 1990")
    def rnn_cell(input: "n d", hx: "n h", w_ih: "h d", w_hh: "h h", b_ih: "h", b_hh: "h") -> Any:
        """A step of a plain recurrent network: the next state from the input and the state before."""
        x = input @ w_ih.T + b_ih + b_hh
        z = x + hx @ w_hh.T
        hy = np.tanh(z) if nonlinearity == "tanh" else np.maximum(z, 0)
        return hy

    return rnn_cell


@layer(parameters=LEARNED, source="Gers, Schmidhuber, Cummins, Learning to forget, Neural Computation 12, 2000")
def lstm_cell(
    input: "n d", hx: "n h", cx: "n h", w_ih: "4*h d", w_hh: "4*h h", b_ih: "4*h", b_hh: "4*h"
) -> tuple[Any, Any]:
    """A step of long short-term memory: input, forget and output gates i, f, o around the cell state."""
    x = input @ w_ih.T + b_ih + b_hh
    z = x + hx @ w_hh.T
    zi, zf, zg, zo = np.split(z, 4, axis=1)
    i, f, g, o = sigmoid(zi), sigmoid(zf), np.tanh(zg), sigmoid(zo)
    cy = f * cx + i * g
    tc = np.tanh(cy)
    hy = o * tc
    return hy, cy


@layer(parameters=LEARNED, source="Cho et al., Learning phrase representations using RNN encoder-decoder, 2014")
def gru_cell(input: "n d", hx: "n h", w_ih: "3*h d", w_hh: "3*h h", b_ih: "3*h", b_hh: "3*h") -> Any:
    """A step of a gated recurrent unit: reset gate r, update gate z, and the new content between which it mixes."""
    x = input @ w_ih.T + b_ih
    y = hx @ w_hh.T + b_hh
    xr, xz, xg = np.split(x, 3, axis=1)
    yr, yz, yg = np.split(y, 3, axis=1)
    ar, az = xr + yr, xz + yz
    r, z = sigmoid(ar), sigmoid(az)
    ag = xg + r * yg
    g = np.tanh(ag)
    hy = (1 - z) * g + z * hx
    return hy


HIDDEN, CELL = State("hx", "hy", "h0", "h_n"), State("cx", "cy", "c0", "c_n")


@options
def rnn(*, nonlinearity: str = "tanh") -> Layer:
    """The plain recurrent network with tanh or with relu."""
    return over_steps(
        rnn_cell.with_options(nonlinearity=nonlinearity),
        "rnn",
        sequences=["input"],
        states=[HIDDEN],
        outputs={"output": "hy"},
        doc="A plain recurrent network over t steps: the states after each step, and the last one.",
    )


lstm = over_steps(
    lstm_cell,
    "lstm",
    sequences=["input"],
    states=[HIDDEN, CELL],
    outputs={"output": "hy"},
    doc="Long short-term memory over t steps: the hidden states after each step, and the last state.",
)

gru = over_steps(
    gru_cell,
    "gru",
    sequences=["input"],
    states=[HIDDEN],
    outputs={"output": "hy"},
    doc="A gated recurrent unit over t steps: the states after each step, and the last one.",
)
