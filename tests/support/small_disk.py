"""A disk that runs full."""

from __future__ import annotations

import contextlib
from pathlib import Path


class SmallDisk:
    """A disk of 3 MB that really runs full."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._ballast.open("wb", 0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(4096)):
                pass

    def make_room(self) -> None:
        """Take away what filled it."""
        self._ballast.unlink()
