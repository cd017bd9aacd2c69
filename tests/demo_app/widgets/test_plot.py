"""A curve stays on its plot."""

from __future__ import annotations

from typing import Any

import pytest


def test_a_curve_that_goes_back_stays_on_its_plot(running_app: Any) -> None:
    """Photos that were taught and taken back: fewer photos come after more."""
    from kivy.graphics import Line

    from headfit_demo.widgets import Plot

    plot = Plot(size=(200, 100), pos=(10, 20), top=1)
    plot.points = [(16, 1.0), (35, 0.9), (34, 0.5)]
    lines = [one for one in plot.canvas.before.children if isinstance(one, Line)]
    across = [x for line in lines for x in line.points[::2]]
    assert (min(across), max(across)) == (10, 210)
    assert plot._labels[3].text.startswith("35")


@pytest.mark.parametrize("scale", [1.0, 2.0])
def test_a_curve_is_as_high_beside_larger_words(running_app: Any, scale: float) -> None:
    from kivy.graphics import Line

    from headfit_demo.widgets import theme

    screen = running_app.shell.ids.screens.get_screen("developer")
    plot = screen.ids.loss_curve
    before = theme.text_scale
    theme.text_scale = scale
    try:
        plot.points = [(1, 0.0), (2, 1.0)]
        lines = [one for one in plot.canvas.before.children if isinstance(one, Line)]
        heights = [y for line in lines for y in line.points[1::2]]
        assert max(heights) - min(heights) == pytest.approx(90, abs=1)
    finally:
        theme.text_scale = before
        plot.points = []


def test_numbers_are_written_as_the_language_writes_them(running_app: Any) -> None:
    from headfit_demo.language import tr
    from headfit_demo.widgets import Plot

    tr.language = "de"
    try:
        plot = Plot(size=(200, 100))
        plot.points = [(1, 0.18), (2, 0.1)]
        said = [label.text for label in plot._labels]
    finally:
        tr.language = "en"
    assert "0,18" in said
