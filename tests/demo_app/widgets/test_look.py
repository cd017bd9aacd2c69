"""What is written can be read."""

from __future__ import annotations

from itertools import product

import pytest


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
