"""The frame around the screens: where to go, what is open, and notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kivy.animation import Animation
from kivy.app import App
from kivy.clock import Clock
from kivy.metrics import dp
from kivy.properties import (
    AliasProperty,
    BooleanProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.floatlayout import FloatLayout
from kivy.uix.widget import Widget

from headfit_demo.language import project_title, tr
from headfit_demo.session import ProjectView
from headfit_demo.widgets import FADE_S, Touchable, Words, fade_in, load_rules, theme

COLUMNS_DP, WIDE_DP = 720, 960
"""From these widths on there is room for two columns, and a rail beside them; larger text needs
more."""

HIGH_DP = 680
"""In a lower window nothing stays above what scrolls."""

NOTICE_S = 7.0

PLACES = (
    ("home", "home"),
    ("teach", "teach"),
    ("recognise", "eye"),
    ("privacy", "shield"),
    ("developer", "code"),
)
"""Screens that the navigation shows, with their icons."""

PROJECT_PAGES = ("teach", "photos", "recognise")
"""Screens that are of the open project, and say its name."""


def place_name(screen: str) -> str:
    """Return what a screen is called."""
    return {
        "home": tr.say("Projects"),
        "teach": tr.say("Teach"),
        "recognise": tr.say("Recognise"),
        "privacy": tr.say("Privacy"),
        "developer": tr.say("Developers"),
        "settings": tr.say("Settings"),
        "photos": tr.say("Photos"),
        "help": tr.say("Shared head"),
    }[screen]


class NavItem(Touchable, BoxLayout):
    """Leads to a screen."""

    screen = StringProperty("")
    icon = StringProperty("")
    text = StringProperty("")
    is_here = BooleanProperty(False)
    is_wide = BooleanProperty(False)
    repaint = NumericProperty(0)

    def _ink(self) -> list[float]:
        if self.disabled:
            return [*theme.faint[:3], 0.5]
        return list(theme.soft_ink if self.is_here else theme.faint)

    ink = AliasProperty(_ink, bind=("disabled", "is_here", "repaint"), cache=False)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        theme.fbind("second", lambda *_: setattr(self, "repaint", self.repaint + 1))

    def on_release(self) -> None:
        """Go there."""
        App.get_running_app().go(self.screen)


class Notice(BoxLayout):
    """One sentence that goes by itself."""

    text = StringProperty("")
    act = NumericProperty(0)
    """What can be taken back from here, as long as nothing was done since; 0 for nothing."""

    offer = ObjectProperty(None, allownone=True)
    """What else can be done from here: its words, and what does it."""

    may_be_above = BooleanProperty(False)
    """Whether the window is one where it lies over the heading, if it has room."""

    room_above = NumericProperty(0)
    """How high it may be there."""

    is_above = BooleanProperty(False)
    """Whether it lies over the heading."""

    _clock: Any = None

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # After the frame in which the sentence got its height.
        fit = Clock.create_trigger(lambda _: Clock.schedule_once(self._fit), -1)
        for name in ("height", "text", "is_above", "room_above"):
            self.fbind(name, fit)

    def show(
        self, text: str, act: int = 0, offer: tuple[str, Callable[[], Any]] | None = None
    ) -> None:
        """Say it, in place of what was said before."""
        self.text, self.act, self.offer, self.disabled = text, act, offer, False
        self.is_above = self.may_be_above
        fade_in(self)
        if self._clock is not None:
            self._clock.cancel()
        self._clock = Clock.schedule_once(self.hide, NOTICE_S)

    def on_may_be_above(self, *_: Any) -> None:
        """Follow the window."""
        self.is_above = self.may_be_above

    def _fit(self, *_: Any) -> None:
        if self.height > self.room_above:
            self.is_above = False

    def hide(self, *_: Any) -> None:
        """Say no more."""
        self.disabled = True
        Animation.cancel_all(self, "opacity")
        Animation(opacity=0, duration=FADE_S).start(self)

    def do(self) -> None:
        """Do what it offers, or undo what it says was done."""
        self.hide()
        if self.offer:
            self.offer[1]()
        else:
            App.get_running_app().teaching.undo()

    def on_touch_down(self, touch: Any) -> bool:
        """Let touches through while nothing is said; what is disabled would take them in Kivy."""
        return not self.disabled and bool(super().on_touch_down(touch))


class Shell(FloatLayout):
    """Navigation, heading, the screens, and notices over them."""

    is_wide = BooleanProperty(True)
    has_columns = BooleanProperty(True)
    is_high = BooleanProperty(True)
    heading = StringProperty("")
    can_undo = BooleanProperty(False)
    can_redo = BooleanProperty(False)
    lift = NumericProperty(0)
    """How high the screen that is shown reaches up with what no notice may cover."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._items: list[NavItem] = []
        brand = Words(text="headfit", kind="title", bold=True)
        brand.color = theme.accent
        theme.fbind("accent", brand.setter("color"))
        self.ids.rail.add_widget(brand)
        self.ids.rail.add_widget(Widget(size_hint_y=None, height=dp(10)))
        for screen, icon in PLACES:
            for kind, box in (("NavItemWide", self.ids.rail), ("NavItemNarrow", self.ids.bar)):
                self._add_item(kind, box, screen, icon)
        self.ids.rail.add_widget(Widget())
        self._add_item("NavItemWide", self.ids.rail, "settings", "settings")
        tr.fbind("say", lambda *_: self._name_places())
        self._name_places()
        # What is in ids is weak: without a parent the rail or the bar would be gone.
        self._parts = tuple(self.ids[name].__self__ for name in ("rail", "main", "bar"))
        self.fbind("is_wide", self.arrange)
        theme.fbind("text_scale", self.on_size)
        self.arrange()

    def on_size(self, *_: Any) -> None:
        """Choose between the rail and the bar, two columns and one."""
        larger = min(theme.text_scale, 1.25)
        self.is_wide = self.width >= dp(WIDE_DP) * larger
        self.has_columns = self.width >= dp(COLUMNS_DP) * larger
        self.is_high = self.height >= dp(HIGH_DP) * max(theme.text_scale, 1.0) ** 0.7

    def arrange(self, *_: Any) -> None:
        """Put the parts into the frame for the width there is; what is not shown has no parent."""
        rail, main, bar = self._parts
        for part in self._parts:
            if part.parent is not None:
                part.parent.remove_widget(part)
        self.ids.frame.orientation = "horizontal" if self.is_wide else "vertical"
        for part in (rail, main) if self.is_wide else (main, bar):
            self.ids.frame.add_widget(part)

    def show_place(self, screen: str, project: ProjectView | None) -> None:
        """Say where we are, and where one can go with the project that is shown, if one is."""
        for item in self._items:
            item.is_here = item.screen == {"photos": "teach", "help": "privacy"}.get(screen, screen)
            item.disabled = item.screen == "teach" and project is None
        is_teaching = screen in ("teach", "photos")
        if project is not None and screen in PROJECT_PAGES:
            self.heading = project_title(project.name)
        else:
            self.heading = place_name(screen)
        self.can_undo = is_teaching and project is not None and project.can_undo
        self.can_redo = is_teaching and project is not None and project.can_redo

    def _add_item(self, kind: str, box: BoxLayout, screen: str, icon: str) -> None:
        from kivy.factory import Factory

        item = Factory.get(kind)(screen=screen, icon=icon)
        self._items.append(item)
        box.add_widget(item)

    def _name_places(self) -> None:
        for item in self._items:
            item.text = place_name(item.screen)


load_rules(__file__)
