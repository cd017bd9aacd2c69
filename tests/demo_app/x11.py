"""A screen without a monitor, and what is on it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image

SCREEN = (1280, 800)


@contextmanager
def screen() -> Iterator[str]:
    """Run a screen without a monitor, and give its name."""
    read, write = os.pipe()
    size = "{}x{}x24".format(*SCREEN)
    with subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", size, "-nolisten", "tcp"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    ) as server:
        os.close(write)
        try:
            with os.fdopen(read) as numbers:
                yield f":{numbers.readline().strip()}"
        finally:
            server.terminate()


def picture_of(display: str) -> Image.Image:
    """Return what the screen shows."""
    from Xlib import X
    from Xlib.display import Display

    connection = Display(display)
    try:
        root = connection.screen().root
        raw = root.get_image(0, 0, *SCREEN, X.ZPixmap, 0xFFFFFFFF)
        return Image.frombuffer("RGB", SCREEN, raw.data, "raw", "BGRX", 0, 1)
    finally:
        connection.close()
