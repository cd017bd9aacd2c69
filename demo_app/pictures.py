"""Draws every screen of the app into PNG files, without a display: ``make app-screens``.

What is shown is the real app: photos cut from scikit-image's pictures (those that are free of
rights) are taught through its own buttons, and the head is trained on them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

SIZES = {"desktop": (1280, 800), "phone": (360, 800)}
STYLES = ("light", "dark")
PATIENCE_S = 120.0


def main() -> None:
    """Draw all, a process for each size of window: its size cannot change without a display."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=SIZES)
    options = parser.parse_args()
    if options.size:
        draw(options.folder, options.size)
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    for size in SIZES:
        subprocess.run([sys.executable, __file__, options.folder, "--size", size], check=True)


def draw(folder: Path, size: str) -> None:
    """Draw all screens for one size of window."""
    from headfit_demo.window import configure, need_no_display

    need_no_display(Path(tempfile.mkdtemp()))
    configure(*SIZES[size])
    from kivy.base import EventLoop, runTouchApp
    from kivy.config import Config
    from PIL import Image

    from headfit_demo.app import DemoApp
    from headfit_demo.greeting import training_pictures
    from headfit_demo.translation import tr

    Config.set("graphics", "multisamples", 4)
    with tempfile.TemporaryDirectory() as temporary:
        data = Path(temporary)
        camera = data / "camera"
        camera.mkdir()
        samples = training_pictures()
        things = {
            "cat": "cat",
            "Kaffeetasse ☕"[:11]: "coffee",
            "кирпичи": "bricks",
        }
        for number, sample in enumerate(s for s in samples if s.class_name == "coffee"):
            Image.fromarray(sample.frame).save(camera / f"{number:02}.png")

        app = DemoApp(camera_folder=camera, data_folder=data / "app")
        app._run_prepare()
        runTouchApp(embedded=True)
        screens = app.shell.ids.screens

        def wait(until: Callable[[], object], seconds: float = 0.3) -> None:
            started = time.monotonic()
            while not until():
                if time.monotonic() - started > PATIENCE_S:
                    raise TimeoutError(until)
                EventLoop.idle()
            settled = time.monotonic() + seconds
            while time.monotonic() < settled:
                EventLoop.idle()

        def save(name: str) -> None:
            app.shell.ids.notice.hide()
            for style in STYLES:
                app.set_preference("style", style)
                wait(lambda: True, 0.5)
                path = folder / f"{name}-{size}-{style}.png"
                app.shell.export_to_png(str(path))
                with Image.open(path) as picture:
                    small = picture.convert("RGB").quantize(192, Image.Quantize.MEDIANCUT, dither=0)
                small.save(path, optimize=True)

        tr.language = "en"
        app.set_preference("language", "en")
        wait(lambda: screens.current_screen.speed, 0.6)
        save("welcome")
        app.create_project("My desk")
        wait(lambda: screens.current == "teach", 0.6)
        save("teach-empty")
        app.set_preference("keeps_thumbnails", True)
        for thing, sample_name in things.items():
            frames = [s.frame for s in samples if s.class_name == sample_name]
            app.change(lambda thing=thing: app.session.add_class(thing))
            app.add_photos(thing, frames[: 14 if thing == "cat" else 9])
        app.eye.switch_on()
        wait(lambda: app.project.n_photos == 32 and app.eye.texture, 1.0)
        screens.current_screen.train_or_stop()
        wait(lambda: not app.is_training, 0.5)
        save("teach")
        app.eye.switch_off()
        screens.current_screen.show_photos("cat")
        wait(lambda: screens.current == "photos", 0.6)
        save("photos")
        app.go("recognise")
        app.eye.switch_on()
        wait(lambda: screens.current_screen.verdict, 0.6)
        save("recognise")
        app.eye.switch_off()
        for name in ("privacy", "developer", "settings", "home"):
            app.go(name)
            wait(lambda: True, 1.0)
            if name == "developer":
                screens.current_screen.measure()
                wait(lambda: not screens.current_screen.is_measuring, 0.5)
            save(name)
        app.on_stop()


if __name__ == "__main__":
    main()
