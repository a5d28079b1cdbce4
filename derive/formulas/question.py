"""A question about a layer: is this expression the adjoint, or the value, of that name?  And its answer by proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from derive.arrays.array import Array, resize
from derive.arrays.build import constant, reshape, spread
from derive.arrays.functions import FUNCTIONS
from derive.arrays.named import name, substitute
from derive.arrays.operations import Elementwise
from derive.arrays.shapes import Kind, Shape, write_shape
from derive.derivation.layer import Layer
from derive.derivation.sweep import Derivation, adjoint_name
from derive.errors import DeriveError
from derive.formulas.comparison import same_rows
from derive.formulas.experiment import upstream_names
from derive.index.size import Size
from derive.rules.proof import Shown, is_equal
from derive.rules.simplify import simplify

Given = Mapping[str, int | float]
Facts = Mapping[str, Kind]

_KINKED = frozenset({f.name for f in FUNCTIONS.values() if f.kind == "bool" or "≠" in f.smooth})


@dataclass(frozen=True)
class Question:
    """Is ``claimed`` the adjoint of ``target`` (or, with ``of_value``, its value)?  ``truth`` is what was derived.

    ``facts`` about inputs, of which the derivation knew nothing, hold where the two are compared.
    """

    layer: Layer
    target: str
    claimed: Array
    truth: Array
    definitions: Mapping[str, Array]
    upstream: tuple[str, ...]
    sizes: Mapping[str, int]
    fixed: Mapping[str, float]
    of_value: bool = False
    facts: Facts = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """What the claim is about."""
        return self.target if self.of_value else adjoint_name(self.target)

    @property
    def free_sizes(self) -> list[str]:
        """The sizes that are not given."""
        return [size for size in self.layer.sizes if size not in self.sizes]

    def equal(self, left: Array, right: Array, at: Mapping[str, int] | None = None, ties: bool = False) -> Shown:
        """True if two expressions are shown equal, also with the names in them replaced by what they stand for.

        Of ties of what the forward equations compare nothing is said but with ``ties``.  A row of literal length 1 and
        the vector of its entries are the same: shapes may differ in leading 1s.
        """
        sizes = {key: Size.of(value) for key, value in {**self.sizes, **(at or {})}.items()}
        left, right = self._fix(left, sizes), self._fix(right, sizes)
        if not same_rows(left.shape, right.shape):
            return Shown("the shapes differ")
        left = reshape(left, right.shape)
        known = {key: self._fix(value, sizes) for key, value in self.definitions.items()}
        bends_at = [e.expression for e in self.layer.equations if not ties and bends(e.expression)]
        bent = tuple([self._fix(expression, sizes) for expression in bends_at])
        return is_equal(left, right, bent=bent) or is_equal(simplify(left), right, known, bent=bent)

    def _fix(self, array: Array, sizes: Mapping[str, Size]) -> Array:
        shapes = {key: resize(shape_of(self.layer, key), sizes) for key in [*self.fixed, *self.facts]}
        given = {key: spread(constant(value), shapes[key]) for key, value in self.fixed.items()}
        known = {key: name(key, shapes[key], kind.name) for key, kind in self.facts.items()}
        return substitute(array, {**known, **given}, sizes)

    def holds(self, at: Mapping[str, int] | None = None, ties: bool = False) -> Shown:
        """True if the claim is proved, some more sizes being given; with ``ties`` also where numbers tie."""
        return self.equal(self.claimed, self.truth, at, ties)

    @property
    def shape(self) -> Shape:
        """The shape of the claimed expression at the given sizes."""
        return self._at(self.claimed.shape)

    @property
    def wanted(self) -> Shape:
        """The shape of what it is about at the given sizes."""
        return self._at(self.truth.shape)

    def _at(self, shape: Shape) -> Shape:
        return tuple(size.at(self.sizes) for size in shape)

    @property
    def given(self) -> tuple[str, ...]:
        """What was given, in words."""
        return tuple(f"{key} = {value}" for key, value in {**self.fixed, **self.sizes}.items())


def ask(
    derivation: Derivation,
    target: str,
    claimed: Array,
    truth: Array,
    given: Given,
    *,
    definitions: Mapping[str, Array],
    of_value: bool = False,
    facts: Facts | None = None,
) -> Question:
    """The question, checked; DeriveError for a name, in the claim or given, that does not fit the layer."""
    layer, upstream = derivation.layer, upstream_names(derivation)
    sizes = {key: int(value) for key, value in given.items() if key in layer.sizes}
    fixed = {key: value for key, value in given.items() if key not in sizes}
    may_be_given = [*layer.sizes, *(i.name for i in layer.inputs if i.name != target), *upstream]
    for key in given:
        if key not in may_be_given:
            raise DeriveError(
                f"given {key!r}",
                f"one of {', '.join(may_be_given)} was wanted",
                layer.name,
                "writing it into the claim instead",
            )
    adjoints = {step.adjoint for step in derivation.steps} | {*upstream}
    _check_names(layer, claimed, target if of_value else adjoint_name(target), adjoints, upstream)
    return Question(layer, target, claimed, truth, definitions, upstream, sizes, fixed, of_value, facts or {})


def _check_names(layer: Layer, claimed: Array, subject: str, adjoints: set[str], upstream: Sequence[str]) -> None:
    """DeriveError for a name that the layer does not have, has in another shape, or that is what is claimed."""
    names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    for node in claimed.walk():
        key = getattr(node.op, "label", None)
        if key is None:
            continue
        if key == subject and key not in upstream:
            raise DeriveError(
                f"the claim for {subject} mentions {subject} itself",
                "other names were wanted",
                layer.name,
                "the names and adjoints that it is made from",
            )
        if key not in names and key not in adjoints:
            raise DeriveError(
                f"the claim for {subject} mentions {key}",
                f"one of {', '.join(names)} was wanted",
                layer.name,
                "dNAME for the adjoint of one of them",
            )
        if node.shape != shape_of(layer, key):
            wanted = write_shape(shape_of(layer, key))
            raise DeriveError(
                f"the claim for {subject} takes {key} as {write_shape(node.shape)}",
                f"its shape is {wanted}",
                layer.name,
                f'witness.named(layer, "{key}")',
            )


def bends(array: Array) -> bool:
    """True for an expression in which numbers are compared: where two are equal it may have a kink."""
    return any(isinstance(node.op, Elementwise) and node.op.function in _KINKED for node in array.walk())


def shape_of(layer: Layer, key: str) -> Shape:
    """The shape of a name, or of the name whose adjoint it is."""
    names = [i.name for i in layer.inputs] + [e.name for e in layer.equations]
    return layer.named(key if key in names else key.removeprefix("d").removesuffix("_out")).shape


def named(layer: Layer, key: str) -> Array:
    """A name of a layer, or the adjoint of one (``dW1``), as an expression to write claims with."""
    return name(key, shape_of(layer, key))
