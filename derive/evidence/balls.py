"""Values of expressions in ball arithmetic: numbers with a rigorous bound on their error, at any precision.

An operation has the value that its meaning says, the index term; it is taken over all entries, and over all points,
at once.  The indices of the term are axes of object arrays of ``flint.arb``, so that an operation that has a meaning
has a value here, and nothing is registered twice.  Exponents have no limit: ``exp(1e30)`` is a number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from derive.arrays.array import Array
from derive.arrays.moves import LOWEST
from derive.arrays.named import Named
from derive.arrays.rows import whole
from derive.arrays.shapes import Declaration, Shape
from derive.evidence.sizes import number, numbers
from derive.index.functions import PI
from derive.index.size import Size
from derive.index.terms import (
    Apply,
    Delta,
    Entry,
    Extent,
    Index,
    Number,
    OfMatrix,
    Plus,
    Position,
    Power,
    Term,
    Times,
    Total,
)

Balls = NDArray[Any]  # of flint.arb, or of int where a value is whole; axis 0 is the point
Nudge = Callable[[Balls], Balls]


WHOLE = whole(Position.of(0)).array  # a position as a number


class NoValue(Exception):
    """What has no value in ball arithmetic."""


@contextmanager
def precision(bits: int) -> Iterator[None]:
    """Ball arithmetic at so many bits; flint's precision belongs to the whole process."""
    from flint import ctx

    before, ctx.prec = ctx.prec, bits
    try:
        yield
    finally:
        ctx.prec = before


def balls(value: NDArray[Any]) -> Balls:
    """Floats as exact balls; whole numbers and masks as ints."""
    from flint import arb

    if value.dtype.kind in "biu":
        return value.astype(int).astype(object)
    return np.asarray(np.frompyfunc(lambda x: arb(float(x)), 1, 1)(value), dtype=object)


@dataclass(frozen=True, eq=False)
class Program:
    """What is computed: equations, then adjoint lines, over inputs, upstream gradients and earlier names.

    ``gradients`` gives the line of each input's gradient; ``where`` holds the conditions on sizes.
    """

    inputs: Mapping[str, Declaration]
    upstream: Mapping[str, Shape]
    equations: tuple[tuple[str, Array], ...]
    adjoints: tuple[tuple[str, Array], ...]
    outputs: tuple[str, ...]
    gradients: Mapping[str, str]
    where: tuple[str, ...] = ()

    @property
    def results(self) -> tuple[str, ...]:
        """The names of the outputs, then of the gradients."""
        return (*self.outputs, *self.gradients.values())

    def values(
        self, given: Mapping[str, Balls], sizes: Mapping[str, int], ties: bool = False, nudge: Nudge | None = None
    ) -> dict[str, Balls]:
        """The value of every line at some points, by name."""
        found = Values(given, sizes, ties, nudge)
        for label, expression in (*self.equations, *self.adjoints):
            found.define(label, expression)
        return {label: found.named(label) for label, _ in (*self.equations, *self.adjoints)}


class Values:
    """The values of expressions over named arrays, each part computed once.

    ``given`` holds the names, points along axis 0 (one point stands for all).  A comparison that the precision does not
    decide gives nan; with ``ties`` the two sides are taken to be equal.  ``nudge`` changes the value of every sum.
    """

    def __init__(
        self, given: Mapping[str, Balls], sizes: Mapping[str, int], ties: bool = False, nudge: Nudge | None = None
    ) -> None:
        self._given, self._sizes, self._ties, self._nudge = dict(given), sizes, ties, nudge
        self._known: dict[Array, Balls] = {}

    def define(self, label: str, value: Array) -> None:
        """Give a name to an expression over the names known so far."""
        self._given[label] = self.of(value)

    def named(self, label: str) -> Balls:
        """The value of a name."""
        return self._given[label]

    def of(self, array: Array) -> Balls:
        """The value of an expression, of shape (points, *shape)."""
        for node in array.walk():
            if node not in self._known:
                self._known[node] = self._value(node)
        return self._known[array]

    def _value(self, node: Array) -> Balls:
        if isinstance(node.op, Named):
            return self._given[node.op.label]
        inner = node.op.unfold(node)
        if inner is not None:
            return self.of(inner)
        operands = [self._known[operand] for operand in node.operands]
        if node.op.name == "where":  # as NumPy takes it: what is not chosen is not looked at
            return _of_one_kind(np.where(_truth(operands[0]), operands[1], operands[2]), node.kind)
        at, meant = meaning_of(node)
        arrays = dict(zip(map(str, range(len(operands))), operands, strict=True))
        found = _Terms(arrays, self._sizes, self._ties, self._nudge)(meant)
        shape = numbers(node.shape, self._sizes)
        return np.broadcast_to(_spread(found, at), (len(found.value), *shape))


_meanings: WeakKeyDictionary[Array, tuple[tuple[Index, ...], Term]] = WeakKeyDictionary()


