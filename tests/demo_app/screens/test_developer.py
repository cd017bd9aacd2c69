"""The page for developers."""

from __future__ import annotations

import pytest
from tests.support.embedded import MODEL
from tests.support.hand import Hand

from headfit_demo.language import size
from headfit_demo.session import EngineSpeed


def test_developers_copy_the_lines_and_see_the_sizes(
    toys: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kivy.core.clipboard import Clipboard

    toys.app.go("developer")
    toys.settle()
    page = toys.screen
    assert 'ImageClassifier.load("Toys.head")' in page.code
    assert page.extractor_size == f"Extractor: {size(MODEL.stat().st_size)}"
    assert page.head_size.startswith("Head: ")
    assert 0 < page.share < 0.05
    assert page.n_classes == "2"
    assert int(page.accuracy.rstrip("%")) > 90
    toys.press("Copy")
    assert Clipboard.paste() == page.code
    assert toys.notice == "Copied."

    # Real engines take seconds each: test_session times them.
    speeds = (EngineSpeed("popcount", 20.25, ""), EngineSpeed("lce", None, "not installed"))
    monkeypatch.setattr(toys.app.session, "engine_speeds", lambda: speeds)
    toys.press("Measure the engines")
    toys.wait(lambda: page.ids.speeds.children)
    shown = {row.name: row.value for row in page.ids.speeds.children}
    assert shown == {"popcount": "20.2 ms", "lce": "not here"}
    assert not page.is_measuring
