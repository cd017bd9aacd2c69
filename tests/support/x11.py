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


@contextmanager
def window_in_front(display: str) -> Iterator[None]:
    """Have another program's window that has the keyboard."""
    from Xlib import X
    from Xlib.display import Display

    connection = Display(display)
    try:
        screen = connection.screen()
        window = screen.root.create_window(
            0, 0, 40, 40, 0, screen.root_depth, background_pixel=screen.white_pixel
        )
        window.change_attributes(event_mask=X.FocusChangeMask)
        window.map()
        connection.flush()
        while connection.next_event().type != X.FocusIn:
            pass
        yield
    finally:
        connection.close()


def icon_of(display: str, window: int) -> Image.Image:
    """Return the icon that a window gives its frame and the bar of programs."""
    from Xlib.display import Display

    connection = Display(display)
    try:
        name = connection.intern_atom("_NET_WM_ICON")
        width, height, *pixels = (
            connection.create_resource_object("window", window).get_full_property(name, 0).value
        )
        raw = b"".join(pixel.to_bytes(4, "little") for pixel in pixels[: width * height])
        return Image.frombytes("RGBA", (width, height), raw, "raw", "BGRA")
    finally:
        connection.close()


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
