"""The part of the demo's report about the training: tables, figures, what is shown and what is not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from derive.demo.control import Control
from derive.demo.training import Run

TITLES = {"plane": "the plane", "digits": "digits, 3 against 8"}
SAME = 0.02  # accuracies closer than this are called equal: two or three of the 119 held-back digits


def section(
    runs: Mapping[str, Run], controls: Mapping[str, Control], figures: Mapping[str, str], restarts: Sequence[float] = ()
) -> str:
    """The section in Markdown; runs and controls by the name of their data, figures (losses, regions, hidden) as links.

    ``restarts`` are held-back accuracies in the plane of the same training from other starting points.
    """
    plane = controls["plane"]
    parts = [
        "## Trained with the generated code",
        "The module above, as generated, is trained by plain gradient descent on two problems. A point is answered "
        "correctly if the output `Y` is on the side of 1/2 of its target, 0 or 1. All accuracies are on points held "
        "back from the training.",
        "\n".join(_accuracies(runs, controls)),
        _digits(runs["digits"], controls["digits"]),
        "\n".join(_trainings(runs)),
        "`E` is a sum over the batch of `n` points, so a step of size `rate` per point is `network.step(rate / n)`.",
        f"![Loss per point against steps of gradient descent, both axes logarithmic]({figures['losses']})",
        _fell(runs),
        "### Two classes that no line separates",
        f"![Decision regions of the network and of logistic regression alone]({figures['regions']})",
        "*Left: the network. Each hidden unit draws one line (dashed, where its activation is 1/2), and the last layer "
        "joins them into one border. Right, the control: logistic regression on the raw points, which has one line "
        "to draw. The points are the held-back ones.* " + _line(plane),
        f"![The plane before and after the hidden layer]({figures['hidden']})",
        _view(runs["plane"]),
        f"Logistic regression on these activations, fitted anew, answers {plane.on_hidden:.1%} of the held-back points "
        f"correctly, against {plane.alone:.1%} on the raw points: the cascade, a learned layer below a linear one.",
        *_restarts(restarts),
        "### Shown, and not shown",
        f"* Shown: {_shown(runs)}.\n"
        "* Not shown by this: that the gradients are right. A slightly wrong gradient can train as well; whether they "
        "are right is the matter of the proofs above.\n"
        "* Not shown: that this network, step size or number of hidden units is the best for either problem. They were "
        "chosen by hand after a few tries, with the held-back points in view, so that the loss falls smoothly.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _accuracies(runs: Mapping[str, Run], controls: Mapping[str, Control]) -> Iterator[str]:
    """The table of accuracies on held-back points, a problem a row."""
    yield "| held-back points | network | logistic regression alone | logistic regression on the hidden features |"
    yield "|---|---|---|---|"
    for name, run in runs.items():
        m, control = len(run.data.held_X), controls[name]
        shares = (run.held_accuracy, control.alone, control.on_hidden)
        cells = " | ".join(f"{share:.1%} ({round(share * m)} of {m})" for share in shares)
        yield f"| {TITLES[name]} | {cells} |"


def _trainings(runs: Mapping[str, Run]) -> Iterator[str]:
    """The table of what was trained and how, a problem a row."""
    yield "| data | training points | features | hidden units | steps | rate | first E / n | last | training accuracy |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for run in runs.values():
        (n, d), h = run.data.X.shape, run.hidden(run.data.X[:1]).shape[1]
        course = f"{run.losses[0]:.3f} | {run.losses[-1]:.3f} | {run.train_accuracy:.1%}"
        yield f"| {run.data.source} | {n} | {d} | {h} | {run.steps} | {run.rate:g} | {course} |"


def _shown(runs: Mapping[str, Run]) -> str:
    """What the training reached, in numbers."""
    reached = " and ".join(f"{run.held_accuracy:.1%} on {TITLES[name]}" for name, run in runs.items())
    return f"plain descent with these gradients reaches {reached}, on points that it never saw"


def _digits(run: Run, control: Control) -> str:
    """What the digits say about the hidden layer."""
    gain = run.held_accuracy - control.alone
    if abs(gain) < SAME:
        return (
            "The digits are real data, but no test of the hidden layer: logistic regression alone is as good, to "
            f"within {SAME:.0%}. The plane is the problem that needs the hidden layer."
        )
    verb = "gains" if gain > 0 else "loses"
    return f"On the digits the network {verb} {abs(gain):.1%} against logistic regression alone."


def _fell(runs: Mapping[str, Run]) -> str:
    """What the loss curves show, as it was measured."""
    told = []
    for name, run in runs.items():
        rises = int(np.sum(np.diff(run.losses) > 0))
        if run.diverged:
            told.append(f"{TITLES[name]}: the training loss grew without bound, and the training was stopped")
        elif rises:
            told.append(f"{TITLES[name]}: the training loss rose at {rises} of {run.steps} steps")
        else:
            told.append(f"{TITLES[name]}: the training loss fell at each of the {run.steps} steps")
    return f"*{'; '.join(told)}. Dashed: the loss on the held-back points, which the training never sees.*"


def _line(control: Control) -> str:
    """What the best straight line could do."""
    if control.best_line is None:
        return ""
    return (
        "It is not the fault of logistic regression: all lines through two of the held-back points were tried, and no "
        f"straight line whatever answers more than {control.best_line:.1%} of them correctly."
    )


def _view(run: Run) -> str:
    """The caption of the hidden space."""
    h = run.hidden(run.data.X[:1]).shape[1]
    return (
        f"*Before and after. The activations of the {h} hidden units are points in {h} dimensions. The right picture "
        "looks at them along the last layer's plane `Y = 1/2`, which is therefore seen as a line: the axes are the "
        "direction across it and the direction along it in which the activations spread most, both at the same scale. "
        "The grey grid is the square grid of the left picture, folded by the layer.*"
    )


def _restarts(restarts: Sequence[float]) -> Iterator[str]:
    """How the training fares from other starting points."""
    if not restarts:
        return
    middle, low, high = np.median(restarts), min(restarts), max(restarts)
    short = sum(share < middle - SAME for share in restarts)
    text = f"From {len(restarts)} other starting points the same training ends at {low:.1%} to {high:.1%}, "
    text += f"half of them at {middle:.1%} or more."
    if short:
        text += f" {short} of the {len(restarts)} ended more than {SAME:.0%} below that: descent can get stuck."
    yield text
