"""PublicView: how embeddings look to a private head, fixed by pictures that anybody may see.

Noise is as large as what one embedding could change. Centred, scaled and projected onto the
directions in which pictures differ at all, an embedding can change less. Taken from the private
photos these numbers would tell of them; from public pictures they cost no privacy. Normalising
and projecting are the remedies of Wang et al., "Neural Collapse Meets Differential Privacy", 2024.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headfit.errors import InputError
from headfit.maths.arrays import check_dense


@dataclass(frozen=True, slots=True, eq=False)
class PublicView:
    """A view of embeddings: ``(embedding - centre) @ directions / norm``.

    Attributes
    ----------
    centre : ndarray of shape (embedding_dim,), dtype float64
    directions : ndarray of shape (embedding_dim, width), dtype float64
        Each feature's scale is folded in.
    norm : float
        The length to which what is seen is clipped: the median one of the public pictures.
    """

    centre: npt.NDArray[np.float64]
    directions: npt.NDArray[np.float64]
    norm: float

    @classmethod
    def of(cls, public_embeddings: npt.ArrayLike, width: int = 64) -> PublicView:
        """Return the ``width`` main directions of standardised embeddings of public pictures.

        Parameters
        ----------
        public_embeddings : array of shape (n_samples, embedding_dim)
            Of some hundred pictures from anywhere but the private photos, the same extractor's.
        width : int
            More directions let through more of what tells classes apart, and more noise. 64 of 288
            was near the best at every epsilon on kinds of scenes and of flowers.

        Raises
        ------
        InputError
            If there are fewer pictures or features than directions, or they do not differ.
        """
        check_dense(public_embeddings)
        embeddings = np.asarray(public_embeddings, np.float64)
        if width < 1:
            raise InputError(f"expected at least one direction, found {width}; ask for more")
        if embeddings.ndim != 2 or width > min(embeddings.shape):
            raise InputError(
                f"expected embeddings of at least {width} public pictures and as wide, found shape "
                f"{embeddings.shape}; take more pictures or fewer directions"
            )
        centre = embeddings.mean(axis=0)
        spread = embeddings.std(axis=0)
        # A feature that hardly ever varies in public must not be blown up.
        scale = spread + 1e-3 * embeddings.std()
        standardised = (embeddings - centre) / np.where(scale > 0, scale, 1.0)
        _, _, main = np.linalg.svd(standardised, full_matrices=False)
        norm = float(np.median(np.linalg.norm(standardised @ main[:width].T, axis=1)))
        if not 0 < norm < np.inf:
            raise InputError("expected public pictures that differ, found that they do not")
        return cls(centre, main[:width].T / scale[:, np.newaxis], norm)

    @classmethod
    def plain(cls, embedding_dim: int, norm: float) -> PublicView:
        """Return the view that leaves embeddings as they are, to be clipped at ``norm``."""
        return cls(np.zeros(embedding_dim), np.eye(embedding_dim), norm)

    def seen(self, embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return embeddings as the private head sees them, each row at most 1 long.

        Returns
        -------
        ndarray of shape (n_samples, width), dtype float64
        """
        seen: npt.NDArray[np.float64] = (
            (embeddings.astype(np.float64) - self.centre) @ self.directions / self.norm
        )
        seen /= np.maximum(np.linalg.norm(seen, axis=1, keepdims=True), 1.0)
        return seen

    def unfold(
        self, weights: npt.NDArray[np.float64], bias: npt.NDArray[np.float64]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the head on embeddings as they are of a head on what is seen.

        Returns
        -------
        weights : ndarray of shape (embedding_dim, n_classes), dtype float32
        bias : ndarray of shape (n_classes,), dtype float32
        """
        unfolded = self.directions @ weights / self.norm
        return unfolded.astype(np.float32), (bias - self.centre @ unfolded).astype(np.float32)
