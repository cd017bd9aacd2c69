"""Background: where the embeddings of all kinds of pictures lie, which comes with an extractor.

That an embedding is near those that were taught says little if the embedding of any picture is:
"unlike anything taught" needs something to compare with.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from headfit.maths.arrays import Array, DoubleArray, FloatArray

RIDGE = 0.3
"""What is added to every variance of the background, as a share of the mean one: a direction in
which pictures hardly differ should not count for much. Chosen on flowers, scenes and clothing.
"""

# From numbers like these on squares of float32 may overflow, once whitened and summed.
_LARGE = 1e14


@dataclass(frozen=True, slots=True)
class Background:
    """A Gaussian of varied pictures' embeddings.

    Attributes
    ----------
    made_from : str
        Which pictures, for people.
    n_pictures : int
    mean : tuple of float
        ``embedding_dim`` numbers.
    factor : str
        In base64, float16, little-endian: the lower triangle, row by row, of ``L``, where ``L L^T``
        is the inverse of the covariance, in units of its largest number.
    """

    made_from: str
    n_pictures: int
    mean: tuple[float, ...]
    factor: str

    @classmethod
    def of(cls, embeddings: FloatArray, made_from: str) -> Background:
        """Return the background that these embeddings make.

        Parameters
        ----------
        embeddings : ndarray of shape (n_pictures, embedding_dim), dtype float32
            A few thousand, of pictures as varied as can be.
        made_from : str
        """
        covariance = np.atleast_2d(np.cov(embeddings.T, dtype=np.float64))
        width = len(covariance)
        ridge = RIDGE * np.trace(covariance) / width
        factor = np.linalg.cholesky(np.linalg.inv(covariance + ridge * np.eye(width)))
        lower = (factor / np.abs(factor).max())[np.tril_indices(width)]
        mean = tuple(float(value) for value in embeddings.mean(axis=0).astype(np.float32))
        coded = base64.b64encode(lower.astype("<f2").tobytes()).decode("ascii")
        return cls(made_from, len(embeddings), mean, coded)

    def whitened(self, embeddings: Array) -> Array:
        """Return embeddings in a frame in which those of the background vary alike in all ways.

        ``z = (e - mean) L``

        Parameters
        ----------
        embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32

        Returns
        -------
        ndarray of shape (n_samples, embedding_dim), dtype float32
            Or float64, of such large numbers that their squares would not be finite.
        """
        if np.abs(embeddings).max(initial=0) > _LARGE:
            embeddings = embeddings.astype(np.float64)
        centred = embeddings - np.array(self.mean, np.float32)
        return centred @ _matrix(self.factor, len(self.mean))

    def whitening(self) -> DoubleArray:
        """Return ``L`` of `whitened`, as a matrix: shape (embedding_dim, embedding_dim)."""
        return _matrix(self.factor, len(self.mean)).astype(np.float64)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the mean, as float32, and of the factor's bytes, as 64 hex digits."""
        mean = np.array(self.mean, "<f4").tobytes()
        return hashlib.sha256(mean + base64.b64decode(self.factor)).hexdigest()

    def whitened_sums(self, sums: DoubleArray, counts: npt.NDArray[np.int64]) -> DoubleArray:
        """Return the sums of whitened embeddings, from those of embeddings and their numbers."""
        centred: DoubleArray = sums - counts[:, np.newaxis] * np.array(self.mean)
        return centred @ self.whitening()


@lru_cache(maxsize=4)
def _matrix(factor: str, width: int) -> FloatArray:
    """Return the lower triangle as a matrix; decoding it takes longer than a product with it."""
    matrix = np.zeros((width, width), np.float32)
    matrix[np.tril_indices(width)] = np.frombuffer(base64.b64decode(factor), "<f2")
    matrix.setflags(write=False)
    return matrix


def is_factor(text: str, embedding_dim: int) -> bool:
    """Return whether a text can be the `Background.factor` of embeddings of this width."""
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return False
    if len(data) != embedding_dim * (embedding_dim + 1):
        return False
    is_one_form = base64.b64encode(data).decode("ascii") == text
    return is_one_form and bool(np.isfinite(np.frombuffer(data, "<f2")).all())
