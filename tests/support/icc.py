"""Small ICC profiles (ICC.1:2010), so that tests need no file of others."""

from __future__ import annotations

import struct

# Red, green and blue in XYZ under D50, and the exponent of the curve.
ADOBE_RGB = (
    ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)),
    563 / 256,
)
DISPLAY_P3 = (
    ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)),
    None,
)


def profile(name: str, space: tuple[tuple[tuple[float, ...], ...], float | None]) -> bytes:
    """Return the profile of a screen: a matrix and a curve; None is the curve of sRGB."""
    colours, gamma = space
    if gamma is None:  # g, a, b, c, d of parametric curve 3
        numbers = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
        curve = b"para" + struct.pack(">I2H5i", 0, 3, 0, *(_fixed(one) for one in numbers))
    else:
        curve = b"curv" + struct.pack(">2IH", 0, 1, round(gamma * 256)) + b"\0\0"
    text = name.encode("ascii") + b"\0"
    description = b"desc" + struct.pack(">2I", 0, len(text)) + text + bytes(78)
    description += bytes(-len(description) % 4)
    tags = {b"desc": description, b"wtpt": _xyz((0.9642, 1.0, 0.8249))}
    tags |= {b"rXYZ": _xyz(colours[0]), b"gXYZ": _xyz(colours[1]), b"bXYZ": _xyz(colours[2])}
    tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, at = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        table += tag + struct.pack(">2I", at + len(body), len(data))
        body += data
    length = 128 + len(table) + len(body)
    header = struct.pack(">I4sI4s4s4s", length, b"none", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    header += struct.pack(">3i", *(_fixed(one) for one in (0.9642, 1.0, 0.8249)))
    return header.ljust(128, b"\0") + table + body


def _xyz(values: tuple[float, ...]) -> bytes:
    return b"XYZ " + struct.pack(">I3i", 0, *(_fixed(one) for one in values))


def _fixed(value: float) -> int:
    return round(value * 65536)
