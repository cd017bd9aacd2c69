"""The extractor: verified before it is opened, checked before it is trusted."""

from __future__ import annotations

import dataclasses
import gc
import io
import itertools
import math
import multiprocessing
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit import extractor as extractor_module
from headfit.classifier import ImageClassifier
from headfit.errors import (
    EngineMissingError,
    ExtractorError,
    FileFormatError,
    ImageError,
    InputError,
)
from headfit.extractor import Extractor
from headfit.extractors.finding import installed_folder
from headfit.files.manifest import load_manifest, save_manifest
from headfit.photos.views import CROPPED, WHOLE


def change_manifest(path: Path, **changes: object) -> None:
    manifest = path.with_suffix(".json")
    save_manifest(dataclasses.replace(load_manifest(manifest), **changes), manifest)


def test_open_and_embed(extractor_path: Path) -> None:
    """Every kind of image source gives one row of float32, and the same row."""
    extractor = Extractor.open(extractor_path)
    picture = extractor_path.with_suffix(".golden.png")
    with Image.open(picture) as image:
        sources = [picture, str(picture), picture.read_bytes(), image, np.asarray(image)]
        embeddings = extractor.embed(sources)
    assert embeddings.dtype == np.float32
    assert embeddings.shape == (5, extractor.embedding_dim) == (5, 160)
    assert (embeddings == embeddings[0]).all()
    assert extractor.manifest.golden is not None
    np.testing.assert_allclose(embeddings[0], extractor.manifest.golden.embedding, atol=1e-3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_photo_is_decoded_once(kind: str) -> None:
    """What `decode` gives embeds to the bit as the photo does, in one view and in several."""
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (37, 50, 3)).astype(np.uint8))
    stream = io.BytesIO()
    picture.resize((1501, 1111), Image.Resampling.BICUBIC).save(stream, kind)
    data = stream.getvalue()
    extractor = Extractor.open()
    size = extractor.manifest.preprocessing.height
    for views in ((WHOLE,), CROPPED):
        looking = extractor.looking(views)
        pixels = looking.decode(data)
        seen = math.ceil(size if views == (WHOLE,) else size * 256 / 224)
        least_side = 2 * seen
        assert least_side <= min(pixels.shape[:2]) < 2 * least_side
        np.testing.assert_array_equal(looking.embed([data]), looking.embed([pixels]))


def test_the_extractor_that_comes_with_headfit() -> None:
    """Opens without a name, is whole, reproduces its golden picture, and stays under 1 MB."""
    manifest = Extractor.open().manifest
    assert manifest.golden is not None
    assert manifest.size_bytes < 1_000_000


def test_what_an_extractor_says_of_itself(extractor_path: Path) -> None:
    """Fingerprint and engine can be asked for."""
    extractor = Extractor.open(extractor_path, engine="popcount")
    assert extractor.fingerprint == load_manifest(extractor_path.with_suffix(".json")).fingerprint
    assert extractor.engine_name == "popcount"


def test_an_isolated_engine_gives_the_same(extractor_path: Path) -> None:
    """`isolate` embeds in a process of its own, which ends with the extractor."""
    picture = extractor_path.with_suffix(".golden.png")
    here = Extractor.open(extractor_path, engine="popcount").embed([picture])
    before = set(multiprocessing.active_children())
    extractor = Extractor.open(extractor_path, engine="popcount", isolate=True)
    (worker,) = set(multiprocessing.active_children()) - before
    np.testing.assert_array_equal(extractor.embed([picture]), here)
    del extractor
    gc.collect()
    worker.join(30)
    assert not worker.is_alive()


@pytest.mark.parametrize("engine", ["lce", "litert", "tflite-runtime"])
def test_a_head_belongs_to_an_extractor_not_to_an_engine(engine: str, tmp_path: Path) -> None:
    """A head fitted through one engine predicts the same through another, and names neither."""
    try:
        other = Extractor.open(engine=engine)
    except EngineMissingError as error:
        pytest.skip(str(error))
    classifier = ImageClassifier(Extractor.open(engine="popcount"))
    rng = np.random.default_rng(0)
    for name, brightness in (("dark", 40), ("bright", 200)):
        for _ in range(3):
            picture = rng.normal(brightness, 20, (64, 64, 3)).clip(0, 255).astype(np.uint8)
            classifier.add(picture, name)
    classifier.fit()
    classifier.save(tmp_path / "any.head")
    saved = (tmp_path / "any.head").read_bytes()
    header = saved[8 : 8 + int.from_bytes(saved[:8], "little")]
    assert other.fingerprint.encode() in header
    assert b"engine" not in header
    assert b"popcount" not in header
    loaded = ImageClassifier.load(tmp_path / "any.head", extractor=other)
    expected, actual = dict(classifier.predict(picture)), dict(loaded.predict(picture))
    # Rounding may turn a sign, and what follows from it: docs/engines.md.
    assert actual == pytest.approx(expected, abs=0.01)


