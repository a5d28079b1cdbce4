"""Layers with options: a factory with keyword-only options gives the layer; ``with_options`` calls it again."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from numbers import Integral
from types import MappingProxyType
from typing import Any

from derive.arrays.shapes import check_name
from derive.derivation.layer import Layer
from derive.errors import DeriveError, callers_place
from derive.index.size import Size


def options(factory: Callable[..., Layer]) -> Layer:
    """The layer that a factory makes with the defaults of its keyword-only options; ``with_options`` gives others."""
    return _made(factory, {})


def _made(factory: Callable[..., Layer], chosen: dict[str, Any]) -> Layer:
    defaults = {key: parameter.default for key, parameter in inspect.signature(factory).parameters.items()}
    values = {**defaults, **chosen}

    def variant(**more: Any) -> Layer:
        unknown = next((key for key in more if key not in defaults), None)
        if unknown is not None:
            near = get_close_matches(unknown, defaults, 1)
            raise DeriveError(
                f"{factory.__name__}: an option named {unknown}",
                f"one of {', '.join(defaults)} was wanted",
                callers_place(),
                f"{near[0]}={more[unknown]!r}" if near else "",
            )
        return _made(factory, {**values, **more})

    return replace(factory(**values), options=MappingProxyType(values), variant=variant)


def one_of(option: str, value: Any, choices: Sequence[Any]) -> Any:
    """The value; DeriveError if it is none of the choices."""
    if not any(value is choice or (type(value) is type(choice) and value == choice) for choice in choices):
        wanted = ", ".join(map(repr, choices))
        near = get_close_matches(value, [c for c in choices if isinstance(c, str)], 1) if isinstance(value, str) else []
        raise DeriveError(
            f"{option}={value!r}", f"one of {wanted} was wanted", callers_place(), f"{option}={(near or choices)[0]!r}"
        )
    return value


def whole(option: str, value: Any, least: int = 0) -> int:
    """The value as an int; DeriveError if it is not a whole number of at least ``least``."""
    if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
        raise DeriveError(
            f"{option}={value!r}",
            f"a whole number of at least {least} was wanted",
            callers_place(),
            f"{option}={max(least, 1)}",
        )
    return int(value)


def from_end(option: str, value: Any) -> int:
    """The value as an int; DeriveError if it is not an axis counted from the end: -1 is the last."""
    if not isinstance(value, Integral) or isinstance(value, bool) or int(value) >= 0:
        raise DeriveError(
            f"{option}={value!r}",
            "an axis counted from the end was wanted, as any number of axes may come first",
            callers_place(),
            f"{option}=-1 for the last axis",
        )
    return int(value)


def real(option: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """The value as a float; DeriveError if it is not a finite number from ``least`` to ``most``."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most or math.isinf(value):
        bounds = f" from {least:g} to {most:g}" if math.isfinite(least) and math.isfinite(most) else ""
        bounds = bounds or (f" of at least {least:g}" if math.isfinite(least) else "")
        raise DeriveError(
            f"{option}={value!r}",
            f"a finite number{bounds} was wanted",
            callers_place(),
            f"{option}={least if math.isfinite(least) else 1.0:g}",
        )
    return float(value)


def steps(option: str, value: Any, count: int, least: int = 1) -> tuple[Any, ...]:
    """So many whole numbers of at least ``least``, from a tuple of them or from one; or names of sizes, as sizes.

    A name stands for any whole number of at least 1: what is derived with it holds for all of them.
    """
    given = tuple(value) if isinstance(value, tuple | list) else (value,) * count
    if len(given) != count:
        raise DeriveError(
            f"{option}={value!r}",
            f"one value or {count} were wanted" if count > 1 else "one value was wanted",
            callers_place(),
            f"{option}={max(least, 1)}",
        )
    return tuple(_step(option, item, least) for item in given)


def _step(option: str, value: Any, least: int) -> Any:
    if not isinstance(value, str):
        return whole(option, value, least)
    if value in ("same", "valid"):  # PyTorch's words for a padding, no names of sizes
        raise DeriveError(f"{option}={value!r}", "a whole number was wanted", callers_place(), f"{option}={least}")
    check_name(value, f"{option}: a size", callers_place())
    return Size.of(value)