def meaning_of(node: Array) -> tuple[tuple[Index, ...], Term]:
    """What an operation makes of its operands, which are named by their place: "0", "1", ..; at free indices."""
    known = _meanings.get(node)
    if known is None:
        at = tuple(Index(size) for size in node.shape)
        known = at, node.op.meaning(tuple(map(Position.of, at)), node.operands, *_operand_entries(node))
        _meanings[node] = known
    return known


def _operand_entries(node: Array) -> list[Callable[..., Term]]:
    def entries(label: str, operand: Array) -> Callable[..., Term]:
        return lambda *at: Entry(label, tuple(Position.of(place) for place in at), operand.kind)

    return [entries(str(k), operand) for k, operand in enumerate(node.operands)]


@dataclass(frozen=True, eq=False)
class _Over:
    """Values over indices: axis 0 is the point, each other axis an index; ``whole`` if they are ints."""

    value: Balls
    axes: tuple[Index, ...] = ()
    whole: bool = False


def _spread(over: _Over, axes: Sequence[Index]) -> Balls:
    """The values with an axis for each of ``axes``, of size 1 where they do not depend on it."""
    order = [0, *(over.axes.index(axis) + 1 for axis in axes if axis in over.axes)]
    keys = [slice(None), *(slice(None) if axis in over.axes else None for axis in axes)]
    return np.asarray(over.value.transpose(order)[tuple(keys)])


def _together(parts: Sequence[_Over]) -> tuple[tuple[Index, ...], list[Balls]]:
    axes = tuple(dict.fromkeys(axis for part in parts for axis in part.axes))
    return axes, [_spread(part, axes) for part in parts]


FAR = 20_000  # -2**FAR is below every float, and an exact ball


class _Terms:
    """Index terms over arrays: a call gives the values of a term over its free indices."""

    def __init__(self, arrays: Mapping[str, Balls], sizes: Mapping[str, int], ties: bool, nudge: Nudge | None) -> None:
        self._arrays, self._sizes, self._ties, self._nudge = arrays, sizes, ties, nudge

    def __call__(self, term: Term) -> _Over:
        from flint import arb, fmpq

        match term:
            case Number(value=c):
                exact = Fraction(c).denominator == 1
                return _constant(int(c) if exact else arb(fmpq(c.numerator, c.denominator)), exact)
            case Extent(size=size):
                return _constant(self._number(size), True)
            case Entry(array=PI.array):
                return _constant(arb.pi())
            case Entry(array=LOWEST.array):
                return _constant(arb(-(2**FAR)))
            case Entry(array=array, at=at):
                if array in self._arrays:
                    return self._entry(array, at)
                if array == WHOLE:
                    return self._whole(at[0])
                raise NoValue(f"no ball arithmetic for {array}")
            case Delta(left=left, right=right):
                axes, places = _together([self._place(left), self._place(right)])
                return _Over((places[0] == places[1]).astype(int).astype(object), axes, True)
            case Plus(terms=terms):
                return _sum([self(t) for t in terms])
            case Times(factors=factors):
                return _product([self(t) for t in factors])
            case Power(base=base, exponent=exponent):
                inner = self(base)
                return _Over(_mapped(_power(Fraction(exponent)), inner.value), inner.axes)
            case Apply(function=function, argument=argument):
                inner = self(argument)
                apply = _function(function, self._ties)
                return _Over(_mapped(apply, inner.value), inner.axes, function in ("step", "sign"))
            case Total(index=index, body=body):
                return self._total(index, self(body))
            case OfMatrix(function=function, rows=rows, columns=columns, body=body, at=at):
                return self._of_matrix(function, (rows, columns), self(body), at)
        raise NoValue(f"no ball arithmetic for {type(term).__name__}")

    def _number(self, size: Size) -> int:
        return size.constant if size.constant is not None else number(size, self._sizes)

    def _place(self, position: Position) -> _Over:
        """The numbers that a position stands for, over its indices."""
        parts = [_Over(np.arange(self._number(i.size))[None], (i,)) for i, _ in position.parts]
        axes, values = _together(parts)
        factors = [self._number(c) for _, c in position.parts]
        total = sum((v * c for v, c in zip(values, factors, strict=True)), np.zeros((1,) * (len(axes) + 1), int))
        return _Over(np.asarray(total + self._number(position.offset)), axes)

    def _whole(self, position: Position) -> _Over:
        place = self._place(position)
        return _Over(place.value.astype(object), place.axes, True)

    def _entry(self, label: str, at: tuple[Position, ...]) -> _Over:
        array = self._arrays[label]
        if len(at) == array.ndim:  # one position more than there are axes: 1 where the entry is that number
            axes, values = _together([self._entry(label, at[:-1]), self._whole(at[-1])])
            return _Over((values[0] == values[1]).astype(int).astype(object), axes, True)
        whole = bool(array.size) and isinstance(array.flat[0], int)
        return self._taken(array, at, whole)

    def _taken(self, array: Balls, at: Sequence[Position], whole: bool) -> _Over:
        """The entries of an array at some positions."""
        plain = [i for i in (position.index for position in at) if i is not None]
        if len({*plain}) == len(at) and tuple(self._number(i.size) for i in plain) == array.shape[1:]:
            return _Over(array, tuple(plain), whole)
        axes, places = _together([self._place(position) for position in at])
        inside = [(p >= 0) & (p < n) for p, n in zip(places, array.shape[1:], strict=True)]
        clipped = [np.clip(p[0], 0, n - 1) for p, n in zip(places, array.shape[1:], strict=True)]
        taken = array[(slice(None), *clipped)]
        return _Over(np.where(np.logical_and.reduce(np.broadcast_arrays(*inside)), taken, _nan()), axes, whole)

    def _total(self, index: Index, body: _Over) -> _Over:
        if index not in body.axes:
            return _Over(body.value * self._number(index.size), body.axes, body.whole)
        axis = body.axes.index(index)
        rest = body.axes[:axis] + body.axes[axis + 1 :]
        total = np.asarray(np.add.reduce(body.value, axis=axis + 1))
        return _Over(total if self._nudge is None or body.whole else self._nudge(total), rest, body.whole)

    def _of_matrix(self, function: str, axes: tuple[Index, Index], body: _Over, at: tuple[Position, ...]) -> _Over:
        """The determinant of each matrix, or an entry of its inverse; nan where it may be singular."""
        from flint import arb_mat

        outer = tuple(axis for axis in body.axes if axis not in axes)
        sizes = [self._number(axis.size) for axis in (*outer, *axes)]
        matrices = np.broadcast_to(_spread(body, (*outer, *axes)), (len(body.value), *sizes))
        found = np.empty(matrices.shape[:-2] if function == "det" else matrices.shape, dtype=object)
        for place in np.ndindex(matrices.shape[:-2]):
            matrix = arb_mat(matrices[place].tolist())
            try:
                found[place] = matrix.det() if function == "det" else np.array(matrix.inv().tolist(), dtype=object)
            except ZeroDivisionError:
                found[place] = _nan()
        return self._taken(found, [*map(Position.of, outer), *at], False)


