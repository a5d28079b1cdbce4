"""How expressions are written in NumPy.

Each operation gives its own spelling; here are brackets, names, numbers, and the spelling of copies and sums, which
depends on what stands around them: a broadcast is left unsaid where it would happen by itself.  LaTeX: latex.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from derive.arrays import functions
from derive.arrays.array import Array, apply
from derive.arrays.operations import Broadcast, Constant, Elementwise, Sum
from derive.arrays.rows import ArgMax, Max
from derive.arrays.shapes import Shape
from derive.arrays.statistics import Variance
from derive.index.size import ONE, Size

NO_NAMES: Mapping[Array, str] = {}


class Writer:
    """Writes code; arrays in ``names`` are written by name.  A call writes an operand, bracketed if need be."""

    ATOM, POWER, SIGN, TIMES, PLUS = functions.ATOM, functions.POWER, functions.SIGN, functions.TIMES, functions.PLUS

    def __init__(self, names: Mapping[Array, str] | None = None, dtype: str = "", quick: bool = False) -> None:
        self.names = names or {}
        self.quick = quick  # in generated code, where there are two spellings, the one that runs faster
        self.dtype = f", dtype={dtype}" if dtype else ""  # said where NumPy makes a new array, so that float32 stays

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
        texts = []
        for place, (text, own) in enumerate(operands):
            chained = binds == functions.COMPARE  # a > b > c is not (a > b) > c
            least = 0 if call else binds + (1 if chained or (place and node.op.name != "add") else 0)
            if template.startswith("-"):  # -M * X would negate a mask M first
                least = self.ATOM if _begins_with_mask(node.operands[0]) else self.TIMES
            texts.append(text if own >= least else f"({text})")
        numbers = [isinstance(a.op, Constant) for a in node.operands]
        if self.quick and node.op.name == "where" and all(numbers[1:]) and self.dtype:
            template = f"{template}.astype({self.dtype.removeprefix(', dtype=')})"  # of two numbers NumPy makes float64
        if self.quick and template.startswith("np.") and not node.shape and not node.names():
            template = f"float({template})"  # a function of sizes is a plain number, so that float32 stays
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
        if len(axes) == operand.ndim and not keepdims:
            return f"np.{method}({self(operand, 0)}{more})", self.ATOM
        return f"{self(operand, self.ATOM)}.{method}(axis={axes[0] if len(axes) == 1 else axes}{more})", self.ATOM

    def _indexed(self, array: Array, core: Array, first: int = 0) -> str:
        """``b[:, None]``, the new axes from ``first`` on being said."""
        assert isinstance(array.op, Broadcast)
        keys = [":" if k in array.op.axes else "None" for k in range(first, array.ndim)]
        return f"{self(core, self.ATOM)}[{', '.join(keys)}]"

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


@dataclass(frozen=True)
class Reduction:
    """A function of rows, as a method that NumPy's arrays have."""

    method: str
    operand: Array
    axes: tuple[int, ...]


def reduction(node: Array, names: Mapping[Array, str] = NO_NAMES) -> Reduction | None:
    """The sum, maximum or variance that a node is, or the mean: a sum that is divided by the number of its terms.

    The maximum of a maximum without a name is one over both axes.
    """
    match node.op:
        case Sum(axes=axes):
            return Reduction("sum", node.operands[0], axes)
        case Max(axis=axis):
            (rows,) = node.operands
            inner = reduction(rows, names) if rows.op.name == node.op.name and rows not in names else None
            if inner is None:
                return Reduction(node.op.name, rows, (axis,))
            left = [k for k in range(inner.operand.ndim) if k not in inner.axes]
            return Reduction(node.op.name, inner.operand, tuple(sorted((*inner.axes, left[axis]))))
        case ArgMax() | Variance():
            return Reduction(node.op.name, node.operands[0], node.op.along)
        case Elementwise(function="divide" | "multiply"):
            sums = [operand for operand in node.operands if isinstance(operand.op, Sum)]
            if len(sums) == 1 and _counts(node, sums[0]):
                return Reduction("mean", sums[0].operands[0], sums[0].op.axes)  # type: ignore[attr-defined]  # a sum
    return None


def _counts(node: Array, summed: Array) -> bool:
    """True if a product or quotient divides a sum by the number of its terms."""
    assert isinstance(summed.op, Sum)
    (number,) = (operand for operand in node.operands if operand is not summed)
    size = prod([summed.operands[0].shape[axis] for axis in summed.op.axes], start=ONE)
    value = number.op.value if isinstance(number.op, Constant) else None
    if node.op.name == "divide":
        return node.operands[0] is summed and value is not None and value in (size, size.constant)
    return isinstance(value, Fraction) and value * (size.constant or 0) == 1


def uncopied(array: Array) -> Array | None:
    """What a broadcast copies, or a constant; None for anything else."""
    if isinstance(array.op, Broadcast):
        return array.operands[0]
    return array if isinstance(array.op, Constant) else None


def _begins_with_mask(array: Array) -> bool:
    while array.operands and array.op.name in ("multiply", "divide", "broadcast"):
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
