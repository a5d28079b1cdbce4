"""How expressions are written in NumPy.

Each operation gives its own spelling; here are brackets, names, numbers, and the spelling of copies and sums, which
depends on what stands around them: a broadcast is left unsaid where it would happen by itself.  LaTeX: latex.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from copy import copy
from fractions import Fraction

from derive.arrays import functions
from derive.arrays.array import Array, apply
from derive.arrays.gather import Pick
from derive.arrays.methods import reduction
from derive.arrays.operations import Broadcast, Constant, Elementwise
from derive.arrays.shapes import Shape, is_leading
from derive.index.size import ONE, Size


class Writer:
    """Writes code; arrays in ``names`` are written by name.  A call writes an operand, bracketed if need be."""

    ATOM, POWER, SIGN, TIMES, PLUS = functions.ATOM, functions.POWER, functions.SIGN, functions.TIMES, functions.PLUS

    def __init__(
        self,
        names: Mapping[Array, str] | None = None,
        dtype: str = "",
        quick: bool = False,
        leading: bool = False,
    ) -> None:
        self.names = names or {}
        self.quick = quick  # in generated code, where there are two spellings, the one that runs faster
        self.leading = leading  # axes are counted from the last, so that any number of them may be in front
        self.dtype = f", dtype={dtype}" if dtype else ""  # said where NumPy makes a new array, so that float32 stays

    def knowing(self, names: Mapping[Array, str]) -> Writer:
        """A writer that writes other arrays by name."""
        other = copy(self)
        other.names = names
        return other

    def text(self, array: Array) -> tuple[str, int]:
        """The text and its precedence."""
        return (self.names[array], self.ATOM) if array in self.names else array.op.numpy(self, array)

    def __call__(self, array: Array, binds: int) -> str:
        """The text of an operand, in brackets if it binds less tightly than ``binds``."""
        text, own = self.text(array)
        return text if own >= binds else f"({text})"

    def number(self, value: Fraction | Size | str) -> tuple[str, int]:
        """A number as Python writes it."""
        if isinstance(value, str):
            return f"np.{value}", self.ATOM
        if isinstance(value, Size):
            return str(value), self.ATOM if value.name or value.constant is not None else self.PLUS
        if value < 0:
            return f"-{self.number(-value)[0]}", self.SIGN
        if value.denominator == 1:
            return str(value.numerator), self.ATOM
        decimal, ratio = repr(float(value)), f"{value.numerator} / {value.denominator}"
        if Fraction(decimal) == value and len(decimal) <= max(8, len(ratio)):
            return decimal, self.ATOM
        return ratio, self.TIMES

    # ---- shapes

    def numpy_shape(self, shape: Shape) -> str:
        """``(n, d)`` as code."""
        inner = ", ".join(self.number(Fraction(s.constant) if s.constant is not None else s)[0] for s in shape)
        return f"({inner},)" if len(shape) == 1 else f"({inner})"

    def axes(self, axes: Sequence[int], rank: int) -> str:
        """``1`` or ``(0, 2)``, counted from the end where any number of axes may be in front."""
        said = tuple([axis - rank for axis in axes] if self.leading else axes)
        return str(said[0] if len(said) == 1 else said)

    def keys(self, keys: Sequence[str], array: Array) -> str:
        """The keys of an index, ``...`` for the axes in front."""
        front = 0
        while self.leading and is_leading(array.shape) and front < len(keys) and keys[front] == ":":
            front += 1
        return ", ".join(["...", *keys[front:]] if front else keys)

    def numpy_slice(self, begin: Size, extent: Size, stride: Size | int, size: Size) -> str:
        """``1:`` or ``:-1`` or ``::2`` or ``::-1``."""
        if stride == -1:
            last = begin - extent
            return f"{'' if begin == size - 1 else begin}:{last if (last + 1).terms else ''}:-1"
        start = str(begin) if begin.terms else ""
        if stride != 1 and extent == (size - begin + stride - 1).plain // stride:
            return f"{start}::{stride}"
        if stride != 1:  # NumPy clamps an end behind the last entry
            return f"{start}:{begin + extent * stride}:{stride}"
        end = begin + extent
        if end == size:
            return f"{start}:"
        behind = (end - size).constant
        return f"{start}:{behind if behind is not None else end}"

    # ---- templates and copies

    def template(self, template: str, binds: int, node: Array) -> tuple[str, int]:
        """An elementwise function by its template; operands may broadcast by themselves."""
        call = binds == self.ATOM
        operands = self.implicit(node.operands)
        if node.op.name == "multiply" and operands[0][0].startswith("1 / "):
            (part, _), (text, own) = operands  # a ninth of A is A / 9
            return f"{text if own >= self.TIMES else f'({text})'} / {part.removeprefix('1 / ')}", self.TIMES
        if self.quick and self.dtype and node.op.name == "multiply" and is_scaled_mask(node):
            return f"np.multiply({operands[0][0]}, {operands[1][0]}{self.dtype})", self.ATOM  # else float64 or int64
        texts = []
        for place, (text, own) in enumerate(operands):
            chained = binds == functions.COMPARE  # a > b > c is not (a > b) > c
            least = 0 if call else binds + (1 if chained or (place and node.op.name != "add") else 0)
            if template.startswith("-"):  # -M * X would negate a mask M first
                least = self.ATOM if _begins_with_mask(node.operands[0]) else self.TIMES
            texts.append(text if own >= least else f"({text})")
        numbers = not any(a.names() for a in node.operands[1:])
        if self.quick and node.op.name == "where" and numbers and self.dtype:
            template = f"{template}.astype({self.dtype.removeprefix(', dtype=')})"  # of two numbers NumPy makes float64
        if self.quick and template.startswith("np.") and not node.shape and not node.names():
            known = hasattr(math, template[3:].partition("(")[0])  # a plain number, so that float32 stays
            template = template.replace("np.", "math.", 1) if known else f"float({template})"
        if template.startswith("-"):  # -a / b stands for -(a / b), and binds no tighter than the quotient
            binds = min(binds, max(operands[0][1], self.TIMES))
        return template.format(*texts), binds

    def implicit(self, operands: tuple[Array, ...]) -> list[tuple[str, int]]:
        """NumPy text of operands of one shape, copies left unsaid where NumPy broadcasts them."""
        shape = operands[0].shape
        inner = [uncopied(operand) for operand in operands]
        covered = {axis for a, core in zip(operands, inner, strict=True) for axis in _covers(a, core)}
        ranked = any(_first(a, core) == 0 for a, core in zip(operands, inner, strict=True))
        if not ranked or not all(axis in covered or size == ONE for axis, size in enumerate(shape)):
            keep = next(
                (k for k, core in enumerate(inner) if core is not None and not isinstance(core.op, Constant)), 0
            )
            inner[keep] = None  # one operand must carry the shape
        return [
            self.text(a) if core is None or a in self.names else self.copied(a, core)
            for a, core in zip(operands, inner, strict=True)
        ]

    def copied(self, array: Array, core: Array) -> tuple[str, int]:
        """The operand of a broadcast, as NumPy needs it inside an elementwise formula."""
        if isinstance(core.op, Constant):
            return self.number(core.op.value)
        assert isinstance(array.op, Broadcast)
        axes, rank = array.op.axes, array.ndim
        if axes == tuple(range(rank - core.ndim, rank)):
            return self.text(core)
        return self._kept(array, core) or (self._indexed(array, core, min(axes, default=rank)), self.ATOM)

    def _kept(self, array: Array, core: Array) -> tuple[str, int] | None:
        """``A.sum(axis=1, keepdims=True)``, or a formula of such, if that is what the copies are of; else None."""
        assert isinstance(array.op, Broadcast)
        if core in self.names:
            return None
        if isinstance(core.op, Pick) and array.ndim == core.ndim + 1 and core.op.axis not in array.op.axes:
            return core.op.kept(self, core), self.ATOM
        found = reduction(core, self.names)
        if found is not None and not (found.method == "mean" and core.operands[0] in self.names):
            axes = tuple(k for k in range(found.operand.ndim) if k not in found.axes)
            same = found.operand.ndim == array.ndim and array.op == Broadcast(array.shape, axes)
            return self.reduced(core, ", keepdims=True") if same else None
        if not isinstance(core.op, Elementwise):
            return None
        if not all(isinstance(a.op, Constant) or self._kept(apply(array.op, a), a) for a in core.operands):
            return None
        shape = tuple(size if k in array.op.axes else ONE for k, size in enumerate(array.shape))
        inside = Broadcast(shape, array.op.axes)
        wide = [Constant(a.op.value, shape) if isinstance(a.op, Constant) else inside for a in core.operands]
        parts = [
            apply(op, *([] if isinstance(op, Constant) else [a])) for op, a in zip(wide, core.operands, strict=True)
        ]
        return self.text(apply(core.op, *parts))

    def mean(self, node: Array) -> tuple[str, int] | None:
        """``A.mean(axis=1)`` for a sum without a name that is divided by the number of its terms; else None."""
        return None if reduction(node, self.names) is None or node.operands[0] in self.names else self.reduced(node)

    def reduced(self, node: Array, keepdims: str = "") -> tuple[str, int]:
        """``A.sum(axis=1)``, or another function of rows; ``np.sum(A)`` over all axes."""
        found = reduction(node, self.names)
        assert found is not None
        method, operand, axes = found.method, found.operand, found.axes
        counts = operand.kind == "bool" and method in ("sum", "mean")
        more = keepdims + (self.dtype if counts else "")  # NumPy counts in whole numbers: float64 beside float32
        if method == "max" and operand.op.name == "abs":
            more += ", initial=0"  # so that there is one of no entries too
        if len(axes) == operand.ndim and not keepdims:
            return f"np.{method}({self(operand, 0)}{more})", self.ATOM
        return f"{self(operand, self.ATOM)}.{method}(axis={self.axes(axes, operand.ndim)}{more})", self.ATOM

    def _indexed(self, array: Array, core: Array, first: int = 0) -> str:
        """``b[:, None]``, the new axes from ``first`` on being said."""
        assert isinstance(array.op, Broadcast)
        keys = [":" if k in array.op.axes else "None" for k in range(first, array.ndim)]
        return f"{self(core, self.ATOM)}[{self.keys(keys, core)}]"

    def numpy_broadcast(self, node: Array) -> tuple[str, int]:
        """A broadcast that must be said: by ``None`` where only literal 1s are new, else ``np.broadcast_to``."""
        assert isinstance(node.op, Broadcast)
        (core,) = node.operands
        same = all(node.shape[a] == s for a, s in zip(node.op.axes, core.shape, strict=True))
        if same and all(node.shape[axis] == ONE for axis in node.op.new_axes):
            said = self._kept(node, core) or ((self._indexed(node, core), self.ATOM) if core.shape else None)
            if said:
                return said
        text = self.copied(node, core)[0]
        return f"np.broadcast_to({text}, {self.numpy_shape(node.shape)})", self.ATOM

    def factors(self, left: Array, right: Array) -> tuple[Array, Array]:
        """The factors of a matrix product; of one of the two copies along leading axes are left unsaid."""
        for one, other in ((right, left), (left, right)):
            core = None if one in self.names else uncopied(one)
            if core is None or core.ndim < 2 or core.shape[-2:] != one.shape[-2:]:
                continue
            if one.op == Broadcast(one.shape, tuple(range(one.ndim - core.ndim, one.ndim))):
                return (left, core) if other is left else (core, right)
        return left, right


def uncopied(array: Array) -> Array | None:
    """What a broadcast copies, or a constant; None for anything else."""
    if isinstance(array.op, Broadcast):
        return array.operands[0]
    return array if isinstance(array.op, Constant) else None


def is_scaled_mask(node: Array) -> bool:
    """True for a mask times a number."""
    return [a.kind for a in node.operands if not isinstance(a.op, Constant)] == ["bool"]


def _begins_with_mask(array: Array) -> bool:
    while array.operands and array.op.name in ("multiply", "divide", "broadcast", "matmul", "einsum"):
        array = array.operands[0]
    return array.kind == "bool"


def _covers(array: Array, core: Array | None) -> set[int]:
    """The axes whose full size NumPy sees when copies are left unsaid."""
    if core is None:
        return set(range(array.ndim))
    if isinstance(core.op, Constant):
        return set()
    assert isinstance(array.op, Broadcast)
    return {axis for axis, size in zip(array.op.axes, core.shape, strict=True) if size == array.shape[axis]}


def _first(array: Array, core: Array | None) -> int:
    """The first axis that is there when copies are left unsaid: NumPy adds those before it."""
    if core is None or not array.shape:
        return 0
    said = isinstance(array.op, Broadcast) and not isinstance(core.op, Constant)
    return min(array.op.axes, default=array.ndim) if said else array.ndim  # type: ignore[attr-defined]  # a broadcast


def numpy_text(array: Array, names: Mapping[Array, str] | None = None) -> str:
    """The expression as NumPy code."""
    return Writer(names).text(array)[0]
