"""Envelope: what is around the content of all files of a round but the round itself.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from headfit.errors import InputError
from headfit.files.container import Container, Tensors, open_container, pack, seal
from headfit.files.fields import Fields
from headfit.pooling.identifiers import ID_PATTERN
from headfit.pooling.round_file import RoundFile

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

    def opened(self, file: bytes, called: RoundFile, source: str) -> Container:
        """Return an opened file of the round; its reader takes the rest.

        Raises
        ------
        FileFormatError
            If it is no such file; ``source`` names it.
        InputError
            If it is of another round, whose vectors may have another length.
        """
        container = open_container(
            file, source, self.name, FORMAT_VERSION, max_header_bytes=MAX_HEADER_BYTES
        )
        digest = container.metadata.sha256("round")
        if digest != called.digest:
            raise InputError(
                f"{source}: expected a file of the round {called.digest[:12]}, found one of "
                f"another round, {digest[:12]}; give what belongs together"
            )
        return container


def side_of(metadata: Fields) -> str:
    """Return which side's a file is."""
    return metadata.text("side", pattern="|".join(SIDES), meaning="'a' or 'b'")


def contribution_of(metadata: Fields) -> str:
    """Return the identifier of the contribution that a file is of."""
    return metadata.text("contribution", pattern=ID_PATTERN, meaning="32 hex digits")
