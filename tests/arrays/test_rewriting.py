"""Expressions made anew: nothing is made twice, and what did not change is the same object."""

import derive
from derive.arrays.named import name, substitute
from derive.arrays.operations import Elementwise
from derive.arrays.rewriting import rebuilt, replaced, rewritten, unfolded
from derive.index.size import Size

N, M = Size.of("n"), Size.of("m")
X, Y, Z = (name(label, (N, M)) for label in "XYZ")


def doubled(depth):
    """An expression with 2 ** depth ways from its root to X."""
    array = X
    for _ in range(depth):
        array = array + array
    return array


def test_a_node_over_its_own_operands_is_itself():
    total = X + Y
    assert rebuilt(total, total.operands) is total
    assert rebuilt(total, [X, Y], Elementwise("add")) is total
    assert rebuilt(total, [Y, Y]) is Y + Y
    assert rebuilt(total, total.operands, Elementwise("multiply")) is X * Y


def test_what_does_not_change_is_the_same_object():
    whole = (X + Y) * (X - Y)
    assert rewritten(whole, lambda node, new: new) is whole
    assert replaced(whole, lambda node: None) is whole
    assert replaced(whole, {Z: X}.get) is whole
    left, right = replaced(whole * Z, {Z: X}.get).operands
    assert left is whole
    assert right is X


def test_each_part_is_looked_at_once_however_many_ways_lead_to_it():
    deep, seen = doubled(200), []

    def look(node, new=None):
        seen.append(node)
        return new

    assert rewritten(deep, look) is deep
    assert len(seen) == 201
    seen.clear()
    assert replaced(deep, look) is deep
    assert len(seen) == 201
    assert replaced(deep, {X: Y}.get).names() == ("Y",)


def test_deep_expressions_need_no_deep_calls():
    deep = X
    for _ in range(5_000):
        deep = deep + Y
    assert replaced(deep, {X: Z}.get).names() == ("Z", "Y")
    assert rewritten(deep, lambda node, new: Z if node is X else new).names() == ("Z", "Y")


def test_below_a_part_that_is_replaced_nothing_is_looked_at():
    inner = X + Y
    seen = []

    def instead(node):
        seen.append(node)
        return Z if node is inner else None

    assert replaced(inner * Y, instead) is Z * Y
    assert X not in set(seen)


def test_a_part_is_replaced_once_its_new_parts_are_not():
    assert replaced(X - Y, {X: Y, Y: X}.get) is Y - X


def test_from_the_leaves_up_a_change_sees_what_became_of_the_operands():
    def turned(node, new):
        return {X: Y, Y: X}.get(node, -new)

    assert rewritten(X * Y, turned) is -(Y * X)


def test_a_walk_goes_on_where_another_has_ended():
    done = {}
    first = replaced(X + Y, {X: Z}.get, done)
    assert replaced((X + Y) * X, lambda node: None, done) is first * Z  # what became of X is remembered
    assert rewritten((X + Y) * X, lambda node, new: new, done) is first * Z


def test_sizes_are_replaced_in_operations_that_stay():
    assert substitute(X.sum(axis=0) * 2, {}, {"n": M, "m": N}) is name("X", (M, N)).sum(axis=0) * 2


def test_a_defined_operation_is_unfolded_inside_another_too():
    sigmoid = derive.layers["sigmoid"]
    plain = unfolded(sigmoid(sigmoid(X)))
    assert {node.op.unfold(node) for node in plain.walk()} == {None}
    assert plain is unfolded(sigmoid(unfolded(sigmoid(X))))
    assert unfolded(X + Y) is X + Y
