"""Errors, what was undone, and sizes, in words of the user's language."""

from __future__ import annotations

import errno
import os
import re

from headfit import (
    ExtractorError,
    ExtractorMismatchError,
    ExtractorMissingError,
    FileFormatError,
    ImageError,
    NotFittedError,
    StoreError,
    TrainingDivergedError,
    UnshareableHeadError,
    UnsupportedVersionError,
    UntrustedHeadError,
)
from headfit.extractors import known_extractor
from headfit_demo.language.translation import number, short, some, tr
from headfit_demo.session import (
    AT_ONCE,
    NETWORK_ENDING,
    Act,
    Added,
    CameraError,
    EmptyNameError,
    FolderError,
    Forgotten,
    Job,
    LongNameError,
    Moved,
    Named,
    NoExtractorError,
    NoGreetingError,
    NoOtherCameraError,
    NoProjectError,
    NoRoundError,
    ProjectGoneError,
    ProjectInUseError,
    Renamed,
    TakenNameError,
    Taught,
    ThingGoneError,
    Unnamed,
    UnprintableNameError,
    UnreadableFileError,
    WrongExtractorError,
)

_LISTED = 6
"""So many files that were left out for one cause are named."""


def sentence(error: Exception) -> str:
    """Return what to tell the user about an error: a sentence for each cause."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return tr.say(_FULL)
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return tr.say(_LONG)
    if isinstance(error, OSError) and error.errno == errno.EROFS:
        return tr.say(_LOCKED)
    if isinstance(error.__cause__, ExtractorMissingError):
        text = tr.say("The extractor is not on this device yet. Import the file {name} once.")
        return text.format(name=known_extractor().name + NETWORK_ENDING)
    if isinstance(error, FolderError):
        return _of_folder(str(error))
    for kind, mark, text in _SENTENCES:
        if isinstance(error, kind) and mark in str(error):
            return tr.say(text)
    return tr.say("This did not work: {why}").format(why=error)


def _of_folder(why: str) -> str:
    """Return what to tell the user about a folder, by what the walker found in it."""
    if "folders of folders" in why or "parts of a data set" in why or "nothing but folders" in why:
        return tr.say(
            "There are folders inside folders here. Drop the one with a folder per thing."
        )
    if "rename the folder" in why:
        name = re.sub(r"^b?(['\"])(.*)\1$", r"\2", why.split(": expected")[0]).rsplit(os.sep, 1)[-1]
        if not name.strip():
            name = f'"{name}"'
        words = tr.say("The name of the folder {name} cannot be that of a thing. Rename it.")
        return words.format(name=short(name))
    if "may be read" in why:
        return tr.say("You may not look into this folder.")
    return tr.say("There is no picture in this folder.")


def added(became: Added, job: Job) -> str:
    """Return what to tell the user at the end of teaching; nothing where that is seen anyway."""
    said, n_repeated = [], len(became.repeated)
    if (job.n_all > AT_ONCE or (became.error and job.n_all > 1)) and n_repeated < job.n_all:
        text = tr.say("{n} of {all} photos were taught.")
        said.append(text.format(n=became.n_added, all=job.n_all))
    if n_repeated:
        text = tr.count(
            "{n} photo was there already.", "{n} photos were there already.", n_repeated
        )
        said.append(text)
    if became.n_alike and job.n_all > 1:
        text = tr.count("{n} looked like another.", "{n} looked like others.", became.n_alike)
        said.append(text)
    if became.refused:
        first = became.refused[0]
        text = tr.say("{name} was left out. {why}")
        said.append(text.format(name=short(first.name), why=sentence(first.error)))
    elif became.left_out:
        said.append(tr.say("{name} was left out.").format(name=short(became.left_out[0])))
    if (n_more := len(became.refused) + len(became.left_out) - 1) > 0:
        more = tr.count("{n} more was left out, too.", "{n} more were left out, too.", n_more)
        said.append(more)
    if became.error:
        said.append(sentence(became.error))
    return " ".join(said)


def left_out(became: Added) -> str:
    """Name what was not taught, by why: a line for each cause; nothing if that is one or none."""
    if len(became.refused) + len(became.left_out) < 2:
        return ""
    names: dict[str, list[str]] = {}
    for one in became.refused:
        names.setdefault(sentence(one.error), []).append(one.name)
    if became.left_out:
        names[tr.say("This is no photo of a thing.")] = list(became.left_out)
    return "\n".join(f"{some(of_one, _LISTED)}: {why}" for why, of_one in names.items())


def turned_back(act: Act) -> str:
    """Return what to tell the user after an undo or a redo, by what that changed."""
    changes = {type(change): change for change in act.changes}
    if isinstance(change := changes.get(Renamed), Renamed):
        return tr.say("It is called {name} now.").format(name=short(change.new))
    if Forgotten in changes:
        n = act.n_photos
        return tr.count("{n} photo was taken back.", "{n} photos were taken back.", n)
    if isinstance(change := changes.get(Moved), Moved):
        n = len(change.was)
        if act.is_taken_back:
            return tr.count("{n} photo was moved back.", "{n} photos were moved back.", n)
        return tr.count("{n} photo was moved again.", "{n} photos were moved again.", n)
    if isinstance(change := changes.get(Unnamed), Unnamed):
        return tr.say("{name} was taken back.").format(name=short(change.name))
    names = [change.name for change in act.changes if isinstance(change, Named)]
    if len(names) == 1 or Taught not in changes:
        return tr.say("{name} is back.").format(name=some(names))
    return tr.count("{n} photo is back.", "{n} photos are back.", act.n_photos)


def size(n_bytes: int) -> str:
    """Return a number of bytes as a person reads it, which no line breaks."""
    if n_bytes < 1000:
        return f"{n_bytes}\N{NO-BREAK SPACE}B"
    if n_bytes < 1_000_000:
        return f"{number(n_bytes / 1000, '.1f')}\N{NO-BREAK SPACE}kB"
    return f"{number(n_bytes / 1_000_000, '.1f')}\N{NO-BREAK SPACE}MB"


def _(text: str) -> str:
    """Mark a sentence for translation; it is translated when it is said."""
    return text


_FULL = _("The disk is full. Nothing taught was lost; free some space and try again.")
_LOCKED = _("This place may not be written to. Choose another one.")
_LONG = _("This name is too long. Choose a shorter one.")

# Of one kind of error several rows tell causes apart by what headfit found, in its words; the last
# row of a kind takes all others.
_SENTENCES: tuple[tuple[type[Exception], str, str], ...] = (
    (NoOtherCameraError, "", _("There is no other camera.")),
    (CameraError, "unplugged", _("The camera was unplugged. Photos work without one.")),
    (
        CameraError,
        "no picture",
        _("The camera gives no picture. Another program may be using it."),
    ),
    (
        CameraError,
        "may not be used",
        _("The camera may not be used. Allow it in the settings of the device."),
    ),
    (
        CameraError,
        "",
        _("No camera was found, or another program is using it. Photos work without one."),
    ),
    (UnreadableFileError, "", _("You have no permission to read it.")),
    (
        ImageError,
        "HEADFIT_FORMATS",
        _("This kind of picture is not read here. Save it as JPEG or PNG."),
    ),
    (ImageError, "make the picture smaller", _("It has too many pixels. Make it smaller.")),
    (ImageError, "found a video", _("This is a video. Add it to the photos of what it shows.")),
    (ImageError, "expected a video", _("This video cannot be read. Save it as MP4.")),
    (ImageError, "", _("This is no picture that can be read.")),
    (
        NoExtractorError,
        "",
        _("No extractor on this device can be used. Install headfit again; what was taught stays."),
    ),
    (
        NoGreetingError,
        "",
        _("What came with the app was made for another extractor. Teach it things of your own."),
    ),
    (
        WrongExtractorError,
        "",
        _("This is another extractor than the one that this app needs, or it is damaged."),
    ),
    (
        ExtractorMismatchError,
        "begin a new store",
        _("This was taught with another extractor. Begin a project and teach the photos again."),
    ),
    (
        ExtractorMismatchError,
        "",
        _("This was made for another extractor. Here it would only guess, so it is not used."),
    ),
    (FileNotFoundError, "", _("The file is not there any more. Choose another one.")),
    (PermissionError, "", _LOCKED),
    (
        ExtractorError,
        "",
        _("The process that looks at photos stopped. It starts again with the next photo."),
    ),
    (
        UnsupportedVersionError,
        "",
        _("A newer version of headfit wrote this file. Update this app."),
    ),
    (NoRoundError, "", _("This file calls no round, or it is damaged.")),
    (
        UntrustedHeadError,
        "",
        _("Somebody changed this file after it was signed. Get it again from who made it."),
    ),
    (
        FileFormatError,
        "several classes",
        _("This skill gives a photo several names at once. The app takes those that give it one."),
    ),
    (FileFormatError, "", _("This is no skill file, or it is damaged.")),
    (NotFittedError, "", _("Nothing was learned yet. Teach two things first.")),
    (
        UnshareableHeadError,
        "",
        _("Some thing has fewer than three photos: a skill would tell too much of them. Add some."),
    ),
    (StoreError, "disk full", _FULL),
    (StoreError, "disk fails", _("The disk fails. Free some space or use another one.")),
    (StoreError, "another process", _("Another program is at work on this project. Close it.")),
    (StoreError, "read-only", _("The folder of this project may not be written to. Allow it.")),
    (StoreError, "not allowed", _("The folder of this project may not be written to. Allow it.")),
    (
        StoreError,
        "can be written",
        _("The folder of this project may not be written to. Allow it."),
    ),
    (
        StoreError,
        "",
        _("What was taught here is damaged. Open its project on the page Projects to repair it."),
    ),
    (
        TrainingDivergedError,
        "",
        _("The learning went astray; what it learned before is as it was."),
    ),
    (ProjectInUseError, "", _("This project is open in another window. Close it there first.")),
    (ProjectGoneError, "", _("This project is not there any more.")),
    (NoProjectError, "", _("Open or begin a project first.")),
    (ThingGoneError, "", _("This thing is not there any more.")),
    (EmptyNameError, "", _("Type a name first.")),
    (LongNameError, "", _LONG),
    (UnprintableNameError, "", _("This name has signs that cannot be shown. Choose another one.")),
    (TakenNameError, "", _("Another thing has this name. Choose another one.")),
)
