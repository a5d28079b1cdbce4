"""Writing products: ``@``, ``np.dot``, ``np.einsum``, ``np.outer``, ``np.trace``, with their shape checks."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters
from typing import Any

from derive.arrays.array import Array, apply, outranked
from derive.arrays.build import axes_of, constant, describe, elementwise, no_masks, spread
from derive.arrays.named import label
from derive.arrays.operations import Einsum, Matmul
from derive.arrays.shapes import broadcast
from derive.errors import DeriveError, callers_place
from derive.index.size import Size


def matmul(left: Any, right: Any) -> Array:
    """``left @ right`` with NumPy's rules for vectors and leading axes; DeriveError if inner sizes differ."""
    if outranked(left, right):
        return NotImplemented  # type: ignore[no-any-return]  # as operators do
    left, right = constant(left), constant(right)
    if not left.shape or not right.shape:
        scalar = right if left.shape else left
        raise DeriveError(
            f"matmul: {describe(scalar)}, a scalar", "arrays of rank 1 or more", callers_place(), "* in place of @"
        )
    no_masks("matmul", [left, right])
    inner = right.shape[-2] if right.ndim > 1 else right.shape[0]
    if left.shape[-1] != inner:
        flipped = right.ndim == 2 and right.shape[1] == left.shape[-1]
        last = right.shape[-2:-1] if flipped else right.shape[-1:] if right.ndim > 1 else ()
        wanted = " ".join(map(str, (*right.shape[:-2], left.shape[-1], *last)))
        name = label(right) or "the right operand"
        raise DeriveError(
            f"matmul: {describe(left)} but {describe(right)}",
            f"the inner sizes {left.shape[-1]} and {inner} differ",
            callers_place(),
            f'{name}.T, or declare {name} as "{wanted}"' if flipped else f'declaring {name} as "{wanted}"',
        )
    if left.ndim == 1 or right.ndim == 1:
        letters = "abcdefghijkl"
        leading = letters[: max(left.ndim, right.ndim) - 2] if max(left.ndim, right.ndim) > 2 else ""
        first = "k" if left.ndim == 1 else leading + "ik"
        second = "k" if right.ndim == 1 else leading + "kj"
        return contract(
            [(first, left), (second, right)], leading + first[-2:-1].replace("k", "") + second[len(leading) + 1 :]
        )
    leading_shape = broadcast([left.shape[:-2], right.shape[:-2]])
    if leading_shape is None:
        raise DeriveError(
            f"matmul: {describe(left)} but {describe(right)}",
            "the leading axes must agree",
            callers_place(),
            "a reshape, or None in an index to add an axis",
        )
    return apply(
        Matmul(), spread(left, leading_shape + left.shape[-2:]), spread(right, leading_shape + right.shape[-2:])
    )


def dot(left: Any, right: Any) -> Array:
    """``np.dot``: a product of matrices and vectors, or by a scalar."""
    left, right = constant(left), constant(right)
    if not left.shape or not right.shape:
        return elementwise("multiply", left, right)
    if right.ndim > 2:
        raise DeriveError(f"dot: {describe(right)}", "rank 1 or 2 was wanted", callers_place(), "@ or np.einsum")
    return matmul(left, right)


def contract(terms: Sequence[tuple[str, Array]], output: str) -> Array:
    """The contraction of labelled arrays; labels that occur nowhere in a term of their own are left to the caller."""
    return apply(Einsum(tuple(letters for letters, _ in terms), output), *[array for _, array in terms])


