"""Files that are read, of which a command takes layers, and files and folders that are written."""

import sys

import pytest

from .running import fails, run


def test_a_layer_of_a_file(file):
    result = run("show", f"{file}:gate")
    assert result.exit_code == 0
    assert "Z = X @ W" in result.stdout
    assert "loading" not in result.stdout  # what the file prints is on stderr
    assert "loading" in result.stderr
    assert run("prove", f"{file}:plain").exit_code == 0


def test_a_file_alone(file, tmp_path):
    assert f"{file} has 2 layers" in fails("show", file)
    assert f"try {file}:gate or {file}:plain" in fails("show", file)
    one = tmp_path / "one.py"
    one.write_text(
        "from __future__ import annotations\n"
        "from helper import twice\n"
        'def double(X: "n d"): return twice(X)\n'
        "def helper(x: int) -> int: return x\n"
    )
    (tmp_path / "helper.py").write_text("def twice(X): return 2 * X\n")
    result = run("show", str(one))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("double(X: (n, d))")
    assert not (tmp_path / "__pycache__" / "one.cpython-311.pyc").exists()


def test_a_layer_of_the_catalogue_that_a_file_uses_is_not_one_of_its_own(tmp_path):
    path = tmp_path / "uses.py"
    path.write_text(
        'import derive\ndense = derive.layers["dense"]\n'
        'def _two(X: "n d", W: "d d", b: "d"): return dense(dense(X, W, b), W, b)\n'
        'two = again = derive.layer(_two, title="two")\n'
    )
    assert run("show", str(path)).stdout.startswith("two(")
    assert run("show", f"{path}:dense").exit_code == 0


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(:\n", "bad.py is not Python: invalid syntax"),
        ("\x00", "bad.py"),
        ("x = 1\nraise RuntimeError('no')\n", "raised RuntimeError: no; a file that runs without an error  (bad.py:2)"),
        ("import sys; sys.exit(0)\n", "raised SystemExit: 0"),
        ("import no_such_module\n", "raised ModuleNotFoundError: No module named 'no_such_module'"),
        ("x = 1\n", "bad.py has no layer"),
        ("import derive\nderive.layer(len)\n", "a Python function was wanted  (bad.py:2)"),
        ('def f(X: "n d", Y: "m d"):\n    return X + Y\n', "(n, d)"),
        ('def f(X: "n d"):\n    return X if X > 0 else -X\n', "bad.py:2"),
    ],
)
def test_bad_files(source, message, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert message in fails("prove", str(path))


class_that_cannot_say_itself = "class Mute(Exception):\n    def __str__(self): raise RuntimeError('mute')\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("raise GeneratorExit\n", "bad.py raised GeneratorExit"),
        ("class Odd(BaseException): pass\nraise Odd('no')\n", "bad.py raised Odd: no"),
        ("raise SystemExit(0)\n", "bad.py raised SystemExit: 0"),
        (class_that_cannot_say_itself + "raise Mute\n", "bad.py raised Mute"),
        ('def f(X: "n d"):\n    raise SystemExit(0)\n', "f raised SystemExit"),
        ('def f(X: "n d"):\n    raise GeneratorExit\n', "f raised GeneratorExit"),
    ],
)
@pytest.mark.parametrize("command", ["prove", "generate"])
def test_whatever_a_file_raises_is_wrong_input(source, message, command, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(source)
    assert message in fails(command, str(path))


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_links_that_lead_round_in_a_circle(tmp_path):
    (tmp_path / "a.py").symlink_to(tmp_path / "b.py")
    (tmp_path / "b.py").symlink_to(tmp_path / "a.py")
    assert "cannot read" in fails("show", str(tmp_path / "a.py"))


@pytest.mark.parametrize("change", ["sys.path.clear()", "sys.path = []", "sys.path = None", "sys.path.append('more')"])
def test_a_file_that_changes_the_import_path(change, tmp_path):
    path = tmp_path / "paths.py"
    path.write_text(f'import sys\ndef double(X: "n d"): return 2 * X\n{change}\n')
    paths, before = sys.path, list(sys.path)
    try:
        result = run("show", str(path))
        assert (result.exit_code, result.stdout[:7]) == (0, "double("), result.output
        assert [entry for entry in sys.path if entry != "more"] == before
    finally:
        sys.path = paths
        paths[:] = before


def test_a_folder_that_cannot_be_written_to(pages, file, tmp_path):
    assert "cannot write" in fails("generate", "dense", "-o", file)
    assert "cannot write" in fails("report", "-o", file)
    assert "cannot make the folder" in fails("demo", "-o", file)
    assert "one module can be printed" in fails("generate", "dense", "sigmoid")


def test_a_layer_whose_name_is_a_path_is_not_written(tmp_path):
    path = tmp_path / "escape.py"
    path.write_text('import derive\ndef _f(X: "n d"): return X * 2\nf = derive.layer(_f, title="../escaped")\n')
    assert "a layer named '../escaped'" in fails("generate", f"{path}:f", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "escaped.py").exists()
