"""A curve stays on its plot."""

from __future__ import annotations

from typing import Any


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
