"""Who vouches for a head: Ed25519 signatures in the head file, made and checked.

What is signed is in docs/head-format.md. Making signatures needs the library `cryptography`, which
is imported then; checking them takes it where it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from headfit.errors import InputError, MissingExtraError, UntrustedHeadError
from headfit.files import headfile, multi_label_file
from headfit.files.head_parts import Signature
from headfit.files.headfile import HeadFile, load_head_bytes, save_head_bytes
from headfit.files.multi_label_file import (
    MultiLabelFile,
    load_multi_label_bytes,
    save_multi_label_bytes,
)
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.privacy import ed25519
from headfit.privacy.sharing import released

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_ANY = Signature("0" * 64, "0" * 128)


def new_key() -> bytes:
    """Return a new private key as PEM, not encrypted: keep it as you keep a password."""
    _require_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_key(private_key: bytes) -> str:
    """Return the public half of a private key in PEM: 64 hex digits, for `trusted_keys`."""
    return _private(private_key).public_key().public_bytes_raw().hex()


def sign_head_bytes(
    head: FittedHead | FittedMultiLabelHead, private_key: bytes, *, force: bool = False
) -> bytes:
    """Return the bytes of a head file, of either kind, signed by a private key in PEM.

    Raises
    ------
    UnshareableHeadError
        If the head gives single photos away, unless forced: a signature is made for others.
    InputError
        If this is no Ed25519 key, or one behind a passphrase.
    MissingExtraError
        If the library is not installed.
    """
    public_key(private_key)  # refused before anything else
    if isinstance(head, FittedMultiLabelHead):
        several = released(head, force=force)
        file = save_multi_label_bytes(MultiLabelFile(several, _ANY))
        signature = signature_of(multi_label_file.signed_message(file), private_key)
        return save_multi_label_bytes(MultiLabelFile(several, signature))
    one = released(head, force=force)
    file = save_head_bytes(HeadFile(one, _ANY))
    signature = signature_of(headfile.signed_message(file), private_key)
    return save_head_bytes(HeadFile(one, signature))


def signature_of(message: bytes, private_key: bytes) -> Signature:
    """Return the signature of a message by a private key in PEM.

    Raises
    ------
    InputError
        If this is no Ed25519 key, or one behind a passphrase.
    MissingExtraError
        If the library is not installed.
    """
    return Signature(public_key(private_key), _private(private_key).sign(message).hex())


def check_signature(signature: Signature, message: bytes, source: str) -> None:
    """Refuse a signature that is not of this message; whether its key is trusted is not asked.

    Raises
    ------
    UntrustedHeadError
        If it is of another; ``source`` names what is signed.
    """
    key, signed = bytes.fromhex(signature.public_key), bytes.fromhex(signature.signature)
    if not _is_signature(key, signed, message):
        raise UntrustedHeadError(
            f"{source}: expected what {signature.public_key} signed, found other content under its "
            "name; get it from its maker"
        )


def _is_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError:
        return ed25519.is_signature(public_key, signature, message)
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def verify_head_bytes(
    file: bytes, trusted_keys: Collection[str], source: str = "head file"
) -> HeadFile:
    """Return what a head file holds if one of ``trusted_keys`` signed it.

    Parameters
    ----------
    file : bytes
    trusted_keys : collection of str
        Public keys, 64 hex digits each.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UntrustedHeadError
        If the file has no signature, another's, or one that is not of this content.
    FileFormatError
        If this is no head file, or damaged.
    """
    read = load_head_bytes(file, source)
    _check_signed(read.signature, headfile.signed_message, file, trusted_keys, source)
    return read


def verify_multi_label_bytes(
    file: bytes, trusted_keys: Collection[str], source: str = "multi-label head"
) -> MultiLabelFile:
    """Return what the file of a multi-label head holds if one of ``trusted_keys`` signed it.

    Parameters and errors are those of `verify_head_bytes`.
    """
    read = load_multi_label_bytes(file, source)
    _check_signed(read.signature, multi_label_file.signed_message, file, trusted_keys, source)
    return read


def _check_signed(
    signature: Signature | None,
    message: Callable[[bytes, str], bytes],
    file: bytes,
    trusted_keys: Collection[str],
    source: str,
) -> None:
    """Refuse a file unless a trusted key signed it; ``message`` returns what was to be signed."""
    if isinstance(trusted_keys, str):
        raise InputError("expected a collection of public keys, found one text; write [key]")
    if signature is None:
        raise UntrustedHeadError(
            f"{source}: expected a signature, found none; get the head from its maker"
        )
    if signature.public_key not in {key.lower() for key in trusted_keys}:
        raise UntrustedHeadError(
            f"{source}: expected a head signed by a key that is trusted, found the key "
            f"{signature.public_key}; get the head from its maker"
        )
    check_signature(signature, message(file, source), source)


def _private(pem: bytes) -> Ed25519PrivateKey:
    _require_cryptography()
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:  # TypeError: it is behind a passphrase
        raise InputError(
            f"expected a private key in PEM without a passphrase, found: {error}; make one with "
            "`headfit keygen`"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(
            "expected an Ed25519 key, found one of another kind; make one with `headfit keygen`"
        )
    return key


def _require_cryptography() -> None:
    try:
        import cryptography  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(
            "expected the library cryptography, found none; pip install 'headfit[crypto]'"
        ) from error
