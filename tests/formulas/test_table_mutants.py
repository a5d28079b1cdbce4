"""Automatic slips in the true claims of the table: each is refuted by numbers, or is equal after all."""

import os
import subprocess
import sys
from itertools import islice

import numpy as np
import pytest

from derive.formulas.comparison import compare, measured, told_by_numbers
from derive.formulas.experiment import Experiment
from derive.formulas.points import points
from derive.formulas.witness import asked, decide
from derive.rules.mutants import mutants

from .table import rows, subjects

EACH = int(os.environ.get("CLAIM_MUTANTS", "1"))  # of a true claim; more find more
MOST = 400  # of one claim that are chosen from
TRUE = [row for row in subjects() if row.is_true]
SAMPLE = [row for row in rows() if not row.is_true][::12]  # whose snippets are run


def chosen(claimed, start):
    """Some mutants of an expression, others for each claim."""
    found = list(islice(mutants(claimed), MOST))
    return [found[(start * 7 + k * len(found) // EACH) % len(found)] for k in range(min(EACH, len(found)))]


def has_value(experiment, point):
    """True unless something is divided by 0, or a singular matrix inverted."""
    seen = measured(experiment, point, careful=False)
    return seen is not None and bool(np.isfinite(seen.got).all())


@pytest.mark.parametrize("place", range(len(TRUE)), ids=lambda place: f"{TRUE[place].place} {TRUE[place].text}"[:60])
def test_a_mutant_is_refuted_or_equal(place):
    row = TRUE[place]
    loss, wrt, gradient = row.claim
    statement = row.statement
    layer = statement.layer(loss, wrt)
    given, facts = {f"d{loss}": 1}, statement.facts(wrt)
    for what, mutant in chosen(statement.claimed(layer, wrt, gradient), place):
        verdict = decide(layer, wrt, mutant, given=given, facts=facts)
        if verdict.status == "refuted":
            assert verdict.counterexample.snippet
            continue
        tried = list(islice(points(asked(layer, wrt, mutant, given, facts=facts)), 12))
        experiment = Experiment(layer, wrt, mutant)
        if verdict.status == "proved":
            assert not any(compare(experiment, point, told_by_numbers) for point in tried), what
            continue
        undefined = "is it defined there?" in verdict.reason or not any(has_value(experiment, p) for p in tried)
        assert undefined, (what, verdict)


@pytest.mark.parametrize("row", SAMPLE, ids=lambda row: f"{row.place} {row.text}"[:60])
def test_the_snippet_of_a_refuted_claim_runs_as_it_stands(row, tmp_path):
    (tmp_path / "snippet.py").write_text(row.decide().counterexample.snippet)
    done = subprocess.run([sys.executable, tmp_path / "snippet.py"], capture_output=True, text=True, check=True)
    said = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert said["claimed"] != said["expected"]
