"""Plain contributions: sums without noise and mask, for a curator's own devices alone.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

import numpy as np

from headfit.files.container import Tensors, laid_out
from headfit.pooling.envelope import Envelope, contribution_of
from headfit.pooling.identifiers import ID_BYTES
from headfit.pooling.projection import UNITS
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words, class_sums_of

PLAIN: Final = Envelope("headfit-plain-contribution")
_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Plain:
    """A device's sums as they are.

    Attributes
    ----------
    digest : str
        Of the round.
    contribution : str
        32 hex digits.
    sums : ndarray of shape (Round.n_numbers,), dtype uint64
    """

    digest: str
    contribution: str
    sums: Words

    @classmethod
    def of(cls, digest: str, vector: Words) -> Plain:
        """Return a new contribution."""
        return cls(digest, secrets.token_hex(ID_BYTES), vector)


def plain_bytes(plain: Plain) -> bytes:
    """Return the bytes of a plain contribution."""
    metadata = {"contribution": plain.contribution}
    data = plain.sums.astype("<u8").tobytes()
    return PLAIN.bytes_of(plain.digest, metadata, _tensors(len(plain.sums)), data)


def read_plain_bytes(file: bytes, called: RoundFile, source: str = "contribution") -> Plain:
    """Return the plain contribution that a file's bytes hold.

    Raises
    ------
    FileFormatError
        If they break the specification, or a device of the round cannot have sums like these.
    InputError
        If they are of another round.
    """
    container, asked = PLAIN.opened(file, called, source), called.round
    contribution = contribution_of(container.metadata)
    container.check(_tensors(asked.n_numbers))
    sums = np.frombuffer(bytes(container.data), "<u8").astype(np.uint64)
    counts = sums.view(np.int64)[: len(asked.classes)]
    found = class_sums_of(asked, sums)
    total = float(found.counts.sum())
    diagonal = np.diagonal(found.moments)
    if (counts % UNITS).any() or counts.min() < 0 or total > asked.max_photos:
        raise container.metadata.fault(
            f"whole numbers of photos, at most {asked.max_photos} together",
            found.counts.tolist(),
            "sums",
        )
    lengths = np.linalg.norm(found.sums, axis=1)
    is_too_long = (lengths > found.counts + _ROUNDING).any()
    if is_too_long or diagonal.min() < 0 or diagonal.sum() > total + _ROUNDING:
        raise container.metadata.fault(
            "sums of embeddings at most 1 long", f"lengths {lengths.tolist()}", "sums"
        )
    return Plain(called.digest, contribution, sums)


def _tensors(n_numbers: int) -> Tensors:
    return laid_out({"sums": ("I64", [n_numbers])})
