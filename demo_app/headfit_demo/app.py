"""The app: its window, its session and the worker between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from kivy.app import App
from kivy.clock import mainthread
from kivy.core.window import Window
from kivy.properties import BooleanProperty, ObjectProperty

from headfit_demo.dropping import Drops
from headfit_demo.eye import Eye
from headfit_demo.hover import Hover
from headfit_demo.jobs import Jobs
from headfit_demo.keys import Keys
from headfit_demo.language import added, project_title, sentence, tr, turned_back
from headfit_demo.learning import Learning
from headfit_demo.litter import Litter
from headfit_demo.platforms import this_platform
from headfit_demo.projects import Projects
from headfit_demo.screens import SCREENS
from headfit_demo.session import (
    Act,
    Added,
    CancelledError,
    Done,
    Job,
    OpenProject,
    Photo,
    PhotoView,
    Preferences,
    ProjectGoneError,
    ProjectView,
    Session,
    Things,
    Worker,
    teach,
)
from headfit_demo.settings import Settings
from headfit_demo.shell import PLACES, Shell, place_name
from headfit_demo.sight import Sight
from headfit_demo.widgets import ask_yes, jpeg_texture, take_focus
from headfit_demo.window import ICON

MOST_TEXTURES = 600
"""So many small pictures are held besides those on the screen, 16 MB of them."""


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

    keeps_thumbnails = BooleanProperty(False)
    eye = ObjectProperty(None)
    jobs = ObjectProperty(None)
    learning = ObjectProperty(None)
    sight = ObjectProperty(None)
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
        self.jobs = Jobs(self.worker)
        self.projects = Projects(self)
        self.eye = Eye(self.platform, self.complain, partial(self.set_preference, "camera"))
        self.learning = Learning(self)
        self.sight = Sight(self)
        self._textures: dict[tuple[str, int], Any] = {}
        self.use_folder(data_folder or self.platform.data_folder(), extractor)

    def use_folder(self, folder: Path, extractor: str | None = None) -> None:
        """Keep everything in a folder, and look with an extractor, from now on."""
        self.session = Session(folder, extractor=extractor, isolate=self.platform.isolates_engine)
        self.settings = Settings(self, folder / "preferences.json")

    def build(self) -> Shell:
        """Return the frame with all screens in it."""
        self.shell = Shell()
        for screen in SCREENS:
            self.shell.ids.screens.add_widget(screen())
        self.shell.ids.screens.bind(current=self._arrived)
        self._arrived()
        self.keys = Keys(self)
        self.drops = Drops(self)
        if self.platform.name == "desktop":
            self.hover = Hover()
        Window.bind(focus=lambda *_: self.settings.ask_system())
        Window.bind(on_request_close=self._may_not_close)
        self.litter = Litter(self)
        self.do(self.session.open_extractor, lambda _: self.litter.keep())
        return self.shell

    def on_stop(self) -> None:
        """Close what is open."""
        self.eye.switch_off()
        self.litter.stop()
        self.worker.stop(last=self.session.close)

    def _may_not_close(self, *_: Any, **__: Any) -> bool:
        """Ask before photos that are still to be taught are left out."""
        if self.jobs.is_long:
            ask_yes(
                tr.say("Close now?"),
                tr.say("Photos are still being taught. The rest of them would be left out."),
                tr.say("Close"),
                self.stop,
            )
        return bool(self.jobs.is_long)

    def on_pause(self) -> bool:
        """Let the camera go while another app is in front; all that was taught is on the disk."""
        self.eye.switch_off()
        return True

    def on_resume(self) -> None:
        """Look as the system does by now."""
        self.settings.ask_system()

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
        """Change the project that is shown now, let its head follow, and show it.

        ``done`` is called with what ``work`` returned, or with the error.
        """
        key = self.project.key

        def finish(changed: Any, error: Exception | None) -> None:
            result = None
            if error is None:
                result, view = changed
                self.show(view)
            else:
                self.complain(error)
                self.look()  # some of it may be done
            done(result, error)

        job = Job(lambda _: self.session.change(key, work), finish, project_key=key)
        self.jobs.begin(job)

    def look(self) -> None:
        """Show the project that is shown as it is now."""
        if self.project is not None:
            self.do(partial(self.session.ask, self.project.key, OpenProject.view), self.show)

    def show(self, view: ProjectView) -> None:
        """Show how a project is now, if it is the one that is shown."""
        if self.is_shown(view.key):
            self.project = view
            self.learning.follow(view)
            self.refresh_screen()

    def is_shown(self, project_key: str) -> bool:
        """Return whether this project is the one that is shown."""
        return self.project is not None and self.project.key == project_key

    def complain(self, error: Exception) -> None:
        """Say what went wrong, in one sentence."""
        if isinstance(error, CancelledError):  # who stopped it knows
            return
        self.notify(sentence(error))
        if isinstance(error, ProjectGoneError) and self.project is not None:
            self.leave(self.project.key)

    def notify(self, text: str, *, can_undo: bool = False) -> None:
        """Say something that goes by itself; of what was done last, with a way back."""
        self.shell.ids.notice.show(text, self.project.last_act if can_undo else 0)

    def thumbnail(self, photo: PhotoView) -> Any:
        """Return the texture of a photo's thumbnail, or None."""
        if self.project is None:  # cards of the last project are drawn until another is shown
            return None
        key = (self.project.key, photo.example_id)
        if key not in self._textures and photo.thumbnail is not None:
            if len(self._textures) >= MOST_TEXTURES:  # what is on the screen holds its own
                self._textures.clear()
            self._textures[key] = jpeg_texture(photo.thumbnail)
        return self._textures.get(key)

    # Where we are

    def go(self, screen: str) -> None:
        """Go to a screen; what had the focus on this one hears no more keys."""
        take_focus(self.shell.ids.screens.current_screen)
        self.shell.ids.screens.current = screen

    def undo(self) -> None:
        """Take back what the user did last."""
        self._turn_back(OpenProject.undo)

    def redo(self) -> None:
        """Do again what was taken back last."""
        self._turn_back(OpenProject.redo)

    def _turn_back(self, work: Callable[[OpenProject], Act | None]) -> None:
        def say(act: Act | None, error: Exception | None) -> None:
            if error is None:
                self.notify(turned_back(act))

        if self.project is not None:
            self.change(work, say)

    def leave(self, project_key: str) -> None:
        """Go home if this project, which is gone, was shown."""
        if self.is_shown(project_key):
            self.project = None
            self.go("home")

    def arrive(self, view: ProjectView, screen: str = "teach") -> None:
        """Show another project."""
        take_focus(self.shell.ids.screens.current_screen)  # what is half typed is of the last one
        self._textures.clear()
        self.project = view
        self.learning.follow(view)
        self.refresh_screen()
        self.go(screen)

    # Photos

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
        self.teach(lambda: Things({class_name: photos}), done, act=act, **how)

    def teach(
        self,
        find_things: Callable[[], Things],
        done: Callable[[], Any] = lambda: None,
        *,
        act: Act | None = None,
        **how: Any,
    ) -> None:
        """Teach photos by what they show; see `headfit_demo.session.teach`."""
        key = None if self.project is None else self.project.key
        is_there = key is not None

        def work(job: Job) -> Any:
            return teach(self.session, job, find_things, act or Act(), **how)

        def move(view: ProjectView) -> None:
            nonlocal is_there
            if is_there:
                self.show(view)
            else:
                is_there = True
                self.arrive(view)

        def finish(result: tuple[Added, ProjectView | None] | None, error: Any) -> None:
            if error is not None:
                self.complain(error)
                self.look()
            else:
                became, view = result or (Added(), None)
                if view is not None:  # else who deleted it knows
                    move(view)
                    if text := added(became, job):
                        self.notify(text)
            done()

        job = Job(work, finish, moved=move, project_key=key)
        self.jobs.begin(job)

    # Settings

    @property
    def preferences(self) -> Preferences:
        """What the user set."""
        return self.settings.now

    def set_preference(self, name: str, value: Any) -> None:
        """Set something, keep it, and let it be seen."""
        self.settings.set(name, value)
        self.refresh_screen()
        self.look()

    def _arrived(self, *_: Any) -> None:
        """Say where we are."""
        current = self.shell.ids.screens.current
        usable = {screen for screen, _ in PLACES} | {"settings"}
        if self.project is None:
            usable.discard("teach")
        self.shell.show_place({"photos": "teach", "help": "privacy"}.get(current, current), usable)
        in_project = current in ("teach", "photos", "recognise") and self.project is not None
        self.shell.heading = project_title(self.project.name) if in_project else place_name(current)
        is_teaching = current in ("teach", "photos") and self.project is not None
        self.shell.can_undo = is_teaching and self.project.can_undo
        self.shell.can_redo = is_teaching and self.project.can_redo

    def refresh_screen(self) -> None:
        """Show the project on the screen that is shown."""
        self._arrived()
        self.sight.look_again()
        self.shell.ids.screens.current_screen.refresh()
