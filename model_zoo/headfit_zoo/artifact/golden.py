"""The picture by which every engine is checked before it is trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from headfit.files import Preprocessing
from headfit.photos import prepare_input

GOLDEN_COSINE = 0.99999
GOLDEN_DIFFERENCE = 1e-4
"""How near every engine must come to the golden embedding; see docs/manifest-format.md."""


def golden_picture(size: int) -> NDArray[np.uint8]:
    """Draw the picture of the self-check: gradients, edges and fine texture in every colour.

    Returns
    -------
    ndarray of shape (size, size, 3), dtype uint8
        The same for every release; no photograph is needed for a check of arithmetic.
    """
    y, x = np.mgrid[0:size, 0:size] / size
    waves = np.sin(2 * np.pi * np.stack([3 * x + y, 7 * x * y, 9 * np.hypot(x - 0.5, y - 0.5)], -1))
    disc = (np.hypot(x - 0.6, y - 0.4) < 0.25)[..., None] * np.array([90, -40, 20])
    noise = np.random.default_rng(0).integers(-12, 13, (size, size, 3))
    picture = np.clip(128 + 70 * waves + disc + noise, 0, 255)
    return np.asarray(picture, np.uint8)


def golden_input(preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Return the golden picture as a network's input, (1, height, width, 3)."""
    # It has the input's size already: it is neither resized nor cropped.
    as_it_is = replace(preprocessing, resize_to=preprocessing.height)
    return np.asarray(prepare_input(golden_picture(preprocessing.height), as_it_is))
