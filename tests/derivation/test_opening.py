"""Layers of several lines inside others: opened into their lines, each proved by itself, so that nothing swells."""

import numpy as np
import pytest

import derive

attention = derive.layers["scaled_dot_product_attention"]
normalize = derive.layers["layer_norm"]
dense = derive.layers["dense"]


@derive.layer
def attending(x: "b t e", wq: "e e", wk: "e e"):
    a = attention(x @ wq, x @ wk, x)
    y = x + a
    return y


@derive.layer
def twice(x: "n d", weight: "d", bias: "d"):
    h = normalize(x, weight, bias)
    y = normalize(h, weight, bias)
    return y


@derive.layer
def nested(x: "n d", weight: "d", bias: "d"):
    y = twice(x, weight, bias) * 2
    return y


@derive.layer
def one_line(x: "n d", W: "d m", b: "m"):
    y = dense(x, W, b)
    return y


EQUATIONS = {
    attending: ["query", "key", "S", "P", "a", "y"],
    twice: ["normal", "h", "normal1", "y"],
    nested: ["normal", "h", "normal1", "y1", "y"],
    one_line: ["y"],
}


@pytest.mark.parametrize("layer", EQUATIONS, ids=lambda layer: layer.name)
def test_the_lines_of_a_layer_are_lines_of_what_calls_it(layer):
    assert [e.name for e in layer.equations] == EQUATIONS[layer]
    derivation = layer.derive()
    assert derivation.prove().status == "proved"
    assert max(len(str(step)) for step in derivation.steps) < 220


@pytest.mark.parametrize("layer", EQUATIONS, ids=lambda layer: layer.name)
def test_the_whole_ladder_holds(layer):
    verdict = layer.verify()
    others = {rung.status for rung in verdict.evidence if rung.name != "accuracy"}  # norms of norms lose digits
    assert others == {"proved", "tested"}, str(verdict)
    assert verdict.status == "proved"


def test_a_layer_of_one_line_stays_one_equation():
    assert str(one_line.equations[0]) == "y = dense(x, W, b)"


def test_the_conditions_come_along_in_the_words_of_the_caller():
    @derive.layer
    def inner(a: "k"):
        b = np.log(a)
        c = b - b + a
        d = np.tanh(c)
        return d * d

    @derive.layer
    def outer(x: "n"):
        y = inner(x)
        return y

    assert len(inner.equations) > 1
    assert "x > 0" in outer.derive().prove().assumptions


def test_lines_grow_with_the_depth_and_no_faster():
    def deep(depth):
        def network(x: "n d", weight: "d", bias: "d"):
            for _ in range(depth):
                x = normalize(x, weight, bias)
            return x

        return derive.layer(network).derive()

    lines = [len(deep(depth).steps) for depth in (2, 4, 8)]
    assert lines[2] - lines[1] == 2 * (lines[1] - lines[0])
    assert max(len(str(step)) for step in deep(8).steps) < 1000
