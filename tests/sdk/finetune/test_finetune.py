"""Retraining the last binary blocks: what is learned, what ships, what is refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.support.networks import Network
from tests.support.numeric import numeric_gradient

from headfit import Extractor, SoftmaxHead
from headfit.commands.main import main
from headfit.errors import (
    ExtractorError,
    ExtractorMismatchError,
    InputError,
    TrainingDivergedError,
)
from headfit.files.blockfile import load_blocks_bytes, save_blocks_bytes
from headfit.finetune import FineTuned, FineTuner, TuningSettings
from headfit.finetune.loss import BatchLoss
from headfit.finetune.tail import Tail
from headfit.networks.splitting import split

QUICK = TuningSettings(epochs=2, batch_size=4)


@pytest.fixture
def tail() -> Tail:
    """Two blocks of a small residual network."""
    return Tail(split(Network("residual").model, 2).tail)


@pytest.fixture
def rows(tail: Tail) -> np.ndarray:
    return np.random.default_rng(1).normal(0, 1, (6, tail.activation_dim)).astype(np.float32)


@pytest.mark.parametrize("name", ["residual", "bitpacked", "maxpool", "zero_padded"])
def test_the_tail_computes_what_the_engines_compute(name: str) -> None:
    """With the file's own signs, for a batch: whatever the padding and the operators behind."""
    from headfit.engines.retrained import TunedEngine, open_front

    network = Network(name)
    front, graph = open_front(network.model, 1, "popcount")
    tail = Tail(graph)
    images = [network.image, network.image[:, ::-1].copy(), -network.image]
    activations = np.stack([front.run(image) for image in images])
    expected = np.stack([TunedEngine(front, graph).run(image) for image in images])
    found = tail.embed(activations, tail.start(0.2), batch=2)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "n_blocks", "what"),
    [
        ("residual", 3, "CONV_2D"),
        ("alexnet", 1, "MAX_POOL_2D"),
        ("quicknet", 1, "FULLY_CONNECTED"),
        ("grouped", 1, "groups"),
        ("bitpacked", 2, "not float32"),
    ],
)
def test_what_cannot_be_trained_through_is_named(name: str, n_blocks: int, what: str) -> None:
    with pytest.raises(ExtractorError, match=what):
        Tail(split(Network(name).model, n_blocks).tail)


def test_blocks_packed_unchanged_are_those_of_the_file(tail: Tail) -> None:
    """Signs to latent weights and back is the identity, whatever the magnitude."""
    for packed, original in zip(tail.packed(tail.start(0.01)), tail.blocks, strict=True):
        np.testing.assert_array_equal(packed.filters, original.filters)
        np.testing.assert_array_equal(packed.multiplier, original.multiplier)


def test_the_gradient_is_the_derivative_where_there_is_one(tail: Tail, rows: np.ndarray) -> None:
    """Of the whole loss, smoothing and scales included, by all that is behind the last sign.

    Before it there is none; that ours is Larq's is shown where Larq is (test_gradients.py).
    """
    rng = np.random.default_rng(2)
    weights = rng.normal(0, 0.1, (tail.embedding_dim, 3)).astype(np.float32)
    start = weights, np.array([0.1, -0.2, 0.3], np.float32)
    settings = TuningSettings(label_smoothing=0.2, dropout=0)
    loss = BatchLoss(tail, rows, start, settings)
    targets = np.array([0, 1, 2, 2, 1, 0])
    _, gradient = loss.gradient(rows, targets, rng)
    n_filters, n_head = len(tail.blocks[1].bias), weights.size + 3
    multiplier = len(loss.flat) - n_head - 2 * n_filters  # the last block's: no sign follows
    for begin in (multiplier, multiplier + n_filters, len(loss.flat) - n_head, -4):
        part = slice(begin, begin + 4 or None)

        def of(values: np.ndarray, part: slice = part) -> float:
            kept = loss.flat.copy()
            loss.flat[part] = values
            value, _ = loss.gradient(rows, targets, rng)
            loss.flat = kept
            return value

        expected = numeric_gradient(of, loss.flat[part].astype(np.float64), 1e-2)
        np.testing.assert_allclose(gradient[part], expected, rtol=0.02, atol=2e-4)


