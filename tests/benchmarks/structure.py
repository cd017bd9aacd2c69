"""How many files of the project one act enters, and what the app does twice for one photo.

``python -m tests.benchmarks.structure`` prints a table; docs/decisions has those of before and
after the rooms. A file counts as entered if a function of it is called, importing aside. The
engine is popcount, which is there everywhere and has its files in headfit.
"""

from __future__ import annotations

import tempfile
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from tests.support.watch import Watch

from headfit import Extractor, ImageClassifier, SoftmaxHead

try:
    from headfit_demo.session import DRAWINGS, PickedFile, Session
except ImportError:  # before the rooms
    from headfit_demo.greeting import DRAWINGS
    from headfit_demo.views import PickedFile

    from headfit_demo.session import Session

THINGS = tuple(DRAWINGS)[:2]


def embeddings_of(n_samples: int) -> tuple[np.ndarray, list[str]]:
    """Return embeddings of two classes, and their names."""
    rng = np.random.default_rng(0)
    names = [THINGS[row % 2] for row in range(n_samples)]
    shift = np.array([[THINGS.index(name)] for name in names])
    return (rng.normal(size=(n_samples, 256)) + shift).astype(np.float32), names


def jpeg(seed: int, thing: str) -> bytes:
    """Return a drawing of a thing as a file."""
    stream = BytesIO()
    picture = DRAWINGS[thing](np.random.default_rng([seed, THINGS.index(thing)]))
    Image.fromarray(picture).save(stream, "JPEG")
    return stream.getvalue()


def taught(folder: Path) -> Any:
    """Return a session whose open project has a head of ten photos."""
    session = Session(folder, isolate=False)
    session.create_project("Toys")
    for thing in THINGS:
        do(session, "add_class", thing)
        photos = [PickedFile(f"{seed}.jpg", jpeg(seed, thing)) for seed in range(5)]
        do(session, "add_photos", thing, photos)
    settle(session)
    return session


def do(session: Any, act: str, *arguments: object) -> None:
    """Let the open project do something."""
    getattr(getattr(session, "project", session), act)(*arguments)


def settle(session: Any) -> None:
    """Let the head follow, and read what the screens show, as the app does after every change."""
    if hasattr(session, "project"):
        session.project.settle()
        session.project.view()
    else:
        session.refresh()
        session.look()


def newest_photo(session: Any) -> int:
    """Return the number of a photo that was taught."""
    if hasattr(session, "project"):
        return session.project.view().classes[0].photos[0].example_id
    return session.look()[1][THINGS[0]][0].example_id


def main() -> None:
    """Measure and print."""
    rows: list[tuple[str, int]] = []
    Extractor.open = partial(Extractor.open, engine="popcount")  # type: ignore[method-assign]
    embeddings, names = embeddings_of(40)
    with Watch() as fitting:
        SoftmaxHead(method="auto").fit(embeddings, names)
    rows.append(("files entered by SoftmaxHead(method='auto').fit", len(fitting.files)))

    with tempfile.TemporaryDirectory() as folder:
        session = taught(Path(folder))
        head = next(Path(folder).rglob("trained.head"))
        classifier = ImageClassifier.load(head)
        photo = jpeg(20, THINGS[0])
        with Watch() as predicting:
            classifier.predict(photo)
        rows.append(("files entered by predict of one photo", len(predicting.files)))
        with Watch() as opening:
            ImageClassifier.load(head).predict(photo)
        rows.append(("the same, opening extractor and head among it", len(opening.files)))
        with Watch() as recognising:
            classifier.recognise(photo)
        # Before the rooms, logits were a method's of the head.
        logits = recognising.count("_logits") or recognising.count("of", file="prediction.py")
        rows.append(("logits computed by recognise of one photo", logits))

        with Watch() as adding:
            do(session, "add_photos", THINGS[0], [PickedFile("new.jpg", photo)])
            settle(session)
        rows += [
            ("files entered by one photo added in the app", len(adding.files)),
            ("decode_image for it", adding.count("decode_image")),
            (
                "class counts asked of the store for it",
                adding.count("class_counts", "ExampleStore"),
            ),
            ("head saves for it", adding.count("save", "SoftmaxHead")),
        ]
        number = newest_photo(session)
        with Watch() as forgetting:
            do(session, "forget_photos", [number])
            settle(session)
        rows += [
            ("head saves for one photo forgotten", forgetting.count("save", "SoftmaxHead")),
            (
                "class counts asked of the store for it",
                forgetting.count("class_counts", "ExampleStore"),
            ),
        ]
        session.close()
    for what, number in rows:
        print(f"{what:50} {number:4}")


if __name__ == "__main__":
    main()