def _constant(value: Any, whole: bool = False) -> _Over:
    return _Over(np.array([value], dtype=object), (), whole)


def _sum(parts: Sequence[_Over]) -> _Over:
    axes, values = _together(parts)
    total = values[0]
    for value in values[1:]:
        total = total + value
    return _Over(total, axes, all(part.whole for part in parts))


def _product(parts: Sequence[_Over]) -> _Over:
    """The product; an exact 0 of a mask takes nothing from what it hides, be it infinite."""
    axes, values = _together(sorted(parts, key=lambda part: part.whole))
    wholes = sorted(part.whole for part in parts)
    result = values[0]
    for value, is_whole in zip(values[1:], wholes[1:], strict=True):
        product = value * result
        result = np.where(value == 0, 0, product) if is_whole and value.size > 1 else product
    return _Over(result, axes, all(wholes))


# ---- numbers


def _nan() -> Any:
    from flint import arb

    return arb.nan()


def _of_one_kind(values: Balls, kind: str) -> Balls:
    """Floats as balls, be some of them whole: whether values are ints is seen at the first of them."""
    from flint import arb

    return _mapped(arb, values) if kind == "float" else values


def _truth(mask: Balls) -> NDArray[np.bool_]:
    return np.asarray(mask == 1, dtype=bool)


def _mapped(function: Callable[[Any], Any], values: Balls) -> Balls:
    return np.asarray(np.frompyfunc(function, 1, 1)(values), dtype=object)


def _power(exponent: Fraction) -> Callable[[Any], Any]:
    from flint import arb, fmpq

    if exponent.denominator == 1:
        whole = int(exponent)
        return lambda x: _whole_power(x, whole) if whole >= 0 else 1 / _whole_power(arb(x), -whole)
    if abs(exponent) == Fraction(1, 2):
        return lambda x: arb(x).sqrt() if exponent > 0 else arb(x).rsqrt()
    power = fmpq(exponent.numerator, exponent.denominator)
    return lambda x: arb(x) ** arb(power)


def _whole_power(x: Any, exponent: int) -> Any:
    """By products: flint's own power gives up on some balls around 0."""
    if exponent < 2:
        return x if exponent else 1
    half = _whole_power(x, exponent // 2)
    return half * half * x if exponent % 2 else half * half


def _function(name: str, ties: bool) -> Callable[[Any], Any]:
    """A scalar function of the kernel; by its name a method of balls, but for those that compare."""
    from flint import arb

    def sign(x: Any) -> Any:
        if x > 0 or x < 0:
            return 1 if x > 0 else -1
        return 0 if isinstance(x, int) or x.is_zero() or (ties and x.is_finite()) else arb.nan()

    def step(x: Any) -> Any:
        found = sign(x)
        return max(found, 0) if isinstance(found, int) else 0 if x <= 0 else found

    if name in ("sign", "step", "abs"):
        return {"sign": sign, "step": step, "abs": abs}[name]
    if not hasattr(arb, name):
        raise NoValue(f"no ball arithmetic for {name}")
    return lambda x: getattr(arb(x), name)()
