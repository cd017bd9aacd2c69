"""The few widgets that all screens are made of; basics.kv says how they look."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

from kivy.animation import Animation
from kivy.clock import Clock
from kivy.graphics.texture import Texture
from kivy.metrics import dp
from kivy.properties import (
    AliasProperty,
    BooleanProperty,
    ColorProperty,
    ListProperty,
    NumericProperty,
    ObjectProperty,
    OptionProperty,
    StringProperty,
)
from kivy.uix.anchorlayout import AnchorLayout
from kivy.uix.behaviors import ButtonBehavior, FocusBehavior
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.textinput import TextInput
from kivy.uix.widget import Widget

from headfit_demo.widgets import icons as icons  # kv rules use Icon
from headfit_demo.widgets.look import FADE_S, theme
from headfit_demo.widgets.page import scroll_to
from headfit_demo.widgets.rules import load_rules
from headfit_demo.widgets.words import (
    AnyScript,
    NameLabel,
    broken,
    field_font,
    line_width,
    small_enough,
)

_ESCAPE = 27

LINES = 3
"""So many at most the words of a button take."""


class Styled(Widget):
    """Text whose size and colour follow the theme.

    A rule for one text sets these, never ``font_size`` and ``color``: of two rules for a property
    Kivy keeps both, and the one whose colour or size changed last wins.
    """

    kind = OptionProperty("body", options=("title", "heading", "body", "small"))
    scale = NumericProperty(1.0)
    """So many times as large as its kind."""

    is_faint = BooleanProperty(False)
    tint = ObjectProperty(None, allownone=True)
    """Its colour, where that is neither the usual nor the faint one."""


class Words(Styled, AnyScript):
    """Text of the app, as high as it needs to be; one line where it may be shortened."""


class Name(Styled, NameLabel):
    """A name that a user gave."""


class Stack(BoxLayout):
    """Things below each other; what is not high leaves no gap."""

    def _iterate_layout(self, sizes: list[Any]) -> Iterator[tuple[int, float, float, float, float]]:
        """Place what has a height as Kivy does, and the rest where it is in nobody's way."""
        high = [n for n, (size, hint, *_) in enumerate(sizes) if size[1] or hint[1] is not None]
        for n, *place in super()._iterate_layout([sizes[n] for n in high] or sizes[:1]):
            if high:
                yield high[n], *place
        left, _, right, bottom = self.padding
        for n in set(range(len(sizes))).difference(high):
            yield n, self.x + left, self.y + bottom, self.width - left - right, 0.0


class Column(Stack):
    """Things below each other, as high as they are."""


class Card(Stack):
    """A surface with round corners; without `is_shown` it takes no place."""

    is_shown = BooleanProperty(True)
    is_chosen = BooleanProperty(False)
    fill = ObjectProperty(None, allownone=True)
    edge = NumericProperty(1)


class Touchable(ButtonBehavior, FocusBehavior, Widget):
    """What a finger, a mouse or the keyboard can press.

    Under the mouse a veil lies over it, which is denser while it is pressed; a ring is around what
    has the focus. Its rule says where: ``shape`` is left, bottom, width, height and corner, in
    pixels.
    """

    HOVERED, PRESSED = 0.08, 0.2

    is_hovered = BooleanProperty(False)
    shape = ListProperty([0, 0, 0, 0, 0])
    veil = NumericProperty(0.0)
    """How much the veil hides."""

    veil_ink = ColorProperty(None, allownone=True)
    """Its colour, where what it lies on is as dark as ink."""

    ring_ink = ColorProperty(None, allownone=True)
    """The ring's, where what is around is as dark as ink."""

    def on_is_hovered(self, *_: object) -> None:
        """Show that it can be pressed."""
        self._show_veil()

    def on_state(self, *_: object) -> None:
        """Show that it is pressed."""
        self._show_veil()

    def on_disabled(self, *_: object) -> None:
        """Show nothing of what cannot be pressed any more."""
        self._show_veil()

    def _show_veil(self) -> None:
        wanted = self.PRESSED if self.state == "down" else self.HOVERED if self.is_hovered else 0.0
        Animation.cancel_all(self, "veil")
        if self.disabled or self.state == "down":  # at once
            self.veil = 0.0 if self.disabled else wanted
        else:
            Animation(veil=wanted, duration=FADE_S).start(self)

    def on_focus(self, _: object, has_focus: bool) -> None:
        """Come into sight."""
        if has_focus and theme.marks_focus:  # under a finger nothing may move
            scroll_to(self)

    def keyboard_on_key_down(self, window: Any, keycode: Any, text: str, modifiers: Any) -> bool:
        """Press with Enter or the space bar."""
        if keycode[1] in ("enter", "numpadenter", "spacebar") and not self.disabled:
            self.dispatch("on_press")
            self.dispatch("on_release")
            return True
        return super().keyboard_on_key_down(window, keycode, text, modifiers)

    def keyboard_on_key_up(self, window: Any, keycode: Any) -> bool:
        """Keep the focus when Escape goes up: it closed a dialog when it went down."""
        return False


