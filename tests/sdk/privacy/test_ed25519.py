"""Signatures checked without the library are those that it takes."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from headfit.privacy.ed25519 import is_signature

# RFC 8032, section 7.1, tests 1 and 2: public key, message, signature.
VECTORS = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
)
ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITY, OF_ORDER_2 = (1).to_bytes(32, "little"), (2**255 - 20).to_bytes(32, "little")


def library_says(key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("key", "message", "signature"), VECTORS)
def test_the_standards_own(key: str, message: str, signature: str) -> None:
    coded = [bytes.fromhex(text) for text in (key, signature, message)]
    assert is_signature(*coded)
    assert not is_signature(*coded[:2], coded[2] + b"x")


@settings(max_examples=40, deadline=None)
@given(
    seed=st.binary(min_size=32, max_size=32),
    message=st.binary(max_size=200),
    where=st.sampled_from(("key", "signature", "message", "nowhere")),
    bit=st.integers(0, 511),
)
def test_the_library_says_the_same(seed: bytes, message: bytes, where: str, bit: int) -> None:
    """Of what was signed, and with any bit flipped."""
    private = Ed25519PrivateKey.from_private_bytes(seed)
    found = {
        "key": private.public_key().public_bytes_raw(),
        "signature": private.sign(message),
        "message": message,
    }
    if found.get(where):
        changed = bytearray(found[where])
        changed[bit // 8 % len(changed)] ^= 1 << bit % 8
        found[where] = bytes(changed)
    case = found["key"], found["signature"], found["message"]
    assert is_signature(*case) == library_says(*case) == (where == "nowhere" or not found[where])


@pytest.mark.parametrize("key", [IDENTITY, OF_ORDER_2, bytes(32), b"\xff" * 32, b""])
@pytest.mark.parametrize("commitment", [IDENTITY, OF_ORDER_2, bytes(32)])
def test_points_of_small_order(key: bytes, commitment: bytes) -> None:
    """Who has such a key signed everything; no other is taken than by the library."""
    for message in (b"", b"a", b"b", b"c"):
        case = key, commitment + bytes(32), message
        assert is_signature(*case) == library_says(*case)


def test_a_signature_has_one_form() -> None:
    """With the curve's order added to its second half it would be right as well."""
    key, message, signature = (bytes.fromhex(text) for text in VECTORS[0])
    more = int.from_bytes(signature[32:], "little") + ORDER
    assert not is_signature(key, signature[:32] + more.to_bytes(32, "little"), message)
    assert not is_signature(key, signature + b"\0", message)
    assert not is_signature(key[:31], signature, message)


def test_signing_takes_it_where_the_library_is_not() -> None:
    """A head's signature and a round's are checked on a bare device."""
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from headfit import UntrustedHeadError\n"
        "from headfit.files.head_parts import Signature\n"
        "from headfit.privacy.signing import check_signature\n"
        f"key, message, signature = {VECTORS[1]!r}\n"
        "check_signature(Signature(key, signature), bytes.fromhex(message), 'it')\n"
        "try:\n    check_signature(Signature(key, signature), b'other', 'it')\n"
        "except UntrustedHeadError as error:\n    print(error)\n"
    )
    out = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert out.stdout.startswith(f"it: expected what {VECTORS[1][0]} signed, found other content")
