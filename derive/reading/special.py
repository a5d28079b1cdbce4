"""SciPy's special functions, some replaced; those of whole arrays by their formulas, without the shift of floats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from derive.reading.lifting import Namespace
from derive.reading.refusal import NotRun


def _logsumexp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False, return_sign: bool = False) -> Any:
    if return_sign:
        raise NotRun("logsumexp with return_sign")
    return np.log(np.sum(np.exp(a) if b is None else b * np.exp(a), axis=axis, keepdims=keepdims))


def _softmax(x: Any, axis: Any = None) -> Any:
    weights = np.exp(x)
    return weights / np.sum(weights, axis=axis, keepdims=True)


def _log_softmax(x: Any, axis: Any = None) -> Any:
    return x - _logsumexp(x, axis=axis, keepdims=True)


OF_ARRAYS: dict[str, Callable[..., Any]] = {
    "logsumexp": _logsumexp,
    "softmax": _softmax,
    "log_softmax": _log_softmax,
}


def scipy_modules(functions: Mapping[str, Any]) -> dict[str, Namespace]:
    """SciPy and its special functions, some replaced; nothing where there is no SciPy."""
    try:
        import scipy
        import scipy.special
    except ImportError:
        return {}
    special = Namespace(scipy.special, functions)
    return {"scipy.special": special, "scipy": Namespace(scipy, {"special": special})}
