"""Settings of Kivy that must be made before its window exists; import this before any widget."""

from __future__ import annotations

from kivy.config import Config
from kivy.utils import platform


def configure(width: int, height: int) -> None:
    """Set the window's first size in pixels, and what Kivy would do by itself and should not."""
    Config.set("graphics", "width", width)
    Config.set("graphics", "height", height)
    Config.set("graphics", "minimum_width", 320)
    Config.set("graphics", "minimum_height", 480)
    Config.set("kivy", "exit_on_escape", 0)
    Config.set("kivy", "log_level", "warning")
    if platform != "android":
        # SDL brings touches too; other providers read devices that need rights.
        for provider in Config.options("input"):
            if provider != "mouse":
                Config.remove_option("input", provider)
        Config.set("input", "mouse", "mouse,disable_multitouch")
