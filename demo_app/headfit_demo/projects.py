"""Projects as a whole: begun, opened, taken in, given away, deleted."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from headfit import DamagedStoreError
from headfit_demo.language import tr
from headfit_demo.session import PickedFile, ProjectView, file_name, install, is_network


class Projects:
    """What the user does with projects.

    Parameters
    ----------
    app : DemoApp
        That shows one of them.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    def create(self, name: str = "") -> None:
        """Make a project and go teach it; without a name it is called by its things."""
        self._open(partial(self._app.session.create_project, name))

    def open(self, key: str, screen: str = "teach") -> None:
        """Open a project, and go teach it, or elsewhere."""
        self._open(partial(self._app.session.open_project, key), screen, key)

    def repair(self, key: str, screen: str) -> None:
        """Keep of a damaged project what can be read, open it, and say how much that is."""
        app = self._app
        app.jobs.stop(key)

        def say(n_photos: int) -> None:
            if n_photos:
                said = tr.count("{n} photo could be kept.", "{n} photos could be kept.", n_photos)
            elif app.project.head_classes:
                said = tr.say("None of its photos can be read any more. What it learned is there.")
            else:
                said = tr.say("None of its photos can be read any more. Teach them again.")
            app.notify(said)

        self._open(partial(app.session.repair_project, key), screen, then=say)

    def import_head(self, file: PickedFile) -> None:
        """Make a project of a head file, or install the extractor, if it is that."""
        if is_network(file):
            self._app.do(partial(install, file), self._installed)
            return
        self._open(partial(self._app.session.import_head, file), "recognise")

    def delete(self, key: str) -> None:
        """Delete a project, and stop what goes on in it."""
        app = self._app
        app.jobs.stop(key)

        def show(_: Any) -> None:
            app.leave(key)
            app.refresh_screen()

        app.leave(key)
        app.do(partial(app.session.delete_project, key), show)

    def erase_all(self) -> None:
        """Delete all projects, and stop what goes on in them."""
        app = self._app
        app.jobs.stop()
        app.project = None
        app.go("home")
        app.do(app.session.erase_everything, lambda _: app.refresh_screen())

    def export_head(self) -> None:
        """Give away what the project that is shown learned: save it somewhere, or share it."""
        app = self._app
        path = Path(tempfile.gettempdir()) / f"{file_name(app.project.name)}.head"

        def give(_: Any, error: Exception | None) -> None:
            if error is None:
                app.platform.give_file(path, thank)

        def thank(where: str | None) -> None:
            if where:
                app.notify(tr.say("Saved: {where}").format(where=where))

        app.change(lambda project: project.export_head(path), give)

    def _installed(self, _: Any) -> None:
        self._app.notify(tr.say("The extractor is installed. It stays on this device."))
        self._app.refresh_screen()

    def _open(
        self,
        work: Callable[[], Any],
        screen: str = "teach",
        key: str = "",
        then: Callable[[Any], None] = lambda _: None,
    ) -> None:
        """Open a project by ``work``; ``then`` hears what that returned, once it is shown.

        One that is damaged, of which the ``key`` is known, can be repaired.
        """
        app = self._app

        def work_and_look() -> tuple[Any, ProjectView]:
            result = work()
            return result, app.session.project.view()

        def finish(opened: tuple[Any, ProjectView] | None, error: Exception | None) -> None:
            if opened is not None:
                result, view = opened
                app.arrive(view, screen=screen)
                then(result)
            elif key and isinstance(error, DamagedStoreError):
                app.notify(
                    tr.say("What was taught here is damaged. Repair keeps all that can be read."),
                    offer=(tr.say("Repair"), partial(self.repair, key, screen)),
                )
            elif error is not None:
                app.complain(error)

        app.worker.do(work_and_look, finish)
