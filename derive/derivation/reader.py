"""Reading a NumPy-style function: it is called once with symbolic arrays, and what it does is the formula.

Shapes are its string annotations, ``def fn(X: "n d", W: "d m")``.  The names it gives to its intermediate results are
kept as the names of the equations.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, overload

from derive.arrays.array import Array
from derive.arrays.build import constant
from derive.arrays.shapes import Declaration, declare
from derive.derivation.layer import Input, Layer, build_layer, output_name
from derive.errors import DeriveError, callers_place, place_of


@overload
def layer(
    function: Callable[..., Any], *, parameters: Sequence[str] = (), title: str | None = None, source: str = ""
) -> Layer: ...
@overload
def layer(
    *, parameters: Sequence[str] = (), title: str | None = None, source: str = ""
) -> Callable[[Callable[..., Any]], Layer]: ...
def layer(
    function: Callable[..., Any] | None = None,
    *,
    parameters: Sequence[str] = (),
    title: str | None = None,
    source: str = "",
) -> Layer | Callable[[Callable[..., Any]], Layer]:
    """A layer from a NumPy-style function whose parameters have shape strings as annotations.

    ``parameters`` are the inputs that are learned.  Also a decorator, plain or with arguments:
    ``@layer(source="...")``.  DeriveError for a parameter without a shape, a NumPy call outside the language, a branch
    on a value, or a result that is not an array.
    """
    if function is None:
        return lambda given: layer(given, parameters=parameters, title=title, source=source)
    if not callable(function) or not hasattr(function, "__code__"):
        raise DeriveError(f"{function!r}", "a Python function was wanted", callers_place(), 'def fn(X: "n d"): ...')
    where = place_of(function)
    declared = declarations(function)
    given = {key: Input(key, value.shape, value.kind).value for key, value in declared.items()}
    result, parts = _read(function, given)
    arrays = {key: value for key, value in given.items() if isinstance(value, Array)}
    outputs = _outputs(function, result, arrays, parts, where)
    doc = inspect.cleandoc(function.__doc__ or "")
    left_out = set(inspect.signature(function).parameters) - set(declared)
    learned = [key for key in parameters if key not in left_out]
    return build_layer(title or function.__name__, declared, parts, outputs, learned, doc, source, written=function)


def declarations(function: Callable[..., Any]) -> dict[str, Declaration]:
    """The shapes that a function's annotations declare."""
    where = place_of(function)
    return {key: declare(text, f"{where}, {key}") for key, text in shape_strings(function).items()}


def shape_strings(function: Callable[..., Any]) -> dict[str, Any]:
    """A function's annotations, one for each parameter; DeriveError for a parameter without one.

    A parameter that is declared as None keeps its default: with other options of a layer it is an input.
    """
    where = place_of(function)
    texts = {}
    for parameter in inspect.signature(function).parameters.values():
        text = parameter.annotation
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise DeriveError(
                f"{function.__name__}: the parameter *{parameter.name}",
                "one named parameter an input",
                where,
                'a parameter such as X: "n d" for each',
            )
        if text is parameter.empty:
            raise DeriveError(
                f"{function.__name__}: the parameter {parameter.name} has no shape",
                "a shape string as its annotation",
                where,
                f'{parameter.name}: "n d"; "" is a scalar',
            )
        if text is not None or parameter.default is parameter.empty:
            texts[parameter.name] = _unquoted(text)
    if not texts:
        raise DeriveError(f"{function.__name__}: no parameters", "at least one input was wanted", where)
    return texts


def _unquoted(text: Any) -> Any:
    """An annotation under ``from __future__ import annotations`` comes in quotes of its own."""
    if isinstance(text, str) and len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def traced(
    function: Callable[..., Any], given: dict[str, Any], sorts: tuple[type, ...] = (Array,)
) -> tuple[Any, dict[str, Any]]:
    """What the function returns for symbolic arrays and sizes, and its local arrays, of those sorts, by name."""
    parts: dict[str, Any] = {}

    def watch(frame: Any, event: str, _: Any) -> None:
        if event == "return" and frame.f_code is function.__code__:
            parts.update({key: value for key, value in frame.f_locals.items() if isinstance(value, sorts)})

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        result = called(function, given)
    except DeriveError:
        raise
    except RecursionError:
        raise DeriveError(f"{function.__name__} did not end", "a function that ends", place_of(function)) from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: reading a formula does not end the program
        raise DeriveError(
            f"{function.__name__} raised {type(error).__name__}: {told(error)}",
            "a function that runs on symbolic arrays",
            _raised_at(error, function),
            "NumPy operations on whole arrays; sizes are symbolic, so nothing may depend on which is larger",
        ) from error
    finally:
        sys.setprofile(before if callable(before) else None)  # a profiler written in C cannot be set again
    return result, parts


def called(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """What the function returns for what is given by name; parameters that are not given keep their defaults."""
    places = [p for p in inspect.signature(function).parameters.values() if p.name in given]
    return function(
        *[given[p.name] for p in places if p.kind is p.POSITIONAL_ONLY],
        **{p.name: given[p.name] for p in places if p.kind is not p.POSITIONAL_ONLY},
    )


def _read(function: Callable[..., Any], given: dict[str, Any]) -> tuple[Any, dict[str, Array]]:
    """The same; code that makes arrays from sizes or changes them in place is read over a NumPy of such arrays."""
    try:
        return traced(function, given)
    except DeriveError as refusal:
        from derive.reading.buffers import Buffer, fresh, unwrapped
        from derive.reading.shapes import over_shapes
        from derive.reading.views import is_unset

        arrays = {key: fresh(value) if isinstance(value, Array) else value for key, value in given.items()}
        try:
            result, parts = traced(over_shapes().lift(function), arrays, (Array, Buffer))
            result, parts = unwrapped(result), {key: unwrapped(part) for key, part in parts.items()}
        except Exception:
            raise refusal from None
        results = result if isinstance(result, tuple) else (result,)
        kept = all(unwrapped(array) is given[key] for key, array in arrays.items())
        if not kept or any(isinstance(part, Array) and is_unset(part) for part in results):
            raise refusal from None
        return result, parts


def told(error: BaseException) -> str:
    """The error's text, if it has one that can be had."""
    try:
        return str(error)
    except Exception:
        return "no text"


def _raised_at(error: BaseException, function: Callable[..., Any]) -> str:
    place = place_of(function)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is function.__code__:
            place = f"{place.split(':')[0]}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place


def _outputs(
    function: Callable[..., Any], result: Any, arrays: dict[str, Array], parts: dict[str, Array], where: str
) -> dict[str, Array]:
    results = result if isinstance(result, tuple) else (result,)
    outputs: dict[str, Array] = {}
    for returned in results:
        if not isinstance(returned, Array | int | float) or isinstance(returned, bool):
            raise DeriveError(
                f"{function.__name__} returns {type(returned).__name__}",
                "an array (or a tuple of arrays)",
                where,
                "returning the output array",
            )
        value = constant(returned)
        title = next(
            (key for key, part in parts.items() if part is value and key not in arrays and key not in outputs), None
        )
        if title is None:
            title = output_name(value, {**arrays, **parts, **outputs})
        outputs[title] = value
    return outputs
