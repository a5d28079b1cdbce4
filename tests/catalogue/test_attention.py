"""Attention of several heads beside a second implementation, head by head and row by row, and its options."""

import math

import numpy as np
import pytest

import derive
from derive.emit.readback import read_back

LAYER = derive.layers["multi_head_attention"]
EVERY_KIND = [
    {},
    {"num_heads": 1},
    {"num_heads": 3, "bias": False},
    {"is_causal": True},
    {"mask": "bool", "need_weights": True},
    {"mask": "float", "key_padding_mask": True},
    {"key_padding_mask": True, "is_causal": True},
    {"mask": "bool", "key_padding_mask": True, "num_heads": 2, "use_separate_proj_weight": True},
    {"use_separate_proj_weight": True, "bias": False, "need_weights": True},
]


def written(options):
    return ", ".join(f"{key}={value}" for key, value in options.items()) or "default"


def one_row(q, keys, values, seen, added):
    """The weights of the keys for one query of one head, and what they give."""
    scores = [float(q @ k) / math.sqrt(len(q)) + a for k, a in zip(keys, added, strict=True)]
    powers = [math.exp(s) if here else 0.0 for s, here in zip(scores, seen, strict=True)]
    weights = np.array(powers) / sum(powers)
    return weights, sum((w * v for w, v in zip(weights, values, strict=True)), np.zeros(values.shape[1]))


def head_by_head(heads, causal, query, key, value, **given):
    """One sequence without leading axes: the output, and the weights averaged over the heads."""
    e = query.shape[1]
    m = e // heads
    if "in_proj_weight" in given:
        projections = [given["in_proj_weight"][j * e : (j + 1) * e] for j in range(3)]
    else:
        projections = [given[f"{name}_proj_weight"] for name in "qkv"]
    shifts = np.reshape(given.get("in_proj_bias", np.zeros(3 * e)), (3, e))
    q, k, v = (
        np.array([[row @ w + shift for w, shift in zip(W, b, strict=True)] for row in x]).reshape(len(x), e)
        for x, W, b in zip((query, key, value), projections, shifts, strict=True)
    )
    mask = given.get("attn_mask", np.zeros((len(q), len(k))))
    hidden = mask if mask.dtype == bool else np.zeros(mask.shape, bool)
    added = np.zeros(mask.shape) if mask.dtype == bool else mask
    padded = given.get("key_padding_mask", np.zeros(len(k), bool))
    joined, averaged = np.zeros((len(q), e)), np.zeros((len(q), len(k)))
    for head in range(heads):
        own = slice(head * m, (head + 1) * m)
        for i in range(len(q)):
            seen = [not (hidden[i, j] or padded[j] or (causal and j > i)) for j in range(len(k))]
            weights, joined[i, own] = one_row(q[i, own], k[:, own], v[:, own], seen, added[i])
            averaged[i] += weights / heads
    output = [[row @ w for w in given["out_proj_weight"]] for row in joined]
    return np.reshape(output, (len(q), e)) + given.get("out_proj_bias", 0), averaged


def drawn(layer, lead, rows, s, h, m, dtype=np.float64, seed=0):
    """Inputs of a layer; the first key is always seen."""
    chance = np.random.default_rng(seed)
    sizes = {"l": rows, "s": s, "h": h, "m": m, "c": 4, "d": 5}
    found = {}
    for i in layer.inputs:
        shape = tuple(size.at(sizes).constant for size in i.shape[i.leading :])
        shape = (*lead, *shape) if i.leading else shape
        if i.kind.name == "bool":
            found[i.name] = (chance.random(shape) < 0.4) & (np.arange(shape[-1]) > 0)
        elif i.kind.equals is not None:
            found[i.name] = h
        else:
            found[i.name] = chance.standard_normal(shape).astype(dtype)
    return found


def expected(options, given, heads):
    """The outputs, sequence by sequence."""
    shared = {
        key: value for key, value in given.items() if key not in ("h", "query", "key", "value", "key_padding_mask")
    }
    mine = {key: value for key, value in given.items() if key in ("query", "key", "value", "key_padding_mask")}
    lead, (rows, e), s = given["query"].shape[:-2], given["query"].shape[-2:], given["key"].shape[-2]
    output, weights = np.zeros((*lead, rows, e)), np.zeros((*lead, rows, s))
    for place in np.ndindex(*lead):
        one = {key: value[place] for key, value in mine.items()}
        output[place], weights[place] = head_by_head(heads, options.get("is_causal", False), **one, **shared)
    return output, weights


@pytest.mark.parametrize("options", EVERY_KIND, ids=written)
@pytest.mark.parametrize(
    ("lead", "rows", "s", "m"), [((), 3, 4, 2), ((2,), 4, 3, 1), ((2, 1, 2), 1, 2, 3), ((3,), 2, 1, 2), ((0,), 2, 3, 2)]
)
def test_values_are_those_of_a_second_implementation(options, lead, rows, s, m):
    layer = LAYER.with_options(**options)
    heads = options.get("num_heads", 2)
    given = drawn(layer, lead, rows, s, heads, m)
    output, weights = expected(options, given, heads)
    returned, cache = code_of(options).forward(**given)
    first, *more = returned if options.get("need_weights") else (returned,)
    np.testing.assert_allclose(first, output, rtol=1e-10, atol=1e-12)
    for other in more:
        np.testing.assert_allclose(other, weights, rtol=1e-10, atol=1e-12)
    upstream = tuple(map(np.ones_like, returned)) if more else np.ones_like(returned)
    gradients = code_of(options).backward(upstream, cache)
    assert {key: g.shape for key, g in gradients.items()} == {key: given[key].shape for key in layer.wrt}


