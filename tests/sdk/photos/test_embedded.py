"""Folders of embeddings stand for the photos they were made of; anything amiss is refused."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit.classifier import ImageClassifier
from headfit.commands.main import main
from headfit.errors import ExtractorMismatchError, FileFormatError, HeadfitError, InputError
from headfit.extractor import Extractor
from headfit.photos import find_photos
from headfit.photos.embedded import find_examples, is_embedded, read_embedded
from headfit.photos.folders import embed_folder
from headfit.photos.formats import VARIABLE
from headfit.photos.shards import embed_shard


@pytest.fixture
def extractor(extractor_path: Path) -> Extractor:
    return Extractor.open(extractor_path)


@pytest.fixture
def out(photos: Path, extractor: Extractor, tmp_path: Path) -> Path:
    """Twelve photos in two shards, of pieces of four."""
    for shard in (1, 2):
        embed_shard(extractor, find_photos(photos), tmp_path / "out", (shard, 2), piece_photos=4)
    return tmp_path / "out"


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_they_are_the_embeddings_of_the_photos(
    photos: Path, out: Path, extractor: Extractor
) -> None:
    """To the bit, in the same order, with hashes; whatever the shards."""
    expected = embed_folder(extractor, find_photos(photos), False, None, with_hashes=True)
    folder = find_examples(out)
    actual = embed_folder(extractor, folder, False, None)
    np.testing.assert_array_equal(expected.embeddings, actual.embeddings)
    assert actual.class_names == expected.class_names
    assert actual.photo_hashes == expected.photo_hashes
    relative = [path.relative_to(out) for path in actual.paths]
    assert relative == [path.relative_to(photos) for path in expected.paths]
    assert folder.class_counts == find_photos(photos).class_counts
    assert is_embedded(out)
    assert not is_embedded(photos)


def test_heads_are_the_same(photos: Path, out: Path, extractor: Extractor, tmp_path: Path) -> None:
    for folder, name in ((photos, "a"), (out, "b")):
        ImageClassifier.from_folder(folder, extractor=extractor).save(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    evaluation = ImageClassifier.load(tmp_path / "a", extractor=extractor).evaluate(out)
    assert evaluation.n_samples == 12


def test_what_is_there_is_kept(photos: Path, out: Path, extractor: Extractor) -> None:
    """A second run embeds nothing; after one photo changed, that one alone."""
    before = bytes_of(out)
    runs: list[tuple[int, int]] = []
    done = embed_shard(
        extractor,
        find_photos(photos),
        out,
        (1, 2),
        piece_photos=4,
        progress=lambda *count: runs.append(count),
    )
    assert (done.n_photos, done.n_kept) == (6, 6)
    assert runs == [(4, 6), (6, 6)]
    changed = find_photos(photos).photos[5].path
    shutil.copy(find_photos(photos).photos[0].path, changed)
    done = embed_shard(extractor, find_photos(photos), out, (1, 2), piece_photos=4)
    assert (done.n_photos, done.n_kept) == (6, 5)
    after = bytes_of(out)
    assert {name for name in before if before[name] != after[name]} == {
        "shard-00001-of-00002-000002.jsonl",
        "shard-00001-of-00002-000002.npy",
    }


def test_what_was_interrupted_goes_on(photos: Path, tmp_path: Path, extractor: Extractor) -> None:
    """Ctrl-C in the third piece keeps two, and leaves no half file."""
    out = tmp_path / "out"

    def stop(done: int, total: int) -> None:
        if done == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_shard(extractor, find_photos(photos), out, piece_photos=4, progress=stop)
    assert len(bytes_of(out)) == 4
    with pytest.raises(InputError, match="shard 1/1, found it unfinished"):
        find_examples(out)
    done = embed_shard(extractor, find_photos(photos), out, piece_photos=4)
    assert (done.n_photos, done.n_kept) == (12, 8)
    assert len(find_examples(out).photos) == 12


@pytest.mark.parametrize("left", ["a list", "an array", "a hidden file"])
def test_what_was_killed_goes_on(
    left: str, photos: Path, tmp_path: Path, extractor_path: Path
) -> None:
    """Wherever kill -9 met the command, the same command goes on; nothing else reads the rest."""
    out = tmp_path / "out"
    command = ["embed", str(photos), "-o", str(out), "--extractor", str(extractor_path)]
    assert main(command) == 0
    whole = bytes_of(out)
    for path in out.iterdir():
        if path.suffix != {"a list": ".jsonl", "an array": ".npy"}.get(left):
            path.unlink()
    (out / ".shard-00001-of-00001-000001.npy.0123456789abcdef.tmp").write_bytes(b"half")
    if left == "an array":
        with pytest.raises(InputError, match="found one that was interrupted"):
            find_examples(out)
    assert main(command) == 0
    assert {name: bytes_of(out)[name] for name in whole} == whole


def test_photos_between_others_are_embedded_alone(
    photos: Path, out: Path, extractor: Extractor, tmp_path: Path
) -> None:
    """Though all that follow move on, into other pieces; the result is as if made at once."""
    for name in ("00.png", "000.png", "0000.png"):
        shutil.copy(photos / "red" / "0.png", photos / "blue" / name)
    n_kept = 0
    for shard in (1, 2):
        done = embed_shard(extractor, find_photos(photos), out, (shard, 2), piece_photos=4)
        n_kept += done.n_kept
        embed_shard(extractor, find_photos(photos), tmp_path / "new", (shard, 2), piece_photos=4)
    assert n_kept == 4 + 6  # shards are cut by count: two photos of the first are the second's now
    assert bytes_of(out) == bytes_of(tmp_path / "new")


def test_what_could_not_be_read_is_tried_again(
    photos: Path, tmp_path: Path, extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder was installed meanwhile: the file is the same, and can be read now."""
    Image.new("RGB", (64, 64), "red").save(photos / "red" / "scan.tiff")
    out = tmp_path / "out"
    monkeypatch.delenv(VARIABLE, raising=False)
    for _ in range(2):
        done = embed_shard(extractor, find_photos(photos), out)
        assert [one.path.name for one in done.skipped] == ["scan.tiff"]
    assert (done.n_photos, done.n_kept) == (13, 12)
    monkeypatch.setenv(VARIABLE, "tiff")
    done = embed_shard(extractor, find_photos(photos), out)
    assert (done.n_photos, done.n_kept, done.skipped) == (13, 12, ())
    assert find_examples(out).skipped == ()


