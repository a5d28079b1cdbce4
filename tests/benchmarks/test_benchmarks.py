"""The benchmark runs, and what it compares computes the same.  No time is asserted."""

from __future__ import annotations

import importlib
import runpy
import sys
import warnings
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from derive.emit.accuracy import program_of
from derive.evidence.accuracy import by_code, measure

HERE = Path(__file__).parent
MODULES = ("timing", "handwritten", "handwritten_layers", "deriving", "stepping", "layering", "starting", "accuracy")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch):
    """The benchmark's modules, which import each other by their bare names."""
    monkeypatch.syspath_prepend(str(HERE))
    loaded: dict[str, ModuleType] = {name: importlib.import_module(name) for name in MODULES}
    yield loaded
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.parametrize("part", ["deriving", "stepping", "layering", "starting", "accuracy"])
def test_part_runs_quickly_and_gives_whole_tables(modules, part: str):
    for table in modules[part].tables(quick=True):
        assert table.rows
        assert all(len(row) == len(table.header) for row in table.rows)
        assert table.markdown().startswith(f"**{table.title}**")


def test_a_missing_library_is_said_in_its_column(modules, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "autograd.numpy", None)
    for row in modules["stepping"].rows("1", quick=True):
        assert row[5:7] == ["not installed", "not installed"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(16, 8, 16), (5, 3, 2), (1, 1, 1)])
def test_hand_written_steps_give_what_the_generated_ones_give(modules, dtype, size):
    stepping, written = modules["stepping"], modules["handwritten"]
    given = stepping.arrays(*size, dtype)
    layer = stepping.derive.layers["two_layer_network"]
    code = layer.derive(wrt=stepping.PARAMETERS).compile()
    inputs = [given[key] for key in stepping.ARRAYS]
    loss, cache = code.forward(*inputs)
    grads = code.backward(1.0, cache)
    for forward, backward in ((written.forward, written.backward), (written.tuned_forward, written.tuned_backward)):
        own_loss, own_cache = forward(*inputs)
        own = backward(own_cache)
        assert close(own_loss, loss)
        assert own.keys() == grads.keys()
        assert all(close(own[key], grads[key]) for key in grads)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_objects_take_the_same_step_and_pass_the_same_delta_up(modules, dtype):
    stepping, written = modules["stepping"], modules["handwritten"]
    given = stepping.arrays(16, 8, 16, dtype)
    parameters = [given[key] for key in stepping.PARAMETERS]
    ours = stepping.derive.layers["two_layer_network"].derive().compile().Network(*parameters)
    hand = written.Network(*parameters)
    for _ in range(3):
        assert close(ours.forward(given["X"], given["T"]), hand.forward(given["X"], given["T"]))
        assert close(ours.backward()["X"], hand.backward())
        ours.step(0.01)
        hand.step(0.01)
    for own, other in ((ours.dense1, hand.layers[0]), (ours.dense2, hand.layers[2])):
        assert close(own.W, other.W)
        assert close(own.b, other.b)


@pytest.mark.parametrize("library", ["torch", "autograd"])
def test_other_libraries_compute_the_same_loss(modules, library: str):
    pytest.importorskip(library)
    stepping = modules["stepping"]
    given = stepping.arrays(16, 8, 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = getattr(stepping, f"with_{library}")(given)
    ours, _ = stepping.generated(given)
    for _ in range(3):
        assert float(step()) == pytest.approx(float(ours()), rel=1e-5)


def test_hand_written_layers_give_what_the_generated_ones_give(modules):
    layering = modules["layering"]
    for given in layering.known():
        inputs = layering.arrays(given, np.float64)
        ours, ours_grads = layering.both_ways(layering.compiled(given), inputs)()
        for code in filter(None, (layering.written(given), layering.accurately_written(given))):
            hand, hand_grads = layering.both_ways(code, inputs)()
            for own, other in zip(_several(ours), _several(hand), strict=True):
                assert near(own, other), given
            assert ours_grads.keys() == hand_grads.keys(), given
            for key, own in ours_grads.items():
                assert near(own, hand_grads[key]), (given, key)


def test_layers_written_accurately_by_hand_are_within_the_bound_and_the_usual_ones_are_not(modules):
    layering = modules["layering"]
    given = next(work for work in layering.known() if work.layer == "frobenius_norm")
    assert [work.layer for work in layering.known() if layering.accurately_written(work)] == [
        "gelu", "layer_norm", "batch_norm", "rnn", "frobenius_norm"
    ]  # fmt: skip
    program = program_of(layering.derive.layers[given.layer].derive())
    codes = {"usual": layering.written(given), "accurate": layering.accurately_written(given)}
    found = measure(program, {key: by_code(code, program) for key, code in codes.items()}).tallies
    assert all(tally.ok for tally in found["accurate"].values())
    assert not any(tally.ok for tally in found["usual"].values())


@pytest.mark.parametrize("library", ["torch", "jax"])
def test_layers_elsewhere_give_what_the_generated_ones_give(modules, library: str):
    pytest.importorskip(library)
    layering = modules["layering"]
    for given in layering.known():
        run = getattr(layering, f"with_{library}")(given)
        if run is None:
            continue
        other, other_grads = run()
        ours, ours_grads = layering.generated(given)()
        for own, theirs in zip(_several(ours), _several(other), strict=True):
            assert near(own, theirs.detach() if library == "torch" else theirs, 1e-3), given
        assert ours_grads.keys() == other_grads.keys(), given
        for key, own in ours_grads.items():
            assert near(own, other_grads[key], 1e-3), (given, key)


def near(own, other, tolerance: float = 1e-10) -> bool:
    """Equal up to a part of the largest entry, of the same shape."""
    own, other = np.asarray(own), np.asarray(other)
    return own.shape == other.shape and bool(np.abs(own - other).max() <= tolerance * np.abs(other).max())


def _several(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def test_every_contender_runs_in_every_round_and_setup_is_given_to_it(modules):
    timing, seen = modules["timing"], []
    contenders = [timing.Contender(name, seen.append, lambda name=name: name, once=True) for name in "ab"]
    found = timing.race(contenders, 4)
    assert "".join(seen) == "ab" + "ab" + "ba" + "ba" + "ab"  # once untimed; then the order turns
    assert [len(times) for times in found.times.values()] == [4, 4]


def test_ratios_are_taken_within_a_round(modules):
    found = modules["timing"].Race({"a": [2.0, 40.0, 3.0], "b": [1.0, 10.0, 3.0]})
    assert found.ratio("a", "b") == 2.0
    assert found.fastest("a") == 2.0
    assert found.over("a", "b") == 1.0
    assert found.both("a", "b") == "2.00 (2.00)"


def test_only_what_is_between_the_marks_is_replaced(modules):
    run = runpy.run_path(str(HERE / "run.py"))
    text = f"a\n{run['BEGIN']}\nold\n{run['END']}\nb\n"
    assert run["between"](text, "new") == f"a\n{run['BEGIN']}\nnew\n{run['END']}\nb\n"
    with pytest.raises(SystemExit, match="marks"):
        run["between"]("no marks", "new")


def close(own, other) -> bool:
    """Equal to roundoff, of the same shape and dtype."""
    own, other = np.asarray(own), np.asarray(other)
    assert own.shape == other.shape
    assert own.dtype == other.dtype
    scale = max(float(np.abs(other).max()), 1.0)
    return bool(np.abs(own - other).max() <= 100 * np.finfo(own.dtype).eps * scale)