_codes = {}


def code_of(options):
    """The generated code, made once."""
    if written(options) not in _codes:
        _codes[written(options)] = LAYER.with_options(**options).derive().compile()
    return _codes[written(options)]


@pytest.mark.parametrize("options", EVERY_KIND, ids=written)
def test_every_kind_is_proved_and_read_back(options):
    derivation = LAYER.with_options(**options).derive()
    assert derivation.prove().status == "proved"
    assert read_back(derivation.numpy(), derivation).status == "proved"


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_the_number_of_heads_as_a_number_or_as_an_input(heads):
    layer = LAYER.with_options(num_heads=heads)
    given = drawn(LAYER, (2,), 3, 4, heads, 8 // heads)
    one, _ = code_of({}).forward(**given)
    other, _ = code_of({"num_heads": heads}).forward(**{key: given[key] for key in given if key != "h"})
    np.testing.assert_array_equal(one, other)
    assert "h" not in [i.name for i in layer.inputs]


def test_the_weights_are_a_second_output():
    assert LAYER.with_options(need_weights=True).outputs == ("output", "attn_output_weights")


def test_float32_stays():
    given = drawn(LAYER, (2,), 3, 4, 2, 3, np.float32)
    output, cache = code_of({}).forward(**given)
    gradients = code_of({}).backward(np.ones_like(output), cache)
    assert {output.dtype, *(g.dtype for g in gradients.values())} == {np.dtype(np.float32)}


def test_a_row_whose_keys_are_all_left_out_attends_to_nothing():
    options = {"mask": "bool"}
    given = drawn(LAYER.with_options(**options), (2,), 3, 4, 2, 3)
    given["attn_mask"] = np.ones((3, 4), bool)
    output, cache = code_of(options).forward(**given)
    np.testing.assert_allclose(output, np.broadcast_to(given["out_proj_bias"], output.shape))
    assert np.isfinite(code_of(options).backward(np.ones_like(output), cache)["query"]).all()


def test_the_gradients_are_those_of_a_textbook():
    lines = {step.adjoint: str(step.expression) for step in LAYER.derive().steps}
    assert lines["dS"] == "P * (dP - (dP * P).sum(axis=3, keepdims=True))"
    assert lines["dQ"] == "dS @ K / np.sqrt(m)"
    assert lines["dK"] == "dS.swapaxes(-1, -2) @ Q / np.sqrt(m)"
    assert lines["dV"] == "P.swapaxes(-1, -2) @ dA"
    assert lines["dquery"] == "dq @ W_q"
    assert lines["din_proj_weight"] == "np.concatenate((dW_q, dW_k, dW_v), axis=0)"


def test_code_that_mixes_up_heads_and_places_is_not_read_back():
    derivation = LAYER.derive()
    right = derivation.numpy()
    for old, new in [
        ("A.transpose(0, 2, 1, 3).reshape(batch, l, h*m)", "A.reshape(batch, l, h*m)"),
        ("q.reshape(batch, l, h, m).transpose(0, 2, 1, 3)", "q.reshape(batch, h, l, m)"),
        ("/ math.sqrt(m)", "/ math.sqrt(h*m)"),
        ("W_k = in_proj_weight[h*m:2*h*m]", "W_k = in_proj_weight[2*h*m:]"),
    ]:
        assert old in right
        assert read_back(right.replace(old, new), derivation).status == "open"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 0}, "num_heads=0; a whole number of at least 1 was wanted"),
        ({"num_heads": 2.5}, "num_heads=2.5; a whole number of at least 1 was wanted"),
        ({"num_heads": "n"}, "num_heads='n'; a whole number of at least 1 was wanted"),
        ({"num_heads": True}, "num_heads=True; a whole number of at least 1 was wanted"),
        ({"mask": "int"}, "mask='int'; one of None, 'bool', 'float' was wanted"),
        ({"mask": "bool", "is_causal": True}, "is_causal=True with mask='bool'; one of the two"),
        ({"bias": 1}, "bias=1; one of True, False was wanted"),
        ({"need_weight": True}, "an option named need_weight"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(derive.DeriveError, match=message.replace("(", r"\(")):
        LAYER.with_options(**options)


def changed(**arrays):
    return {**drawn(LAYER, (2,), 3, 4, 2, 3), **arrays}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (changed(h=0), "h=0; wanted a whole number of at least 1"),
        (changed(h=1.5), "h=1.5; wanted a whole number of at least 1"),
        (changed(h=4), r"wanted query \(..., l, h\*m\)"),
        (changed(query=np.ones((2, 3, 5))), r"query \(2, 3, 5\)"),
        (changed(key=np.ones((3, 4, 6))), "wanted the same leading axes"),
        (changed(in_proj_weight=np.ones((6, 6))), r"in_proj_weight \(6, 6\)"),
        (changed(out_proj_bias=np.ones(7)), r"out_proj_bias \(7,\)"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        code_of({}).forward(**given)


def test_a_mask_of_another_shape_is_refused():
    options = {"mask": "bool", "num_heads": 2}
    given = drawn(LAYER.with_options(**options), (2,), 3, 4, 2, 3)
    with pytest.raises(ValueError, match=r"attn_mask \(4, 3\).*; wanted .*attn_mask \(l, s\)"):
        code_of(options).forward(**{**given, "attn_mask": given["attn_mask"].T})


def test_what_is_assumed_of_a_mask_is_said_of_the_mask():
    told = LAYER.with_options(mask="bool").derive().prove().assumptions
    assert told == ("keep has an entry in each row", "m > 0")
