"""What code keeps besides its values: shapes, dtypes, arguments untouched, results of its own, the same bits again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np

from derive.evidence.cases import Case
from derive.evidence.differences import Code, sensitivity
from derive.evidence.values import Floats


@dataclass(frozen=True)
class Failure:
    """What is wrong: of which name, in words, got and expected, and the line of code whose value shows it.

    ``broken`` is ``contract`` (shapes, dtypes, memory, repetition) or ``values``.
    """

    name: str
    what: str
    got: Any
    expected: Any
    shown: str
    broken: str = "contract"

    def with_expected(self, expected: Any) -> Failure:
        """The same with what was expected."""
        return replace(self, expected=expected)


class Refuted(Exception):
    """Carries a failure through hypothesis."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.what)
        self.failure = failure


def _refuted(name: str, what: str, got: Any, expected: Any, shown: str) -> Refuted:
    return Refuted(Failure(name, what, got, expected, shown))


class Guarded:
    """Code whose exceptions are findings; a singular matrix is none, for there the function has no value."""

    def __init__(self, code: Code) -> None:
        self._code = code

    def forward(self, *inputs: Any) -> tuple[Any, Any]:
        """As the code does; Refuted if it raises or gives no pair."""
        result = _guarded("forward", lambda: self._code.forward(*inputs))
        if isinstance(result, tuple) and len(result) == 2:
            return result
        raise _refuted("forward", "forward does not return the pair (y, cache)", type(result).__name__, "tuple", "")

    def backward(self, upstream: Any, cache: Any, /) -> Mapping[str, Any]:
        """As the code does; Refuted if it raises or gives no mapping."""
        result = _guarded("backward", lambda: self._code.backward(upstream, cache))
        if isinstance(result, Mapping):
            return result
        raise _refuted(
            "backward",
            "backward does not return a mapping from names to gradients",
            type(result).__name__,
            "dict",
            "type(gradients)",
        )


def not_told(error: Exception) -> bool:
    """True where NumPy cannot tell the -1 of a shape, since the array has no entries: code has no value there."""
    return isinstance(error, ValueError) and str(error).startswith("cannot reshape array of size 0 into shape")


def _guarded(where: str, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # whatever the code under test raises
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, np.linalg.LinAlgError) and ("ingular" in text or "positive definite" in text):
            raise
        if not_told(error):
            raise np.linalg.LinAlgError("no value: NumPy cannot tell the -1 of a shape without entries") from error
        raise Refuted(Failure(where, f"{where} raised {text}", text, "no exception", "")) from error


@dataclass(frozen=True)
class _Run:
    """One call of forward and of backward, with the arguments they had."""

    inputs: dict[str, Any]
    upstream: Any
    y: tuple[Any, ...]
    cache: Any
    gradients: dict[str, Any]


def check_contract(
    code: Code, case: Case, names: tuple[str, ...], floats: tuple[str, ...], declared: bool = True
) -> Mapping[str, Any]:
    """The gradients at the case; Refuted at the first broken promise, LinAlgError where the function has no value.

    ``declared`` if the shapes and dtypes of the outputs are promised too, and not whatever forward gives.
    """
    run = _run(code, case, names, floats, declared)
    _own_memory(run)
    _same_again(code, case, run)
    if case.layout != "C":
        _same_in_any_layout(code, case, run, _run(code, case.contiguous(), names, floats, declared))
    return run.gradients


def _run(code: Code, case: Case, names: tuple[str, ...], floats: tuple[str, ...], declared: bool) -> _Run:
    inputs, upstream = case.arguments(), case.upstream_argument()
    before = [_bits(value) for value in inputs.values()], _bits(upstream)
    y, cache = code.forward(*inputs.values())
    outputs = y if len(case.upstream) > 1 and isinstance(y, tuple) else (y,)
    if declared:
        _check_outputs(outputs, case)
    gradients = code.backward(upstream, cache)
    for name, value, bits in zip(inputs, inputs.values(), before[0], strict=True):
        if _bits(value) != bits:
            raise _refuted(name, f"the input {name} was changed in place", value, case.inputs[name], name)
    if _bits(upstream) != before[1]:
        what = "the upstream gradient was changed in place"
        raise _refuted("upstream", what, upstream, case.upstream, "upstream")
    wider = () if declared else tuple(np.asarray(part).dtype for part in outputs)
    return _Run(inputs, upstream, outputs, cache, _check_gradients(gradients, case, names, floats, wider))


def _check_outputs(outputs: tuple[Any, ...], case: Case) -> None:
    if len(outputs) != len(case.upstream):
        wanted = len(case.upstream)
        came = len(outputs)
        raise _refuted("y", f"forward returns {came} outputs, not {wanted}", came, wanted, "len(output)")
    for number, (value, wanted) in enumerate(zip(outputs, case.upstream, strict=True)):
        _check_like(value, wanted, "y", f"output[{number}]" if len(outputs) > 1 else "output")


