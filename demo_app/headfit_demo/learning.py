"""Learning by itself: what the quick way has not learned is learned once no more photos come."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from kivy.clock import Clock, mainthread
from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, ListProperty, NumericProperty

from headfit_demo.language import tr
from headfit_demo.session import CancelledError, Job, Progress, ProjectView

QUIET_S = 0.6
"""So long nothing may have changed: between two frames of a recording nobody waits for it."""


SHOWN_S = 0.05
"""How far it is, is shown so often; a training has many more steps."""


class Learning(EventDispatcher):
    """The training that goes on, if one does.

    Parameters
    ----------
    app : DemoApp
        Whose projects learn.
    """

    is_on = BooleanProperty(False)
    fraction = NumericProperty(0.0)
    seconds_left = NumericProperty(0.0)
    losses = ListProperty()
    """Of the training that goes on or was last, one per step, in nats per photo."""

    def __init__(self, app: Any) -> None:
        super().__init__()
        self._app = app
        self._job: Job | None = None
        self._begin = Clock.create_trigger(self._begin_if_due, QUIET_S)

    def follow(self, view: ProjectView) -> None:
        """Learn what a project has not learned, as soon as it rests."""
        self._begin.cancel()
        if view.is_due:
            self._begin()

    def start(self) -> None:
        """Learn now all photos of the project that is shown."""
        if self._job is not None:
            return
        self._begin.cancel()
        self.is_on, self.fraction, self.losses = True, 0.0, []
        key = self._app.project.key
        self._job = Job(partial(self._learn, key), self._ended, project_key=key)
        self._app.jobs.begin(self._job)

    def stop(self) -> None:
        """Stop; the head stays as it was, until something changes again."""
        if self._job is not None:
            self._job.cancel()

    def _begin_if_due(self, _: float) -> None:
        project = self._app.project
        if project is None or not project.is_due:
            return
        if self._app.jobs.is_at_work(project.key):
            self._begin()
        else:
            self.start()

    def _learn(self, key: str, job: Job) -> ProjectView:
        """Learn; on the worker's thread."""
        shown_at = 0.0

        def watch(progress: Progress) -> None:
            nonlocal shown_at
            job.go_on_or_stop()
            if progress.fraction == 1.0 or time.monotonic() - shown_at >= SHOWN_S:
                self._show(progress)
                shown_at = time.monotonic()

        with self._app.session.using(key) as project:
            project.train(watch)
            view: ProjectView = project.view()
            return view

    @mainthread
    def _show(self, progress: Progress) -> None:
        self.fraction, self.seconds_left = progress.fraction, progress.seconds_left
        self.losses = progress.losses

    def _ended(self, view: ProjectView | None, error: Exception | None) -> None:
        job, self._job, self.is_on = self._job, None, False
        if isinstance(error, CancelledError):
            if job is not None and self._app.is_shown(job.project_key):  # else it was deleted
                self._app.notify(tr.say("Stopped. What it learned before is as it was."))
        elif error is not None:
            self._app.complain(error)
        if view is not None and self._app.is_shown(view.key):
            self._app.show(view)
        else:  # another project may have waited for its turn
            self._app.look()
