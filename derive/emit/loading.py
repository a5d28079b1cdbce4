"""The generated module, loaded."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from functools import wraps
from numbers import Integral
from types import ModuleType
from typing import Any

from derive.derivation.sweep import Derivation
from derive.errors import DeriveError, callers_place

_TUPLES = {
    "cache": "what forward returned beside its value was wanted",
    "upstream": "a tuple was wanted, the upstream gradient of each output",
}


def load(derivation: Derivation) -> ModuleType:
    """The module that ``derivation.numpy()`` writes; arguments that do not fit raise DeriveError."""
    loaded = load_source(derivation.numpy(), derivation.layer.name)
    for name in ("forward", "backward"):
        setattr(loaded, name, _answering(getattr(loaded, name), f"{derivation.layer.name}: {name}"))
    return loaded


def load_source(source: str, title: str) -> ModuleType:
    """A module from source text; what it raises as ValueError is a DeriveError to the caller."""
    filename = f"<derive: {title}>"
    loaded = ModuleType(title)
    loaded.__dict__["ValueError"] = DeriveError
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec"), loaded.__dict__)
    return loaded


def _answering(function: Callable[..., Any], title: str) -> Callable[..., Any]:
    """The function; where it fails because of what it was given, a DeriveError says so."""

    @wraps(function)
    def answering(*given: Any, **named: Any) -> Any:
        try:
            return function(*given, **named)
        except DeriveError:
            raise
        except (AttributeError, TypeError, ValueError) as error:
            if (said := _misfit(function, title, given, named)) is not None:
                raise said from error
            raise

    return answering


def _misfit(
    function: Callable[..., Any], title: str, given: tuple[Any, ...], named: dict[str, Any]
) -> DeriveError | None:
    """What is wrong with some arguments; None if it is not their number, nor one that is no array, nor the cache."""
    signature = inspect.signature(function)
    try:
        arguments = signature.bind(*given, **named).arguments
    except TypeError as error:
        return DeriveError(f"{title}: {error}", f"({', '.join(signature.parameters)}) were wanted", callers_place())
    for key, value in arguments.items():
        came = f"{title}: {key} is {type(value).__name__}"
        if key in _TUPLES and not isinstance(value, tuple):
            return DeriveError(came, _TUPLES[key], callers_place())
        if key not in _TUPLES and not isinstance(value, Integral) and not hasattr(value, "shape"):
            hint = f"np.asarray({key})" if isinstance(value, list | float) else ""
            return DeriveError(came, "an array was wanted", callers_place(), hint)
    return None
