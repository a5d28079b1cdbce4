"""Wrong usage, and names of layers that there are not: exit code 2."""

import pytest

import derive

from .running import fails, run


def test_wrong_usage():
    assert "No such command 'shw'" in fails("shw")
    assert "No such option" in fails("show", "dense", "--jsn")
    assert "Missing argument 'NAME...'" in fails("show")
    assert run().exit_code == 2


def test_unknown_layer():
    assert fails("show", "dens") == (
        f"Error: no layer named 'dens'; one of {', '.join(derive.layers)} was wanted  (argument NAME)\n  try dense\n"
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "[bold]x[/bold]",
        "../../etc/passwd",
        "dense;ls",
        "\udcff",
        "名",
        "dense\n",
        "x" * 5000,
        "\x00.py",
        "[red].py:x",
        "-.py:",
        "--:a",
        ".py",
        ".py:a",
        ":",
        "a:b:c",
    ],
)
def test_hostile_names(name):
    for command in ("show", "prove", "generate", "report"):
        result = run(command, "--", name)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: ")
        assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{file}:nope", "has no 'nope'; a derive.Layer, or a function"),
        ("{file}:number", "number in {file} is int"),
        ("{file}:a-b", "{file} has no 'a-b'"),
        ("{file}:no_layer", "a shape of type type; a shape string"),
        ("{file}:", "{file} has no ''"),
        ("nowhere.py:x", "there is no file 'nowhere.py'"),
        ("{folder}.py", "there is no file"),
    ],
)
def test_bad_names_in_a_file(name, message, file, tmp_path):
    assert message.format(file=file) in fails("show", name.format(file=file, folder=tmp_path))
