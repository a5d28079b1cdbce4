"""Pages: the committed ones are what would be written now, and they are Markdown that GitHub shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import derive
from derive.emit import report

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def pages():
    return report.pages()


def test_committed_pages_are_rebuilt_byte_for_byte(pages):
    committed = {path.name: path.read_bytes() for path in REPORTS.iterdir()}
    assert committed == {name: text.encode() for name, text in pages.items()}, "derive report writes them again"


def test_there_is_a_page_for_every_layer(pages):
    assert set(pages) == {"README.md"} | {f"{name}.md" for name in derive.layers}


def test_the_same_layer_gives_the_same_page(pages):
    assert report.page(derive.layers["two_layer_network"]) == pages["two_layer_network.md"]


def prose(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.S | re.M)


def test_math_and_tables_are_as_github_wants_them(pages):
    for name, text in pages.items():
        assert text.count("```") % 2 == 0, name
        left = re.sub(r"\$`[^`]*`\$", "", prose(text))
        left = re.sub(r"`[^`]*`", "", left)
        assert "$" not in left, name
        for block in re.findall(r"(?:^\|.*\n)+", prose(text), flags=re.M):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(cells) == 1, (name, block)
        for formula in re.findall(r"\$`([^`]*)`\$", text) + re.findall(r"```math\n(.*?)```", text, flags=re.S):
            assert formula.count("{") == formula.count("}"), (name, formula)
            assert formula.count(r"\left(") == formula.count(r"\right)"), (name, formula)


def test_pages_tell_no_time_place_or_machine(pages):
    import socket

    for text in pages.values():
        assert not re.search(r"\b20\d\d-\d\d-\d\d\b", text)
        assert socket.gethostname() not in text
        assert not re.search(r"\d (ms|seconds|s)\b", text)


def test_a_line_that_is_not_shown_is_told_as_open(monkeypatch):
    monkeypatch.setattr("derive.derivation.sweep.is_adjoint", lambda *args: False)
    text = report.page(derive.layers["dense"])
    assert "Every line is proved" not in text
    assert "? open" in text
    assert "not shown: dX, dW, db" in text
