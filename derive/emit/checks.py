"""Shapes in generated code: reading sizes off arrays, and refusing arrays that do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from derive.arrays.array import Array, label
from derive.arrays.shapes import size_names, write_shape
from derive.arrays.size_text import SizeSyntaxError, read_size
from derive.derivation.layer import Input
from derive.errors import DeriveError, callers_place
from derive.index.size import Quotient, Size

WIDTH = 110


def mentioned(lines: Sequence[str], sizes: Sequence[str]) -> list[str]:
    """The sizes that occur in some code, comments left out."""
    code = "\n".join(line.partition("  # ")[0] for line in lines)
    return [size for size in sizes if re.search(rf"(?<![\w.]){size}\b(?!\s*=[^=])", code)]


def places(arrays: Iterable[Array]) -> dict[str, str]:
    """Where each size can be read: ``{"n": "X.shape[0]", "k": "(X.shape[1] // 4)"}``."""
    found: dict[str, str] = {}
    late = _alone(arrays, found)
    _solve(late, found)
    return found


def _alone(arrays: Iterable[Array], found: dict[str, str]) -> list[tuple[str, Size]]:
    """Note where sizes stand alone; the places where something else stands."""
    late = []
    for array in arrays:
        for axis, size in enumerate(array.shape):
            here = f"{label(array)}.shape[{axis}]"
            if size.name is None:
                late.append((here, size))
            else:
                found.setdefault(size.name, here)
    return late


def _solve(late: Sequence[tuple[str, Size]], found: dict[str, str]) -> list[str]:
    """Note the sizes that can be worked out, such as ``k`` where ``4*k`` stands; the conditions on all such places."""
    conditions: list[str] = []
    left = list(late)
    while left:
        for here, size in left:
            more = _solved(here, size, found)
            if more is not None:
                conditions += more
                left.remove((here, size))
                break
        else:
            return conditions
    return conditions


def _solved(here: str, size: Size, found: dict[str, str]) -> list[str] | None:
    """The conditions on a place, its last unknown size worked out; None if there are more, or it is not linear."""
    unknown = sorted(text for text in size.names if text not in found)
    if not unknown:
        return [f"{here} == {_size_code(size, found)}"]
    if any(unknown[0] in quotient.names for quotient in size.quotients):
        return None  # many sizes have the same quotient
    factor, rest = Size({}), Size({})
    for powers, c in size.terms:
        power = dict(powers).get(unknown[0], 0)
        others = Size({tuple((text, p) for text, p in powers if text != unknown[0]): c})
        if power > 1:
            return None
        factor, rest = (factor + others, rest) if power else (factor, rest + others)
    if len(unknown) > 1 or not (factor.is_nonnegative() or (-factor).is_nonnegative()):
        return None
    falling = not factor.is_nonnegative()
    by = -factor if falling else factor
    divisor, offset = _size_code(by, found), _size_code(rest, found)
    negative = (-rest).is_nonnegative()
    shifted = f"{here} - {offset}"
    if negative or len(rest.terms) > 1:
        back = _size_code(-rest, found, bare=True)
        shifted = f"{here} - {back[1:]}" if back.startswith("-") else f"{here} + {back}"
    if falling:
        shifted = f"{offset} - {here}"
    if rest == 0 and not falling:
        shifted = here
    whole = f"({shifted})" if shifted != here else here
    conditions = [f"{divisor} > 0"] if by.constant is None else []
    if falling or not negative:
        conditions.append(f"{here} {'<=' if falling else '>='} {offset}")
    if by != 1:
        bracketed = f"({divisor})" if "*" in divisor and not divisor.startswith("(") else divisor
        conditions.append(f"{whole} % {bracketed} == 0")
        whole = f"({whole} // {bracketed})"
    found[unknown[0]] = whole
    return conditions


def read_sizes(wanted: Sequence[str], arrays: Sequence[Array]) -> list[str]:
    """Statements that read sizes off arrays; DeriveError for a size that can be read off none."""
    lines = []
    left = list(wanted)
    for array in arrays:
        here = [size.name for size in array.shape]
        mine = [size for size in dict.fromkeys(here) if size in left]
        if len(mine) == len(here) > 1:
            lines.append(f"{', '.join(map(str, here))} = {label(array)}.shape")
        else:
            lines += [f"{size} = {label(array)}.shape[{here.index(size)}]" for size in mine]
        left = [size for size in left if size not in mine]
    if not left:
        return lines
    found: dict[str, str] = {}
    late = _alone(arrays, found)
    found.update({size: size for size in wanted if size not in left})
    _solve(late, found)
    for size in left:
        if size not in found:
            seen = [f"{label(a)} {write_shape(a.shape)}" for a in arrays if any(size in s.names for s in a.shape)]
            raise DeriveError(
                f"the code needs the size {size}, which can be worked out from no shape",
                f"it occurs in {', '.join(seen) or 'no array'}",
                callers_place(),
                f'declaring an array with that size alone, "{size}"',
            )
        text = found[size]
        lines.append(f"{size} = {text[1:-1] if text.startswith('(') else text}")
    return lines


def fit_check(
    title: str, arrays: Sequence[Array], known: Sequence[Array] = (), assumed: Sequence[str] = ()
) -> list[str]:
    """Statements that raise ValueError where arrays do not fit their shapes, or sizes what is assumed of them."""
    found: dict[str, str] = {}
    late = [(here, size) for here, size in _alone(known, found) if size.names]
    shaped = [array for array in arrays if array.shape]
    conditions = [condition for array in shaped for condition in _fits(array, found, late)]
    conditions += _solve(late, found)
    of_sizes = [
        (text, sizes)
        for text in assumed
        if (sizes := compared(text)) and {*sizes[0].names, *sizes[1].names} <= {*found}
    ]
    conditions += [
        f"{_size_code(more, found, True)} >= {_size_code(less, found, True)}" for _, (more, less) in of_sizes
    ]
    if not conditions:
        return []
    came = ", ".join(f"{label(a)} {{{label(a)}.shape}}" for a in shaped)
    wanted = ", ".join(f"{label(a)} {write_shape(a.shape)}" for a in shaped)
    wanted += f" with {' and '.join(text for text, _ in of_sizes)}" if of_sizes else ""
    test = [f"if {conditions[0].replace('==', '!=')}:"] if len(conditions) == 1 else _all_of(conditions)
    return [*test, *_raise(f"{title}: {came}", f"; wanted {wanted}")]


def range_check(title: str, inputs: Sequence[Input], arrays: Sequence[Array]) -> list[str]:
    """Statements that raise ValueError where whole numbers are none, or are out of their range."""
    lines: list[str] = []
    found = places(arrays)
    for i in inputs:
        if i.kind.name == "int" and i.shape:
            lines += [f'if {i.name}.dtype.kind not in "iu":']
            lines += _raise(f"{title}: {i.name} {{{i.name}.dtype}}", "; wanted whole numbers")
        if i.kind.low is None or i.kind.high is None or not (i.kind.low.names | i.kind.high.names) <= found.keys():
            continue
        low, high = _size_code(i.kind.low, found), _size_code(i.kind.high, found)
        came = f"{title}: {i.name} from {{np.min({i.name})}} to {{np.max({i.name})}}"
        outside, besides = [f"{i.name} < {low}", f"{i.name} >= {high}"], ""
        if i.kind.other is not None:
            other = _size_code(i.kind.other, found)
            outside, besides = [f"({text}) > ({i.name} == {other})" for text in outside], f" or {{{other}}}"
        lines += [f"if {' or '.join(f'np.any({text})' for text in outside)}:"]
        wanted = f"; wanted {{{low}}} <= {i.name} < {{{high}}}{besides}"
        lines += _raise(came, re.sub(r"\{(-?\d+)\}", r"\1", wanted))
    return lines


def compared(assumption: str) -> tuple[Size, Size] | None:
    """The two sizes of an assumption ``h ≥ kh``; None for one that is about something else."""
    more, sign, less = assumption.partition(" ≥ ")
    try:
        return (read_size(more), read_size(less)) if sign else None
    except SizeSyntaxError:
        return None


def _fits(array: Array, places: dict[str, str], late: list[tuple[str, Size]]) -> list[str]:
    """The conditions on one array; sizes that it is the first to have go to ``places``, what is open to ``late``."""
    if all(size.names <= places.keys() for size in array.shape):
        return [f"{label(array)}.shape == {pack([_size_code(size, places) for size in array.shape])}"]
    conditions = [f"{label(array)}.ndim == {array.ndim}"]
    for axis, size in enumerate(array.shape):
        here = f"{label(array)}.shape[{axis}]"
        if size.name is not None and size.name not in places:
            places[size.name] = here
        elif size.names <= places.keys():
            conditions.append(f"{here} == {_size_code(size, places)}")
        else:
            late.append((here, size))
    return conditions


def _all_of(conditions: Sequence[str]) -> list[str]:
    """``if not (a and b and ..):``, wrapped."""
    line = f"if not ({' and '.join(conditions)}):"
    if len(line) <= WIDTH:
        return [line]
    return ["if not (", *_rows([conditions[0], *(f"and {condition}" for condition in conditions[1:])], " "), "):"]


def _rows(parts: Sequence[str], between: str = ", ") -> list[str]:
    """Parts of a bracket, in as few rows as have room."""
    rows = [parts[0]]
    for part in parts[1:]:
        if len(rows[-1]) + len(between) + len(part) > WIDTH:
            rows[-1] += between.rstrip()
            rows.append(part)
        else:
            rows[-1] += between + part
    return [f"    {row}" for row in rows]


def _raise(came: str, wanted: str) -> list[str]:
    line = f'    raise ValueError(f"{came}{wanted}")'
    if len(line) <= WIDTH:
        return [line]
    told = f'        {"f" if "{" in wanted else ""}"{wanted}"'
    return ["    raise ValueError(", f'        f"{came}"', told, "    )"]


def _size_code(size: Size, places: Mapping[str, str], bare: bool = False) -> str:
    if size.constant is not None:
        return str(size.constant)
    text = ""
    for mono, c in sorted(
        size.terms, key=lambda term: (not term[0], term[1] < 0)
    ):  # a number last, what is added first
        factors = [_name_code(n, places) for n, power in mono for _ in range(power)]
        text += " - " if c < 0 else " + "
        text += " * ".join([str(abs(c)), *factors] if abs(c) != 1 or not factors else factors)
    text = text[3:] if text.startswith(" + ") else "-" + text[3:]
    return text if len(size.terms) < 2 or bare else f"({text})"


def _axis_code(size: Size, places: Mapping[str, str], arrays: Sequence[Array]) -> str:
    """A size where it stands as it is, or else worked out."""
    if size.name is None and size.constant is None:
        for array in arrays:
            if size in array.shape:
                return f"{label(array)}.shape[{array.shape.index(size)}]"
    return _size_code(size, places, bare=True)


def _name_code(name: str, places: Mapping[str, str]) -> str:
    if not isinstance(name, Quotient):
        return places[name]
    over, by = _size_code(name.over, places), _size_code(name.by, places)
    return f"({over} // {f'({by})' if '*' in by and not by.startswith('(') else by})"


def pack(names: Sequence[str]) -> str:
    """Names as a tuple."""
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def unpacked(names: Sequence[str]) -> str:
    """Names on the left of an assignment from a tuple."""
    return f"({names[0]},)" if len(names) == 1 else ", ".join(names)


def upstream_check(
    title: str, upstream: Sequence[Array], outputs: Sequence[str], kept: Sequence[Array], sizes: Iterable[str]
) -> list[str]:
    """Statements that raise ValueError where an upstream gradient has not the shape of its output."""
    lines: list[str] = []
    known = {**places(kept), **{size: size for size in sizes}}
    for array, output in zip(upstream, outputs, strict=True):
        d = label(array)
        if not array.shape:
            lines += [
                f'if getattr({d}, "ndim", 0):',
                *_raise(f"{title}: {d} {{{d}.shape}}", f"; wanted a scalar, as {output} is one"),
            ]
            like = next((label(other) for other in kept if other.shape and other.kind == "float"), None)
            if like is not None:
                lines.append(f"{d} = {like}.dtype.type({d})")
            continue
        twin = next((label(other) for other in kept if other.shape == array.shape), None)
        if twin is not None:
            wanted, said = f"{twin}.shape", f"{{{twin}.shape}}"
        elif set(size_names([array.shape])) <= known.keys():
            wanted = pack([_axis_code(size, known, kept) for size in array.shape])
            said = f"{{{wanted}}}"
        else:
            found, late = dict(known), list[tuple[str, Size]]()
            conditions = _fits(array, found, late)
            conditions += _solve(late, found)
            lines += [f"if {d}.ndim != {array.ndim}:"] if len(conditions) == 1 else _all_of(conditions)
            lines += _raise(
                f"{title}: {d} {{{d}.shape}}", f"; wanted {write_shape(array.shape)}, the shape of {output}"
            )
            continue
        test = f"if {d}.shape != {wanted}:"
        lines += [test] if len(test) <= WIDTH else [f"if {d}.shape != (", *_rows(wanted[1:-1].split(", ")), "):"]
        said = said if len(wanted) <= WIDTH // 2 else write_shape(array.shape)
        lines += _raise(f"{title}: {d} {{{d}.shape}}", f"; wanted {said}, the shape of {output}")
    return lines
