"""Icons, drawn by Pillow from a few strokes each, so that they are sharp at every size."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from kivy.graphics import Color, Rectangle
from kivy.graphics.texture import Texture
from kivy.properties import ColorProperty, NumericProperty, StringProperty
from kivy.uix.widget import Widget
from PIL import Image, ImageDraw

from headfit_demo.widgets.textures import cover_texture

GRID: Final = 24
_FINER: Final = 4

# Strokes on a grid of 24, y down. L: line through points. P: filled polygon. C: circle
# (x, y, radius). D: disc. R: rectangle (left, top, right, bottom, corner). A: arc (left, top,
# right, bottom, from, to in degrees).
STROKES: Final = {
    "home": "L 3 11.5 12 4 21 11.5; L 5.5 10 5.5 20 18.5 20 18.5 10; L 10 20 10 14.5 14 14.5 14 20",
    "teach": "L 12 5.5 2.5 10 12 14.5 21.5 10 12 5.5; L 6.5 12.5 6.5 16.5; L 17.5 12.5 17.5 16.5; "
    "A 6.5 12.5 17.5 19.5 0 180; L 21.5 10 21.5 15.5",
    "eye": "A 1 6 23 24 205 335; A 1 0 23 18 25 155; C 12 12 3.2",
    "shield": "L 12 3 4.5 6 4.5 12; A 4.5 4 19.5 20.5 95 180; A 4.5 4 19.5 20.5 0 85; "
    "L 19.5 12 19.5 6 12 3; L 8.7 11.7 11.2 14.2 15.5 9.5",
    "code": "L 8 6.5 2.5 12 8 17.5; L 16 6.5 21.5 12 16 17.5; L 13.8 4.5 10.2 19.5",
    "settings": "L 3 7 10.5 7; L 15.5 7 21 7; C 13 7 2.5; "
    "L 3 17 6.5 17; L 11.5 17 21 17; C 9 17 2.5",
    "plus": "L 12 5 12 19; L 5 12 19 12",
    "camera": "R 2.5 7 21.5 19.5 2.5; L 7.5 7 9.2 4.2 14.8 4.2 16.5 7; C 12 13 3.6",
    "photo": "R 3 4 21 20 2.5; D 8.3 9 1.6; L 3.5 17.5 9.5 12.5 13 15.5 16.5 11.5 20.5 15.5",
    "trash": "L 4 6.5 20 6.5; L 9 6.5 9 3.5 15 3.5 15 6.5; L 6 6.5 7 20.5 17 20.5 18 6.5; "
    "L 10 10.5 10 16.5; L 14 10.5 14 16.5",
    "edit": "L 4 20 4.8 15.5 15.8 4.5 19.5 8.2 8.5 19.2 4 20; L 13.3 7 17 10.7",
    "undo": "L 8.5 4.5 4 9 8.5 13.5; L 4 9 14.5 9; A 9 9 20 20 270 90; L 14.5 20 9 20",
    "redo": "L 15.5 4.5 20 9 15.5 13.5; L 20 9 9.5 9; A 4 9 15 20 90 270; L 9.5 20 15 20",
    "export": "L 12 15 12 3.5; L 7.5 8 12 3.5 16.5 8; L 4 14.5 4 20.5 20 20.5 20 14.5",
    "import": "L 12 3.5 12 15; L 7.5 10.5 12 15 16.5 10.5; L 4 14.5 4 20.5 20 20.5 20 14.5",
    "switch": "A 4.5 4.5 19.5 19.5 190 320; L 14.3 6.4 19 6.6 19.2 1.9; "
    "A 4.5 4.5 19.5 19.5 10 140; L 9.7 17.6 5 17.4 4.8 22.1",
    "check": "L 4.5 12.5 10 18 20 7",
    "close": "L 6 6 18 18; L 18 6 6 18",
    "back": "L 14.5 5 7.5 12 14.5 19",
    "next": "L 9.5 5 16.5 12 9.5 19",
    "more": "D 12 5.5 1.7; D 12 12 1.7; D 12 18.5 1.7",
    "warning": "L 12 4 21.5 20 2.5 20 12 4; L 12 10 12 14.5; D 12 17.2 1.1",
    "copy": "R 8.5 8.5 20.5 20.5 2.5; L 5 15.5 3.5 15.5 3.5 3.5 15.5 3.5 15.5 5",
    "play": "P 7 4.5 19.5 12 7 19.5",
    "stop": "R 6 6 18 18 1.5",
    "folder": "L 3 19.5 3 5 9.5 5 11.5 7.5 21 7.5 21 19.5 3 19.5",
    "spark": "L 12 3 14 10 21 12 14 14 12 21 10 14 3 12 10 10 12 3",
    "twins": "R 3 7 14.5 18.5 2; L 8 4 21 4 21 16",
    "lock": "R 5 11 19 20.5 2; A 7.5 3.5 16.5 14 180 360; L 7.5 9 7.5 11; L 16.5 9 16.5 11",
    "none": "C 12 12 8.5; L 6 18 18 6",
}


class Icon(Widget):
    """One icon in one colour, as large as the widget's shorter side."""

    name = StringProperty("")
    color = ColorProperty("#000000")
    stroke = NumericProperty(1.9)

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.bind(name=self._redraw, color=self._redraw, size=self._redraw, pos=self._redraw)
        self._redraw()

    def _redraw(self, *_: object) -> None:
        self.canvas.clear()
        side = int(min(self.size))
        if not self.name or side < 4:
            return
        with self.canvas:
            Color(*self.color)
            Rectangle(
                texture=_texture(self.name, side, self.stroke),
                size=(side, side),
                pos=(
                    int(self.x + (self.width - side) / 2),
                    int(self.y + (self.height - side) / 2),
                ),
            )


def draw_icon(name: str, side: int, stroke: float = 1.9) -> Image.Image:
    """Return an icon as its coverage: mode L, ``side`` pixels square, white where it is drawn."""
    scale = side * _FINER / GRID
    picture = Image.new("L", (side * _FINER, side * _FINER))
    pen = ImageDraw.Draw(picture)
    width = max(1, round(stroke * scale))
    for text in STROKES[name].split(";"):
        kind, *numbers = text.split()
        values = [float(number) * scale for number in numbers]
        if kind == "L":
            points = list(zip(values[::2], values[1::2], strict=True))
            pen.line(points, 255, width, "curve")
            for x, y in points:  # round ends and corners
                pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255)
        elif kind == "P":
            pen.polygon(list(zip(values[::2], values[1::2], strict=True)), 255)
        elif kind in "CD":
            x, y, radius = values
            outer = radius + (width / 2 if kind == "C" else 0)
            box = (x - outer, y - outer, x + outer, y + outer)
            pen.ellipse(box, 255 if kind == "D" else None, 255, width)
        elif kind == "R":
            left, top, right, bottom, corner = values
            half = width / 2
            box = (left - half, top - half, right + half, bottom + half)
            pen.rounded_rectangle(box, corner + half, None, 255, width)
        else:
            left, top, right, bottom, _, _ = values
            half = width / 2
            box = (left - half, top - half, right + half, bottom + half)
            pen.arc(box, float(numbers[4]), float(numbers[5]), 255, width)
    return picture.resize((side, side), Image.Resampling.LANCZOS)


@lru_cache(maxsize=256)
def _texture(name: str, side: int, stroke: float) -> Texture:
    return cover_texture(draw_icon(name, side, stroke))
