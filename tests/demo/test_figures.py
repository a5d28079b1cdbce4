import xml.etree.ElementTree as ET

import numpy as np
import pytest

from derive.demo.figures import edge_on, hidden_space, losses, regions

DRAW = {
    "losses": lambda runs, controls, path: losses(runs, path),
    "regions": lambda runs, controls, path: regions(runs["plane"], controls["plane"], path),
    "hidden": lambda runs, controls, path: hidden_space(runs["plane"], controls["plane"], path),
}


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_has_the_same_bytes_whatever_the_users_settings(name, runs, controls, tmp_path):
    import matplotlib

    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    DRAW[name](runs, controls, first)
    with matplotlib.rc_context({"font.size": 17, "axes.facecolor": "black", "svg.hashsalt": None}):
        DRAW[name](runs, controls, second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", DRAW)
def test_a_figure_is_small_white_undated_svg(name, runs, controls, tmp_path):
    path = tmp_path / "figure.svg"
    DRAW[name](runs, controls, path)
    text = path.read_text("utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert path.stat().st_size < 150_000
    assert "dc:date" not in text
    assert "fill: #ffffff" in text


def test_every_held_back_point_is_drawn(runs, controls, tmp_path):
    DRAW["regions"](runs, controls, tmp_path / "regions.svg")
    text = (tmp_path / "regions.svg").read_text("utf-8")
    assert sum(path.count("M ") for path in text.split("<path") if "stroke-width: 3.2" in path) == 2 * 400


def test_the_last_layers_cut_is_a_line_in_the_view(runs):
    run = runs["plane"]
    view, cut = edge_on(run)
    np.testing.assert_allclose(view.T @ view, np.eye(2), atol=1e-12)
    X = run.data.held_X
    assert np.array_equal((run.hidden(X) @ view)[:, 0] > cut, run.predict(X)[:, 0] > 0.5)
