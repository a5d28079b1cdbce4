"""The figures of pages."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

import derive
from derive.emit.accuracy import curves
from derive.emit.figures import ulp_over_range, worst_by_octave

matplotlib = pytest.importorskip("matplotlib")


def test_the_worst_of_an_octave_is_rounded_up():
    points = [(0.5, 0.2), (0.9, 3.0), (1.0, 4.0), (2.5, math.inf), (5.0, 4.1)]
    assert worst_by_octave(points) == [(-1, 4.0), (0, 4.0), (1, math.inf), (2, 8.0)]


def test_a_figure_has_the_same_bytes_whatever_the_users_settings(tmp_path):
    derivation = derive.layers["sigmoid"].derive()
    first, second = tmp_path / "first.svg", tmp_path / "second.svg"
    ulp_over_range(curves(derivation, derivation.compile()), "sigmoid", first)
    with matplotlib.rc_context({"font.size": 17, "svg.hashsalt": None}):
        ulp_over_range(curves(derivation, derivation.compile()), "sigmoid", second)
    assert first.read_bytes() == second.read_bytes()
    text = first.read_text("utf-8")
    assert ET.fromstring(text).tag.endswith("svg")
    assert "dc:date" not in text
    assert first.stat().st_size < 100_000
