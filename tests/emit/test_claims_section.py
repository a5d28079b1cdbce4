"""The claims on the page: the table, the paragraphs, GitHub's Markdown, the same bytes each time."""

import ast
import os
import re
import subprocess
import sys

import pytest

import derive
from derive.emit.claims_section import section

NETWORK = derive.layers["two_layer_network"]
PAGE = section(NETWORK)
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def rows():
    lines = [line for line in PAGE.splitlines() if line.startswith("| F")]
    return {cells[0]: cells[1:] for cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)}


def test_every_claim_has_its_row():
    found = rows()
    assert list(found) == [f"F{k}" for k in range(1, 14)]
    assert {key for key, cells in found.items() if "refuted" in cells[1]} == {"F5", "F7", "F11", "F12"}
    assert all(len(cells) == 3 and all(cells) for cells in found.values())
    assert "9 of 13 claims are accepted." in PAGE


def test_special_cases_stand_beside_the_verdict():
    found = rows()
    assert found["F3"][1] == "✓ proved, for n = 1"
    assert found["F4"][1] == "✓ proved, for step size 1"
    assert found["F5"][1] == "✗ refuted"
    assert found["F7"][1] == found["F11"][1] == "✗ refuted; holds for n = 1"
    assert found["F12"][1] == r"✗ refuted for $`\mathrm{d}b`$; holds for n = 1"


def test_a_layer_without_claims_has_no_section():
    assert section(derive.layers["dense"]) == ""


def test_the_corrected_formula_comes_from_the_derivation():
    formulas = re.findall(r"```math\n(.*?)\n```", PAGE, re.DOTALL)
    assert formulas == [
        r"\mathrm{d}Y = Y - T",
        r"\mathrm{d}b_{2} = \mathbf{1}^{\top} \, \mathrm{d}Y",
        r"\mathrm{d}b_{1} = \mathbf{1}^{\top} \, \mathrm{d}Z_{1}",
        r"\mathrm{d}b = \mathbf{1}^{\top} \, \mathrm{d}Y",
    ]


@pytest.mark.parametrize("number", range(4))
def test_the_snippets_run_alone_and_print_what_the_page_says(number):
    done = subprocess.run([sys.executable, "-c", SNIPPETS[number]], capture_output=True, text=True, check=True)
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    paragraph = PAGE.split("### ")[1:][number]
    for key in ("claimed", "expected"):
        said = re.search(rf"\*\*{key}\*\* \| `(.*)` \|", paragraph).group(1)
        assert ast.literal_eval(said) == ast.literal_eval(told[key])
    assert told["claimed"] != told["expected"]


def test_the_snippets_need_numpy_alone():
    assert len(SNIPPETS) == 4
    assert all(re.findall(r"^(?:import|from) .*", text, re.MULTILINE) == ["import numpy as np"] for text in SNIPPETS)


def test_it_is_markdown_as_github_shows_it():
    prose = re.sub(r"```.*?```", "", PAGE, flags=re.DOTALL)
    assert "$" not in re.sub(r"\$`[^`\n]+`\$", "", prose)  # no math but $`..`$
    assert PAGE.count("<details>") == PAGE.count("</details>") == 4
    assert "</summary>\n\n```python" in PAGE  # a blank line, or GitHub shows the fence as text
    for line in prose.splitlines():
        if line.startswith("|"):
            assert line.endswith("|")
            assert line.count("|") in (3, 5)
    assert not re.search(r"[ \t]$", PAGE, re.MULTILINE)


def test_the_same_bytes_in_another_process():
    code = (
        "import sys, derive; from derive.emit.claims_section import section; "
        "sys.stdout.buffer.write(section(derive.layers['two_layer_network']).encode())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout.decode() == PAGE
