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
    path.write_text(f"```derive\nX: n d\nE = sum(X){' + sum(X)' * 3000}\ndE/dX = 1\n```\n")
    long = CliRunner().invoke(main, ["claims", str(path)])
    assert max(map(len, long.stdout.splitlines())) < 250


BLOCK = ["X: n d", "E = sum(X)", "dE/dX = 1"]
WRAPPED = {  # how a block may stand in a file, and the line of its claim
    "Windows line ends": ("```derive\r\n" + "\r\n".join(BLOCK) + "\r\n```\r\n", 4),
    "a byte order mark": ("\ufeff```derive\n" + "\n".join(BLOCK) + "\n```\n", 4),
    "no final newline": ("```derive\n" + "\n".join(BLOCK), 4),
    "tildes": ("~~~ derive\n" + "\n".join(BLOCK) + "\n~~~\n", 4),
    "a longer fence": ("`````derive\n" + "\n".join(BLOCK) + "\n`````\n", 4),
    "a title": ('```derive title="sums"\n' + "\n".join(BLOCK) + "\n```\n", 4),
    "attributes": ("```{.derive #sums}\n" + "\n".join(BLOCK) + "\n```\n", 4),
    "a capital": ("```Derive\n" + "\n".join(BLOCK) + "\n```\n", 4),
    "a list": ("* a\n\n  ```derive\n  " + "\n  ".join(BLOCK) + "\n  ```\n", 6),
    "a list item's first line": ("- ```derive\n  " + "\n  ".join(BLOCK) + "\n  ```\n", 4),
    "a numbered item": ("12. ```derive\n    " + "\n    ".join(BLOCK) + "\n    ```\n", 4),
    "a quote": ("> ```derive\n> " + "\n> ".join(BLOCK) + "\n> ```\n", 4),
    "a list in a quote": ("> - a\n>   ```derive\n>   " + "\n>   ".join(BLOCK) + "\n>   ```\n", 5),
    "tabs": ("```derive\n\t" + "\n\t".join(BLOCK) + "\n```\n", 4),
    "an unclosed bracket before it": ("```derive\nX: n d\nE = sum(X)\nF = sum(X\ndE/dX = 1\n```\n", 5),
}


@pytest.mark.parametrize("place", WRAPPED)
def test_a_block_is_found_wherever_it_may_stand(place, tmp_path):
    text, at = WRAPPED[place]
    assert (at, "proved") in [(line.first, verdict.status) for line, verdict in decided(text)]
    once = annotated(text)
    assert annotated(once) == once
    assert once.count("#: proved") == 1
    assert [line.partition("  #:")[0].rstrip("\r") for line in once.split("\n")] == [
        line.rstrip("\r") for line in text.split("\n")
    ]
    assert [line.endswith("\r") for line in once.split("\n")] == [line.endswith("\r") for line in text.split("\n")]
    (tmp_path / "notes.md").write_bytes(text.encode())
    CliRunner().invoke(main, ["claims", "-w", str(tmp_path / "notes.md")])
    assert (tmp_path / "notes.md").read_bytes() == once.encode()


NO_BLOCKS = {
    "a block shown in another": "````md\n```derive\nX: n\nE = sum(X)\ndE/dX = 2\n```\n````\n",
    "another language": "```derived\nX: n\nE = sum(X)\ndE/dX = 2\n```\n",
    "a word in a sentence": "```derive``` is a language\ndE/dX = 2\n",
}


@pytest.mark.parametrize("place", NO_BLOCKS)
def test_what_is_no_block_is_left_alone(place):
    assert list(decided(NO_BLOCKS[place])) == []
    assert annotated(NO_BLOCKS[place]) == NO_BLOCKS[place]


@pytest.mark.parametrize(("claim", "code"), [("dE/dX = 1", 0), ("dE/dX = 2", 1), ("dE/dX = Y", 3), ("", 0)])
def test_exit_codes_and_a_second_writing_changes_nothing(tmp_path, claim, code):
    path = tmp_path / "notes.md"
    path.write_text(f"```derive\nX: n d\nE = sum(X)\n{claim}\n```\n")
    for _ in range(3):
        assert CliRunner().invoke(main, ["claims", "-w", str(path)]).exit_code == code
        now = path.read_bytes()
        assert CliRunner().invoke(main, ["claims", "-w", "--json", str(path)]).exit_code == code
        assert path.read_bytes() == now
