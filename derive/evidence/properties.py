"""Properties of ``forward`` and ``backward`` that hypothesis attacks: shapes, dtypes, memory, repetition, gradients.

hypothesis draws and shrinks the cases.  The failure that is told is that of the smallest case; nothing is printed.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from math import inf
from time import process_time
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from derive.errors import DeriveError
from derive.evidence.cases import Case, cases_in
from derive.evidence.contract import Failure, Guarded, Refuted, check_contract
from derive.evidence.differences import Agreement, Code, agrees, expected_gradient, plainly_agrees
from derive.evidence.seeded import BACKEND
from derive.evidence.sizes import Signature, sizes_of
from derive.evidence.snippets import counterexample
from derive.verdict import Counterexample, Rung

SHRINKING = 2.0  # seconds of processor time for the search of a smaller case
_DTYPES = (np.float64, np.float64, np.float64, np.float32)  # the first is what a case shrinks to


@dataclass(frozen=True)
class Outcome:
    """The rung, and what refutes the code if it is refuted."""

    rung: Rung
    counterexample: Counterexample | None = None


@dataclass
class _Tally:
    """What was seen so far."""

    counts: Counter[str] = field(default_factory=Counter)
    worst_in_tolerances: float = 0.0
    worst_relative: float = 0.0
    largest: dict[str, int] = field(default_factory=dict)
    failures: list[tuple[Case, Failure]] = field(default_factory=list)

    def add(self, agreement: Agreement, case: Case) -> None:
        """Count one comparison of a derivative; bounds of float32 would hide how well float64 agrees."""
        self.counts[agreement.kind] += 1
        if agreement.kind == "smooth":
            self.worst_in_tolerances = max(self.worst_in_tolerances, agreement.error_in_tolerances)
            if case.dtype == np.float64:
                self.worst_relative = max(self.worst_relative, agreement.relative_error)

    def numbers(self, seed: int) -> dict[str, Any]:
        """The numbers of the rung."""
        return {
            "examples": self.counts["examples"],
            "seed": seed,
            "derivatives": self.counts["smooth"],
            "kinks": self.counts["kink"],
            "undecided": self.counts["undecided"],
            "outside_domain": self.counts["outside"],
            **({"at_a_glance": self.counts["glanced"]} if self.counts["glanced"] else {}),
            "worst_error_in_tolerances": self.worst_in_tolerances,
            "worst_relative_error": self.worst_relative,
            "largest_sizes": dict(self.largest),
        }


def properties(
    code: Code,
    signature: Signature,
    *,
    wrt: Iterable[str] | None = None,
    examples: int = 50,
    seed: int = 0,
    positive_sizes: frozenset[str] = frozenset(),
    smallest: int = 0,
    source: str = "",
    domain: Callable[[Case], bool] = lambda case: True,
    closely: int | None = None,
) -> Outcome:
    """Attack ``code`` at ``examples`` cases of ``signature``; gradients of every float input, or of those in ``wrt``.

    Sizes run from ``smallest`` to 6, those in ``positive_sizes`` (divisors, axes of a maximum) from 1.  ``source``, the
    text of the module or a line that imports ``forward`` and ``backward``, heads the counterexample's snippet.  Outside
    the ``domain`` a gradient need not be finite.  After ``closely`` so many examples with a derivative, what one glance
    agrees with is not looked at closer.  The rung is ``open`` if no derivative could be compared.  DeriveError
    for an unknown name in ``wrt`` or for conditions that no small sizes obey.
    """
    names = signature.floats if wrt is None else tuple(wrt)
    if unknown := sorted(set(names) - set(signature.floats)):
        wanted = f"float inputs were wanted: {', '.join(signature.floats)}"
        raise DeriveError(f"wrt names {', '.join(unknown)}", wanted, "wrt")
    tally = _Tally()
    drawn = cases_in(signature, sizes_of(signature, smallest, positive_sizes), _DTYPES)
    check = partial(
        _check, Guarded(code), signature=signature, names=names, tally=tally, domain=domain, closely=closely
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # overflow is judged by its result, not by its warning
        _attack(check, drawn, tally, examples, seed)
        if tally.failures:
            return _refuted(code, tally, seed, source)
    compared = _compared(tally)
    return Outcome(Rung("properties", "tested" if compared else "open", _summary(tally), tally.numbers(seed)))


def sample(signature: Signature, number: int, seed: int, positive_sizes: frozenset[str] = frozenset()) -> list[Case]:
    """Some cases of ``signature`` in float64, the same for the same seed."""
    found: list[Case] = []
    _attack(
        found.append, cases_in(signature, sizes_of(signature, 0, positive_sizes), (np.float64,)), _Tally(), number, seed
    )
    return found


def _attack(
    check: Callable[[Case], None], drawn: SearchStrategy[Case], tally: _Tally, examples: int, seed: int
) -> None:
    shrinking = _Shrinking()

    @seeded(seed)
    @settings(
        backend=BACKEND,
        max_examples=examples,
        deadline=None,
        database=None,
        verbosity=Verbosity.quiet,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=tuple(HealthCheck),  # slow code and rare sizes are no fault of the code
    )
    @given(drawn)
    def attack(case: Case) -> None:
        try:
            shrinking.guarded(check, case)
        except Refuted as refuted:
            tally.failures.append((case, refuted.failure))
            raise

    try:
        attack()
    except Refuted:
        return  # the last failure is that of the smallest case
    except Flaky:
        if not tally.failures:
            raise
        tally.failures.sort(key=_entries, reverse=True)  # code that fails now and then was not shrunk in order


@dataclass
class _Shrinking:
    """Ends the search for a smaller case in time: later ones pass unseen, but for the smallest that failed."""

    until: float = inf
    smallest: tuple[Any, ...] = ()
    failure: Refuted | None = None

    def guarded(self, check: Callable[[Case], None], case: Case) -> None:
        """Check a case; Refuted as ``check`` raises it."""
        if self.until < inf and process_time() > self.until:
            if case.bits() == self.smallest and self.failure is not None:
                raise self.failure
            return
        try:
            check(case)
        except Refuted as refuted:
            self.until = min(self.until, process_time() + SHRINKING)
            self.smallest, self.failure = case.bits(), refuted
            raise


def _check(
    code: Code,
    case: Case,
    *,
    signature: Signature,
    names: tuple[str, ...],
    tally: _Tally,
    domain: Callable[[Case], bool],
    closely: int | None,
) -> None:
    tally.counts["examples"] += 1
    for name, size in case.sizes.items():
        tally.largest[name] = max(size, tally.largest.get(name, 0))
    try:
        gradients = check_contract(code, case, names, signature.floats, declared=signature.found is None)
    except np.linalg.LinAlgError:
        tally.counts["outside"] += 1
        return
    if not all(np.all(np.isfinite(gradient)) for gradient in gradients.values()) and not domain(case):
        tally.counts["outside"] += 1
        return
    if any(np.asarray(gradients[name]).dtype != np.asarray(case.inputs[name]).dtype for name in gradients):
        tally.counts["wider"] += 1
    left = [name for name in gradients if np.size(case.inputs[name])]
    if closely is not None and tally.counts["closely"] >= closely:
        doubted = [name for name in left if not plainly_agrees(code, case, name, np.asarray(gradients[name], float))]
        tally.counts["glanced"] += len(left) - len(doubted)
        left = doubted
    elif left and case.dtype == np.float64:
        tally.counts["closely"] += 1
    agreements = agrees(code, case, tuple(left), gradients)
    for agreement in agreements:
        tally.add(agreement, case)
    for agreement in agreements:
        if not agreement.ok:
            name = agreement.name
            raise Refuted(Failure(name, agreement.told, gradients[name], None, f"gradients[{name!r}]", "values"))


def _refuted(code: Code, tally: _Tally, seed: int, source: str) -> Outcome:
    case, failure = tally.failures[-1]
    if failure.expected is None and failure.name in case.inputs:
        failure = failure.with_expected(expected_gradient(code, case, failure.name))
    at = ", ".join(f"{name}={size}" for name, size in case.sizes.items())
    detail = f"{failure.what} (at {at})" if at else failure.what
    numbers = {**tally.numbers(seed), "broken": failure.broken, "sizes": dict(case.sizes)}
    return Outcome(Rung("properties", "refuted", detail, numbers), counterexample(case, failure, source))


def _entries(found: tuple[Case, Failure]) -> int:
    return sum(np.size(value) for value in found[0].inputs.values())


def _compared(tally: _Tally) -> int:
    return tally.counts["smooth"] + tally.counts["kink"] + tally.counts["glanced"]


def _summary(tally: _Tally) -> str:
    counts = tally.counts
    if not _compared(tally):
        return f"{counts['examples']} examples, but no derivative could be compared"
    kinks = f", {counts['kink']} at kinks" if counts["kink"] else ""
    within = f"{counts['smooth']} derivatives within {tally.worst_relative:.1e} of differences"
    glanced = f", {counts['glanced']} at a glance" if counts["glanced"] else ""
    wider = "; of float32 they come in float64, as outputs do" if counts["wider"] else ""
    return f"{counts['examples']} examples, {within}{kinks}{glanced}{wider}"
