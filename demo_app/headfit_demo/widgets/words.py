"""Text in any script: the bundled fonts, and shaping where Kivy has none.

Kivy draws one font, letter after letter from the left. Scripts of which no letter is in Noto Sans
take another bundled font, as emoji do, one by one and in one colour; those that run from the right
or join their letters are drawn by Pillow where it has Raqm (its wheels for desktops do), and by
Kivy, letter by letter, where it has not.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from kivy.core.text import Label as CoreLabel
from kivy.core.text import LabelBase
from kivy.core.text.markup import MarkupLabel
from kivy.graphics import Color, Rectangle
from kivy.graphics.texture import Texture
from kivy.properties import (
    AliasProperty,
    BooleanProperty,
    ColorProperty,
    NumericProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.label import Label
from kivy.uix.widget import Widget
from kivy.utils import escape_markup
from PIL import Image, ImageDraw, ImageFont, features

from headfit_demo.widgets.textures import cover_texture

FONTS: Final = Path(__file__).parents[1] / "assets" / "fonts"

# First and last character of the blocks that a font is for, by the Unicode standard.
_BLOCKS: Final = (
    (0x0530, 0x058F, "NotoSansArmenian-Regular"),
    (0x0590, 0x05FF, "NotoSansHebrew-Regular"),
    (0x0600, 0x08FF, "NotoSansArabic-Regular"),
    (0x0900, 0x097F, "NotoSansDevanagari-Regular"),
    (0x0980, 0x09FF, "NotoSansBengali-Regular"),
    (0x0B80, 0x0BFF, "NotoSansTamil-Regular"),
    (0x0E00, 0x0E7F, "NotoSansThai-Regular"),
    (0x10A0, 0x10FF, "NotoSansGeorgian-Regular"),
    (0x1100, 0x11FF, "DroidSansFallback"),
    (0x2E80, 0x9FFF, "DroidSansFallback"),
    (0xA8E0, 0xA8FF, "NotoSansDevanagari-Regular"),
    (0xAC00, 0xD7FF, "DroidSansFallback"),
    (0xF900, 0xFAFF, "DroidSansFallback"),
    (0xFB1D, 0xFB4F, "NotoSansHebrew-Regular"),
    (0xFB50, 0xFDFF, "NotoSansArabic-Regular"),
    (0xFE30, 0xFEFF, "DroidSansFallback"),
    (0xFF00, 0xFFEF, "DroidSansFallback"),
    (0x20E0, 0x20E3, "NotoEmoji-Regular"),
    (0x2190, 0x23FF, "NotoEmoji-Regular"),
    (0x2460, 0x27BF, "NotoEmoji-Regular"),
    (0x2900, 0x297F, "NotoEmoji-Regular"),
    (0x2B00, 0x2BFF, "NotoEmoji-Regular"),
    (0xFE0E, 0xFE0F, "NotoEmoji-Regular"),
    (0x1F000, 0x1FAFF, "NotoEmoji-Regular"),
    (0xE0020, 0xE007F, "NotoEmoji-Regular"),
)
SMALLEST: Final = 0.6
"""So much smaller a text may become before it is cut."""

_SHAPED: Final = (
    "NotoSansHebrew-Regular",
    "NotoSansArabic-Regular",
    "NotoSansDevanagari-Regular",
    "NotoSansBengali-Regular",
    "NotoSansTamil-Regular",
    "NotoSansThai-Regular",
)

LabelBase.register(
    "Noto", str(FONTS / "NotoSans-Regular.ttf"), None, str(FONTS / "NotoSans-Bold.ttf")
)


def font_runs(text: str) -> list[tuple[str | None, str]]:
    """Split a text into runs of one font each; None is the usual one.

    Spaces, digits and signs without a script of their own stay with what comes before them.
    """
    fonts: list[str | None] = []
    for character in text:
        font = _font_of(character)
        if (
            font is None
            and fonts
            and fonts[-1]
            and unicodedata.category(character) in ("Zs", "Mn", "Cf")
        ):
            font = fonts[-1]
        fonts.append(font)
    pairs = zip(fonts, text, strict=True)
    return [
        (font, "".join(character for _, character in run))
        for font, run in groupby(pairs, key=lambda pair: pair[0])
    ]


def field_font(text: str) -> str:
    """Return the font of a text field: that of the first run which needs its own."""
    return next((str(FONTS / f"{font}.ttf") for font, _ in font_runs(text) if font), "Noto")


def needs_shaping(text: str) -> bool:
    """Return whether letters of the text join, reorder or run from the right."""
    return any(font in _SHAPED for font, _ in font_runs(text))


class ManyFonts(MarkupLabel):
    """A text in the fonts that its letters need; of markup it knows nothing."""

    @property
    def markup(self) -> list[str]:
        """The text in pieces, between changes of the font."""
        return [piece for piece in re.split(r"(\[/?font.*?\])", marked(self.label)) if piece]


class AnyScript(Label):
    """Text of the app, with names that users gave in it."""

    _label: Any

    def texture_update(self, *args: Any) -> None:
        """Draw it, in other fonts if those are needed now."""
        self._create_label()
        super().texture_update(*args)

    def _create_label(self) -> None:
        needs_more = not self.text.isascii() and any(font for font, _ in font_runs(self.text))
        kind = ManyFonts if needs_more else CoreLabel
        if type(self._label) is not kind:
            options = {name: getattr(self, name) for name in self._font_properties}
            options["color"] = self.disabled_color if self.disabled else self.color
            self._label = kind(**options, usersize=self.text_size)


class NameLabel(Widget):
    """Text in any script, for the names that users give; too long for its lines, it is cut.

    As wide as it is told to be, and as high as its lines are, or `least`; nothing is not high.
    """

    text = StringProperty("")
    color = ColorProperty("#000000")
    font_size = NumericProperty(15)
    least = NumericProperty(0)
    most_lines = NumericProperty(1)
    """Into so many lines it may be broken; a word that is too long for one is smaller then."""

    bold = BooleanProperty(False)
    halign = OptionProperty("left", options=("left", "center"))
    wanted = AliasProperty(lambda self: self._width_of_line(), bind=("text", "font_size", "bold"))
    """How wide the whole text is."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        for name in (
            "text",
            "color",
            "font_size",
            "bold",
            "halign",
            "least",
            "most_lines",
            "size",
            "pos",
        ):
            self.fbind(name, self._redraw)
        self._redraw()

    def _width_of_line(self) -> int:
        return line_width(self.text, round(self.font_size), self.bold)

    def _redraw(self, *_: Any) -> None:
        width, most_lines = int(self.width), int(self.most_lines)
        size = round(self.font_size)
        if most_lines > 1 and self.text:
            size = small_enough(self.text, size, self.bold, width, most_lines)
        lines = broken(self.text, size, self.bold, width, most_lines)
        high = round(size * 1.5)
        self.height = max(self.least, high * len(lines)) if lines else 0
        self.canvas.clear()
        if not lines or width < 1:
            return
        with self.canvas:
            Color(*self.color)
            for number, line in enumerate(lines):
                texture = draw_line(line, size, self.bold, width)
                free = max(width - texture.width, 0)
                middle = self.center_y + high * ((len(lines) - 1) / 2 - number)
                Rectangle(
                    texture=texture,
                    size=texture.size,
                    pos=(
                        int(self.x + (free / 2 if self.halign == "center" else 0)),
                        int(middle - texture.height / 2),
                    ),
                )


