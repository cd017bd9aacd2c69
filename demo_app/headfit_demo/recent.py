"""The last answers: what was seen, and what it was taken for. In memory only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from kivy.event import EventDispatcher
from kivy.properties import ListProperty

from headfit_demo.session import Photo, Pixels
from headfit_demo.widgets import frame_texture

MOST: Final = 12
"""So many are held: their pictures are as large as the screen needs."""

_SIDE: Final = 96


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One answer.

    Attributes
    ----------
    photo : Photo
        What was looked at, to be looked at again.
    picture : array of uint8
        Its pixels, as they are shown.
    texture : Texture
        The same, small.
    name : str
        What it was taken for.
    is_sure : bool
    """

    photo: Photo
    picture: Pixels
    texture: Any
    name: str
    is_sure: bool

    @property
    def is_frame(self) -> bool:
        """Whether the camera saw it."""
        return self.photo is self.picture


class Recent(EventDispatcher):
    """The last answers, the newest first."""

    answers = ListProperty()

    def note(self, photo: Photo, picture: Pixels, name: str, is_sure: bool) -> None:
        """Put down an answer.

        A later one about the same photo takes its place; of the camera, which is looked at all the
        time, only answers that differ are put down.
        """
        for place, one in enumerate(self.answers):
            if one.photo is photo:
                if (one.name, one.is_sure) != (name, is_sure):  # a finger may be on it
                    self.answers[place] = replace(one, name=name, is_sure=is_sure)
                return
        new = Seen(photo, picture, frame_texture(_small(picture)), name, is_sure)
        last = self.answers[0] if self.answers else None
        if last is None or not (new.is_frame and last.is_frame and new.name == last.name):
            self.answers = [new, *self.answers[: MOST - 1]]

    def forget(self) -> None:
        """Hold none any more."""
        self.answers = []


def _small(picture: Pixels) -> Pixels:
    step = max(1, min(picture.shape[:2]) // _SIDE)
    return np.ascontiguousarray(picture[::step, ::step])
