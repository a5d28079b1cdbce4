"""How many digits the floats keep: results beside the truth in ball arithmetic, in mixed ulp.

The mixed ulp of a result g of inputs x (the upstream gradient is one) is

    |error| / (ulp(g) + sum_j |dg/dx_j| ulp(x_j))

so that one unit is what rounding the inputs or the result does by itself.  The truth is the formulas as they are
derived, evaluated at rising precision until their balls are far smaller than an ulp; no generated code takes part.

More is allowed where no code could do without, and tests plant for each allowance an error that it must not hide:

* Underflow.  A number below the smallest normal float is off by up to half the smallest float, whatever it stands for,
  and what acts entry by entry may multiply it by x, which is up to 1e3.  So 8 units are no less than half of 1e3
  smallest floats.  Nowhere else is anything allowed for it.
* Rows whose scale does not matter.  A gradient of what does not change when a row is doubled has no component along the
  row: in a row of two entries, or with a dominant one, it is a difference of sums that nearly cancel, however it is
  computed.  So an ulp in each sum of the formulas is allowed in such gradients.
* Contractions.  An entry takes part in many products, so that the rounding of one is not that of an input: an ulp of a
  result is that of its largest entry.  Where a contraction goes on from what another has given, what was rounded there
  is not seen in the inputs, and an ulp in each sum is allowed; points at which that moves a result by half its size
  have no digit that is certain: they are counted, and must be finite only.
* Inverses and determinants.  Elimination is the exact one of a matrix that differs by ulps of its largest entry, so
  that an ulp of an input is that of its largest entry too.  Points at which a product of arrays overflows, or a
  determinant is no normal float, are left out: there NumPy's own functions give nothing.  For NumPy's determinant no
  more is allowed: it is the exponential of a logarithm, so that of one of 1e202 it loses two digits, and is open there.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np

from derive.evidence.balls import Program, balls, precision
from derive.evidence.regimes import batches
from derive.evidence.structure import structure_of
from derive.evidence.truth import BITS, Allowance, Entry, Floats, Mask, Truth, at, by_point

BOUND = 8.0  # mixed ulp
DTYPES = ("float32", "float64")
FINE = 2.0  # mixed ulp below which a bound is as good as the value
AT_ONCE = 32  # entries whose denominators are found together

Contender = Callable[[Sequence[Any], Sequence[Any]], Mapping[str, Any]]  # inputs, upstream gradients -> results


@dataclass(frozen=True)
class Worst:
    """Where a result is farthest from the truth."""

    result: str
    mixed_ulp: float
    inputs: Mapping[str, Any]
    got: float
    truth: float


@dataclass
class Tally:
    """One contender in one dtype: the worst mixed ulp, and the entries that are nan or infinite where the truth is not.

    ``worst`` is exact above 2, and a bound below.
    """

    worst: float = 0.0
    at: Worst | None = None
    entries: int = 0
    not_finite: int = 0
    uncertain: int = 0  # off by more than an ulp where an ulp of the formulas' sums moves the result by half its size
    failed: str = ""

    @property
    def ok(self) -> bool:
        """True if every entry is finite and within the bound, and there are some."""
        return not self.failed and not self.not_finite and self.worst <= BOUND and self.entries > 0


@dataclass(frozen=True)
class Measured:
    """What came out, by contender and dtype; ``undecided``: entries that have no truth."""

    tallies: Mapping[str, Mapping[str, Tally]]
    undecided: int


def by_code(code: Any, program: Program) -> Contender:
    """A module with ``forward`` and ``backward`` as a contender."""

    def run(inputs: Sequence[Any], upstream: Sequence[Any]) -> Mapping[str, Any]:
        y, cache = code.forward(*inputs)
        gradients = code.backward(upstream[0] if len(upstream) == 1 else tuple(upstream), cache)
        outputs = y if len(program.outputs) > 1 else (y,)
        named = {line: gradients[key] for key, line in program.gradients.items()}
        return {**dict(zip(program.outputs, outputs, strict=True)), **named}

    return run


def measure(
    program: Program, contenders: Mapping[str, Contender], budget: str = "ci", dtypes: Sequence[str] = DTYPES
) -> Measured:
    """Each contender beside the truth, over the regimes of the program's structure."""
    tallies = {name: {dtype: Tally() for dtype in dtypes} for name in contenders}
    allowance, undecided = Allowance.of(program), 0
    with np.errstate(all="ignore"):
        for dtype in dtypes:
            for batch in batches(program, dtype, budget):
                truth = Truth(program, batch, dtype, allowance)
                undecided += truth.undecided
                for name, contender in contenders.items():
                    _compare(truth, contender, tallies[name][dtype])
    return Measured(tallies, undecided)


