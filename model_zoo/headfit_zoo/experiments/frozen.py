"""A trained Keras network as a frozen extractor: tells the cost of freezing from that of signs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headfit.photos import prepare_input
from headfit_zoo.architectures import cut_top
from headfit_zoo.artifact import preprocessing_of
from headfit_zoo.conversion import load_trained


def fingerprint(run: Path) -> str:
    """Return the SHA-256 of a training's weights, hex."""
    return hashlib.sha256((run / "weights.h5").read_bytes()).hexdigest()


class FrozenNetwork:
    """Embeds pictures as an `headfit.Extractor` does, with the network of a finished training.

    Attributes
    ----------
    fingerprint : str
        SHA-256 of the weights, hex.
    size_bytes : int
        Of the weights as float32.
    engine_name : str
    """

    engine_name = "keras"

    def __init__(self, run: Path) -> None:
        self._network = cut_top(load_trained(run))
        self.fingerprint = fingerprint(run)
        self.size_bytes = 4 * self._network.count_params()
        self._preprocessing = preprocessing_of(self._network.input_shape[1])

    def embed(self, pictures: Sequence[bytes]) -> NDArray[np.float32]:
        """Return embeddings of shape (n_samples, embedding_dim)."""
        inputs = [prepare_input(picture, self._preprocessing) for picture in pictures]
        return np.asarray(self._network.predict(np.concatenate(inputs), verbose=0))