class Press(Touchable, AnchorLayout):
    """A button with an icon, words, or both."""

    text = StringProperty("")
    icon = StringProperty("")
    kind = OptionProperty("soft", options=("filled", "soft", "plain", "inverse", "danger"))
    is_there = BooleanProperty(True)
    """Whether it is shown; what is not takes no room."""

    natural = NumericProperty(0)
    """How wide it is with its words in one line."""

    def _fill(self) -> list[float]:
        colours = {
            "filled": theme.accent,
            "soft": theme.soft,
            "danger": theme.danger,
            "plain": (0, 0, 0, 0),
            "inverse": (0, 0, 0, 0),
        }
        colour = list(colours[self.kind])
        if self.disabled:
            return colour if colour[3] == 0 else list(theme.sunken)
        return colour

    def _ink(self) -> list[float]:
        if self.disabled:
            return list(theme.faint)
        colours = {
            "filled": theme.accent_ink,
            "soft": theme.soft_ink,
            "danger": theme.danger_ink,
            "plain": theme.accent,
            "inverse": theme.soft,
        }
        return list(colours[self.kind])

    repaint = NumericProperty(0)
    fill_now = AliasProperty(_fill, bind=("kind", "disabled", "repaint"), cache=False)
    ink_now = AliasProperty(_ink, bind=("kind", "disabled", "repaint"), cache=False)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # `fbind` would hold it for ever, and through its parents all that is around it. `second` is
        # the last colour to change with the style.
        theme.bind(second=self._repaint, body=self._fit)
        for name in ("text", "icon", "width"):
            self.fbind(name, self._fit)

    def on_kv_post(self, _: Widget) -> None:
        """Fit the words that the rule gave."""
        self._fit()

    def _fit(self, *_: Any) -> None:
        """Let what is too long for the button be smaller, and take more lines; break no word."""
        label = self.ids.get("words")
        if label is None:  # the rule comes later
            return
        beside = dp(16) + (theme.icon + dp(8) if self.icon else 0)
        label.text, label.font_size = self.text, theme.body
        label.texture_update()
        self.natural = label.texture_size[0] + beside + dp(12)
        free = self.width - beside  # which may have followed
        if self.text and label.texture_size[0] > free > dp(30):
            how = (True, int(free), LINES)
            label.font_size = small_enough(self.text, round(theme.small), *how)
            label.text = "\n".join(broken(self.text, label.font_size, *how))
            label.texture_update()

    def _repaint(self, *_: Any) -> None:
        self.repaint += 1


class IconPress(Touchable, AnchorLayout):
    """A round button with an icon; ``text`` says what it does, for screen readers and tests."""

    icon = StringProperty("")
    text = StringProperty("")
    color = ObjectProperty(None, allownone=True)
    fill = ObjectProperty(None, allownone=True)


class Toggle(Touchable, Widget):
    """On or off; ``text`` says what, for screen readers and tests."""

    text = StringProperty("")
    is_on = BooleanProperty(False)


class Field(TextInput):
    """A line to type into, in any script."""

    script_font = AliasProperty(lambda self: field_font(self.text), bind=("text",))
    """One that has the letters."""

    is_asked = BooleanProperty(False)
    """Whether a dialog asks for it: what Enter does not end has the keyboard on, Escape closes."""

    def keyboard_on_key_down(
        self, window: Any, keycode: tuple[int, str], text: str, modifiers: list[str]
    ) -> bool:
        """Take keys, but leave Escape to the dialog."""
        is_taken = bool(super().keyboard_on_key_down(window, keycode, text, modifiers))
        return is_taken and not (self.is_asked and keycode[0] == _ESCAPE)

    def on_focus(self, _: object, has_focus: bool) -> None:
        """Come into sight."""
        if has_focus and theme.marks_focus:  # under a finger nothing may move
            scroll_to(self)


class TouchName(Touchable, Name):
    """A name that can be touched."""


