"""The figures of the demo, as SVG with the same bytes on every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from derive.demo.control import Control
from derive.demo.extra import load
from derive.demo.training import Run, affine

# Classes differ in hue, lightness and mark (round, square); the colour-blind safe palette of Okabe and Ito (2008).
COLOURS, CAPS, INK, DASHED = ("#0072B2", "#D55E00"), ("round", "projecting"), "#333333", (0, (4, 2))
PALE = ("#d6e7f2", "#f9e4d6")  # the same two, one part to five of white
WRONG = MappingProxyType({"ms": 6, "mfc": "none", "mec": "black", "mew": 0.7, "label": "answered wrongly"})
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "svg.hashsalt": "derive",  # else the ids are drawn at random
        "svg.fonttype": "path",  # the same letters on every reader's machine
        "font.family": "DejaVu Sans",  # comes with matplotlib
        "font.size": 10,
        "axes.titlesize": 11,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.edgecolor": "#888888",
        "axes.titlelocation": "left",
        "legend.frameon": False,
        "figure.facecolor": "white",  # readable in the dark mode too
        "savefig.facecolor": "white",
        "text.color": INK,
        "axes.labelcolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
    }
)


def losses(runs: Mapping[str, Run], path: Path) -> None:
    """Loss per point against steps, both axes logarithmic: a line for each run, dashed for its held-back points."""
    with _figure(path, 7.2, 3.8) as figure:
        axes = figure.subplots()
        for (name, run), colour in zip(runs.items(), COLOURS, strict=True):
            shown = np.unique(np.geomspace(1, run.steps, 150).astype(int))
            axes.plot(shown, _short(run.losses[shown]), color=colour, lw=2)
            seen = run.held_steps > 0
            axes.plot(run.held_steps[seen], _short(run.held_losses[seen]), color=colour, lw=1.4, ls=DASHED)
            end = (run.steps, _short((run.losses[-1] * run.held_losses[-1]) ** 0.5))
            axes.annotate(name, end, (7, -3), textcoords="offset points", color=colour, weight="bold")
        axes.set(xscale="log", yscale="log", xlabel="steps of gradient descent", ylabel="loss per point, E / n")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter("{x:g}")
        axes.yaxis.set_major_locator(load("matplotlib.ticker", "matplotlib").LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_minor_formatter("")
        axes.plot([], [], color=INK, lw=2, label="training points")
        axes.plot([], [], color=INK, lw=1.4, ls=DASHED, label="held-back points")
        axes.grid(which="major", color="#dddddd", lw=0.6)
        axes.legend(loc="lower left")
        axes.set_title("Loss while training, on the points trained on and on those held back")


def regions(run: Run, control: Control, path: Path) -> None:
    """What the network and logistic regression alone answer in the plane, side by side, with held_X (m, 2)."""
    data = run.data
    reach = _reach(data.held_X)
    with _figure(path, 9.0, 4.75) as figure:
        panels = figure.subplots(1, 2, sharex=True, sharey=True)
        told = (
            (f"Network with a hidden layer: {run.held_accuracy:.1%} right", run.predict),
            (f"Logistic regression alone: {control.alone:.1%} right", control.predict),
        )
        for axes, (title, answer) in zip(panels, told, strict=True):
            _shade(axes, answer, reach)
            _points(axes, data.held_X, data.held_T)
            wrong = ((answer(data.held_X) > 0.5) != (data.held_T > 0.5))[:, 0]
            axes.plot(*_short(data.held_X[wrong]).T, "o", **WRONG)
            axes.set(aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach), xlabel="x₁", title=title)
            axes.locator_params(integer=True)
        panels[0].set_ylabel("x₂")
        _lines(panels[0], run, reach)
        _legend(figure, panels[0])


def hidden_space(run: Run, control: Control, path: Path) -> None:
    """The plane before, and after the hidden layer seen along the last layer's plane, with held_X (m, 2) in both."""
    data = run.data
    view, cut = edge_on(run)
    reach = _reach(data.held_X)
    mesh = _mesh(reach)
    sheet = run.hidden(mesh) @ view
    wide, high = _short(np.nanmax(sheet, axis=0) - np.nanmin(sheet, axis=0))
    with _figure(path, 8.4, 4.9) as figure:
        before, after = figure.subplots(1, 2, width_ratios=(high / wide, 1))
        before.plot(*_short(mesh).T, color="#bbbbbb", lw=0.6, zorder=0, label="a square grid, before and after")
        after.plot(*_short(sheet).T, color="#bbbbbb", lw=0.6, zorder=0)
        _points(before, data.held_X, data.held_T)
        _points(after, run.hidden(data.held_X) @ view, data.held_T)
        after.axvline(_short(cut), color="black", lw=1.8)
        before.plot([], [], color="black", lw=1.8, label="the last layer's cut, Y = 1/2")
        before.set(aspect="equal", xlabel="x₁", ylabel="x₂")
        after.set(aspect="equal", xlabel="across the cut", ylabel="along the cut")
        before.set_title("Before the hidden layer" + _at_most(control))
        after.set_title(f"After: the straight cut\ngets {run.held_accuracy:.1%} right")
        _legend(figure, before)


