"""Whatever can be pressed shows it: under the mouse, while it is pressed, and with the focus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.hand import Hand
from tests.support.photos import THINGS, picked, write_folder

BALLOON, BOAT, _ = THINGS


def kinds_of(kind: type) -> Iterator[type]:
    """Yield a class and all that are made from it."""
    yield kind
    for one in kind.__subclasses__():
        yield from kinds_of(one)


def seen(root: Any) -> Iterator[Any]:
    """Yield what can be pressed, of what is drawn."""
    from headfit_demo.widgets import Touchable

    if not root.opacity or not root.width or not root.height:
        return
    if isinstance(root, Touchable) and not root.disabled:
        yield root
    for child in root.children:
        yield from seen(child)


def picture(widget: Any) -> bytes:
    """Return what is drawn of a widget and in it."""
    return bytes(widget.export_as_image().texture.pixels)


def unlike(hand: Hand, widget: Any) -> list[str]:
    """Return in which states a widget looks as it does at rest; the ring needs room around it."""
    from headfit_demo.widgets import theme

    def show(**states: Any) -> bytes:
        for name, value in states.items():
            setattr(widget, name, value)
        hand.wait(lambda: abs(widget.veil - wanted(widget)) < 1e-6)
        return picture(widget.parent)

    def wanted(widget: Any) -> float:
        return widget.PRESSED if widget.state == "down" else widget.HOVERED * widget.is_hovered

    rest = show(is_hovered=False, state="normal")
    hovered, pressed = show(is_hovered=True), show(state="down")
    show(state="normal", is_hovered=False)
    theme.marks_focus, widget.focus = True, True
    focused = show()
    theme.marks_focus, widget.focus = False, False
    found = {"hovered": hovered, "pressed": pressed, "focused": focused}
    same = [f"at rest, {name}" for name, one in found.items() if one == rest]
    return same + (["hovered, pressed"] if hovered == pressed else [])


def test_all_that_can_be_pressed_shows_it(toys: Hand, tmp_path: Path) -> None:
    """Of every kind of button one at least, in each of its looks."""
    from kivy.core.window import Window

    from headfit_demo.widgets import FileWindow, Touchable

    write_folder(tmp_path / "photos", 1, (BOAT,))
    toys.app.sight.look_at(picked(BOAT, 1, seed=9)[0])
    toys.wait(lambda: toys.app.sight.recent.answers)
    tried: dict[tuple[type, str, type], list[str]] = {}

    def try_all(root: Any) -> None:
        for widget in list(seen(root)):
            key = type(widget), str(getattr(widget, "kind", "")), type(widget.parent)
            if key not in tried:
                tried[key] = unlike(toys, widget)

    toys.app.show(toys.app.project)
    toys.app.notify("Something")
    for page in ("home", "teach", "photos", "recognise", "privacy", "developer", "settings"):
        toys.app.shell.ids.screens.get_screen("photos").class_name = BOAT
        toys.app.go(page)
        toys.settle()
        try_all(toys.app.shell)
    toys.app.shell.size_hint, toys.app.shell.size = (None, None), (360, 800)
    toys.wait(lambda: True)
    try_all(toys.app.shell)
    toys.app.shell.size_hint = (1, 1)
    window = FileWindow(frozenset({".jpg"}), done=lambda paths: None)
    window.open(animation=False)
    window.go(tmp_path)
    toys.wait(lambda: toys.rows())
    try_all(Window.children[0])
    window.dismiss(animation=False)

    assert {key: same for key, same in tried.items() if same} == {}
    ours = {one for one in kinds_of(Touchable) if not one.__subclasses__()}
    assert ours - {kind for kind, _, _ in tried} == set()


def test_the_mouse_marks_what_lies_under_it(toys: Hand) -> None:
    """On a page that was scrolled, too; beside everything and outside the window, nothing."""
    from kivy.core.window import Window

    def move_to(widget: Any) -> None:
        Window.dispatch("on_cursor_enter")
        Window.mouse_pos = widget.to_window(*widget.center)
        toys.wait(lambda: True)

    toys.app.go("settings")
    toys.wait(lambda: True)
    first, other = toys.find("Light"), toys.find("Deutsch")
    move_to(first)
    assert first.is_hovered
    move_to(other)
    assert (first.is_hovered, other.is_hovered) == (False, True)
    Window.dispatch("on_cursor_leave")
    toys.wait(lambda: True)
    assert not other.is_hovered
    move_to(other)
    page = next(one for one in other.walk_reverse() if type(one).__name__ == "Page")
    page.scroll_y = 0.0
    toys.wait(lambda: True)
    move_to(other)
    assert other.is_hovered
    other.disabled = True
    move_to(other)
    move_to(toys.screen.ids.style)  # between words lies one of them
    assert not other.is_hovered
    other.disabled = False
    Window.dispatch("on_cursor_leave")
