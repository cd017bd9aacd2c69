"""The app: its window, its session and the worker between them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kivy.app import App
from kivy.clock import mainthread
from kivy.core.window import Window
from kivy.properties import BooleanProperty, ObjectProperty

from headfit_demo.dropping import Drops
from headfit_demo.eye import Eye
from headfit_demo.keys import Keys
from headfit_demo.language import sentence, system_language, tr, undone
from headfit_demo.platforms import this_platform
from headfit_demo.screens import SCREENS
from headfit_demo.session import (
    Added,
    Done,
    OpenProject,
    PhotoView,
    PickedFile,
    Preferences,
    ProjectView,
    Session,
    Step,
    Worker,
    file_name,
    install,
    is_network,
)
from headfit_demo.shell import PLACES, Shell, place_name
from headfit_demo.widgets import jpeg_texture, take_focus, theme
from headfit_demo.window import ICON

PHOTOS_AT_ONCE = 8
"""Of many photos, so many are taught before the screen shows them and other work has its turn."""


class DemoApp(App):
    """Teach your phone to see, and ship only a head.

    Parameters
    ----------
    camera_folder : Path, optional
        Photos that play the camera.
    data_folder : Path, optional
        Where projects lie; by default the platform's place.
    extractor : str, optional
        Name or path of another extractor than the one that came with headfit.
    """

    title = "headfit"
    icon = str(ICON)
    project = ObjectProperty(None, allownone=True)
    """The open project as a `ProjectView`, or None."""

    is_training = BooleanProperty(False)
    keeps_thumbnails = BooleanProperty(False)
    eye = ObjectProperty(None)
    shell = ObjectProperty(None, allownone=True)

    def __init__(
        self,
        *,
        camera_folder: Path | None = None,
        data_folder: Path | None = None,
        extractor: str | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self.platform = this_platform(camera_folder)
        self.worker = Worker(mainthread)
        self.eye = Eye(self.platform, self.complain)
        self._textures: dict[tuple[str, int], Any] = {}
        self.use_folder(data_folder or self.platform.data_folder(), extractor)

    def use_folder(self, folder: Path, extractor: str | None = None) -> None:
        """Keep everything in a folder, and look with an extractor, from now on."""
        self.session = Session(folder, extractor=extractor, isolate=self.platform.isolates_engine)
        self._preferences_path = folder / "preferences.json"
        self.preferences = Preferences.load(self._preferences_path)
        self._apply_preferences()

    def build(self) -> Shell:
        """Return the frame with all screens in it."""
        self.shell = Shell()
        for screen in SCREENS:
            self.shell.ids.screens.add_widget(screen())
        self.shell.ids.screens.bind(current=self._arrived)
        self._arrived()
        self.keys = Keys(self)
        self.drops = Drops(self)
        self.do(self.session.open_extractor, lambda _: None)
        return self.shell

    def on_stop(self) -> None:
        """Close what is open."""
        self.eye.switch_off()
        self.worker.do(self.session.close, lambda result, error: None)
        self.worker.stop()

    def on_pause(self) -> bool:
        """Let the camera go while another app is in front; all that was taught is on the disk."""
        self.eye.switch_off()
        return True

    # Work and what came of it

    def do(self, work: Callable[[], Any], done: Callable[[Any], Any]) -> None:
        """Let the worker do something, then show it, or say what went wrong."""

        def finish(result: Any, error: Exception | None) -> None:
            if error is None:
                done(result)
            else:
                self.complain(error)

        self.worker.do(work, finish)

    def change(
        self, work: Callable[[OpenProject], Any], done: Done = lambda result, error: None
    ) -> None:
        """Change the open project, let its head follow, and show it.

        ``done`` is called with what ``work`` returned, or with the error.
        """

        def work_and_settle() -> Any:
            project = self.session.project
            result = work(project)
            project.settle()
            return result, project.view()

        def finish(result: Any, error: Exception | None) -> None:
            if error is None:
                result, view = result
                self.show(view)
            else:
                self.complain(error)
                self.look()  # some of it may be done
            done(result, error)

        self.worker.do(work_and_settle, finish)

    def look(self) -> None:
        """Show the open project as it is now."""
        if self.project is not None:
            self.do(self._view, self.show)

    def show(self, view: ProjectView) -> None:
        """Show a project."""
        self.project = view
        self.refresh_screen()

    def _view(self) -> ProjectView:
        """Return the open project; on the worker's thread."""
        return self.session.project.view()

    def complain(self, error: Exception) -> None:
        """Say what went wrong, in one sentence."""
        self.notify(sentence(error))

    def notify(self, text: str) -> None:
        """Say something that goes by itself."""
        self.shell.ids.notice.show(text)

    def thumbnail(self, photo: PhotoView) -> Any:
        """Return the texture of a photo's thumbnail, or None."""
        if self.project is None:  # cards of the last project are drawn until another is shown
            return None
        key = (self.project.key, photo.example_id)
        if key not in self._textures and photo.thumbnail is not None:
            self._textures[key] = jpeg_texture(photo.thumbnail)
        return self._textures.get(key)

    # Where we are

    def go(self, screen: str) -> None:
        """Go to a screen; what had the focus on this one hears no more keys."""
        take_focus(self.shell.ids.screens.current_screen)
        self.shell.ids.screens.current = screen

    def undo(self) -> None:
        """Take back the last change of what is taught."""

        def say(step: Step | None, error: Exception | None) -> None:
            if error is None:
                self.notify(undone(step))

        if self.project is not None:
            self.change(OpenProject.undo, say)

    # Projects

    def create_project(self, name: str) -> None:
        """Make a project and go teach it."""
        self._open(partial(self.session.create_project, name))

    def open_project(self, key: str) -> None:
        """Open a project and go teach it."""
        self._open(partial(self.session.open_project, key))

    def import_head(self, file: PickedFile) -> None:
        """Make a project of a head file, or install the extractor, if it is that."""
        if is_network(file):
            self.do(partial(install, file), self._installed)
            return
        self._open(partial(self.session.import_head, file), "recognise")

    def _installed(self, _: Any) -> None:
        self.notify(tr.say("The extractor is installed. It stays on this device."))
        self.refresh_screen()

    def delete_project(self, key: str) -> None:
        """Delete a project."""
        if self.project is not None and self.project.key == key:
            self.project = None
        self.do(partial(self.session.delete_project, key), lambda _: self.refresh_screen())

    def erase_everything(self) -> None:
        """Delete all projects."""
        self.project = None
        self.do(self.session.erase_everything, lambda _: self.go("home"))

    def export_head(self) -> None:
        """Give the head away: save it somewhere, or share it."""
        path = Path(tempfile.gettempdir()) / f"{file_name(self.project.name)}.head"

        def give(_: Any) -> None:
            self.platform.give_file(path, thank)

        def thank(where: str | None) -> None:
            if where:
                self.notify(tr.say("Saved: {where}").format(where=where))

        self.do(lambda: self.session.project.export_head(path), give)

    def _open(self, work: Callable[[], Any], screen: str = "teach") -> None:
        def work_and_look() -> ProjectView:
            work()
            return self._view()

        def arrive(view: ProjectView) -> None:
            self._textures.clear()
            self.show(view)
            self.go(screen)

        self.do(work_and_look, arrive)

    # Photos

    def add_photos(
        self,
        class_name: str,
        photos: Sequence[Any],
        done: Callable[[Added | None], Any] = lambda _: None,
        *,
        goes_on: bool = False,
    ) -> None:
        """Teach photos of a class, some at a time, and show them as they come.

        With ``goes_on`` they are taken back together with those before.
        """
        now, later = photos[:PHOTOS_AT_ONCE], photos[PHOTOS_AT_ONCE:]

        def work(project: OpenProject) -> Added:
            return project.add_photos(class_name, now, goes_on=goes_on)

        def go_on(added: Added | None, error: Exception | None) -> None:
            if added is not None:
                self._say_what_was_odd(added)
            if later and error is None:
                self.add_photos(class_name, later, done, goes_on=True)
            else:
                done(added)

        self.change(work, go_on)

    def _say_what_was_odd(self, added: Added) -> None:
        if added.refused:
            name = added.refused[0].name
            text = tr.say("{name} was left out. {why}")
            self.notify(text.format(name=name, why=sentence(added.refused[0].error)))

    # Settings

    def set_preference(self, name: str, value: Any) -> None:
        """Set something, keep it, and let it be seen."""
        self.preferences = replace(self.preferences, **{name: value})
        try:
            self.preferences.save(self._preferences_path)
        except OSError as error:
            self.complain(error)
        self._apply_preferences()
        self.refresh_screen()
        self.look()

    def _apply_preferences(self) -> None:
        theme.style = self.preferences.style
        theme.text_scale = self.preferences.text_scale
        tr.language = self.preferences.language or system_language()
        Window.clearcolor = theme.ground
        self.keeps_thumbnails = bool(self.preferences.keeps_thumbnails)
        self.worker.do(
            partial(self.session.keep_thumbnails, self.keeps_thumbnails), self._kept_thumbnails
        )

    def _kept_thumbnails(self, _: Any, error: Exception | None) -> None:
        if error is not None:
            self.complain(error)

    def _arrived(self, *_: Any) -> None:
        """Say where we are."""
        current = self.shell.ids.screens.current
        usable = {screen for screen, _ in PLACES} | {"settings"}
        if self.project is None:
            usable.discard("teach")
        self.shell.show_place("teach" if current == "photos" else current, usable)
        in_project = current in ("teach", "photos", "recognise") and self.project is not None
        self.shell.heading = self.project.name if in_project else place_name(current)
        is_teaching = current in ("teach", "photos") and self.project is not None
        self.shell.can_undo = is_teaching and self.project.can_undo

    def refresh_screen(self) -> None:
        """Show the project on the screen that is shown."""
        self._arrived()
        self.shell.ids.screens.current_screen.refresh()