class EditableName(BoxLayout):
    """A name that is edited where it stands; without one, a field that waits for it.

    Dispatches ``on_named`` with what was typed, once that is a name, and another one.
    """

    __events__ = ("on_named",)

    text = StringProperty("")
    hint = StringProperty("")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._name, self._field = TouchName(), Field()
        self._name.bind(on_release=self.edit)
        self._field.bind(focus=self._end)
        self.fbind("text", self.show)
        self.fbind("hint", self._field.setter("hint_text"))
        self.show()

    def edit(self, *_: Any) -> None:
        """Let the user type another name, in place of the one that is there."""
        self._put(self._field)
        self._field.text = self.text
        Clock.schedule_once(self._begin)  # after the touch that asked for it

    def on_named(self, name: str) -> None:
        """Do nothing by itself."""

    def _begin(self, _: float) -> None:
        if self._field.get_root_window():
            self._field.focus = True
            self._field.select_all()

    def _end(self, _: Any, has_focus: bool) -> None:
        """Take what was typed, when it is left as well as by Enter."""
        if has_focus:
            return
        typed = unicodedata.normalize("NFC", self._field.text.strip())
        if self.text:
            self._put(self._name)
        if typed and typed != self.text:
            self.dispatch("on_named", typed)

    def show(self, *_: Any) -> None:
        """Show the name, not what was typed in its place."""
        self._name.text = self.text
        if not self._field.focus:
            self._field.text = self.text
            self._put(self._name if self.text else self._field)

    def _put(self, widget: Widget) -> None:
        if self.children != [widget]:
            self.clear_widgets()
            self.add_widget(widget)


class ChanceBar(BoxLayout):
    """A class name with its probability as a bar."""

    name = StringProperty("")
    chance = NumericProperty(0.0)
    shown = NumericProperty(0.0)
    is_best = BooleanProperty(False)
    is_slim = BooleanProperty(False)
    """Whether there is little room."""

    place = NumericProperty(-1)
    """Of the thing, whose colour it has; -1 for none."""

    def on_chance(self, _: object, chance: float) -> None:
        """Let the bar slide."""
        Animation.cancel_all(self, "shown")
        Animation(shown=chance, duration=FADE_S, t="out_quad").start(self)


class ProgressLine(Widget):
    """How far something is, from 0 to 1."""

    fraction = NumericProperty(0.0)


class Thumb(Touchable, Widget):
    """A small picture with round corners, which is square."""

    texture = ObjectProperty(None, allownone=True)
    badge = StringProperty("")
    is_chosen = BooleanProperty(False)

    def clear(self) -> None:
        """Show no picture."""
        self.texture, self.badge, self.is_chosen = None, "", False


class View(Widget):
    """A picture as large as fits, with round corners; or one that fills all, with its edges cut."""

    texture = ObjectProperty(None, allownone=True)
    radius = NumericProperty(dp(14))
    fills = BooleanProperty(False)

    def _inner(self) -> tuple[float, float]:
        if self.texture is None:
            return tuple(self.size)
        if self.fills:
            return tuple(self.size)
        width, height = self.texture.size
        scale = min(self.width / width, self.height / height)
        return width * scale, height * scale

    def _shown(self) -> list[float]:
        """Return the texture's coordinates of what is shown of it."""
        if self.texture is None or not self.fills or not self.width or not self.height:
            return [0, 1, 1, 1, 1, 0, 0, 0]
        return _middle_of(self.texture, self.width / self.height)

    shown = AliasProperty(_shown, bind=("texture", "size", "fills"))
    inner_size = AliasProperty(_inner, bind=("texture", "size", "fills"))
    inner_pos = AliasProperty(
        lambda self: (
            self.x + (self.width - self.inner_size[0]) / 2,
            self.y + (self.height - self.inner_size[1]) / 2,
        ),
        bind=("texture", "size", "pos", "fills"),
    )


def _middle_of(texture: Texture, aspect: float) -> list[float]:
    """Return the coordinates of the largest middle part that is so many times as wide as high."""
    width, height = texture.size
    wide, high = min(width, height * aspect), min(height, width / aspect)
    u0, v0 = (1 - wide / width) / 2, (1 - high / height) / 2
    u1, v1 = 1 - u0, 1 - v0
    return [u0, v1, u1, v1, u1, v0, u0, v0]


class Chip(BoxLayout):
    """A few words with a coloured ground."""

    text = StringProperty("")
    icon = StringProperty("")
    is_warning = BooleanProperty(False)

    def wanted(self, text: str, font_size: float) -> int:
        """Return how wide the words are in one line."""
        return line_width(text, round(font_size), False)


def fade_in(widget: Widget) -> None:
    """Let what appears do so in a moment; it is there from the first frame on."""
    Animation.cancel_all(widget, "opacity")
    widget.opacity = 0.2
    Animation(opacity=1, duration=FADE_S).start(widget)


def hide(widget: Widget) -> None:
    """Let a widget be seen no more, at once."""
    Animation.cancel_all(widget, "opacity")
    widget.opacity = 0


def take_focus(root: Widget) -> Widget | None:
    """Take the keyboard from what has it at or below a widget; return what that was."""
    for widget in root.walk(restrict=True):
        if getattr(widget, "focus", False):
            widget.focus = False
            return widget
    return None


load_rules(__file__)
