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
    class_name : str or None
        What it was taken for; None for none of the things.
    said : str
        The same in words.
    is_sure : bool
    """

    photo: Photo
    picture: Pixels
    texture: Any
    class_name: str | None
    said: str
    is_sure: bool

    @property
    def is_frame(self) -> bool:
        """Whether the camera saw it."""
        return self.photo is self.picture


class Recent(EventDispatcher):
    """The last answers, the newest first."""

    answers = ListProperty()

    def note(
        self, photo: Photo, picture: Pixels, class_name: str | None, said: str, is_sure: bool
    ) -> None:
        """Put down an answer.

        A later one about the same photo takes its place; of the camera, which is looked at all the
        time, only answers that differ are put down, and of those that do not one that is sure.
        """
        answer: dict[str, Any] = {"class_name": class_name, "said": said, "is_sure": is_sure}
        for place, one in enumerate(self.answers):
            if one.photo is photo:
                if (one.said, one.is_sure) != (said, is_sure):  # a finger may be on it
                    self.answers[place] = replace(one, **answer)
                return
        last = self.answers[0] if self.answers else None
        new = Seen(photo, picture, None, **answer)
        if last and new.is_frame and last.is_frame and class_name == last.class_name:
            if is_sure and not last.is_sure:
                self.answers[0] = replace(last, said=said, is_sure=True)
            return
        new = replace(new, texture=frame_texture(_small(picture)))
        self.answers = [new, *self.answers[: MOST - 1]]

    def forget(self) -> None:
        """Hold none any more."""
        self.answers = []


def _small(picture: Pixels) -> Pixels:
    step = max(1, min(picture.shape[:2]) // _SIDE)
    return np.ascontiguousarray(picture[::step, ::step])
