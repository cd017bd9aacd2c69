"""``headfit-app``: what the command itself says, before there is a window."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from headfit.version import __version__
from headfit_demo import __main__ as command


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the app was started with, without Kivy."""
    seen: list[Any] = []
    app = SimpleNamespace(run=lambda: None)
    monkeypatch.setitem(
        sys.modules,
        "headfit_demo.app",
        SimpleNamespace(DemoApp=lambda **options: seen.append(options) or app),
    )
    monkeypatch.setitem(
        sys.modules, "headfit_demo.window", SimpleNamespace(configure=lambda *size: None)
    )
    monkeypatch.setenv("DISPLAY", ":0")
    return seen


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> None:
    monkeypatch.setattr(sys, "argv", ["headfit-app", *words])
    command.main()


def test_options_that_there_are_not(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Are refused; but Android starts the app with what it likes."""
    for word in ("--camra", "photos"):
        with pytest.raises(SystemExit, match="2"):
            run(monkeypatch, word)
        assert f"expected one of these options, found {word}" in capsys.readouterr().err
    assert started == []
    monkeypatch.setattr(command, "ON_ANDROID", True)
    run(monkeypatch, "--camra")
    assert len(started) == 1


def test_the_version(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        run(monkeypatch, "--version")
    assert capsys.readouterr().out == f"headfit-app {__version__}\n"


@pytest.mark.skipif(sys.platform != "linux", reason="SDL finds a display elsewhere")
def test_without_a_display_it_says_why_there_is_no_window(
    started: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """SDL would draw into memory for ever; on a console it may find a screen, so it goes on."""
    run(monkeypatch)
    assert capsys.readouterr().err == ""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    run(monkeypatch)
    assert "found neither DISPLAY nor WAYLAND_DISPLAY" in capsys.readouterr().err
    assert len(started) == 2
