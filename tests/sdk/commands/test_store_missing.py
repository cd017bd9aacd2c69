"""``headfit store missing``: which examples have no photo that could be taught again."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tests.support.embedded import NAME
from tests.support.foreign import DATA

from headfit import Extractor, ImageClassifier
from headfit.commands.main import main
from headfit.extractors.making import make_extractor
from headfit.store import ExampleStore


@pytest.fixture
def store_path(
    photos: Path, extractor_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A store taught by a folder and by one camera frame, its extractor installed."""
    monkeypatch.setattr(
        "headfit.extractors.finding.installed_folder", lambda: extractor_path.parent
    )
    extractor, path = Extractor.open(extractor_path), tmp_path / "mine.store"
    with ExampleStore.open(path, extractor) as store:
        classifier = ImageClassifier(extractor, store=store)
        classifier.add_folder(photos)
        frame = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
        classifier.add(frame, "red")
    return path


def missing(store: Path, photos: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert main(["store", "missing", str(store), str(photos), "--json"]) == 0
    return [one["class"] for one in json.loads(capsys.readouterr().out)["missing"]]


def test_camera_frames_and_photos_that_are_gone(
    store_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever its name and class now, a photo that is there is not missing."""
    assert missing(store_path, photos, capsys) == ["red"]
    gone, renamed, moved = sorted((photos / "blue").iterdir())[:3]
    gone.unlink()
    renamed.rename(renamed.with_name("other.png"))
    moved.rename(photos / "green" / "moved.png")
    assert missing(store_path, photos, capsys) == ["blue", "red"]
    assert main(["store", "missing", str(store_path), str(photos)]) == 0
    said = capsys.readouterr()
    assert "11 of 13 examples have their photo" in said.err
    assert len(said.out.splitlines()) == 2


def test_the_extractor_has_to_be_there(
    store_path: Path, photos: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    """How photos were prepared, only its manifest says."""
    monkeypatch.setattr("headfit.extractors.finding.installed_folder", lambda: tmp_path / "none")
    assert main(["store", "missing", str(store_path), str(photos)]) == 4
    assert "say where it lies by --extractor" in capsys.readouterr().err


def test_an_extractor_that_is_not_installed_is_named(
    store_path: Path, photos: Path, extractor_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.setattr("headfit.extractors.finding.installed_folder", lambda: tmp_path / "none")
    command = ["store", "missing", str(store_path), str(photos), "--extractor"]
    assert main([*command, str(extractor_path)]) == 0
    assert "12 of 13 examples have their photo" in capsys.readouterr().err
    assert main([*command, NAME]) == 4
    assert "which prepares photos for this store, found" in capsys.readouterr().err


def test_an_extractor_may_be_of_onnx(
    photos: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
) -> None:  # fmt: skip
    pytest.importorskip("onnxruntime", reason="not tested: pip install 'headfit[onnx]'")
    monkeypatch.setattr("headfit.extractors.finding.installed_folder", lambda: tmp_path)
    network = (DATA / "classifier.onnx").read_bytes()
    make_extractor(network, "eye", mean=[127.5], std=[127.5]).write(tmp_path / "eye.onnx")
    extractor, path = Extractor.open(tmp_path / "eye.onnx"), tmp_path / "mine.store"
    with ExampleStore.open(path, extractor) as store:
        ImageClassifier(extractor, store=store).add_folder(photos)
    assert missing(path, photos, capsys) == []