def make_set(folder: Path) -> tuple[list[Path], list[str]]:
    """Photos whose class is in their texture, not in their colour: stripes of two directions."""
    rng = np.random.default_rng(8)
    photos, names = [], []
    for number in range(24):
        grid = np.indices((48, 48))[number % 2] // 6 % 2
        noise = rng.normal(0, 30, (48, 48, 3))
        pixels = grid[..., None] * 90 + 80 + noise
        path = folder / f"{number}.png"
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        photos.append(path)
        names.append(("across", "down")[number % 2])
    return photos, names


@pytest.fixture
def tuned(extractor_path: Path, tmp_path: Path) -> tuple[FineTuned, list[Path], list[str]]:
    photos, names = make_set(tmp_path)
    tuner = FineTuner(extractor_path, engine="popcount")
    activations = tuner.activations(photos, n_views=2)
    settings = TuningSettings(epochs=15, batch_size=8, latent_magnitude=0.03)
    return tuner.fit(activations, names, settings=settings), photos, names


def test_what_ships_does_on_a_device_what_training_ended_with(
    tuned: tuple[FineTuned, list[Path], list[str]], extractor_path: Path
) -> None:
    """Head and blocks saved, opened by path, embed by counting bits, and know the photos."""
    result, photos, names = tuned
    blocks = result.save(extractor_path.with_name("mine.head"))
    assert blocks.name == "mine.block"
    extractor = Extractor.open(blocks, engine="popcount")
    head = SoftmaxHead.load(extractor_path.with_name("mine.head"), extractor=extractor)
    embeddings = extractor.embed(photos)
    assert (head.predict(embeddings) == np.array(names)).mean() >= 0.9

    front, graph = Extractor.open_front(extractor_path, 1, engine="popcount")
    data = load_blocks_bytes(blocks.read_bytes())
    tail = Tail(graph)
    (block,) = data.blocks
    assert (block.filters != tail.blocks[0].filters).any()  # signs did turn
    signs = np.unpackbits(block.filters.view(np.uint8), axis=-1, bitorder="little")
    latent = np.where(signs, -0.1, 0.1).astype(np.float32)
    parameters = [latent, block.multiplier, block.bias]
    # The float formula on the same activations, photo by photo.
    expected = tail.embed(front.embed(photos), parameters)
    np.testing.assert_allclose(embeddings, expected, rtol=1e-5, atol=1e-4)


def test_every_engine_in_front_gives_the_same(
    tuned: tuple[FineTuned, list[Path], list[str]], extractor_path: Path
) -> None:
    from headfit.errors import EngineMissingError

    result, photos, _ = tuned
    blocks = result.save(extractor_path.with_name("mine.head"))
    expected = Extractor.open(blocks, engine="popcount").embed(photos[:3])
    for engine in ("lce", "litert"):
        try:
            opened = Extractor.open(blocks, engine=engine)
        except EngineMissingError:
            continue
        assert opened.engine_name == f"{engine}+popcount"
        np.testing.assert_allclose(opened.embed(photos[:3]), expected, rtol=1e-3, atol=1e-3)


def test_head_and_extractors_are_not_mixed_up(
    tuned: tuple[FineTuned, list[Path], list[str]], extractor_path: Path
) -> None:
    """The head wants the retrained extractor; the blocks want the one they were trained for."""
    result, _, _ = tuned
    head = extractor_path.with_name("mine.head")
    blocks = result.save(head)
    with pytest.raises(ExtractorMismatchError, match="put the .block that finetune wrote"):
        SoftmaxHead.load(head, extractor=Extractor.open(extractor_path))
    data = load_blocks_bytes(blocks.read_bytes())
    wrong = dataclasses.replace(data.extractor, fingerprint="0" * 64)
    blocks.write_bytes(save_blocks_bytes(dataclasses.replace(data, extractor=wrong)))
    with pytest.raises(ExtractorMismatchError, match="train them again"):
        Extractor.open(blocks)


