"""What can go wrong in the app beside the errors of headfit; the user hears a sentence for each."""

from __future__ import annotations

from headfit import HeadfitError


class NoExtractorError(HeadfitError):
    """There is no extractor on this device, it is damaged, or nothing here can run it."""


class WrongExtractorError(HeadfitError):
    """The file is a network, but not the one that this app knows."""


class FolderError(HeadfitError):
    """A folder holds no photo, or nobody can tell which things it holds; the message says which."""


class CameraError(HeadfitError):
    """There is no camera, or it was taken away."""
