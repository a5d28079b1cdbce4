"""What is written to read: report and demo."""

import json
import re
from types import SimpleNamespace

from derive.verdict import Verdict

from .running import run


def test_report(pages, tmp_path):
    result = run("report", "-o", str(tmp_path))
    assert result.exit_code == 0
    assert (tmp_path / "dense.md").read_text() == "# dense\n"
    assert (tmp_path / "figures" / "dense.svg").read_bytes() == b"<svg/>"


def test_report_of_some_layers_and_of_a_file(pages, file, tmp_path):
    result = run("report", "sigmoid", file, "-o", str(tmp_path / "out"))
    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["gate.md", "plain.md", "sigmoid.md"]


def test_report_check(pages, tmp_path):
    assert run("report", "--check", "-o", str(tmp_path / "nowhere")).exit_code == 1
    run("report", "-o", str(tmp_path))
    assert run("report", "--check", "-o", str(tmp_path)).exit_code == 0
    (tmp_path / "dense.md").write_text("# Dense\n")
    (tmp_path / "figures" / "dense.svg").unlink()
    (tmp_path / "old.md").write_text("")
    result = run("report", "--check", "-o", str(tmp_path))
    assert result.exit_code == 1
    assert [line.split(maxsplit=1) for line in result.stdout.splitlines()[1:4]] == [
        ["dense.md", "different"],
        ["figures/dense.svg", "missing"],
        ["old.md", "belongs to no layer"],
    ]
    assert (tmp_path / "dense.md").read_text() == "# Dense\n"
    assert run("report", "--check", "dense", "-o", str(tmp_path)).exit_code == 1


def test_demo(monkeypatch, tmp_path):
    def write(folder, progress):
        progress("training", 1, 2)
        verdict = Verdict("proved", "network")
        return SimpleNamespace(
            report=folder / "report.md",
            module=folder / "module.py",
            verdict=verdict,
            accuracies={"plane": (0.9875, "a disc in a ring")},
        )

    monkeypatch.setattr("derive.demo.report.write", write)
    result = run("demo", "-o", str(tmp_path / "here"))
    assert result.exit_code == 0
    assert re.search(r"^plane +98\.8% +a disc in a ring$", result.stdout, re.MULTILINE)
    assert str(tmp_path / "here" / "report.md") in result.stdout.splitlines()[-1]
    data = json.loads(run("demo", "-o", str(tmp_path / "here"), "--json").stdout)
    assert data["accuracies"]["plane"]["accuracy"] == 0.9875