def test_a_folder_that_shrank_leaves_nothing_behind(
    photos: Path, tmp_path: Path, extractor: Extractor
) -> None:
    out = tmp_path / "out"
    embed_shard(extractor, find_photos(photos), out, piece_photos=2)
    for photo in find_photos(photos).photos[1::2]:
        photo.path.unlink()
    embed_shard(extractor, find_photos(photos), out, piece_photos=2)
    assert len(bytes_of(out)) == 6
    assert len(find_examples(out).photos) == 6


def test_what_cannot_be_read_is_listed(photos: Path, tmp_path: Path, extractor: Extractor) -> None:
    """With the reason, also where the name is no UTF-8; strict refuses it."""
    name = os.fsdecode(b"\xff\xfe.jpg")
    (photos / "red" / name).write_text("no photo")
    good = photos / "red" / os.fsdecode(b"\xe9.png")
    shutil.copy(photos / "red" / "0.png", good)
    out = tmp_path / "out"
    done = embed_shard(extractor, find_photos(photos), out)
    assert [one.path for one in done.skipped] == [photos / "red" / name]
    folder = find_examples(out)
    assert len(folder.photos) == 13
    assert [one.path for one in folder.skipped] == [out / "red" / name]
    assert out / "red" / good.name in [photo.path for photo in folder.photos]
    with pytest.raises(HeadfitError, match="expected an image"):
        embed_shard(extractor, find_photos(photos), tmp_path / "other", strict=True)


def test_shards_may_be_empty(photos: Path, tmp_path: Path, extractor: Extractor) -> None:
    """Twenty machines and twelve photos."""
    for shard in range(1, 21):
        embed_shard(extractor, find_photos(photos), tmp_path / "out", (shard, 20))
    assert len(find_examples(tmp_path / "out").photos) == 12


@pytest.mark.parametrize("shard", [(0, 2), (3, 2), (1, 0), (1, 100_000)])
def test_no_such_shard(
    photos: Path, tmp_path: Path, extractor: Extractor, shard: tuple[int, int]
) -> None:
    with pytest.raises(InputError, match="expected a shard from 1/n"):
        embed_shard(extractor, find_photos(photos), tmp_path / "out", shard)