def over_range(
    program: Program, contenders: Mapping[str, Contender], dtype: str, budget: str = "ci"
) -> dict[str, list[tuple[float, float]]]:
    """For each contender (x, the worst mixed ulp there) by rising x, the first input, of what acts entry by entry."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
    if structure_of(program) != "elementwise":
        return found
    with np.errstate(all="ignore"):
        for batch in batches(program, dtype, budget):
            truth = Truth(program, batch, dtype, Allowance())
            places = next(iter(batch.inputs.values())).reshape(batch.points, -1)[:, 0].astype(float)
            for name, contender in contenders.items():
                worst = _worst_by_point(truth, contender)
                found[name] += [(float(x), float(y)) for x, y in zip(places, worst, strict=True) if not np.isnan(y)]
    return {name: sorted(points) for name, points in found.items()}


# ---- comparisons


@dataclass(frozen=True)
class _Errors:
    """What a contender gave, and its errors in ulps of the results; 0 where nothing can be compared."""

    got: Mapping[str, Floats]
    plain: Mapping[str, Floats] = field(repr=False)


def _errors(truth: Truth, contender: Contender) -> _Errors:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        called = [contender(inputs, upstream) for inputs, upstream in truth.batch.calls(truth.program)]
    got = truth.batch.gathered(truth.program, called)
    plain = {}
    with precision(BITS[-1]):
        for key, value in got.items():
            usable = truth.known[key] & np.isfinite(value)
            errors = abs(balls(np.where(usable, value, 0)) - truth.results[key]) / truth.ulps[key]
            plain[key] = np.where(usable, errors, 0).astype(float)
    return _Errors(got, plain)


def _compare(truth: Truth, contender: Contender, tally: Tally) -> None:
    """Add a contender's results at a batch to its tally."""
    try:
        errors = _errors(truth, contender)
    except Exception as error:  # whatever the contender raises
        tally.failed = f"{type(error).__name__}: {error}"
        return
    for key, known in truth.known.items():
        tally.entries += int(known.sum())
        broken = known & ~np.isfinite(errors.got[key])
        tally.not_finite += int(broken.sum())
        if broken.any() and (tally.at is None or tally.at.mixed_ulp < inf):
            tally.at = _worst(truth, errors, _first(key, broken), inf)
    for entry, mixed in _mixed(truth, errors.plain, tally.worst):
        if mixed > tally.worst:
            tally.worst = mixed
            if tally.at is None or tally.at.mixed_ulp < inf:
                tally.at = _worst(truth, errors, entry, mixed)
    for key, plain in errors.plain.items():
        tally.uncertain += int(((plain > 1) & np.isinf(truth.rounding[key])).sum())


def _mixed(truth: Truth, plain: Mapping[str, Floats], worst: float) -> Iterator[tuple[Entry, float]]:
    """Entries with their mixed ulps, or bounds of them, until none that is left can be worse than the worst."""
    rows = {key: by_point(value) for key, value in plain.items() if value.size}
    for key, row in rows.items():
        calm = np.where(row <= 1, row, 0)  # these need no denominator
        yield (entry := _first(key, calm == calm.max())), float(at(calm, *entry[1:]))
    points = np.flatnonzero(np.any([row.max(axis=1) > max(worst, 1) for row in rows.values()], axis=0))
    if not len(points):
        return
    moves = truth.moves(points)
    found: list[tuple[float, Entry]] = []
    for key, row in rows.items():
        bounds = row[points] / (1 + moves[key].reshape(len(points), -1))
        where = np.nonzero((row[points] > 1) & (bounds > worst))
        found += [(float(bounds[k, place]), (key, int(points[k]), int(place))) for k, place in zip(*where, strict=True)]
    found.sort(reverse=True)
    while found and found[0][0] > worst:
        if found[0][0] <= FINE:
            yield found[0][1], found[0][0]
            return
        chunk, found = found[:AT_ONCE], found[AT_ONCE:]
        units = truth.units([entry for _, entry in chunk])
        for (_, (key, point, place)), unit in zip(chunk, units, strict=True):
            mixed = float(rows[key][point, place] / unit)
            worst = max(worst, mixed)
            yield (key, point, place), mixed


def _worst_by_point(truth: Truth, contender: Contender) -> Floats:
    """The worst mixed ulp at each point; inf where a result is not finite but the truth is, nan where there is none."""
    errors = _errors(truth, contender)
    found = np.full(truth.batch.points, np.nan)
    for key, plain in errors.plain.items():
        rows, known = by_point(plain), by_point(truth.known[key])
        calm = np.where(known, np.where(rows <= 1, rows, 0), -inf).max(axis=1, initial=-inf)
        found = np.fmax(found, np.where(calm < 0, np.nan, calm))
        entries = [(key, int(point), int(place)) for point, place in zip(*np.nonzero(rows > 1), strict=True)]
        truth.moves(np.arange(truth.batch.points))
        for start in range(0, len(entries), AT_ONCE):
            chunk = entries[start : start + AT_ONCE]
            for (_, point, place), unit in zip(chunk, truth.units(chunk), strict=True):
                found[point] = np.fmax(found[point], rows[point, place] / unit)
        found[(known & ~np.isfinite(by_point(errors.got[key]))).any(axis=1)] = inf
    return found


def _first(key: str, mask: Mask) -> Entry:
    point, place = divmod(int(mask.argmax()), mask[0].size)
    return key, point, place


def _worst(truth: Truth, errors: _Errors, entry: Entry, mixed: float) -> Worst:
    key, point, place = entry
    inputs = {name: value[point] for name, value in (*truth.batch.inputs.items(), *truth.batch.upstream.items())}
    got, exact = at(errors.got[key], point, place), at(truth.results[key], point, place)
    return Worst(key, mixed, inputs, float(got), float(exact))
