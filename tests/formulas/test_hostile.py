"""Hostile claims: an answer that names what is wrong, in bounded time and memory, wherever the text goes to."""

import json
import time
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive.errors import DeriveError
from derive.evidence.seeded import BACKEND
from derive.formulas.markdown import annotated, decided
from derive.formulas.words import words

words()  # the catalogue is loaded before anything is measured
SECONDS, BYTES = 20, 300_000_000  # generous: what is unbounded is far beyond
SHAPES = {"X": "n d", "w": "d", "A": "n n", "x": "n"}
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def bounded(action):
    """What an action gives, or the error that it ends in, in processor time and memory that are bounded."""
    tracemalloc.start()
    began = time.process_time()
    try:
        found = action()
    except DeriveError as error:
        found = error
    finally:
        spent, (_, most) = time.process_time() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert spent < SECONDS
    assert most < BYTES
    return found


TEXTS = {
    "parentheses": "(" * 1_000_000,
    "closed parentheses": "(" * 500_000 + "x" + ")" * 500_000,
    "brackets": "x" + "[0" * 1000 + "]" * 1000,
    "powers of powers": "9**9**9",
    "a large power": "2**10**6",
    "a power of a name": "x ** 9**9",
    "many signs": "-" * 3000 + "x",
    "many sums": "+".join(["x"] * 1500),
    "many products": "*".join(["x"] * 1500),
    "many transposes": "X" + ".T" * 1500,
    "many attributes": "x" + ".a" * 1500,
    "many calls": "exp(" * 900 + "x" + ")" * 900,
    "many comparisons": "<".join(["x"] * 1000),
    "many digits": "1" * 3900,
    "many letters": "x" * 3900,
    "many zeros": "0." + "0" * 3900 + "1",
    "a long einsum": f"einsum('{LETTERS * 70}', X)",
    "many operands": f"einsum('{','.join(['ij'] * 700)}', {', '.join(['X'] * 300)})",
    "a null byte": "x\x00",
    "a surrogate": "x\ud800",
    "lambda": "(lambda: x)()",
    "a comprehension": "sum([y for y in x])",
    "a generator": "sum(y for y in x)",
    "an f-string": "f'{x}'",
    "a walrus": "(y := x)",
    "a star": "sum(*x)",
    "keywords": "sum(**x)",
    "await": "await x",
    "dunder": "x.__class__.__base__.__subclasses__()",
    "import": "__import__('os').system('true')",
    "a huge array": "ones(10**9, 10**9)",
    "a huge identity": "eye(10**9)",
    "a long slice": "x[10**30:]",
    "bytes": "b'x'",
    "complex": "1j * x",
    "ellipsis": "...",
    "a string": "'x' * 10**9",
}


@pytest.mark.parametrize("what", TEXTS)
def test_a_hostile_formula_is_an_error_or_a_verdict(what):
    for arguments in ((f"sum({TEXTS[what]})", "x", "x"), ("sum(x)", "x", TEXTS[what])):
        found = bounded(lambda given=arguments: derive.claim(*given, SHAPES))
        if isinstance(found, DeriveError):
            assert len(str(found)) < 1500
            str(found).encode()
        else:
            assert found.status in ("refuted", "open")


CLAIMS = {  # well-formed, and meant to cost much
    "a long sum": ("sum(ones(999999999))", "x", "x", {"x": "n"}),
    "a long axis": ("sum(x)", "x", "2*x", {"x": "999999999 n"}),
    "a long fixed vector": ("sum(x ** 2)", "x", "x", {"x": "100000000"}),
    "a picture": ("sum(x ** 2)", "x", "x", {"x": "28 28"}),
    "high rank": ("sum(x ** 2)", "x", "x", {"x": " ".join("abcdefghijkl")}),
    "a letter a size": ("sum(x ** 2)", "x", "x", {"x": " ".join(f"n{k}" for k in range(60))}),
    "a wide contraction": (
        f"einsum('{','.join(LETTERS[k : k + 2] for k in range(0, 20, 2))}->', {', '.join(['A'] * 10)})",
        "A",
        "A",
        {"A": "n n"},
    ),
    "a long cycle": (f"trace({' @ '.join(['A'] * 18)})", "A", "A", {"A": "n n"}),
    "a power of a sum": ("sum((x + y + z + v + w) ** 40)", "x", "x", dict.fromkeys("xyzvw", "n")),
    "powers within powers": ("sum(((x ** 50 + 1) ** 50 + 1) ** 50)", "x", "x", {"x": "n"}),
    "determinants of determinants": ("det(A @ inv(A @ inv(A @ A + eye(n)) + A) + A)", "A", "A", {"A": "n n"}),
    "many steps": ("sum(" + " * ".join(f"relu(x - {k})" for k in range(12)) + ")", "x", "x", {"x": "n"}),
}


@pytest.mark.parametrize("what", CLAIMS)
def test_a_costly_claim_ends_and_is_not_accepted(what):
    found = bounded(lambda: derive.claim(*CLAIMS[what]))
    assert isinstance(found, DeriveError) or found.status in ("refuted", "open")


def test_a_chain_of_doublings_ends():
    lines = ["x: n", "A0 = x", *[f"A{k + 1} = A{k} * A{k} + A{k}" for k in range(40)], "E = sum(A40)", "dE/dx = x"]
    text = "```derive\n" + "\n".join(lines) + "\n```\n"
    ((_, verdict),) = bounded(lambda: list(decided(text)))
    assert verdict.status in ("refuted", "open")


PIECES = ["x", "X", "A", "w", "n", "d", "1", "0.5", "+", "-", "*", "/", "**", "@", "(", ")", "[", "]", ":", ",", ".T", "sum", "softmax",
          "einsum", "'ij->i'", "axis=", "None", "...", "where", ">", ".reshape", "np.", " ", "lambda", "__class__", "if", "for", "\n", "#",
          "`", "```", "é", "ᵀ", "\\", "'", '"', "{", "}", "=", ";", "inv", "dE/dx", "dE/dX", "E", "onehot", "int[0,c)", "\r", "\t", "> ", "- "]  # fmt: skip
soup = st.one_of(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), st.text(max_size=40))


@settings(max_examples=100, deadline=None, database=None, derandomize=True, backend=BACKEND)
@given(soup, soup, st.sampled_from(["x", "X", "A"]))
def test_any_two_texts_are_a_claim_or_an_error(forward, gradient, wrt):
    with suppress(DeriveError):
        verdict = derive.claim(f"sum({forward})", wrt, gradient, SHAPES)
        json.dumps(verdict.to_dict())


@settings(max_examples=100, deadline=None, database=None, derandomize=True, backend=BACKEND)
@given(st.lists(soup, max_size=8), st.sampled_from(["", "> ", "- "]))
def test_any_lines_are_a_block_and_writing_twice_is_writing_once(lines, prefix):
    text = prefix + ("\n" + prefix.replace("-", " ")).join(["```derive", "x: n", "E = sum(x)", *lines, "```"])
    for line, verdict in decided(text):
        assert 1 <= line.first <= line.last <= text.count("\n") + 1
        assert str(verdict)
    assert annotated(annotated(text)) == annotated(text)
