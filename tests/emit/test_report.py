"""Pages: the committed ones are what would be written now, and they are Markdown that GitHub shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import derive
from derive.emit import report
from derive.emit.legend import legend
from derive.rules.proof import DIFFERENT

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def pages():
    """The committed pages."""
    return {path.name: path.read_text(encoding="utf-8") for path in REPORTS.glob("*.md")}


@pytest.mark.parametrize("name", ["dense", "sigmoid", "two_layer_network"])
def test_committed_pages_are_rebuilt_byte_for_byte(name):
    """A few of them; ``derive report --check``, which CI runs as well, takes all."""
    for file, content in report.illustrated(derive.layers[name], f"{name}.md").items():
        wanted = content.encode() if isinstance(content, str) else content
        assert (REPORTS / file).read_bytes() == wanted, "derive report writes them again"


def test_there_is_a_page_for_every_layer_and_no_other(pages):
    assert set(pages) == {"README.md", "textbook.md"} | {f"{name}.md" for name in derive.layers}
    linked = {file for text in pages.values() for file in re.findall(r"\]\((figures/[^)]+)\)", text)}
    assert {path.relative_to(REPORTS).as_posix() for path in REPORTS.glob("figures/*")} == linked


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


def test_a_page_says_how_its_formulas_are_read():
    text = report.page(derive.layers["softmax"])
    assert r"$`\operatorname{rowsum}(A)`$ has the shape of $`A`$" in text
    assert "square brackets" not in text
    assert r"\mathrm{d}\mathit{input} &= \mathit{output} \odot \left(\mathrm{d}\mathit{output} - \operatorname{rowsum}" in text
    assert "| `output` | `(..., d)` | output | float |" in text


def test_a_page_is_rebuilt_by_a_command_that_there_is():
    @derive.layer
    def softmax(x: "n d"):
        return x * x

    @derive.layer
    def squared(x: "n d"):
        return x * x

    assert "`derive report dense` writes" in report.page(derive.layers["dense"])
    assert report.rebuilt(squared).startswith("`derive report FILE.py:squared`")
    assert "`derive report FILE.py:softmax`, with the file that has the layer, writes" in report.page(softmax)
    assert report.rebuilt(derive.layers["conv2d"].with_options(stride=2)).startswith("`derive report FILE.py:conv2d`")


def test_the_number_of_a_name_is_no_place():
    layer = derive.layers["two_layer_network"]
    assert "counted from 0" not in legend(layer, [report.gradients(layer.derive())])


def test_gradients_without_a_matrix_form_are_sums_over_indices():
    text = report.gradients(derive.layers["conv2d"].derive())
    assert r"\mathrm{d}\mathit{weight}_{o,c,i,j} &= \sum_{n,y,x} \mathit{input}_{n,c,y + i,x + j} \, \mathrm{d}Y_{n,o,y,x}" in text
    assert "windows" not in text
    text = report.gradients(derive.layers["avg_pool2d"].derive())
    assert r"\sum_{i,j,k<2,l<2 \,:\, 2 i + k = h,\, 2 j + l = w} \tfrac{1}{4} \, \mathrm{d}Y_{n,c,i,j}" in text


def test_a_diagram_names_operations_and_no_formulas():
    text = report.program_diagram(derive.layers["scaled_dot_product_attention"])
    assert '_S["S<br>transpose, matmul, sqrt, divide"]' in text


def test_the_index_has_every_layer_once_by_family():
    text = report.index(derive.layers)
    assert [text.count(f"[{name}]({name}.md)") for name in derive.layers] == [1] * len(derive.layers)
    assert "## Activations" in text


def test_a_line_that_is_not_shown_is_told_as_open(monkeypatch):
    monkeypatch.setattr("derive.derivation.sweep.is_adjoint", lambda *args: DIFFERENT)
    text = report.page(derive.layers["dense"])
    assert "Every line is proved" not in text
    assert "? open" in text
    assert "not shown: dX, dW, db" in text
