"""Starts the app and writes down, ten times a second, what is on its window; for real input.

    python watched_app.py STATE DATA CAMERA

Photos in CAMERA play the camera. STATE is a JSON file that is replaced as a whole: how often that
was done, the screen, the things with their photos, the notice, and where in the window each button
is, by its words, and each card of a thing, by its name.
"""

import itertools
import json
import os
import sys
from pathlib import Path

from headfit_demo.window import configure


def main() -> None:
    """Run the app until its window closes."""
    state_path, data = Path(sys.argv[1]), Path(sys.argv[2])
    configure(1120, 760)
    from kivy.config import Config

    Config.set("graphics", "multisamples", 0)  # software draws it
    from kivy.clock import Clock
    from kivy.core.window import Window

    from headfit_demo.app import DemoApp
    from headfit_demo.screens.answer import ThingChip
    from headfit_demo.widgets import Field, Touchable

    app = DemoApp(camera_folder=Path(sys.argv[3]), data_folder=data)
    numbers = itertools.count()

    def place(widget: object) -> list[float]:
        x, y = widget.to_window(*widget.center)
        return [x, Window.height - y]

    def words(one: object) -> str:
        if isinstance(one, ThingChip):
            return f"It is {one.text}"
        return "Undo it" if one is app.shell.ids.notice.ids.undo.__self__ else one.text

    def report(_: float) -> None:
        top = Window.children[0]
        widgets = list(top.walk(restrict=True))
        project, page = app.project, app.shell.ids.screens.current_screen
        notice = app.shell.ids.notice
        state = {
            "number": next(numbers),
            "screen": page.name,
            "project": project and project.name,
            "things": {one.name: one.n_photos for one in project.classes} if project else {},
            "can_learn": bool(project and project.can_train),
            "is_fresh": bool(project and project.head_is_fresh),
            "verdict": app.sight.verdict,
            "hovered": [
                getattr(one, "text", "") for one in widgets if getattr(one, "is_hovered", 0)
            ],
            "notice": "" if notice.disabled else notice.text,
            "is_dialog": top is not app.shell,
            "work": app.jobs.text if app.jobs.is_long else "",
            "is_wide": app.shell.is_wide,
            "has_field": any(isinstance(one, Field) and one.focus for one in widgets),
            "presses": {
                words(one): place(one)
                for one in widgets
                if isinstance(one, Touchable) and not one.disabled and getattr(one, "text", "")
            },
            "cards": {
                name: place(card)
                for name, card in getattr(page, "cards", {}).items()
                if card.parent
            },
            "holds": {
                name: place(card.ids.hold)
                for name, card in getattr(page, "cards", {}).items()
                if card.parent
            },
            "projects": {
                card.name: [*place(card), card.details]
                for card in app.shell.ids.screens.get_screen("home").ids.projects.children
            },
        }
        spare = state_path.with_suffix(".tmp")
        spare.write_text(json.dumps(state), encoding="utf-8")
        os.replace(spare, state_path)

    Clock.schedule_interval(report, 0.1)
    app.run()


if __name__ == "__main__":  # the engine's process imports this module again
    main()
