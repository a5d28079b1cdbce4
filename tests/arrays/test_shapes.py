"""Shape strings, kinds, and what is and is not broadcast."""

import pytest

from derive.arrays.shapes import (
    RESERVED,
    Declaration,
    Kind,
    broadcast,
    check_name,
    concrete,
    declare,
    match_sizes,
    size_names,
    write_declaration,
    write_shape,
)
from derive.errors import DeriveError

from .values import S


def shape(text):
    return declare(text).shape


@pytest.mark.parametrize("text", ["... d", "...", "... n d : bool", "... : int[0,v)"])
def test_leading_axes_are_written_as_they_are_read(text):
    assert str(declare(text)) == text
    assert declare(str(declare(text))) == declare(text)


READ = {
    "": ((), Kind()),
    "n": ((S("n"),), Kind()),
    "n d": ((S("n"), S("d")), Kind()),
    "  n   d ": ((S("n"), S("d")), Kind()),
    "4*k": ((S("4") * S("k"),), Kind()),
    "h*k n+1 3": ((S("h") * S("k"), S("n") + 1, S(3)), Kind()),
    "n-1": ((S("n") - 1,), Kind()),
    "n 0": ((S("n"), S(0)), Kind()),
    "n d : bool": ((S("n"), S("d")), Kind("bool")),
    "n d:bool": ((S("n"), S("d")), Kind("bool")),
    "n : int[0,c)": ((S("n"),), Kind("int", S(0), S("c"))),
    "n : int[0, c-1]": ((S("n"),), Kind("int", S(0), S("c"), scalar=True)),
    ": int[1,3]": ((), Kind("int", S(1), S(4), scalar=True)),
    ": =h": ((), Kind("int", scalar=True, equals=S("h"))),
    "n : int": ((S("n"),), Kind("int")),
    **{f"n d : {kind}": ((S("n"), S("d")), Kind(kind)) for kind in ("unit", "positive", "symmetric", "spd", "stochastic", "onehot", "float")},
    "n c l : stochastic[1]": ((S("n"), S("c"), S("l")), Kind("stochastic", axis=1)),
    "n c : onehot[0]": ((S("n"), S("c")), Kind("onehot", axis=0)),
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_shape_strings(text):
    wanted, kind = READ[text]
    declared = declare(text)
    assert declared == Declaration(wanted, kind)


def test_rows_along_the_last_axis_are_said_in_two_ways():
    assert declare("n c : stochastic[1]") == declare("n c : stochastic")


@pytest.mark.parametrize("text", ["n c : stochastic[2]", "... c l : stochastic[1]", "n c : float[0]", "n : stochastic[-1]"])
def test_rows_run_along_an_axis_that_there_is(text):
    with pytest.raises(DeriveError, match="is not known"):
        declare(text)


def test_leading_axes_are_one_axis_to_the_proof():
    declared = declare("... d")
    assert declared == Declaration((S("batch"), S("d")), leading=True)


@pytest.mark.parametrize("text", [text for text in READ if text == text.strip() and "int[" not in text])
def test_declarations_are_written_as_they_are_read(text):
    declared = declare(text)
    assert declare(str(declared)) == declared
    assert str(declared) == write_declaration(declared.shape, declared.kind)


@pytest.mark.parametrize("kind", ["float", "unit", "positive", "symmetric", "spd", "stochastic", "onehot"])
def test_float_kinds_have_a_gradient(kind):
    assert declare(f"n : {kind}").kind.is_float


@pytest.mark.parametrize("text", ["n : bool", "n : int", "n : int[0,c)", ": =h"])
def test_other_kinds_have_none(text):
    assert not declare(text).kind.is_float


BROADCAST = [
    (["n d", "n d"], "n d"), (["n d", "d"], "n d"), (["n d", ""], "n d"), (["n d", "1 d"], "n d"), (["n d", "n 1"], "n d"),
    (["n 1", "1 d"], "n d"), (["b 1 d", "n 1"], "b n d"), (["1", "1"], "1"), ([], ""), (["2*n", "n+n"], "2*n"),
    (["n d", "m d"], None), (["n d", "n"], None), (["n", "2"], None), (["n+1", "n"], None), (["n d", "n k"], None), (["3", "2"], None),
]  # fmt: skip


@pytest.mark.parametrize(("shapes", "wanted"), BROADCAST)
def test_only_a_literal_1_is_stretched(shapes, wanted):
    """A named size is never stretched silently, although it might happen to be 1."""
    assert broadcast([shape(text) for text in shapes]) == (None if wanted is None else shape(wanted))


MATCH = [
    ("n d", "m k", {"n": "m", "d": "k"}, None),
    ("n n", "m k", {}, "size k came where n was wanted, n being m elsewhere"),
    ("n d", "m", {}, "rank 1 came, rank 2 was wanted"),
    ("3", "n", {}, "size n came where 3 was wanted"),
    ("n n+1", "m m+1", {"n": "m"}, None),
    ("n n+1", "m m", {}, "size m came where n + 1 was wanted, n + 1 being m + 1 elsewhere"),
    ("n+1", "m", {}, None),  # decided once n is known
    ("h h*k", "3 6*m", {"h": "3", "k": "2*m"}, None),
    ("2*k k", "4*h 2*h", {"k": "2*h"}, None),
    ("2*k", "n", {}, "size n came where 2*k was wanted, 2 times something"),
    ("h h*k", "4 6*m", {}, "size 6*m came where h*k was wanted, 4 times something"),
]


@pytest.mark.parametrize(("pattern", "actual", "known", "wrong"), MATCH)
def test_sizes_are_matched(pattern, actual, known, wrong):
    found = {}
    assert match_sizes(shape(pattern), shape(actual), found) == wrong
    if wrong is None:
        assert found == {key: S(value) for key, value in known.items()}


def test_shapes_are_written_as_python_writes_tuples():
    assert [write_shape(shape(text)) for text in ("", "n", "n 2*d")] == ["()", "(n,)", "(n, 2*d)"]


def test_size_names_come_in_order_of_appearance():
    assert size_names([shape("n d"), shape("h*k n")]) == ("n", "d", "h", "k")


def test_concrete_wants_every_name():
    assert concrete(shape("n 2*d"), {"n": 3, "d": 2}) == (3, 4)
    with pytest.raises(DeriveError, match=r"size d with \{'n': 3\}; a number for every name was wanted"):
        concrete(shape("n d"), {"n": 3})


ERRORS = {
    "n,d": "shape 'n,d': 'n,d' is not a size: '(n, d)' is not a name, a whole number, +, -, * or //; names, whole numbers, + - * // were wanted"
           "  (here)\n  try a shape such as \"n d\", \"h*k\", \"n+1\" or \"3\"",
    "n/2": "shape 'n/2': 'n/2' is not a size: 'n / 2' is not a name, a whole number, +, -, * or //; names, whole numbers, + - * // were wanted"
           "  (here)\n  try a shape such as \"n d\", \"h*k\", \"n+1\" or \"3\"",
    "n (": "shape 'n (': '(' is not a size; names, whole numbers, + - * // were wanted  (here)\n"
           "  try a shape such as \"n d\", \"h*k\", \"n+1\" or \"3\"",
    "-1": "shape '-1': the size -1 is negative; a size of at least 0 was wanted  (here)",
    "np d": "a size named 'np'; that name is reserved in Python or in generated code  (here)\n  try another name, such as \"np_\"",
    "n : floaty": "shape 'n : floaty': the kind 'floaty' is not known; one of float, unit, positive, symmetric, spd, stochastic, onehot, int, bool"
                  " was wanted  (here)\n  try \"n d\" for floats, \"n d : bool\" for a mask, \"n : int[0,c)\" for labels",
    "n : int[0,c/2)": "shape 'n : int[0,c/2)': 'c/2' is not a size: 'c / 2' is not a name, a whole number, +, -, * or //; a range of sizes was wanted"
                      "  (here)\n  try \": int[0,c)\"",
    None: "a shape of type NoneType; a shape string such as \"n d\" was wanted  (here)\n  try writing the sizes as text, \"n d\"; \"\" is a scalar",
    ("n", "d"): "a shape of type tuple; a shape string such as \"n d\" was wanted  (here)\n"
                "  try writing the sizes as text, \"n d\"; \"\" is a scalar",
}  # fmt: skip


@pytest.mark.parametrize("text", ERRORS, ids=str)
def test_what_is_not_a_shape_is_said(text):
    with pytest.raises(DeriveError) as error:
        declare(text, "here")
    assert str(error.value) == ERRORS[text]


@pytest.mark.parametrize("name", ["2x", "a b", "a-b", "", "α", "x.y"])
def test_a_name_is_an_identifier_in_ascii(name):
    with pytest.raises(DeriveError) as error:
        check_name(name, "an array", "here")
    assert (
        str(error.value)
        == f'an array named {name!r}; a Python identifier in ASCII was wanted  (here)\n  try a name such as "X" or "W1"'
    )


@pytest.mark.parametrize("name", ["if", "lambda", "None", *sorted(RESERVED)])
def test_a_reserved_name_is_refused(name):
    with pytest.raises(DeriveError) as error:
        check_name(name, "an array", "here")
    wanted = f'an array named {name!r}; that name is reserved in Python or in generated code  (here)\n  try another name, such as "{name}_"'
    assert str(error.value) == wanted


@pytest.mark.parametrize("name", ["X", "W1", "b_", "_x", "sum"])
def test_other_names_are_taken(name):
    check_name(name, "an array")
