"""The app's rooms are entered by their doors, and a door names what is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

import headfit_demo

PACKAGE = Path(headfit_demo.__file__).parent
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))


def test_there_are_rooms() -> None:
    assert ROOMS == ["language", "platforms", "screens", "session", "widgets"]


def test_nobody_reaches_past_a_door() -> None:
    """Who is outside of a room imports the room, never a file in it."""
    past = []
    for path in PACKAGE.rglob("*.py"):
        here = path.relative_to(PACKAGE).parts[0]
        found = re.findall(r"\bheadfit_demo\.(\w+)\.\w+ import", path.read_text(encoding="utf-8"))
        past += [(str(path), room) for room in found if room != here]
    assert past == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_door_names_what_is_there(room: str) -> None:
    """Each name is taken by somebody outside, or the door need not name it."""
    door = importlib.import_module(f"headfit_demo.{room}")
    outside = [
        path.read_text(encoding="utf-8")
        for root in (PACKAGE.parent, Path(__file__).parents[1])
        for path in [*root.rglob("*.py"), *root.rglob("*.kv")]
        if PACKAGE / room not in path.parents
    ]
    for name in door.__all__:
        assert hasattr(door, name)
        assert any(re.search(rf"\b{name}\b", text) for text in outside), name
