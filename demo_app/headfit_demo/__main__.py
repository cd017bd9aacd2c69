"""The `headfit-app` command; imports Kivy only when the app starts.

The engine's process is spawned and imports this module again: nothing may happen at import.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
from pathlib import Path

from headfit.engines import ON_ANDROID
from headfit.version import __version__

NEEDED = ("cv2", "kivy", "pi_heif", "platformdirs")
"""What the extra `app` brings."""


def main() -> None:
    """Read the options and run the app until its window closes."""
    multiprocessing.freeze_support()  # in a bundle, this process may be the engine's
    parser = argparse.ArgumentParser(prog="headfit-app", description="Teach your phone to see.")
    parser.add_argument(
        "--camera", metavar="DIR", type=Path, help="show the photos of a folder instead of a camera"
    )
    parser.add_argument("--data", metavar="DIR", type=Path, help="keep projects in this folder")
    parser.add_argument("--extractor", metavar="NAME", help="name or path of another extractor")
    parser.add_argument("--version", action="version", version=f"headfit-app {__version__}")
    options, others = parser.parse_known_args()
    if others and not ON_ANDROID:  # which starts the app with arguments of its own
        parser.error(f"expected one of these options, found {others[0]}")

    try:
        from headfit_demo.window import configure

        configure(1120, 760)
        from headfit_demo.app import DemoApp

        app = DemoApp(
            camera_folder=options.camera, data_folder=options.data, extractor=options.extractor
        )
        _warn_without_display()
        app.run()
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print("headfit-app: the app needs: pip install 'headfit[app]'", file=sys.stderr)
        raise SystemExit(2) from None


def _warn_without_display() -> None:
    """Say what to do where SDL may draw into memory, and no window would ever appear."""
    named = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER")
    if sys.platform == "linux" and not ON_ANDROID and not any(map(os.environ.get, named)):
        print(
            "headfit-app: expected a display, found neither DISPLAY nor WAYLAND_DISPLAY; if no "
            "window appears, stop this (Ctrl-C) and start it on a desktop",
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
