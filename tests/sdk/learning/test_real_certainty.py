"""What a head promises of new photos holds for photographs that it has not seen."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from headfit import Extractor, SoftmaxHead
from headfit.maths.metrics import auroc

DATASETS = ["flowers5-128", "scene15-200"]
METHODS = ["imprint", "lda", "logistic", "binary"]
PER_CLASS = 100
Photos = tuple[npt.NDArray[np.float32], npt.NDArray[np.str_]]


@pytest.fixture(scope="module")
def every_photo(shared_data: Callable[[str], Path]) -> dict[str, Photos]:
    """For each data set, the embeddings of a hundred photos of each of five classes."""
    extractor = Extractor.open()
    photos = {}
    for dataset in DATASETS:
        with zipfile.ZipFile(shared_data(f"{dataset}.zip")) as archive:
            by_class: dict[str, list[str]] = {}
            for name in sorted(name for name in archive.namelist() if name.endswith(".jpg")):
                by_class.setdefault(name.split("/")[-2], []).append(name)
            chosen = [name for each in list(by_class.values())[:5] for name in each[:PER_CLASS]]
            embeddings = extractor.embed([archive.read(name) for name in chosen])
        photos[dataset] = embeddings, np.array([name.split("/")[-2] for name in chosen])
    return photos


def half(classes: npt.NDArray[np.str_]) -> npt.NDArray[np.bool_]:
    """Return which photos are new; the others teach."""
    return np.random.default_rng(0).permutation(len(classes)) % 2 == 1


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("method", METHODS)
def test_sets_cover_and_known_photos_pass(
    every_photo: dict[str, Photos], dataset: str, method: str
) -> None:
    """Half of the photos teach, half are new; within three standard deviations of both halves."""
    embeddings, classes = every_photo[dataset]
    tests = half(classes)
    head = SoftmaxHead(method=method).fit(embeddings[~tests], classes[~tests])
    for coverage in (0.8, 0.9, 0.95):
        sets = head.predict_sets(embeddings[tests], coverage)
        covered = np.mean([name in names for name, names in zip(classes[tests], sets, strict=True)])
        # A set holds one class at least, and that may be right more often than was asked.
        expected = max(coverage, head.score(embeddings[tests], classes[tests]))
        assert covered == pytest.approx(expected, abs=doubt(coverage, len(classes)))
        assert np.mean([len(names) for names in sets]) < 4
    known = head.is_known(embeddings[tests]).mean()
    assert known == pytest.approx(0.95, abs=doubt(0.95, len(classes)))


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize("method", METHODS)
def test_what_was_not_taught_is_told_from_what_was(
    every_photo: dict[str, Photos], dataset: str, method: str
) -> None:
    """Photos of each class left out in turn, a little; of the other data set, nearly always."""
    embeddings, classes = every_photo[dataset]
    (foreign,) = (photos for name, (photos, _) in every_photo.items() if name != dataset)
    tests = half(classes)
    left_out, others, refused = [], [], []
    for stranger in np.unique(classes):
        taught = classes != stranger
        head = SoftmaxHead(method=method).fit(embeddings[~tests & taught], classes[~tests & taught])
        known = head.sureness(embeddings[tests & taught])
        left_out.append(auroc(known, head.sureness(embeddings[~taught])))
        others.append(auroc(known, head.sureness(foreign)))
        refused.append(1 - head.is_known(foreign).mean())
    assert np.mean(left_out) > 0.6
    assert np.mean(others) > 0.95
    assert np.mean(refused) > 0.7


def doubt(share: float, n_photos: int) -> float:
    """Three standard deviations of a share counted in one half, and judged by the other."""
    return 3 * float(np.sqrt(share * (1 - share) * 4 / n_photos))
