"""What is seen: bars that move, and what to touch when the answer is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kivy.app import App
from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.stacklayout import StackLayout

from headfit_demo.language import tr
from headfit_demo.widgets import Column, Slices, Touchable, ask_name, load_rules, take_focus


class Bars(Column):
    """The best names with their chances."""

    is_slim = BooleanProperty(False)

    def on_kv_post(self, _: Any) -> None:
        """Follow what is seen."""
        sight = App.get_running_app().sight
        sight.fbind("bars", self._show)
        self._show(sight, sight.bars)

    def _show(self, _: Any, bars: list[tuple[str, float, bool, int]]) -> None:
        for rank, bar in enumerate((self.ids.bar0, self.ids.bar1, self.ids.bar2)):
            name, chance, is_best, place = bars[rank] if rank < len(bars) else ("", 0.0, False, -1)
            bar.name, bar.chance, bar.is_best, bar.place = name, chance, is_best, place


class PastAnswer(Touchable, BoxLayout):
    """A picture that was seen, and what it was taken for; a touch shows it again."""

    seen = ObjectProperty(None)
    text = StringProperty("")
    texture = ObjectProperty(None)
    is_sure = BooleanProperty(False)


class PastAnswers(BoxLayout):
    """The last answers in a line, the newest first, as many as fit."""

    n_fitting = NumericProperty(1)

    def on_kv_post(self, _: Any) -> None:
        """Follow what is seen."""
        self._sight = App.get_running_app().sight
        self._follow = Clock.create_trigger(self._show)
        self._sight.recent.fbind("answers", self._follow)
        self.fbind("n_fitting", self._follow)

    def _show(self, _: float) -> None:
        """Show what was seen; a picture stays the same widget, and none moves under a finger."""
        if any(past.state == "down" for past in self.children):
            return  # until it is let go
        shown = self._sight.recent.answers[: int(self.n_fitting)]
        wanted = {seen.texture: seen for seen in shown}
        for past in [one for one in self.children if one.texture not in wanted]:
            take_focus(past)
            self.remove_widget(past)
        there = {past.texture: past for past in self.children}
        for place, seen in enumerate(shown):  # those that are there are in this order already
            past = there.get(seen.texture)
            if past is None:
                past = PastAnswer(texture=seen.texture)
                past.bind(on_release=lambda past: self._sight.look_back(past.seen))
                past.bind(state=self._follow)
                self.add_widget(past, index=len(self.children) - place)
            past.seen, past.text, past.is_sure = seen, seen.said, seen.is_sure


class ThingChip(Touchable, BoxLayout):
    """A thing to touch: what is seen is that."""

    text = StringProperty("")
    place = NumericProperty(-1)


class Corrections(StackLayout):
    """All things of the project in their order, and one more: what is seen is the one touched."""

    is_there = BooleanProperty(True)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._app = App.get_running_app()
        self._slices = Slices()
        self._names: list[str] = []
        self._app.fbind("project", self._show)
        self._app.sight.fbind("can_correct", self._show)
        tr.fbind("say", self._show)

    def _show(self, *_: Any) -> None:
        """Show the things there are, once there is something to say of them."""
        project = self._app.project
        if project is None or not self._app.sight.can_correct:
            return
        names = [*(one.name for one in project.classes), tr.say("Something else")]
        if names != self._names:
            self._names = names
            take_focus(self)
            self.clear_widgets()
            self._slices.run(self._add_chips(names))

    def _add_chips(self, names: list[str]) -> Iterator[None]:
        for place, name in enumerate(names[:-1]):
            chip = ThingChip(text=name, place=place)
            chip.bind(on_release=lambda chip: self._app.sight.correct(chip.text))
            self.add_widget(chip)
            yield
        another = ThingChip(text=names[-1])
        another.bind(on_release=self._ask)
        self.add_widget(another)

    def _ask(self, _: Any) -> None:
        """Ask what it is, then."""
        ask_name(tr.say("What is it?"), tr.say("Learn"), self._app.sight.correct)


load_rules(__file__)