def test_two_divisions_are_refused(photos: Path, out: Path, extractor: Extractor) -> None:
    with pytest.raises(InputError, match="of 3, found shards of 2"):
        embed_shard(extractor, find_photos(photos), out, (1, 3))


def test_embeddings_of_another_extractor_are_refused(out: Path, photos: Path) -> None:
    """Or of photos that were prepared in another way; and are made anew by it."""
    with pytest.raises(ExtractorMismatchError, match="expected embeddings of"):
        ImageClassifier.from_folder(out)
    other = Extractor.open()
    assert embed_shard(other, find_photos(photos), out, (1, 2), piece_photos=4).n_kept == 0
    with pytest.raises(FileFormatError, match="one extractor, found several"):
        find_examples(out)


def change_line(number: int, **changes: object) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        path = out / "shard-00001-of-00002-000001.jsonl"
        lines = path.read_text().splitlines()
        line = json.loads(lines[number])
        line.update(changes)
        lines[number] = json.dumps({key: value for key, value in line.items() if value != "drop"})
        path.write_text("\n".join(lines) + "\n")

    return change


def damage(ending: str, edit: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        path = out / f"shard-00001-of-00002-000001{ending}"
        path.write_bytes(edit(path.read_bytes()))

    return change


def remove(name: str) -> Callable[[Path], None]:
    return lambda out: (out / name).unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_line(0, format="other"), "'headfit-embeddings'"),
        (change_line(0, format_version=2), "of version 1, found 2"),
        (change_line(0, shard=2), "whole number from 1 to 1"),
        (change_line(0, n_pieces=3), "shard 1/2, found it unfinished"),
        (change_line(0, embedding_dim=161), "found several|of shape"),
        (change_line(0, npy_sha256="0" * 64), "written with, found another"),
        (change_line(0, further=1), "no further keys"),
        (change_line(1, path="../up.jpg"), "a path inside the folder"),
        (change_line(1, path="/etc/passwd"), "a path inside the folder"),
        (change_line(1, path="a//b"), "a path inside the folder"),
        (change_line(1, path=5), "a path inside the folder"),
        (change_line(1, path="drop", path_hex="2e2e"), "a path inside the folder"),
        (change_line(1, **{"class": ""}), "a class name"),
        (change_line(1, hash="xyz"), "16 hex digits"),
        (change_line(1, size=-1), "whole number"),
        (change_line(1, hash="drop", skipped="gone"), "found another|of shape|at most"),
        (damage(".jsonl", lambda data: data[:-1]), "whole lines"),
        (damage(".jsonl", lambda data: b""), "whole lines"),
        (damage(".jsonl", lambda data: data.replace(b"{", b"[", 1)), "expected JSON"),
        (damage(".npy", lambda data: data[:-1]), "found another"),
        (damage(".npy", lambda data: data + b"x" * 9999), "at most"),
        (damage(".npy", lambda data: bytes([*data[:-1], data[-1] ^ 1])), "found another"),
        (remove("shard-00001-of-00002-000002.jsonl"), "shard 1/2, found it unfinished"),
        (remove("shard-00002-of-00002-000001.jsonl"), "shard 2/2, found it unfinished"),
    ],
)
def test_damage_is_refused(
    out: Path, extractor: Extractor, change: Callable[[Path], None], message: str
) -> None:
    """Every field and both files; nothing outside the folder can be named."""
    change(out)
    with pytest.raises(HeadfitError, match=message):
        embed_folder(extractor, find_examples(out), False, None)


def test_a_missing_array_stays_a_missing_file(out: Path, extractor: Extractor) -> None:
    (out / "shard-00002-of-00002-000001.npy").unlink()
    with pytest.raises(FileNotFoundError):
        embed_folder(extractor, find_examples(out), False, None)


def test_arrays_of_objects_are_never_unpickled(out: Path, extractor: Extractor) -> None:
    """Whoever wrote the hash of the file, too."""
    piece = read_embedded(out).pieces[0]
    path = out / f"{piece.place.stem}.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(FileFormatError, match="expected an array, found a fault"):
        dataclasses.replace(piece, npy_sha256=digest).read_rows(out)
    path.write_bytes(b"\x93NUMPY\x01\x00" + b"\xff" * 50)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(FileFormatError, match="expected an array, found a fault"):
        dataclasses.replace(piece, npy_sha256=digest).read_rows(out)
