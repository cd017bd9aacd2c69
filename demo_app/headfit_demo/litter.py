"""Python's search for litter, in all that the app made, waits until nothing moves."""

from __future__ import annotations

import gc
import time
from typing import Any, Final

from kivy.clock import Clock
from kivy.core.window import Window

from headfit_demo.widgets import Slices

QUIET_S: Final = 1.0
"""So long nobody may have touched anything, and no page been filled."""

WORTH, MOST = 50, 1000
"""It is worth it after so many searches among what is new, each of a thousand objects or so; after
so many it no longer waits, lest litter fill the memory."""

GREW: Final = 0.25
"""What is kept is looked through again when such a part of it was added, which is also when Python
itself would look through its oldest."""


class Litter:
    """Collects cycles that nobody holds: of what is new in each frame, of the rest at rest.

    A search through all takes longer than a frame. What outlived one, as do most widgets, is kept:
    it is looked through again only once that is much more than it was. So litter that was kept is
    a part of it at most.

    Python itself searches in whichever thread makes something. There Kivy can be met between a
    widget's death and the unbinding of its rules, which the next change of the theme would then
    look up; so in the app only the main thread searches.

    Parameters
    ----------
    app : DemoApp
        That rests while no job goes on and the camera is off.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._moved_at = time.monotonic()
        Window.bind(on_motion=self._note, on_key_down=self._note, mouse_pos=self._note)
        self.start()

    def start(self) -> None:
        """Search in Python's place."""
        gc.disable()
        self._n_kept = self._n_added = 0
        self._looking = [
            Clock.schedule_interval(self._look_at_new, 0),
            Clock.schedule_interval(self._look, QUIET_S),
        ]

    def search(self) -> None:
        """Look through what is there by now, and keep what is no litter."""
        is_whole = self._n_added >= GREW * self._n_kept
        if is_whole:
            gc.unfreeze()
        gc.collect()
        n_frozen = gc.get_freeze_count()
        gc.freeze()
        # Not by a list of all objects: a tuple that another thread just makes must not be held.
        n_stay = gc.get_freeze_count() - n_frozen
        if is_whole:
            self._n_kept, self._n_added = n_stay, 0
        else:
            self._n_added += n_stay

    def stop(self) -> None:
        """Leave it to Python again."""
        for looking in self._looking:
            looking.cancel()
        gc.unfreeze()
        gc.enable()

    def _note(self, *_: Any) -> None:
        self._moved_at = time.monotonic()

    def _look_at_new(self, _: float) -> None:
        # Of what is new all that stays is looked through once: several frames' together, as Python
        # itself would, takes longer than the work of one.
        if gc.get_count()[0] > gc.get_threshold()[0]:
            gc.collect(1)

    def _look(self, _: float) -> None:
        n_new = gc.get_count()[2]
        is_quiet = time.monotonic() - max(self._moved_at, Slices.moved_at) >= QUIET_S
        rests = is_quiet and not self._app.jobs.is_any and not self._app.eye.is_on
        if n_new >= (WORTH if rests else MOST):
            self.search()
