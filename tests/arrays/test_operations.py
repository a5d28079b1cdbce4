"""Every operation: its meaning, its shape rule and its NumPy spelling say the same."""

import pytest

from derive.arrays.functions import FUNCTIONS
from derive.arrays.operations import Elementwise
from derive.arrays.shapes import concrete

from .cases import CASES, operations
from .values import assert_same, entry_values, sizes_for, text_value, values_for, work

OPERATIONS = sorted(operations(), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.__name__)
def test_every_operation_has_a_case(kind):
    assert any(type(array.op) is kind for array in CASES.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_scalar_function_has_a_case(function):
    assert any(array.op == Elementwise(function) for array in CASES.values())


@pytest.mark.parametrize("array", CASES.values(), ids=CASES)
def test_meaning_and_numpy_spelling_have_the_same_value(array):
    tried = list(sizes_for(array))
    assert tried
    for seed, sizes in enumerate(tried):
        arrays = values_for([array], sizes, seed)
        got = text_value(array, sizes, arrays)
        assert got.shape == concrete(array.shape, sizes)
        assert_same(got, entry_values(array, sizes, arrays), work(array, sizes))


@pytest.mark.parametrize("array", CASES.values(), ids=CASES)
def test_the_kind_of_a_result_is_numpys(array):
    sizes = next(iter(sizes_for(array)))
    value = text_value(array, sizes, values_for([array], sizes))
    assert (array.kind == "bool") == (value.dtype == bool)


@pytest.mark.parametrize("kind", OPERATIONS, ids=lambda kind: kind.__name__)
def test_every_operation_states_its_rule(kind):
    cases = [array for array in CASES.values() if type(array.op) is kind]
    assert all(array.op.rule for array in cases)
    assert all("=>" in array.op.rule or "no adjoint" in array.op.rule for array in cases if array.operands)


@pytest.mark.parametrize(
    "array", [a for a in CASES.values() if a.operands], ids=[k for k, a in CASES.items() if a.operands]
)
def test_sizes_are_replaced_inside_an_operation(array):
    from derive.arrays.named import substitute
    from derive.arrays.shapes import size_names
    from derive.index.size import Size

    names = size_names(node.shape for node in array.walk())
    moved = substitute(array, {}, {name: Size.of(f"{name}_") for name in names})
    assert all(name.endswith("_") for name in size_names(node.shape for node in moved.walk()))
    assert substitute(moved, {}, {f"{name}_": Size.of(name) for name in names}) is array
