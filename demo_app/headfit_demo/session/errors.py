"""What can go wrong in the app beside the errors of headfit; the user hears a sentence for each."""

from __future__ import annotations

from headfit import HeadfitError, InputError


class NoExtractorError(HeadfitError):
    """There is no extractor on this device, it is damaged, or nothing here can run it."""


class NoGreetingError(HeadfitError):
    """What came with the app, to be tried at first, was made for another extractor."""


class WrongExtractorError(HeadfitError):
    """The file is a network, but not the one that this app knows."""


class NoRoundError(HeadfitError):
    """The file calls no round, or it is damaged."""


class FolderError(HeadfitError):
    """A folder holds no photo, or nobody can tell which things it holds; the message says which."""


class CameraError(HeadfitError):
    """There is no camera, or it was taken away."""


class NoOtherCameraError(CameraError):
    """There is one camera only."""


class CancelledError(HeadfitError):
    """The user stopped it."""


class NoProjectError(InputError):
    """No project is open."""


class ProjectGoneError(InputError):
    """The project was deleted."""


class ProjectInUseError(HeadfitError):
    """Another window has the project open."""


class ThingGoneError(InputError):
    """The thing was forgotten."""


class EmptyNameError(InputError):
    """A name has no letters."""


class LongNameError(InputError):
    """A name has too many letters."""


class UnprintableNameError(InputError):
    """A name has signs that nothing can show."""


class TakenNameError(InputError):
    """Another thing has the name."""


class UnreadableFileError(HeadfitError):
    """The user may not read the file or folder."""
