"""Home: what greets at the first start."""

from __future__ import annotations

from tests.support.hand import Hand


def test_the_first_start_greets_with_a_head_that_works(hand: Hand) -> None:
    """Each sample picture that is touched is recognised; nothing was taught."""
    thumbs = hand.screen.ids.samples.children
    assert len(thumbs) >= 3
    for thumb in thumbs:
        hand.tap(thumb)
        hand.settle()
        assert hand.screen.ids.bar0.name == thumb.sample.class_name
    assert hand.app.project is None
