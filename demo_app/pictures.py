"""Draws every screen of the app into PNG files, without a display: ``make app-screens``.

What is shown is the real app: photos cut from scikit-image's pictures (those that are free of
rights) are taught, and it recognises cuts that it has not seen.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from stage import staged

WINDOWS = {"desktop": (1280, 800, "light"), "phone": (360, 800, "dark")}
THINGS = {"cat": "cat", "Kaffeetasse": "coffee", "монеты": "coins"}
"""Names of things, and the pictures they are taught with."""

PHOTOS_EACH = (20, 16, 12)


def main() -> None:
    """Draw all, a process for each window: its size cannot change without a display."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--window", choices=WINDOWS)
    parser.add_argument("--size", metavar="WxH", help="another size than the window has")
    parser.add_argument("--style", choices=("light", "dark"), help="another than the window has")
    parser.add_argument("--language", choices=("en", "de"), default="en")
    parser.add_argument("--text", metavar="SCALE", type=float, default=1.0)
    parser.add_argument("--only", nargs="+", metavar="SCREEN", help="draw no others")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.window:
        draw(options)
        return
    for window in WINDOWS:
        subprocess.run([sys.executable, __file__, *sys.argv[1:], "--window", window], check=True)


def few_colours(picture: Image.Image) -> Image.Image:
    """Return a picture in 256 colours, with those of things and grounds among them as they are."""
    from headfit_demo.widgets import theme

    colours = (*theme.things, theme.surface, theme.ground)
    rare = [round(255 * one) for colour in colours for one in colour[:3]]
    common = picture.quantize(256 - len(rare) // 3, Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(common[: 768 - len(rare)] + rare)
    return picture.quantize(palette=palette, dither=Image.Dither.NONE)


def draw(options: argparse.Namespace) -> None:
    """Draw all screens in one window."""
    from headfit.photos import cut_sample_photos, sample_pictures
    from headfit_demo.session import OpenProject, PickedFile, cut_square

    width, height, style = WINDOWS[options.window]
    if options.size:
        width, height = map(int, options.size.split("x"))
    pictures = sample_pictures()
    cup = cut_square(pictures / "coffee.png", np.random.default_rng(2), is_training=True)
    with staged(width, height, cup) as stage, tempfile.TemporaryDirectory() as folder:
        app, screens = stage.app, stage.screens
        cut_sample_photos(pictures, Path(folder))

        def wait(until: Callable[[], object], seconds: float = 0.6) -> None:
            """Wait for something, and until what moves has come to rest."""
            stage.wait(until, seconds)

        def save(name: str) -> None:
            if options.only and name not in options.only:
                return
            wait(lambda: not app.jobs.is_any)  # whose end is a notice
            app.shell.ids.notice.hide()
            wait(lambda: not app.shell.ids.notice.opacity)
            for widget in screens.current_screen.walk(restrict=True):
                if getattr(widget, "focus", False):
                    widget.focus = False
            wait(lambda: True)
            path = options.folder / f"{name}-{options.window}.png"
            app.shell.export_to_png(str(path), scale=2)  # made smaller again, edges are smooth
            with Image.open(path) as picture:
                small = picture.convert("RGB").resize((width, height), Image.Resampling.BOX)
            few_colours(small).save(path, optimize=True)

        def leave_photo() -> None:
            app.sight.look_away()
            wait(lambda: not app.sight.texture, 0.0)

        app.set_preference("language", options.language)
        app.set_preference("style", options.style or style)
        app.set_preference("text_scale", options.text)
        app.set_preference("keeps_thumbnails", True)
        wait(lambda: screens.current_screen.speed)
        save("welcome")

        app.projects.create("My desk")
        wait(lambda: screens.current == "teach")
        save("teach-empty")

        for (thing, sample_name), count in zip(THINGS.items(), PHOTOS_EACH, strict=True):
            photos = sorted(Path(folder, "train", sample_name).iterdir())
            picked = [PickedFile(one.name, one) for one in photos[:count]]
            app.change(partial(OpenProject.add_class, class_name=thing))
            app.teaching.add_photos(thing, picked)
        app.eye.switch_on()
        wait(lambda: app.project.n_photos == sum(PHOTOS_EACH) and app.sight.is_sure, 1.0)
        wait(lambda: app.project.head_is_fresh and not app.learning.is_on)
        screens.current_screen.ids.classes.parent.parent.scroll_y = 1
        save("teach")

        screens.current_screen.show_photos("cat")
        wait(lambda: len(screens.current_screen.ids.grid.children) == PHOTOS_EACH[0])
        save("photos")

        app.go("recognise")
        app.eye.switch_on()
        wait(lambda: app.sight.is_sure)
        save("recognise")
        leave_photo()
        stranger = pictures / "astronaut.png"
        app.sight.look_at(PickedFile(stranger.name, stranger))
        wait(lambda: app.sight.verdict, 1.0)
        save("unknown")

        app.go("developer")
        wait(lambda: screens.current_screen.code)
        screens.current_screen.measure()
        wait(lambda: not screens.current_screen.is_measuring)
        save("developer")
        for name in ("privacy", "settings", "home"):
            app.go(name)
            wait(lambda: True, 1.5)
            save("projects" if name == "home" else name)


if __name__ == "__main__":
    main()
