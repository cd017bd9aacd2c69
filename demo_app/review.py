"""Draws every screen of the app in many windows, one sheet each: ``make app-review``.

A sheet has a row or two for each combination of look, language and text size, to be looked at.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

from PIL import Image

SIZES = ((360, 800), (800, 480), (1280, 800), (1920, 1080))
STYLES, LANGUAGES, SCALES = ("light", "dark"), ("en", "de"), (1.0, 2.0)
SCREENS = (
    "welcome",
    "teach-empty",
    "teach",
    "photos",
    "recognise",
    "unknown",
    "projects",
    "privacy",
    "settings",
    "developer",
)
SHEET_WIDTH, GAP = 1600, 4


def main() -> None:
    """Draw the sheets of all sizes, or of one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", metavar="WxH", help="of one window only")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wanted = [tuple(map(int, options.size.split("x")))] if options.size else SIZES
    for width, height in wanted:
        with tempfile.TemporaryDirectory() as folder:
            rows = [
                _draw(Path(folder, str(number)), width, height, *how)
                for number, how in enumerate(product(STYLES, LANGUAGES, SCALES))
            ]
            sheet = _sheet(rows, width, height)
            sheet.save(options.folder / f"review-{width}x{height}.webp", quality=75, method=6)


def _draw(folder: Path, width: int, height: int, style: str, language: str, scale: float) -> Path:
    """Draw all screens into a folder; a window's size cannot change, so by another process."""
    subprocess.run(
        [
            *(sys.executable, Path(__file__).with_name("pictures.py"), folder),
            *("--window", "phone", "--size", f"{width}x{height}", "--style", style),
            *("--language", language, "--text", str(scale)),
        ],
        check=True,
    )
    return folder


def _sheet(folders: list[Path], width: int, height: int) -> Image.Image:
    """Put the screens beside and below each other, those of one folder together."""
    columns = len(SCREENS) if height > width else len(SCREENS) // 2
    small_width = (SHEET_WIDTH - GAP * (columns - 1)) // columns
    small = small_width, round(small_width * height / width)
    lines = len(SCREENS) // columns * len(folders)
    sheet = Image.new("RGB", (SHEET_WIDTH, lines * (small[1] + GAP) - GAP), "#808080")
    for place, (folder, screen) in enumerate(product(folders, SCREENS)):
        with Image.open(folder / f"{screen}-phone.png") as picture:
            shown = picture.convert("RGB").resize(small, Image.Resampling.LANCZOS)
        line, column = divmod(place, columns)
        sheet.paste(shown, (column * (small[0] + GAP), line * (small[1] + GAP)))
    return sheet


if __name__ == "__main__":
    main()
