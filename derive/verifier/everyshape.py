"""Proof for every shape: the code is run on symbolic arrays of symbolic sizes, and what it gives are formulas.

Changes in place are followed (buffers.py), branches on sizes run on each side (branches.py).  Code that loops over a
size, or asks for a value, is no formula: NotRun says what it asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from derive.arrays.array import Array
from derive.arrays.axis import axis_size
from derive.arrays.build import constant
from derive.arrays.moves import Reshape
from derive.arrays.named import as_declared, name, substitute
from derive.derivation.layer import Layer, build_layer, output_name
from derive.derivation.sweep import UPSTREAM, Derivation, adjoint_name, upstream_name
from derive.errors import DeriveError
from derive.index.size import Size
from derive.reading.branches import Way, ways
from derive.reading.buffers import fresh, unwrapped
from derive.reading.reach import Reach
from derive.reading.refusal import NotRun
from derive.reading.shapes import over_shapes
from derive.reading.views import is_unset, with_zeros
from derive.rules.proof import Shown, is_equal
from derive.rules.simplify import abstract, simplify
from derive.rules.unrolling import is_equal_unrolled
from derive.verdict import Rung
from derive.verifier.pair import Pair

NAME = "proof"
NO_TIES = "no two compared numbers are equal"


@dataclass(frozen=True)
class Formulas:
    """What forward and backward give, on one way through the code."""

    given: Pair
    outputs: tuple[Array, ...]
    gradients: Mapping[str, Any]


def for_every_shape(given: Pair) -> Rung:
    """``proved``, or ``open`` with what is not shown; NotRun and DeriveError where the code is no formula."""
    code, reach = _lifted(given), Reach(given.forward_function, given.backward_function)
    found = list(ways(lambda: _attempted(code, reach)))
    assumptions: list[str] = []
    for way, formulas in found:
        assumed = _shown(given, way, formulas)
        if isinstance(assumed, str):
            return Rung(NAME, "open", f"not shown equal for every shape{_where(way)}: {assumed}")
        assumptions += assumed
    asked = dict.fromkeys(side.question for way, _ in found for side in way.sides)
    both = f", on both sides of {' and of '.join(asked)}" if asked else ""
    missed = reach.missed()
    many = max((len(f.gradients) for _, f in found if isinstance(f, Formulas)), default=len(given.floats))
    detail = f"{many} gradients equal the derived ones for every shape{both}{not_reached(missed)}"
    told = {"branches": list(asked), "not_reached": missed}
    numbers = {"assumptions": list(dict.fromkeys(assumptions)), **{key: value for key, value in told.items() if value}}
    return Rung(NAME, "proved", detail, numbers)


def not_reached(missed: Sequence[str]) -> str:
    """What was not run, in words."""
    return f"; not reached: {'; '.join(missed)}" if missed else ""


def _where(way: Way) -> str:
    return f" where {way}" if way.sides else ""


def _shown(given: Pair, way: Way, formulas: Formulas | Exception) -> list[str] | str:
    """The assumptions under which all gradients are right on a way; or what is not shown."""
    few = way.values()
    if isinstance(formulas, Formulas):
        found = _proved(formulas)
        if isinstance(found, list) or not few:
            return found
    elif not few:
        raise NotRun(f"{str(formulas).partition(chr(10))[0]}{_where(way)}") from formulas
    assumptions: list[str] = []
    for sizes in few:  # the condition leaves these, and is no longer needed
        rung = for_every_shape(_resized(given, sizes))
        if rung.status == "open":
            return rung.detail
        assumptions += rung.numbers["assumptions"]
    return assumptions


def _resized(given: Pair, sizes: Mapping[str, Size]) -> Pair:
    """The pair at other sizes."""
    inputs = {
        key: replace(declared, shape=tuple(size.at(sizes) for size in declared.shape))
        for key, declared in given.inputs.items()
    }
    return replace(given, inputs=inputs)


# ---- the code, run on symbols


def plain_ints(given: Pair) -> dict[str, Size]:
    """The sizes that plain ints are."""
    kinds = given.signature.plain_ints
    return {key: kind.equals if kind.equals is not None else Size.of(key) for key, kind in kinds.items()}


def _attempted(code: Pair, reach: Reach) -> Formulas | Exception:
    """The formulas of one way; or why there are none, which a condition on the sizes may yet mend."""
    try:
        return _formulas(code, reach)
    except Exception as error:
        return error


def _formulas(code: Pair, reach: Reach) -> Formulas:
    arrays: dict[str, Any] = {key: fresh(as_declared(key, d)) for key, d in code.inputs.items()}
    arrays |= {key: axis_size(size) for key, size in plain_ints(code).items()}
    with reach.watching():
        y, held = code.forward(*arrays.values())
    outputs = unwrapped(tuple(y) if isinstance(y, tuple | list) else (y,))
    if not all(isinstance(part, Array) for part in outputs):
        raise NotRun("forward gives no formula of its inputs")
    outputs = tuple(map(_settled, outputs))
    upstream = tuple(fresh(_above(key, part)) for key, part in _titles(code, outputs).items())
    with reach.watching():
        gradients = code.backward(upstream[0] if len(upstream) == 1 else upstream, held)
    return Formulas(code, outputs, {key: unwrapped(gradient) for key, gradient in gradients.items()})


def _settled(output: Array) -> Array:
    """The same without memory that was not set, on which it does not hang."""
    if not is_unset(output):
        return output
    found = with_zeros(output)
    if not is_equal(output, found):
        raise NotRun("forward gives entries that it has not set")
    return found


def _titles(given: Pair, outputs: tuple[Array, ...]) -> dict[str, Array]:
    titles: dict[str, Array] = {}
    for part in outputs:
        titles[output_name(part, {**given.inputs, **titles})] = part
    return titles


def _lifted(given: Pair) -> Pair:
    """The pair over a NumPy whose arrays are buffers."""
    lifting = over_shapes()
    return replace(
        given,
        forward_function=lifting.lift(given.forward_function),
        backward_function=lifting.lift(given.backward_function),
    )


# ---- what it gives, and the derived gradients


def _proved(formulas: Formulas) -> list[str] | str:
    given, gradients = formulas.given, formulas.gradients
    derivation = _layer(given, formulas.outputs).derive()
    derived = derivation.prove()
    if not derived.ok:
        return f"the derived gradient is itself not proved: {derived.reason}"
    truth = _written_out(derivation)
    for key, scale in given.scales.items():
        truth[key] = scale.symbolic(plain_ints(given)) * truth[key]
    apart = [key for key in gradients if not _is_derived(gradients[key], truth.get(key), ties=True)]
    doubts = {key: _is_derived(gradients[key], truth.get(key), ties=False).doubt for key in apart}
    if lost := [f"{key}, {doubt}" for key, doubt in doubts.items() if doubt]:
        return "; ".join(lost)
    return [*derived.assumptions, *([NO_TIES] if apart else [])]


def _layer(given: Pair, outputs: tuple[Array, ...]) -> Layer:
    used = {text for part in outputs for text in part.names()}
    inputs = {key: declared for key, declared in given.inputs.items() if key in used}
    return build_layer(given.name if given.name.isidentifier() else "pair", inputs, {}, _titles(given, outputs))


def _above(title: str, output: Array) -> Array:
    """The upstream gradient of an output: not its adjoint, where that output is used by another one."""
    return name(f"d{title}!", output.shape)  # no array of the user's has such a name


def _written_out(derivation: Derivation) -> dict[str, Array]:
    """The gradients over inputs and upstream gradients alone."""
    known: dict[str, Array] = {}
    for equation in derivation.layer.equations:
        known[equation.name] = substitute(equation.expression, known)
    for output in derivation.layer.outputs:
        known[upstream_name(output)] = known[adjoint_name(output)] = _above(output, known[output])
    for step in derivation.steps:
        if step.rule != UPSTREAM:
            known[step.adjoint] = substitute(step.expression, known)
    return {key: known[adjoint_name(key)] for key in derivation.wrt}


def _is_derived(claimed: Any, truth: Array | None, ties: bool) -> Shown:
    """True if a gradient is shown to be the derived one; first with what both share taken as generic arrays."""
    try:
        claimed = constant(claimed)
    except DeriveError as error:
        return Shown(error.got)
    if truth is None:
        return Shown("nothing is derived for it")
    if claimed.shape != truth.shape:
        return Shown("the shapes differ")
    found = Shown("nothing was tried")
    for one, other in ((claimed, truth), (simplify(claimed), simplify(truth)), *_before_reshapes(claimed, truth)):
        for left, right in (abstract(one, other), (one, other)):
            found = is_equal(left, right, ties=ties)
            if found:
                return found
    return is_equal_unrolled(claimed, truth, ties) or found


def _before_reshapes(claimed: Array, truth: Array) -> Iterator[tuple[Array, Array]]:
    """Both sides in the shapes that parts of them had before they were reshaped: the entries are the same."""
    nodes = [node for array in (claimed, truth) for node in array.walk()]
    reshaped = [node for node in nodes if isinstance(node.op, Reshape) and node.shape == claimed.shape]
    for shape in dict.fromkeys(node.operands[0].shape for node in reshaped):
        yield simplify(claimed.reshape(shape)), simplify(truth.reshape(shape))
