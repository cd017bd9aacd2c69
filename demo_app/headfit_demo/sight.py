"""What is looked at, the camera or a photo, and what it is taken for: the same on every page."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from kivy.clock import Clock
from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, ListProperty, ObjectProperty, StringProperty

from headfit import NotFittedError
from headfit_demo.language import answer, called, corrected, greeting_name, tr
from headfit_demo.recent import Recent, Seen
from headfit_demo.session import (
    Certainty,
    Corrected,
    OpenProject,
    Photo,
    PickedFile,
    Pixels,
    Recognition,
)
from headfit_demo.widgets import frame_texture

EVERY_S = 0.15
"""How often the camera's picture is looked at; the picture itself runs freely."""

BARS = 3
"""How many names are shown with their chances. So few things keep their places."""


class Sight(EventDispatcher):
    """Looks at the camera while it is on, or at a photo, with what the shown project learned.

    Parameters
    ----------
    app : DemoApp
        Whose camera, worker and project these are.
    """

    texture = ObjectProperty(None, allownone=True)
    verdict = StringProperty("")
    explanation = StringProperty("")
    speed = StringProperty("")
    is_sure = BooleanProperty(False)
    can_correct = BooleanProperty(False)
    """Whether there is a picture, and a project to teach what it shows."""

    bars = ListProperty()
    """Up to three of (name, chance from 0 to 1, whether it is the answer, place of the thing).

    Without a place they have no colour: so are those that are not believed, beside "None of these".
    """

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._app = app
        self._photo: Photo | None = None  # what the answer is about
        self._picture: Pixels | None = None  # of a photo, what is shown
        self._found: Recognition | None = None
        self._is_looking = False
        self._is_watching = False  # whether the camera's last frame was of the same scene
        self._project_key = ""
        self._clock: Any = None
        self.recent = Recent()
        app.eye.fbind("texture", self._follow)
        app.eye.fbind("is_on", self._watch)
        tr.fbind("say", lambda *_: self._say())

    def look_at(self, file: PickedFile) -> None:
        """Show a photo and say what it is."""
        self._app.eye.switch_off()
        self._app.do(partial(self._app.session.open_photo, file), partial(self._opened, file))

    def look_back(self, seen: Seen) -> None:
        """Show once more what was seen before, and say what it is by now."""
        self._app.eye.switch_off()
        self._opened(seen.photo, seen.picture)

    def look_away(self) -> None:
        """Show neither camera nor photo."""
        self._app.eye.switch_off()
        self._follow(None, None)

    def look_again(self) -> None:
        """Look at the photo once more: it may have learned. Another project begins anew."""
        project = self._app.project
        key = "" if project is None else project.key
        if key != self._project_key:
            self._project_key, self._is_watching = key, False
            self._photo = self._picture = self._found = None
            self.texture = self._app.eye.texture
            self.recent.forget()
        if self._picture is not None and self._may_look():
            self._recognise(self._picture)
        else:
            self._say()

    def correct(self, class_name: str) -> None:
        """Teach what is seen to be a thing, and look again."""
        if self._app.project is None or self._photo is None:
            return
        self._is_watching = False  # what frames before it were taken for counts no more

        def tell(result: Corrected | None, error: Exception | None) -> None:
            if result is not None and error is None:
                self._app.notify(corrected(result), can_undo=True)

        teach = partial(OpenProject.correct, photo=self._photo, class_name=class_name)
        self._app.change(teach, tell)

    def _may_look(self) -> bool:
        """Return whether anything was learned that could answer."""
        return self._app.project is None or bool(self._app.project.head_classes)

    def _follow(self, _: Any, texture: Any) -> None:
        """Show the camera, or no more."""
        self.texture, self._picture = texture, None
        if texture is None:
            self._photo = self._found = None
            self._is_watching = False
            self._say()
        self.property("texture").dispatch(self)

    def _watch(self, _: Any, is_on: bool) -> None:
        if self._clock is not None:
            self._clock.cancel()
        self._clock = Clock.schedule_interval(self._look, EVERY_S) if is_on else None

    def _look(self, _: float) -> None:
        frame = self._app.eye.frame
        if frame is None or self._is_looking:
            return
        if self._may_look():
            watch = partial(self._app.session.watch, is_first=not self._is_watching)
            self._is_watching = True
            self._recognise(frame, watch)
        else:
            self._photo, self._found = frame, None
            self._say()

    def _opened(self, photo: Photo, picture: Pixels) -> None:
        self.texture, self._picture, self._photo = frame_texture(picture), picture, photo
        self._found = None
        self.look_again()

    def _recognise(self, pixels: Pixels, recognise: Any = None) -> None:
        self._is_looking = True
        key, work = self._project_key, recognise or self._app.session.recognise
        photo = pixels if self._photo is None or pixels is not self._picture else self._photo
        self._app.worker.do(partial(work, pixels), partial(self._looked, key, photo))

    def _looked(
        self, key: str, photo: Photo, found: Recognition | None, error: Exception | None
    ) -> None:
        self._is_looking = False
        if key != self._project_key or self.texture is None:  # something else is shown by now
            return
        if error is not None and not isinstance(error, NotFittedError):
            self._app.complain(error)
        if self._picture is None or photo is self._photo:
            self._photo, self._found = photo, found
            self._say()
            self._note()

    def _note(self) -> None:
        """Put down what was found, once it is decided."""
        photo, found = self._photo, self._found
        if photo is None or found is None or found.certainty is Certainty.UNDECIDED:
            return
        said = called(found, self._app.project, is_sure=self.is_sure)
        answer = found.class_name, said, self.is_sure
        if self._picture is not None:
            self.recent.note(photo, self._picture, *answer)
        elif isinstance(photo, np.ndarray):  # a frame of the camera is its own picture
            self.recent.note(photo, photo, *answer)

    def _say(self) -> None:
        """Put into words what was found."""
        project = self._app.project
        is_of_it = self._project_key == ("" if project is None else project.key)
        found = self._found if is_of_it else None  # another one is about to be shown
        self.can_correct = project is not None and self._photo is not None
        self.verdict, self.explanation, self.is_sure = answer(
            found, project, is_shown=self.texture is not None
        )
        self.speed = tr.say("{ms:.0f} ms per photo").format(ms=found.milliseconds) if found else ""
        places = {} if project is None else {one.name: n for n, one in enumerate(project.classes)}
        is_none = found is not None and found.certainty is Certainty.UNKNOWN
        ranking = list(found.ranking) if found else []
        if len(places) <= BARS:  # few things keep their places: bars move, names do not
            ranking.sort(key=lambda one: places.get(one[0], 0))
        self.bars = [
            (
                greeting_name(name) if project is None else name,
                chance,
                found is not None and name == found.class_name,
                -1 if is_none else places.get(name, -1),
            )
            for name, chance in ranking[:BARS]
        ]
