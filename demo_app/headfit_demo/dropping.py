"""What happens with files and folders that are dropped on the window."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from kivy.core.window import Window

from headfit.photos import PHOTO_ENDINGS
from headfit_demo.language import tr
from headfit_demo.session import (
    NETWORK_ENDING,
    OpenProject,
    PickedFile,
    find_pictures,
)


class Drops:
    """Sorts what is dropped.

    A head file becomes a project, the extractor is installed. On the page that recognises, a photo
    is looked at. Elsewhere a folder is a thing that is named after it, or one thing for each folder
    in it; single photos belong to the thing that they are dropped on.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._dropped: list[tuple[Path, float, float]] = []
        Window.bind(on_drop_begin=self._begin, on_drop_file=self._take, on_drop_end=self._end)

    def _begin(self, *_: Any) -> None:
        self._dropped = []

    def _take(self, _: Any, path: bytes, x: float, y: float, *rest: Any) -> None:
        self._dropped.append((Path(path.decode()), x, y))

    def _end(self, *_: Any) -> None:
        dropped, self._dropped = self._dropped, []
        if dropped:
            x, y = dropped[0][1:]
            self.sort([one[0] for one in dropped], x, Window.height - y)

    def sort(self, paths: list[Path], x: float, y: float) -> None:
        """Do with paths what is meant; ``x`` and ``y`` in the window, y upwards."""
        app = self._app
        heads = [path for path in paths if path.suffix in (".head", NETWORK_ENDING)]
        folders = [path for path in paths if path.is_dir()]
        photos = [path for path in paths if path.suffix.lower() in PHOTO_ENDINGS]
        if heads:
            app.import_head(_picked(heads[0]))
        elif app.shell.ids.screens.current == "recognise" and photos:
            app.shell.ids.screens.current_screen.look_at(_picked(photos[0]))
        elif folders:
            self._teach_folders(folders)
        elif photos and app.project is not None:
            self._teach_photos(photos, x, y)
        elif photos:
            app.notify(tr.say("Open or begin a project first."))
        else:
            app.notify(tr.say("This is no picture that can be read."))

    def _teach_folders(self, folders: list[Path]) -> None:
        things: dict[str, list[Path]] = {}
        for folder in folders:
            inner = [path for path in sorted(folder.iterdir()) if path.is_dir()]
            for thing in inner or [folder]:
                things.setdefault(thing.name, []).extend(find_pictures(thing))
        things = {name: pictures for name, pictures in things.items() if pictures}
        if not things:
            self._app.notify(tr.say("There is no picture in this folder."))
            return
        if self._app.project is None:
            named_after = folders[0] if len(folders) == 1 else folders[0].parent
            self._app.create_project(named_after.name)
        for name, pictures in things.items():
            self._app.change(partial(_name, name))
            self._app.add_photos(name, [_picked(path) for path in pictures])
        self._app.go("teach")

    def _teach_photos(self, photos: list[Path], x: float, y: float) -> None:
        teach = self._app.shell.ids.screens.get_screen("teach")
        name = teach.class_at(x, y)
        if name is None:
            self._app.notify(tr.say("Drop photos on the thing that they show."))
        else:
            self._app.add_photos(name, [_picked(path) for path in photos])


def _name(name: str, project: OpenProject) -> None:
    """Name a thing unless it has its name already; on the worker's thread."""
    if name not in project.class_names:
        project.add_class(name)


def _picked(path: Path) -> PickedFile:
    return PickedFile(path.name, path)
