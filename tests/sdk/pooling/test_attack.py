"""Photos' embeddings can be found in plain moments by non-negative factorisation, in nothing else.

``M = sum(e e^T)`` of embeddings that are not negative: factors ``H >= 0`` with ``H^T H = M`` are
the photos, where they are few (Huang, Sidiropoulos and Swami, "Non-Negative Matrix Factorization
Revisited", 2014). The attacker knows how many there are, and the projection.
"""

from __future__ import annotations

import numpy as np
import pytest

from headfit.learning.origin import ExtractorReference
from headfit.pooling import (
    Half,
    Projection,
    Round,
    RoundFile,
    contributed,
    contributed_plain,
    read_round_bytes,
    round_bytes,
)
from headfit.pooling.vector import Words, class_sums_of
from headfit.privacy.public_view import PublicView

from .conftest import CLASSES, KEY, REFERENCE

DIM = 96
FOUND = 0.95
"""Cosine of what an attacker has with the photo, less what photos have in common, that counts as
found. Photos of one class here have some 0.1 with each other."""


def embeddings(seed: int, count: int) -> np.ndarray:
    """Return embeddings as ReLU makes them: about half of the features are 0."""
    rng = np.random.default_rng(seed)
    return np.maximum(rng.normal(0, 1, (count, DIM)), 0).astype(np.float32)


@pytest.fixture(scope="module")
def called() -> RoundFile:
    """Return a round at the stated noise: epsilon 3 over twenty devices, of all features."""
    norm = float(np.linalg.norm(embeddings(0, 100), axis=1).max())
    projection = Projection.of(PublicView.plain(DIM, norm), 4.0)
    reference: ExtractorReference = REFERENCE
    made = Round.call(reference, CLASSES, projection, epsilon=3.0, devices=20, max_photos=3)
    return read_round_bytes(round_bytes(made, KEY))


def factors(moments: np.ndarray, count: int) -> np.ndarray:
    """Return ``H >= 0`` of shape (count, DIM) with ``H^T H`` near the moments.

    By multiplicative steps from several starts about the leading eigenvectors; the best of them.
    """
    best, least = np.zeros((count, len(moments))), np.inf
    target = np.maximum(moments, 0)
    for seed in range(6):
        rng = np.random.default_rng(seed)
        values, vectors = np.linalg.eigh(moments)
        lead = vectors[:, -count:] * np.sqrt(np.maximum(values[-count:], 1e-9))
        turn = np.linalg.qr(rng.normal(size=(count, count)))[0]
        found = np.maximum(lead @ turn, 0) + 1e-3 * rng.random((len(moments), count))
        for _ in range(2000):
            found *= 0.5 + 0.5 * (target @ found) / (found @ (found.T @ found) + 1e-12)
        error = float(np.square(target - found @ found.T).sum())
        if error < least:
            best, least = found.T, error
    return best


def nearest(found: np.ndarray, photos: np.ndarray) -> np.ndarray:
    """Return the cosine of each photo with what is nearest to it, their common mean taken off."""
    mean = embeddings(0, 2000).mean(axis=0)

    def centred(rows: np.ndarray) -> np.ndarray:
        scaled = (
            rows
            * (np.linalg.norm(mean) / np.maximum(np.linalg.norm(rows, axis=1), 1e-9))[:, np.newaxis]
        )
        off = scaled - mean * (scaled @ mean / (mean @ mean))[:, np.newaxis]
        return off / np.maximum(np.linalg.norm(off, axis=1, keepdims=True), 1e-9)

    return np.asarray((centred(photos) @ centred(found).T).max(axis=1))


def attacked(called: RoundFile, words: Words, photos: np.ndarray) -> np.ndarray:
    """Attack numbers as if they were a device's plain vector."""
    return nearest(factors(class_sums_of(called.round, words).moments, len(photos)), photos)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_curators_sums_give_photos_away(called: RoundFile, count: int) -> None:
    photos = embeddings(1, count)
    plain = contributed_plain(called, photos, list(CLASSES[:count]))
    assert attacked(called, plain.sums, photos).min() > FOUND


@pytest.mark.parametrize("count", [1, 3])
def test_neither_part_gives_photos_away(called: RoundFile, count: int) -> None:
    """No better than on words that have nothing to do with them."""
    photos = embeddings(1, count)
    rng = np.random.default_rng(2)
    for part in contributed(called, photos, list(CLASSES[:count])):
        assert attacked(called, part.words(called.round.n_numbers), photos).max() < 0.6
    noise = rng.integers(0, 1 << 63, called.round.n_numbers).astype(np.uint64)
    assert attacked(called, noise, photos).max() < 0.6


def test_the_opened_sum_of_twenty_gives_no_photo_away(called: RoundFile) -> None:
    """Of three photos each; and of twenty devices of which all but one have none to speak of."""
    for count in (3, 1):
        photos = embeddings(3, 3)
        total: Words = np.zeros(called.round.n_numbers, np.uint64)
        for number in range(20):
            own = photos if number == 0 else embeddings(50 + number, count)
            halves = contributed(called, own, list(CLASSES[: len(own)]))
            for part in halves:
                total = total + part.words(called.round.n_numbers)
        half = Half(called.digest, "a", (), total)
        assert attacked(called, half.sums, photos).max() < 0.6


def test_both_parts_of_one_device_hide_a_photo_by_its_own_noise(called: RoundFile) -> None:
    """Sides that work together undo the mask, and no more."""
    photos = embeddings(4, 1)
    a, b = contributed(called, photos, [CLASSES[0]])
    n_numbers = called.round.n_numbers
    assert attacked(called, a.words(n_numbers) + b.words(n_numbers), photos).max() < 0.9


def test_the_attack_is_what_noise_stops(called: RoundFile) -> None:
    """With a hundredth of the noise it succeeds: the tests above can fail."""
    photos = embeddings(4, 1)
    plain = contributed_plain(called, photos, [CLASSES[0]])
    a, b = contributed(called, photos, [CLASSES[0]])
    n_numbers = called.round.n_numbers
    noised = a.words(n_numbers) + b.words(n_numbers)
    noise = (noised - plain.sums).view(np.int64) // 100
    assert attacked(called, plain.sums + noise.view(np.uint64), photos).min() > 0.9
