"""Teach: name things, give photos of them, watch the head learn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kivy.clock import Clock, mainthread
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from headfit_demo.language import tr
from headfit_demo.screens.class_card import ClassCard
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import (
    Act,
    CancelledError,
    ClassView,
    Job,
    OpenProject,
    Progress,
    ProjectView,
)
from headfit_demo.widgets import Slices, ask_name, ask_yes, load_rules, scroll_to, take_focus

RECORD_EVERY_S = 0.2


class TeachScreen(AppScreen):
    """Classes with their photos, and the training."""

    n_classes = NumericProperty(0)
    advice = StringProperty("")
    accuracy = StringProperty("")
    accuracy_text = StringProperty("")
    training_text = StringProperty("")
    fraction = NumericProperty(0.0)
    can_train = BooleanProperty(False)
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
        self._training: Job | None = None
        super().__init__(**options)

    def refresh(self) -> None:
        """Show the project."""
        project = self.app.project
        if project is None:
            return
        if project.key != self._project_key:
            self._project_key, self.ids.plot.losses = project.key, []
            self.ids.new_name.text = ""
        self.n_classes = len(project.classes)
        self.can_train, self.has_head = project.can_train, bool(project.head_classes)
        self._show_classes()
        self._show_training()

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

    # Training

    def train_or_stop(self) -> None:
        """Train; or, while it trains, stop."""
        if self._training is not None:
            self._training.cancel()
            return
        self.app.is_training, self.fraction = True, 0.0
        self.training_text = tr.say("Training")
        key = self.app.project.key
        job = Job(partial(self._train, key), self._trained, project_key=key)
        self._training = self.app.jobs.begin(job)

    def _train(self, key: str, job: Job) -> ProjectView:
        """Train; on the worker's thread."""

        def watch(progress: Progress) -> None:
            job.go_on_or_stop()
            self._show_progress(progress)

        with self.app.session.using(key) as project:
            project.train(watch)
            view: ProjectView = project.view()
            return view

    @mainthread
    def _show_progress(self, progress: Progress) -> None:
        self.fraction = progress.fraction
        self.training_text = tr.say("About {s:.0f} s left").format(s=progress.seconds_left)
        self.ids.plot.losses = progress.losses

    def _trained(self, view: ProjectView | None, error: Exception | None) -> None:
        self._training, self.app.is_training = None, False
        if isinstance(error, CancelledError):
            self.app.notify(tr.say("Stopped. The head is as it was before."))
        elif view is None:
            self.app.complain(error)
        else:
            self.app.show(view)
        self._show_training()

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
            self.cards[one.name].show(one)
            yield

    def _scroll_to(self, name: str, _: float) -> None:
        """Bring the class that was just named into sight."""
        if name in self.cards:
            scroll_to(self.cards[name])

    def _show_training(self) -> None:
        project = self.app.project
        if project is None or self.app.is_training:
            return
        taught = sum(one.n_photos > 0 for one in project.classes)
        self.ids.plot.history = project.accuracy_history
        if project.accuracy is not None:
            self.accuracy = f"{project.accuracy:.0%}"
            self.accuracy_text = tr.say("recognised by a head that was made without them")
        else:
            self.accuracy = tr.say("Not trained") if not project.head_classes else tr.say("Ready")
            self.accuracy_text = ""
        if taught < 2 and not project.head_classes:
            self.training_text = tr.say("It can learn as soon as two things have photos.")
        elif project.head_is_fresh:
            self.training_text = tr.count(
                "The head knows your {n} photo.", "The head knows all {n} photos.", project.n_photos
            )
        elif not project.can_train:
            self.training_text = tr.say("Give photos of every thing that the head knows.")
        else:
            self.training_text = tr.say("There are photos that the head has not learned yet.")


load_rules(__file__)
