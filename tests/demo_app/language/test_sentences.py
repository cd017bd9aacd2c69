"""What the user hears of an error: one sentence for each cause, whatever type it has."""

from __future__ import annotations

import errno
import sqlite3
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from headfit import ImageError, InputError
from headfit.store import database
from headfit_demo.language import left_out, sentence
from headfit_demo.session import (
    Added,
    EmptyNameError,
    LongNameError,
    NoProjectError,
    PickedFile,
    ProjectGoneError,
    ProjectInUseError,
    Refused,
    TakenNameError,
    ThingGoneError,
    UnprintableNameError,
    UnreadableFileError,
    as_pixels,
)

FULL = "The disk is full. Nothing taught was lost; free some space and try again."
CLOSED = "The folder of this project may not be written to. Allow it."
DAMAGED = "What was taught here is damaged. Open its project on the page Projects to repair it."


@pytest.mark.parametrize(
    ("sqlites", "said"),
    [
        ("database or disk is full", FULL),
        ("disk I/O error", "The disk fails. Free some space or use another one."),
        ("attempt to write a readonly database", CLOSED),
        ("unable to open database file", CLOSED),
        ("database is locked", "Another program is at work on this project. Close it."),
        ("database disk image is malformed", DAMAGED),
    ],
)
def test_a_store_says_what_is_wrong_with_it(tmp_path: Path, sqlites: str, said: str) -> None:
    """In the words in which SQLite tells headfit, and headfit tells the app."""
    with (
        pytest.raises(Exception, match="expected") as caught,
        database.store_faults(str(tmp_path / "examples.store")),
    ):
        raise sqlite3.OperationalError(sqlites)
    assert sentence(caught.value) == said


def test_a_picture_says_what_is_wrong_with_it() -> None:
    huge = BytesIO()
    Image.new("1", (30_000, 30_000)).save(huge, "PNG")
    heard = []
    for content in (huge.getvalue(), b"Dear Sir"):
        with pytest.raises(ImageError) as caught:
            as_pixels(PickedFile("photo", content), 100)
        heard.append(sentence(caught.value))
    assert heard == [
        "It has too many pixels. Make it smaller.",
        "This is no picture that can be read.",
    ]


def test_every_cause_has_a_sentence_of_its_own() -> None:
    kinds = (
        EmptyNameError,
        LongNameError,
        NoProjectError,
        ProjectGoneError,
        ProjectInUseError,
        TakenNameError,
        ThingGoneError,
        UnprintableNameError,
        UnreadableFileError,
        PermissionError,
        FileNotFoundError,
    )
    heard = {sentence(kind("why")) for kind in kinds}
    assert len(heard) == len(kinds)
    assert not any("why" in one for one in heard)
    assert sentence(OSError(errno.ENOSPC, "No space left")) == FULL
    assert sentence(OSError(errno.EROFS, "Read-only")) == sentence(PermissionError("why"))
    assert sentence(InputError("expected a cup")) == "This did not work: expected a cup"


def test_sizes_are_written_as_the_language_does(running_app: Any) -> None:
    from headfit_demo.language import size, tr

    try:
        found = []
        for language in ("de", "en"):
            tr.language = language
            found += [size(812), size(729_096), size(1_500_000)]
    finally:
        tr.language = "en"
    said = ["812 B", "729,1 kB", "1,5 MB", "812 B", "729.1 kB", "1.5 MB"]
    assert found == [one.replace(" ", "\N{NO-BREAK SPACE}") for one in said]


def test_all_that_was_left_out_is_named_by_its_cause() -> None:
    """One is said in the notice; of many for one cause some are named, and the rest counted."""
    unread = Refused("a.jpg", UnreadableFileError("expected a file that may be read"))
    assert left_out(Added(refused=(unread,))) == ""
    refused = [unread, *(Refused(f"{n}.tif", ImageError("HEADFIT_FORMATS")) for n in range(8))]
    assert left_out(Added(refused=tuple(refused), left_out=("link",))) == (
        "a.jpg: You have no permission to read it.\n"
        "0.tif, 1.tif, 2.tif, 3.tif, 4.tif, 5.tif + 2: "
        "This kind of picture is not read here. Save it as JPEG or PNG.\n"
        "link: This is no photo of a thing."
    )
