"""What code keeps between calls: neither a call on other inputs, nor a fresh object, may change what comes back."""

from __future__ import annotations

import copy
from dataclasses import replace
from types import MethodType
from typing import Any

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.contract import Failure
from derive.verifier.pair import Pair


def fresh(given: Pair) -> Pair | None:
    """The pair with a copy of the object whose methods it is; None for plain functions."""
    forward, backward = given.forward_function, given.backward_function
    if not isinstance(forward, MethodType):
        return None
    try:
        memo: dict[int, Any] = {}
        owner = copy.deepcopy(forward.__self__, memo)
        other = copy.deepcopy(backward.__self__, memo) if isinstance(backward, MethodType) else None
    except Exception:  # what cannot be copied is not looked at
        return None
    turned = MethodType(backward.__func__, other) if isinstance(backward, MethodType) else backward
    return replace(given, forward_function=MethodType(forward.__func__, owner), backward_function=turned)


def remembered(given: Pair, unused: Pair | None, case: Case, other: Case) -> Failure | None:
    """What is wrong at a case once forward was called at another one; ``unused`` is a copy that no call is made of."""
    y, held = given.forward(*case.arguments().values())
    first = {name: np.array(g) for name, g in given.backward(case.upstream_argument(), held).items()}
    if held[0] != "object":
        given.forward(*other.arguments().values())
        later = given.backward(case.upstream_argument(), held)
        for name, gradient in first.items():
            if not _same(later[name], gradient):
                what = f"the gradient of {name} is another after forward was called on other inputs"
                return Failure(name, what, later[name], gradient, f"gradients[{name!r}]")
    first_call, later_call = (fresh(unused), fresh(unused)) if unused is not None else (None, None)
    if first_call is not None and later_call is not None:
        again, _ = first_call.forward(*case.arguments().values())
        later_call.forward(*other.arguments().values())
        after, _ = later_call.forward(*case.arguments().values())
        for later in (y, after):
            if not _same(later, again):
                return Failure("y", "forward gives another y after calls on other inputs", later, again, "output")
    return None


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple | list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))
