import re

import pytest

from derive.demo import FILES, showcase
from derive.demo.page import section
from derive.demo.training import Recipe, fit

LINKS = {"losses": "a.svg", "regions": "b.svg", "hidden": "c.svg"}


def test_the_page_has_the_accuracies_and_the_figures(runs, controls):
    text = section(runs, controls, LINKS)
    for name, run in runs.items():
        for share in (run.held_accuracy, controls[name].alone, controls[name].on_hidden):
            assert f"{share:.1%} ({round(share * len(run.data.held_X))} of {len(run.data.held_X)})" in text
    assert f"{controls['plane'].best_line:.1%}" in text
    assert re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text) == ["a.svg", "b.svg", "c.svg"]
    assert "no test of the hidden layer" in text


def test_tables_have_as_many_cells_in_each_row(runs, controls):
    for block in section(runs, controls, LINKS).split("\n\n"):
        rows = [line.count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


@pytest.mark.parametrize(
    ("restarts", "said"),
    [
        ((), None),
        ((0.98, 0.985, 0.985), "From 3 other starting points the same training ends at 98.0% to 98.5%"),
        ((0.98, 0.98, 0.8), "1 of the 3 ended more than 2% below that"),
    ],
)
def test_the_page_tells_of_other_starting_points(restarts, said, runs, controls):
    text = section(runs, controls, LINKS, restarts)
    assert said in text if said else "starting points" not in text
    assert ("can get stuck" in text) == (min(restarts, default=1) < 0.9)


def test_the_page_does_not_hide_a_training_that_failed(module, runs, controls):
    failed = fit(module, runs["plane"].data, Recipe(hidden=3, seed=0, steps=500, rate=50.0))
    text = section({**runs, "plane": failed}, controls, LINKS)
    assert "the plane: the training loss grew without bound" in text
    assert f"reaches {failed.held_accuracy:.1%} on the plane" in text
    assert failed.held_accuracy < 0.7


def test_showcase_draws_tells_and_reports_progress(module, tmp_path):
    told = []
    shown = showcase(module, tmp_path / "demo", "demo/", lambda *where: told.append(where), restarts=1)
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == sorted(FILES.values())
    assert all(f"(demo/{path.name})" in shown.section for path in shown.files)
    assert {name: (done, total) for name, done, total in told} == {
        "plane": (6000, 6000),
        "digits": (3000, 3000),
        "plane, from other starting points": (1, 1),
    }
    assert len(shown.restarts) == 1
