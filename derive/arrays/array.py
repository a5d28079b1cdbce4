"""Expressions over named arrays with symbolic shapes, at any rank.

An ``Array`` is an operation applied to arrays; it is immutable, and equal expressions are one object, so that ``is``
compares them and shared parts are shared.  Arrays are written as NumPy's are: ``X @ W + b``, ``A.T``, ``np.exp(A)``,
``A.sum(axis=0)``, ``A[:, None]``; the shapes are checked as the expression is written (build.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from functools import cache, partial
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from derive.arrays.axis import axis_size
from derive.arrays.dtype import DTYPES, check_dtype
from derive.arrays.shapes import Shape
from derive.errors import DeriveError, callers_place
from derive.index.size import Size
from derive.index.terms import Position, Term

if TYPE_CHECKING:
    from derive.arrays.latex import Latex
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer

Entries = Callable[..., Term]  # the entry formula of an operand: positions -> term; see entries.py


class Operation(ABC):
    """An operation on arrays: five facts side by side.

    1. ``shape``: the shape of the result, from the operands (the operands have been checked by build.py);
    2. ``meaning``: the entry formula, in index terms;
    3. ``pullback``: the adjoint of the result -> the adjoints of the operands (None for an operand without one);
    4. ``numpy``: its NumPy spelling;
    5. ``math``: its LaTeX spelling, if it has one without indices, and ``entry``, that of an entry, where the meaning
       does not spell it well.
    """

    name: str
    source: str = ""  # where the pullback is published
    moves: bool = False  # each entry of the result is an entry of an operand

    @abstractmethod
    def shape(self, *operands: Array) -> Shape:
        """The shape of the result."""

    @abstractmethod
    def meaning(self, at: tuple[Position, ...], operands: tuple[Array, ...], *entries: Entries) -> Term:
        """The entry of the result at a position."""

    @abstractmethod
    def pullback(self, result: Array, grad: Array, *operands: Array) -> tuple[Array | None, ...]:
        """The adjoints of the operands, from the adjoint of the result."""

    @abstractmethod
    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """NumPy text and its precedence."""

    def math(self, write: Latex, node: Array) -> tuple[str, int]:
        """LaTeX text and its precedence: with indices, if there is no notation without."""
        return write.entries(node)

    def entry(self, write: Entrywise, node: Array, at: tuple[Position, ...]) -> tuple[str, int]:
        """LaTeX text of the entry at a position, and its precedence: by the meaning, if there is no better spelling."""
        return write.by_meaning(node, at)

    def kind(self, *operands: Array) -> str:
        """``float``, ``int`` or ``bool``."""
        return "float"

    def assumes(self, node: Array) -> tuple[str, ...]:
        """Side conditions under which the pullback holds, in words."""
        return ()

    def domain(self, node: Array) -> tuple[str, ...]:
        """Side conditions under which the result itself is defined: fewer, where there are kinks."""
        return self.assumes(node)

    def unfold(self, node: Array) -> Array | None:
        """What a defined operation stands for, or None for the operations of the language itself."""
        return None

    def chosen(self, at: tuple[Position, ...], operands: tuple[Array, ...], *entries: Entries) -> Term:
        """Of whole numbers: 1 where the entry is the last position, else 0."""
        if not self.moves:
            raise DeriveError(f"{self.name} as a place", "declared whole numbers were wanted", callers_place())
        return self.meaning(at[:-1], operands, *entries)

    def hints(self, node: Array) -> tuple[Array, ...]:
        """Results with which the code of the node runs faster, where they are at hand."""
        return ()

    @property
    def rule(self) -> str:
        """The statement of the pullback, from its docstring."""
        return " ".join((self.pullback.__doc__ or "").split())

    def resized(self, sizes: Mapping[str, Size]) -> Operation:
        """The operation with its sizes replaced."""
        changed = {
            f.name: resize(old, sizes) for f in parameters_of(type(self)) if (old := getattr(self, f.name)) is not None
        }
        changed = {name: new for name, new in changed.items() if new is not getattr(self, name)}
        return replace(self, **changed) if changed else self  # type: ignore[type-var]  # every operation is a dataclass


@cache
def parameters_of(kind: type[Any]) -> tuple[Any, ...]:
    """The fields of a kind of operation."""
    return fields(kind)


def resize(value: Any, sizes: Mapping[str, Size]) -> Any:
    """Sizes replaced inside a parameter of an operation."""
    if isinstance(value, Size):
        return value.at(sizes)
    if isinstance(value, tuple):
        new = tuple(resize(item, sizes) for item in value)
        return value if all(a is b for a, b in zip(new, value, strict=True)) else new
    return value


def outranked(*operands: Any) -> bool:
    """True where an operand wants to be asked first, as NumPy's ``__array_priority__`` says it."""
    return any(getattr(operand, "__array_priority__", 0) > Array.__array_priority__ for operand in operands)


