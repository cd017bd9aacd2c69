"""Roll: which contributions came to one side; it is given to the other before any sum is.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from headfit.errors import InputError
from headfit.files.container import Tensors, laid_out
from headfit.pooling.envelope import MAX_HEADER_BYTES, Envelope, side_of
from headfit.pooling.identifiers import ID_BYTES, packed, unpacked
from headfit.pooling.round import MAX_DEVICES
from headfit.pooling.round_file import RoundFile

ROLL: Final = Envelope("headfit-roll")
KEY_BYTES: Final = 32
MAX_FILE_BYTES: Final = MAX_DEVICES * (ID_BYTES + KEY_BYTES) + MAX_HEADER_BYTES
_NOBODY: Final = bytes(KEY_BYTES)


@dataclass(frozen=True, slots=True, eq=False)
class Roll:
    """What came to one side.

    Attributes
    ----------
    digest : str
        Of the round.
    side : str
        "a" or "b".
    signers : mapping of str to str or None
        Of each contribution, by its identifier, who signed it.
    agreed : str
        SHA-256 of the identifiers over which this side gave its half, or empty.
    """

    digest: str
    side: str
    signers: Mapping[str, str | None]
    agreed: str = ""

    def over(self, ids: list[str]) -> Roll:
        """Return the roll of a side that gives its half over these.

        Raises
        ------
        InputError
            If it gave its half over others: two sums show what sets them apart.
        """
        agreed = hashlib.sha256(packed(ids)).hexdigest()
        if self.agreed not in ("", agreed):
            raise InputError(
                f"expected the contributions over which side {self.side} gave its half, found "
                "others: a second sum would show what sets them apart; open the half that was "
                "given, or call a new round"
            )
        return replace(self, agreed=agreed)


def agreed_ids(called: RoundFile, own: Roll, other: Roll) -> list[str]:
    """Return the contributions on both rolls, ascending; of one signer's several the smallest.

    Raises
    ------
    InputError
        If the rolls are not of this round and of two sides, or agree on too few.
    """
    if {own.digest, other.digest} != {called.digest} or own.side == other.side:
        raise InputError(
            f"expected the rolls of both sides of the round {called.digest[:12]}, found those of "
            f"side {own.side} of {own.digest[:12]} and side {other.side} of {other.digest[:12]}; "
            "give each side's own"
        )
    ids = sorted(id_ for id_, key in own.signers.items() if other.signers.get(id_, "") == key)
    if called.round.device_keys is not None:
        first: dict[str | None, str] = {}
        for id_ in ids:
            first.setdefault(own.signers[id_], id_)
        ids = sorted(first.values())
    fewest = called.round.min_devices
    if len(ids) < fewest:
        raise InputError(
            f"expected at least {fewest} contributions on both rolls, found {len(ids)}; wait for "
            "more and write both rolls again"
        )
    return ids


def roll_bytes(roll: Roll) -> bytes:
    """Return the bytes of a roll file."""
    ids = sorted(roll.signers)
    metadata = {"side": roll.side, "agreed": roll.agreed}
    keys = (roll.signers[id_] for id_ in ids)
    data = packed(ids)
    data += b"".join(_NOBODY if key is None else bytes.fromhex(key) for key in keys)
    return ROLL.bytes_of(roll.digest, metadata, _tensors(len(ids)), data)


def read_roll_bytes(file: bytes, called: RoundFile, source: str = "roll") -> Roll:
    """Return the roll that a file's bytes hold.

    Raises
    ------
    FileFormatError
        If they break the specification.
    InputError
        If they are of another round.
    """
    container = ROLL.opened(file, called, source)
    metadata = container.metadata
    side = side_of(metadata)
    agreed = metadata.text("agreed", pattern="([0-9a-f]{64})?", meaning="64 hex digits, or none")
    count = len(container.data) // (ID_BYTES + KEY_BYTES)
    container.check(_tensors(count))
    data = bytes(container.data)
    ids = unpacked(data[: count * ID_BYTES], source)
    keys = (data[at : at + KEY_BYTES] for at in range(count * ID_BYTES, len(data), KEY_BYTES))
    signers = (None if key == _NOBODY else key.hex() for key in keys)
    return Roll(called.digest, side, dict(zip(ids, signers, strict=True)), agreed)


def _tensors(count: int) -> Tensors:
    return laid_out({"ids": ("U8", [count, ID_BYTES]), "signers": ("U8", [count, KEY_BYTES])})
