"""Records the app while three things are taught and recognised: ``make recording``.

What is recorded is the real app, in an animated picture without sound: a camera that shows photos
cut from scikit-image's pictures, buttons that are held, bars that move.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from stage import staged

WIDTH, HEIGHT = 1024, 640
SHOWN = (768, 480)
FRAMES_PER_S = 5
QUALITY = 70
THINGS = ("cat", "coffee", "coins")
HELD_FRAMES = 16


def moved(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return what the camera sees of a photo that is turned in the hand, in other light."""
    photo = Image.fromarray(frame)
    turned = photo.rotate(rng.uniform(-20, 20), Image.Resampling.BICUBIC)
    border = photo.width // 8  # in the corners there is nothing
    inner = turned.crop((border, border, photo.width - border, photo.height - border))
    lit = ImageEnhance.Brightness(inner).enhance(rng.uniform(0.7, 1.3))
    return np.asarray(lit.resize(photo.size, Image.Resampling.LANCZOS))


def main() -> None:
    """Record into an animated WebP."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    options = parser.parse_args()
    from train_greeting import training_pictures

    samples, rng = training_pictures(), np.random.default_rng(0)
    shown = {
        thing: [moved(one.frame, rng) for one in samples if one.class_name == thing]
        for thing in THINGS
    }
    pictures: list[Image.Image] = []
    with (
        staged(WIDTH, HEIGHT, shown["cat"][0]) as stage,
        tempfile.TemporaryDirectory() as temporary,
    ):
        from headfit_demo.widgets import scroll_to

        app, screens, film = stage.app, stage.screens, stage.film
        path = Path(temporary) / "frame.png"

        def take() -> None:
            app.shell.export_to_png(str(path))
            with Image.open(path) as frame:
                pictures.append(frame.convert("RGB").resize(SHOWN, Image.Resampling.LANCZOS))

        def record(seconds: float, frames: Sequence[NDArray[np.uint8]] = ()) -> None:
            """Record so many seconds of film, the frames one after the other before the camera."""
            for number in range(round(seconds * FRAMES_PER_S)):
                if frames:
                    film.picture = frames[number % len(frames)]
                stage.wait(lambda: True, 1 / FRAMES_PER_S)
                take()

        def show(frame: NDArray[np.uint8]) -> None:
            """Record what is said of a picture, once it was looked at for a while."""
            film.picture = frame
            stage.wait(lambda: True, 4.0)
            record(1.4)

        for name, value in (("language", "en"), ("style", "light"), ("keeps_thumbnails", True)):
            app.set_preference(name, value)
        app.projects.create("My desk")
        stage.wait(lambda: screens.current == "teach")
        teach = screens.current_screen
        record(0.8)
        for thing, frames in shown.items():
            if not teach.empty_cards:
                teach.add_another()
            name = teach.empty_cards[0].ids.name
            name.edit()
            for end in range(1, len(thing) + 1):
                name._field.text = thing[:end]
                record(1 / FRAMES_PER_S)
            name._field.focus = False
            stage.wait(lambda thing=thing: thing in teach.cards)
            card = teach.cards[thing]
            scroll_to(card)
            film.picture = frames[0]
            record(0.6)
            teach.hold(card)
            for frame in frames[:HELD_FRAMES]:  # near copies are skipped
                record(1 / FRAMES_PER_S, [frame])
            teach.let_go()
        stage.wait(lambda: app.project.head_is_fresh and not app.learning.is_on)
        for frames in shown.values():
            show(frames[-2])
        app.go("recognise")
        app.eye.switch_on()
        for frames in shown.values():
            show(frames[-1])
    pictures[0].save(
        options.output,
        save_all=True,
        append_images=pictures[1:],
        duration=round(1000 / FRAMES_PER_S),
        loop=0,
        quality=QUALITY,
        method=6,
    )


if __name__ == "__main__":
    main()
