"""Pictures that an evaluation set holds are found, whatever became of them, and others are not."""

from __future__ import annotations

import io
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.model_zoo.mixture.conftest import Mixture, encoded, picture

from headfit import InputError
from headfit_zoo.mixture.twins import Looks, drop_twins, find_twins, kept


def _scene(number: int) -> Image.Image:
    """Draw a smooth random picture, as unlike others as photographs are."""
    rng = np.random.default_rng(number)
    coarse = rng.integers(0, 256, (7, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((160, 160), Image.Resampling.BICUBIC)


def _saved(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.resize((64, 64)),
        lambda image: image.convert("L").convert("RGB"),
        lambda image: image.resize((200, 120)),
        lambda image: image.crop((2, 2, 158, 158)),
        lambda image: image.point(lambda value: 0.8 * value + 20),
    ],
    ids=["smaller", "grey", "squashed", "trimmed", "paler"],
)
def test_a_changed_copy_is_found_among_others(change: object) -> None:
    mine = Looks.of("mine", ((str(n), _saved(_scene(n), 90)) for n in range(60)))
    theirs = Looks.of(
        "theirs",
        [(str(n), _saved(change(_scene(n)), 70)) for n in (7, 100, 101, 33)],  # type: ignore[operator]
    )
    found = find_twins(mine.hashes, mine.thumbnails, theirs)
    assert [(twin.index, twin.of) for twin in found] == [(7, "theirs/7"), (33, "theirs/33")]


def test_dropped_pictures_are_listed_and_kept_out(mixture: Mixture, tmp_path: Path) -> None:
    folder = tmp_path / "packed"
    shutil.copytree(mixture.packed, folder)
    with zipfile.ZipFile(tmp_path / "test-set.zip", "w") as archive:
        archive.writestr("a/one.jpg", encoded(picture(1, 5)))
        archive.writestr("readme.txt", "no picture")
    made = []

    def make() -> Looks:
        made.append(1)
        return Looks.of_zip(tmp_path / "test-set.zip")

    for _ in range(2):
        looks = Looks.cached(tmp_path / "looks.npz", make)
    assert len(made) == 1
    stripes = mixture.packs[0]
    lines = drop_twins(stripes, folder, [looks], frozenset({"train/across/02.jpg"}))
    assert (folder / "stripes.dropped").read_text("utf-8").splitlines() == lines
    paths = (folder / "stripes.paths").read_text("utf-8").splitlines()
    gone = {paths.index("train/across/02.jpg"), paths.index("train/Länge/05.jpg")}
    assert gone <= {int(line.split("\t")[0]) for line in lines}
    assert "test-set/a/one.jpg, 0 bits, correlation 1.000" in "".join(lines)
    assert not gone & set(kept(stripes, folder))
    assert len(kept(stripes, folder)) == 36 - len(lines)


def test_nobody_trains_before_twins_were_looked_for(mixture: Mixture, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="look for twins before training"):
        kept(mixture.packs[0], tmp_path)


def test_a_missing_evaluation_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"expected a zip of pictures at .*gone\.zip"):
        Looks.of_zip(tmp_path / "gone.zip")
