"""Rounds that are called for the shipped extractor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from headfit import Extractor, PublicView
from headfit.pooling import Projection, Round, round_bytes


def called_round(classes: Sequence[str], key: bytes, **settings: Any) -> bytes:
    """Return the bytes of a round for these classes, signed by a private key in PEM."""
    extractor = Extractor.open(engine="popcount")
    golden = extractor.manifest.golden
    assert golden is not None
    view = PublicView.plain(len(golden.embedding), math.hypot(*golden.embedding))
    options = {"epsilon": 3.0, "devices": 200, "views": extractor.views} | settings
    asked = Round.call(
        extractor.manifest.reference(),
        classes,
        Projection.of(view, max(map(abs, golden.embedding))),
        **options,
    )
    return round_bytes(asked, key)
