"""What Kivy must be told before it is imported and before its window exists."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Final

ICON: Final = Path(__file__).parent / "assets" / "icon.png"
"""Drawn by ``demo_app/draw_icon.py``."""


def need_no_display(kivy_home: Path) -> None:
    """Draw where no display is, the same on every machine; call it before `configure`.

    Parameters
    ----------
    kivy_home : Path
        Where Kivy may write, so that no setting of the user's is read or changed.
    """
    os.environ.update(
        SDL_VIDEODRIVER="offscreen",
        KIVY_WINDOW="sdl2",
        KIVY_CLIPBOARD="dummy",
        KIVY_HOME=str(kivy_home),
        KIVY_NO_ENV_CONFIG="1",
        KIVY_METRICS_DENSITY="1",
        KIVY_METRICS_FONTSCALE="1",
        KIVY_DPI="96",
    )


def configure(width: int, height: int) -> None:
    """Set the window's first size in pixels, and what Kivy would do by itself and should not."""
    os.environ["KIVY_NO_ARGS"] = "1"  # the options of the command line are ours
    # Every library's debugging is not our output; who sets another mode wants to see it.
    if os.environ.setdefault("KIVY_LOG_MODE", "PYTHON") == "PYTHON":
        logging.getLogger("kivy").addFilter(_is_of_concern)
    # A click does what it does in other programs' windows also while one of those is in front,
    # such as that which photos were dragged from. SDL would only raise the window by it.
    os.environ.setdefault("SDL_MOUSE_FOCUS_CLICKTHROUGH", "1")
    from kivy.config import Config
    from kivy.utils import platform

    Config.set("graphics", "width", width)
    Config.set("graphics", "height", height)
    Config.set("graphics", "minimum_width", 320)
    Config.set("graphics", "minimum_height", 480)
    Config.set("kivy", "exit_on_escape", 0)
    if platform != "android":
        # SDL brings touches too; other providers read devices that need rights.
        for provider in Config.options("input"):
            if provider != "mouse":
                Config.remove_option("input", provider)
        Config.set("input", "mouse", "mouse,disable_multitouch")


def _is_of_concern(record: logging.LogRecord) -> bool:
    """Leave out what Kivy warns of in its own code, and what it tries and the app does without.

    That is a library for touches, and a program for what is selected in other windows.
    """
    message = record.getMessage()
    return record.levelno >= logging.ERROR and not any(
        name in message for name in ("MTDev", "Cutbuffer")
    )
