"""Exit codes of the ``headfit`` command, and which error has which."""

from __future__ import annotations

from typing import Final

from headfit.errors import ExtractorError, FileFormatError, HeadfitError

DONE: Final = 0
FAULT: Final = 1
USAGE: Final = 2
UNUSABLE_INPUT: Final = 3
UNUSABLE_EXTRACTOR: Final = 4
UNUSABLE_HEAD: Final = 5
STOPPED: Final = 130
CLOSED_PIPE: Final = 141

EXIT_CODES: Final = {
    DONE: "done",
    FAULT: "a fault of headfit's own",
    USAGE: "the command line cannot be understood",
    UNUSABLE_INPUT: "photos, a folder or a file cannot be used",
    UNUSABLE_EXTRACTOR: "the extractor or its engine cannot be used, or the head belongs to "
    "another",
    UNUSABLE_HEAD: "the head file is damaged, of another kind, or not signed by a trusted key",
    STOPPED: "stopped by Ctrl-C; no file was left half written",
    CLOSED_PIPE: "whoever read the output has gone: headfit ... | head",
}
"""Every code, and what it means."""


def exit_code(error: HeadfitError | OSError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, FileFormatError):
        return UNUSABLE_HEAD
    if isinstance(error, ExtractorError):
        return UNUSABLE_EXTRACTOR
    return UNUSABLE_INPUT
