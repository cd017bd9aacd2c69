"""What a head promises of new photos holds for photographs that it has not seen."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from headfit import Extractor, SoftmaxHead

PER_CLASS = 100
Photos = tuple[npt.NDArray[np.float32], npt.NDArray[np.str_]]


@pytest.fixture(scope="module", params=["flowers5-128", "scene15-200"])
def photos(request: pytest.FixtureRequest, shared_data: Callable[[str], Path]) -> Photos:
    """The embeddings of a hundred photos of each of five classes, and their classes."""
    with zipfile.ZipFile(shared_data(f"{request.param}.zip")) as archive:
        by_class: dict[str, list[str]] = {}
        for name in sorted(name for name in archive.namelist() if name.endswith(".jpg")):
            by_class.setdefault(name.split("/")[-2], []).append(name)
        chosen = [name for each in list(by_class.values())[:5] for name in each[:PER_CLASS]]
        embeddings = Extractor.open().embed([archive.read(name) for name in chosen])
    return embeddings, np.array([name.split("/")[-2] for name in chosen])


@pytest.mark.parametrize("method", ["imprint", "lda", "logistic"])
def test_sets_cover_and_known_photos_pass(photos: Photos, method: str) -> None:
    """Half of the photos teach, half are new; within three standard deviations of both halves."""
    embeddings, classes = photos
    tests = np.random.default_rng(0).permutation(len(classes)) % 2 == 1
    head = SoftmaxHead(method=method).fit(embeddings[~tests], classes[~tests])
    for coverage in (0.8, 0.9, 0.95):
        sets = head.predict_sets(embeddings[tests], coverage)
        covered = np.mean([name in names for name, names in zip(classes[tests], sets, strict=True)])
        assert covered == pytest.approx(coverage, abs=doubt(coverage, len(classes)))
        assert np.mean([len(names) for names in sets]) < 4
    known = head.is_known(embeddings[tests]).mean()
    assert known == pytest.approx(0.95, abs=doubt(0.95, len(classes)))


def doubt(share: float, n_photos: int) -> float:
    """Three standard deviations of a share counted in one half, and judged by the other."""
    return 3 * float(np.sqrt(share * (1 - share) * 4 / n_photos))
