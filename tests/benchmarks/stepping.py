"""One training step of the two-layer network: forward, backward, update of the parameters, in float32.

The generated code against the same step hand-written in NumPy, in PyTorch (eager) and in HIPS autograd.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any

import handwritten
import numpy as np
from timing import Contender, Table, race

import derive

Size = tuple[int, int, int]  # n, d, h

GOAL_SIZE, QUICK_SIZE = (64, 64, 128), (16, 8, 16)
SIZES: dict[Size, int] = {GOAL_SIZE: 600, (256, 256, 512): 150, QUICK_SIZE: 600}  # and how many rounds
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
RATE = 1e-6  # so small that a million steps leave the values as they are
PARAMETERS = ("W1", "b1", "W2", "b2")
ARRAYS = ("X", *PARAMETERS, "T")
PAUSE = 0.03  # OpenBLAS and OpenMP threads spin for about this long after their work

Arrays = dict[str, Any]
Run = Callable[[], Any]


def arrays(n: int, d: int, h: int, dtype: Any = np.float32) -> Arrays:
    """Inputs, parameters and targets, drawn with a fixed seed."""
    draw = np.random.default_rng(0).standard_normal
    made = {
        "X": draw((n, d)),
        "W1": draw((d, h)) / d**0.5,
        "b1": draw(h),
        "W2": draw((h, 1)) / h**0.5,
        "b2": draw(1),
        "T": draw((n, 1)),
    }
    return {key: value.astype(dtype) for key, value in made.items()}


# ---- one step each; every one returns the loss


def functional(forward: Callable[..., Any], backward: Callable[[Any], Any], given: Arrays) -> Run:
    """Functions, with the gradients of the parameters; the update is the same statement for all."""
    X, W1, b1, W2, b2, T = (given[key] for key in ARRAYS)

    def step() -> Any:
        nonlocal W1, b1, W2, b2
        loss, cache = forward(X, W1, b1, W2, b2, T)
        grads = backward(cache)
        W1, b1 = W1 - RATE * grads["W1"], b1 - RATE * grads["b1"]
        W2, b2 = W2 - RATE * grads["W2"], b2 - RATE * grads["b2"]
        return loss

    return step


def objects(network: Any, given: Arrays) -> Run:
    """A network of layer objects."""
    X, T = given["X"], given["T"]

    def step() -> Any:
        loss = network.forward(X, T)
        network.backward()
        network.step(RATE)
        return loss

    return step


def generated(given: Arrays) -> tuple[Run, Run]:
    """The generated functions, derived for the parameters alone; and the generated class, as it comes."""
    layer = derive.layers["two_layer_network"]
    code = layer.derive(wrt=PARAMETERS).compile()
    network = layer.derive().compile().Network(*(given[key] for key in PARAMETERS))
    return functional(code.forward, lambda cache: code.backward(1.0, cache), given), objects(network, given)


def by_hand(given: Arrays) -> tuple[Run, Run, Run]:
    """The hand-written functions, the same in place on their own arrays, and the hand-written objects."""
    network = handwritten.Network(*(given[key] for key in PARAMETERS))
    return (
        functional(handwritten.forward, handwritten.backward, given),
        functional(handwritten.tuned_forward, handwritten.tuned_backward, given),
        objects(network, given),
    )


def with_autograd(given: Arrays) -> Run:
    """HIPS autograd; ImportError without it."""
    import autograd.numpy as anp
    from autograd import value_and_grad

    def loss(parameters: Any, X: Any, T: Any) -> Any:
        W1, b1, W2, b2 = parameters
        Z = anp.dot(X, W1) + b1
        e = anp.exp(-anp.abs(Z))
        S = anp.where(Z >= 0, 1, e) / (1 + e)
        return 0.5 * anp.sum((anp.dot(S, W2) + b2 - T) ** 2)

    both, parameters, X, T = value_and_grad(loss), [given[key] for key in PARAMETERS], given["X"], given["T"]

    def step() -> Any:
        nonlocal parameters
        value, grads = both(parameters, X, T)
        parameters = [p - RATE * g for p, g in zip(parameters, grads, strict=True)]
        return value

    return step


def with_torch(given: Arrays) -> Run:
    """PyTorch eager, with what it has of fused calls, and updates in place; ImportError without it."""
    import torch

    X, T = torch.from_numpy(given["X"]), torch.from_numpy(given["T"])
    parameters = [torch.from_numpy(given[key].copy()).requires_grad_() for key in PARAMETERS]
    W1, b1, W2, b2 = parameters

    def step() -> Any:
        S = torch.sigmoid(torch.addmm(b1, X, W1))
        loss = 0.5 * ((torch.addmm(b2, S, W2) - T) ** 2).sum()
        grads = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            for p, g in zip(parameters, grads, strict=True):
                p.add_(g, alpha=-RATE)
        return loss.detach()

    return step


# ---- measured


def tables(quick: bool = False) -> list[Table]:
    """The table of the steps; each number of threads in a process of its own, as BLAS wants it."""
    rows = []
    for threads in ("default", "1"):
        env = {key: value for key, value in os.environ.items() if key not in THREADS}
        env |= dict.fromkeys(THREADS, threads) if threads != "default" else {}
        command = [sys.executable, __file__, threads, *(["--quick"] if quick else [])]
        rows += json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
    header = ("step", "n x d x h", "threads", "by hand-written", "by hand, in place", "by PyTorch", "by autograd", "µs")
    note = (
        "float32. The generated step's time by the other's: median of the ratios within a round, in brackets the"
        " ratio of the fastest tenths of the rounds; on a busy machine they are far apart. Functions: gradients of"
        " the parameters; objects: every delta is passed up, dX too. PyTorch: eager, fused calls, updates in place,"
        " no dX. Default threads: wall time; one thread: processor time. µs: fastest tenth."
        f" Goals at {_title(GOAL_SIZE)}, default threads: at most 1.05 by hand-written, 0.6 by PyTorch."
    )
    return [Table("One training step of the generated network, by the same step elsewhere", header, rows, note)]


def rows(threads: str, quick: bool) -> list[list[str]]:
    """Two rows for each size, with the threads that this process has."""
    return [
        row
        for size, rounds in SIZES.items()
        if not quick or size == QUICK_SIZE
        for row in _rows(size, threads, 2 if quick else rounds)
    ]


def _rows(size: Size, threads: str, rounds: int) -> list[list[str]]:
    given = arrays(*size)
    ours, our_objects = generated(given)
    hand, in_place, hand_objects = by_hand(given)
    runs = {"functions": ours, "hand": hand, "in place": in_place, "objects": our_objects, "hand objects": hand_objects}
    clock = time.process_time if threads == "1" else time.perf_counter
    autograd = _installed(with_autograd, given)
    found = race(_contenders(runs | ({"autograd": autograd} if autograd else {})), rounds, batch=3e-4, clock=clock)
    torch = _installed(with_torch, given)
    beside = _contenders({"functions": ours, "objects": our_objects, "torch": torch}) if torch else []
    pause = 0.0 if threads == "1" else PAUSE
    other = race(beside, max(2, rounds // 6) if torch else 0, batch=1e-3, pause=pause, clock=clock)

    def row(own: str, *against: str) -> list[str]:
        by_numpy = [found.both(own, key) if key else "" for key in against]
        by_torch = other.both(own, "torch") if torch else "not installed"
        by_autograd = found.both(own, "autograd") if autograd else "not installed"
        return [own, _title(size), threads, *by_numpy, by_torch, by_autograd, f"{1e6 * found.fastest(own):.0f}"]

    return [row("functions", "hand", "in place"), row("objects", "hand objects", "")]


def _installed(maker: Callable[[Arrays], Run], given: Arrays) -> Run | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own, at import
            return maker(given)
    except ImportError:
        return None


def _contenders(runs: dict[str, Run]) -> list[Contender]:
    return [Contender(name, lambda _, run=run: run()) for name, run in runs.items()]


def _title(size: Size) -> str:
    return " x ".join(map(str, size))


if __name__ == "__main__":
    print(json.dumps(rows(sys.argv[1], "--quick" in sys.argv)))
