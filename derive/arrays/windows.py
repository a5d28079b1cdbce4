"""Sliding windows: the views of an image that convolution and pooling are made of, and windows added up again.

Each operation has its five facts (operations.py).  Windows lie along some axes; place k of window o is entry
``stride*o + dilation*k`` of its axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from derive.arrays.array import Array, Entries, Operation, apply
from derive.arrays.build import axes_of, constant, describe, shaped, size_of
from derive.arrays.moves import Slice, at_least_zero
from derive.arrays.operations import Adjoints, Positions
from derive.arrays.shapes import Shape, supposed, write_shape
from derive.errors import DeriveError, callers_place
from derive.index.size import ONE, ZERO, Size
from derive.index.terms import Delta, Index, Position, Term, product, total

if TYPE_CHECKING:
    from derive.arrays.writing import Writer

Axes = tuple[int, ...]


IMPORT = "from numpy.lib.stride_tricks import sliding_window_view"


@dataclass(frozen=True)
class Windows(Operation):
    """The windows along some axes: ``positions`` of them in place of each axis, the places in a window at the end."""

    axes: Axes
    positions: Shape
    window: Shape
    stride: Shape
    dilation: Shape
    name = "windows"

    def shape(self, *operands: Array) -> Shape:
        """``(.., h, ..)`` becomes ``(.., positions, .., window)``."""
        along = dict(zip(self.axes, self.positions, strict=True))
        return (*[along.get(axis, size) for axis, size in enumerate(operands[0].shape)], *self.window)

    def kind(self, *operands: Array) -> str:
        """The operand's."""
        return operands[0].kind

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[o, k] = A[stride*o + dilation*k]``."""
        rank = operands[0].ndim
        return entries[0](*self.places(at[:rank], at[rank:]))

    def places(self, at: Positions, inside: Positions) -> Positions:
        """Where in the operand a place in a window is."""
        places = list(at)
        for k, axis in enumerate(self.axes):
            places[axis] = at[axis] * self.stride[k] + inside[k] * self.dilation[k]
        return tuple(places)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = windows of A  =>  dA = the windows of G added up where they lie"""
        (operand,) = operands
        extent = tuple(operand.shape[axis] for axis in self.axes)
        return (apply(Overlap(self.axes, extent, self.stride, self.dilation), grad),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The last window lies inside, where that is not plain to see."""
        (operand,) = node.operands
        extent = tuple(operand.shape[axis] for axis in self.axes)
        return _inside(extent, self.positions, self.window, self.stride, self.dilation)

    def lengths(self, node: Array) -> Shape:
        """The sizes that must not be 0."""
        (operand,) = node.operands
        return (*[operand.shape[axis] for axis in self.axes], *self.positions, *self.window)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``np.lib.stride_tricks.sliding_window_view(A, (kh, kw), axis=(2, 3))[:, :, ::s, ::s]``."""
        (operand,) = node.operands
        spans = tuple(_span(k, d) for k, d in zip(self.window, self.dilation, strict=True))
        window, axis = (write.numpy_shape(spans), self.axes) if len(spans) > 1 else (spans[0], self.axes[0])
        keys = [":"] * node.ndim
        for k, (axis_, span) in enumerate(zip(self.axes, spans, strict=True)):
            every = operand.shape[axis_] - span + 1
            keys[axis_] = write.numpy_slice(ZERO, self.positions[k], _step(self.stride[k]), every)
            keys[operand.ndim + k] = write.numpy_slice(ZERO, self.window[k], _step(self.dilation[k]), span)
        while keys and keys[-1] == ":":
            keys.pop()
        chosen = f"[{', '.join(keys)}]" if keys else ""
        home = "" if write.quick else "np.lib.stride_tricks."  # generated code imports it
        call = f"sliding_window_view({write(operand, 0)}, {window}, axis={axis})"
        return home + call + chosen, write.ATOM


@dataclass(frozen=True)
class Overlap(Operation):
    """Windows added up where they lie, each axis being ``extent`` long: the reverse of taking windows."""

    axes: Axes
    extent: Shape
    stride: Shape
    dilation: Shape
    name = "overlap"

    def shape(self, *operands: Array) -> Shape:
        """``(.., positions, .., window)`` becomes ``(.., extent, ..)``."""
        along = dict(zip(self.axes, self.extent, strict=True))
        kept = operands[0].shape[: operands[0].ndim - len(self.axes)]
        return tuple(along.get(axis, size) for axis, size in enumerate(kept))

    def _windows(self, operand: Array) -> tuple[Shape, Shape]:
        return tuple(operand.shape[axis] for axis in self.axes), operand.shape[operand.ndim - len(self.axes) :]

    def meaning(self, at: Positions, operands: tuple[Array, ...], *entries: Entries) -> Term:
        """``Y[p] = sum_o sum_k A[o, k] [p = stride*o + dilation*k]``."""
        places: list[Position | Index] = list(at)
        inside: list[Index] = []
        bound: list[Index] = []
        links: list[Term] = []
        for k, (axis, positions, window) in enumerate(zip(self.axes, *self._windows(operands[0]), strict=True)):
            o, j = Index(positions), Index(window)
            here = Position.of(o) * self.stride[k] + Position.of(j) * self.dilation[k]
            links.append(Delta(at[axis], here))
            places[axis] = o
            inside.append(j)
            bound += [o, j]
        return total(product([entries[0](*places, *inside), *links]), *bound)

    def pullback(self, result: Array, grad: Array, *operands: Array) -> Adjoints:
        """Y = windows A added up where they lie  =>  dA = the windows of G"""
        positions, window = self._windows(operands[0])
        return (apply(Windows(self.axes, positions, window, self.stride, self.dilation), grad),)

    def assumes(self, node: Array) -> tuple[str, ...]:
        """The last window lies inside, where that is not plain to see."""
        return _inside(self.extent, *self._windows(node.operands[0]), self.stride, self.dilation)

    def lengths(self, node: Array) -> Shape:
        """The sizes that must not be 0."""
        positions, window = self._windows(node.operands[0])
        return (*self.extent, *positions, *window)

    def numpy(self, write: Writer, node: Array) -> tuple[str, int]:
        """``overlap(A, axes=(2, 3), extent=(h, w), stride=(1, 1), dilation=(1, 1))``."""
        steps = {"extent": self.extent, "stride": self.stride, "dilation": self.dilation}
        told = ", ".join(f"{key}={write.numpy_shape(sizes)}" for key, sizes in steps.items())
        return f"overlap({write(node.operands[0], 0)}, axes={self.axes}, {told})", write.ATOM


BOXES = '''def boxes(rank, axes, positions, window, stride, dilation):
    """For every place in a window its slices in an array: entry stride*o + dilation*k of an axis for all windows o."""
    for place in np.ndindex(*window):
        box = [slice(None)] * rank
        for axis, count, k, s, d in zip(axes, positions, place, stride, dilation):
            box[axis] = slice(d * k, d * k + s * count, s)
        yield place, tuple(box)
'''

OVERLAP = '''def overlap(windows, axes, extent, stride, dilation):
    """Windows added up where they lie: place k of window o is entry stride*o + dilation*k of its axis."""
    rank = windows.ndim - len(axes)
    shape, positions = list(windows.shape[:rank]), [windows.shape[axis] for axis in axes]
    for axis, size in zip(axes, extent):
        shape[axis] = size
    result = np.zeros(shape, windows.dtype)
    for place, box in boxes(rank, axes, positions, windows.shape[rank:], stride, dilation):
        result[box] += windows[(..., *place)]
    return result
'''


def _span(window: Size, dilation: Size) -> Size:
    """From the first place of a window to the last."""
    return dilation * (window - 1) + 1


def _step(step: Size) -> Size | int:
    return step if step.constant is None else step.constant


def _inside(extent: Shape, positions: Shape, window: Shape, stride: Shape, dilation: Shape) -> tuple[str, ...]:
    """The conditions that the last windows lie inside, and that there are windows."""
    wanted: list[Size] = []
    for size, o, k, s, d in zip(extent, positions, window, stride, dilation, strict=True):
        wanted += [*supposed(o), size - _span(k, d), size - s * (o - 1) - _span(k, d)]
    return at_least_zero(wanted)


# ---- writing


def sliding_window_view(
    array: Any, window_shape: Any, axis: Any = None, subok: bool = False, writeable: bool = False
) -> Array:
    """``np.lib.stride_tricks.sliding_window_view``: windows next to each other; DeriveError where they do not fit."""
    array = constant(array)
    window = tuple(map(size_of, window_shape if isinstance(window_shape, tuple | list) else (window_shape,)))
    given = tuple(range(array.ndim)) if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
    axes = tuple(axes_of(array, k)[0] for k in given)
    if len(axes) != len(window) or len(set(axes)) != len(axes):
        raise DeriveError(
            f"sliding_window_view: windows {write_shape(window)} along the axes {axes} of {shaped(array)}",
            "one size an axis, each axis once",
            callers_place(),
            "axis=(2, 3) for windows over the last two of four axes",
        )
    sizes = tuple(array.shape[k] for k in axes)
    for size, k in zip(sizes, window, strict=True):
        if (k - size - 1).is_nonnegative() or (-k).is_nonnegative():
            raise DeriveError(
                f"sliding_window_view: {describe(array)} but the windows are {write_shape(window)}",
                f"a window from 1 to {size} long",
                callers_place(),
                "np.pad before it, or a smaller window",
            )
    positions = tuple(size - k + 1 for size, k in zip(sizes, window, strict=True))
    ones = (ONE,) * len(axes)
    return apply(Windows(axes, positions, window, ones, ones), array)


def stepped(array: Array) -> Array | None:
    """Every s-th window, and every d-th place in it: windows with stride s and dilation d; None for anything else."""
    if not (isinstance(array.op, Slice) and isinstance(array.operands[0].op, Windows)):
        return None
    (windows,) = array.operands
    (image,) = windows.operands
    op = windows.op
    assert isinstance(op, Windows)
    steps = [Size.of(step) for step in array.op.stride]
    others = [k for k in range(image.ndim) if k not in op.axes]
    whole = all(array.shape[k] == windows.shape[k] and steps[k] == 1 for k in others)
    if not whole or any(begin.terms for begin in array.op.begin) or any(step == -1 for step in steps):
        return None
    stride = tuple(s * steps[k] for k, s in zip(op.axes, op.stride, strict=True))
    dilation = tuple(d * step for d, step in zip(op.dilation, steps[image.ndim :], strict=True))
    positions = tuple(array.shape[k] for k in op.axes)
    return apply(Windows(op.axes, positions, array.shape[image.ndim :], stride, dilation), image)


def overlap(windows: Any, axes: Any, extent: Any, stride: Any, dilation: Any) -> Any:
    """Windows added up where they lie: what the helper ``overlap`` of generated code stands for, and it, for arrays."""
    if not isinstance(windows, Array):
        from derive.arrays.helpers import on_arrays

        return on_arrays("overlap")(windows, axes, extent, stride, dilation)
    extent, stride, dilation = (tuple(map(size_of, sizes)) for sizes in (extent, stride, dilation))
    return apply(Overlap(tuple(axes), extent, stride, dilation), windows)
