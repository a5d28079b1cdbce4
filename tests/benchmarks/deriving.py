"""How long it takes to derive and prove: the seed layers, and tanh networks that grow deep."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from time import process_time
from typing import Any

import numpy as np
from timing import Contender, Race, Table, race

import derive
from derive.arrays.array import Array, apply
from derive.derivation.call import LayerCall
from derive.emit.readback import read_back
from derive.rules import book, proof, simplify

GOALS = {"dense": 2e-3, "sigmoid": 2e-3, "squared_error": 2e-3, "two_layer_network": 20e-3}  # seconds, warm
BASE, DEEPEST = 32, 256
BASE_GOAL, GROWTH_GOAL = 0.3, 10.0  # seconds at depth 32; and how many times longer depth 256 may take
DEPTHS = (2, 4, 8, 16, BASE, 64, 128, DEEPEST)
CODE_DEPTHS = (2, 4, 8, 16, BASE, 64)
QUICK_DEPTHS = (2, 4)


def forget() -> None:
    """Every proof, admitted rule and confirmed identity."""
    for module in (proof, book, simplify):
        module.forget()


def work(layer: derive.Layer) -> derive.Derivation:
    """Derive and prove; what is not proved is not timed."""
    derivation = layer.derive()
    verdict = derivation.prove()
    if verdict.status != "proved":
        raise RuntimeError(f"{layer.name}: {verdict}")
    return derivation


def tables(quick: bool = False) -> list[Table]:
    """The seed layers; the deep networks."""
    return [seed_table(quick), *deep_tables(quick)]


# ---- the seed layers


def seed_table(quick: bool = False) -> Table:
    """The seed layers, beside SymPy's own derivative of matrix expressions."""
    rows = []
    for name, goal in GOALS.items():
        layer = derive.layers[name]
        contenders = [
            Contender("warm", work, partial(worked, layer), once=True),
            Contender("new", work, lambda layer=layer: fresh(worked(layer)), once=True),
            Contender("cold", work, partial(forgotten, layer), once=True),
        ]
        found = race(contenders, 2 if quick else 100, clock=process_time)
        milliseconds = " / ".join(f"{1e3 * found.median(key):.2g}" for key in found.times)
        rows.append(
            [
                f"`{name}`",
                f"{found.median('warm') / goal:.2f}",
                f"{found.median('new') / goal:.2f}",
                found.both("cold", "warm"),
                sympy_by_warm(name, quick),
                milliseconds,
            ]
        )
    header = ("layer", "warm, by its goal", "new objects, by its goal", "cold, by warm", "SymPy, by warm", "ms")
    note = (
        "Goals, warm: 2 ms, the network 20 ms. Warm: proofs are remembered up to renaming, for the same layer"
        " object or for new ones; cold: all proofs, rules and identities forgotten. SymPy, its cache warm: `.diff`"
        " of the loss, or of tr(GᵀY), by the same inputs; its results are not checked. Processor time; ms: warm /"
        " new / cold."
    )
    return Table("Derive and prove", header, rows, note)


def worked(layer: derive.Layer) -> derive.Layer:
    """The layer, once derived and proved, so that the next time is warm."""
    return work(layer).layer


def forgotten(layer: derive.Layer) -> derive.Layer:
    """A new layer, and nothing remembered."""
    forget()
    return fresh(layer)


def fresh(layer: derive.Layer) -> derive.Layer:
    """The layer, and the layers that it calls, as new objects."""
    called: dict[derive.Layer, derive.Layer] = {}

    def again(array: Array) -> Array:
        op = array.op
        if isinstance(op, LayerCall):
            known = called.get(op.layer) or called.setdefault(op.layer, fresh(op.layer))
            op = LayerCall(known, op.output)
        return apply(op, *map(again, array.operands))

    return replace(layer, equations=tuple([replace(e, expression=again(e.expression)) for e in layer.equations]))


def sympy_by_warm(name: str, quick: bool) -> str:
    """SymPy's time by ours; or what it raises."""
    if quick and name == "two_layer_network":
        return "left out"  # seconds
    diff, layer = sympy_diff(name), derive.layers[name]
    try:
        diff(None)
    except Exception as error:  # whatever it raises is the answer
        return f"{type(error).__name__}: {error}"
    contenders = [Contender("sympy", diff, once=True), Contender("warm", work, partial(worked, layer), once=True)]
    found = race(contenders, 2 if quick else 5, clock=process_time)
    return found.both("sympy", "warm")


def sympy_diff(name: str) -> Callable[[Any], Any]:
    """SymPy's gradients of a seed layer."""
    import sympy as sp

    n, d, m, h = sp.symbols("n d m h", integer=True, positive=True)
    X, W, b, T = (sp.MatrixSymbol(*s) for s in (("X", n, d), ("W", d, m), ("b", 1, m), ("T", n, d)))
    W1, b1, W2, b2 = (sp.MatrixSymbol(*s) for s in (("W1", d, h), ("b1", 1, h), ("W2", h, 1), ("b2", 1, 1)))
    G, H, t = (sp.MatrixSymbol(*s) for s in (("G", n, m), ("H", n, d), ("t", n, 1)))
    ones, x = sp.OneMatrix(n, 1), sp.Symbol("x")
    logistic = sp.Lambda(x, 1 / (1 + sp.exp(-x)))
    residual = (X * W1 + ones * b1).applyfunc(logistic) * W2 + ones * b2 - t
    loss, wrt = {
        "dense": (sp.Trace(G.T * (X * W + ones * b)), (X, W, b)),
        "sigmoid": (sp.Trace(H.T * X.applyfunc(logistic)), (X,)),
        "squared_error": (sp.Trace((X - T).T * (X - T)) / 2, (X, T)),
        "two_layer_network": (sp.Trace(residual.T * residual) / 2, (X, W1, b1, W2, b2, t)),
    }[name]

    def diff(_: Any) -> Any:
        return [loss.diff(variable) for variable in wrt]

    return diff