@lru_cache(maxsize=256)
def draw_line(text: str, size: int, bold: bool, max_width: int) -> Texture:
    """Return a line of text in white, at most ``max_width`` pixels wide."""
    text = fitted(text, size, bold, max_width)
    if needs_shaping(text) and features.check("raqm"):
        return _shaped(text, size, max_width)
    line = MarkupLabel(text=marked(text), font_name="Noto", font_size=size, bold=bold)
    line.refresh()
    return line.texture


def broken(text: str, size: int, bold: bool, max_width: int, most_lines: int) -> list[str]:
    """Break a text between words into lines that fit; what is left over is all in the last."""
    if most_lines == 1 or line_width(text, size, bold) <= max_width:
        return [text] if text else []
    words = text.split()
    lines: list[str] = []
    while words and len(lines) + 1 < most_lines:
        n = len(words)
        while n > 1 and line_width(" ".join(words[:n]), size, bold) > max_width:
            n -= 1
        lines.append(" ".join(words[:n]))
        words = words[n:]
    return [*lines, " ".join(words)] if words else lines


def small_enough(text: str, size: int, bold: bool, max_width: int, most_lines: int) -> int:
    """Return the largest size up to ``size`` in which no line is cut, or `SMALLEST` of it."""
    least = round(size * SMALLEST)
    while size > least and any(
        line_width(line, size, bold) > max_width
        for line in broken(text, size, bold, max_width, most_lines)
    ):
        size -= 1
    return size


