"""Views of photos as files and stores hold them; ``docs/head-format.md`` says how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from headfit.files.fields import Fields, canonical_json
from headfit.learning.origin import MAX_VIEWS, MAX_ZOOM, View


def views_as_json(views: Sequence[View]) -> list[dict[str, float | bool]]:
    """Return what JSON writes of views; equal ones give equal values."""
    return [
        {
            name: bool(value) if name == "is_flipped" else float(value) + 0.0
            for name, value in asdict(view).items()
        }
        for view in views
    ]


def views_text(views: Sequence[View]) -> str:
    """Return the one text of views."""
    return canonical_json(views_as_json(views))


def views_from_json(value: object, source: str) -> tuple[View, ...]:
    """Check and return views; `headfit.errors.FileFormatError` if they are wrong."""
    whole = Fields({"views": value}, source)
    if not isinstance(value, list) or not 1 <= len(value) <= MAX_VIEWS:
        raise whole.fault(f"a list of 1 to {MAX_VIEWS} views", value)
    return tuple(_view(Fields(one, f"{source}, view {i}")) for i, one in enumerate(value))


def _view(fields: Fields) -> View:
    view = View(
        zoom=fields.number("zoom", 1, MAX_ZOOM),
        x=fields.number("x", 0, 1),
        y=fields.number("y", 0, 1),
        is_flipped=fields.boolean("is_flipped"),
    )
    fields.done()
    return view
