"""On photographs: whole numbers lose nothing, a pooled head goes on, and is calibrated."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headfit import Extractor, PublicView, SoftmaxHead
from headfit.learning.class_sums import ClassSums
from headfit.learning.held_out import LeftOut
from headfit.learning.lda import PRIOR_PHOTOS, fit_lda
from headfit.pooling import Plain, Projection, Round, RoundFile, opened_plain
from headfit.pooling.vector import vector_of

PER_CLASS = 200
Photos = tuple[np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def extractor() -> Extractor:
    return Extractor.open()


@pytest.fixture(scope="module")
def flowers(shared_data: Callable[[str], Path], extractor: Extractor) -> Photos:
    """Return the embeddings of two hundred photos of each of five flowers, and their classes."""
    with zipfile.ZipFile(shared_data("flowers5-128.zip")) as archive:
        by_class: dict[str, list[str]] = {}
        for name in sorted(name for name in archive.namelist() if name.endswith(".jpg")):
            by_class.setdefault(name.split("/")[-2], []).append(name)
        chosen = [name for each in by_class.values() for name in each[:PER_CLASS]]
        embeddings = extractor.embed([archive.read(name) for name in chosen])
    return embeddings, np.array([name.split("/")[-2] for name in chosen])


@pytest.fixture(scope="module")
def pooled(flowers: Photos, extractor: Extractor) -> SoftmaxHead:
    """Return the head of fifty devices with ten photos each; the other half of them is new."""
    embeddings, classes = flowers
    golden = extractor.manifest.golden
    assert golden is not None
    view = PublicView.plain(extractor.embedding_dim, math.hypot(*golden.embedding))
    asked = Round.call(
        extractor.manifest.reference(),
        [str(name) for name in np.unique(classes)],
        Projection.of(view, max(map(abs, golden.embedding))),
        epsilon=None,
    )
    _, targets = np.unique(classes, return_inverse=True)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(~is_new(classes)))
    contributions = [
        Plain("00" * 32, "00" * 16, vector_of(asked, embeddings[part], targets[part]))
        for part in np.array_split(rows, 50)
    ]
    return SoftmaxHead.of(opened_plain(RoundFile(asked, "00" * 32, "00" * 32), contributions))


def is_new(classes: np.ndarray) -> np.ndarray:
    """Return which photos teach no head."""
    return np.asarray(np.random.default_rng(0).permutation(len(classes)) % 2 == 1)


def test_whole_numbers_are_as_right_as_floats(flowers: Photos, pooled: SoftmaxHead) -> None:
    """Within half a point of the same analysis of embeddings as they are, in float64."""
    embeddings, classes = flowers
    new = is_new(classes)
    names, targets = np.unique(classes, return_inverse=True)
    sums = ClassSums.of(embeddings[~new], targets[~new], len(names))
    nothing = LeftOut.singly(np.zeros(0, np.intp))
    analysis = fit_lda(
        sums,
        *sums.mean_and_inverse_scale(),
        PRIOR_PHOTOS,
        np.zeros((0, embeddings.shape[1]), np.float32),
        nothing,
        sums.counts,
    )
    logits = embeddings[new] @ analysis.weights + analysis.bias
    in_floats = (logits.argmax(axis=1) == targets[new]).mean()
    found = pooled.score(embeddings[new], classes[new])
    assert found > 0.6
    assert abs(found - in_floats) <= 0.005


def test_a_pooled_head_is_calibrated_on_a_devices_own_photos(
    flowers: Photos, pooled: SoftmaxHead, extractor: Extractor, tmp_path: Path
) -> None:
    """Half of the new photos calibrate: the other half is known, covered, and classed as before."""
    embeddings, classes = flowers
    new = np.flatnonzero(is_new(classes))
    mine, others = new[::2], new[1::2]
    head = pooled.copy().calibrate(embeddings[mine], classes[mine], extractor=extractor)
    head.save(tmp_path / "mine.head")
    head = SoftmaxHead.load(tmp_path / "mine.head", extractor=extractor)
    assert head.calibration_ is not None
    assert head.calibration_.score == "likeness"
    doubt = 3 * math.sqrt(0.1 * 0.9 / len(others) * 2)
    sets = head.predict_sets(embeddings[others], 0.9)
    covered = np.mean([n in names for n, names in zip(classes[others], sets, strict=True)])
    assert covered == pytest.approx(0.9, abs=doubt)
    assert head.is_known(embeddings[others]).mean() == pytest.approx(0.95, abs=doubt)
    assert (head.predict(embeddings) == pooled.predict(embeddings)).all()
    assert pooled.calibration_ is None


def test_logistic_regression_goes_on_from_a_pooled_head(
    flowers: Photos, pooled: SoftmaxHead
) -> None:
    """By `partial_fit` on one device's photos: it fits these better, and knows the rest as well."""
    embeddings, classes = flowers
    new = np.flatnonzero(is_new(classes))
    mine, others = new[::4], np.setdiff1d(new, new[::4])
    head = SoftmaxHead(learning_rate=0.001)
    head._fitted = pooled.fitted_
    for _ in range(20):
        head.partial_fit(embeddings[mine], classes[mine])
    assert head.score(embeddings[mine], classes[mine]) > pooled.score(
        embeddings[mine], classes[mine]
    )
    assert head.score(embeddings[others], classes[others]) > 0.95 * pooled.score(
        embeddings[others], classes[others]
    )
