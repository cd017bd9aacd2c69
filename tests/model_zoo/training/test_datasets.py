from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from headfit.errors import InputError
from headfit_zoo.training.batches import evaluation_batches, random_boxes, shift, training_batches
from headfit_zoo.training.datasets import PackedSet, find_pictures, list_folder, open_or_pack
from headfit_zoo.training.distillation import label_targets


def test_pack_holds_out_every_tenth_picture(packed: tuple[PackedSet, PackedSet]) -> None:
    """Of a plain folder per class every tenth picture is held out, and none is in both sets."""
    training, validation = packed
    assert (len(training), len(validation)) == (81, 9)
    assert training.classes == validation.classes == ("Länge und Höhe", "across", "стрелка")
    assert training.images.shape == (81, 64, 64, 3)
    assert np.bincount(validation.targets).tolist() == [3, 3, 3]
    seen = {image.tobytes() for image in training.images}
    assert not seen & {image.tobytes() for image in validation.images}


def test_packed_set_opens_without_the_pictures(
    packed: tuple[PackedSet, PackedSet], tmp_path: Path
) -> None:
    """What was packed once is read from the packed folder, whatever became of the pictures."""
    folder = Path(str(packed[0].images.filename)).parent.parent
    again, _ = open_or_pack(tmp_path / "gone", folder, 64)
    assert np.array_equal(again.images, packed[0].images)


def test_tiny_imagenet_layout(tmp_path: Path) -> None:
    """Validation pictures take their classes from the annotation file."""
    for name in ("n01", "n02"):
        (tmp_path / "train" / name / "images").mkdir(parents=True)
        Image.new("RGB", (64, 64), "red").save(tmp_path / "train" / name / "images" / "a.JPEG")
    (tmp_path / "val" / "images").mkdir(parents=True)
    Image.new("L", (64, 64), 7).save(tmp_path / "val" / "images" / "val_0.JPEG")
    (tmp_path / "val" / "val_annotations.txt").write_text("val_0.JPEG\tn02\t0\t0\t63\t63\n")
    training, validation = open_or_pack(tmp_path, tmp_path / "packed", 64)
    assert training.targets.tolist() == [0, 1]
    assert validation.targets.tolist() == [1]
    assert validation.images.max() == 7


def test_wrong_folders_are_named(tmp_path: Path) -> None:
    """A missing folder, a single class and an empty class each get a sentence."""
    with pytest.raises(InputError, match="found no folder"):
        list_folder(tmp_path / "none")
    (tmp_path / "one").mkdir()
    with pytest.raises(InputError, match="found no photo"):
        list_folder(tmp_path)
    (tmp_path / "one" / "1.jpg").touch()
    with pytest.raises(InputError, match="at least two class folders"):
        list_folder(tmp_path)
    (tmp_path / "two").mkdir()
    with pytest.raises(InputError, match="expected pictures in .*two, found none"):
        list_folder(tmp_path)
    (tmp_path / "two" / "notes.txt").touch()
    with pytest.raises(InputError, match="expected pictures in .*two, found none"):
        list_folder(tmp_path)


def test_find_pictures_spreads(folder_of_stripes: Path) -> None:
    """A limited list is spread over all classes instead of taking the first."""
    chosen = find_pictures(folder_of_stripes, most=9)
    assert [path.parent.name for path in chosen].count("across") == 3
    assert len(chosen) == len(set(chosen)) == 9


def test_training_batches_depend_on_seed_and_epoch_alone(
    packed: tuple[PackedSet, PackedSet],
) -> None:
    """The same epoch gives the same bits again; another epoch gives other pictures."""

    def first(epoch: int) -> np.ndarray:
        batches = training_batches(
            packed[0],
            label_targets(packed[0]),
            size=32,
            batch_size=8,
            min_crop=0.4,
            unscaled=0.5,
            seed=1,
            epoch=epoch,
        )
        assert len(batches) == 10
        return next(iter(batches))[0].numpy()

    assert np.array_equal(first(3), first(3))
    assert not np.array_equal(first(3), first(4))
    assert first(0).shape == (8, 32, 32, 3)
    assert 0 <= first(0).min() < first(0).max() <= 255


def test_random_boxes_stay_inside() -> None:
    """Every box lies in the picture, has the asked share of its area, and half are mirrored."""
    top, left, bottom, right = random_boxes(4000, 0.4, [1, 2]).numpy().T
    width, height = np.abs(right - left), bottom - top
    for edge in (top, left, bottom, right):
        assert edge.min() >= -1e-6
        assert edge.max() <= 1 + 1e-6
    assert (width * height).min() > 0.39
    assert 0.45 < np.mean(right < left) < 0.55


def test_shifted_pictures_stay_sharp(packed: tuple[PackedSet, PackedSet]) -> None:
    """A shift moves a picture by whole pixels, perhaps mirrored, and changes no pixel's value."""
    pictures = packed[0].images[:12].astype(np.float32)
    shifted = shift(tf.constant(pictures), 64, tf.constant([1, 2])).numpy()
    mirrored = 0
    for picture, moved in zip(pictures, shifted, strict=True):
        wide = np.pad(picture, [(4, 4), (4, 4), (0, 0)], "reflect")
        windows = [wide[i : i + 64, j : j + 64] for i in range(9) for j in range(9)]
        straight = any(np.allclose(window, moved, atol=0.01) for window in windows)
        mirrored += not straight
        assert straight or any(np.allclose(window[:, ::-1], moved, atol=0.01) for window in windows)
    assert 0 < mirrored < 12


def test_evaluation_batches_keep_order(packed: tuple[PackedSet, PackedSet]) -> None:
    """Validation reads every picture once, in order, untouched at its own size."""
    parts = list(evaluation_batches(packed[1], size=64, batch_size=4))
    assert np.array_equal(np.concatenate([t.numpy() for _, t in parts]), packed[1].targets)
    assert np.array_equal(np.concatenate([x.numpy() for x, _ in parts]), packed[1].images)
    assert next(iter(evaluation_batches(packed[1], size=32)))[0].shape == (9, 32, 32, 3)