def test_progress_counts_every_image(extractor_path: Path) -> None:
    """The callback hears of each image once, with the total, or how many there were so far."""
    calls: list[tuple[int, int]] = []
    pictures = [extractor_path.with_suffix(".golden.png")] * 3
    extractor = Extractor.open(extractor_path)
    for images in (pictures, iter(pictures)):
        extractor.embed(images, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(1, 3), (2, 3), (3, 3), (1, 1), (2, 2), (3, 3)]


def test_threads_do_not_change_a_bit(tmp_path: Path) -> None:
    """Photos of several sizes, formats and sources give the same rows, however many decode."""
    rng = np.random.default_rng(0)
    sources: list[object] = []
    for number in range(12):
        pixels = rng.integers(0, 256, (20 + 40 * number, 300, 3)).astype(np.uint8)
        path = tmp_path / f"{number}.{('png', 'jpg', 'webp')[number % 3]}"
        Image.fromarray(pixels).save(path)
        sources += [path, path.read_bytes(), pixels]
    extractor = Extractor.open()
    expected = extractor.embed(sources, jobs=1)
    assert expected.shape == (36, extractor.embedding_dim)
    for jobs in (2, 5, None):
        np.testing.assert_array_equal(expected, extractor.embed(iter(sources), jobs=jobs))
    np.testing.assert_array_equal(expected, np.stack(list(extractor.embed_stream(sources))))


def test_a_stream_need_not_end() -> None:
    """Images are taken as they are needed, never all."""
    picture = np.full((8, 8, 3), 99, np.uint8)
    extractor = Extractor.open()
    rows = list(itertools.islice(extractor.embed_stream(itertools.repeat(picture), jobs=2), 5))
    assert len(rows) == 5
    assert all((row == rows[0]).all() for row in rows)


def test_a_buffer_that_is_written_again_is_read_in_time() -> None:
    """As `cv2.VideoCapture.read(frame)` does: every frame comes in the same array."""
    rng = np.random.default_rng(1)
    pictures = rng.integers(0, 256, (8, 70, 70, 3)).astype(np.uint8)
    buffer = np.empty_like(pictures[0])

    def frames() -> Iterator[np.ndarray]:
        for picture in pictures:
            buffer[:] = picture
            yield buffer

    extractor = Extractor.open()
    expected = extractor.embed(pictures, jobs=1)
    np.testing.assert_array_equal(expected, extractor.embed(frames(), jobs=4))


def test_a_damaged_photo_raises_in_its_turn(tmp_path: Path) -> None:
    (tmp_path / "bad.jpg").write_bytes(b"no photo")
    picture = np.zeros((8, 8, 3), np.uint8)
    extractor = Extractor.open()
    stream = extractor.embed_stream([picture, tmp_path / "bad.jpg", picture], jobs=3)
    assert next(stream).shape == (extractor.embedding_dim,)
    with pytest.raises(ImageError, match=r"bad\.jpg"):
        next(stream)


@pytest.mark.parametrize("images", [{"a.jpg"}, frozenset(["a.jpg"]), {"a.jpg": 1}])
def test_images_without_an_order_are_refused(images: object) -> None:
    """Nobody could say whose row is whose."""
    with pytest.raises(InputError, match="in an order"):
        Extractor.open().embed(images)


def test_a_column_of_paths_is_a_list(extractor_path: Path) -> None:
    """Arrays of text and of objects hold several images, as a batch of a table does."""
    extractor = Extractor.open(extractor_path)
    paths = [extractor_path.with_suffix(".golden.png")] * 2
    for kind in (object, str):
        assert extractor.embed(np.array(paths, kind)).shape == (2, 160)


def test_no_jobs_are_refused() -> None:
    with pytest.raises(InputError, match="at least 1 job"):
        Extractor.open().embed([], jobs=0)


def test_no_images_give_no_rows(extractor_path: Path) -> None:
    """An empty list embeds to an empty array of the right width."""
    assert Extractor.open(extractor_path).embed([]).shape == (0, 160)


@pytest.mark.parametrize(
    "one", ["photo.jpg", Path("photo.jpg"), b"bytes", np.zeros((8, 8, 3), np.uint8)]
)
def test_one_image_is_not_a_list(extractor_path: Path, one: object) -> None:
    """A path given alone would be read letter by letter, a picture row by row: both are refused."""
    with pytest.raises(InputError, match=r"put a single image into a list"):
        Extractor.open(extractor_path).embed(one)  # type: ignore[arg-type]