def fitted(text: str, size: int, bold: bool, max_width: int) -> str:
    """Return a text, or as much of its beginning as fits, with dots for the rest."""
    if line_width(text, size, bold) <= max_width:
        return text
    fits, too_long = 0, len(text)
    while too_long - fits > 1:
        n = (fits + too_long) // 2
        if line_width(f"{text[:n].rstrip()}…", size, bold) <= max_width:
            fits = n
        else:
            too_long = n
    return f"{text[:fits].rstrip()}…"


@lru_cache(maxsize=256)
def line_width(text: str, size: int, bold: bool) -> int:
    """Return how wide a line of text is, in pixels."""
    if needs_shaping(text) and features.check("raqm"):
        runs = _drawn_runs(text)
        return 2 + round(
            sum(_face(font or "NotoSans-Regular", size).getlength(run) for font, run in runs)
        )
    line = MarkupLabel(text=marked(text), font_name="Noto", font_size=size, bold=bold)
    line.refresh()
    return 3 + int(line.texture.width)  # in less, Kivy would cut it


def _shaped(text: str, size: int, max_width: int) -> Texture:
    """Draw a line with Raqm, run by run in the order in which they are read."""
    runs = _drawn_runs(text)
    if _runs_from_right(text):
        runs.reverse()
    faces = [_face(font or "NotoSans-Regular", size) for font, _ in runs]
    widths = [face.getlength(run) for face, (_, run) in zip(faces, runs, strict=True)]
    height = round(size * 1.5)
    cover = Image.new("L", (max(1, min(round(sum(widths)) + 2, max_width)), height))
    pen, x = ImageDraw.Draw(cover), 0.0
    for face, (_, run), width in zip(faces, runs, widths, strict=True):
        pen.text((x, round(size * 1.15)), run, 255, face, anchor="ls")
        x += width
    return cover_texture(cover)


def _drawn_runs(text: str) -> list[tuple[str | None, str]]:
    """Split the runs of one font where they end with spaces.

    Those stand between two runs; drawn with one that runs the other way they would be beyond it.
    """
    pairs = ((font, run, run.rstrip()) for font, run in font_runs(text))
    parts = ((font, part) for font, run, short in pairs for part in (short, run[len(short) :]))
    return [(font, part) for font, part in parts if part]


def _runs_from_right(text: str) -> bool:
    """Return whether the first letter with a direction says so (Unicode Annex 9, rule P2)."""
    directions = map(unicodedata.bidirectional, text)
    return next((one for one in directions if one in ("L", "R", "AL")), "L") != "L"


@lru_cache(maxsize=64)
def _face(font: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(FONTS / f"{font}.ttf", size, layout_engine=ImageFont.Layout.RAQM)


def marked(text: str) -> str:
    """Return the text as Kivy's markup, with the font of each run."""
    return "".join(
        escape_markup(run)
        if font is None
        else f"[font={FONTS / font}.ttf]{escape_markup(run)}[/font]"
        for font, run in font_runs(text)
    )


@lru_cache(maxsize=512)
def _font_of(character: str) -> str | None:
    point = ord(character)
    return next((font for first, last, font in _BLOCKS if first <= point <= last), None)
