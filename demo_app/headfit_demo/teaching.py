"""What the user teaches the project that is shown, and takes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from headfit_demo.language import added, left_out, tr, turned_back
from headfit_demo.session import (
    Act,
    Added,
    Job,
    OpenProject,
    Photo,
    ProjectView,
    Things,
    teach,
    things_in,
)
from headfit_demo.widgets import tell


class Teaching:
    """Teaches photos, and turns acts back.

    Parameters
    ----------
    app : DemoApp
        That shows a project.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        # What waits until the user takes back that it was taken back, as long as that can be; with
        # what was left out before, of which nobody was told.
        self._waiting: WeakKeyDictionary[Act, tuple[str, Added, dict[str, Any]]] = (
            WeakKeyDictionary()
        )

    def add_photos(
        self,
        class_name: str,
        photos: Sequence[Photo],
        done: Callable[[], Any] = lambda: None,
        *,
        act: Act | None = None,
        **how: Any,
    ) -> None:
        """Teach photos of a thing of the project that is shown now, and show them as they come.

        Those of one ``act`` are taken back together; see `teach`.
        """
        key = self._app.project.key
        find = partial(things_in, class_name, photos)
        self.teach(find, done, act=act, project_key=key, **how)

    def teach(
        self,
        find_things: Callable[[], Things],
        done: Callable[[], Any] = lambda: None,
        *,
        project_key: str | None,
        act: Act | None = None,
        before: Added = Added(),  # noqa: B008 - it never changes
        **how: Any,
    ) -> None:
        """Teach photos by what they show; see `headfit_demo.session.teach`.

        Without a project in a new one, which is shown then. At the end what was left out is named,
        and what was ``before``.
        """
        app, is_there = self._app, project_key is not None
        act = act or Act()

        def work(job: Job) -> Any:
            return teach(app.session, job, find_things, act, **how)

        def move(view: ProjectView) -> None:
            nonlocal is_there
            if is_there:
                app.show(view)
            else:
                is_there = True
                app.arrive(view)

        def finish(result: tuple[Added, ProjectView | None] | None, error: Any) -> None:
            if error is not None:
                app.complain(error)
                app.look()
            else:
                became, view = result or (Added(), None)
                became = before + became
                if view is not None:  # else who deleted it knows
                    move(view)
                    # Who took all of it back, or forgot it, knows.
                    is_told = bool(became.error) or not act.is_gone
                    if is_told and (text := added(became, job)):
                        app.notify(text, offer=self._offer(view.key, became))
                    if act.rest:
                        untold = Added(refused=became.refused, left_out=became.left_out)
                        self._waiting[act] = view.key, Added() if is_told else untold, how
                        self._go_on()
            done()

        job = Job(work, finish, moved=move, project_key=project_key)
        app.jobs.begin(job)

    def _go_on(self) -> None:
        """Teach what waits and is wanted again."""
        for act, (key, before, how) in list(self._waiting.items()):
            if act.can_go_on:
                del self._waiting[act]
                skips = how.get("skips_repeats", False)
                take = partial(_rest_of, act)
                self.teach(take, act=act, project_key=key, before=before, skips_repeats=skips)

    def _offer(self, project_key: str, became: Added) -> tuple[str, Callable[[], Any]] | None:
        """Offer to take photos that were passed over, or to name all that were left out."""
        if not became.repeated:
            names = left_out(became)
            return (
                (tr.say("Which ones?"), partial(tell, tr.say("Left out"), names)) if names else None
            )
        photos: dict[str, list[Photo]] = {}
        for name, photo in became.repeated:
            photos.setdefault(name, []).append(photo)
        take = partial(self.teach, lambda: Things(photos), project_key=project_key)
        return tr.say("Take them, too"), take

    def undo(self) -> None:
        """Take back what the user did last."""
        self._turn_back(OpenProject.undo, tr.say("There is nothing to take back."))

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._turn_back(OpenProject.redo, tr.say("There is nothing to do again."))

    def _turn_back(self, work: Callable[[OpenProject], Act | None], nothing: str) -> None:
        def say(act: Act | None, error: Exception | None) -> None:
            if error is None:
                self._app.notify(nothing if act is None else turned_back(act))
                self._go_on()

        if self._app.project is not None:
            self._app.change(work, say)


def _rest_of(act: Act) -> Things:
    """Return what waits of an act."""
    return Things(act.take_rest())
