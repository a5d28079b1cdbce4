"""Generated code beside PyTorch autograd: the outputs, and the gradients for a random upstream gradient.

PyTorch in float64 is the reference for float32 and float64 alike.  What is allowed is said in roundings of the dtype:
of the largest entry, of what a change of the inputs by one rounding changes, and of what PyTorch itself loses when it
computes in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from derive.errors import DeriveError
from derive.evidence.values import draw_upstream

from .drawing import Drawn
from .pytorch import torch

ROUNDINGS = 32
STEP = 2.0**-26  # the relative change of the inputs by which the sensitivity is measured, in float64
TIGHT = 1e-10  # of the largest entry: a float64 case in which more would be allowed is ill-conditioned and counts not

Arrays = dict[str, np.ndarray[Any, Any]]
Function = Callable[..., Any]


@dataclass(frozen=True)
class Agreement:
    """One array of ours beside PyTorch's: the largest error, and what was allowed."""

    part: str
    error: float
    allowed: float
    scale: float

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return self.error <= self.allowed


class Disagreement(AssertionError):
    """Ours and PyTorch's differ, or only one of the two refuses."""


class IllConditioned(Exception):
    """In float64 more would have to be allowed than says anything."""


def run_torch(
    function: Function, inputs: Mapping[str, Any], options: Mapping[str, Any], wrt: tuple[str, ...], dtype: Any
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The outputs, and the inputs that have a gradient."""
    tensors = {key: torch.tensor(value) if isinstance(value, np.ndarray) else value for key, value in inputs.items()}
    leaves = {key: tensors[key].to(dtype).requires_grad_() for key in wrt}
    result = function(**{**tensors, **leaves}, **options)
    return tuple(result) if isinstance(result, tuple) else (result,), leaves


def torch_arrays(
    function: Function, drawn: Drawn, options: Mapping[str, Any], wrt: tuple[str, ...], upstream: Any, dtype: Any
) -> Arrays:
    """PyTorch's outputs and gradients, by what they are, in float64."""
    outputs, leaves = run_torch(function, drawn.inputs, options, wrt, dtype)
    arrays = {f"output {k}": value for k, value in enumerate(outputs)}
    above = [torch.tensor(u).to(dtype) for u in upstream]
    grads = torch.autograd.grad(outputs, list(leaves.values()), above, allow_unused=True)
    for (key, leaf), grad in zip(leaves.items(), grads, strict=True):
        arrays[f"gradient of {key}"] = torch.zeros_like(leaf) if grad is None else grad
    return {part: value.detach().to(torch.float64).numpy() for part, value in arrays.items()}


def our_arrays(code: Any, upstream: tuple[Any, ...], wrt: tuple[str, ...], returned: tuple[Any, Any]) -> Arrays:
    """Our outputs and gradients, by what they are, from what forward returned."""
    outputs, cache = returned
    grads = code.backward(upstream if isinstance(outputs, tuple) else upstream[0], cache)
    arrays = {f"output {k}": value for k, value in enumerate(_several(outputs))}
    return arrays | {f"gradient of {key}": grads[key] for key in wrt}


def _several(outputs: Any) -> tuple[Any, ...]:
    return outputs if isinstance(outputs, tuple) else (outputs,)


def compare(
    code: Any,
    function: Function,
    drawn: Drawn,
    options: Mapping[str, Any],
    wrt: tuple[str, ...],
    dtype: type[np.floating[Any]],
    chance: np.random.Generator,
    tied: tuple[str, ...] = (),
) -> list[Agreement] | None:
    """Every output and gradient; None if both refuse these inputs, or PyTorch does and ours gives nothing.

    Disagreement if only one refuses, IllConditioned if the comparison would say nothing.

    ``tied`` are inputs that are symmetric: of their gradients the symmetric part is compared.
    """
    reference, refused = _tried(lambda: run_torch(function, drawn.inputs, options, wrt, torch.float64), TORCH_REFUSES)
    returned, we_refused = _tried(lambda: code.forward(**drawn.inputs), (DeriveError, ValueError))
    if refused and not we_refused and all(np.size(y) == 0 for y in _several(returned[0])):
        return None  # PyTorch refuses what would be empty: there is nothing to compare
    if bool(refused) != bool(we_refused):
        raise Disagreement(f"only one refuses; PyTorch: {refused or 'no'}; ours: {we_refused or 'no'}")
    if refused:
        return None
    shapes = [np.shape(y) for y in _several(returned[0])]
    if shapes != [tuple(y.shape) for y in reference[0]]:
        raise Disagreement(f"outputs of shapes {shapes}, PyTorch's are {[tuple(y.shape) for y in reference[0]]}")
    upstream = tuple(np.asarray(draw_upstream(chance, "normal", shape), dtype) for shape in shapes)
    ours = our_arrays(code, upstream, wrt, returned)
    theirs = torch_arrays(function, drawn, options, wrt, upstream, torch.float64)
    amplified = _amplification(function, drawn, options, wrt, upstream, theirs, chance)
    found = []
    for part in theirs:
        got, wanted = np.asarray(ours[part]), theirs[part]
        if got.shape != wanted.shape or got.dtype != dtype:
            raise Disagreement(f"{part}: {got.dtype} {got.shape}; {np.dtype(dtype)} {wanted.shape} was wanted")
        if part in {f"gradient of {key}" for key in tied}:
            got, wanted = _symmetric(got), _symmetric(wanted)
        if not np.array_equal(np.isnan(got), np.isnan(wanted)):
            raise Disagreement(f"{part}: nan in one of the two; {got} beside {wanted}")
        scale = _largest(wanted)
        allowed = ROUNDINGS * float(np.finfo(dtype).eps) * (scale + amplified[part])
        found.append(Agreement(part, _largest(got - wanted), allowed, scale))
    if dtype is np.float64 and any(f.allowed > TIGHT * (f.scale or 1.0) for f in found):
        raise IllConditioned
    return found


TORCH_REFUSES = (RuntimeError, ValueError, IndexError, NotImplementedError)


def _tried(run: Callable[[], Any], refusals: tuple[type[Exception], ...]) -> tuple[Any, str]:
    """What it returns, or the text of its refusal."""
    try:
        return run(), ""
    except refusals as error:
        return None, f"{type(error).__name__}: {error}".splitlines()[0]


def _amplification(
    function: Function,
    drawn: Drawn,
    options: Mapping[str, Any],
    wrt: tuple[str, ...],
    upstream: tuple[Any, ...],
    exact: Arrays,
    chance: np.random.Generator,
) -> dict[str, float]:
    """How much one rounding of the inputs changes, and how many roundings PyTorch loses in float32."""
    low = torch_arrays(function, drawn, options, wrt, upstream, torch.float32)
    most = {part: _largest(low[part] - exact[part]) / float(np.finfo(np.float32).eps) for part in exact}
    for _ in range(2):
        inputs = {key: _moved(value, chance) if key in wrt else value for key, value in drawn.inputs.items()}
        above = tuple(_moved(u, chance) for u in upstream)
        near = torch_arrays(function, replace(drawn, inputs=inputs), options, wrt, above, torch.float64)
        for part in exact:
            most[part] = max(most[part], _largest(near[part] - exact[part]) / STEP)
    return most


def _moved(value: Any, chance: np.random.Generator) -> np.ndarray[Any, Any]:
    return np.asarray(value * (1 + STEP * chance.choice([-1.0, 1.0], np.shape(value))))


def _symmetric(value: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return (value + np.swapaxes(value, -1, -2)) / 2


def _largest(value: np.ndarray[Any, Any]) -> float:
    return float(np.max(np.abs(np.nan_to_num(value)), initial=0.0))
