"""The extractor, where the app came without it: the user hands its file over once.

That is so on Android, where only heads ship. The door is the one for head files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from headfit import Extractor, ExtractorError
from headfit_demo.session.errors import WrongExtractorError
from headfit_demo.session.photos import PickedFile

NETWORK_ENDING: Final = ".tflite"
_MAGIC: Final = b"TFL3"
_MAGIC_AT: Final = 4


def is_network(file: PickedFile) -> bool:
    """Return whether a file is a network, whatever it is called."""
    if isinstance(file.content, bytes):
        start = file.content[:8]
    else:
        with file.content.open("rb") as stream:
            start = stream.read(8)
    return start[_MAGIC_AT:] == _MAGIC


def install(file: PickedFile) -> Path:
    """Install the extractor for every start to come, after its SHA-256 was found right.

    Raises
    ------
    WrongExtractorError
        If it is another network, or damaged.
    """
    content = file.content if isinstance(file.content, bytes) else file.content.read_bytes()
    try:
        return Extractor.install(content)
    except ExtractorError as error:
        raise WrongExtractorError(str(error)) from error