def _check_like(value: Any, wanted: Any, name: str, shown: str, wider: tuple[Any, ...] = ()) -> None:
    """Same shape and dtype as ``wanted``; or one of ``wider``, the dtypes of outputs that left the inputs' own."""
    got = np.asarray(value)
    if got.shape != wanted.shape:
        raise _refuted(
            name, f"{shown} has shape {got.shape}, not {wanted.shape}", got.shape, wanted.shape, f"np.shape({shown})"
        )
    if got.dtype != wanted.dtype and got.dtype not in wider:
        raise _refuted(
            name,
            f"{shown} has dtype {got.dtype}, not {wanted.dtype}",
            str(got.dtype),
            str(wanted.dtype),
            f"np.asarray({shown}).dtype",
        )


def _check_gradients(
    gradients: Mapping[str, Any],
    case: Case,
    names: tuple[str, ...],
    floats: tuple[str, ...],
    wider: tuple[Any, ...],
) -> dict[str, Any]:
    for name in names:
        if name not in gradients:
            what = f"the gradient of {name} is missing"
            raise _refuted(name, what, sorted(gradients), sorted(names), "sorted(gradients)")
    for name in gradients:
        if name not in floats:
            raise _refuted(
                name,
                f"a gradient of {name} came, which is no float input",
                sorted(map(str, gradients)),
                sorted(names),
                "sorted(gradients)",
            )
        _check_like(gradients[name], case.inputs[name], name, f"gradients[{name!r}]", wider)
    return dict(gradients)


def _own_memory(run: _Run) -> None:
    """No result may be a view of an argument or of another result: whoever changes one would change both."""
    upstream = run.upstream if isinstance(run.upstream, tuple) else (run.upstream,)
    given = [*run.inputs.items(), *(("upstream", value) for value in upstream)]
    results = [("output", value) for value in run.y]
    results += [(f"gradients[{name!r}]", gradient) for name, gradient in run.gradients.items()]
    pairs = [(left, right) for left in results for right in given]
    for (one, left), (other, right) in [*pairs, *combinations(results, 2)]:
        both = isinstance(left, np.ndarray) and isinstance(right, np.ndarray)
        if both and np.may_share_memory(left, right) and np.shares_memory(left, right):
            shown = f"np.shares_memory({one}, {other})"
            raise _refuted(one, f"{one} shares memory with {other}", True, False, shown)


def _same_again(code: Code, case: Case, run: _Run) -> None:
    """The same bits from a second backward with the same cache, and from a second forward and backward."""
    again = code.backward(case.upstream_argument(), run.cache)
    y, cache = code.forward(*case.arguments().values())
    fresh = code.backward(case.upstream_argument(), cache)
    if _bits(y) != _bits(run.y if len(case.upstream) > 1 else run.y[0]):
        raise _refuted("y", "a second forward gives another y", y, run.y, "forward(*inputs)[0]")
    for name, first in run.gradients.items():
        for which, later in (("with the same cache", again), ("after a second forward", fresh)):
            if _bits(later.get(name)) != _bits(first):
                what = f"a second backward {which} gives another gradient of {name}"
                raise _refuted(name, what, later.get(name), first, f"backward(upstream, cache)[{name!r}]")


def _same_in_any_layout(code: Code, case: Case, run: _Run, plain: _Run) -> None:
    """Equal to what C-contiguous arrays give, up to the roundoff that another order of summation makes."""
    for number, (left, right) in enumerate(zip(run.y, plain.y, strict=True)):
        _compare(code, case, "y", (left, right), _output(number) if len(run.y) > 1 else _whole)
    for name, right in plain.gradients.items():
        _compare(code, case, name, (run.gradients[name], right), _gradient(name))


_Pick = Callable[[Any, Mapping[str, Any]], Any]


def _whole(y: Any, gradients: Mapping[str, Any]) -> Any:
    return np.asarray(y)


def _output(number: int) -> _Pick:
    return lambda y, gradients: np.asarray(y[number])


def _gradient(name: str) -> _Pick:
    return lambda y, gradients: np.asarray(gradients[name])


def _compare(code: Code, case: Case, name: str, values: tuple[Any, Any], pick: _Pick) -> None:
    eps = float(np.finfo(case.dtype).eps)
    got, expected = map(np.asarray, values)
    if got.tobytes() == expected.tobytes() or not (np.all(np.isfinite(got)) and np.all(np.isfinite(expected))):
        return
    entries = sum(np.size(value) for value in (*case.inputs.values(), *case.upstream))
    own = eps * entries * float(np.max(np.abs(expected), initial=0.0))
    if np.max(np.abs(got - expected), initial=0.0) > own + sensitivity(code, case, eps, pick):
        shown = "output" if name == "y" else f"gradients[{name!r}]"
        what = f"{shown} is another for {case.layout} arrays than for contiguous ones"
        raise _refuted(name, what, got, expected, shown)


def _bits(value: Any) -> Any:
    """What tells two results apart bit for bit."""
    if isinstance(value, tuple | list):
        return tuple(map(_bits, value))
    array: Floats = np.asarray(value)
    return array.shape, array.dtype.str, array.tobytes()
