"""The look: colours, light and dark, and sizes that follow the user's text size."""

from __future__ import annotations

from typing import Final

from kivy.event import EventDispatcher
from kivy.metrics import dp, sp
from kivy.properties import (
    AliasProperty,
    BooleanProperty,
    ColorProperty,
    ListProperty,
    NumericProperty,
    OptionProperty,
)
from kivy.utils import get_color_from_hex

LIGHT: Final = {
    "ground": "#F5F4F0",
    "surface": "#FFFFFF",
    "sunken": "#EBE9E3",
    "outline": "#86837A",
    "ink": "#1B1D1C",
    "faint": "#595E5B",
    "accent": "#0A6A5B",
    "accent_ink": "#FFFFFF",
    "soft": "#D5ECE6",
    "soft_ink": "#0A4F44",
    "danger": "#B3261E",
    "danger_ink": "#FFFFFF",
    "caution": "#7A4B00",
    "caution_soft": "#FBEBCB",
    "second": "#8A4F9E",
}
DARK: Final = {
    "ground": "#111514",
    "surface": "#1B211F",
    "sunken": "#262D2B",
    "outline": "#75807C",
    "ink": "#EDF1EF",
    "faint": "#A9B3AF",
    "accent": "#62D6BF",
    "accent_ink": "#04322A",
    "soft": "#1E4239",
    "soft_ink": "#B4F0E2",
    "danger": "#FF9A8F",
    "danger_ink": "#4A0803",
    "caution": "#F2C572",
    "caution_soft": "#3B2F14",
    "second": "#D9A6EA",
}
THINGS: Final = {
    "light": (
        *("#0A6A5B", "#B0431E", "#6A4FB3", "#1F6FB2"),
        *("#8A6A00", "#B02A6B", "#4B7A1E", "#5B6470"),
    ),
    "dark": (
        *("#62D6BF", "#FF9E73", "#B9A4FF", "#7CC0FF"),
        *("#E8C75A", "#FF8FC0", "#A6D86E", "#B8C2CC"),
    ),
}
"""The colours of things in their order, over and over; each stands out on what lies under it."""

READABLE: Final = (
    ("ink", "ground"),
    ("ink", "surface"),
    ("ink", "sunken"),
    ("faint", "ground"),
    ("faint", "surface"),
    ("faint", "sunken"),
    ("accent", "ground"),
    ("accent", "surface"),
    ("accent", "sunken"),
    ("accent_ink", "accent"),
    ("soft_ink", "soft"),
    ("soft", "ink"),
    ("danger", "ground"),
    ("danger", "surface"),
    ("danger_ink", "danger"),
    ("caution", "caution_soft"),
    ("caution", "surface"),
    ("second", "surface"),
    ("surface", "ink"),
)
"""Which colour is written on which."""

SEEN: Final = (
    ("outline", "ground"),
    ("outline", "surface"),
    ("outline", "sunken"),
    ("faint", "surface"),
    ("ink", "ground"),
    ("ink", "surface"),
    ("accent", "surface"),
    ("accent", "sunken"),
    ("danger", "surface"),
)
"""Which colour of outlines and signs lies on which."""

FADE_S: Final = 0.12
"""So long whatever appears takes to."""

TEXT_SIZES: Final = (0.85, 1.0, 1.25, 1.5, 2.0)


class Theme(EventDispatcher):
    """The colours by name, and sizes in pixels; what uses them follows when they change."""

    style = OptionProperty("light", options=("light", "dark"))
    text_scale = NumericProperty(1.0)
    marks_focus = BooleanProperty(False)
    """Whether what has the focus is marked: while the keyboard is used."""

    ground = ColorProperty(LIGHT["ground"])
    surface = ColorProperty(LIGHT["surface"])
    sunken = ColorProperty(LIGHT["sunken"])
    outline = ColorProperty(LIGHT["outline"])
    ink = ColorProperty(LIGHT["ink"])
    faint = ColorProperty(LIGHT["faint"])
    accent = ColorProperty(LIGHT["accent"])
    accent_ink = ColorProperty(LIGHT["accent_ink"])
    soft = ColorProperty(LIGHT["soft"])
    soft_ink = ColorProperty(LIGHT["soft_ink"])
    danger = ColorProperty(LIGHT["danger"])
    danger_ink = ColorProperty(LIGHT["danger_ink"])
    caution = ColorProperty(LIGHT["caution"])
    caution_soft = ColorProperty(LIGHT["caution_soft"])
    things = ListProperty([get_color_from_hex(one) for one in THINGS["light"]])
    second = ColorProperty(LIGHT["second"])

    title = AliasProperty(lambda self: sp(25) * self.text_scale, bind=["text_scale"])
    heading = AliasProperty(lambda self: sp(18) * self.text_scale, bind=["text_scale"])
    body = AliasProperty(lambda self: sp(15) * self.text_scale, bind=["text_scale"])
    small = AliasProperty(lambda self: sp(12.5) * self.text_scale, bind=["text_scale"])
    row = AliasProperty(
        lambda self: max(dp(48), dp(30) + sp(18) * self.text_scale), bind=["text_scale"]
    )
    """Height of what is touched: no less than a finger needs."""

    icon = AliasProperty(
        lambda self: dp(21) * min(max(self.text_scale, 1.0), 1.5), bind=["text_scale"]
    )
    """Side of a sign that stands beside words or for them."""

    def of_thing(self, place: int) -> list[float]:
        """Return the colour of the thing at a place; of what is no thing, that of all else."""
        return list(self.accent if place < 0 else self.things[place % len(self.things)])

    def on_style(self, _: object, style: str) -> None:
        """Take the colours of the style."""
        self.things = [get_color_from_hex(one) for one in THINGS[style]]
        for name, colour in (DARK if style == "dark" else LIGHT).items():
            setattr(self, name, colour)


def contrast(first: str, second: str) -> float:
    """Return the contrast of two colours ``#RRGGBB``, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    """Return the relative luminance that WCAG 2.2 defines for sRGB."""
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


theme = Theme()
