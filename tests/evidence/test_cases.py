import numpy as np
import pytest
from hypothesis import HealthCheck, find, given, settings
from hypothesis.errors import NoSuchExample

from derive.arrays.shapes import declare
from derive.errors import DeriveError
from derive.evidence.cases import Signature, cases
from derive.evidence.conditions import condition
from derive.evidence.seeded import BACKEND
from derive.evidence.values import LAYOUTS, laid_out

quick = settings(  # what is drawn must not depend on the modules that other tests have loaded
    max_examples=60,
    database=None,
    deadline=None,
    derandomize=True,
    backend=BACKEND,
    suppress_health_check=list(HealthCheck),
)


def signature(*outputs, where=(), **inputs):
    declared = {name: declare(text) for name, text in inputs.items()}
    return Signature(declared, tuple(declare(text).shape for text in outputs), tuple(where))


KINDS = signature(
    "n",
    "4*k n+1",
    X="n d",
    m="n : bool",
    labels="n : int[0,d)",
    pad=": int[1,3]",
    heads=": =k",
    p="n : unit",
    q="n : positive",
    S="d d : symmetric",
    C="d d : spd",
    P="n d : stochastic",
    Y="n d : onehot",
    s="",
)


@quick
@given(cases(KINDS, positive_sizes=frozenset({"d"})))
def test_kinds_and_shapes_are_respected(case):
    n, d, k = case.sizes["n"], case.sizes["d"], case.sizes["k"]
    x = case.inputs
    assert d >= 1
    assert x["X"].shape == (n, d)
    assert x["s"].shape == ()
    assert [g.shape for g in case.upstream] == [(n,), (4 * k, n + 1)]
    assert x["m"].dtype == bool
    assert x["labels"].dtype == np.int64
    assert np.all((x["labels"] >= 0) & (x["labels"] < d))
    assert type(x["pad"]) is int
    assert 1 <= x["pad"] <= 3
    assert x["heads"] == k
    assert np.all((x["p"] > 0) & (x["p"] < 1))
    assert np.all(x["q"] > 0)
    assert np.array_equal(x["S"], x["S"].T)
    assert np.all(np.linalg.eigvalsh(x["C"]) > 0)
    assert np.all(x["P"] > 0)
    assert np.all(np.abs(x["P"].sum(-1) - 1) <= d * np.finfo(float).eps)
    assert np.all(np.sort(x["Y"], axis=-1)[:, -1] == 1)
    assert np.all(x["Y"].sum(-1) == 1)


@quick
@given(cases(signature("h+2*pad-p+1", X="h", W="p", pad=": int[1,3]", where=["h + 2*pad >= p", "p != 2"])))
def test_conditions_are_obeyed_and_may_name_plain_ints(case):
    sizes = case.sizes
    assert sizes["h"] + 2 * sizes["pad"] >= sizes["p"] != 2
    assert case.upstream[0].shape == (sizes["h"] + 2 * sizes["pad"] - sizes["p"] + 1,)


def test_sizes_differ_are_one_and_are_zero():
    drawn = []

    @settings(quick, max_examples=400)
    @given(cases(signature("n m", X="n d", W="d m")))
    def collect(case):
        drawn.append(tuple(case.sizes.values()))

    collect()
    assert sum(len(set(sizes)) == 3 for sizes in drawn) > len(drawn) / 3
    assert all(any(sizes[axis] == value for sizes in drawn) for axis in range(3) for value in (0, 1, 6))


def test_smallest_bounds_every_size():
    with pytest.raises(NoSuchExample):
        find(
            cases(signature("", X="n d"), smallest=1),
            lambda case: 0 in case.sizes.values(),
            settings=settings(quick, max_examples=200),
        )


@quick
@given(cases(signature("n", X="n 2"), dtype=np.float32))
def test_layouts_keep_values_and_upstream_is_never_ones(case):
    arguments = case.arguments()
    assert arguments["X"].dtype == np.float32
    assert np.array_equal(arguments["X"], case.inputs["X"])
    assert arguments["X"] is not case.inputs["X"]
    assert not case.upstream[0].size or np.any(case.upstream[0] != 1)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_what_they_say(layout):
    x = laid_out(np.arange(12.0).reshape(3, 4), layout)
    assert np.array_equal(x, np.arange(12.0).reshape(3, 4))
    assert x.flags.c_contiguous == (layout in ("C", "read-only"))
    assert x.flags.f_contiguous == (layout == "F")
    assert x.flags.writeable == (layout != "read-only")
    assert np.shape(laid_out(np.array(2.0), layout)) == ()


def test_a_case_shrinks_to_small_sizes_and_simple_numbers():
    strategy = cases(signature("n", X="n d"))
    case = find(strategy, lambda case: case.inputs["X"].size >= 2, settings=settings(quick, max_examples=200))
    assert case.inputs["X"].size == 2
    assert case.layout == "C"
    assert np.array_equal(case.inputs["X"], np.round(case.inputs["X"]))


def test_impossible_conditions_are_a_users_error():
    with pytest.raises(DeriveError, match="no sizes from 0 to 6 obey n > 100"):
        cases(signature("", X="n", where=["n > 100"]))


@pytest.mark.parametrize(
    "text",
    [
        "n",
        "n + 1",
        "f(n) > 1",
        "n.x > 1",
        "n ** 9 > 1",
        "n > 1.5",
        "[n] == 1",
        "n >",
        "True",
        "n is 1",
        "(" * 150 + "n" + ")" * 150 + ">1",
    ],
)
def test_a_condition_is_parsed_never_run(text):
    with pytest.raises(DeriveError, match="condition"):
        condition(text)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("1 <= n < d", True),
        ("d % n == 0 and not n == d", True),
        ("n > d or -n // 2 == -1", True),
        ("n % 0 == 0", False),
    ],
)
def test_a_condition_means_what_it_says(text, truth):
    assert condition(text).holds({"n": 2, "d": 4}) is truth
