"""The `headfit-app` command; imports Kivy only when the app starts.

The engine's process is spawned and imports this module again: nothing may happen at import.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from pathlib import Path

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
    # Android starts the app without arguments of ours.
    options, _ = parser.parse_known_args()

    try:
        from headfit_demo.window import configure

        configure(1120, 760)
        from headfit_demo.app import DemoApp

        DemoApp(
            camera_folder=options.camera, data_folder=options.data, extractor=options.extractor
        ).run()
    except ModuleNotFoundError as error:
        if error.name not in NEEDED:
            raise
        print("headfit-app: the app needs: pip install 'headfit[app]'", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
