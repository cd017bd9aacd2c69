"""A whole day of a user, in a process of its own: ``python day.py DATA PHOTOS [EXTRACTOR]``.

Teach, train, save, restart, predict, evaluate, forget, move. PHOTOS holds a folder "red", a folder
"green" and more; DATA is empty. Prints what Python's audit hook saw: events that have to do with a
network, and files opened to be written.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

seen: list[str] = []
written: list[str] = []


def watch(event: str, arguments: tuple[object, ...]) -> None:
    """Note it, before it is done."""
    if event.startswith(("socket.", "ssl.", "urllib.", "http.", "ftplib.", "smtplib.")):
        seen.append(event)
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        mode, flags = arguments[1], arguments[2]
        if (mode and set(str(mode)) & set("wax+")) or (not mode and int(flags or 0) & 3):  # type: ignore[call-overload]
            written.append(os.fsdecode(arguments[0]))
    if event == "sqlite3.connect":
        written.append(os.fsdecode(arguments[0]))  # type: ignore[arg-type]  # bytes on Python 3.10


sys.addaudithook(watch)

from headfit import Extractor, ImageClassifier  # noqa: E402
from headfit.store import ExampleStore  # noqa: E402

data, photos = map(Path, sys.argv[1:3])
extractor = Extractor.open(sys.argv[3] if len(sys.argv) > 3 else None)
with ExampleStore.open(data / "mine.store", extractor) as store:
    classifier = ImageClassifier(extractor, store=store)
    classifier.add_folder(photos)
    for photo in sorted((photos / "red").iterdir()):
        classifier.add(photo, "red")
    classifier.fit()
    classifier.save(data / "mine.head")
with ExampleStore.open(data / "mine.store", extractor) as store:
    classifier = ImageClassifier.load(data / "mine.head", extractor=extractor)
    classifier.predict(next((photos / "red").iterdir()))
    classifier.evaluate(photos)
    store.forget("green")
    store.export_to(data / "mine.examples")
print(json.dumps({"seen": seen, "written": written}))
