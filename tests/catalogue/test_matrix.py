"""The matrix functions: their gradients in textbook form, proved, and code that keeps their values."""

import pytest

import derive

GRADIENTS = {
    "trace": {"input": "dE * np.eye(n)"},
    "det": {"A": "dE * E * np.linalg.inv(A).T"},
    "logdet": {"input": "dE * np.linalg.inv(input).T"},
    "inv": {"A": "-Y.T @ dY @ Y.T"},
    "solve": {"A": "-np.linalg.solve(A.T, dY) @ Y.T", "B": "np.linalg.solve(A.T, dY)"},
    "frobenius_norm": {"X": "dE * (X / E)"},
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_read_as_in_a_book_and_are_proved(name):
    derivation = derive.layers[name].derive()
    assert {key: str(value) for key, value in derivation.gradients.items()} == GRADIENTS[name]
    assert derivation.prove().status == "proved"


@pytest.mark.parametrize("name", [*GRADIENTS, "quadratic_form"])
def test_the_whole_ladder(name):
    verdict = derive.layers[name].verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)


def test_a_matrix_must_be_invertible_unless_it_is_declared_so():
    assert derive.layers["inv"].derive().prove().assumptions == ("A is invertible",)
    assert derive.layers["quadratic_form"].with_options(kind="spd").derive().prove().status == "proved"


def test_a_norm_of_large_and_of_small_entries():
    code = derive.layers["frobenius_norm"].derive().compile()
    import numpy as np

    for scale in (1e200, 1e-200, 1.0):
        assert np.isclose(code.forward(np.full((2, 2), scale))[0], 2 * scale, rtol=1e-12)
    assert code.forward(np.zeros((2, 3)))[0] == 0
