"""Head files of either kind, told apart by what they say of themselves."""

from __future__ import annotations

import os

from headfit.files import multi_label_file
from headfit.files.container import unpack
from headfit.files.disk import read_bounded
from headfit.files.headfile import MAX_FILE_BYTES, HeadFile, load_head_bytes
from headfit.files.multi_label_file import load_multi_label_bytes
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead


def load_any_head(path: str | os.PathLike[str]) -> HeadFile | FittedMultiLabelHead:
    """Return what a head file holds: a head of one class a photo, or of several.

    Raises
    ------
    FileFormatError, OSError
        As `headfit.files.headfile.load_head`.
    """
    file, source = read_bounded(path, MAX_FILE_BYTES), os.fspath(path)
    header, _ = unpack(file, source)
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and metadata.get("format") == multi_label_file.FORMAT:
        return load_multi_label_bytes(file, source)
    return load_head_bytes(file, source)
