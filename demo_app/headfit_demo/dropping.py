"""What happens with files and folders that are dropped on the window."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from kivy.core.window import Window

from headfit_demo.language import short, tr
from headfit_demo.session import (
    NETWORK_ENDING,
    Things,
    find_things,
    picked,
    project_name,
)
from headfit_demo.shell import PROJECT_PAGES

_HEADS = (".head", NETWORK_ENDING)


class Drops:
    """Sorts what is dropped.

    A head file becomes a project, the extractor is installed. On the page that recognises, and on
    the picture beside what is taught, a photo is looked at. A folder is a thing that is named
    after it, or one thing for each folder in it: of the open project on its pages, elsewhere of a
    new one. Single photos belong to the thing that they are dropped on.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._dropped: list[tuple[Path, float, float]] = []
        Window.bind(on_drop_begin=self._begin, on_drop_file=self._take, on_drop_end=self._end)

    def _begin(self, *_: Any) -> None:
        self._dropped = []

    def _take(self, _: Any, path: bytes, x: float, y: float, *rest: Any) -> None:
        self._dropped.append((Path(os.fsdecode(path)), x, y))

    def _end(self, *_: Any) -> None:
        dropped, self._dropped = self._dropped, []
        if dropped:
            x, y = dropped[0][1:]
            self.sort([one[0] for one in dropped], x, Window.height - y)

    def sort(self, paths: list[Path], x: float, y: float) -> None:
        """Do with paths what is meant; ``x`` and ``y`` in the window, y upwards."""
        app = self._app
        folders = [path for path in paths if path.is_dir()]
        heads = [path for path in paths if path.suffix in _HEADS and path not in folders]
        # Whatever is no head may be a photo: what cannot be read is named when it is looked at.
        photos = [path for path in paths if path not in folders and path not in heads]
        page = app.shell.ids.screens.current
        project = app.project if page in PROJECT_PAGES else None
        if heads:
            app.projects.import_head(picked(heads[0]))
            self._say_left_out([*heads[1:], *folders, *photos])
        elif page == "recognise" and photos:
            app.sight.look_at(picked(photos[0]))
            self._say_left_out([*photos[1:], *folders])
        elif folders:
            self.teach_folders(folders, None if project is None else project.key, photos)
        elif project is not None:
            self._teach_photos(photos, x, y)
        else:
            app.notify(tr.say("Open or begin a project first."))

    def teach_folders(
        self, folders: list[Path], project_key: str | None, beside: Sequence[Path] = ()
    ) -> None:
        """Teach a project what is in folders, or a new one.

        They are looked through elsewhere, for that may take long.
        """

        def find() -> Things:
            found = find_things(folders)
            return replace(found, left_out=(*beside, *found.left_out))

        app = self._app
        name = project_name(folders[0]) if len(folders) == 1 else ""  # else after its things
        app.teaching.teach(
            find, project_key=project_key, may_name=True, new_project=name, skips_repeats=True
        )
        if project_key is not None:
            app.go("teach")

    def _teach_photos(self, photos: list[Path], x: float, y: float) -> None:
        teach = self._app.shell.ids.screens.get_screen("teach")
        if teach.is_to_try(x, y):
            self._app.sight.look_at(picked(photos[0]))
            self._say_left_out(photos[1:])
            return
        card = teach.card_at(x, y)
        if card is None:
            self._app.notify(tr.say("Drop photos on the thing that they show."))
        else:
            teach.teach(card, [picked(path) for path in photos])

    def _say_left_out(self, paths: list[Path]) -> None:
        """Say of what nothing was made: nothing that was dropped is lost in silence."""
        if not paths:
            return
        said = tr.say("{name} was left out.").format(name=short(picked(paths[0]).name))
        if n_more := len(paths) - 1:
            more = tr.count("{n} more was left out, too.", "{n} more were left out, too.", n_more)
            said = f"{said} {more}"
        self._app.notify(said)
