"""The desktop's look: programs of the same names play those that are asked."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.hand import Hand

from headfit_demo.platforms.system_look import system_look


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder in which programs are looked for first."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr("headfit_demo.platforms.system_look.PATIENCE_S", 60.0)  # of a busy machine
    return folder


def play(folder: Path, name: str, answer: str, status: int = 0) -> None:
    """Let a program of this name say something, and note what it was asked."""
    program = folder / name
    program.write_text(
        f"#!/bin/sh\necho \"$@\" > '{folder}/asked'\necho '{answer}'\nexit {status}\n"
    )
    program.chmod(0o755)


@pytest.mark.parametrize(
    ("system", "name", "dark", "light"),
    [
        ("linux", "gdbus", "(<<uint32 1>>,)", "(<<uint32 2>>,)"),
        ("darwin", "defaults", "Dark", ""),
        ("win32", "reg", "AppsUseLightTheme REG_DWORD 0x0", "AppsUseLightTheme REG_DWORD 0x1"),
    ],
)
def test_the_system_is_asked(programs: Path, system: str, name: str, dark: str, light: str) -> None:
    """Where it does not answer, nothing is said."""
    play(programs, name, dark)
    assert system_look(system) == "dark"
    play(programs, name, light)
    assert system_look(system) == "light"
    play(programs, name, dark, status=1)
    assert system_look(system) == ("light" if system == "darwin" else None)
    (programs / name).write_bytes(b"\0")
    assert system_look(system) is None
    assert system_look("plan9") is None


def test_the_app_follows_it(hand: Hand, programs: Path) -> None:
    """At the first start, whenever the window is in front again, and not once a look was chosen."""
    from kivy.core.window import Window

    from headfit_demo.widgets import theme

    def look_away_and_back() -> None:
        Window._focus = False
        Window._focus = True

    look_away_and_back()
    for answer, look in (("uint32 1", "dark"), ("uint32 0", "light"), ("uint32 1", "dark")):
        play(programs, "gdbus", answer)
        look_away_and_back()
        hand.wait(lambda look=look: theme.style == look)
    hand.app.go("settings")
    hand.press("Light")
    assert theme.style == "light"
    (programs / "asked").unlink()
    look_away_and_back()
    hand.settle()
    assert not (programs / "asked").exists()
    hand.press("As the system")
    hand.wait(lambda: theme.style == "dark")
