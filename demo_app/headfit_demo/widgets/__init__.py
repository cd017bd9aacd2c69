"""What all screens are made of: the look, words in any script, buttons, cards, questions."""

from headfit_demo.widgets.basics import (
    Card,
    Chip,
    Column,
    Field,
    Press,
    Thumb,
    Touchable,
    Words,
    fade_in,
    hide,
    take_focus,
)
from headfit_demo.widgets.dialogs import (
    ask_name,
    ask_place,
    ask_yes,
    tell,
    wait_for_window,
    with_ending,
)
from headfit_demo.widgets.file_window import FileWindow
from headfit_demo.widgets.look import FADE_S, TEXT_SIZES, theme
from headfit_demo.widgets.page import Page, scroll_to
from headfit_demo.widgets.panes import TwoPane
from headfit_demo.widgets.plot import Plot
from headfit_demo.widgets.rules import load_rules
from headfit_demo.widgets.slices import Slices
from headfit_demo.widgets.spares import Spares
from headfit_demo.widgets.textures import frame_texture, jpeg_texture

__all__ = [
    "FADE_S",
    "TEXT_SIZES",
    "Card",
    "Chip",
    "Column",
    "Field",
    "FileWindow",
    "Page",
    "Plot",
    "Press",
    "Slices",
    "Spares",
    "Thumb",
    "Touchable",
    "TwoPane",
    "Words",
    "ask_name",
    "ask_place",
    "ask_yes",
    "fade_in",
    "frame_texture",
    "hide",
    "jpeg_texture",
    "load_rules",
    "scroll_to",
    "take_focus",
    "tell",
    "theme",
    "wait_for_window",
    "with_ending",
]
