"""The head of a counterexample's snippet: where the functions come from, and both in the form that snippets call."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from derive.verifier.pair import Form, Pair
from derive.verifier.points import small_points

_CALLS: dict[Form, str] = {
    "inputs": """\
def forward(*inputs):
    return {forward}(*inputs), inputs


def backward(upstream, cache):
    return named({backward}(*cache, upstream))
""",
    "cache": """\
forward = {forward}


def backward(upstream, cache):
    return named({backward}(upstream, cache))
""",
    "object": """\
def forward(*inputs):
    return {forward}(*inputs), None


def backward(upstream, cache):
    return named({backward}(upstream))
""",
}
_NAMED = """\
def named(gradients):
    names = {names}
    if isinstance(gradients, dict):
        return gradients
    return dict(zip(names, gradients if isinstance(gradients, (tuple, list)) else [gradients]))
"""


@lru_cache(maxsize=8)
def source(given: Pair) -> str:
    """Python that defines ``forward`` and ``backward`` for a snippet; empty where the functions cannot be named."""
    reached = [_reached(function) for function in (given.forward_function, given.backward_function)]
    case = next(small_points(given, 4, 0), None)
    if case is None or None in reached:
        return ""
    (head, forward), (other, backward) = (found for found in reached if found is not None)
    form = given.forward(*case.arguments().values())[1][0]
    named = _NAMED.format(names=list(given.floats))
    heads = list(dict.fromkeys([head, other]))
    if {forward, backward} & {"forward", "backward"}:  # the names that the wrappers take
        heads.append(f"own_forward, own_backward = {forward}, {backward}")
        forward, backward = "own_forward", "own_backward"
    parts = [*heads, "", "", named, "", _CALLS[form].format(forward=forward, backward=backward)]
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def _reached(function: Callable[..., Any]) -> tuple[str, str] | None:
    """A statement by which a fresh program has a function, and the name it has there."""
    owner = getattr(function, "__self__", None)
    name = getattr(function, "__qualname__", getattr(function, "__name__", ""))
    if owner is not None and not inspect.ismodule(owner):
        return _of_object(function, owner)
    module = getattr(function, "__module__", None)
    if "<" in name or "." in name or not name:
        return _by_text(function)
    if module not in (None, "__main__") and getattr(sys.modules.get(module), "__spec__", None) is not None:
        return f"from {module} import {name}", name
    path = _path(function)
    if path is not None:
        return f'{name} = __import__("runpy").run_path({str(path)!r})["{name}"]', name
    return _by_text(function)


def _of_object(function: Any, owner: Any) -> tuple[str, str] | None:
    """A method of an object that a class makes without arguments."""
    kind = type(owner)
    path = _path(function)
    try:
        kind()
    except Exception:
        return None
    if path is None or "<" in kind.__qualname__ or "." in kind.__qualname__:
        return None
    text = f'layer = __import__("runpy").run_path({str(path)!r})["{kind.__name__}"]()'
    return text, f"layer.{function.__name__}"


def _path(function: Any) -> Path | None:
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    path = Path(code.co_filename) if code is not None else None
    return path.resolve() if path is not None and path.is_file() else None


def _by_text(function: Any) -> tuple[str, str] | None:
    """The function's own text, if it stands alone: it has no closure, and uses no names but NumPy's."""
    code = getattr(function, "__code__", None)
    if code is None or function.__closure__:
        return None
    used = {key: function.__globals__[key] for key in code.co_names if key in function.__globals__}
    if any(getattr(value, "__name__", None) != "numpy" for value in used.values()):
        return None
    try:
        text = textwrap.dedent(inspect.getsource(function)).rstrip()
    except (OSError, TypeError):
        return None
    imports = "".join(f"import numpy as {key}\n" for key in used)
    return (f"{imports}\n\n{text}", function.__name__) if text.startswith("def ") else None
