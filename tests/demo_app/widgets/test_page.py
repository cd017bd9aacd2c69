"""Pages that scroll: what is seen stays, whatever comes above it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.support.hand import Hand, run_one_frame

GROWS, ROWS = 100.0, 20


@pytest.fixture
def page(toys: Hand) -> Iterator[Any]:
    """A page of rows with a name each, in a column within its column, over the app."""
    from kivy.core.window import Window

    from headfit_demo.widgets import Column, Page, Press

    page, outer, inner = Page(size_hint=(None, None), size=(300, 400)), Column(), Column()
    for number in range(ROWS):
        inner.add_widget(Press(text=f"{number}"))
    outer.add_widget(inner)
    page.add_widget(outer)
    Window.add_widget(page)
    toys.wait(lambda: page.viewport_size[1] > 800)
    yield page
    Window.remove_widget(page)


def row(page: Any, number: int) -> Any:
    """Return a row, counted from above."""
    return page.children[0].children[0].children[ROWS - 1 - number]


def top(widget: Any) -> float:
    """Return how high in the window a widget is."""
    return float(widget.to_window(widget.x, widget.top)[1])


def put_above(page: Any) -> None:
    """Let something high be above all rows."""
    from kivy.uix.widget import Widget

    content = page.children[0]
    content.add_widget(Widget(size_hint_y=None, height=GROWS), index=len(content.children))
    for _ in range(4):
        run_one_frame()


def seen(page: Any) -> list[float]:
    """Return how high all rows are."""
    return [top(row(page, number)) for number in range(ROWS)]


@pytest.mark.parametrize("share", [0.5, 0.0])
def test_what_is_seen_stays_where_it_is(toys: Hand, page: Any, share: float) -> None:
    """Something comes above it, goes, and comes again."""
    page.scroll_y = share
    toys.wait(lambda: True)
    before = seen(page)
    for _ in range(2):
        put_above(page)
        assert seen(page) == pytest.approx(before, abs=1)
        page.children[0].remove_widget(page.children[0].children[-1])
        toys.wait(lambda: True)
        assert seen(page) == pytest.approx(before, abs=1)


def test_what_a_row_above_lost_moves_nothing(toys: Hand, page: Any) -> None:
    """What changes lies in what is seen, above its edge."""
    page.scroll_y = 0.2
    toys.wait(lambda: True)
    first = next(n for n in range(ROWS) if top(row(page, n)) < page.top)
    before = top(row(page, first + 1))
    row(page, first - 2).height += GROWS
    toys.wait(lambda: True)
    assert top(row(page, first + 1)) == pytest.approx(before, abs=1)


def test_a_page_at_its_top_stays_there(toys: Hand, page: Any) -> None:
    """What comes above is seen."""
    before = top(row(page, 0))
    put_above(page)
    assert page.scroll_y == 1
    assert top(row(page, 0)) == pytest.approx(before - GROWS - page.children[0].spacing, abs=1)


def test_what_a_finger_is_on_stays_there(toys: Hand, page: Any) -> None:
    """Though the page is at its top; and once it is let go, what is seen."""
    before = top(row(page, 3))
    finger = toys.hold(row(page, 3))
    put_above(page)
    assert top(row(page, 3)) == pytest.approx(before, abs=1)
    finger.touch_up()
    toys.wait(lambda: True)
    assert top(row(page, 3)) == pytest.approx(before, abs=1)
    put_above(page)
    assert top(row(page, 3)) == pytest.approx(before, abs=1)
