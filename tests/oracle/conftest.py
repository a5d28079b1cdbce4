"""What was compared, printed at the end of the run."""

from __future__ import annotations

from collections import Counter

import pytest

TALLIES = pytest.StashKey[dict]()
NODES = pytest.StashKey[dict]()


def pytest_configure(config):
    config.stash[TALLIES] = {}
    config.stash[NODES] = {}


@pytest.fixture
def tallies(request):
    """What came out for each layer."""
    return request.config.stash[TALLIES]


@pytest.fixture
def nodes(request):
    """What came out for each ONNX node test: "compared", or why not."""
    return request.config.stash[NODES]


def pytest_terminal_summary(terminalreporter, config):
    tallies = config.stash.get(TALLIES, {})
    if tallies:
        terminalreporter.section("beside PyTorch autograd")
        terminalreporter.line(f"{'layer':32} compared refused ill   worst error by what is allowed, float64, float32")
    for name, tally in tallies.items():
        worst = "  ".join(f"{tally.worst.get(dtype, 0):.3f}" for dtype in ("float64", "float32"))
        terminalreporter.line(f"{name:32} {tally.compared:8} {tally.refused:7} {tally.ill:3}   {worst}")
    nodes = config.stash.get(NODES, {})
    if nodes:
        terminalreporter.section("on the inputs of the ONNX node tests")
    for op in sorted({op for op, _ in nodes.values()}):
        counts = Counter(outcome for other, outcome in nodes.values() if other == op)
        told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items(), key=_compared_first))
        terminalreporter.line(f"{op:32} {told}")


def _compared_first(item):
    return item[0] != "compared", -item[1], item[0]
