"""Derivatives of a curve at 0 by differences and Richardson extrapolation, with an error bound that is computed.

The tableau is Romberg's, the choice of its entry Ridders' (1982, "Accurate computation of F'(x) and F'(x) F''(x)").
An entry's bound is its truncation, seen in its neighbours, plus the roundoff of the function, carried through the same
weights.  The roundoff is measured at tiny steps (after Moré and Wild 2011, "Estimating computational noise"), never
below that of the final sum and of the argument.  No tolerance is written down anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

STEP = 2.0**-2  # the largest |t|; draw_direction promises that |t| < 1/2 stays in the kind
ROWS, COLUMNS = 11, 6  # of the tableau: steps from 2^-2 to 2^-12, error terms up to h^12 removed
SHRINK = (1.0, 0.37, 0.37**3, 0.37**6, 0.37**12)  # second opinions: steps that share no point with the first ones
FINEST = STEP * SHRINK[-1]
EPS = float(np.finfo(np.float64).eps)
TINY = 8 * STEP * EPS ** (2 / 3)  # so small that a smooth function is a parabola there, up to roundoff
DEVIATIONS = 8.0  # how far two evaluations together may stray, in sizes of the noise: four each
Fold = Callable[[Reals], Reals]  # sums the terms, or leaves them


@dataclass(frozen=True)
class Curve:
    """t -> the terms of <G, f(x + t v)>, flat; ``grain`` is the largest |x| / |v|, so that t is felt to grain * EPS."""

    terms: Callable[[float], Reals]
    grain: float = 1.0

    def __call__(self, t: float) -> Reals:
        """The terms at t."""
        return self.terms(t)


@dataclass(frozen=True)
class Estimate:
    """A derivative and the bound on its error; the bound is infinite where nothing can be said."""

    value: float
    error: float


def directional(curve: Curve, step: float = STEP) -> Estimate:
    """d/dt of a curve's sum at 0 by central differences, the curve computed in float64."""
    value, error = _extrapolate(curve, step, 0, _summed)
    return Estimate(float(value[0]), float(error[0]))


def confirmed(curve: Curve, side: int = 0, fold: Fold | None = None) -> tuple[Reals, Reals]:
    """Derivatives of a curve's terms at 0 and their bounds: from the right (``side`` 1), the left (-1), or central.

    They are the sharpest of several tableaux that every one of the finer steps confirms, within its own bound: coarse
    steps may straddle kinks, or miss a narrow feature altogether, and their entries still agree by chance.  The finest
    is itself believed only as far as the next one agrees: where large numbers cancel inside, a curve moves in jumps
    that tiny steps do not show.
    """
    value, error = _extrapolate(curve, FINEST, side, fold or _as_they_are)
    coarser, bound = _extrapolate(curve, STEP * SHRINK[-2], side, fold or _as_they_are)
    with np.errstate(all="ignore"):
        gap = np.abs(coarser - value)
        sure = ~(gap > bound + error)
    error = np.where(sure, error, np.maximum(gap, error))
    better = sure & (bound < error)
    value, error = np.where(better, coarser, value), np.where(better, bound, error)
    for shrink in reversed(SHRINK[:-2]):
        coarser, bound = _extrapolate(curve, STEP * shrink, side, fold or _as_they_are)
        sure &= ~(np.abs(coarser - value) > bound + error)
        better = sure & (bound < error)
        value, error = np.where(better, coarser, value), np.where(better, bound, error)
    return value, error


def confirmed_sum(curve: Curve) -> Estimate:
    """The derivative of a curve's sum at 0, confirmed by finer steps."""
    value, error = confirmed(curve, fold=_summed)
    return Estimate(float(value[0]), float(error[0]))


def termwise(curve: Curve, step: float) -> tuple[Reals, Reals]:
    """The derivatives of a curve's terms at 0 by central differences, and their bounds."""
    return _extrapolate(curve, step, 0, _as_they_are)


def _summed(terms: Reals) -> Reals:
    return np.asarray(terms.sum(axis=-1, keepdims=True))


def _as_they_are(terms: Reals) -> Reals:
    return terms


def _extrapolate(curve: Curve, step: float, side: int, fold: Fold) -> tuple[Reals, Reals]:
    """The derivatives of the folded terms and their bounds."""
    steps = step * 0.5 ** np.arange(ROWS)[:, None]
    ahead = np.array([curve(h) for h in (steps[:, 0] if side >= 0 else -steps[:, 0])])
    here = curve(0.0)[None]
    behind = np.array([curve(-h) for h in steps[:, 0]]) if side == 0 else here
    width = steps * (side or 2)
    with np.errstate(all="ignore"):
        final = EPS * fold(np.maximum(np.abs(ahead), np.abs(behind)))
        argument = EPS * curve.grain * fold(np.maximum(np.abs(ahead - here), np.abs(behind - here))) / steps
        noise = np.maximum(_noise(curve, side, fold), final + argument)
        return _best_entry(fold(ahead - behind) / width, DEVIATIONS * noise / steps, 2.0 if side else 4.0)


def _best_entry(table: Reals, roundoff: Reals, ratio: float) -> tuple[Reals, Reals]:
    """The entry of Romberg's tableau with the least bound on its error, and that bound; (rows, k) -> (k,), (k,)."""
    best = np.full(table.shape[1], np.nan)
    least = np.full(table.shape[1], np.inf)
    for column in range(1, COLUMNS + 1):
        weight = ratio**column
        finer = (weight * table[1:] - table[:-1]) / (weight - 1)
        roundoff = (weight * roundoff[1:] + roundoff[:-1]) / (weight - 1)
        truncation = np.maximum(np.abs(finer - table[1:]), np.abs(finer - table[:-1]))
        errors = np.nan_to_num(truncation + roundoff, nan=np.inf)
        row = np.argmin(errors, axis=0)[None]
        found = np.take_along_axis(errors, row, axis=0)[0]
        better = found < least
        best = np.where(better, np.take_along_axis(finer, row, axis=0)[0], best)
        least = np.where(better, found, least)
        table = finer
    return best, least


def _noise(curve: Curve, side: int, fold: Fold) -> Reals:
    """The roundoff in a curve's folded terms near 0, on the side asked for.

    It is what a parabola through tiny steps leaves over.  The steps are irregular, since equal ones round alike.
    """
    places = np.modf(np.arange(12) * 5**0.5)[0]
    steps = TINY * (side * places if side else 2 * places - 1)
    values = np.array([fold(curve(float(t))) for t in steps])
    basis = np.linalg.qr(np.vander(steps / TINY, 3))[0]
    return np.asarray(np.max(np.abs(values - basis @ (basis.T @ values)), axis=0))
