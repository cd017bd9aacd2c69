"""What is cut off, lies over something else, or is too small for a finger."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

FINGER_DP = 48


def seen(widget: Any) -> Iterator[Any]:
    """Yield what is drawn of a widget and in it, from outside to inside."""
    if widget.opacity and widget.width and widget.height:
        yield widget
        for child in widget.children:
            yield from seen(child)


def box(widget: Any) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top in the window."""
    left, bottom = widget.to_window(widget.x, widget.y)
    right, top = widget.to_window(widget.right, widget.top)
    return left, bottom, right, top


def faults(root: Any) -> Iterator[str]:
    """Yield what is cut off or lies over something else, in words."""
    from kivy.uix.boxlayout import BoxLayout
    from kivy.uix.label import Label
    from kivy.uix.stacklayout import StackLayout

    from headfit_demo.widgets import Page
    from headfit_demo.widgets.basics import Press, View, Words
    from headfit_demo.widgets.words import line_width

    left, _, right, _ = box(root)
    for widget in seen(root):
        who = f"{type(widget).__name__} {getattr(widget, 'text', '')!r}"
        x0, _, x1, _ = box(widget)
        if x0 < left - 1 or x1 > right + 1:
            yield f"{who} is outside of the window: {x0:.0f} to {x1:.0f}"
        if isinstance(widget, Label) and not widget.shorten:
            wide, high = widget.texture_size
            if wide > widget.width + 1 or high > widget.height + 1:
                yield f"{who} is cut: {wide} x {high} in {widget.width:.0f} x {widget.height:.0f}"
        if isinstance(widget, Words) and not widget.shorten and widget.width:
            for word in filter(str.isalpha, widget.text.split()):
                wide = line_width(word, round(widget.font_size), widget.bold)
                if wide > widget.width + 4:  # 3 of them are the room for what leans out
                    yield f"{who} breaks {word!r}: {wide} in {widget.width:.0f}"
        if isinstance(widget, Press) and widget.text:
            wide = widget.ids.words.texture_size[0]
            if wide > widget.width:
                yield f"{who} is cut: {wide} in {widget.width:.0f}"
        if isinstance(widget, (BoxLayout, StackLayout)):
            for one, other in combinations([c for c in widget.children if c.opacity], 2):
                a, b = box(one), box(other)
                across = min(a[2], b[2]) - max(a[0], b[0])
                along = min(a[3], b[3]) - max(a[1], b[1])
                if across > 1 and along > 1:
                    yield f"in {who}: {type(one).__name__} over {type(other).__name__}"
        if isinstance(widget, View):
            _, low, _, high = box(widget)
            for label in (one for one in seen(widget) if getattr(one, "text", "")):
                _, y0, _, y1 = box(label)
                if y0 < low - 1 or y1 > high + 1:
                    yield f"{label.text!r} reaches out of its picture"
        if isinstance(widget, Page) and widget.height < 100:
            yield f"{who} leaves {widget.height:.0f} to scroll in"


def cut_names(root: Any) -> Iterator[str]:
    """Yield the names that are written with dots for what has no room."""
    from headfit_demo.widgets.words import NameLabel, broken, line_width, small_enough

    for widget in seen(root):
        if isinstance(widget, NameLabel) and widget.text:
            size, most = round(widget.font_size), int(widget.most_lines)
            of = (int(widget.width), most)
            if most > 1:
                size = small_enough(widget.text, size, widget.bold, *of)
            for line in broken(widget.text, size, widget.bold, *of):
                if line_width(line, size, widget.bold) > widget.width:
                    yield f"{widget.text!r} is cut"


def too_small(root: Any) -> Iterator[str]:
    """Yield what can be touched and is smaller than a finger, in words."""
    from kivy.metrics import dp

    from headfit_demo.widgets import Touchable

    for widget in seen(root):
        if isinstance(widget, Touchable) and not widget.disabled:
            who = f"{type(widget).__name__} {getattr(widget, 'text', '')!r}"
            if min(widget.size) < dp(FINGER_DP):
                yield f"{who} is {widget.width:.0f} x {widget.height:.0f}"