# ---- deep networks

FORMS = {
    "`H = np.tanh(H @ Wk + bk)`": "np.tanh({X} @ W{k} + b{k})",
    "`H = dense_tanh(H, Wk, bk)`": "dense_tanh({X}, W{k}, b{k})",
}


def read(source: str, title: str, **known: Any) -> Callable[..., Any]:
    """A function from its source."""
    space: dict[str, Any] = {"np": np, **known}
    exec(source, space)
    return space[title]  # type: ignore[no-any-return]


def deep_function(depth: int, form: str) -> Callable[..., Any]:
    """``depth`` lines of ``H = tanh(H @ W + b)``, written out or as calls of a layer."""
    one = read('def dense_tanh(X: "n d", W: "d m", b: "m"): return np.tanh(X @ W + b)', "dense_tanh")
    parameters = ", ".join(f'W{k}: "d d", b{k}: "d"' for k in range(1, depth + 1))
    lines = [f"    H{k} = {FORMS[form].format(k=k, X=f'H{k - 1}' if k > 1 else 'X')}" for k in range(1, depth + 1)]
    source = "\n".join([f'def deep(X: "n d", {parameters}):', *lines, f"    return H{depth}"])
    return read(source, "deep", dense_tanh=derive.layer(one, parameters=("W", "b")))


def deep_tables(quick: bool = False) -> list[Table]:
    """Time and lines against depth; and the goals for depth."""
    depths = QUICK_DEPTHS if quick else DEPTHS
    base = depths[-1] if quick else BASE
    growth, goals = [["", "linear", *(f"{depth / base:.3g}" for depth in depths)]], []
    for form in FORMS:
        functions = {depth: deep_function(depth, form) for depth in depths}
        layers = {depth: derive.layer(function) for depth, function in functions.items()}
        built = depth_race(derive.layer, functions, 1 if quick else 3)
        found = depth_race(work, layers, 2 if quick else 15)
        lines = {depth: len(layer.derive().steps) for depth, layer in layers.items()}
        module, back = code_times({k: layers[k] for k in (QUICK_DEPTHS if quick else CODE_DEPTHS)}, quick)
        growth += [
            [form, "lines", *(f"{lines[depth] / lines[base]:.3g}" for depth in depths)],
            _growth("derive + prove", found, depths, base),
            _growth("build the layer", built, depths, base),
            _growth("write the module", module, depths, base),
            _growth("read it back", back, depths, base),
            ["", "derive + prove, ms", *(f"{1e3 * found.median(str(depth)):.3g}" for depth in depths)],
        ]
        deepest, seconds = depths[-1], found.median(str(base))
        by_base = found.ratio(str(deepest), str(base))
        goals += [
            [form, f"seconds at depth {base}", f"{seconds / BASE_GOAL:.2f}", f"{BASE_GOAL}", f"{seconds:.3f}"],
            [
                form,
                f"depth {deepest}, by depth {base}",
                f"{by_base / GROWTH_GOAL:.2f}",
                f"{GROWTH_GOAL:.0f}",
                found.both(str(deepest), str(base)),
            ],
        ]
    header = ("network", f"by depth {base}", *map(str, depths))
    note = "All gradients; warm; processor time. How many times that of this depth: median of the ratios in a round."
    return [
        Table("Deep tanh networks", header, growth, note),
        Table("Deep tanh networks: derive + prove", ("network", "what", "by its goal", "goal", "measured"), goals),
    ]


def code_times(layers: Mapping[int, derive.Layer], quick: bool) -> tuple[Race, Race]:
    """Writing the modules, and reading them back."""
    derivations = {depth: work(layer) for depth, layer in layers.items()}
    pairs = {depth: (derivation.numpy(), derivation) for depth, derivation in derivations.items()}

    def back(pair: tuple[str, derive.Derivation]) -> None:
        rung = read_back(*pair)
        if rung.status != "proved":
            raise RuntimeError(f"read-back: {rung.detail}")

    def module(derivation: derive.Derivation) -> str:
        return derivation.numpy()

    rounds = 1 if quick else 5
    return depth_race(module, derivations, rounds), depth_race(back, pairs, rounds)


def depth_race(run: Callable[[Any], Any], given: Mapping[int, Any], rounds: int) -> Race:
    """The same work at every depth."""
    contenders = [Contender(str(depth), run, partial(given.get, depth), once=True) for depth in given]
    return race(contenders, rounds, clock=process_time)


def _growth(what: str, found: Race, depths: tuple[int, ...], base: int) -> list[str]:
    cells = [f"{found.ratio(str(k), str(base)):.3g}" if str(k) in found.times else "" for k in depths]
    return ["", what, *cells]
