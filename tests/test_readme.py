"""What the README shows is what happens.  ``python tests/test_readme.py`` writes the outputs into it anew."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def shown(text: str) -> Iterator[tuple[str, list[str], re.Match[str], str]]:
    """Each example: its title, its command, the fence that shows its output, and what stands there before that."""
    fences = list(FENCE.finditer(text))
    for fence, after in zip(fences, [*fences[1:], None], strict=True):
        language, body = fence.groups()
        line = text.count("\n", 0, fence.start()) + 1
        if language == "python":
            followed = after is not None and after[1] == "text" and not text[fence.end() : after.start()].strip()
            assert followed, f"README.md:{line}: a Python block is followed by its output"
            yield f"line {line}", [sys.executable, "-W", "error", body], after, ""
        elif body.startswith("$ "):
            first = body.splitlines(keepends=True)[0]
            assert first.startswith("$ derive "), f"README.md:{line}: only derive is run"
            yield f"line {line}", [sys.executable, "-m", *shlex.split(first[2:])], fence, first


def output(command: list[str]) -> str:
    """What the command prints; a Python program is put into a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        if command[1] == "-W":
            program = Path(folder) / "example.py"
            program.write_text(command[-1], encoding="utf-8")
            command = [*command[:-1], str(program)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", cwd=folder, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return re.sub(r"[ \t]+$", "", done.stdout, flags=re.MULTILINE).rstrip("\n") + "\n"


EXAMPLES = list(shown(README.read_text(encoding="utf-8")))


@pytest.mark.parametrize(("command", "fence", "first"), [e[1:] for e in EXAMPLES], ids=[e[0] for e in EXAMPLES])
def test_every_example_prints_what_is_shown(command, fence, first):
    assert first + output(command) == fence[2]


def test_the_table_of_commands_is_that_of_the_program():
    from derive.cli import main

    rows = re.findall(r"^\| `derive (\w+)", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(main.commands)


def test_ci_runs_the_readme_s_test_command():
    command = "pip install '.[test]' && pytest"
    assert f"\n{command}\n" in README.read_text(encoding="utf-8")
    assert f'"{command}"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_the_map_names_what_is_there():
    text = README.read_text(encoding="utf-8")
    tree = text[text.index("## The house") :]
    there = {path.name for path in (ROOT / "derive").iterdir() if path.is_dir() and path.name != "__pycache__"}
    named = set(re.findall(r"(\w+)/", tree[: tree.index("tests/")])) - {"derive"}
    assert named == there


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (ROOT / target).exists(), target


def rewrite() -> None:
    """Put the outputs of today into the README."""
    text = README.read_text(encoding="utf-8")
    for _, command, fence, first in reversed(EXAMPLES):
        text = text[: fence.start(2)] + first + output(command) + text[fence.end(2) :]
    README.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    rewrite()
