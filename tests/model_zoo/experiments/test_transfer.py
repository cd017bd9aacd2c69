from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from tests.model_zoo.conftest import SMALL, Run

from headfit import Extractor
from headfit.errors import InputError
from headfit_zoo.architectures import residual
from headfit_zoo.conversion.converting import convert
from headfit_zoo.experiments.transfer import Pictures, compress, embed, measure, split


@pytest.fixture(scope="module")
def extractor_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An extractor of random weights, which is enough to tell stripes apart."""
    folder = tmp_path_factory.mktemp("extractor")
    texts = {"name": "stripes", "version": 1, "description": "d", "licence": "none"}
    convert(residual.build(3, 64, **SMALL), folder, **texts)
    return folder / "stripes.tflite"


def test_halves_take_every_second_picture_of_a_class() -> None:
    """The first of a class is for training, the second for testing, and so on."""
    names = ["a/1", "a/2", "a/3", "b/1", "b/2"]
    train, test = split(names, None, None)
    assert (train.tolist(), test.tolist()) == ([0, 2, 3], [1, 4])


def test_named_parts_are_kept() -> None:
    """An official split is used as it is; a part that is not there is an error."""
    names = ["test/a/1", "train/a/1", "train/a/2", "train/b/1", "val/b/1"]
    train, test = split(names, "train", "test")
    assert (train.tolist(), test.tolist()) == ([1, 2, 3], [0])
    with pytest.raises(InputError, match="found 0 classes"):
        split(names, "train", "tests")
    with pytest.raises(InputError, match="1 have no training picture"):
        split(names, "test", "val")


def test_zip_and_folder_are_the_same_pictures(folder_of_stripes: Path, tmp_path: Path) -> None:
    """The same names and bytes in the same order, whatever holds them."""
    with zipfile.ZipFile(tmp_path / "stripes.zip", "w") as archive:
        for path in sorted(folder_of_stripes.rglob("*.png"), reverse=True):
            archive.write(path, path.relative_to(folder_of_stripes).as_posix())
        archive.writestr("readme.txt", "no picture")
    zipped, plain = Pictures.open(tmp_path / "stripes.zip"), Pictures.open(folder_of_stripes)
    assert zipped.names == plain.names
    assert zipped.read(zipped.names[:5]) == plain.read(plain.names[:5])


def test_sources_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    """No zip, an empty folder: one sentence each."""
    (tmp_path / "file").write_text("text")
    with pytest.raises(InputError, match="expected a folder or a zip"):
        Pictures.open(tmp_path / "file")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found nothing"):
        Pictures.open(tmp_path / "empty")


def test_embeddings_are_cached_and_a_cut_run_goes_on(
    extractor_path: Path, folder_of_stripes: Path, tmp_path: Path
) -> None:
    """A second call embeds nothing, and one that finds half of them embeds the other half."""
    extractor = Extractor.open(extractor_path, engine="lce")
    pictures = Pictures.open(folder_of_stripes)
    whole = embed(extractor, pictures, tmp_path)
    (cached,) = tmp_path.glob("*.npy")
    np.save(cached, whole[:50])
    seen: list[int] = []
    again = embed(extractor, pictures, tmp_path, progress=lambda done, total: seen.append(done))
    assert seen == [90]
    assert np.array_equal(again, whole)
    embed(extractor, pictures, tmp_path, progress=lambda done, total: seen.append(done))
    assert seen == [90]


def test_the_score_is_that_of_a_logistic_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    """On separable blobs with noise the head does as well as scikit-learn's."""
    monkeypatch.setattr("headfit_zoo.experiments.transfer.SETTINGS", ((False, "logistic", 10.0),))
    rng = np.random.default_rng(0)
    names = [f"{target}/{index:03}" for target in range(4) for index in range(80)]
    centres = rng.normal(0, 1, (4, 12))
    embeddings = np.repeat(centres, 80, 0) + rng.normal(0, 1.2, (320, 12))
    parts = split(names, None, None)
    result = measure(embeddings.astype(np.float32), names, parts)
    classes = np.array([name[0] for name in names])
    oracle = make_pipeline(StandardScaler(), LogisticRegression(C=1 / result.l2, max_iter=500))
    expected = oracle.fit(embeddings[parts[0]], classes[parts[0]])
    score = expected.score(embeddings[parts[1]], classes[parts[1]])
    assert 0.5 < score < 1
    assert result.top1 == pytest.approx(score, abs=0.02)
    assert (result.n_train, result.n_test, result.n_classes) == (160, 160, 4)
    assert result.top1 <= result.top5 == 1.0


def test_the_setting_that_suits_is_chosen() -> None:
    """Where lengths say nothing, embeddings are compressed; the test part has no say in it."""
    rng = np.random.default_rng(0)
    names = [f"{target}/{index:03}" for target in range(4) for index in range(80)]
    directions = np.repeat(rng.normal(0, 1, (4, 12)), 80, 0) + rng.normal(0, 0.6, (320, 12))
    embeddings = (directions * np.exp(rng.normal(0, 3, (320, 1)))).astype(np.float32)
    parts = split(names, None, None)
    result = measure(embeddings, names, parts)
    assert result.compressed
    assert result.top1 > 0.8
    embeddings[parts[1]] = 0
    assert measure(embeddings, names, parts).method == result.method


def test_compressed_embeddings_have_one_length() -> None:
    """Signed roots, brought to the length of all ones; a row of zeros stays one."""
    found = compress(np.array([[4, -9, 0, 0], [0, 0, 0, 0]], np.float32))
    expected = np.array([[2, -3, 0, 0], [0, 0, 0, 0]]) * 2 / np.sqrt(13)
    assert found == pytest.approx(expected, abs=1e-6)


def test_the_command_prints_json(
    extractor_path: Path, folder_of_stripes: Path, tmp_path: Path, run: Run
) -> None:
    """Three directions of stripes are told apart."""
    result = run(
        "transfer", extractor_path, "--data", folder_of_stripes, "--cache", tmp_path, "--json"
    )
    assert result.returncode == 0, result.stderr
    numbers = json.loads(result.stdout)
    assert numbers["n_train"] == numbers["n_test"] == 45
    assert numbers["top1"] > 0.8