def test_the_same_photos_give_the_same_files(extractor_path: Path, tmp_path: Path) -> None:
    photos, names = make_set(tmp_path)
    files = []
    for _ in range(2):
        tuner = FineTuner(extractor_path, engine="popcount")
        activations = tuner.activations(photos[:8], n_views=2)
        before = activations.copy()
        files.append(tuner.fit(activations, names[:8], settings=QUICK).block_file)
        np.testing.assert_array_equal(activations, before)
    assert files[0] == files[1]


class Stop(Exception):
    """What a user interface raises to cancel."""


def test_progress_and_cancel(extractor_path: Path, tmp_path: Path) -> None:
    """Every epoch is reported with a finite loss; an exception ends the training as itself."""
    photos, names = make_set(tmp_path)
    tuner = FineTuner(extractor_path, engine="popcount")
    activations = tuner.activations(photos[:8], n_views=1)
    heard: list[tuple[int, float]] = []
    tuner.fit(
        activations,
        names[:8],
        settings=QUICK,
        progress=lambda epoch, loss: heard.append((epoch, loss)),
    )
    assert [epoch for epoch, _ in heard] == [1, 2]
    assert all(0 < loss < 10 for _, loss in heard)

    def stop(epoch: int, loss: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        tuner.fit(activations, names[:8], settings=QUICK, progress=stop)


def test_the_first_view_is_the_photo_itself(extractor_path: Path, tmp_path: Path) -> None:
    photos, _ = make_set(tmp_path)
    tuner = FineTuner(extractor_path, engine="popcount")
    activations = tuner.activations(photos[:2], n_views=3)
    front, _ = Extractor.open_front(extractor_path, 1, engine="popcount")
    np.testing.assert_array_equal(activations[:, 0], front.embed(photos[:2]))
    assert not np.array_equal(activations[:, 1], activations[:, 0])
    assert not np.array_equal(activations[:, 1], activations[:, 2])


def test_what_cannot_be_used_is_refused(extractor_path: Path) -> None:
    tuner = FineTuner(extractor_path, engine="popcount")
    width = tuner.activation_dim
    good = np.zeros((4, 1, width), np.float32)
    with pytest.raises(InputError, match=f"n_views, {width}"):
        tuner.fit(good[:, 0], ["a", "b", "a", "b"])
    with pytest.raises(InputError, match="2 to"):
        tuner.fit(good, ["a"] * 4)
    with pytest.raises(InputError, match="as many class names"):
        tuner.fit(good, ["a", "b"])
    good[1, 0, 3] = np.nan
    with pytest.raises(InputError, match="finite"):
        tuner.fit(good, ["a", "b", "a", "b"])
    for field, value in (("epochs", 0), ("dropout", 1.0), ("learning_rate", 0.0)):
        with pytest.raises(InputError, match=field):
            dataclasses.replace(TuningSettings(), **{field: value})


def test_numbers_that_overflow_are_an_error(extractor_path: Path) -> None:
    tuner = FineTuner(extractor_path, engine="popcount")
    rng = np.random.default_rng(0)
    huge = rng.uniform(-3e38, 3e38, (8, 1, tuner.activation_dim)).astype(np.float32)
    with pytest.raises((TrainingDivergedError, InputError)), np.errstate(all="ignore"):
        tuner.fit(huge, ["a", "b"] * 4, settings=QUICK)


def test_the_command(
    extractor_path: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Photos in, two files out, with which 'predict' works; a file that is no photo is named."""
    (photos / "red" / "broken.png").write_bytes(b"no picture")
    head = photos.parent / "mine.head"
    arguments = ["finetune", str(photos), "-o", str(head), "--extractor", str(extractor_path)]
    assert main([*arguments, "--epochs", "2", "--views", "2", "--engine", "popcount"]) == 0
    heard = capsys.readouterr()
    assert "12 photos of 3 classes" in heard.out
    assert "broken.png" in heard.err
    blocks = head.with_suffix(".block")
    for path in (head, blocks):
        assert path.stat().st_size < 60_000
    blocks = blocks.rename(extractor_path.with_name("mine.block"))
    photo = str(next(photos.glob("blue/*")))
    assert main(["predict", str(head), photo, "--extractor", str(blocks), "--json"]) == 0
    capsys.readouterr()
    assert main(["predict", str(head), photo, "--extractor", str(extractor_path)]) == 4
    assert main([*arguments[:3], str(blocks), *arguments[4:]]) == 3
