"""The app: its window, its session and the worker between them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

from kivy.app import App
from kivy.clock import Clock, mainthread
from kivy.core.window import Window
from kivy.properties import BooleanProperty, ObjectProperty

from headfit_demo.dropping import Drops
from headfit_demo.eye import Eye
from headfit_demo.hover import Hover
from headfit_demo.jobs import Jobs
from headfit_demo.keys import Keys
from headfit_demo.language import sentence, tr
from headfit_demo.learning import Learning
from headfit_demo.litter import Litter
from headfit_demo.platforms import this_platform
from headfit_demo.projects import Projects
from headfit_demo.screens import SCREENS
from headfit_demo.session import (
    CancelledError,
    Done,
    Job,
    OpenProject,
    Preferences,
    ProjectGoneError,
    ProjectView,
    Session,
    Worker,
)
from headfit_demo.settings import Settings
from headfit_demo.shell import Shell
from headfit_demo.sight import Sight
from headfit_demo.teaching import Teaching
from headfit_demo.thumbnails import Thumbnails
from headfit_demo.widgets import ask_yes, take_focus
from headfit_demo.window import ICON

LAYOUT_STEPS: Final = 60
"""So many times at most parts of a page move others before a frame: where text becomes larger on a
narrow window more than 20 times, which are as many as Kivy lets pass without a word."""


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
        self.teaching = Teaching(self)
        self.thumbnails = Thumbnails()
        self.use_folder(data_folder or self.platform.data_folder(), extractor)

    def use_folder(self, folder: Path, extractor: str | None = None) -> None:
        """Keep everything in a folder, and look with an extractor, from now on."""
        self.session = Session(folder, extractor=extractor, isolate=self.platform.isolates_engine)
        self.settings = Settings(self, folder / "preferences.json")

    def build(self) -> Shell:
        """Return the frame with all screens in it."""
        Clock.max_iteration = LAYOUT_STEPS
        Window.softinput_mode = "below_target"  # a phone's keyboard covers no field that it is for
        self.shell = Shell()
        for screen in SCREENS:
            self.shell.ids.screens.add_widget(screen())
        self.shell.ids.screens.bind(current=self._say_place)
        self._say_place()
        self.keys = Keys(self)
        self.drops = Drops(self)
        if self.platform.name == "desktop":
            self.hover = Hover()
        Window.bind(focus=lambda *_: self.settings.ask_system())
        Window.bind(on_request_close=self._may_not_close)
        self.litter = Litter(self)
        self.do(self.session.open_extractor, lambda _: self.litter.search())
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

    def notify(
        self,
        text: str,
        *,
        can_undo: bool = False,
        offer: tuple[str, Callable[[], Any]] | None = None,
    ) -> None:
        """Say something that goes by itself; of what was done last, with a way back.

        Or with an ``offer``: what to do about it, in words, and what does it.
        """
        act = self.project.last_act if can_undo else 0
        self.shell.ids.notice.show(text, act, offer)

    # Where we are

    def go(self, screen: str) -> None:
        """Go to a screen; what had the focus on this one hears no more keys."""
        take_focus(self.shell.ids.screens.current_screen)
        self.shell.ids.screens.current = screen

    def leave(self, project_key: str) -> None:
        """Go home if this project, which is gone, was shown."""
        if self.is_shown(project_key):
            self.project = None
            self.go("home")

    def arrive(self, view: ProjectView, screen: str = "teach") -> None:
        """Show another project."""
        take_focus(self.shell.ids.screens.current_screen)  # what is half typed is of the last one
        self.thumbnails.clear()
        self.project = view
        self.learning.follow(view)
        self.refresh_screen()
        self.go(screen)
        if view.has_lost_head:
            self.notify(tr.say("What it learned is damaged. Import the skill again, or teach it."))
        elif view.learns_again:
            self.notify(tr.say("Another version of headfit made this. It learns its photos again."))

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

    def _say_place(self, *_: Any) -> None:
        self.shell.show_place(self.shell.ids.screens.current, self.project)

    def refresh_screen(self) -> None:
        """Show the project on the screen that is shown."""
        self._say_place()
        self.sight.look_again()
        self.shell.ids.screens.current_screen.refresh()