def edge_on(run: Run) -> tuple[np.ndarray, float]:
    """A view (h, 2) of the hidden space with orthonormal columns, and where on its first axis Y = 1/2 lies.

    The first axis is normal to the last layer's plane, which is therefore seen edge-on, as a line.  The second is the
    direction within that plane along which the hidden activations S (n, h) spread most.
    """
    S = run.hidden(run.data.X)
    W2, b2 = affine(run.network.dense2, S.shape[1])
    across = W2[:, 0] / np.linalg.norm(W2)
    flat = S - S.mean(axis=0)
    flat = flat - np.outer(flat @ across, across)
    along = np.linalg.eigh(flat.T @ flat)[1][:, -1]
    along = along * np.sign(along[np.argmax(np.abs(along))])
    return np.column_stack((across, along)), float((0.5 - b2[0]) / np.linalg.norm(W2))


def _points(axes: Any, X: np.ndarray, T: np.ndarray) -> None:
    """Both classes: X (n, 2), T (n, 1).  A point is a stroke too short to see, so that a class is one small path."""
    Stroke, Patch = load("matplotlib.path", "matplotlib").Path, load("matplotlib.patches", "matplotlib").PathPatch
    for target, (colour, cap, name) in enumerate(zip(COLOURS, CAPS, ("ring, target 0", "disc, target 1"), strict=True)):
        at = _short(X[T[:, 0] == target])
        strokes = Stroke(np.repeat(at, 2, axis=0) + np.tile(((0.0, 0.0), (1e-3, 0.0)), (len(at), 1)), [1, 2] * len(at))
        strokes.should_simplify = False  # or the renderer drops what is too short to see
        axes.add_patch(Patch(strokes, ec=colour, fill=False, lw=3.2, capstyle=cap, snap=False))
        axes.plot([], [], "os"[target], ms=5, color=colour, label=name)


def _shade(axes: Any, answer: Callable[[np.ndarray], np.ndarray], reach: float) -> None:
    """The regions of class 0 and 1 and the border Y = 1/2 between them."""
    ticks = np.linspace(-reach, reach, 81)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1)
    Y = _short(answer(grid.reshape(-1, 2)).reshape(len(ticks), -1))
    axes.set_facecolor(PALE[0])
    axes.contourf(ticks, ticks, Y, levels=[0.5, 1e9], colors=PALE[1:])
    axes.contour(ticks, ticks, Y, levels=[0.5], colors="black", linewidths=1.8)
    axes.plot([], [], color="black", lw=1.8, label="border, Y = 1/2")


def _lines(axes: Any, run: Run, reach: float) -> None:
    """The line of each hidden unit: where its activation is 1/2, that is x . w + b = 0."""
    W, b = affine(run.network.dense1, 2)
    ends = np.array([-4.0, 4.0]) * reach
    for unit, (w, c) in enumerate(zip(W.T, b, strict=True)):
        foot, way = -c * w / (w @ w), np.array([-w[1], w[0]]) / np.linalg.norm(w)
        line = _short(foot + ends[:, None] * way)
        axes.plot(*line.T, color=INK, lw=1, ls=(0, (5, 3)), label=None if unit else "a hidden unit at 1/2")


def _reach(X: np.ndarray) -> float:
    """Half the side of a square about the origin that holds X (n, 2) with a margin."""
    return float(np.ceil(np.abs(X).max() * 4 + 0.5) / 4)


def _mesh(reach: float) -> np.ndarray:
    """The lines of a square grid over the plane, one after the other, (1092, 2) with a gap of NaN after each."""
    fine = np.append(np.linspace(-reach, reach, 41), np.nan)
    across = [np.column_stack((fine, fine * 0 + at)) for at in np.linspace(-reach, reach, 13)]
    return np.vstack([*across, *(line[:, ::-1] for line in across)])


def _at_most(control: Control) -> str:
    """What the best straight line could do, where that is known."""
    return "" if control.best_line is None else f":\nno straight line gets more than {control.best_line:.1%} right"


def _legend(figure: Any, axes: Any) -> None:
    """One legend below the whole figure, with what the axes name."""
    handles, names = axes.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), handletextpad=0.4, columnspacing=1.5)


def _short(values: Any) -> Any:
    """Rounded to what can be seen, so that the last bits of a sum do not reach the file."""
    return np.round(values, 5)


@contextmanager
def _figure(path: Path, width: float, height: float) -> Iterator[Any]:
    """A figure of this size in inches, written to path as SVG (or what its ending says) without date and version."""
    style = load("matplotlib.style", "matplotlib")
    with style.context(["default", dict(STYLE)], after_reset=True):
        figure = load("matplotlib.figure", "matplotlib").Figure(figsize=(width, height), layout="compressed")
        yield figure
        plain = {"Date": None, "Creator": None} if Path(path).suffix == ".svg" else None
        figure.savefig(path, metadata=plain, bbox_inches="tight", dpi=110)
