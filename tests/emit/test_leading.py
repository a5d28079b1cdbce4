"""Layers declared "... d" take any number of leading axes, and refuse those that do not belong together."""

import numpy as np
import pytest

import derive
from derive.emit.readback import read_back


@derive.layer
def project(input: "... d", weight: "m d"):
    output = input @ weight.T
    return output


@derive.layer
def scores(query: "... l d", key: "... s d"):
    return query @ key.swapaxes(-1, -2)


@derive.layer
def total(input: "... d"):
    return (input * input).sum()


@pytest.mark.parametrize("lead", [(), (3,), (2, 3), (1, 2, 1), (0, 2), (2, 0)])
def test_any_leading_axes(lead):
    code = project.derive().compile()
    chance = np.random.default_rng(0)
    x, w = chance.standard_normal((*lead, 4)), chance.standard_normal((5, 4))
    y, cache = code.forward(x, w)
    dy = chance.standard_normal(y.shape)
    grads = code.backward(dy, cache)
    np.testing.assert_allclose(y, x @ w.T)
    np.testing.assert_allclose(grads["input"], dy @ w)
    np.testing.assert_allclose(grads["weight"], dy.reshape(-1, 5).T @ x.reshape(-1, 4))
    assert grads["input"].shape == x.shape


def test_the_code_is_read_back_and_attacked():
    for layer in (project, scores, total):
        verdict = layer.verify()
        assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
        assert "read-back" in [rung.name for rung in verdict.evidence]


def test_a_scalar_output_gives_the_leading_axes_back():
    code = total.derive().compile()
    y, cache = code.forward(np.ones((2, 3, 4)))
    assert y == 24
    assert code.backward(1.0, cache)["input"].shape == (2, 3, 4)


def test_shapes_that_do_not_fit_are_told_as_they_came():
    code = project.derive().compile()
    with pytest.raises(ValueError, match=r"input \(2, 3, 4\), weight \(5, 3\); wanted input \(..., d\)"):
        code.forward(np.ones((2, 3, 4)), np.ones((5, 3)))
    _, cache = code.forward(np.ones((2, 3, 4)), np.ones((5, 4)))
    with pytest.raises(ValueError, match=r"doutput \(3, 2, 5\); wanted the leading axes \(2, 3\)"):
        code.backward(np.ones((3, 2, 5)), cache)
    with pytest.raises(ValueError, match=r"doutput \(2, 3, 6\); wanted \(2, 3, 5\)"):
        code.backward(np.ones((2, 3, 6)), cache)
    with pytest.raises(ValueError, match=r"key \(3, 2, 4\); wanted query \(..., l, d\), key \(..., s, d\)"):
        scores.derive().compile().forward(np.ones((2, 3, 4)), np.ones((3, 2, 4)))


def test_inside_a_network_leading_axes_are_joined_and_put_back():
    @derive.layer
    def network(x: "n t d", w: "m d"):
        y = project(x, w)
        return (y * y).sum()

    verdict = network.verify()
    assert {verdict.status, *(rung.status for rung in verdict.evidence)} <= {"proved", "tested"}, str(verdict)
    with pytest.raises(derive.DeriveError, match="the same leading axes"):

        @derive.layer
        def clash(q: "n h t d", k: "h n t d"):
            return scores(q, k)


@pytest.mark.parametrize(
    ("statement", "lie"),
    [
        ("dinput.reshape(*lead, *dinput.shape[1:])", "2 * dinput"),
        ("return output.reshape(*lead, *output.shape[1:])", "return -output"),
    ],
)
def test_a_lie_at_the_door_is_not_proved(statement, lie):
    derivation = project.derive()
    source = derivation.numpy()
    assert statement in source
    assert read_back(source, derivation).status == "proved"
    assert read_back(source.replace(statement, lie), derivation).status == "open"


def test_a_lost_leading_axis_is_refuted_by_the_properties():
    from derive.emit.ladder import attacked

    derivation = project.derive()
    source = derivation.numpy()
    wrong = source.replace("dinput.reshape(*lead, *dinput.shape[1:])", "dinput")
    assert attacked(derivation, source, 40).rung.status == "tested"
    assert attacked(derivation, wrong, 40).rung.status == "refuted"
