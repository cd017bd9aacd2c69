"""Ed25519 signatures checked in plain integers, where the library `cryptography` is not installed.

Nothing here is secret, so nothing has to take the same time whatever it is. Signing needs the
library. Josefsson and Liusvaara, "Edwards-Curve Digital Signature Algorithm (EdDSA)", RFC 8032,
2017, section 5.1. On the curve ``-x^2 + y^2 = 1 + d x^2 y^2`` modulo ``2^255 - 19`` a signature
``(R, s)`` is right if ``s B = R + SHA-512(R, A, message) A``, ``A`` being the public key.
"""

from __future__ import annotations

import hashlib
from typing import Final

Point = tuple[int, int, int, int]
"""``(X, Y, Z, T)``, which stands for ``x = X / Z``, ``y = Y / Z``, ``x y = T / Z``."""

KEY_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64

_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_ROOT_OF_MINUS_1: Final = pow(2, (_PRIME - 1) // 4, _PRIME)
_ZERO: Final = (0, 1, 1, 0)


def is_signature(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Return whether the owner of a public key signed this message.

    Parameters
    ----------
    public_key : bytes
        32 of them.
    signature : bytes
        64 of them.
    message : bytes
    """
    if len(public_key) != KEY_BYTES or len(signature) != SIGNATURE_BYTES:
        return False
    key, s = _point(public_key), int.from_bytes(signature[KEY_BYTES:], "little")
    if key is None or s >= _ORDER:  # another s for the same signature
        return False
    text = signature[:KEY_BYTES] + public_key + message
    factor = int.from_bytes(hashlib.sha512(text).digest(), "little") % _ORDER
    x, y, z, t = key
    commitment = _sum(_times(s, _BASE), _times(factor, (-x, y, z, -t)))
    return _bytes(commitment) == signature[:KEY_BYTES]


def _point(coded: bytes) -> Point | None:
    """Return the point of 32 bytes: its y, and in the highest bit whether its x is odd."""
    number = int.from_bytes(coded, "little")
    is_odd, y = number >> 255, number & (1 << 255) - 1
    if y >= _PRIME:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    if (x * x - square) % _PRIME:
        x = x * _ROOT_OF_MINUS_1 % _PRIME
    if (x * x - square) % _PRIME or (x == 0 and is_odd):
        return None
    if x & 1 != is_odd:
        x = _PRIME - x
    return x, y, 1, x * y % _PRIME


def _bytes(point: Point) -> bytes:
    x, y, z, _ = point
    inverse = pow(z, -1, _PRIME)
    x, y = x * inverse % _PRIME, y * inverse % _PRIME
    return (y | (x & 1) << 255).to_bytes(KEY_BYTES, "little")


def _sum(one: Point, other: Point) -> Point:
    """Return the sum of two points (Hisil et al., "Twisted Edwards Curves Revisited", 2008)."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * _D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _times(factor: int, point: Point) -> Point:
    total: Point = _ZERO
    while factor:
        if factor & 1:
            total = _sum(total, point)
        point, factor = _sum(point, point), factor >> 1
    return total


def _base() -> Point:
    point = _point((4 * pow(5, -1, _PRIME) % _PRIME).to_bytes(KEY_BYTES, "little"))
    assert point is not None
    return point


_BASE: Final = _base()