def einsum(spec: Any, *operands: Any, optimize: Any = None) -> Array:
    """``np.einsum`` with explicit or implicit output; DeriveError for a label with two sizes."""
    arrays = [constant(operand) for operand in operands]
    no_masks("einsum", arrays)
    if not isinstance(spec, str) or not set(spec.replace("...", "")) <= {*ascii_letters, *",-> "}:
        raise DeriveError(f"einsum: subscripts {spec!r}", 'letters such as "ij,jk->ik" were wanted', callers_place())
    left, arrow, output = spec.replace(" ", "").partition("->")
    if not arrow:
        output = "..." * ("..." in left) + "".join(sorted(c for c in set(left) - {*",."} if left.count(c) == 1))
    inputs, output = _without_dots(left.split(","), output, arrays)
    if len(inputs) != len(arrays) or any(len(t) != a.ndim for t, a in zip(inputs, arrays, strict=False)):
        raise DeriveError(
            f"einsum {spec[:60]!r}: " + ", ".join(describe(a) for a in arrays[:4]),
            "one letter an axis",
            callers_place(),
            'subscripts such as "ij,jk->ik"',
        )
    sizes: dict[str, Size] = {}
    for letters, array in zip(inputs, arrays, strict=True):
        for letter, size in zip(letters, array.shape, strict=True):
            if sizes.setdefault(letter, size) != size:
                raise DeriveError(
                    f"einsum {spec!r}: {letter} is {sizes[letter]} and {size}",
                    "one size a letter",
                    callers_place(),
                    "another letter, or a transpose",
                )
    if not set(output) <= sizes.keys() or len(set(output)) != len(output):
        raise DeriveError(
            f"einsum {spec!r}: the output {output!r}",
            "letters of the inputs, each once",
            callers_place(),
            'an output such as "->ik"',
        )
    return contract(list(zip(inputs, arrays, strict=True)), output)


def _without_dots(inputs: list[str], output: str, arrays: Sequence[Array]) -> tuple[list[str], str]:
    """The subscripts with letters for ``...``: as many as an array has more axes, aligned from the right."""
    free = [c for c in ascii_letters if c not in "".join([*inputs, output])]
    more = [array.ndim - len(t) + 3 if "..." in t else 0 for t, array in zip(inputs, arrays, strict=False)]
    letters = "".join(free[: max(more, default=0)])
    spelled = [t.replace("...", letters[len(letters) - max(k, 0) :]) for t, k in zip(inputs, more, strict=False)]
    return [*spelled, *inputs[len(more) :]], output.replace("...", letters)


def tensordot(left: Any, right: Any, axes: Any = 2) -> Array:
    """``np.tensordot``: the sum over some axes of one with as many of the other; DeriveError where sizes differ."""
    left, right = constant(left), constant(right)
    no_masks("tensordot", [left, right])
    if isinstance(axes, int):
        axes = tuple(range(left.ndim - axes, left.ndim)), tuple(range(axes))
    given = [(k,) if isinstance(k, int) else tuple(k) for k in axes]
    first, second = ([axes_of(a, k)[0] for k in ks] for a, ks in zip((left, right), given, strict=True))
    pairs = [(left.shape[i], right.shape[j]) for i, j in zip(first, second, strict=False)]
    if len(first) != len(second) or any(a != b for a, b in pairs):
        raise DeriveError(
            f"tensordot: {describe(left)} but {describe(right)}, axes {tuple(first)} and {tuple(second)}",
            "axes of the same sizes, in pairs",
            callers_place(),
            "axes=((1,), (0,)) for a product of matrices",
        )
    letters = ascii_letters[: left.ndim]
    more = iter(ascii_letters[left.ndim :])
    others = "".join(letters[first[second.index(j)]] if j in second else next(more) for j in range(right.ndim))
    output = "".join([c for c in letters + others if not (c in letters and c in others)])
    return contract([(letters, left), (others, right)], output)


def tensordots(left: Array, right: Array, each: Any, axes: Any) -> Array:
    """What the helper ``tensordots`` of generated code stands for."""
    letters = ascii_letters[: left.ndim]
    paired = {j: letters[i] for i, j in [*zip(*each, strict=True), *zip(*axes, strict=True)]}
    more = iter(ascii_letters[left.ndim :])
    others = "".join(paired[j] if j in paired else next(more) for j in range(right.ndim))
    front, summed = "".join(letters[i] for i in each[0]), {letters[i] for i in axes[0]}
    output = front + "".join(c for c in [*letters, *others] if c not in front and c not in summed)
    return einsum(f"{letters},{others}->{output}", left, right)


def outer(left: Any, right: Any) -> Array:
    """``np.outer`` of two vectors."""
    left, right = constant(left), constant(right)
    if left.ndim != 1 or right.ndim != 1:
        raise DeriveError(
            f"outer: {describe(left)}, {describe(right)}", "two vectors were wanted", callers_place(), "np.einsum"
        )
    return contract([("i", left), ("j", right)], "ij")


def trace(array: Any) -> Array:
    """``np.trace`` of a square matrix."""
    array = constant(array)
    if array.ndim != 2 or array.shape[0] != array.shape[1]:
        raise DeriveError(f"trace: {describe(array)}", "a square matrix was wanted", callers_place())
    return contract([("ii", array)], "")
