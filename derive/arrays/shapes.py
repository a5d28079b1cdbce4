"""Shape strings: ``"n d"``, ``"... d"``, ``"h*k"``, ``"n d : bool"``, ``"n : int[0,c)"`` and what they declare.

A declaration is a shape (a tuple of sizes) and a kind.  The same name means the same size everywhere.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from derive.arrays.size_text import SizeSyntaxError, read_size
from derive.errors import DeriveError
from derive.index.size import ONE, ZERO, Size

Shape = tuple[Size, ...]

LEADING = "..."  # in a shape string: any leading axes; one axis to the proof, named as below
LEADING_NAME = "batch"

FLOAT_KINDS = ("float", "unit", "positive", "symmetric", "spd", "stochastic", "onehot")
KINDS = (*FLOAT_KINDS, "int", "bool")

# Names that a declared array or size may not take: they mean something else in the generated code.
RESERVED = frozenset(
    {"np", "numpy", "cache", "forward", "backward", "grads", "self", "derive", "math", "lead", "special"}
    | {"sigmoid", "boxes", "overlap", "over_windows", "to_largest", "at_largest", "placed", "add_rows", "put"}
    | {"tensordots", "sliding_window_view"}  # the helpers
)

ROW_KINDS = ("stochastic", "onehot")  # rows sum to 1

_ALONG = re.compile(rf"({'|'.join(ROW_KINDS)})\s*\[\s*(\d+)\s*\]")
_RANGE = re.compile(r"int\s*\[\s*([^,\[\]()]+)\s*,\s*([^,\[\]()]+)\s*([\])])(?:\s+or\s+(.+))?")


def is_leading(shape: Shape) -> bool:
    """True if the first axis stands for any number of leading axes."""
    return bool(shape) and shape[0].name == LEADING_NAME


@dataclass(frozen=True)
class Kind:
    """What the entries of an array are: ``float`` (the default), ``int`` in ``low <= x < high``, ``bool``, ..."""

    name: str = "float"
    low: Size | None = None
    high: Size | None = None  # not included
    other: Size | None = None  # a value out of that range which is allowed too
    scalar: bool = False  # a plain Python number rather than an array
    equals: Size | None = None  # a plain int equal to this size
    axis: int = -1  # along which rows run that sum to 1

    @property
    def range(self) -> tuple[Size, ...]:
        """For whole numbers from 0 up what they are less than, and the value besides; empty for everything else."""
        return tuple([size for size in (self.high, self.other) if size is not None]) if self.low == ZERO else ()

    @property
    def is_float(self) -> bool:
        """True if a gradient with respect to it makes sense."""
        return self.name in FLOAT_KINDS

    def __str__(self) -> str:
        if self.equals is not None:
            return f"={self.equals}"
        besides = f" or {self.other}" if self.other is not None else ""
        if self.low is not None:
            return f"int[{self.low},{self.high}){besides}"
        return self.name if self.axis == -1 else f"{self.name}[{self.axis}]"


FLOAT = Kind()


@dataclass(frozen=True)
class Declaration:
    """The shape and the kind that a shape string declares; ``leading`` if it began with ``...``."""

    shape: Shape
    kind: Kind = FLOAT
    leading: bool = False

    def __str__(self) -> str:
        return write_declaration(self.shape, self.kind, self.leading)


def declare(text: str, where: str = "") -> Declaration:
    """Read a shape string such as ``"n d"`` or ``"n : int[0,c)"``; DeriveError if it is not one."""
    if not isinstance(text, str):
        raise DeriveError(
            f"a shape of type {type(text).__name__}",
            'a shape string such as "n d" was wanted',
            where,
            'writing the sizes as text, "n d"; "" is a scalar',
        )
    sizes, _, kind = text.partition(":")
    words = sizes.split()
    leading = bool(words) and words[0] == LEADING
    if leading:
        words[0] = LEADING_NAME
    try:
        shape = tuple(read_size(word) for word in words)
    except SizeSyntaxError as error:
        raise DeriveError(
            f"shape {text!r}: {error}",
            "names, whole numbers, + - * // were wanted",
            where,
            'a shape such as "n d", "h*k", "n+1" or "3"',
        ) from None
    for name in sorted(set().union(*(size.names for size in shape))):
        check_name(name, "a size", where)
    for size in shape:
        if size.constant is not None and size.constant < 0:
            raise DeriveError(f"shape {text!r}: the size {size} is negative", "a size of at least 0 was wanted", where)
        for quotient in supposed(size):
            raise DeriveError(
                f"shape {text!r}: {quotient} may be negative", "a quotient of at least 0 was wanted", where, '"h//2"'
            )
    return Declaration(shape, _read_kind(kind.strip(), 0 if leading else len(shape), text, where), leading)


def _read_kind(text: str, rank: int, whole: str, where: str) -> Kind:
    if not text:
        return FLOAT
    try:
        if text.startswith("="):
            return Kind("int", scalar=True, equals=read_size(text[1:]))
        if found := _RANGE.fullmatch(text):
            low, high, bracket, other = found.groups()
            closed = bracket == "]"
            besides = read_size(other) if other else None
            return Kind("int", read_size(low), read_size(high) + (1 if closed else 0), besides, scalar=closed)
    except SizeSyntaxError as error:
        raise DeriveError(f"shape {whole!r}: {error}", "a range of sizes was wanted", where, '": int[0,c)"') from None
    if text in KINDS:
        return Kind(text)
    if (found := _ALONG.fullmatch(text)) and int(found[2]) < rank:
        return Kind(found[1], axis=int(found[2]) if int(found[2]) < rank - 1 else -1)
    raise DeriveError(
        f"shape {whole!r}: the kind {text!r} is not known",
        f"one of {', '.join(KINDS)} was wanted",
        where,
        '"n d" for floats, "n d : bool" for a mask, "n : int[0,c)" for labels',
    )


def check_name(name: str, what: str, where: str = "") -> None:
    """DeriveError unless ``name`` can name an array or a size in generated code."""
    if not (isinstance(name, str) and name.isidentifier() and name.isascii()):
        raise DeriveError(
            f"{what} named {name!r}", "a Python identifier in ASCII was wanted", where, 'a name such as "X" or "W1"'
        )
    if keyword.iskeyword(name) or name in RESERVED:
        raise DeriveError(
            f"{what} named {name!r}",
            "that name is reserved in Python or in generated code",
            where,
            f'another name, such as "{name}_"',
        )


def write_shape(shape: Sequence[Size]) -> str:
    """``(n, d)``, as messages and comments show a shape."""
    inner = ", ".join(str(size) for size in shape)
    return f"({inner},)" if len(shape) == 1 else f"({inner})"


def not_empty(sizes: Iterable[Size]) -> tuple[str, ...]:
    """The conditions that none of some sizes is 0, where that is not plain to see; of a product, that no factor is."""
    found: dict[str, None] = {}
    for size in sizes:
        factors = [str(name) for name, _ in size.terms[0][0]] if len(size.terms) == 1 else [str(size)]
        found.update(dict.fromkeys(factors if not size.constant else ()))
    return tuple(f"{factor} > 0" for factor in found)


def write_declaration(shape: Shape, kind: Kind = FLOAT, leading: bool = False) -> str:
    """``n d``, or ``... d`` with leading axes, as a shape string shows it."""
    sizes = [str(size).replace(" ", "") for size in shape]
    text = " ".join([LEADING, *sizes[1:]] if leading else sizes)
    return text if kind == FLOAT else f"{text} : {kind}".strip()


def broadcast(shapes: Sequence[Shape]) -> Shape | None:
    """The shape that arrays of these shapes broadcast to, or None.

    Axes are aligned from the right; an axis is stretched only if its size is the literal 1.  A named size that might
    happen to be 1 is never stretched silently.
    """
    rank = max((len(shape) for shape in shapes), default=0)
    result: list[Size] = []
    for axis in range(rank):
        found = {shape[axis - rank + len(shape)] for shape in shapes if axis - rank + len(shape) >= 0}
        wide = found - {ONE}
        if len(wide) > 1:
            return None
        result.append(wide.pop() if wide else ONE)
    return tuple(result)


def match_sizes(pattern: Shape, actual: Shape, known: dict[str, Size]) -> str | None:
    """Extend ``known`` so that ``pattern`` becomes ``actual``; what is wrong, in words, if it cannot."""
    if len(pattern) != len(actual):
        return f"rank {len(actual)} came, rank {len(pattern)} was wanted"
    for wanted, got in zip(pattern, actual, strict=True):
        name = wanted.name
        if name is not None and name not in known:
            known[name] = got
            continue
        unknown = [text for text in wanted.names if text not in known]
        if len(unknown) == 1 and (factor := _factor(wanted, unknown[0], known)) is not None:
            if (found := got.over(factor)) is None:
                return f"size {got} came where {wanted} was wanted, {factor} times something"
            known[unknown[0]] = found
        if not wanted.names <= known.keys():
            continue  # decided once its names are known
        if wanted.at(known) != got:
            held = "" if wanted.constant is not None else f", {wanted} being {wanted.at(known)} elsewhere"
            return f"size {got} came where {wanted} was wanted{held}"
    return None


def _factor(size: Size, name: str, known: Mapping[str, Size]) -> Size | None:
    """By what a name is multiplied in ``h*k``, all other names being known; None where it is no such product."""
    factor = size.at({name: 1})
    product = not size.quotients and len(size.terms) == 1 and size == factor * Size.of(name)
    return factor.at(known) if product else None


def supposed(size: Size) -> tuple[Size, ...]:
    """What must be at least 0 for its quotients to be, and their divisors more, where that is not plain to see."""
    quotients = sorted(size.quotients)
    parts = [part for q in quotients for part in (*supposed(q.over), *supposed(q.by), q.by - 1, q.over)]
    return tuple(part for part in parts if not part.is_nonnegative())


def size_names(shapes: Iterable[Shape]) -> tuple[str, ...]:
    """The names in some shapes, in order of first appearance."""
    return tuple(dict.fromkeys(name for shape in shapes for size in shape for name in sorted(size.names)))


def concrete(shape: Shape, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape as numbers; every name must be given."""
    numbers = []
    for size in shape:
        value = size.at(sizes).constant
        if value is None:
            raise DeriveError(f"size {size} with {dict(sizes)}", "a number for every name was wanted")
        numbers.append(value)
    return tuple(numbers)


def reshape_groups(new: Shape, old: Shape) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The least groups of neighbouring axes, new and old, with the same number of entries."""
    groups = []
    i = j = 0
    while i < len(new) or j < len(old):
        start_i, start_j = i, j
        left, right = ONE, ONE
        while True:
            if (
                i < len(new)
                and (j == start_j or left != right)
                and (i == start_i or j == len(old) or _behind(left, right))
            ):
                left, i = left * new[i], i + 1
            elif j < len(old):
                right, j = right * old[j], j + 1
            elif i < len(new):
                left, i = left * new[i], i + 1
            if left == right or (i == len(new) and j == len(old)):
                break
        groups.append((tuple(range(start_i, i)), tuple(range(start_j, j))))
    return groups


def _behind(left: Size, right: Size) -> bool:
    return (right - left).is_nonnegative()
