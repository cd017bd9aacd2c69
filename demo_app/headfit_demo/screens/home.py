"""Home: the projects, and a ready head to try before anything is taught."""

from __future__ import annotations

from functools import partial
from typing import Any

from kivy.properties import (
    BooleanProperty,
    ListProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.widget import Widget

from headfit_demo.language import greeting_name, project_title, sentence, short, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import MAX_NAME, Recognition, Sample, sample_pictures
from headfit_demo.session import ProjectCard as CardView
from headfit_demo.widgets import (
    Thumb,
    Touchable,
    ask_name,
    ask_yes,
    frame_texture,
    jpeg_texture,
    load_rules,
    take_focus,
)


class SampleThumb(Thumb):
    """A sample picture to touch."""

    sample = ObjectProperty(None)


class Picture(Widget):
    """A small picture that is only seen."""

    texture = ObjectProperty(None)


class ProjectCard(Touchable, BoxLayout):
    """A project in the list."""

    key = StringProperty("")
    name = StringProperty("")
    details = StringProperty("")
    has_head = BooleanProperty(False)
    pictures = ListProperty()
    """Its newest ones, as JPEG."""

    n_pictures = NumericProperty(0)
    """How many of them there is room for."""

    is_chosen = BooleanProperty(False)
    home = ObjectProperty(None)

    def on_kv_post(self, _: Any) -> None:
        """Show as many pictures as fit, now and when that or they change."""
        self.fbind("n_pictures", self._show_pictures)
        self.fbind("pictures", self._show_pictures)
        self._show_pictures()

    def show(self, card: CardView, *, is_chosen: bool) -> None:
        """Show the project as it is now."""
        things = tr.count("{n} thing", "{n} things", len(card.class_names))
        photos = (
            tr.say("its photos cannot be read")
            if card.n_photos is None
            else tr.count("{n} photo", "{n} photos", card.n_photos)
        )
        self.name, self.details = project_title(card.name), f"{things}, {photos}"
        self.has_head, self.is_chosen = card.has_head, is_chosen
        self.pictures = list(card.pictures)

    def _show_pictures(self, *_: Any) -> None:
        self.ids.pictures.clear_widgets()
        for picture in self.pictures[: int(self.n_pictures)]:
            self.ids.pictures.add_widget(Picture(texture=jpeg_texture(picture)))

    def on_release(self) -> None:
        """Open it."""
        self.home.app.projects.open(self.key)

    def recognise(self) -> None:
        """Open it where it recognises."""
        self.home.app.projects.open(self.key, "recognise")

    def rename(self) -> None:
        """Ask for another name."""
        self.home.rename(self.key, self.name)

    def delete(self) -> None:
        """Ask, then delete."""
        self.home.delete(self.key, self.name)


class HomeScreen(AppScreen):
    """Projects, and the greeting."""

    n_projects = NumericProperty(0)
    speed = StringProperty("")
    doubt = StringProperty("")
    _found: Recognition | None = None

    def on_kv_post(self, _: Any) -> None:
        """Begin with the sample pictures."""
        self.app.do(sample_pictures, self._show_samples)

    def refresh(self) -> None:
        """List the projects."""
        self.app.do(self.app.session.projects, self._show_projects)
        if self._found is not None:  # the language may be another
            self._show_recognition(self._found)

    def new_project(self) -> None:
        """Begin; it is called by its things."""
        self.app.projects.create()

    def rename(self, key: str, name: str) -> None:
        """Ask for another name."""
        ask_name(
            tr.say("Rename the project"),
            tr.say("Rename"),
            lambda new: self.app.do(
                partial(self.app.session.rename_project, key, new), self._changed
            ),
            name=name,
            longest=MAX_NAME,
        )

    def delete(self, key: str, name: str) -> None:
        """Ask, then delete."""
        ask_yes(
            tr.say("Delete {name}?").format(name=short(name)),
            tr.say("All that was taught in it goes for good. This cannot be undone."),
            tr.say("Delete"),
            lambda: self.app.projects.delete(key),
        )

    def import_head(self) -> None:
        """Let the user choose a head file."""
        self.app.platform.pick_head(lambda file: file and self.app.projects.import_head(file))

    def recognise(self, thumb: SampleThumb) -> None:
        """Show what the ready head takes a sample picture for."""
        for other in self.ids.samples.children:
            other.is_chosen = other is thumb
        self.ids.sample.texture = thumb.texture
        self.app.worker.do(partial(self.app.session.greet, thumb.sample.frame), self._greeted)

    def _show_samples(self, samples: tuple[Sample, ...]) -> None:
        for sample in samples:
            thumb = SampleThumb(sample=sample, texture=frame_texture(sample.frame))
            thumb.bind(on_release=self.recognise)
            self.ids.samples.add_widget(thumb)
        for thumb in self.ids.samples.children:
            if thumb.sample.class_name == "balloon":  # drawn, so it is there on every device
                self.recognise(thumb)

    def _greeted(self, found: Recognition | None, error: Exception | None) -> None:
        self._found = found
        if found is not None:
            self._show_recognition(found)
        elif error is not None:
            for bar in (self.ids.bar0, self.ids.bar1, self.ids.bar2):
                bar.name = ""
            self.speed, self.doubt = "", sentence(error)

    def _show_recognition(self, found: Recognition) -> None:
        bars = (self.ids.bar0, self.ids.bar1, self.ids.bar2)
        for rank, (bar, (name, chance)) in enumerate(zip(bars, found.ranking, strict=False)):
            bar.name, bar.chance = greeting_name(name), chance
            bar.is_best = rank == 0 and found.is_known
        self.doubt = "" if found.is_known else tr.say("Not sure: it looks unlike what was taught.")
        self.speed = tr.say("{ms:.0f} ms on this device").format(ms=found.milliseconds)

    def _show_projects(self, cards: tuple[CardView, ...]) -> None:
        """Show the projects; a card stays the same widget, for a finger may be on it."""
        box, opened = self.ids.projects, self.app.project
        self.n_projects = len(cards)
        there = {card.key: card for card in reversed(box.children)}
        wanted = {
            one.key: there.get(one.key) or ProjectCard(key=one.key, home=self) for one in cards
        }
        if list(there) != list(wanted):
            take_focus(box)
            box.clear_widgets()
            for card in wanted.values():
                box.add_widget(card)
        for one in cards:
            is_chosen = opened is not None and opened.key == one.key
            wanted[one.key].show(one, is_chosen=is_chosen)

    def _changed(self, _: object) -> None:
        self.app.look()
        self.refresh()


load_rules(__file__)
