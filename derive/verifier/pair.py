"""A pair of functions as it is handed in: ``forward`` and ``backward`` in one of the usual forms, and their shapes.

    forward(*inputs) -> y            backward(*inputs, dY) -> gradients
    forward(*inputs) -> (y, cache)   backward(dY, cache) -> gradients
    forward(*inputs) -> y            backward(dY) -> gradients                   (methods that keep what they need)

Gradients come as ``{name: gradient}``, or in the order of the float inputs: a tuple, or the one array that there is.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any, Literal

import numpy as np

from derive.arrays.shapes import Declaration, Shape, declare, size_names
from derive.errors import DeriveError, callers_place, place_of
from derive.evidence.conditions import condition
from derive.evidence.scales import Scale, scales
from derive.evidence.sizes import Signature

Form = Literal["inputs", "cache", "object"]
WHERE, OUT = "@where", "@out"


@dataclass(frozen=True, eq=False)
class Pair:
    """A forward and a backward with the declarations of their inputs; as code it is called in one form.

    ``out`` are the shapes of the outputs, where they are declared; ``scales`` what gradients are known multiples of
    the true ones by, and ``without`` the float inputs that are known to get no gradient.
    """

    forward_function: Callable[..., Any]
    backward_function: Callable[..., Any]
    inputs: Mapping[str, Declaration]
    where: tuple[str, ...] = ()
    out: tuple[Shape, ...] | None = None
    scales: Mapping[str, Scale] = field(default_factory=dict)
    without: tuple[str, ...] = ()
    drawn: dict[tuple[int, int], Any] = field(default_factory=dict, repr=False)  # sizes, once for all rungs

    @property
    def name(self) -> str:
        """The layer's name: that of forward, without the word."""
        text = str(getattr(self.forward_function, "__name__", "forward"))
        return text.removesuffix("_forward") or text

    @property
    def floats(self) -> tuple[str, ...]:
        """The inputs whose gradient is checked."""
        return tuple(key for key in self._floats if key not in self.without)

    @property
    def _floats(self) -> tuple[str, ...]:
        return tuple(key for key, declared in self.inputs.items() if declared.kind.is_float)

    @cached_property
    def backward_takes(self) -> tuple[int, float]:
        """The least and the greatest number of arguments of backward."""
        return _arity(self.backward_function)

    @property
    def signature(self) -> Signature:
        """What evidence draws; outputs that are not declared are found by running forward."""
        return Signature(self.inputs, self.out or (), self.where, scales=self.scales)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What a verdict does not speak of, and the known scales, in words."""
        given = (f"{key} is not checked: backward gives no gradient of it" for key in self.without)
        leading = ["... stands for one axis"] if any(d.leading for d in self.inputs.values()) else []
        scaled = (f"d{key} is meant as {scale.text} times the gradient" for key, scale in self.scales.items())
        return (*given, *leading, *scaled)

    @property
    def files(self) -> frozenset[str]:
        """Where the code stands."""
        both = (self.forward_function, self.backward_function)
        codes = [getattr(getattr(each, "__func__", each), "__code__", None) for each in both]
        return frozenset(code.co_filename for code in codes if code is not None)

    # ---- as code

    def forward(self, *inputs: Any) -> tuple[Any, tuple[Form, Any]]:
        """The output; and the form of the pair, with what ``backward`` is given besides the upstream gradient."""
        result = self.forward_function(*inputs)
        form = _form(self, result)
        if form == "cache":
            y, cache = result
            return y, (form, cache)
        return result, (form, inputs)

    def backward(self, upstream: Any, held: tuple[Form, Any], /) -> Mapping[str, Any]:
        """The gradients by name."""
        form, kept = held
        if form == "cache":
            return self.named(self.backward_function(upstream, kept))
        if form == "object":
            return self.named(self.backward_function(upstream))
        return self.named(self.backward_function(*kept, upstream))

    def named(self, result: Any) -> Mapping[str, Any]:
        """Gradients by name; what comes in order is named in the order of the float inputs."""
        if isinstance(result, Mapping):
            return {key: g for key, g in result.items() if g is not None}
        floats = self._floats
        if isinstance(result, tuple | list) and len(result) == len(floats):
            return {key: g for key, g in zip(floats, result, strict=True) if g is not None}
        if isinstance(result, tuple | list) and len(result) == len(self.inputs):
            return {key: g for key, g in zip(self.inputs, result, strict=True) if g is not None}
        if len(floats) == 1 and not isinstance(result, tuple | list):
            return {floats[0]: result}
        return result  # type: ignore[no-any-return]  # the contract says what is wrong with it


def pair(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    shapes: Mapping[str, Any],
    where: Sequence[str] = (),
    convention: str | None = None,
) -> Pair:
    """The pair, checked; DeriveError for what is no function, text that cannot be read, or names that do not fit."""
    for what, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise DeriveError(f"{what} is {type(function).__name__}", "a function was wanted", callers_place())
    shapes, where, convention = _apart(shapes, where, convention)
    declared = _declared(shapes)
    if not declared:
        raise DeriveError("shapes without an input", 'a shape for each input, {"X": "n d"}', callers_place())
    conditions = (*_as_texts(where), *_as_texts(shapes.get(WHERE, ())))
    for text in conditions:
        condition(text)
    out = shapes.get(OUT)
    outputs = None if out is None else tuple(declare(text, OUT).shape for text in _as_texts(out))
    floats = [key for key, value in declared.items() if value.kind.is_float]
    known = scales(convention, floats, _sizes(declared))
    found = Pair(forward, backward, declared, conditions, outputs, known)
    _check_arity(forward, "forward", {len(declared)}, declared)
    _check_arity(backward, "backward", {len(declared) + 1, 2, 1}, declared)
    return found


def _declared(shapes: Mapping[str, Any]) -> dict[str, Declaration]:
    return {key: declare(text, key) for key, text in shapes.items() if key not in (WHERE, OUT)}


def _apart(
    shapes: Mapping[str, Any], where: Sequence[str], convention: str | None
) -> tuple[Mapping[str, Any], Sequence[str], str | None]:
    """The texts with the sizes that have the name of an array called otherwise: ``x: n c h w`` beside ``w: f c p q``.

    The code has no names of sizes that this could confuse.
    """
    declared = _declared(shapes)
    named = size_names(value.shape for value in declared.values())
    both = [key for key in named if key in declared and not declared[key].kind.scalar]
    if not both:
        return shapes, where, convention
    others = {key: next(t for n in count(1) if (t := key + "_" * n) not in {*named, *declared}) for key in both}
    size = re.compile(rf"\b({'|'.join(both)})\b(?!\s*:)")  # before a colon it is the array, in a convention

    def said(text: Any) -> Any:
        return size.sub(lambda found: others[found[1]], text) if isinstance(text, str) else text

    apart = {key: [*map(said, text)] if isinstance(text, list | tuple) else said(text) for key, text in shapes.items()}
    return apart, [said(text) for text in _as_texts(where)], said(convention)


def _sizes(declared: Mapping[str, Declaration]) -> tuple[str, ...]:
    """The names of the sizes, plain ints among them."""
    ints = [key for key, value in declared.items() if value.kind.scalar]
    return (*(name for name in size_names([d.shape for d in declared.values()]) if name not in ints), *ints)


def _as_texts(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _check_arity(function: Callable[..., Any], what: str, wanted: set[int], declared: Mapping[str, Any]) -> None:
    least, most = _arity(function)
    if not any(least <= number <= most for number in wanted):
        takes = f"{least} arguments" if least == most else f"{least} to {most} arguments"
        names = ", ".join(declared)
        forms = (
            f"{what}({names})" if what == "forward" else f"backward({names}, dY), backward(dY, cache) or backward(dY)"
        )
        place = place_of(function) if hasattr(function, "__code__") else ""
        raise DeriveError(
            f"{what} takes {takes}", f"{forms} was wanted", place, "shapes for exactly its inputs, in order"
        )


def _arity(function: Callable[..., Any]) -> tuple[int, float]:
    """The least and the greatest number of positional arguments."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # built-in functions have none
        return 0, float("inf")
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = len([p for p in places if p.default is p.empty])
    return least, float("inf") if any(p.kind is p.VAR_POSITIONAL for p in parameters) else len(places)


def _form(given: Pair, result: Any) -> Form:
    least, most = given.backward_takes
    number = len(given.inputs)
    pairs = isinstance(result, tuple) and len(result) == 2 and _looks_like_cache(given, result)
    if pairs and least <= 2 <= most:
        return "cache"
    if least <= number + 1 <= most:
        return "inputs"
    return "object" if least <= 1 <= most else "cache"


def _looks_like_cache(given: Pair, result: tuple[Any, Any]) -> bool:
    """True unless the two results are the declared outputs of a backward that takes the inputs again."""
    if given.out is not None and len(given.out) == 2:
        return not all(isinstance(part, np.ndarray | float) for part in result)
    return True