def test_a_bad_image_is_named(extractor_path: Path, tmp_path: Path) -> None:
    """The error says which of the images it was."""
    (tmp_path / "notes.jpg").write_text("no picture")
    with pytest.raises(ImageError, match="notes.jpg"):
        Extractor.open(extractor_path).embed([tmp_path / "notes.jpg"])


def test_a_changed_file_never_reaches_an_engine(
    extractor_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One flipped bit, a missing or an added byte: refused by the hash before any engine runs."""

    def engine_reached(*_: object, **__: object) -> None:
        raise AssertionError("unverified bytes reached an engine")

    monkeypatch.setattr(extractor_module, "open_engine", engine_reached)
    model = extractor_path.read_bytes()
    flipped = bytes([model[0] ^ 1]) + model[1:]
    for damaged in (flipped, model[:-1], model + b"\0", b""):
        extractor_path.write_bytes(damaged)
        with pytest.raises(ExtractorError, match="SHA-256"):
            Extractor.open(extractor_path)


def test_an_engine_that_computes_wrong_is_refused(extractor_path: Path) -> None:
    """If the golden picture's embedding differs, nothing is opened."""
    golden = load_manifest(extractor_path.with_suffix(".json")).golden
    assert golden is not None
    embedding = (golden.embedding[0] + 10.0, *golden.embedding[1:])
    change_manifest(extractor_path, golden=dataclasses.replace(golden, embedding=embedding))
    with pytest.raises(ExtractorError, match="golden picture"):
        Extractor.open(extractor_path)


def test_the_golden_picture_is_neither_resized_nor_cropped(extractor_path: Path) -> None:
    """It has the input's size also where photos are resized to more than that and cropped."""
    preprocessing = load_manifest(extractor_path.with_suffix(".json")).preprocessing
    change_manifest(extractor_path, preprocessing=dataclasses.replace(preprocessing, resize_to=72))
    assert Extractor.open(extractor_path).embedding_dim == 160


def test_a_manifest_without_golden_picture_is_enough(extractor_path: Path) -> None:
    """The self-check is optional."""
    change_manifest(extractor_path, golden=None)
    extractor_path.with_suffix(".golden.png").unlink()
    assert Extractor.open(extractor_path).embedding_dim == 160


@pytest.mark.parametrize("field", ["height", "embedding_dim"])
def test_a_manifest_of_another_network_is_refused(extractor_path: Path, field: str) -> None:
    """Input and output sizes must be the network's."""
    manifest = load_manifest(extractor_path.with_suffix(".json"))
    if field == "height":
        preprocessing = dataclasses.replace(manifest.preprocessing, height=32)
        change_manifest(extractor_path, golden=None, preprocessing=preprocessing)
    else:
        change_manifest(extractor_path, golden=None, embedding_dim=161)
    with pytest.raises(ExtractorError, match="written for another network"):
        Extractor.open(extractor_path)


def test_a_damaged_manifest_is_refused(extractor_path: Path) -> None:
    """It breaks its specification, and the error says so."""
    extractor_path.with_suffix(".json").write_text("{}")
    with pytest.raises(FileFormatError):
        Extractor.open(extractor_path)


def test_a_missing_file_is_named(extractor_path: Path) -> None:
    """Neither the .tflite nor its manifest may be missing; a network alone may be one never cut."""
    with pytest.raises(FileNotFoundError, match="nowhere.tflite"):
        Extractor.open("nowhere.tflite")
    extractor_path.with_suffix(".json").unlink()
    with pytest.raises(ExtractorError, match="its manifest residual.json beside it"):
        Extractor.open(extractor_path)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="the folder is set otherwise there")
def test_an_installed_extractor_opens_by_name(
    extractor_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is looked up in the user's folder; an unknown one lists what there is."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    installed_folder().parent.mkdir()
    extractor_path.parent.rename(installed_folder())
    assert Extractor.open("residual").manifest.name == "residual"
    with pytest.raises(ExtractorError, match=r"residual\), found 'no-such'"):
        Extractor.open("no-such")


def test_engines_are_surveyed_without_other_processes(
    extractor_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Android, which has none to give."""

    def no_process(*_: object, **__: object) -> None:
        raise AssertionError("a process was started")

    monkeypatch.setattr("headfit.engines.choice.IsolatedEngine.__init__", no_process)
    monkeypatch.setattr("headfit.engines.choice.ENGINES", ("popcount",))
    manifest, (report,) = Extractor.survey(extractor_path, isolate=False)
    assert manifest.name == "residual"
    assert report.usable


def test_an_unknown_engine_is_refused(extractor_path: Path) -> None:
    """The error names the engines there are."""
    with pytest.raises(EngineMissingError, match="auto, native"):
        Extractor.open(extractor_path, engine="abacus")
