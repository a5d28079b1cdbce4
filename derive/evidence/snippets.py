"""A failure as Python that runs as it stands and shows it: small, with numbers that read back as the same bits."""

from __future__ import annotations

from typing import Any

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.contract import Failure
from derive.evidence.values import Layout
from derive.verdict import Counterexample

_NO_SOURCE = "# put the definitions of forward and backward here"
_WRAPPED = {
    "C": "{}",
    "read-only": "{}",
    "F": "np.asfortranarray({})",
    "strided": "np.repeat({}, 2, axis=-1)[..., ::2]",
}


def counterexample(case: Case, failure: Failure, source: str = "") -> Counterexample:
    """The witness with its snippet; ``source`` defines or imports ``forward`` and ``backward``."""
    upstream = case.upstream[0] if len(case.upstream) == 1 else case.upstream
    shown = snippet(case, failure, source)
    return Counterexample(failure.name, case.inputs, upstream, failure.got, failure.expected, shown)


def snippet(case: Case, failure: Failure, source: str = "") -> str:
    """Python that makes the inputs, calls the code, and prints what came and what was wanted."""
    lines = ["import numpy as np", source.strip() or _NO_SOURCE, ""]
    for name, value in case.inputs.items():
        lines += _defined(name, value, case.layout)
    parts = [f"upstream{number}" for number in range(len(case.upstream))] if len(case.upstream) > 1 else ["upstream"]
    for name, value in zip(parts, case.upstream, strict=True):
        lines += _defined(name, value, case.layout)
    if len(parts) > 1:
        lines.append(f"upstream = ({', '.join(parts)})")
    calls = ["output, cache = forward(*inputs)", "gradients = backward(upstream, cache)"]
    if failure.shown:
        calls += [f'print("got", {failure.shown})', f'print("expected", {written(failure.expected)})']
    else:
        caught = ["except Exception as error:", '    print("got", repr(error))']
        calls = ["try:", *(f"    {line}" for line in calls), *caught]
    what = " ".join(failure.what.split())
    return "\n".join([*lines, f"inputs = ({', '.join(case.inputs)},)", f"# {what}", *calls]) + "\n"


def _defined(name: str, value: Any, layout: Layout) -> list[str]:
    if not isinstance(value, np.ndarray):
        return [f"{name} = {value!r}"]
    if value.ndim == 0:
        form = {"C": f"np.{value.dtype}({value.item()!r})", "strided": repr(value.item())}
        if value.dtype != np.float64:
            form.pop("strided")
        return [f"{name} = {form.get(layout, written(value))}", *_locked(name, layout)]
    return [f"{name} = {_WRAPPED[layout].format(written(value))}", *(_locked(name, layout))]


def _locked(name: str, layout: Layout) -> list[str]:
    return [f"{name}.flags.writeable = False"] if layout == "read-only" else []


def written(value: Any) -> str:
    """Python text that reads back as the same value; arrays as ``np.array``, with their dtype."""
    if isinstance(value, tuple):
        return f"({', '.join(map(written, value))}{',' * (len(value) == 1)})"
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if not isinstance(value, np.ndarray):
        return repr(value)
    numbers = repr(value.tolist()).replace("nan", "np.nan").replace("inf", "np.inf")
    shaped = f".reshape({value.shape})" if 0 in value.shape else ""
    return f"np.array({numbers}, dtype=np.{value.dtype}){shaped}"
