"""Encryption of the values in a store's rows: AES-256-GCM with the app's key, or none.

A sealed value is 12 bytes of random nonce, the ciphertext and 16 bytes of tag. Bound into the tag,
as associated data, are the extractor and the place of the value: its table, its row's id and what
stands beside it in the row. So no value can be moved to another row. The library `cryptography` is
imported when it is needed.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from headfit.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES, _TAG_BYTES = 12, 16
SEALED_OVERHEAD = _NONCE_BYTES + _TAG_BYTES
"""Bytes by which a sealed value is longer."""


class Sealing:
    """Seals and opens the values of one store.

    Parameters
    ----------
    key : bytes of length 32, or None
        None leaves values as they are.
    fingerprint : str
        Of the extractor whose embeddings the store holds.
    """

    def __init__(self, key: bytes | None, fingerprint: str) -> None:
        self._cipher = None if key is None else _cipher(key)
        self._fingerprint = fingerprint

    @property
    def is_on(self) -> bool:
        """Whether values are encrypted."""
        return self._cipher is not None

    def seal(self, value: bytes, *place: str | int) -> bytes:
        """Return the value as the row at ``place`` holds it."""
        if self._cipher is None:
            return value
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, self._bound(place))

    def open(self, sealed: bytes, *place: str | int) -> bytes:
        """Return the value that was sealed for ``place``.

        Raises
        ------
        sqlite3.DatabaseError
            If it was sealed with another key, for another place, or changed.
        """
        if self._cipher is None:
            return sealed
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            value: bytes = self._cipher.decrypt(nonce, rest, self._bound(place))
        except (InvalidTag, ValueError) as error:  # ValueError: too short
            raise sqlite3.DatabaseError(f"{place[0]} {place[1]} was not sealed here") from error
        return value

    def seal_text(self, text: str, *place: str | int) -> str | bytes:
        """Return a text as `seal` does; it stays a text where nothing is encrypted."""
        return self.seal(text.encode(), *place) if self.is_on else text

    def open_text(self, sealed: str | bytes, *place: str | int) -> str:
        """Return the text that `seal_text` was given; errors are those of `open`."""
        if isinstance(sealed, str):
            if self.is_on:
                raise sqlite3.DatabaseError(f"{place[0]} {place[1]} was not sealed here")
            return sealed
        return self.open(sealed, *place).decode()

    def _bound(self, place: tuple[str | int, ...]) -> bytes:
        return "\n".join([self._fingerprint, *map(str, place)]).encode()


def _cipher(key: bytes) -> AESGCM:
    if not isinstance(key, bytes) or len(key) != KEY_BYTES:
        raise InputError(
            f"expected a key of {KEY_BYTES} bytes, found another; make one with "
            f"secrets.token_bytes({KEY_BYTES}) and keep it"
        )
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ImportError as error:
        raise MissingExtraError(
            "expected the library cryptography, found none; pip install 'headfit[crypto]'"
        ) from error
    return AESGCM(key)
