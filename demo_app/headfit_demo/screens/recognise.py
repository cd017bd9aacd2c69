"""Recognise: what the camera or a photo shows, as bars, and when it is none of these."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty

from headfit_demo.language import greeting_name, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import Certainty, PickedFile, Pixels, Recognition
from headfit_demo.widgets import frame_texture, load_rules

EVERY_S = 0.15
"""How often the camera's picture is looked at; the picture itself runs freely."""


class RecogniseScreen(AppScreen):
    """The picture, and what it is taken for."""

    texture = ObjectProperty(None, allownone=True)
    verdict = StringProperty("")
    explanation = StringProperty("")
    speed = StringProperty("")
    is_sure = BooleanProperty(False)

    def __init__(self, **options: Any) -> None:
        self._is_looking = False
        self._is_watching = False  # whether the camera's last frame was of the same scene
        self._photo: Pixels | None = None  # what is shown, unless it is the camera
        self._project_key = ""
        self._clock: Any = None
        super().__init__(**options)

    def on_kv_post(self, _: Any) -> None:
        """Follow the camera."""
        self.app.eye.fbind("texture", self._follow)

    def on_enter(self) -> None:
        """Look at what the camera shows from time to time."""
        self._clock = Clock.schedule_interval(self._look, EVERY_S)

    def on_leave(self) -> None:
        """Look no more."""
        self._is_watching = False
        if self._clock is not None:
            self._clock.cancel()
        if self.app.shell.ids.screens.current != "teach":
            self.app.eye.switch_off()

    def refresh(self) -> None:
        """Look at the photo again: the head may have learned; another project begins anew."""
        key = "" if self.app.project is None else self.app.project.key
        if key != self._project_key:
            self._project_key, self._photo, self.texture = key, None, self.app.eye.texture
            self._is_watching = False
        if self._photo is not None:
            self._recognise(self._photo)
        elif self.texture is None:
            self.show(None)

    def toggle_camera(self) -> None:
        """Turn the camera on or off."""
        if self.app.eye.is_on:
            self.app.eye.switch_off()
        else:
            self.app.eye.switch_on()

    def pick(self) -> None:
        """Let the user choose a photo."""
        self.app.platform.pick_photos(self._picked)

    def _picked(self, files: list[PickedFile]) -> None:
        if files:
            self.look_at(files[0])

    def look_at(self, file: PickedFile) -> None:
        """Show a photo and say what it is."""
        self.app.eye.switch_off()
        self.app.do(partial(self.app.session.open_photo, file), self._opened)

    def show(self, found: Recognition | None) -> None:
        """Show what was found."""
        ranking = found.ranking if found else ()
        self.is_sure = bool(found and found.certainty is Certainty.SURE)
        if found is None:
            self.verdict, self.explanation, self.speed = "", tr.say("Nothing to look at yet."), ""
        else:
            self.verdict, self.explanation = self._in_words(found)
            self.speed = tr.say("{ms:.0f} ms per photo, engine {engine}").format(
                ms=found.milliseconds, engine=found.engine
            )
        for rank, bar in enumerate((self.ids.bar0, self.ids.bar1, self.ids.bar2)):
            name, chance = ranking[rank] if rank < len(ranking) else ("", 0.0)
            bar.name = self._call(name) if name else ""
            bar.chance, bar.is_best = chance, found is not None and name == found.class_name

    def _in_words(self, found: Recognition) -> tuple[str, str]:
        """Return what to say of a finding, and why."""
        if found.class_name is None:
            if found.certainty is Certainty.UNDECIDED:
                return tr.say("One moment…"), tr.say("Hold the camera still.")
            return tr.say("None of these"), tr.say("It looks like nothing that was taught.")
        name = self._call(found.class_name)
        if found.certainty is Certainty.SURE:
            return name, ""
        if found.certainty is Certainty.PROBABLE:
            return tr.say("Probably {name}").format(name=name), ""
        other = next(other for other, _ in found.ranking if other != found.class_name)
        words = tr.say("Not sure: {name} or {other}?")
        return words.format(name=name, other=self._call(other)), ""

    def _call(self, class_name: str) -> str:
        """Return what to call a class: only those that came with the app have a translation."""
        return greeting_name(class_name) if self.app.project is None else class_name

    def _follow(self, _: Any, texture: Any) -> None:
        self.texture, self._photo = texture, None
        self._is_watching = self._is_watching and texture is not None
        self.property("texture").dispatch(self)

    def _look(self, _: float) -> None:
        frame = self.app.eye.frame
        if frame is not None and not self._is_looking:
            watch = partial(self.app.session.watch, is_first=not self._is_watching)
            self._is_watching = True
            self._recognise(frame, watch)

    def _opened(self, photo: Pixels) -> None:
        self.texture, self._photo = frame_texture(photo), photo
        self._recognise(photo)

    def _recognise(
        self, pixels: Pixels, recognise: Callable[[Pixels], Recognition] | None = None
    ) -> None:
        self._is_looking = True
        key, work = self._project_key, recognise or self.app.session.recognise
        self.app.worker.do(partial(work, pixels), partial(self._looked, key))

    def _looked(self, key: str, found: Recognition | None, error: Exception | None) -> None:
        self._is_looking = False
        if key != self._project_key:  # another project is shown by now
            return
        if error is not None:
            self.show(None)
            self.app.complain(error)
        else:
            self.show(found)


load_rules(__file__)
