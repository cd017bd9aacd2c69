"""Keys of encrypted stores in the keyring of the operating system."""

from __future__ import annotations

import secrets

from headfit.errors import MissingExtraError, StoreError
from headfit.store.sealing import KEY_BYTES

SERVICE = "headfit"


def key_from_keyring(name: str, *, create: bool = True) -> bytes:
    """Return the key that the keyring holds under ``name``.

    Parameters
    ----------
    name : str
        Names the store to the user, who may be asked by the system: its path, for instance.
    create : bool
        Make a new key, and keep it there, if there is none.

    Raises
    ------
    StoreError
        If there is no keyring, it is locked, what it holds is no key, or it holds none and none
        shall be made.
    MissingExtraError
        If the library `keyring` is not installed.
    """
    try:
        import keyring
        import keyring.errors
    except ImportError as error:
        raise MissingExtraError(
            "expected the library keyring, found none; pip install 'headfit[keyring]'"
        ) from error
    try:
        held = keyring.get_password(SERVICE, name)
        if held is None and not create:
            raise StoreError(
                f"expected a key as {name!r} in the keyring, found none; give the name that the "
                "store was made with"
            )
        if held is None:
            held = secrets.token_hex(KEY_BYTES)
            keyring.set_password(SERVICE, name, held)
        key = bytes.fromhex(held)
    except (keyring.errors.KeyringError, RuntimeError) as error:
        raise StoreError(
            f"expected a keyring that can be used, found: {error}; unlock it, or pass a key"
        ) from error
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise StoreError(
            f"expected a key of {KEY_BYTES} bytes as {name!r} in the keyring, found something "
            "else; remove it there if the store can be given up"
        )
    return key
