"""Draws the app's icon: ``python demo_app/draw_icon.py demo_app/headfit_demo/assets/icon.png``.

Signs that never change, and beside them the head that is taught.
"""

from __future__ import annotations

import sys

from PIL import Image, ImageDraw

SIDE = 512
DRAWN_AT = 4
"""Times as large, and then made smaller: PIL's shapes have hard edges."""

GROUND, SIGN, OTHER_SIGN, HEAD = "#0A6A5B", "#FFFFFF", "#4F978B", "#F2C572"
SIGNS = ("101", "011", "100", "110")
MARGIN, CELL, GAP = 84, 62, 32


def main() -> None:
    """Draw it into the file that the command line names."""
    icon = Image.new("RGBA", (SIDE * DRAWN_AT, SIDE * DRAWN_AT))
    draw = ImageDraw.Draw(icon)

    def box(x: int, y: int, width: int, height: int, radius: int, colour: str) -> None:
        corners = [DRAWN_AT * at for at in (x, y, x + width, y + height)]
        draw.rounded_rectangle(corners, DRAWN_AT * radius, fill=colour)

    box(0, 0, SIDE, SIDE, 112, GROUND)
    for row, signs in enumerate(SIGNS):
        for column, sign in enumerate(signs):
            x, y = (MARGIN + at * (CELL + GAP) for at in (column, row))
            box(x, y, CELL, CELL, 16, SIGN if sign == "1" else OTHER_SIGN)
    box(MARGIN + 3 * (CELL + GAP), MARGIN, CELL, SIDE - 2 * MARGIN, 31, HEAD)
    icon.resize((SIDE, SIDE), Image.Resampling.LANCZOS).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
