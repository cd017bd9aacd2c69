"""Teach: name things, give photos of them, and see at once what it makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from headfit_demo.language import advice, tr
from headfit_demo.screens import answer as answer  # kv rules use Corrections
from headfit_demo.screens import preview as preview  # and Preview
from headfit_demo.screens.class_card import ClassCard
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import Act, ClassView, OpenProject
from headfit_demo.widgets import Slices, ask_name, ask_yes, load_rules, scroll_to, take_focus

RECORD_EVERY_S = 0.2


class TeachScreen(AppScreen):
    """Things with their photos, and what it makes of them."""

    n_classes = NumericProperty(0)
    advice = StringProperty("")
    heading = StringProperty("")
    state_text = StringProperty("")
    next_text = StringProperty("")
    next_icon = StringProperty("")
    must_learn = BooleanProperty(False)
    """Whether it can learn what it has not learned."""

    has_head = BooleanProperty(False)
    asks = BooleanProperty(False)
    """Whether it is asked if small pictures may be kept."""

    def __init__(self, **options: Any) -> None:
        self.cards: dict[str, ClassCard] = {}
        self._project_key = ""
        self._slices = Slices()
        self._recording: str | None = None
        self._is_adding = False
        self._act = Act()
        self._clock: Any = None
        super().__init__(**options)

    def on_kv_post(self, _: Any) -> None:
        """Follow the learning."""
        for name in ("is_on", "seconds_left"):
            self.app.learning.fbind(name, self._show_learning)

    def refresh(self) -> None:
        """Show the project."""
        project = self.app.project
        if project is None:
            return
        if project.key != self._project_key:
            self._project_key, self.ids.new_name.text = project.key, ""
        self.n_classes = len(project.classes)
        self._show_classes()
        self._show_learning()

    def on_enter(self) -> None:
        """Let a project that is empty be named things in at once; a phone would show its keys."""
        if self.n_classes == 0 and self.app.platform.name == "desktop":
            self.ids.new_name.focus = True

    def on_leave(self) -> None:
        """Let the camera go unless the next screen wants it."""
        self.let_go()
        self.asks = False  # until it is answered, it is asked again
        if self.app.shell.ids.screens.current != "recognise":
            self.app.eye.switch_off()

    # Classes

    def add_class(self) -> None:
        """Name a thing."""
        name = self.ids.new_name.text.strip()
        if name:
            self.app.change(partial(OpenProject.add_class, class_name=name))
            self.ids.new_name.text = ""

    def rename(self, name: str) -> None:
        """Ask for another name."""
        ask_name(
            tr.say("Rename {name}").format(name=name),
            tr.say("Rename"),
            partial(self._rename, name),
            name=name,
        )

    def _rename(self, name: str, new_name: str) -> None:
        if new_name != name:
            self.app.change(lambda project: project.rename_class(name, new_name))

    def forget(self, name: str) -> None:
        """Ask, then forget a class."""
        ask_yes(
            tr.say("Forget {name}?").format(name=name),
            tr.say("It goes from the disk. Undo brings it back until you leave the project."),
            tr.say("Forget"),
            lambda: self.app.change(partial(OpenProject.forget_class, class_name=name)),
        )

    def show_photos(self, name: str) -> None:
        """Open the page with all photos of a class."""
        self.app.shell.ids.screens.get_screen("photos").class_name = name
        self.app.go("photos")

    def class_at(self, x: float, y: float) -> str | None:
        """Return the class whose card is there in the window, or the only one there is."""
        for name, card in self.cards.items():
            if card.collide_point(*card.to_widget(x, y)):
                return name
        return next(iter(self.cards)) if len(self.cards) == 1 else None

    def is_to_try(self, x: float, y: float) -> bool:
        """Return whether what is dropped there in the window is to be looked at."""
        view, screens = self.ids.preview.ids.view, self.app.shell.ids.screens
        return screens.current_screen is self and view.collide_point(*view.to_widget(x, y))

    # Photos

    def pick(self, name: str) -> None:
        """Let the user choose photos."""
        self.app.platform.pick_photos(lambda files: files and self.app.add_photos(name, files))

    def hold(self, name: str) -> None:
        """Record from the camera while the button is held; the first touch turns it on."""
        if not self.app.eye.is_on:
            self.app.eye.switch_on()
            return
        self._recording, self._act = name, Act()  # all of it is taken back together
        self._record(0)
        self._clock = Clock.schedule_interval(self._record, RECORD_EVERY_S)

    def let_go(self) -> None:
        """Record no more."""
        was_recording, self._recording = self._recording is not None, None
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        if was_recording and self.app.project is not None:
            self._ask_for_thumbnails()

    def _record(self, _: float) -> None:
        frame = self.app.eye.frame
        if self._recording is None or frame is None or self._is_adding:
            return
        self._is_adding = True
        self.app.add_photos(self._recording, [frame], self._recorded, act=self._act)

    def _recorded(self) -> None:
        self._is_adding = False

    # Learning

    def go_on(self) -> None:
        """Do what is next: stop, learn what is new, or try what was learned."""
        if self.app.learning.is_on:
            self.app.learning.stop()
        elif self.must_learn:
            self.app.learning.start()
        else:
            self.app.go("recognise")

    def _show_classes(self) -> None:
        project = self.app.project
        names = [one.name for one in project.classes]
        for name in self.cards.keys() - set(names):
            take_focus(self.cards[name])
            self.ids.classes.remove_widget(self.cards.pop(name))
        new = [name for name in names if name not in self.cards]
        self._slices.run(self._show_cards(project.classes))
        if self.cards and new == names[-1:]:
            Clock.schedule_once(partial(self._scroll_to, new[0]))
        self._ask_for_thumbnails()
        self.advice = (
            tr.say("Two things at least; five photos of each are a good start.")
            if len(names) < 2
            else tr.say("Drop photos, or a folder per thing, anywhere on this window.")
            if self.app.platform.name == "desktop"
            else ""
        )

    def _ask_for_thumbnails(self) -> None:
        """Ask once, at the first photo, whether small pictures may stay; not under a finger."""
        is_new = self.app.preferences.keeps_thumbnails is None and self.app.project.n_photos > 0
        if is_new and self._recording is None:
            self.asks = True

    def answered(self) -> None:
        """Ask no more; who left it as it was said no."""
        if self.app.preferences.keeps_thumbnails is None:
            self.app.set_preference("keeps_thumbnails", False)
        self.asks = False

    def _show_cards(self, classes: tuple[ClassView, ...]) -> Iterator[None]:
        """Show class after class; those that have a card are in this order already."""
        for place, one in enumerate(classes):
            if one.name not in self.cards:
                card = self.cards[one.name] = ClassCard(screen=self)
                self.ids.classes.add_widget(card, index=len(self.ids.classes.children) - place)
            self.cards[one.name].show(one, place)
            yield

    def _scroll_to(self, name: str, _: float) -> None:
        """Bring the class that was just named into sight."""
        if name in self.cards:
            scroll_to(self.cards[name])

    def _show_learning(self, *_: Any) -> None:
        """Say how far it is, and what is next."""
        project = self.app.project
        if project is None:
            return
        learning = self.app.learning
        self.has_head = bool(project.head_classes)
        self.must_learn = project.can_train and not project.head_is_fresh
        self.heading, self.state_text = advice(project)
        if learning.is_on:
            self.next_text, self.next_icon = tr.say("Stop"), "stop"
            self.state_text = tr.say("About {s:.0f} s left").format(s=learning.seconds_left)
        elif self.must_learn and project.n_new:
            self.next_icon = "spark"
            self.next_text = tr.count("Learn {n} new photo", "Learn {n} new photos", project.n_new)
        elif self.must_learn:
            self.next_text, self.next_icon = tr.say("Learn what changed"), "spark"
        else:
            self.next_text, self.next_icon = tr.say("Try it"), "eye"


load_rules(__file__)
