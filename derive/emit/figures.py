"""Figures of pages, as SVG without date and version.  They need matplotlib, which is imported when one is drawn.

Errors are drawn as the worst of each octave, rounded up to a power of two: what is drawn changes only where a machine's
exponential and the like round differently across such a power.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import frexp, inf, isinf, log2
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from derive.evidence.accuracy import BOUND
from derive.evidence.steps import StepErrors

COLOURS = ("#0072B2", "#D55E00", "#009E73")  # of Okabe and Ito (2008), told apart by the colour-blind
LEAST, MOST = 1e-17, 1e1  # relative errors that are drawn
TOP = 2.0**60  # where errors that are infinite are drawn
STYLE: Mapping[str, Any] = MappingProxyType(
    {
        "svg.hashsalt": "derive",  # else the ids are drawn at random
        "svg.fonttype": "none",  # text stays text: small files that can be searched
        "font.family": ["DejaVu Sans", "sans-serif"],
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "legend.frameon": False,
        "figure.facecolor": "white",  # readable in the dark mode too
        "savefig.facecolor": "white",
    }
)


def ulp_over_range(curves: Mapping[str, Sequence[tuple[float, float]]], title: str, path: Path | BinaryIO) -> None:
    """Mixed ulps against x, both logarithmic, negative and positive x side by side; a line for each contender."""
    from matplotlib.figure import Figure
    from matplotlib.style import context

    with context(["default", dict(STYLE)], after_reset=True):
        figure = Figure(figsize=(8.4, 3.4), layout="compressed")
        panels = figure.subplots(1, 2, sharey=True)
        for (name, points), colour, width in zip(curves.items(), COLOURS, (2.4, 1.4, 1.0), strict=False):
            for axes, sign in zip(panels, (-1, 1), strict=True):
                steps = worst_by_octave([(sign * x, error) for x, error in points if sign * x > 0])
                shown = [(2.0**octave, min(error, TOP)) for octave, error in steps]
                axes.plot(*zip(*shown, strict=True), drawstyle="steps-post", color=colour, lw=width, label=name)
        for axes, text in zip(panels, ("-x", "x"), strict=True):
            axes.axhline(BOUND, color="#888888", lw=1, ls=(0, (4, 2)), label=f"the bound, {BOUND:g}")
            axes.set(xscale="log", yscale="log", xlabel=text, ylim=(0.7, 2 * TOP))
        panels[0].invert_xaxis()
        panels[0].set_ylabel("worst error in mixed ulp")
        panels[0].legend(loc="upper right")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")


def error_over_steps(found: StepErrors, title: str, path: Path | BinaryIO) -> None:
    """The relative error of difference quotients against their step, both logarithmic; a line for each method."""
    from matplotlib.figure import Figure
    from matplotlib.style import context

    lines = [
        ("central differences, float64", found.central["float64"], "-"),
        ("with Richardson, float64", found.richardson["float64"], "-"),
        ("central differences, float32", found.central["float32"], (0, (3, 2))),
    ]
    with context(["default", dict(STYLE)], after_reset=True):
        figure = Figure(figsize=(6.4, 3.4), layout="compressed")
        axes = figure.subplots()
        for (name, errors, style), colour in zip(lines, COLOURS, strict=True):
            shown = [min(max(error, LEAST), MOST) for error in errors]
            axes.plot(found.steps, shown, color=colour, lw=1.6, ls=style, label=name)
        axes.set(xscale="log", yscale="log", xlabel="step h", ylabel="relative error", ylim=(LEAST / 3, MOST))
        axes.legend(loc="lower left")
        figure.suptitle(title, x=0.01, ha="left", fontsize=11)
        figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None}, bbox_inches="tight")


def worst_by_octave(points: Sequence[tuple[float, float]]) -> list[tuple[int, float]]:
    """The worst error of each octave of positive x, at least 1 and rounded up to a power of two; by rising octave."""
    worst: dict[int, float] = {}
    for x, error in points:
        octave = frexp(x)[1] - 1
        worst[octave] = max(worst.get(octave, 1.0), error)
    return [(octave, _up(error)) for octave, error in sorted(worst.items())]


def _up(error: float) -> float:
    return inf if isinf(error) else 2.0 ** (-int(-log2(error) // 1))
