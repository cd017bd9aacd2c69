"""How much an embedding is like what a head was taught, compared with pictures of all kinds.

The cosine between an embedding and the nearest class mean, both seen from the mean of the
extractor's background and whitened by it, as probabilistic linear discriminant analysis has it in
speaker verification (length normalisation: Garcia-Romero and Espy-Wilson, Interspeech 2011); and,
as far as it is less than usual, how far the largest logit is above the mean one, which sees kin of
what was taught.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from headfit.learning.background import Background
from headfit.learning.held_out import sums_over_groups
from headfit.maths.arrays import Array, DoubleArray, FloatArray, TargetArray

MAX_CLASSES = 16
"""Classes up to which a head compares with their means: so they take no more of a file than
`headfit.learning.typicality.Typicality` does.
"""
BLANK: Final = 0.6
"""What a picture in which hardly anything varies has to reach to be known: what such pictures are
like that nobody taught is chance. Of heads of five sets they reach 0.39 at most; of heads that were
taught darkness or sheets of paper, 0.82 at least (docs/results.md).
"""
MAX_CODE = 7
"""Means are kept in four bits a number, from minus this to this."""

_LEAD_SHARE = 0.25
# Of an embedding at the very mean of the background.
_SHORTEST = np.float32(1e-12)


@dataclass(frozen=True, slots=True, eq=False)
class Likeness:
    """What a head's classes look like, in the whitened frame of a background.

    Attributes
    ----------
    background : str
        `headfit.learning.background.Background.fingerprint` of that background.
    prototypes : ndarray of shape (n_classes, embedding_dim), dtype int8
        The direction of each class's mean; from -`MAX_CODE` to `MAX_CODE`.
    lead_weight, usual_lead : float
        ``likeness = max(cosines) + lead_weight * min(lead / |z| - usual_lead, 0)``
    """

    background: str
    prototypes: npt.NDArray[np.int8]
    lead_weight: float
    usual_lead: float

    def at_columns(self, order: list[int]) -> Likeness:
        """Return the same with the classes in another order: ``order[i]`` becomes ``i``."""
        return replace(self, prototypes=self.prototypes[order])

    def directions(self) -> FloatArray:
        """Return the prototypes, of length 1 each: shape (n_classes, embedding_dim)."""
        return _unit(self.prototypes.astype(np.float32))

    def joined_by(self, whitened: Array) -> Likeness:
        """Return the same with a class more, as its last, of which these are examples."""
        sums = whitened.sum(axis=0, keepdims=True, dtype=np.float64)
        return replace(self, prototypes=np.vstack([self.prototypes, _codes(sums)]))

    def scores(self, whitened: Array, leads: FloatArray) -> FloatArray:
        """Return the likeness of each embedding.

        Parameters
        ----------
        whitened : ndarray of shape (n_samples, embedding_dim)
            Of `headfit.learning.background.Background.whitened`.
        leads : ndarray of shape (n_samples,), dtype float32
            Largest logits less the mean ones.
        """
        lengths = _lengths(whitened)
        cosines = (whitened @ self.directions().T).max(axis=1) / lengths
        shortfall = np.minimum(leads / lengths - np.float32(self.usual_lead), 0)
        scores: Array = cosines + np.float32(self.lead_weight) * shortfall
        return scores.astype(np.float32)


def likeness_of(
    background: Background,
    embeddings: FloatArray,
    targets: TargetArray,
    n_classes: int,
    rows: TargetArray,
    groups: TargetArray,
    leads: Array,
) -> tuple[Likeness, DoubleArray]:
    """Return what classes look like, and the likeness of held-out examples to it.

    Parameters
    ----------
    background : Background
    embeddings : ndarray of shape (n_samples, embedding_dim), dtype float32
    targets : ndarray of shape (n_samples,), dtype intp
        No class is empty.
    n_classes : int
    rows : ndarray of shape (n_held_out,), dtype intp
        Of examples to compare with classes without them; groups are whole, none all of its class.
    groups : ndarray of shape (n_held_out,), dtype intp
        Examples of one group, all of one class, are left out together.
    leads : ndarray of shape (n_held_out,), dtype float64
        Of logits of heads fitted without each.
    """
    taught = np.stack(
        [embeddings[targets == column].sum(axis=0, dtype=np.float64) for column in range(n_classes)]
    )
    counts = np.bincount(targets, minlength=n_classes)
    sums = background.whitened_sums(taught, counts)
    held_out, classes = background.whitened(embeddings[rows]), targets[rows]
    prototypes = _codes(sums)
    lengths = _lengths(held_out)
    cosines = held_out @ _unit(prototypes.astype(np.float32)).T / lengths[:, np.newaxis]
    _, group_of = np.unique(groups, return_inverse=True)
    together = sums_over_groups(held_out, group_of)
    # In four bits too: new photos are compared with means that are.
    without = _unit(_codes(sums.astype(held_out.dtype)[classes] - together).astype(np.float32))
    cosines[np.arange(len(rows)), classes] = np.einsum("nd,nd->n", held_out, without) / lengths
    best = cosines.max(axis=1).astype(np.float64)
    relative = leads / lengths
    spread = relative.std()
    weight = float(_LEAD_SHARE * best.std() / spread) if spread > 0 else 0.0
    usual = float(np.median(relative))
    scores: DoubleArray = best + weight * np.minimum(relative - usual, 0)
    return Likeness(background.fingerprint, prototypes, weight, usual), scores


def _codes(vectors: Array) -> npt.NDArray[np.int8]:
    largest = np.abs(vectors).max(axis=1, keepdims=True)
    scale = np.where(largest > 0, largest / MAX_CODE, 1)
    codes: npt.NDArray[np.int8] = np.rint(vectors / scale).astype(np.int8)
    return codes


def _lengths(vectors: Array) -> Array:
    lengths: Array = np.maximum(np.linalg.norm(vectors, axis=1), _SHORTEST)
    return lengths


def _unit(vectors: FloatArray) -> FloatArray:
    units: FloatArray = vectors / _lengths(vectors)[:, np.newaxis]
    return units
