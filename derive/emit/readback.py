"""The generated code is read back: executed on symbolic arrays, and each of its statements proved equal to its line.

A generator that writes a wrong statement is thereby a failed proof, not a surprise.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from types import ModuleType
from typing import Any

import numpy

from derive.arrays import build, reducing
from derive.arrays.array import Array, apply
from derive.arrays.axis import assuming
from derive.arrays.helpers import STANDS_FOR
from derive.arrays.named import name, substitute
from derive.arrays.operations import Constant, Eye
from derive.derivation.reader import traced
from derive.derivation.sweep import UPSTREAM, Derivation
from derive.emit.any_rank import unlike
from derive.emit.checks import compared
from derive.emit.cutting import cut
from derive.emit.helpers import helpers_checked, helpers_in
from derive.emit.loading import load_source
from derive.emit.plain import unread, without_changes
from derive.emit.plan import Plan, unfolded
from derive.emit.stack import members
from derive.errors import DeriveError
from derive.index.size import Size
from derive.rules.proof import is_equal
from derive.rules.simplify import abstract, simplify
from derive.rules.stable import is_proved, stabilized
from derive.verdict import Rung


class Holds:
    """The answer to a check of what came, which may only be asked whether it is true."""

    def __bool__(self) -> bool:
        return False


class SymbolicNumPy:
    """NumPy, with symbolic arrays where it makes arrays from sizes, and exact numbers where it maps numbers.

    It stands for ``math`` as well, whose functions are NumPy's.
    """

    pi = apply(Constant("pi"))
    prod = staticmethod(math.prod)

    def __getattr__(self, key: str) -> Any:
        function = getattr(numpy, key)
        if not isinstance(function, numpy.ufunc):
            return function
        return wraps(function)(lambda first, *rest, **options: function(build.constant(first), *rest, **options))

    @staticmethod
    def full(shape: Any, value: Any, dtype: Any = None) -> Array:
        """Copies of a number."""
        return build.spread(build.constant(value), tuple(Size.of(size) for size in shape))

    @staticmethod
    def any(condition: Any) -> Holds:
        """Whether an array that came does not fit: to the proof all do."""
        return Holds()

    @staticmethod
    def arange(size: Any) -> Array:
        """The whole numbers from 0 up."""
        return reducing.arange(size)

    @staticmethod
    def eye(size: Any, dtype: Any = None) -> Array:
        """The identity matrix."""
        return apply(Eye(Size.of(size)))


@dataclass(frozen=True)
class Statement:
    """What a statement of the code was found to say, and what it should say."""

    where: str
    target: str
    says: Array
    should: Array


def read_back(source: str, derivation: Derivation) -> Rung:
    """The rung: ``proved`` if every statement is proved equal to its line, else ``open`` with the statement's name."""
    strange = unread(source)
    if strange:
        return Rung("read-back", "open", f"not a plain statement: {strange}")
    assumed = [more - less for more, less in filter(None, map(compared, derivation.prove().assumptions))]
    try:
        with assuming(assumed):
            found = list(_functions(symbolic(source, derivation), derivation))
            found += list(_objects(symbolic(source, derivation), derivation))
            plan = Plan(derivation)
            wrong = unlike(symbolic(source, derivation), derivation, plan.upstream_arrays) if plan.any_rank else ""
    except Exception as error:  # whatever the code does, it is not shown
        return Rung("read-back", "open", f"the code does not lift: {type(error).__name__}: {error}")
    helped, doubt = helpers_checked(source)
    if wrong or doubt:
        return Rung("read-back", "open", wrong or doubt)
    definitions = definitions_of(derivation)
    told = "; alike with none and with two leading axes" if plan.any_rank else ""
    return judged([(statement, definitions) for statement in found], told + helped)


def judged(found: Sequence[tuple[Statement, Mapping[str, Array]]], told: str) -> Rung:
    """The rung of some statements, each with the definitions that it may use."""
    wrong = [s for s, definitions in found if not agrees(s, definitions)]
    numbers = {"statements": len(found), "proved": len(found) - len(wrong)}
    if wrong:
        first = wrong[0]
        detail = f"{first.where}: {first.target} = {first.says}, but the derivation says {first.should}"
        return Rung("read-back", "open", detail, numbers)
    return Rung("read-back", "proved", f"{len(found)} of {len(found)} statements{told}", numbers)


def definitions_of(derivation: Derivation) -> dict[str, Array]:
    """What each name of a derivation stands for."""
    known = {e.name: unfolded(e.expression) for e in derivation.layer.equations}
    known.update({s.adjoint: s.expression for s in derivation.steps if s.rule != UPSTREAM})
    return known


def agrees(statement: Statement, definitions: Mapping[str, Array]) -> bool:
    """Equal as it stands or in its stable form, or with the names that only one side uses replaced by what they are."""
    left, right = statement.says, statement.should
    others = {key: value for key, value in definitions.items() if key != statement.target}
    stable = stabilized(right, others)
    if left is stable or _is_nearly_the_same(simplify(left), simplify(stable), others):
        return True
    if is_equal(left, right) or is_proved(left, stable, others):
        return True
    if unsaid := {key: others[key] for key in right.names() if key in others and key not in left.names()}:
        merged = stabilized(simplify(substitute(right, unsaid)), others)  # lines that are written into this one
        if left is merged or _is_nearly_the_same(simplify(left), simplify(merged), others):
            return True
    used = set(left.names()) ^ set(right.names())
    some = {key: value for key, value in others.items() if key in used}
    if some and is_equal(left, right, some):
        return True
    return bool(is_equal(left, right, others))


