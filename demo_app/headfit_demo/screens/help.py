"""Helping a shared head: what is asked for, what would leave, and two files to give away."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kivy.graphics.texture import Texture
from kivy.properties import (
    BooleanProperty,
    ListProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.boxlayout import BoxLayout

from headfit.files import write_atomically
from headfit_demo.language import number, size, tr
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import Hindrance, Leaving, Offer, PickedFile
from headfit_demo.widgets import Column, frame_texture, load_rules

MOST_BYTES = 1 << 16
"""So many bytes of a file are drawn."""


class AskedThing(BoxLayout):
    """A class that is asked for, and how many photos of it are here."""

    name = StringProperty("")
    photos = StringProperty("")


class LeavingView(BoxLayout):
    """One of the two files, as a picture of its bytes and by its numbers."""

    heading = StringProperty("")
    details = StringProperty("")
    numbers = StringProperty("")
    texture = ObjectProperty(None, allownone=True)


class Asked(Column):
    """What a round asks for, who calls it, and what would leave for it."""

    caller = StringProperty("")
    knows_caller = BooleanProperty(False)
    can_give = BooleanProperty(False)


class Promised(Column):
    """How private that is, and the buttons that give the files away."""

    devices = StringProperty("")
    photos = StringProperty("")
    epsilon = StringProperty("")
    delta = StringProperty("")
    sums = ObjectProperty(None, allownone=True)
    together = ObjectProperty(None, allownone=True)
    given = ListProperty([False, False])
    can_give = BooleanProperty(False)
    give = ObjectProperty(lambda number: None)


class HelpScreen(AppScreen):
    """Two files of a round, made of the open project, and given away by the user alone."""

    is_on = BooleanProperty(False)
    n_files = NumericProperty(0)
    hindrance = StringProperty("")

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._called: Any = None
        self._offer: Offer | None = None
        self._made_of: Any = None
        self._asked: Asked | None = None
        self._promised: Promised | None = None

    def refresh(self) -> None:
        """Make the files anew if photos came or went, and none of another project."""
        self.is_on = self.app.preferences.helps
        if self._called is None:
            return
        if not self.is_on or self._made_of[0] != self._now()[0]:
            self._drop()
        elif self._made_of != self._now():
            self._ask()

    def choose(self) -> None:
        """Let the user choose a round."""

        def picked(file: PickedFile | None) -> None:
            if file is not None:
                self._open(file)

        self.app.platform.pick_round(picked)

    def give(self, number: int) -> None:
        """Save one of the files, or share it; with the second the round is helped."""
        offer, promised = self._offer, self._promised
        if offer is None or promised is None:
            return
        leaving = offer.files[number]
        path = Path(tempfile.gettempdir()) / leaving.name
        try:
            write_atomically(path, leaving.content, owner_only=True)
        except OSError as error:
            self.app.complain(error)
            return
        self.app.platform.give_file(path, partial(self._given, promised, number, path))

    def _given(self, promised: Promised, number: int, path: Path, where: str | None) -> None:
        path.unlink(missing_ok=True)  # a share sheet has its own copy
        offer = self._offer
        if not where:
            return
        promised.given = [given or number == n for n, given in enumerate(promised.given)]
        if offer is not None and promised is self._promised and all(promised.given):
            self._thank(offer)
        else:
            self.app.notify(tr.say("Saved: {where}").format(where=where))

    def _thank(self, offer: Offer) -> None:
        self.app.do(
            partial(self.app.session.helped, offer.digest),
            lambda _: self.app.notify(
                tr.say("Both files are out. Give each to its place, and neither to both.")
            ),
        )

    def _open(self, file: PickedFile) -> None:
        def take(called: Any) -> None:
            self._drop()
            self._called = called
            self._ask()

        self.app.do(partial(self.app.session.open_round, file), take)

    def _ask(self) -> None:
        """Ask what would leave of what the project has now."""
        if self.app.project is None:
            self._drop()
            return
        made_of = self._made_of = self._now()
        called = self._called

        def show(offer: Offer) -> None:
            if self._called is called and self._made_of == made_of:
                self._show(offer)

        self.app.do(partial(self.app.session.offer, made_of[0], called), show)

    def _now(self) -> tuple[Any, ...]:
        """Return what tells the project as it is from how it was, or from another one."""
        project = self.app.project
        if project is None:
            return (None,)
        photos = tuple(
            (one.name, one.n_photos, tuple(photo.example_id for photo in one.photos))
            for one in project.classes
        )
        return project.key, project.last_act, project.can_redo, photos

    def _drop(self) -> None:
        """Let go of what was made."""
        self._called = self._offer = self._made_of = self._asked = self._promised = None
        self.hindrance, self.n_files = "", 0
        for name in ("asked", "promised"):
            self.ids[name].clear_widgets()

    def _show(self, offer: Offer) -> None:
        knew_caller = self._asked is not None and self._asked.knows_caller
        if self._promised is not None and any(self._promised.given):
            self.app.notify(tr.say("Your photos changed, so both files are made anew."))
        self._offer, self.n_files = offer, len(offer.files)
        self.hindrance = "" if offer.hindrance is None else _HINDRANCES[offer.hindrance]()
        asked = self._asked = Asked(
            caller=" ".join(offer.caller[at : at + 8] for at in range(0, 64, 8)),
            knows_caller=knew_caller,
        )
        for name, count in offer.things:
            photos = tr.count("{n} photo", "{n} photos", count)
            asked.ids.things.add_widget(AskedThing(name=name, photos=photos))
        headings = (tr.say("File 1, for one place"), tr.say("File 2, for the other"))
        for heading, leaving in zip(headings, offer.files, strict=False):
            asked.ids.files.add_widget(_view_of(heading, leaving))
        promised = self._promised = Promised(
            devices=tr.say("{least} at least, {n} are expected").format(
                least=offer.min_devices, n=offer.devices
            ),
            photos=tr.say("{n} of at most {most}").format(n=offer.n_used, most=offer.max_photos),
            epsilon=_epsilon(offer),
            delta=f"{offer.delta:g}",
            sums=_signed_picture(offer.sums),
            together=_signed_picture(offer.together),
            give=self.give,
        )
        asked.can_give = bool(offer.files)
        asked.bind(knows_caller=lambda *_: self._allow())
        self._allow()
        for name, widget in (("asked", asked), ("promised", promised)):
            self.ids[name].clear_widgets()
            self.ids[name].add_widget(widget)

    def _allow(self) -> None:
        if self._asked is not None and self._promised is not None:
            self._promised.can_give = self._asked.can_give and self._asked.knows_caller


_HINDRANCES: dict[Hindrance, Callable[[], str]] = {
    Hindrance.NO_NOISE: lambda: tr.say(
        "This round asks for sums without noise, which would show photos. Nothing is made for it."
    ),
    Hindrance.SIGNED_ONLY: lambda: tr.say(
        "This round takes signed files only, which the command headfit contribute makes."
    ),
    Hindrance.NO_PHOTOS: lambda: tr.say(
        "There is no photo here of what it asks for. Things must be called the same."
    ),
    Hindrance.HELPED: lambda: tr.say(
        "You helped this round already. Twice would tell twice as much of your photos."
    ),
}


def _epsilon(offer: Offer) -> str:
    if math.isinf(offer.epsilon):
        return tr.say("none: there is no noise")
    return tr.say("{all} if all come, {few} if as few as may").format(
        all=_as_text(offer.epsilon), few=_as_text(offer.epsilon_at_least)
    )


def _as_text(epsilon: float) -> str:
    return number(epsilon, ".2g" if epsilon < 10 else ".0f")


def _view_of(heading: str, leaving: Leaving) -> LeavingView:
    numbers = " ".join(leaving.numbers)
    if leaving.n_numbers > len(leaving.numbers):
        numbers += " …"
    count = tr.count("{n} random number", "{n} random numbers", leaving.n_numbers)
    return LeavingView(
        heading=heading,
        details=f"{leaving.name}, {size(len(leaving.content))}, {count}:",
        numbers=numbers,
        texture=_byte_picture(leaving.content),
    )


def _byte_picture(content: bytes) -> Texture:
    """Draw the bytes of a file, the first of many, a pixel each, row by row."""
    return _picture(np.frombuffer(content[:MOST_BYTES], np.uint8))


def _signed_picture(numbers: npt.NDArray[np.int64]) -> Texture | None:
    """Draw numbers: grey is 0, dark is below, bright is above."""
    if not len(numbers):
        return None
    largest = max(float(np.quantile(np.abs(numbers.astype(np.float64)), 0.99)), 1.0)
    shades = np.clip(numbers / largest, -1, 1) * 127 + 128
    return _picture(shades.astype(np.uint8))


def _picture(shades: npt.NDArray[np.uint8]) -> Texture:
    side = math.ceil(math.sqrt(len(shades)))
    filled = np.zeros(side * -(-len(shades) // side), np.uint8)
    filled[: len(shades)] = shades
    texture = frame_texture(np.repeat(filled.reshape(-1, side, 1), 3, axis=2))
    texture.mag_filter = "nearest"
    return texture


load_rules(__file__)
