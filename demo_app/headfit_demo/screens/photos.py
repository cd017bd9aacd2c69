"""All photos of one thing, with what is odd about them; some can be forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from kivy.properties import NumericProperty, ObjectProperty, StringProperty

from headfit_demo.language import some, tr
from headfit_demo.screens.class_card import badge
from headfit_demo.screens.screen import AppScreen
from headfit_demo.session import OpenProject, PhotoView
from headfit_demo.widgets import Slices, Spares, Thumb, load_rules, take_focus


class PhotoThumb(Thumb):
    """A photo to choose."""

    photo = ObjectProperty(None)
    screen = ObjectProperty(None)


class PhotosScreen(AppScreen):
    """The photos of one class."""

    class_name = StringProperty("")
    details = StringProperty("")
    hint = StringProperty("")
    forget_text = StringProperty("")
    n_photos = NumericProperty(0)
    n_chosen = NumericProperty(0)
    side = NumericProperty(0)
    """Of a photo, in pixels."""

    def __init__(self, **options: Any) -> None:
        self._slices = Slices()
        self._spares = Spares(self._thumb, PhotoThumb.clear)
        self._of = ("", "")  # project and thing of the thumbs that are there
        super().__init__(**options)

    def refresh(self) -> None:
        """Show the photos; what is chosen stays so while more come in."""
        shown = [one for one in self.app.project.classes if one.name == self.class_name]
        photos = shown[0].photos if shown else ()
        self.n_photos = shown[0].n_photos if shown else 0
        self.details = tr.count("{n} photo", "{n} photos", self.n_photos)
        doubts = [photo for photo in photos if photo.likelier]
        if doubts:
            likelier = some(sorted({str(photo.likelier) for photo in doubts}))
            self.hint = tr.say("Marked photos look more like: {names}").format(names=likelier)
        elif any(photo.is_repeated for photo in photos):
            self.hint = tr.say("Marked photos look nearly the same; different ones teach more.")
        else:
            self.hint = tr.say("Touch photos to choose them.")
        self._slices.run(self._show(photos))

    def forget(self) -> None:
        """Forget what is chosen; the notice takes it back."""
        ids = [thumb.photo.example_id for thumb in self.ids.grid.children if thumb.is_chosen]

        def say(_: Any, error: Exception | None) -> None:
            if error is None:
                words = tr.count("{n} photo was forgotten.", "{n} photos were forgotten.", len(ids))
                self.app.notify(words, can_undo=True)

        self.app.change(partial(OpenProject.forget_photos, example_ids=ids), say)

    def _show(self, photos: tuple[PhotoView, ...]) -> Iterator[None]:
        grid, of = self.ids.grid, (self.app.project.key, self.class_name)
        if of != self._of:  # to make a widget takes longer than to give it another photo
            self._of = of
            self.ids.page.scroll_y = 1
            take_focus(grid)
            n_kept = min(len(grid.children), len(photos))
            for thumb, photo in zip(self._spares.fit(grid, n_kept), photos, strict=False):
                thumb.clear()
                thumb.photo = photo
        staying = {one.example_id for one in photos}
        for thumb in [one for one in grid.children if one.photo.example_id not in staying]:
            self._spares.put(thumb)
        self._count_chosen()
        thumbs = {thumb.photo.example_id: thumb for thumb in grid.children}
        for place, photo in enumerate(photos):  # those that are there are in this order already
            if photo.example_id in thumbs:
                thumb = thumbs[photo.example_id]
            else:
                thumb = self._spares.take()
                grid.add_widget(thumb, index=len(grid.children) - place)
            thumb.photo, thumb.badge = photo, badge(photo)
            thumb.texture = self.app.thumbnails.of(self.app.project, photo)
            yield

    def _thumb(self) -> PhotoThumb:
        thumb = PhotoThumb(screen=self)
        thumb.bind(on_release=self._choose)
        return thumb

    def _choose(self, thumb: PhotoThumb) -> None:
        thumb.is_chosen = not thumb.is_chosen
        self._count_chosen()

    def _count_chosen(self) -> None:
        self.n_chosen = sum(one.is_chosen for one in self.ids.grid.children)
        self.forget_text = tr.count("Forget {n} photo", "Forget {n} photos", self.n_chosen)


load_rules(__file__)
