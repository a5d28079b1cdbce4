"""How many digits floats keep: every layer's generated code beside its textbook formulas and PyTorch, in mixed ulp."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from timing import Table

import derive
from derive.emit.accuracy import compared, program_of
from derive.emit.ladder import signature_of
from derive.evidence.accuracy import BOUND, DTYPES, Contender, Tally
from derive.evidence.balls import NoValue, Program
from derive.evidence.structure import structure_of

TOP = Path(__file__).parents[2]
QUICK = ("sigmoid", "squared_error")
NOTE = (
    "The worst over outputs and gradients of |error| / (ulp(g) + Σ |∂g/∂x| ulp(x)), beside the truth in ball arithmetic, up "
    f"to {BOUND:g} being the bound of the ladder; in brackets the entries that are nan or infinite where the truth is not. "
    "The textbook's formulas are the derivation's, as they stand, in the same floats. The regimes are told on the pages in reports/."
)


def tables(quick: bool = False) -> list[Table]:
    """One table: a row for each layer of the catalogue."""
    head = [f"{who}, {dtype}" for dtype in DTYPES for who in ("derive", "textbook", "PyTorch")]
    names = [name for name in QUICK if name in derive.layers] if quick else list(derive.layers)
    return [Table("Worst error in mixed ulp", ["layer", "acts", *head], [row(name) for name in names], NOTE)]


def row(name: str) -> list[str]:
    """The cells of a layer."""
    layer = derive.layers[name]
    derivation, where = layer.derive(), signature_of(layer).where
    program = program_of(derivation, where)
    others, missing = {}, "not installed"
    try:
        others["PyTorch"] = with_torch(layer, program)
    except ImportError:
        pass
    except LookupError:
        missing = "has none"
    try:
        found = compared(derivation, derivation.compile(), where, others).tallies
    except NoValue as error:
        return [name, structure_of(program), str(error), *[""] * (3 * len(DTYPES) - 1)]
    cells = [[cell(tallies[dtype]) for tallies in found.values()] for dtype in DTYPES]
    return [name, structure_of(program), *(text for own in cells for text in [*own, missing][:3])]


def cell(tally: Tally) -> str:
    """``1.3``, or ``4.8e+05 (12)`` with 12 entries that are not finite."""
    if tally.failed:
        return "fails"
    return f"{tally.worst:.2g}" + (f" ({tally.not_finite})" if tally.not_finite else "")


def with_torch(layer: Any, program: Program) -> Contender:
    """PyTorch's function of the same name; ImportError without PyTorch, LookupError if it has none."""
    import torch

    if str(TOP) not in sys.path:
        sys.path.append(str(TOP))  # the table of the tests
    from tests.oracle.torch_layers import options_of, oracle_of

    oracle = oracle_of(layer.name)
    if oracle is None or oracle.function is None:
        raise LookupError(layer.name)
    function, options = oracle.function, options_of(layer, layer)

    def run(inputs: Sequence[Any], upstream: Sequence[Any]) -> Mapping[str, Any]:
        given = {key: tensor(value) for key, value in zip(program.inputs, inputs, strict=True)}
        leaves = {key: given[key].requires_grad_() for key in program.gradients}
        outputs = function(**{**given, **leaves}, **options)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        grads = torch.autograd.grad(outputs, list(leaves.values()), [tensor(u) for u in upstream], allow_unused=True)
        results = {key: value.detach().numpy() for key, value in zip(program.outputs, outputs, strict=True)}
        for (key, line), grad in zip(program.gradients.items(), grads, strict=True):
            results[line] = np.zeros(leaves[key].shape) if grad is None else grad.numpy()
        return results

    def tensor(value: Any) -> Any:
        return torch.tensor(np.array(value)) if isinstance(value, np.ndarray | np.generic) else value

    return run
