"""Pictures from a repository into a pack, and what can be wrong with either."""

from __future__ import annotations

import dataclasses
import errno
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.model_zoo.mixture.conftest import Mixture, encoded, picture

from headfit import InputError
from headfit_zoo.mixture import packing
from headfit_zoo.mixture.packing import Pack, pack
from headfit_zoo.mixture.repositories import Repository
from headfit_zoo.mixture.sources import SOURCES, Source


def test_a_pack_gives_back_what_the_repository_holds(mixture: Mixture) -> None:
    stripes, large = mixture.packs
    assert len(stripes) == 36
    assert stripes.about["classes"] == ["Länge", "across", "стрелка"]
    assert (np.bincount(stripes.labels) == 12).all()
    paths = (mixture.packed / "stripes.paths").read_text("utf-8").splitlines()
    index = paths.index("train/across/03.jpg")
    start, stop = stripes.offsets[index : index + 2]
    assert stripes.jpegs[start:stop].tobytes() == encoded(picture(0, 3))
    assert stripes.labels[index] == 1
    assert (large.labels == -1).all()
    stripes.verify()


def test_large_pictures_are_shrunk_to_their_shorter_side(mixture: Mixture) -> None:
    large = mixture.packs[1]
    assert large.sizes.tolist() == [[160, 256]] * 10
    wanted = picture(0, 0, (200, 320)).mean((0, 1))
    assert np.abs(np.asarray(large.picture(0)).mean((0, 1)) - wanted).max() < 3


def test_what_is_no_picture_is_listed_with_the_reason(mixture: Mixture) -> None:
    lines = (mixture.packed / "stripes.undecodable").read_text("utf-8").splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("train/across/broken.jpg\tcannot identify")
    digests = (mixture.packed / "stripes.sha256").read_text("utf-8").splitlines()
    assert len(digests) == 37


def test_a_second_call_opens_what_is_there(mixture: Mixture) -> None:
    before = (mixture.packed / "stripes.jpegs").stat().st_mtime_ns
    pack(mixture.sources[0], Path("/nowhere"), mixture.packed)
    assert (mixture.packed / "stripes.jpegs").stat().st_mtime_ns == before


def test_a_call_that_was_cut_starts_the_source_anew(mixture: Mixture, tmp_path: Path) -> None:
    (tmp_path / "stripes.jpegs.part").write_bytes(b"half")
    (tmp_path / "stripes.jpegs").write_bytes(b"the index was not written yet")
    again = pack(mixture.sources[0], mixture.work / "repositories", tmp_path)
    assert again.about == mixture.packs[0].about
    again.verify()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repository": "somebody/else"}, "expected a copy of somebody/else"),
        ({"commit": "0" * 40}, "expected commit 0000000000000000000000000000000000000000"),
        ({"folder": "test/"}, "expected pictures of stripes"),
    ],
)
def test_a_missing_source_is_named(
    mixture: Mixture, tmp_path: Path, change: dict[str, str], message: str
) -> None:
    source = dataclasses.replace(mixture.sources[0], **change)
    with pytest.raises(InputError, match=message):
        pack(source, mixture.work / "repositories", tmp_path)
    assert not list(tmp_path.glob("*.npz"))


def test_another_content_than_the_pinned_one_is_refused(
    mixture: Mixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(packing.CONTENTS, "stripes", "0" * 64)
    with pytest.raises(InputError, match="expected the files of stripes to have the digest 0000"):
        pack(mixture.sources[0], mixture.work / "repositories", tmp_path)
    assert not list(tmp_path.glob("*.npz"))


def test_another_recipe_in_the_folder_is_refused(mixture: Mixture) -> None:
    source = dataclasses.replace(mixture.sources[0], most=3)
    with pytest.raises(InputError, match="found another most"):
        pack(source, mixture.work / "repositories", mixture.packed)


@pytest.mark.parametrize("what", ["shorter", "index", "missing"])
def test_a_damaged_pack_is_refused_when_it_is_opened(
    mixture: Mixture, tmp_path: Path, what: str
) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(mixture.packed, folder)
    if what == "missing":
        (folder / "stripes.jpegs").unlink()
        message = "found no stripes.jpegs; pack them"
    else:
        path = folder / ("stripes.jpegs" if what == "shorter" else "stripes.npz")
        path.write_bytes(path.read_bytes()[:-100])
        message = "expected the whole pack of stripes"
    with pytest.raises(InputError, match=message):
        Pack.open(folder, "stripes")


def test_a_changed_byte_is_found_by_its_digest(mixture: Mixture, tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(mixture.packed, folder)
    content = bytearray((folder / "stripes.jpegs").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "stripes.jpegs").write_bytes(content)
    opened = Pack.open(folder, "stripes")
    with pytest.raises(InputError, match="expected the pictures of stripes to have SHA-256"):
        opened.verify()


def test_a_full_disk_is_named_and_leaves_nothing(
    mixture: Mixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full(io.FileIO):
        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    usual = Path.open

    def open_path(path: Path, mode: str = "r", **options: str) -> object:
        if path.suffix == ".part" and "w" in mode:
            return Full(path, mode)
        return usual(path, mode, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", open_path)
    with pytest.raises(InputError, match="expected room for stripes"):
        pack(mixture.sources[0], mixture.work / "repositories", tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_commit_is_fetched_once(mixture: Mixture, tmp_path: Path) -> None:
    source = mixture.sources[0]
    host = f"file://{mixture.work / 'repositories'}/"
    origin = f"{source.repository}.git"
    copy = Repository.fetch(tmp_path, source.repository, source.commit, host=host)
    assert copy.list() == Repository(mixture.work / "repositories", *_where(source)).list()
    assert (tmp_path / origin).is_dir()
    Repository.fetch(tmp_path, source.repository, source.commit, host="file:///nowhere/")
    with pytest.raises(InputError, match="expected to fetch"):
        Repository.fetch(tmp_path, "somebody/missing", source.commit, host=host)


def _where(source: Source) -> tuple[str, str]:
    return source.repository, source.commit


def test_the_sources_have_whole_commits_and_names_of_their_own() -> None:
    assert len({source.name for source in SOURCES}) == len(SOURCES)
    assert all(len(bytes.fromhex(source.commit)) == 20 for source in SOURCES)
    tiny = next(source for source in SOURCES if source.name == "tiny-imagenet")
    assert tiny.label_of("tiny-imagenet-200/train/n01443537/images/n01443537_0.JPEG") == "n01443537"
    assert tiny.label_of("tiny-imagenet-200/test/images/test_0.JPEG") is True
    assert tiny.label_of("tiny-imagenet-200/val/images/val_0.JPEG") is False
    mini = next(source for source in SOURCES if source.name == "mini-imagenet")
    assert mini.label_of("train/n03417042/1.jpg") is False