_known: WeakValueDictionary[tuple[Operation, tuple[int, ...]], Array] = WeakValueDictionary()


def apply(op: Operation, *operands: Array) -> Array:
    """The operation applied to operands: always the same object for the same operation and operands."""
    key = (op, tuple([id(operand) for operand in operands]))
    known = _known.get(key)
    if known is None:
        known = Array(op, operands)
        _known[key] = known
    return known


class Array:
    """An expression: an operation applied to operands, with its symbolic shape.  Made by ``apply`` only."""

    __slots__ = ("__weakref__", "kind", "op", "operands", "shape")
    __array_priority__ = 1000.0

    op: Operation
    operands: tuple[Array, ...]
    shape: Shape
    kind: str

    def __init__(self, op: Operation, operands: tuple[Array, ...]) -> None:
        object.__setattr__(self, "op", op)
        object.__setattr__(self, "operands", operands)
        object.__setattr__(self, "shape", tuple([axis_size(size) for size in op.shape(*operands)]))
        object.__setattr__(self, "kind", op.kind(*operands))

    def __setattr__(self, name: str, value: object) -> None:
        raise DeriveError(f"{name!r} of a symbolic array was set", "symbolic arrays do not change")

    def __hash__(self) -> int:
        return id(self)

    @property
    def ndim(self) -> int:
        """The rank: how many axes."""
        return len(self.shape)

    def __str__(self) -> str:
        from derive.arrays.writing import numpy_text

        return numpy_text(self)

    def __repr__(self) -> str:
        from derive.arrays.shapes import write_shape

        return f"<{self}  {write_shape(self.shape)}>"

    def _repr_latex_(self) -> str:
        from derive.arrays.latex import math_text

        return f"$\\displaystyle {math_text(self)}$"

    def walk(self) -> Iterator[Array]:
        """Every part of the expression once, operands before what uses them."""
        seen: set[int] = set()
        stack: list[tuple[Array, bool]] = [(self, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                yield node
            elif id(node) not in seen:
                seen.add(id(node))
                stack.append((node, True))
                stack += [(operand, False) for operand in reversed(node.operands)]

    def names(self) -> tuple[str, ...]:
        """The names of the arrays that occur, in order of first appearance."""
        return tuple(dict.fromkeys(node.op.label for node in self.walk() if isinstance(node.op, named.Named)))

    # ---- written as NumPy's arrays are; see build.py

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if outranked(*inputs):
            return NotImplemented
        return protocol.ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, inputs: Any, options: Any) -> Any:
        if outranked(*types):
            return NotImplemented
        return protocol.array_function(function, inputs, options)

    def __add__(self, other: Any) -> Array:
        return build.elementwise("add", self, other)

    def __radd__(self, other: Any) -> Array:
        return build.elementwise("add", other, self)

    def __sub__(self, other: Any) -> Array:
        return build.elementwise("subtract", self, other)

    def __rsub__(self, other: Any) -> Array:
        return build.elementwise("subtract", other, self)

    def __mul__(self, other: Any) -> Array:
        return build.elementwise("multiply", self, other)

    def __rmul__(self, other: Any) -> Array:
        return build.elementwise("multiply", other, self)

    def __truediv__(self, other: Any) -> Array:
        return build.elementwise("divide", self, other)

    def __rtruediv__(self, other: Any) -> Array:
        return build.elementwise("divide", other, self)

    def __neg__(self) -> Array:
        return build.elementwise("negative", self)

    def __pos__(self) -> Array:
        return self

    def __abs__(self) -> Array:
        return build.elementwise("abs", self)

    def __invert__(self) -> Array:
        return build.elementwise("logical_not", self)

    def __pow__(self, exponent: Any) -> Array:
        return build.power(self, exponent)

    def __rpow__(self, base: Any) -> Array:
        return build.power(base, self)

    def __matmul__(self, other: Any) -> Array:
        return products.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Array:
        return products.matmul(other, self)

    def __gt__(self, other: Any) -> Array:
        return build.elementwise("greater", self, other)

    def __lt__(self, other: Any) -> Array:
        return build.elementwise("less", self, other)

    def __ge__(self, other: Any) -> Array:
        return build.elementwise("greater_equal", self, other)

    def __le__(self, other: Any) -> Array:
        return build.elementwise("less_equal", self, other)

    def __eq__(self, other: Any) -> Any:
        return True if other is self else build.elementwise("equal", self, other)

    def __ne__(self, other: Any) -> Any:
        return False if other is self else build.elementwise("not_equal", self, other)

    def __getitem__(self, key: Any) -> Array:
        return indexing.index(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise DeriveError(
            "an entry of a symbolic array was set",
            "forward formulas do not change arrays in place",
            callers_place(),
            "np.where or np.pad in place of the assignment",
        )

    def _in_place(self, other: Any) -> Any:
        raise DeriveError(
            f"{self} was changed in place",
            "forward formulas do not change arrays: another name for the same array would change with it",
            callers_place(),
            "Z = Z + 1 in place of Z += 1",
        )

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ipow__ = __imatmul__ = _in_place

    def __bool__(self) -> bool:
        raise DeriveError(
            f"the truth value of the symbolic array {self} was asked for",
            "a formula whose source does not branch on values",
            callers_place(),
            "np.where(condition, a, b) or np.maximum in place of if, and, or, max()",
        )

    def _number(self, what: str) -> Any:
        raise DeriveError(
            f"{what} of the symbolic array {self} was asked for",
            "a formula that keeps arrays symbolic",
            callers_place(),
            "NumPy operations on whole arrays",
        )

    def __float__(self) -> float:
        return float(self._number("float()"))

    def __int__(self) -> int:
        return int(self._number("int()"))

    def __index__(self) -> int:
        return int(self._number("an index"))

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("len() of an array of rank 0")
        constant = self.shape[0].constant
        return constant if constant is not None else int(self._number("len()"))

    def __iter__(self) -> Iterator[Array]:
        return iter([self[k] for k in range(len(self))])

    @property
    def T(self) -> Array:
        """The array with its axes reversed."""
        return self.transpose()

    @property
    def dtype(self) -> Any:
        """To the proof numbers are real: a dtype changes nothing."""
        return DTYPES[self.kind]

    @property
    def size(self) -> Any:
        """The number of entries."""
        return build.count(self.shape)

    def transpose(self, *axes: Any) -> Array:
        """The array with its axes in another order."""
        return build.transpose(self, axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None)

    def swapaxes(self, first: int, second: int) -> Array:
        """The array with two axes exchanged."""
        return build.swapaxes(self, first, second)

    def reshape(self, *shape: Any) -> Array:
        """The same entries, row by row, in another shape."""
        return build.reshape(self, shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape)

    def sum(self, axis: Any = None, keepdims: bool = False, dtype: Any = None) -> Array:
        """The sum over some axes, by default all."""
        check_dtype(dtype)
        return build.sum(self, axis, keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Array:
        """The mean over some axes, by default all."""
        return build.mean(self, axis, keepdims)

    def copy(self) -> Array:
        """Itself: symbolic arrays do not change."""
        return self

    def astype(self, dtype: Any, copy: bool = True) -> Array:
        """Itself, for a dtype of floats: to the proof numbers are real.  DeriveError for any other, which rounds."""
        check_dtype(dtype)
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in protocol.METHODS:
            return partial(protocol.METHODS[name], self)
        raise DeriveError(
            f".{name} of a symbolic array",
            "the language has .T .shape .ndim .size .sum .mean .reshape .transpose .swapaxes .copy .astype ."
            + " .".join(protocol.METHODS),
            callers_place(),
            "writing it with these and NumPy functions",
        )


from derive.arrays import build, indexing, named, products, protocol  # noqa: E402  # arrays are written with operators, which build.py checks
