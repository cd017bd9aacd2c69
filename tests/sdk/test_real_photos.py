"""The whole way on photographs: the embedded extractor, the head, scikit-learn beside it."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from headfit import Extractor, ImageClassifier, SoftmaxHead
from headfit.errors import EngineMissingError
from headfit.maths.scaling import LEAST_SPREAD
from headfit.maths.softmax import softmax

PER_CLASS = 60


@pytest.fixture(scope="module")
def flowers(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty photos of each of five flowers: two thirds in ``train/``, the rest in ``test/``."""
    root = tmp_path_factory.mktemp("flowers")
    with zipfile.ZipFile(shared_data("flowers5-128.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for class_name in sorted({name.split("/")[0] for name in names}):
            of_class = [name for name in names if name.startswith(f"{class_name}/")]
            for index, name in enumerate(of_class[:PER_CLASS]):
                archive.extract(name, root / ("test" if index % 3 == 2 else "train"))
    return root


def test_a_folder_of_photos_becomes_a_head_that_knows_flowers(
    flowers: Path, tmp_path: Path
) -> None:
    """Trained on 200 photos, saved and loaded, the head is right far more often than chance."""
    ImageClassifier.from_folder(flowers / "train").save(tmp_path / "flowers.head")
    evaluation = ImageClassifier.load(tmp_path / "flowers.head").evaluate(flowers / "test")
    assert evaluation.n_samples == 100
    assert evaluation.top1 >= 0.45  # a fifth by chance
    assert (tmp_path / "flowers.head").stat().st_size < 20_000


def test_a_photo_and_the_same_photo_stored_smaller_are_near(flowers: Path) -> None:
    """The bound of docs/manifest-format.md, at 12 megapixels and a longer side of 1,024."""
    extractor = Extractor.open()
    photos = sorted((flowers / "test").glob("*/*.jpg"))[::25]
    assert len(photos) == 4
    for path in photos:
        large, small = _as_jpeg(path, (4000, 3000)), _as_jpeg(path, (1024, 768))
        a, b = extractor.embed([large, small])
        assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) >= 0.97


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_halving_costs_no_accuracy(flowers: Path) -> None:
    """On 100 photos decoded at an eighth, beside the same head with every pixel decoded."""
    extractor = Extractor.open()
    halved, whole, names = {}, {}, {}
    for part in ("train", "test"):
        photos = sorted((flowers / part).glob("*/*.jpg"))
        large = [_as_jpeg(path, (1368, 1026)) for path in photos]
        halved[part] = extractor.embed(large)
        whole[part] = np.stack([_embed_all_pixels(extractor, data) for data in large])
        names[part] = [photo.parent.name for photo in photos]
    right = [
        np.mean(
            SoftmaxHead().fit(rows["train"], names["train"]).predict(rows["test"])
            == np.array(names["test"])
        )
        for rows in (halved, whole)
    ]
    assert right[0] >= right[1] - 0.05, right


@pytest.fixture(scope="module")
def scenes(shared_data: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty photos of each of fifteen scenes: half in ``train/``, half in ``test/``."""
    root = tmp_path_factory.mktemp("scenes")
    with zipfile.ZipFile(shared_data("scene15-200.zip")) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        for folder in sorted({name.rpartition("/")[0] for name in names}):
            for name in [name for name in names if name.startswith(f"{folder}/")][:10]:
                archive.extract(name, root)
    return root


@pytest.mark.parametrize("photos", ["flowers", "scenes"])
def test_a_photos_class_changes_with_a_turned_sign_at_most(
    photos: str, request: pytest.FixtureRequest
) -> None:
    """Rounding turns a sign in some photos of a hundred; only that may change their class.

    All others have equal classes and probabilities in every engine, from a head fitted in one.
    """
    root: Path = request.getfixturevalue(photos)
    extractors = {}
    for engine in ("native", "lce", "popcount"):
        with contextlib.suppress(EngineMissingError):
            extractors[engine] = Extractor.open(engine=engine)
    if len(extractors) == 1:
        pytest.skip("popcount alone is here, and nothing to compare it with: make native")
    paths = {part: sorted((root / part).glob("*/*.jpg")) for part in ("train", "test")}
    assert len(paths["test"]) >= 100
    fitted = extractors["popcount"].embed(paths["train"])
    head = SoftmaxHead().fit(fitted, [path.parent.name for path in paths["train"]])
    embeddings = {name: it.embed(paths["test"]) for name, it in extractors.items()}
    expected = embeddings["popcount"]
    probabilities = head.predict_proba(expected)
    span = np.ptp(expected, axis=1)
    for name, rows in embeddings.items():
        turned = np.abs(rows - expected).max(axis=1) / span > 1e-5
        assert np.mean(turned) <= 0.08, name
        found = head.predict_proba(rows)
        assert np.abs(found - probabilities)[~turned].max() <= 1e-4, name
        changed = found.argmax(axis=1) != probabilities.argmax(axis=1)
        assert not np.any(changed & ~turned), name
        assert np.mean(changed) <= 0.01, name


def _embed_all_pixels(extractor: Extractor, data: bytes) -> np.ndarray:
    """Embed a photo that is resized in one step from all its pixels."""
    side = extractor.manifest.preprocessing.resize_to
    small = ImageOps.fit(Image.open(io.BytesIO(data)), (side, side), Image.Resampling.BILINEAR)
    return extractor.embed([np.asarray(small)])[0]


def _as_jpeg(path: Path, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(stream, "JPEG", quality=92)
    return stream.getvalue()


def test_the_head_is_as_good_as_scikit_learns(flowers: Path) -> None:
    """Before the factor that held-out photos choose, both give nearly the same probabilities."""
    extractor = Extractor.open()
    photos = {part: sorted((flowers / part).glob("*/*.jpg")) for part in ("train", "test")}
    names = {part: [photo.parent.name for photo in photos[part]] for part in photos}
    embeddings = {part: extractor.embed(photos[part]) for part in photos}
    head = SoftmaxHead(method="logistic").fit(embeddings["train"], names["train"])
    scaler = StandardScaler().fit(embeddings["train"])
    spread = scaler.scale_[scaler.var_ > 0]
    scaler.scale_ = np.maximum(scaler.scale_, LEAST_SPREAD * np.median(spread))
    learner = LogisticRegression(C=1 / head.l2, max_iter=5000, tol=1e-8)
    learner.fit(scaler.transform(embeddings["train"]), names["train"])
    reference = make_pipeline(scaler, learner)
    ours = softmax(head.decision_function(embeddings["test"]) / float(head.training_["sharpness"]))
    theirs = reference.predict_proba(embeddings["test"])
    assert np.abs(ours - theirs).max() < 0.001
    assert (
        np.mean(head.predict(embeddings["test"]) == reference.predict(embeddings["test"])) >= 0.99
    )
