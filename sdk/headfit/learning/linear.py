"""What a linear layer on embeddings gives, checked: the same for every kind of head."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.maths.arrays import FloatArray, checked_embeddings


def embeddings_of_width(embeddings: npt.ArrayLike, width: int) -> FloatArray:
    """Return embeddings as float32, refused if they are not finite or of another width."""
    checked = checked_embeddings(embeddings)
    if checked.shape[1] != width:
        raise InputError(
            f"expected embeddings of width {width}, found width "
            f"{checked.shape[1]}; use the extractor that the head was fitted on"
        )
    return checked


def linear_logits(embeddings: FloatArray, weights: FloatArray, bias: FloatArray) -> FloatArray:
    """Return ``embeddings @ weights + bias``, refused if it leaves the finite numbers."""
    with np.errstate(over="ignore", invalid="ignore"):
        logits: FloatArray = embeddings @ weights + bias
    if not np.isfinite(logits).all():
        raise InputError(
            "expected embeddings like those of training, found values up to "
            f"{np.abs(embeddings).max():g}, which overflow; use the extractor that the head "
            "was fitted on"
        )
    return logits
