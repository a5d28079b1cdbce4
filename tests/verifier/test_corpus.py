"""The corpus: every right pair is accepted, every planted bug refuted; here a part of it, all of it by its command.

    python -m tests.verifier.corpus.run
"""

from collections import Counter

import pytest

from .corpus import contenders
from .corpus.notation import CLASSES, RIGHT, planted
from .corpus.run import checked, load

load()
BUGS = list(planted())
EVERY = {"bugs": 4, "right": 3}  # of each class, and of the right pairs, one in so many: two minutes for all of them


def chosen(bugs):
    """Of each class its first bug, and every fourth after it."""
    seen = Counter()
    for bug in bugs:
        if seen[bug.kind] % EVERY["bugs"] == 0:
            yield bug
        seen[bug.kind] += 1


@pytest.mark.parametrize("bug", list(chosen(BUGS)), ids=lambda bug: bug.name)
def test_a_planted_bug_is_refuted(bug):
    verdict = checked(bug.right, bug.functions()).verdict
    assert verdict.status == "refuted", verdict


@pytest.mark.parametrize("right", RIGHT[:: EVERY["right"]], ids=lambda right: right.name)
def test_a_right_pair_is_accepted(right):
    verdict = checked(right, right.functions()).verdict
    assert verdict.ok, verdict


def test_every_class_has_bugs_and_there_are_enough_of_both():
    assert {bug.kind for bug in BUGS} == set(CLASSES)
    assert len(BUGS) >= 400
    assert min(Counter(bug.kind for bug in BUGS).values()) >= 5
    assert len(RIGHT) >= 100
    assert len({bug.text for bug in BUGS} | {right.text for right in RIGHT}) == len(BUGS) + len(RIGHT)


def test_a_bug_is_planted_in_one_place_only():
    some = next(right for right in RIGHT if right.name == "dense")
    for old in ("dY", "no such text"):
        with pytest.raises(ValueError, match="not there once"):
            some.bug("sign", old, "-dY")
    with pytest.raises(ValueError, match="no class of bugs"):
        some.bug("typo", "dY @ W.T", "dY @ W")


def test_plain_differences_see_what_is_wrong_everywhere_and_no_more():
    named = {bug.name: bug for bug in BUGS}
    caught = {name: not contenders.central_differences(named[name].right, named[name].functions()) for name in CAUGHT}
    assert caught == CAUGHT


CAUGHT = {"dense, missing sum": True, "dense, size threshold": False, "relu, narrow range": False}
