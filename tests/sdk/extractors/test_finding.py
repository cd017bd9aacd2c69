"""An app that ships no network: its headfit knows one extractor, and takes that file only."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from headfit.errors import ExtractorError, ExtractorMissingError
from headfit.extractor import Extractor
from headfit.extractors import finding
from headfit.extractors.finding import find_extractor, installed_folder
from headfit.files.manifest import load_manifest, save_manifest

SUFFIXES = [".golden.png", ".json", ".tflite"]


@pytest.fixture
def model(extractor_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[bytes]:
    """The bytes of an extractor whose manifest and golden picture alone came with headfit."""
    monkeypatch.setattr(finding, "_EMBEDDED", extractor_path.parent)
    monkeypatch.setenv("ANDROID_PRIVATE", str(tmp_path / "files"))
    model = extractor_path.read_bytes()
    extractor_path.unlink()
    yield model
    assert not extractor_path.exists(), "nothing is written into the package"


def test_androids_folder_is_the_apps_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the app's own files lie, which an update of the app leaves alone."""
    monkeypatch.setenv("ANDROID_PRIVATE", str(tmp_path))
    assert installed_folder() == tmp_path / "headfit" / "extractors"


def test_without_the_file_it_is_asked_for(model: bytes, tmp_path: Path) -> None:
    """The error names place, size and SHA-256 of what is missing."""
    place = tmp_path / "files" / "headfit" / "extractors" / "residual.tflite"
    with pytest.raises(ExtractorMissingError, match=f"{len(model)} bytes with SHA-256") as caught:
        Extractor.open()
    assert str(place) in str(caught.value)
    assert "no such file" in str(caught.value)


def test_install_once_open_ever_after(model: bytes, tmp_path: Path) -> None:
    """The three files lie in the app's folder; it opens without a name, and by its name."""
    path = Extractor.install(model)
    assert path == find_extractor() == find_extractor("residual")
    names = sorted(one.name for one in (tmp_path / "files/headfit/extractors").iterdir())
    assert names == [f"residual{suffix}" for suffix in SUFFIXES]
    assert Extractor.open().engine_name == Extractor.open("residual").engine_name


@pytest.mark.parametrize("change", ["cut", "longer", "flipped", "empty", "another"])
def test_another_file_is_refused(model: bytes, tmp_path: Path, change: str) -> None:
    """Whatever differs in one bit is not installed, and what was there stays."""
    wrong = {
        "cut": model[:-1],
        "longer": model + b"\0",
        "flipped": bytes([model[0] ^ 1]) + model[1:],
        "empty": b"",
        "another": b"a photo, by mistake",
    }[change]
    with pytest.raises(ExtractorError, match="choose the file residual.tflite of version 1"):
        Extractor.install(wrong)
    assert not (tmp_path / "files").exists()
    Extractor.install(model)
    with pytest.raises(ExtractorError, match=f"found {len(wrong)} bytes"):
        Extractor.install(wrong)
    Extractor.open()


def test_one_of_an_older_app_is_not_the_one_meant(model: bytes, extractor_path: Path) -> None:
    """After an update that brings another extractor, the old file asks for the new one."""
    Extractor.install(model)
    known = extractor_path.with_suffix(".json")
    save_manifest(dataclasses.replace(load_manifest(known), version=2), known)
    with pytest.raises(ExtractorMissingError, match="found another version"):
        Extractor.open()
    Extractor.install(model)
    assert Extractor.open().manifest.version == 2


def test_a_full_disk_installs_nothing(model: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither half a file nor one without its manifest is found afterwards."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            Extractor.install(model)
    with pytest.raises(ExtractorMissingError, match="no such file"):
        Extractor.open()
    Extractor.install(model)
    Extractor.open()


@pytest.mark.parametrize("count", [0, 2])
def test_a_package_that_knows_none_or_several(
    model: bytes, extractor_path: Path, count: int
) -> None:
    known = extractor_path.with_suffix(".json")
    if count == 2:
        known.with_name("second.json").write_bytes(known.read_bytes())
    else:
        known.unlink()
    with pytest.raises(ExtractorError, match=f"expected one manifest in .*, found {count}"):
        Extractor.install(model)
