"""The commands one after the other, on a made mixture, and what they print."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tests.model_zoo.mixture.conftest import commit, encoded, made_teacher, picture

from headfit import InputError
from headfit_zoo.mixture import command, lite, recipe
from headfit_zoo.mixture.recipe import Recipe
from headfit_zoo.mixture.sources import Source
from headfit_zoo.mixture.validating import top_1_and_5, validation_pictures

SMALL = Recipe(
    stages=((0, 16),), steps=2, options={"widths": (32, 32), "blocks": (1, 1)}, batch=4, warmup=1
)


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with one repository, laid out as Tiny ImageNet's."""
    root = tmp_path / "work" / "repositories" / "somebody"
    root.mkdir(parents=True)
    inside = "tiny-imagenet-200"
    files = {
        f"{inside}/train/n0000000{kind}/images/{number}.JPEG": encoded(picture(kind, number))
        for kind in range(2)
        for number in range(5)
    }
    files[f"{inside}/val/images/val_0.JPEG"] = encoded(picture(1, 2))
    files[f"{inside}/val/val_annotations.txt"] = b"val_0.JPEG\tn00000001\t0\t0\t40\t40\n"
    first = commit(root / "tiny.git", files)
    folder = r"tiny-imagenet-200/(?:train/(?P<label>n\d{8})|test)/images/"
    source = Source("tiny-imagenet", "somebody/tiny", first, folder, "wordnet", crops=2)
    monkeypatch.setattr(command, "SOURCES", (source,))
    monkeypatch.setattr("headfit_zoo.mixture.packing.CONTENTS", {})
    monkeypatch.setattr(lite, "open_teacher", made_teacher)
    monkeypatch.setitem(recipe.RECIPES, "small", SMALL)
    # TensorFlow runs already, and settles its threads once.
    monkeypatch.setattr(command, "_prepare_tensorflow", lambda: None)
    return tmp_path / "work"


def test_from_a_repository_to_weights_that_are_kept(
    work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, to = tmp_path / "data", tmp_path / "kept"
    data.mkdir()
    for name in command.EVALUATIONS:
        with zipfile.ZipFile(data / f"{name}.zip", "w") as archive:
            noise = np.random.default_rng(len(name)).integers(0, 256, (40, 40, 3), np.uint8)
            archive.writestr("a/b.jpg", encoded(noise))
    command.fetch(work)
    command.pack(work)
    command.twins(work, data, None)
    command.targets(work, most=4)
    command.targets(work)
    command.train(work, "run", "small", until=1)
    command.train(work, "run", "small")
    command.keep(work, "run", to)
    command.validate(work, "run", 16)
    printed = capsys.readouterr().out
    assert "tiny-imagenet: 10 pictures" in printed
    dropped = (work / "packed" / "tiny-imagenet.dropped").read_text("utf-8")
    assert "n00000001/images/2.JPEG\ttiny-imagenet-val/" in dropped
    assert "tiny-imagenet: 8 crops" in printed
    assert "stopped at step 1" in printed
    assert "finished at step 2" in printed
    about = json.loads((to / "sources.json").read_text("utf-8"))["tiny-imagenet"]
    assert about["pictures"] == 10
    assert about["dropped"] == len(dropped.splitlines())
    assert (to / "latent.npz").stat().st_size < 10e6
    # Of the one picture's one class, which no other can be taken for.
    assert "step 2, 16 px, 1 pictures: top-1 1.0000, top-5 1.0000" in printed


def test_validation_counts_what_is_likeliest_among_the_classes_that_occur() -> None:
    images = np.stack([np.full((4, 4, 3), 40 * number, np.uint8) for number in range(6)])
    known = ["other/a", *(f"wordnet/{name}" for name in "abcdef")]
    pixels = tf.keras.Input((4, 4, 3))
    grey = tf.keras.layers.GlobalAveragePooling2D()(pixels)[:, :1]
    means = [0.0, *((40 * number / 255 - 0.485) / 0.229 for number in range(6))]
    near = -tf.abs(grey - tf.constant([means]))
    near += tf.constant([[99.0, 0, 0, 0, 0, 0, 0]])  # another space's class, never a candidate
    model = tf.keras.Model(pixels, tf.keras.layers.Activation("linear", name="labels")(near))
    images[4] += 1  # nearest to "e", then to "f"
    first, five = top_1_and_5(model, known, images, np.array(list("abcdff")), 4)
    assert (first, five) == (1.0, 1.0)  # "e" does not occur, so it cannot be the answer
    shows = np.array(list("abcdfe"))
    first, five = top_1_and_5(model, known, images, shows, 4)
    assert (first, five) == (4 / 6, 1.0)


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"val/images/val_0.JPEG": b"x"}, r"expected tiny-imagenet-200/val/val_annotations.txt"),
        (
            {"val/images/val_0.JPEG": b"x", "val/val_annotations.txt": b"val_1.JPEG\tn1\n"},
            r"found none for tiny-imagenet-200/val/images/val_0",
        ),
    ],
)
def test_validation_without_its_labels_is_refused(
    tmp_path: Path, files: dict[str, bytes], complaint: str
) -> None:
    (tmp_path / "somebody").mkdir()
    inside = {f"tiny-imagenet-200/{name}": content for name, content in files.items()}
    first = commit(tmp_path / "somebody" / "tiny.git", inside)
    tiny = Source("tiny-imagenet", "somebody/tiny", first, "x", "wordnet", crops=2)
    with pytest.raises(InputError, match=complaint):
        list(validation_pictures(tmp_path, tiny))


def test_an_error_is_one_line(
    work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = dataclasses.replace(command.SOURCES[0], commit="0" * 40)
    monkeypatch.setattr(command, "SOURCES", (source,))
    monkeypatch.setattr("sys.argv", ["mixture", "pack", str(work)])
    with pytest.raises(SystemExit, match="^error: expected commit 0000"):
        command.main()
    monkeypatch.setattr("sys.argv", ["mixture", "background", str(work), "gone.tflite"])
    with pytest.raises(SystemExit, match="^error: gone.tflite: No such file or directory$"):
        command.main()