def _is_nearly_the_same(left: Array, right: Array, definitions: Mapping[str, Array]) -> bool:
    """True if what is not the same in both sides is shown equal: most of a long line need not be looked into."""
    only = {key: definitions[key] for key in {*left.names()} ^ {*right.names()} if key in definitions}
    return bool(is_equal(*abstract(substitute(left, only), substitute(right, only))))


def symbolic(source: str, derivation: Derivation) -> ModuleType:
    """The module, loaded with symbolic arrays in place of NumPy's."""
    loaded = load_source(without_changes(source), derivation.layer.name)
    loaded.__dict__["np"] = SymbolicNumPy()
    loaded.__dict__.update({key: STANDS_FOR[key] for key in helpers_in(source) if key in STANDS_FOR})
    loaded.__dict__["math"] = SymbolicNumPy()
    loaded.__dict__["float"] = lambda number: number  # to the proof numbers are real
    loaded.__dict__["isinstance"] = lambda size, kinds: True  # and sizes are whole
    return loaded


def by_name(parts: Mapping[str, Array], wanted: Mapping[str, Array]) -> dict[Array, str]:
    """Arrays by the name they have in the derivation; the first name wins."""
    found: dict[Array, str] = {}
    for key, array in parts.items():
        if key in wanted:
            found.setdefault(array, key)
    return found


def _inputs(derivation: Derivation) -> dict[str, Any]:
    return {i.name: i.value for i in derivation.layer.inputs}


def _statements(
    where: str, parts: Mapping[str, Array], wanted: Mapping[str, Array], names: Mapping[Array, str]
) -> Iterator[Statement]:
    """Each wanted name that the code computes, cut at the other names; what it returns is checked besides."""
    for target, should in wanted.items():
        if target not in parts:  # the code may do without a name
            continue
        yield Statement(where, target, cut(parts[target], names), should)


def _functions(loaded: ModuleType, derivation: Derivation) -> Iterator[Statement]:
    """The statements of ``forward`` and ``backward``."""
    layer = derivation.layer
    equations = {e.name: e.expression for e in layer.equations}
    lines = {s.adjoint: s.expression for s in derivation.steps if s.rule != UPSTREAM}
    (outputs, cache), parts = traced(loaded.forward, _inputs(derivation))
    names = by_name(parts, equations)
    yield from _statements("forward", parts, equations, names)
    yield from _outputs("forward returns", outputs, derivation, names)
    upstream = _upstream(derivation)
    given = upstream[0] if len(upstream) == 1 else tuple(upstream)
    gradients, back = _run(loaded.backward, given, cache)
    names.update(by_name(back, lines))
    yield from _statements("backward", back, lines, names)
    yield from _returned("backward returns", gradients, derivation, names)


def _outputs(where: str, returned: Any, derivation: Derivation, names: Mapping[Array, str]) -> Iterator[Statement]:
    """What a forward returns: one array, or a tuple of them."""
    layer = derivation.layer
    for output, value in zip(layer.outputs, returned if len(layer.outputs) > 1 else (returned,), strict=True):
        equation = layer.equation(output)
        assert equation is not None
        yield Statement(where, output, cut(value, names), equation.expression)


def _upstream(derivation: Derivation) -> list[Array]:
    return Plan(derivation).upstream_arrays


def _run(function: Callable[..., Any], *args: Any) -> tuple[Any, dict[str, Array]]:
    """A function called by position, and its local arrays."""
    code = getattr(function, "__code__")  # noqa: B009  # functions and methods alike
    keys = [key for key in code.co_varnames[: code.co_argcount] if key != "self"]
    return traced(function, dict(zip(keys, args, strict=True)))


def _returned(where: str, gradients: Any, derivation: Derivation, names: Mapping[Array, str]) -> Iterator[Statement]:
    if not isinstance(gradients, dict) or list(gradients) != list(derivation.wrt):
        raise DeriveError(f"{where} {gradients!r}", f"a gradient for each of {', '.join(derivation.wrt)}")
    for key, value in gradients.items():
        yield Statement(where, f"d{key}", cut(value, names), derivation.gradients[key])


def _objects(loaded: ModuleType, derivation: Derivation) -> Iterator[Statement]:
    """The statements of the network's class, and the step that its layer objects take."""
    found = members(derivation.layer)
    if found is None:
        return
    equations = {e.name: e.expression for e in derivation.layer.equations}
    lines = {s.adjoint: s.expression for s in derivation.steps if s.rule != UPSTREAM}
    inputs = _inputs(derivation)
    owned = [text for m in found for text in m.parameters.values()]
    network = loaded.Network(*[inputs[key] for key in owned])
    returned, parts = _run(network.forward, *[array for key, array in inputs.items() if key not in owned])
    names = by_name(parts, equations)
    yield from _statements("Network.forward", parts, equations, names)
    yield from _outputs("Network.forward returns", returned, derivation, names)
    gradients, back = _run(network.backward, *_upstream(derivation))
    names.update(by_name(back, lines))
    yield from _statements("Network.backward", back, {k: v for k, v in lines.items() if k in back}, names)
    yield from _returned("Network.backward returns", gradients, derivation, names)
    rate = name("rate", ())
    if owned:
        network.step(rate)
    for member in found:
        for own, text in member.parameters.items():
            after = getattr(getattr(network, member.attribute), own)
            should = inputs[text] - rate * name(f"d{text}", inputs[text].shape)
            yield Statement("Network.step", text, cut(after, names), should)
