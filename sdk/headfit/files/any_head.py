"""Head files of either kind, told apart by what they say of themselves."""

from __future__ import annotations

import os

from headfit.files import multi_label_file
from headfit.files.container import unpack
from headfit.files.disk import read_bounded
from headfit.files.headfile import MAX_FILE_BYTES, HeadFile, load_head_bytes
from headfit.files.multi_label_file import MultiLabelFile, load_multi_label_bytes


def load_any_head(path: str | os.PathLike[str]) -> HeadFile | MultiLabelFile:
    """Return what a head file holds: a head of one class a photo, or of several.

    Raises
    ------
    FileFormatError, OSError
        As `headfit.files.headfile.load_head`.
    """
    return load_any_head_bytes(read_bounded(path, MAX_FILE_BYTES), os.fspath(path))


def load_any_head_bytes(file: bytes, source: str = "head file") -> HeadFile | MultiLabelFile:
    """Return what the bytes of a head file of either kind hold; see `load_any_head`."""
    header, _ = unpack(file, source)
    metadata = header.get("__metadata__")
    if isinstance(metadata, dict) and metadata.get("format") == multi_label_file.FORMAT:
        return load_multi_label_bytes(file, source)
    return load_head_bytes(file, source)
