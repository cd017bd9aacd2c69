"""The card of a thing that is taught, or waits for it: its newest photos, how well it is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kivy.metrics import dp
from kivy.properties import (
    BooleanProperty,
    ListProperty,
    NumericProperty,
    ObjectProperty,
    StringProperty,
)
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.relativelayout import RelativeLayout

from headfit_demo.language import feedback_words, tr
from headfit_demo.session import ClassView, PhotoView
from headfit_demo.widgets import Chip, Press, Slices, Spares, Thumb, fade_in, load_rules


class HoldPress(Press):
    """A button that is held, and let go of wherever the finger is by then."""

    always_release = True
    is_recording = BooleanProperty(False)


class Strip(BoxLayout):
    """The newest photos of a class, as many as fit, and how many more there are."""

    card = ObjectProperty(None)
    photos = ListProperty()
    _newest = 0

    def __init__(self, **options: Any) -> None:
        self._slices = Slices()
        self._spares = Spares(self._thumb, Thumb.clear)
        super().__init__(**options)

    def on_width(self, *_: Any) -> None:
        """Show as many as fit."""
        self.on_photos()

    def on_photos(self, *_: Any) -> None:
        """Show the newest ones; touching one opens all of them."""
        fitting = max(1, int((self.width + self.spacing) // dp(70)))
        shown = self.photos[:fitting]
        thumbs = self._spares.fit(self, len(shown))
        # To decode a picture is to wait for Python's turn several times.
        self._slices.run(self._show(list(zip(thumbs, shown, strict=True))))
        newest = shown[0].example_id if shown else 0
        if newest > self._newest > 0:
            fade_in(self.children[-1])
        self._newest = newest

    def _thumb(self) -> Thumb:
        thumb = Thumb()
        thumb.bind(on_release=lambda *_: self.card.screen.show_photos(self.card.name))
        return thumb

    def _show(self, pairs: list[tuple[Thumb, PhotoView]]) -> Iterator[None]:
        for thumb, photo in pairs:
            app = self.card.screen.app
            thumb.texture = app.thumbnails.of(app.project, photo)
            thumb.badge = badge(photo)
            yield


class ClassCard(RelativeLayout):
    """A thing that is taught.

    What is in it has its places relative to it: one more card below moves no more than the cards.
    """

    name = StringProperty("")
    details = StringProperty("")
    n_photos = NumericProperty(0)
    place = NumericProperty(-1)
    """Among the things, whose colours follow it."""

    screen = ObjectProperty(None)
    hint = StringProperty("")
    """What stands for the name while there is none."""

    is_recording = BooleanProperty(False)

    def __init__(self, **options: Any) -> None:
        self._spares = Spares(Chip)
        super().__init__(**options)

    def clear(self) -> None:
        """Be a card without a thing again."""
        self.show(ClassView("", 0), -1)
        self.ids.name.show()
        self.is_recording = False

    def show(self, one: ClassView, place: int) -> None:
        """Show the class as it is now, and in its place."""
        self.name, self.place, self.n_photos = one.name, place, one.n_photos
        self.details = tr.count("{n} photo", "{n} photos", one.n_photos) if one.n_photos else ""
        self.ids.strip.photos = one.photos
        said = list(feedback_words(one))
        chips = self._spares.fit(self.ids.chips, len(said))
        for chip, (text, icon) in zip(chips, said, strict=True):
            chip.text, chip.icon, chip.is_warning = text, icon, bool(icon)


def badge(photo: PhotoView) -> str:
    """Return the icon of what is odd about a photo."""
    return "warning" if photo.likelier else "twins" if photo.is_repeated else ""


load_rules(__file__)
