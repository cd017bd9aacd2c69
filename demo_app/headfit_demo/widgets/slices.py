"""Work on widgets that is spread over frames."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from kivy.clock import Clock


class Slices:
    """Work on widgets in slices between frames, so that much of it never stops the picture.

    All that goes on at once shares the time of a frame; each takes one step in it at least.
    """

    BUDGET_S = 0.02

    moved_at = 0.0
    """When any of them took a step, by `time.monotonic`."""

    _frame = -1
    _ends = 0.0

    def __init__(self) -> None:
        self._event: Any = None

    def run(self, steps: Iterator[object]) -> None:
        """Take steps now, and the rest in the next frames; what is left of others is dropped."""
        self.stop()

        def go_on(*_: object) -> bool:
            Slices.moved_at = time.monotonic()
            if Slices._frame != Clock.frames:
                Slices._frame, Slices._ends = Clock.frames, time.perf_counter() + self.BUDGET_S
            return any(time.perf_counter() > Slices._ends for _step in steps)

        if go_on():
            self._event = Clock.schedule_interval(go_on, 0)

    def stop(self) -> None:
        """Drop what is left."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
