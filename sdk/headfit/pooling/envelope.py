"""Envelope: what is around the content of all files of a round but the round itself.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headfit.files.container import Container, Tensors, open_container, pack, seal
from headfit.files.fields import Fields
from headfit.pooling.identifiers import ID_PATTERN

FORMAT_VERSION: Final = "1"
MAX_HEADER_BYTES: Final = 1 << 14
SIDES: Final = ("a", "b")


@dataclass(frozen=True, slots=True)
class Envelope:
    """A container of one format, which names the round it is of.

    Attributes
    ----------
    name : str
        What its ``format`` is.
    """

    name: str

    def bytes_of(
        self, digest: str, metadata: Mapping[str, str], tensors: Tensors, data: bytes
    ) -> bytes:
        """Return the bytes of such a file, of the round with this digest."""
        common = {"format": self.name, "format_version": FORMAT_VERSION, "round": digest}
        return pack(seal(common | dict(metadata), tensors, data), data)

    def opened(self, file: bytes, source: str) -> tuple[Container, str]:
        """Return an opened file and the digest of its round; its reader takes the rest.

        Raises
        ------
        FileFormatError
            If it is no such file; ``source`` names it.
        """
        container = open_container(
            file, source, self.name, FORMAT_VERSION, max_header_bytes=MAX_HEADER_BYTES
        )
        return container, container.metadata.sha256("round")


def side_of(metadata: Fields) -> str:
    """Return which side's a file is."""
    return metadata.text("side", pattern="|".join(SIDES), meaning="'a' or 'b'")


def contribution_of(metadata: Fields) -> str:
    """Return the identifier of the contribution that a file is of."""
    return metadata.text("contribution", pattern=ID_PATTERN, meaning="32 hex digits")
