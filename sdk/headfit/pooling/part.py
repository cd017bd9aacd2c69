"""Parts: the two files that a device makes; each is noise by itself, both add up to its vector.

``docs/contribution-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

import numpy as np

from headfit.errors import FileFormatError
from headfit.files.container import Tensors, content_hash, laid_out, unpack
from headfit.files.fields import canonical_json
from headfit.files.head_parts import Signature, block_as_json, signature_from_json
from headfit.pooling.envelope import MAX_HEADER_BYTES, Envelope, contribution_of, side_of
from headfit.pooling.identifiers import ID_BYTES
from headfit.pooling.round_file import RoundFile
from headfit.pooling.vector import Words
from headfit.privacy.signing import check_signature, signature_of

PART: Final = Envelope("headfit-part")
SEED_BYTES: Final = 32
_SIGNED_TEXT: Final = b"headfit part "
_UNSIGNED: Final = Signature("0" * 64, "0" * 128)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One side's part of a contribution.

    Attributes
    ----------
    digest : str
        Of the round, 64 hex digits.
    side : str
        "a" or "b".
    contribution : str
        32 hex digits, the same for both parts.
    body : bytes
        Of side A the seed; of side B the masked vector, 8 bytes a number.
    signer : str or None
        The public key that signed it, rightly.
    """

    digest: str
    side: str
    contribution: str
    body: bytes
    signer: str | None = None

    def words(self, n_numbers: int) -> Words:
        """Return what the part adds to its side's sum: shape (n_numbers,), dtype uint64."""
        if self.side == "a":
            return mask(self.digest, self.body, n_numbers)
        return np.frombuffer(self.body, "<u8").astype(np.uint64)


def parts_of(digest: str, vector: Words) -> tuple[Part, Part]:
    """Return the parts of a vector, noise included, under a fresh seed."""
    seed = secrets.token_bytes(SEED_BYTES)
    contribution = id_of(digest, seed)
    masked = vector - mask(digest, seed, len(vector))  # modulo 2^64
    return (
        Part(digest, "a", contribution, seed),
        Part(digest, "b", contribution, masked.astype("<u8").tobytes()),
    )


def mask(digest: str, seed: bytes, n_numbers: int) -> Words:
    """Return SHAKE-128 of a seed as numbers: shape (n_numbers,), dtype uint64."""
    stream = hashlib.shake_128(b"headfit mask " + bytes.fromhex(digest) + seed)
    return np.frombuffer(stream.digest(8 * n_numbers), "<u8").astype(np.uint64, copy=False)


def id_of(digest: str, seed: bytes) -> str:
    """Return the identifier of a contribution, which tells nothing of the seed."""
    text = b"headfit contribution " + bytes.fromhex(digest) + seed
    return hashlib.sha256(text).digest()[:ID_BYTES].hex()


def part_bytes(part: Part, private_key: bytes | None = None) -> bytes:
    """Return the bytes of a part, signed if a private key in PEM is given."""
    if private_key is None:
        return _packed(part, None)
    file = _packed(part, _UNSIGNED)
    return _packed(part, signature_of(_signed(file, "part"), private_key))


def read_part(file: bytes, called: RoundFile, source: str = "part") -> Part:
    """Return the part that a file's bytes hold, its signature checked if it has one.

    Parameters
    ----------
    file : bytes
    called : RoundFile
    source : str
        Names the bytes in messages.

    Raises
    ------
    UntrustedHeadError
        If a signature is wrong.
    FileFormatError
        If the file breaks the specification.
    InputError
        If it is of another round.
    """
    container = PART.opened(file, called, source)
    metadata = container.metadata
    side, contribution = side_of(metadata), contribution_of(metadata)
    signature = None
    if metadata.has("signature"):
        signature = signature_from_json(*metadata.nested("signature"))
    container.check(_tensors(side, SEED_BYTES if side == "a" else 8 * called.round.n_numbers))
    body = bytes(container.data)
    if side == "a" and id_of(called.digest, body) != contribution:
        raise FileFormatError(
            f"{source}: expected the seed of contribution {contribution}, found another; have the "
            "device contribute again"
        )
    if signature is not None:
        check_signature(signature, _signed(file, source), source)
    return Part(
        called.digest, side, contribution, body, None if signature is None else signature.public_key
    )


def _tensors(side: str, n_bytes: int) -> Tensors:
    if side == "a":
        return laid_out({"seed": ("U8", [n_bytes])})
    return laid_out({"masked": ("U64", [n_bytes // 8])})


def _packed(part: Part, signature: Signature | None) -> bytes:
    metadata = {"side": part.side, "contribution": part.contribution}
    if signature is not None:
        metadata["signature"] = canonical_json(block_as_json(signature))
    tensors = _tensors(part.side, len(part.body))
    return PART.bytes_of(part.digest, metadata, tensors, part.body)


def _signed(file: bytes, source: str) -> bytes:
    header, data = unpack(file, source, max_header_bytes=MAX_HEADER_BYTES)
    return _SIGNED_TEXT + content_hash(header, data, without="signature")
