"""Forms of sums: what is the same along a row leaves its sum, and a sum of products is a contraction."""

import pytest

from derive.arrays import build
from derive.arrays.named import Named
from derive.arrays.operations import Einsum
from derive.rules.forms.rows import factor_before_the_sum, sum_of_products
from derive.rules.simplify import simplify
from derive.rules.stable import is_proved, stabilized

from ..arrays.values import N, assert_same, node_values, values_for, work

X, Y, w = N("X", "n c h"), N("Y", "n c h"), N("w", "c")
SIZES = {"n": 2, "c": 3, "h": 4}
GIVEN = {"D": simplify(X * w[:, None]), "Q": simplify(X * Y * w[:, None])}
D, Q = N("D", "n c h"), N("Q", "n c h")
LEAVES = [
    (X * Y * w[:, None]).sum(axis=0),
    D.sum(axis=(0, 2)),
    (D * Y).sum(axis=(0, 2)),
]
STAYS = [X.sum(axis=0), (X * Y).sum(axis=0), (X * w[:, None]).sum(axis=1), Q.sum(axis=(0, 2))]


def definition(part):
    return GIVEN.get(part.op.label, part) if isinstance(part.op, Named) else part


@pytest.mark.parametrize("node", LEAVES, ids=str)
def test_what_is_the_same_along_a_row_leaves_the_sum(node):
    after = factor_before_the_sum(node, definition)
    assert after.shape == node.shape
    assert is_proved(node, after, GIVEN)
    assert not is_proved(node, 2 * after, GIVEN)
    arrays = values_for([node, after, X, w], SIZES, 0)
    arrays |= {key: node_values(formula, SIZES, arrays)[formula] for key, formula in GIVEN.items() if key == "D"}
    assert_same(node_values(after, SIZES, arrays)[after], node_values(node, SIZES, arrays)[node], 8 * work(after, SIZES))


@pytest.mark.parametrize("node", STAYS, ids=str)
def test_nothing_leaves_where_it_would_save_nothing(node):
    assert factor_before_the_sum(simplify(node), definition) is None


@pytest.mark.parametrize(("axes", "spec"), [(0, "nch,nch->ch"), ((0, 2), "nch,nch->c"), (2, "nch,nch->nc")])
def test_a_sum_of_products_is_a_contraction_with_the_letters_of_its_sizes(axes, spec):
    after = sum_of_products((X * Y).sum(axis=axes), definition)
    assert isinstance(after.op, Einsum)
    assert after.op.spec == spec
    assert sum_of_products(build.sum(X * Y), definition) is None  # a sum of all is more exact in pairs


def test_letters_that_are_not_apart_are_others():
    A = N("A", "h1 h2")
    assert "ab,ab->b" in str(stabilized((A * A).sum(axis=0), {}))
