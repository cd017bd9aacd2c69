"""Errors, what was undone, and sizes, in words of the user's language."""

from __future__ import annotations

import errno

from headfit import (
    ExtractorError,
    ExtractorMismatchError,
    ExtractorMissingError,
    FileFormatError,
    ImageError,
    InputError,
    NotFittedError,
    StoreError,
    TrainingDivergedError,
    UnshareableHeadError,
    UnsupportedVersionError,
)
from headfit.extractors import known_extractor
from headfit_demo.language.translation import tr
from headfit_demo.session import (
    NETWORK_ENDING,
    CameraError,
    FolderError,
    Named,
    NoExtractorError,
    Renamed,
    Step,
    Taught,
    WrongExtractorError,
)


def sentence(error: Exception) -> str:
    """Return what to tell the user about an error."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return tr.say("The disk is full. Nothing taught was lost; free some space and try again.")
    if isinstance(error, StoreError) and "disk full" in str(error):
        return tr.say("The disk is full. Nothing taught was lost; free some space and try again.")
    if isinstance(error.__cause__, ExtractorMissingError):
        text = tr.say("The extractor is not on this device yet. Import the file {name} once.")
        return text.format(name=known_extractor().name + NETWORK_ENDING)
    if isinstance(error, FolderError):
        return _of_folder(str(error))
    for kind, text in _SENTENCES:
        if isinstance(error, kind):
            return tr.say(text)
    return str(error)


def _of_folder(why: str) -> str:
    """Return what to tell the user about a folder, by what the walker found in it."""
    if "folders of folders" in why or "parts of a data set" in why or "nothing but folders" in why:
        return tr.say(
            "There are folders inside folders here. Drop the one with a folder per thing."
        )
    if "rename the folder" in why:
        return tr.say("A folder's name cannot be used for a thing. Rename the folder.")
    if "may be read" in why:
        return tr.say("You may not look into this folder.")
    return tr.say("There is no picture in this folder.")


def undone(step: Step | None) -> str:
    """Return what to tell the user after an undo."""
    if step is None:
        return tr.say("There is nothing to take back.")
    if isinstance(step, Taught):
        n = len(step.ids)
        return tr.count("{n} photo was taken back.", "{n} photos were taken back.", n)
    if isinstance(step, Named):
        return tr.say("{name} was taken back.").format(name=step.name)
    if isinstance(step, Renamed):
        return tr.say("It is called {name} again.").format(name=step.old)
    if step.name:
        return tr.say("{name} is back.").format(name=step.name)
    return tr.count("{n} photo is back.", "{n} photos are back.", len(step.ids))


def size(n_bytes: int) -> str:
    """Return a number of bytes as a person reads it."""
    if n_bytes < 1000:
        return f"{n_bytes} B"
    if n_bytes < 1_000_000:
        return f"{n_bytes / 1000:.1f} kB"
    return f"{n_bytes / 1_000_000:.1f} MB"


def _(text: str) -> str:
    """Mark a sentence for translation; it is translated when it is said."""
    return text


_SENTENCES: tuple[tuple[type[Exception], str], ...] = (
    (CameraError, _("No camera was found, or it was unplugged. Photos work without one.")),
    (ImageError, _("This is no picture that can be read.")),
    (
        NoExtractorError,
        _("No extractor on this device can be used. Install headfit again; what was taught stays."),
    ),
    (
        WrongExtractorError,
        _("This is another extractor than the one that this app needs, or it is damaged."),
    ),
    (
        ExtractorMismatchError,
        _("This was made for another extractor. Here it would only guess, so it is not used."),
    ),
    (
        FileNotFoundError,
        _("The file is not there any more. Choose another one."),
    ),
    (PermissionError, _("This place may not be written to. Choose another one.")),
    (
        ExtractorError,
        _("The process that looks at photos stopped. It starts again with the next photo."),
    ),
    (UnsupportedVersionError, _("A newer version of headfit wrote this file. Update this app.")),
    (FileFormatError, _("This is no head file, or it is damaged.")),
    (NotFittedError, _("Nothing was learned yet. Teach two things first.")),
    (
        UnshareableHeadError,
        _("Some thing has fewer than three photos: a head would tell too much of them. Add some."),
    ),
    (StoreError, _("What was taught here is damaged or in use by another program.")),
    (TrainingDivergedError, _("The training went astray; the head stays as it was.")),
    (InputError, _("This name is empty, too long or taken. Choose another one.")),
)
