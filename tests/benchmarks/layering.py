"""The layers of the catalogue: how long derive and prove take, and forward and backward of the generated code.

The generated code against the same layer hand-written in NumPy, in PyTorch (eager) and in JAX (jit), in float32, all
gradients.  What a layer is in PyTorch is looked up where the tests look it up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import handwritten_layers
import numpy as np
from deriving import work, worked
from stepping import THREADS
from timing import Contender, Race, Table, race

import derive

MEDIAN_GOAL, WORST_GOAL = 10e-3, 150e-3  # seconds, derive and prove, warm
HAND_GOAL = 1.1
ROUNDS = 40
KEPT = {"MALLOC_TRIM_THRESHOLD_": str(1 << 30), "MALLOC_MMAP_THRESHOLD_": str(1 << 30)}  # memory is not handed back
TOP = Path(__file__).parents[2]

Arrays = dict[str, np.ndarray[Any, Any]]
Run = Callable[[], Any]


@dataclass(frozen=True)
class Work:
    """A layer with some options at a realistic size: the shapes of its inputs, and whole numbers below a bound."""

    layer: str
    shapes: Mapping[str, tuple[int, ...]]
    options: Mapping[str, Any] = field(default_factory=dict)
    below: Mapping[str, int] = field(default_factory=dict)
    hand: str = ""  # in handwritten_layers; by default the layer's name

    @property
    def title(self) -> str:
        """The layer and its options."""
        told = ", ".join(f"{key}={value!r}" for key, value in self.options.items())
        return f"`{self.layer}`" + (f" {told}" if told else "")

    @property
    def size(self) -> str:
        """The shapes, short."""
        return ", ".join("x".join(map(str, shape)) or "1" for shape in self.shapes.values())


ENTRIES = {"input": (256, 1024)}
GATES = {"input": (64, 128), "hx": (64, 128)}
STEPS = {"input": (32, 32, 64), "h0": (32, 64)}
IMAGES = {"input": (16, 16, 28, 28)}
HEADS = {
    **dict.fromkeys(("query", "key", "value"), (8, 64, 256)),
    **{"in_proj_weight": (768, 256), "in_proj_bias": (768,), "out_proj_weight": (256, 256), "out_proj_bias": (256,)},
}

WORKS = (
    Work("linear", {"input": (256, 512), "weight": (512, 512), "bias": (512,)}),
    Work("embedding", {"input": (32, 64), "weight": (5000, 128)}, below={"input": 5000}),
    Work("relu", ENTRIES),
    Work("gelu", ENTRIES),
    Work("gelu", ENTRIES, {"approximate": "tanh"}, hand="gelu_tanh"),
    Work("silu", ENTRIES),
    Work("softplus", ENTRIES),
    Work("sigmoid", {"X": (256, 1024)}),
    Work("dropout", {**ENTRIES, "mask": (256, 1024)}, below={"mask": 2}),
    Work("glu", ENTRIES),
    Work("swiglu", {"input": (256, 256), "W": (256, 512), "V": (256, 512)}),
    Work("softmax", {"input": (512, 512)}),
    Work("log_softmax", {"input": (512, 512)}),
    Work("cross_entropy", {"input": (512, 1000), "target": (512,)}, below={"target": 1000}),
    Work("layer_norm", {"input": (512, 512), "weight": (512,), "bias": (512,)}),
    Work("rms_norm", {"input": (512, 512), "weight": (512,)}),
    Work("batch_norm", {"input": (32, 32, 28, 28), "weight": (32,), "bias": (32,)}),
    Work("scaled_dot_product_attention", dict.fromkeys(("query", "key", "value"), (4, 4, 128, 64))),
    Work("multi_head_attention", HEADS, {"num_heads": 8}),
    Work("conv2d", {**IMAGES, "weight": (32, 16, 3, 3), "bias": (32,)}, {"padding": 1}),
    Work(
        "conv_transpose2d",
        {"input": (16, 32, 14, 14), "weight": (32, 16, 4, 4), "bias": (16,)},
        {"stride": 2, "padding": 1},
    ),
    Work("max_pool2d", IMAGES, {"kernel_size": 3, "stride": 2, "padding": 1}),
    Work("avg_pool2d", IMAGES, {"kernel_size": 3, "stride": 2, "padding": 1}),
    Work(
        "lstm_cell",
        {**GATES, "cx": (64, 128), "w_ih": (512, 128), "w_hh": (512, 128), "b_ih": (512,), "b_hh": (512,)},
    ),
    Work("gru_cell", {**GATES, "w_ih": (384, 128), "w_hh": (384, 128), "b_ih": (384,), "b_hh": (384,)}),
    Work("rnn", STEPS | {"w_ih": (64, 64), "w_hh": (64, 64), "b_ih": (64,), "b_hh": (64,)}),
    Work("lstm", STEPS | {"c0": (32, 64), "w_ih": (256, 64), "w_hh": (256, 64), "b_ih": (256,), "b_hh": (256,)}),
    Work("gru", STEPS | {"w_ih": (192, 64), "w_hh": (192, 64), "b_ih": (192,), "b_hh": (192,)}),
    Work("inv", {"A": (64, 64)}),
    Work("det", {"A": (64, 64)}),
    Work("logdet", {"input": (64, 64)}),
    Work("solve", {"A": (64, 64), "B": (64, 16)}),
    Work("frobenius_norm", {"X": (512, 512)}),
    Work("quadratic_form", {"x": (512,), "A": (512, 512)}),
)


def known() -> list[Work]:
    """What there is a layer for."""
    return [each for each in WORKS if each.layer in derive.layers]


# ---- derive and prove


def tables(quick: bool = False) -> list[Table]:
    """Derive and prove; forward and backward."""
    return [proving(quick), running(quick)]


def proving(quick: bool) -> Table:
    """Every layer of the catalogue, warm, beside the goals."""
    seconds = {name: warm(name, 2 if quick else 30) for name in derive.layers}
    slowest = max(seconds, key=lambda name: seconds[name])
    rows = [
        _goal_row("median", median(seconds.values()), MEDIAN_GOAL),
        _goal_row(f"worst, `{slowest}`", seconds[slowest], WORST_GOAL),
        *([f"`{name}`", "", f"{1e3 * taken:.2g}"] for name, taken in seconds.items()),
    ]
    note = (
        f"All {len(seconds)} layers of the catalogue, with the options they have by default; warm; processor time,"
        f" median. Goals: the median at most {1e3 * MEDIAN_GOAL:.0f} ms, the worst at most {1e3 * WORST_GOAL:.0f} ms."
    )
    return Table("Derive and prove, the catalogue", ("layer", "by its goal", "ms"), rows, note)


def warm(name: str, rounds: int) -> float:
    """The median of the seconds that derive and prove take."""
    contender = Contender("warm", work, partial(worked, derive.layers[name]), once=True)
    return race([contender], rounds, clock=time.process_time).median("warm")


def _goal_row(what: str, seconds: float, goal: float) -> list[str]:
    return [what, f"{seconds / goal:.2f}", f"{1e3 * seconds:.2g}"]


# ---- forward and backward


def arrays(given: Work, dtype: type[np.floating[Any]] = np.float32) -> Arrays:
    """The inputs, drawn with a fixed seed."""
    chance, made = np.random.default_rng(0), {}
    for key, shape in given.shapes.items():
        if key in given.below:
            drawn = chance.integers(0, given.below[key], shape)
            made[key] = drawn.astype(bool) if given.below[key] == 2 else drawn
        else:
            weight = key[0] in "wWVA" or key.endswith("weight")
            scale = shape[-1] ** -0.5 if weight else 1.0  # as weights are; det stays a float32
            made[key] = np.asarray(scale * chance.standard_normal(shape)).astype(dtype)
    return made


def upstream(outputs: Any, chance: np.random.Generator) -> Any:
    """An upstream gradient for the outputs."""
    if isinstance(outputs, tuple):
        return tuple(upstream(output, chance) for output in outputs)
    return np.asarray(chance.standard_normal(np.shape(outputs)), outputs.dtype)


def generated(given: Work) -> Callable[[], tuple[Any, Arrays]]:
    """The generated code: output and gradients."""
    return both_ways(compiled(given), arrays(given))


def compiled(given: Work) -> Any:
    """The generated code."""
    return derive.layers[given.layer].with_options(**given.options).derive().compile()


def by_hand(given: Work) -> Callable[[], tuple[Any, Arrays]]:
    """The hand-written layer: output and gradients."""
    return both_ways(written(given), arrays(given))


def written(given: Work) -> Any:
    """The hand-written code."""
    return getattr(handwritten_layers, given.hand or given.layer)


def by_hand_accurately(given: Work) -> Callable[[], tuple[Any, Arrays]] | None:
    """The hand-written layer that keeps its digits, where the usual one does not and is quicker."""
    code = accurately_written(given)
    return None if code is None else both_ways(code, arrays(given))


def accurately_written(given: Work) -> Any:
    """The hand-written code that keeps its digits; None where there is none."""
    return getattr(handwritten_layers, f"{given.hand or given.layer}_accurate", None)


def both_ways(code: Any, inputs: Arrays) -> Callable[[], tuple[Any, Arrays]]:
    """A run of forward and backward, for the same upstream gradient each time."""
    values = tuple(inputs.values())
    above = upstream(code.forward(*values)[0], np.random.default_rng(1))

    def run() -> tuple[Any, Arrays]:
        outputs, cache = code.forward(*values)
        return outputs, code.backward(above, cache)

    return run


def with_torch(given: Work) -> Callable[[], tuple[Any, Arrays]]:
    """PyTorch eager; ImportError without it."""
    import torch

    sys.path.insert(0, str(TOP))  # the table of the tests
    from tests.oracle.torch_layers import options_of, oracle_of

    function, layer = oracle_of(given.layer).function, derive.layers[given.layer]
    options = options_of(layer, layer.with_options(**given.options))
    tensors = {key: torch.from_numpy(value) for key, value in arrays(given).items()}
    leaves = [tensor.requires_grad_() for tensor in tensors.values() if tensor.dtype == torch.float32]
    with torch.no_grad():
        first = function(**tensors, **options)
    shaped = tuple(t.numpy() for t in first) if isinstance(first, tuple) else np.asarray(first)
    above = upstream(shaped, np.random.default_rng(1))
    over = [torch.from_numpy(a) for a in (above if isinstance(above, tuple) else (above,))]
    names = [key for key, tensor in tensors.items() if tensor.requires_grad]

    def run() -> tuple[Any, Any]:
        outputs = function(**tensors, **options)
        grads = torch.autograd.grad(outputs, leaves, over)
        return outputs, dict(zip(names, grads, strict=True))

    return run


def with_jax(given: Work) -> Callable[[], tuple[Any, Arrays]] | None:
    """JAX, compiled; None for a layer that it has nothing for, ImportError without it."""
    import jax
    from jax_layers import LAYERS

    function = LAYERS.get(given.layer)
    if function is None:
        return None
    inputs = {key: jax.numpy.asarray(value) for key, value in arrays(given).items()}
    floats = {key: value for key, value in inputs.items() if value.dtype == np.float32}
    others = {key: value for key, value in inputs.items() if key not in floats}
    above = jax.tree.map(jax.numpy.asarray, upstream(function(*inputs.values(), **given.options), np.random.default_rng(1)))

    @jax.jit
    def both(floats: Any, others: Any, above: Any) -> Any:
        def called(leaves: Any) -> Any:
            return function(*[{**leaves, **others}[key] for key in inputs], **given.options)

        outputs, pull = jax.vjp(called, floats)
        return outputs, pull(above)[0]

    def run() -> tuple[Any, Any]:
        return jax.block_until_ready(both(floats, others, above))  # type: ignore[no-any-return]

    return run


def running(quick: bool) -> Table:
    """Forward and backward of every layer, on one thread, in a process of its own."""
    env = {**os.environ, **KEPT, **dict.fromkeys(THREADS, "1")}
    env["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    command = [sys.executable, __file__, *(["--quick"] if quick else [])]
    rows = json.loads(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout)
    header = ("layer", "inputs", "by hand-written", "by hand, as accurate", "by PyTorch", "by JAX", "µs")
    note = (
        "float32, all gradients, one thread, processor time. The generated layer's time by the other's: median of the"
        " ratios within a round, in brackets the ratio of the fastest tenths of the rounds. By hand: as it is usually"
        " written, in place on arrays of its own, `tests/benchmarks/handwritten_layers.py`. As accurate: within the bound"
        " that the generated code keeps, written for the layers whose usual form is quicker and loses all digits"
        " somewhere. Memory that was freed stays with the process. PyTorch: eager, `torch.autograd.grad`. JAX:"
        f" `jit` of `vjp`. µs: fastest tenth. Goal: at most {HAND_GOAL} by hand-written."
    )
    return Table("Forward and backward of a generated layer, by the same layer elsewhere", header, rows, note)


def rows(quick: bool) -> list[list[str]]:
    """A row for each layer."""
    return [row(each, 2 if quick else ROUNDS) for each in known()]


def row(given: Work, rounds: int) -> list[str]:
    """The generated layer by the others, all in the same rounds."""
    makers = {"ours": generated, "hand": by_hand, "accurate": by_hand_accurately, "torch": with_torch, "jax": with_jax}
    runs, missing = {}, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of other libraries, at import
        for key, maker in makers.items():
            try:
                run = maker(given)
            except ImportError:
                missing[key] = "not installed"
                continue
            if run is None:
                missing[key] = ""
            else:
                runs[key] = run
        contenders = [Contender(key, lambda _, run=run: run()) for key, run in runs.items()]
        found: Race = race(contenders, rounds, clock=time.process_time)
    cells = [missing[key] if key in missing else found.both("ours", key) for key in list(makers)[1:]]
    return [given.title, given.size, *cells, f"{1e6 * found.fastest('ours'):.0f}"]


if __name__ == "__main__":
    print(json.dumps(rows("--quick" in sys.argv)))
