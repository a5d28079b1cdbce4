"""Shapes in generated code: reading sizes off arrays, and refusing arrays that do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from derive.arrays.array import Array
from derive.arrays.named import label
from derive.arrays.shapes import LEADING, Shape, size_names, write_shape
from derive.arrays.size_text import SizeSyntaxError, read_size
from derive.derivation.layer import Input
from derive.emit.layout import WIDTH, rows
from derive.errors import DeriveError, callers_place
from derive.index.size import Quotient, Size


def mentioned(lines: Sequence[str], sizes: Sequence[str]) -> list[str]:
    """The sizes that occur in some code, comments and texts left out."""
    code = re.sub('"[^"]*"', '""', "\n".join(line.partition("  # ")[0] for line in lines))
    return [size for size in sizes if re.search(rf"(?<![\w.]){size}\b(?!\s*=[^=])", code)]


def _here(array: Array, axis: int) -> str:
    """Where an axis of an array is read: ``X.shape[1]``; behind any number of leading ones ``X.shape[-1]``."""
    if not _is_open(array):
        return f"{label(array)}.shape[{axis}]"
    if axis:
        return f"{label(array)}.shape[{axis - array.ndim}]"
    return f"{label(array)}.shape" if array.ndim == 1 else f"{label(array)}.shape[:{1 - array.ndim}]"


def _is_open(array: Array) -> bool:
    """True for an array with any number of leading axes."""
    return bool(array.shape) and array.shape[0].name == LEADING


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
        if array.kind == "int" and not array.shape:  # a plain int is a size, if there is one of its name
            found[str(label(array))] = str(label(array))
        for axis, size in enumerate(array.shape):
            here = _here(array, axis)
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
        wanted = _size_code(size, found)
        found.setdefault(str(size), here)  # what h*k is is read there, not worked out again
        return [f"{here} == {wanted}"]
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
    conditions = [f"{divisor} > 0"] if any(found[text] != text for text in by.names) else []  # a plain int is checked
    if falling or not negative:
        conditions.append(f"{here} {'<=' if falling else '>='} {offset}")
    if by != 1:
        bracketed = f"({divisor})" if "*" in divisor and not divisor.startswith("(") else divisor
        conditions.append(f"{whole} % {bracketed} == 0")
        whole = f"({whole} // {bracketed})"
    found[unknown[0]] = whole
    found.setdefault(str(size), here)
    return conditions


def read_sizes(wanted: Sequence[str], arrays: Sequence[Array]) -> list[str]:
    """Statements that read sizes off arrays; DeriveError for a size that can be read off none."""
    lines = []
    left = [size for size in wanted if size not in map(label, arrays)]
    for array in arrays:
        here = [size.name for size in array.shape]
        mine = [size for size in dict.fromkeys(here) if size in left]
        if len(mine) > 1:
            said = [str(size) if size in mine and size not in here[:k] else "_" for k, size in enumerate(here)]
            said = ["*_", *said[1:]] if _is_open(array) else said
            lines.append(f"{', '.join(said)} = {label(array)}.shape")
        else:
            lines += [f"{size} = {_here(array, here.index(size))}" for size in mine]
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
                f'declaring an array with that size alone, "{size}", or the size as an input, {size}: ": ={size}"',
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
    _alone([array for array in arrays if not array.shape], found)
    alone = {size.name for array in shaped for size in array.shape}
    conditions = []
    for k, array in enumerate(shaped):
        conditions += _fits(array, found, late, [*known, *shaped[:k]])
        ready = [(here, size) for here, size in late if not (size.names & alone) - found.keys()]
        late = [item for item in late if item not in ready]
        conditions += _solve(ready, found)
        late += [item for item in ready if str(item[1]) not in found]
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
    test = [f"if {_negated(conditions[0])}:"] if len(conditions) == 1 else _all_of(conditions)
    return [*test, *raised(f"{title}: {came}", f"; wanted {wanted}")]


def size_check(title: str, inputs: Sequence[Input]) -> list[str]:
    """Statements that raise ValueError where a size that is given as a plain int is none."""
    lines: list[str] = []
    for i in inputs:
        if i.kind.equals is not None:
            lines += [f"if not (isinstance({i.name}, (int, np.integer)) and {i.name} > 0):"]
            lines += raised(f"{title}: {i.name}={{{i.name}!r}}", "; wanted a whole number of at least 1")
    return lines


def range_check(title: str, inputs: Sequence[Input], arrays: Sequence[Array]) -> list[str]:
    """Statements that raise ValueError where whole numbers are none, or are out of their range."""
    lines: list[str] = []
    found = places(arrays)
    for i in inputs:
        if i.kind.name == "int" and i.shape:
            lines += [f'if {i.name}.dtype.kind not in "iu":']
            lines += raised(f"{title}: {i.name} {{{i.name}.dtype}}", "; wanted whole numbers")
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
        lines += raised(came, re.sub(r"\{(-?\d+)\}", r"\1", wanted))
    return lines


def float_check(title: str, label: str) -> list[str]:
    """Statements that raise ValueError where arrays would be made of the dtype of whole numbers."""
    return [f'if {label}.dtype.kind in "biu":', *raised(f"{title}: {label} {{{label}.dtype}}", "; wanted floats")]


def compared(assumption: str) -> tuple[Size, Size] | None:
    """The two sizes of an assumption ``h ≥ kh``; None for one that is about something else."""
    more, sign, less = assumption.partition(" ≥ ")
    try:
        return (read_size(more), read_size(less)) if sign else None
    except SizeSyntaxError:
        return None


def _fits(
    array: Array, places: dict[str, str], late: list[tuple[str, Size]], others: Iterable[Array] = ()
) -> list[str]:
    """The conditions on one array; sizes that it is the first to have go to ``places``, what is open to ``late``."""
    twin = next((other for other in others if other.shape == array.shape), None)
    if twin is not None and array.ndim > 1:
        return [f"{label(array)}.shape == {label(twin)}.shape"]
    if all(size.names <= places.keys() for size in array.shape):
        return [f"{label(array)}.shape == {_shape_code(array.shape, places)}"]
    least = array.ndim - 1
    conditions = [f"{label(array)}.ndim == {array.ndim}"]
    if _is_open(array):
        conditions = [f"{label(array)}.ndim >= {least}"] if least else []
    for axis, size in enumerate(array.shape):
        here = _here(array, axis)
        if size.name is not None and size.name not in places:
            places[size.name] = here
        elif size.names <= places.keys():
            conditions.append(f"{here} == {_size_code(size, places)}")
        else:
            late.append((here, size))
    return conditions


def _negated(condition: str) -> str:
    return condition.replace("==", "!=").replace(">=", "<")


def _all_of(conditions: Sequence[str]) -> list[str]:
    """``if not (a and b and ..):``, wrapped."""
    line = f"if not ({' and '.join(conditions)}):"
    if len(line) <= WIDTH:
        return [line]
    return ["if not (", *rows([conditions[0], *(f"and {condition}" for condition in conditions[1:])], " "), "):"]


def raised(came: str, wanted: str) -> list[str]:
    """``raise ValueError(f"..")`` in a branch, in as many lines as it takes."""
    line = f'    raise ValueError(f"{came}{wanted}")'
    if len(line) <= WIDTH:
        return [line]
    told = [part.strip() for part in rows(came.split(", "))]
    told = [*(f'f"{part} "' for part in told[:-1]), f'f"{told[-1]}"', f'{"f" if "{" in wanted else ""}"{wanted}"']
    return ["    raise ValueError(", *(f"        {part}" for part in told), "    )"]


def _size_code(size: Size, places: Mapping[str, str], bare: bool = False) -> str:
    if size.constant is not None:
        return str(size.constant)
    for key, place in places.items():
        product = key != LEADING and not key.isidentifier()
        if product and (times := size.over(read_size(key))) is not None and times.constant:
            return place if times == 1 else f"{times} * {place}"
    text = ""
    for mono, c in sorted(
        size.terms, key=lambda term: (not term[0], term[1] < 0)
    ):  # a number last, what is added first
        factors = [_name_code(n, places) for n, power in mono for _ in range(power)]
        text += " - " if c < 0 else " + "
        text += " * ".join([str(abs(c)), *factors] if abs(c) != 1 or not factors else factors)
    text = text[3:] if text.startswith(" + ") else "-" + text[3:]
    return text if len(size.terms) < 2 or bare else f"({text})"


def _shape_code(shape: Shape, places: Mapping[str, str]) -> str:
    """A shape as code, its leading axes as they came."""
    front = places[LEADING] if shape and shape[0].name == LEADING else ""
    rest = [_size_code(size, places) for size in shape[1 if front else 0 :]]
    while (said := re.fullmatch(r"(\w+)\.shape\[:-(\d+)\]", front)) and rest[:1] == [f"{said[1]}.shape[-{said[2]}]"]:
        front = f"{said[1]}.shape[:{1 - int(said[2]) or ''}]".replace("[:]", "")
        rest = rest[1:]
    return pack([f"*{front}", *rest]) if front and rest else front or pack(rest)


def _axis_code(size: Size, places: Mapping[str, str], arrays: Sequence[Array]) -> str:
    """A size where it stands as it is, or else worked out."""
    if size.name is None and size.constant is None:
        for array in arrays:
            if size in array.shape:
                return _here(array, array.shape.index(size))
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
                *raised(f"{title}: {d} {{{d}.shape}}", f"; wanted a scalar, as {output} is one"),
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
            if _is_open(array):
                wanted = _shape_code(array.shape, known)
            said = f"{{{wanted}}}"
        else:
            found, late = dict(known), list[tuple[str, Size]]()
            conditions = _fits(array, found, late)
            conditions += _solve(late, found)
            lines += [f"if {_negated(conditions[0])}:"] if len(conditions) == 1 else _all_of(conditions)
            lines += raised(
                f"{title}: {d} {{{d}.shape}}", f"; wanted {write_shape(array.shape)}, the shape of {output}"
            )
            continue
        test = f"if {d}.shape != {wanted}:"
        lines += [test] if len(test) <= WIDTH else [f"if {d}.shape != (", *rows(wanted[1:-1].split(", ")), "):"]
        said = said if len(wanted) <= WIDTH // 2 else write_shape(array.shape)
        lines += raised(f"{title}: {d} {{{d}.shape}}", f"; wanted {said}, the shape of {output}")
    return lines
