"""What is written can be read, and what is drawn can be seen."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

import headfit_demo

PACKAGE = Path(headfit_demo.__file__).parent


def test_text_can_be_read() -> None:
    """WCAG 2.2 AA: contrast of at least 4.5 wherever text is written, in both styles."""
    from headfit_demo.widgets.look import DARK, LIGHT, READABLE, contrast

    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)  # WCAG's own example
    poor = [
        (ink, ground, round(contrast(style[ink], style[ground]), 2))
        for style, (ink, ground) in product((LIGHT, DARK), READABLE)
        if contrast(style[ink], style[ground]) < 4.5
    ]
    assert poor == []


def test_outlines_and_bars_can_be_seen() -> None:
    """WCAG 2.2 AA, 1.4.11: contrast of at least 3 with what lies beside it, in both styles."""
    from headfit_demo.widgets.look import DARK, LIGHT, SEEN, THINGS, contrast

    poor = [
        (line, ground, round(contrast(style[line], style[ground]), 2))
        for style, (line, ground) in product((LIGHT, DARK), SEEN)
        if contrast(style[line], style[ground]) < 3
    ]
    for name, style in (("light", LIGHT), ("dark", DARK)):
        for colour, ground in product(THINGS[name], ("surface", "sunken", "ground")):
            if contrast(colour, style[ground]) < 3:
                poor.append((colour, ground, round(contrast(colour, style[ground]), 2)))
    assert poor == []


def test_every_outline_has_a_colour_that_can_be_seen() -> None:
    """Whatever a rule draws a line with, or lays under a surface as its edge, is held above."""
    from headfit_demo.widgets.look import SEEN

    edge = re.compile(r"Color:\n\s+rgba: ([^\n]+)\n\s+Line:")
    drawn = {
        name
        for path in PACKAGE.rglob("*.kv")
        for expression in edge.findall(path.read_text(encoding="utf-8"))
        for name in re.findall(r"theme\.(\w+)", expression)
    } - {"marks_focus"}
    assert {"ink", "outline", "accent"} <= drawn
    assert drawn <= {line for line, _ in SEEN}
