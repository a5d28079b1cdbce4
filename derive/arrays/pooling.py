"""The largest entry of every window, and what belongs to it; each operation with its five facts (operations.py).

Windows are those of windows.py.  Of several entries alike each has an equal share to the proof, the first one has all
of it in code: away from ties the two are the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.arrays import build
from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.build import size_of
from derive.arrays.functions import step
from derive.arrays.operations import Adjoints, Positions, Sum
from derive.arrays.shapes import Shape
from derive.arrays.windows import Axes, Windows, stepped
from derive.errors import DeriveError
from derive.index.terms import Delta, Index, Position, Term, product, total

if TYPE_CHECKING:
    from derive.arrays.latex_entries import Entries as Entrywise
    from derive.arrays.writing import Writer


@dataclass(frozen=True)
class _OfLargest(Operation):
    """What has to do with the largest entries of the windows of its last operand."""

    axes: Axes
    positions: Shape
    window: Shape
    stride: Shape
    dilation: Shape

    @property
    def windows(self) -> Windows:
        """The windows."""
        return Windows(self.axes, self.positions, self.window, self.stride, self.dilation)

    def of(self, kind: type[_OfLargest]) -> _OfLargest:
        """Another operation with the same windows."""
        return kind(self.axes, self.positions, self.window, self.stride, self.dilation)

    def found(self, image: Array) -> Array:
        """The largest entries."""
        return apply(self.of(WindowMax), image)

    def places(self, at: Positions, inside: Sequence[Index]) -> Positions:
        """Where in the image a place of a window is."""
        return self.windows.places(at, tuple([Position.of(k) for k in inside]))

    def share(self, image: Entries, at: Positions, inside: Sequence[Index]) -> Term:
        """1 where no entry of the window exceeds this one, else 0; of several alike each gets an equal share."""

        def unbeaten(here: Sequence[Index]) -> Term:
            others = self.run()
            ahead = image(*self.places(at, others)) - image(*self.places(at, here))
            return 1 - step(total(step(ahead), *others))

        others = self.run()
        return unbeaten(inside) / total(unbeaten(others), *others)

    def run(self) -> list[Index]:
        """Indices that run over a window."""
        return [Index(size) for size in self.window]

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The last windows lie inside; no ties."""
        image, inside = node.operands[-1], self.domain(node)
        return (*inside, f"each window of {image} has one largest entry") if image.names() else inside

    def domain(self, node: Array) -> tuple[str, ...]:
        """The last windows lie inside."""
        return self.windows.assumes(apply(self.windows, node.operands[-1]))

    def lengths(self, node: Array) -> Shape:
        """The sizes that must not be 0."""
        return self.windows.lengths(apply(self.windows, node.operands[-1]))

    def hints(self, node: Array) -> tuple[Array, ...]:
        """The largest entries."""
        return (self.found(node.operands[-1]),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``to_largest(A, B, axes=(2, 3), window=(3, 3), stride=(1, 1), dilation=(1, 1))``: a helper has its name.

        With the largest entries, if they have a name.
        """
        steps = {"positions": self.positions, "window": self.window, "stride": self.stride, "dilation": self.dilation}
        told = [write(operand, 0) for operand in node.operands]
        told += [f"axes={self.axes}", *(f"{key}={write.numpy_shape(sizes)}" for key, sizes in steps.items())]
        known = write.names.get(self.found(node.operands[-1]))
        return f"{self.name}({', '.join([*told, f'largest={known}'] if known else told)})", write.ATOM


@dataclass(frozen=True)
class WindowMax(_OfLargest):
    """The largest entry of every window."""

    name = "window_max"

    def shape(self, *operands: Array) -> Shape:
        """``(.., h, ..)`` becomes ``(.., positions, ..)``."""
        return self.windows.shape(*operands)[: operands[0].ndim]

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[o] = sum_k A[stride*o + dilation*k] [no entry of window o exceeds it]``."""
        inside = self.run()
        return total(entries[0](*self.places(at, inside)) * self.share(entries[0], at, inside), *inside)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = largest of each window of A  =>  dA = G put where each window of A is the largest, added up"""
        return (apply(self.of(ToLargest), grad, operands[0]),)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``sliding_window_view(A, ..).max(axis=(4, 5))``; in generated code ``over_windows(np.maximum, A, ..)``."""
        (image,) = node.operands
        if write.quick:
            return over_windows_text(write, "maximum", apply(self.windows, image)), write.ATOM
        axes = tuple(range(image.ndim, image.ndim + len(self.axes)))
        return f"{write(apply(self.windows, image), write.ATOM)}.max(axis={axes})", write.ATOM

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``max_{i,j} A_{n,2y+i,2x+j}``."""
        inside = self.run()
        return write.over("max", inside, node.operands[0], self.places(at, inside))


@dataclass(frozen=True)
class ToLargest(_OfLargest):
    """Entries, one for each window of an image, put where the window is the largest, and added up."""

    name = "to_largest"

    def shape(self, *operands: Array) -> Shape:
        """The image's."""
        return operands[1].shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[p] = sum_o sum_k A[o] [no entry of window o exceeds its k-th] [p = stride*o + dilation*k]``."""
        windows, inside, here, there = self._each(at)
        links = [Delta(at[axis], there[axis]) for axis in self.axes]
        return total(product([entries[0](*here), self.share(entries[1], here, inside), *links]), *windows, *inside)

    def _each(self, at: Positions) -> tuple[list[Index], list[Index], Positions, Positions]:
        """Indices over windows and inside each; the place of a window beside ``at``, and a place of the image in it."""
        windows, inside = [Index(size) for size in self.positions], self.run()
        along = dict(zip(self.axes, map(Position.of, windows), strict=True))
        here = tuple([along.get(axis, place) for axis, place in enumerate(at)])
        return windows, inside, here, self.places(here, inside)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = entries A put where each window of B is the largest  =>  dA = G where that is"""
        return apply(self.of(AtLargest), grad, operands[1]), None

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``sum over y, i with 2y + i = p of A_y [B_p = max_j B_{2y+j}]``."""
        entries, image = node.operands
        windows, inside, here, there = self._each(at)
        with write.bound([*windows, *inside]):
            links = [f"{write.place(there[axis])} = {write.place(at[axis])}" for axis in self.axes]
            mask = f"{write.text(image, at)[0]} = {write.text(self.found(image), here)[0]}"
            body = rf"{write(entries, here, write.TIMES)} \, \left[{mask}\right]"
            return write.sum_sign([*windows, *inside], links, body)


@dataclass(frozen=True)
class AtLargest(_OfLargest):
    """The entry of an array where each window of an image is the largest."""

    name = "at_largest"

    def shape(self, *operands: Array) -> Shape:
        """``(.., h, ..)`` becomes ``(.., positions, ..)``."""
        return self.found(operands[1]).shape

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[o] = sum_k A[stride*o + dilation*k] [no entry of window o of B exceeds its k-th]``."""
        inside = self.run()
        return total(entries[0](*self.places(at, inside)) * self.share(entries[1], at, inside), *inside)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = A where each window of B is the largest  =>  dA = G put there, added up"""
        return apply(self.of(ToLargest), grad, operands[1]), None

    def entry(self, write: Entrywise, node: Array, at: Positions) -> tuple[str, int]:
        """``sum_i A_{2y+i} [B_{2y+i} = max_j B_{2y+j}]``."""
        entries, image = node.operands
        inside = self.run()
        with write.bound(inside):
            there = self.places(at, inside)
            mask = f"{write.text(image, there)[0]} = {write.text(self.found(image), at)[0]}"
            return write.sum_sign(inside, [], rf"{write(entries, there, write.TIMES)} \, \left[{mask}\right]")


# ---- in code


OVER_WINDOWS = '''def over_windows(function, array, axes, positions, window, stride, dilation):
    """np.add or np.maximum over the places of every window, of which there are ``positions`` along each axis."""
    result = None
    for _, box in boxes(array.ndim, axes, positions, window, stride, dilation):
        result = array[box].copy() if result is None else function(result, array[box], out=result)
    return result
'''

TO_LARGEST = '''def to_largest(entries, array, axes, positions, window, stride, dilation, largest=None):
    """The entry for each window put where the window of the array first is the largest, and added up."""
    if largest is None:
        largest = over_windows(np.maximum, array, axes, positions, window, stride, dilation)
    result = np.zeros(array.shape, entries.dtype)
    left = np.ones(largest.shape, bool)
    for _, box in boxes(array.ndim, axes, positions, window, stride, dilation):
        here = (array[box] == largest) & left
        result[box] += entries * here
        left ^= here
    return result
'''

AT_LARGEST = '''def at_largest(entries, array, axes, positions, window, stride, dilation, largest=None):
    """The entry where each window of the array first is the largest."""
    if largest is None:
        largest = over_windows(np.maximum, array, axes, positions, window, stride, dilation)
    result = np.zeros(largest.shape, entries.dtype)
    left = np.ones(largest.shape, bool)
    for _, box in boxes(array.ndim, axes, positions, window, stride, dilation):
        here = (array[box] == largest) & left
        result += entries[box] * here
        left ^= here
    return result
'''


def over_windows_text(write: Writer, function: str, windows: Array) -> str:
    """``over_windows(np.add, A, ..)`` for the windows of A: many times faster than over the axes of a view."""
    op = windows.op
    assert isinstance(op, Windows)
    steps = {"positions": op.positions, "window": op.window, "stride": op.stride, "dilation": op.dilation}
    told = ", ".join(f"{key}={write.numpy_shape(sizes)}" for key, sizes in steps.items())
    return f"over_windows(np.{function}, {write(windows.operands[0], 0)}, axes={op.axes}, {told})"


def window_sum_text(write: Writer, node: Array) -> tuple[str, int] | None:
    """A sum over the places of windows, in generated code; None for any other."""
    (windows,) = node.operands
    assert isinstance(node.op, Sum)
    if not write.quick or windows in write.names or not isinstance(windows.op, Windows):
        return None
    places = tuple(range(windows.operands[0].ndim, windows.ndim))
    return (over_windows_text(write, "add", windows), write.ATOM) if node.op.axes == places else None


def over_windows(
    function: Any, array: Array, axes: Any, positions: Any, window: Any, stride: Any, dilation: Any
) -> Array:
    """What the helper ``over_windows`` of generated code stands for."""
    sizes = [tuple(map(size_of, given)) for given in (positions, window, stride, dilation)]
    title = getattr(function, "__name__", "")
    if title not in ("add", "maximum"):
        raise DeriveError(f"over_windows of {function!r}", "np.add or np.maximum was wanted")
    windows = apply(Windows(tuple(axes), *sizes), array)
    along = tuple(range(array.ndim, windows.ndim))
    found = build.sum(windows, along) if title == "add" else window_max(windows, along)
    assert found is not None
    return found


def window_max(array: Array, axes: tuple[int, ...]) -> Array | None:
    """The largest entry of each of some windows; None where the axes are not those of windows."""
    merged = stepped(array)
    windows = array if merged is None else merged
    if not isinstance(windows.op, Windows) or axes != tuple(range(windows.operands[0].ndim, windows.ndim)):
        return None
    op = windows.op
    return apply(WindowMax(op.axes, op.positions, op.window, op.stride, op.dilation), *windows.operands)


def to_largest(entries: Array, array: Array, axes: Any, *steps: Any, **named: Any) -> Array:
    """What the helper ``to_largest`` of generated code stands for."""
    return _of_largest(ToLargest, entries, array, axes, *steps, **named)


def at_largest(entries: Array, array: Array, axes: Any, *steps: Any, **named: Any) -> Array:
    """What the helper ``at_largest`` of generated code stands for."""
    return _of_largest(AtLargest, entries, array, axes, *steps, **named)


def _of_largest(
    kind: type[_OfLargest],
    entries: Array,
    array: Array,
    axes: Any,
    positions: Any,
    window: Any,
    stride: Any,
    dilation: Any,
    largest: Array | None = None,
) -> Array:
    """DeriveError for largest entries that are not those of the array."""
    op = kind(tuple(axes), *[tuple(map(size_of, given)) for given in (positions, window, stride, dilation)])
    if largest is not None and largest is not op.found(array):
        raise DeriveError(f"{op.name}: largest={largest}", f"{op.found(array)} was wanted")
    return apply(op, entries, array)
