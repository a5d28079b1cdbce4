"""Claims in Markdown: found by line, decided one by one, written beside, and read again."""

import json

import pytest
from click.testing import CliRunner

import derive
from derive.cli import main
from derive.formulas.markdown import annotated, blocks, decided

NOTES = """# Notes

```derive
X: n d;  W: d m;  b: m;  G: n m
E = sum(G * (X @ W + b))
dE/dW = X.T @ G
dE/db = G     # as many write
dE/dQ = G
```

```python
dE/dX = 3
```

> ~~~ derive
> X: n d; w: d; y: n
> r = X @ w - y
> L = sum(r**2) / 2
> dL/dr = r
> dL/dw = X.T @ (X @ w
>      - y)
> nonsense
> dL/dy = -r
> ~~~
"""


def test_claims_are_found_by_line_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    found = {line: verdict.status for line, verdict in derive.claims(path)}
    assert found == {6: "proved", 7: "refuted", 8: "open", 19: "proved", 20: "proved", 22: "open", 23: "proved"}
    reasons = {line: verdict.reason for line, verdict in derive.claims(str(path))}
    assert "its shape is (n, m), that of b is (m,)" in reasons[7]
    assert "G.sum(axis=0)" in reasons[7]
    assert "'Q'" in reasons[8]
    assert "nonsense" in reasons[22]


def test_verdicts_are_written_beside_claims_once():
    once = annotated(NOTES)
    assert "dE/dW = X.T @ G  #: proved\n" in once
    assert "dE/db = G     # as many write  #: refuted: " in once
    assert ">      - y)  #: proved" in once
    assert annotated(once) == once
    assert [v.status for _, v in decided(once)] == [v.status for _, v in decided(NOTES)]
    assert [line for line in once.split("\n") if "#:" not in line] == [
        line for line, new in zip(NOTES.split("\n"), once.split("\n"), strict=True) if "#:" not in new
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("X: n d\nX: n\n", "a second time"),
        ("X: n d\nE = sum(X)\nE = sum(X)\n", "a second time"),
        ("X: n d\ndE/dX = X\n", "none is stated yet"),
        ("X: n d\nZ = X * 2\ndZ/dX = X\n", "a scalar was wanted"),
        ("np: n d\n", "reserved"),
        ("X: n +\n", "n +"),
        ("E = __import__('os')\n", "__import__"),
        ("(" * 100_000 + "\n", "a declaration, a formula or a claim"),
    ],
)
def test_a_line_that_cannot_be_read_is_open_and_says_why(text, said):
    found = list(decided(f"```derive\n{text}```\n"))
    assert [v.status for _, v in found] == ["open"]
    assert said in found[0][1].reason


def test_a_block_without_an_end_is_read_to_the_end():
    assert [[line.text for line in block] for block in blocks("```derive\nX: n d\n")] == [["X: n d"]]
    assert list(blocks("``derive\nX: n d\n``\n````\n```derive\n```\n````\n")) == []


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(derive.DeriveError, match="cannot read"):
        derive.claims(tmp_path / "none.md")
    (tmp_path / "bytes.md").write_bytes(b"\xff\xfe")
    with pytest.raises(derive.DeriveError, match="UTF-8"):
        derive.claims(tmp_path / "bytes.md")


def test_the_command(tmp_path):
    path = tmp_path / "notes.md"
    path.write_text(NOTES)
    result = CliRunner().invoke(main, ["claims", str(path)])
    assert result.exit_code == 1
    assert "the sum over n is missing" in result.stdout
    assert "def loss" in result.stdout
    assert path.read_text() == NOTES
    told = json.loads(CliRunner().invoke(main, ["claims", str(path), "--json"]).stdout)
    assert [claim["line"] for claim in told["files"][0]["claims"]] == [6, 7, 8, 19, 20, 22, 23]
    assert CliRunner().invoke(main, ["claims", str(path), "--write"]).exit_code == 1
    assert path.read_text() == annotated(NOTES)
    path.write_text("```derive\nX: n d\nE = sum(X)\ndE/dX = 1\n```\n")
    assert CliRunner().invoke(main, ["claims", str(path)]).exit_code == 0
    assert CliRunner().invoke(main, ["claims", str(tmp_path / "none.md")]).exit_code == 2
