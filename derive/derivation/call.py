"""A layer used inside another: one equation, whose rule is the layer's own derivation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from derive.arrays.array import Array, Operation, apply
from derive.arrays.build import constant, count, reshape, size_of, spread
from derive.arrays.moves import Reshape
from derive.arrays.named import name, substitute
from derive.arrays.shapes import LEADING_NAME, Shape, match_sizes, write_shape
from derive.derivation.layer import Input, Layer
from derive.errors import DeriveError, callers_place
from derive.index.size import Size
from derive.index.terms import Position, Term

if TYPE_CHECKING:
    from derive.arrays.array import Entries
    from derive.arrays.latex import Latex
    from derive.arrays.writing import Writer
    from derive.derivation.sweep import Derivation


def called(layer: Layer, operands: Sequence[Any]) -> Any:
    """The layer applied to symbolic arrays: its output, or a tuple of them."""
    pairs = list(zip(layer.inputs, operands, strict=True))
    given = tuple(_as_size(layer, i, operand) for i, operand in pairs if i.kind.equals is not None)
    arrays = [_as_operand(i, operand) for i, operand in pairs if i.kind.equals is None]
    arrays, lead = _flattened(layer, arrays)
    results = [_unflattened(layer, apply(LayerCall(layer, output, given), *arrays), lead) for output in layer.outputs]
    return results[0] if len(results) == 1 else tuple(results)


_derivations: WeakKeyDictionary[Layer, Derivation] = WeakKeyDictionary()


@dataclass(frozen=True)
class LayerCall(Operation):
    """A layer applied to operands; ``output`` is the one of its outputs that this is.

    ``given`` are its plain ints: they are sizes, not operands.
    """

    layer: Layer
    output: str
    given: tuple[Size, ...] = ()

    @property
    def name(self) -> str:  # type: ignore[override]  # the layer's own name
        """The layer's name."""
        return self.layer.name

    @property
    def source(self) -> str:  # type: ignore[override]  # the layer's own source
        """The source of the layer's formula."""
        return self.layer.source

    @property
    def rule(self) -> str:
        """The layer's gradients, as its own derivation says them."""
        return ", ".join(f"d{key} = {value}" for key, value in self.own.gradients.items())

    @property
    def own(self) -> Derivation:
        """The layer's own derivation, made once."""
        known = _derivations.get(self.layer)
        if known is None:
            known = _derivations[self.layer] = self.layer.derive()
        return known

    def sizes(self, operands: Sequence[Array]) -> dict[str, Size]:
        """What the layer's sizes are at its operands; DeriveError if they do not fit."""
        known: dict[str, Size] = {}
        pairs = list(zip(self.layer.arrays, operands, strict=True))
        ints = tuple(i.kind.equals for i in self.layer.inputs if i.kind.equals is not None)
        wrong = None
        for _ in range(2):  # in the second round all sizes are known
            wrong = wrong or match_sizes(ints, self.given, known)
            for i, operand in pairs:
                wrong = wrong or _misfit(i, operand, match_sizes(i.shape, operand.shape, known))
        if wrong is not None:
            wanted = ", ".join(f"{i.name}: {i.written}" for i in self.layer.inputs)
            raise DeriveError(
                f"{self.layer.name}: {wrong}",
                f"{wanted} was wanted",
                callers_place(),
                "a transpose, or other shapes where the arrays are declared",
            )
        return known

    def shape(self, *operands: Array) -> Shape:
        """The output's shape at the operands' sizes; DeriveError if they do not fit."""
        sizes = self.sizes(operands)
        return tuple(size.at(sizes) for size in self.layer.named(self.output).shape)

    def meaning(self, at: tuple[Position, ...], operands: tuple[Array, ...], *entries: Entries) -> Term:
        """Never asked for: a call is unfolded first."""
        raise AssertionError("a layer call is unfolded before its meaning is taken")

    def unfold(self, node: Array) -> Array:
        """The layer's formula with the operands in place of its inputs."""
        return self._in_place(node, self.layer.expanded(self.output))

    def _in_place(self, node: Array, expression: Array, more: Mapping[str, Array] | None = None) -> Array:
        names = dict(zip((i.name for i in self.layer.arrays), node.operands, strict=True))
        return substitute(expression, {**names, **(more or {})}, self.sizes(node.operands))

    def pullback(self, result: Array, grad: Array, *operands: Array) -> tuple[Array | None, ...]:
        """The layer's own derivation, with the operands in place of its inputs."""
        more = {self.output: result, self.own.adjoint_name(self.output): grad}
        closed = self.own.closed_forms(self.output)
        node = apply(self, *operands)
        return tuple(
            self._in_place(node, closed[i.name], more) if i.name in closed else None for i in self.layer.arrays
        )

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The layer's assumptions, about the operands."""
        if not self.layer.conditional:
            return ()
        told = {}
        for i, operand in zip(self.layer.arrays, node.operands, strict=True):
            text = str(operand) if all(not part.operands for part in operand.operands) else f"{i.name} of {self.name}"
            told[i.name] = name(text, operand.shape, operand.kind)  # an operand is named by its text, if that is short
        formula = substitute(self.layer.expanded(self.output), told, self.sizes(node.operands))
        return tuple(dict.fromkeys(a for part in formula.walk() for a in part.op.assumes(part)))

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``dense(X, W, b)``."""
        pick = f"[{self.layer.outputs.index(self.output)}]" if len(self.layer.outputs) > 1 else ""
        return f"{self.name}({', '.join(write(a, 0) for a in self._arguments(node))}){pick}", write.ATOM

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """``dense(X, W, b)``, upright."""
        return write.call(self.name, *self._arguments(node))

    def _arguments(self, node: Array) -> Iterator[Array]:
        """What it is called with, sizes as numbers."""
        arrays, ints = iter(node.operands), iter(self.given)
        for i in self.layer.inputs:
            yield next(arrays) if i.kind.equals is None else constant(next(ints))


def _misfit(i: Input, operand: Array, wrong: str | None) -> str | None:
    return None if wrong is None else f"{i.name} came as {write_shape(operand.shape)}: {wrong}"


def _as_size(layer: Layer, i: Input, value: Any) -> Size:
    if isinstance(value, Array) or not (size := size_of(value) - 1).is_nonnegative():
        came, wanted = f"{layer.name}: {i.name} came as {value}", "a size or a whole number of at least 1 was wanted"
        raise DeriveError(came, wanted, callers_place(), "an axis of an array's shape, or a number such as 2")
    return (size + 1).plain


def _as_operand(i: Input, value: Any) -> Array:
    array = constant(value)
    return array if array.shape or not i.shape else spread(array, i.shape)


def _flattened(layer: Layer, operands: list[Array]) -> tuple[list[Array], Shape | None]:
    """The operands with their leading axes made one, and what these were; None where they are one already."""
    given = [(i, a) for i, a in zip(layer.arrays, operands, strict=True) if i.leading]
    if all(a.ndim == len(i.shape) or a.ndim < len(i.shape) - 1 for i, a in given):
        return operands, None
    lead = given[0][1].shape[: given[0][1].ndim - len(given[0][0].shape) + 1]
    if any(a.shape[: a.ndim - len(i.shape) + 1] != lead for i, a in given):
        raise DeriveError(
            f"{layer.name}: {', '.join(f'{i.name} {write_shape(a.shape)}' for i, a in given)}",
            "the same leading axes were wanted",
            callers_place(),
            "a reshape, or np.broadcast_to",
        )
    joined = [
        _joined(a, (count(lead), *a.shape[len(lead) :])) if i.leading else a
        for i, a in zip(layer.arrays, operands, strict=True)
    ]
    return joined, lead


def _joined(array: Array, shape: Shape) -> Array:
    """The array with its leading axes made one: what it was made of, where another call has just parted them."""
    parted = isinstance(array.op, Reshape) and array.operands[0].shape == shape
    return array.operands[0] if parted else reshape(array, shape)


def _unflattened(layer: Layer, result: Array, lead: Shape | None) -> Array:
    op = result.op
    assert isinstance(op, LayerCall)
    shape = layer.named(op.output).shape
    if lead is None or not shape or shape[0].name != LEADING_NAME:
        return result
    return reshape(result, (*lead, *result.shape[1:]))
