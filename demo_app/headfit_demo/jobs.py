"""The jobs that go on: begun here, shown while they last, and stopped."""

from __future__ import annotations

from typing import Any

from kivy.event import EventDispatcher
from kivy.properties import BooleanProperty, NumericProperty, StringProperty

from headfit_demo.language import tr
from headfit_demo.session import AT_ONCE, Job, ProjectView, Worker


class Jobs(EventDispatcher):
    """What the worker was given and has not ended; of many photos, how far they are.

    Parameters
    ----------
    worker : Worker
    """

    is_long = BooleanProperty(False)
    fraction = NumericProperty(0.0)
    text = StringProperty("")

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self._worker = worker
        self._going_on: list[Job] = []
        self._project_names: dict[str, str] = {}

    def begin(self, job: Job) -> Job:
        """Let the worker do a job when its turn comes."""
        done, moved = job.done, job.moved

        def end(result: Any, error: Exception | None) -> None:
            self._going_on.remove(job)
            self._show()
            done(result, error)

        def go_on(view: ProjectView) -> None:
            self._project_names[view.key] = view.name
            self._show()
            moved(view)

        job.done, job.moved = end, go_on
        self._going_on.append(job)
        return self._worker.begin(job)

    @property
    def is_any(self) -> bool:
        """Whether anything goes on."""
        return bool(self._going_on)

    def is_at_work(self, project_key: str) -> bool:
        """Return whether anything goes on in a project."""
        return any(job.project_key == project_key for job in self._going_on)

    def stop(self, project_key: str | None = None) -> None:
        """Stop what goes on in a project, or in all of them."""
        for job in self._going_on:
            if project_key is None or job.project_key == project_key:
                job.cancel()

    def stop_long(self) -> None:
        """Stop what is shown."""
        for job in self._long():
            job.cancel()

    def _long(self) -> list[Job]:
        return [job for job in self._going_on if job.n_all > AT_ONCE]

    def _show(self) -> None:
        jobs = self._long()
        self.is_long = bool(jobs)
        if jobs:
            n_done, n_all = sum(job.n_done for job in jobs), sum(job.n_all for job in jobs)
            self.fraction = n_done / n_all
            names = {self._project_names.get(job.project_key or "", "") for job in jobs}
            self.text = tr.say("{n} of {all} photos: {name}").format(
                name=", ".join(sorted(names)), n=n_done, all=n_all
            )
