"""Sample photos: no pixel both trains and tests, and the same photos every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit.errors import InputError
from headfit.photos import samples


def test_no_pixel_is_in_both_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a chessboard the black fields train and the white ones test: no photo mixes the two."""
    board = np.indices((samples.ROWS, samples.COLUMNS)).sum(axis=0) % 2
    pixels = np.kron(board, np.full((150, 130), 255)).astype(np.uint8)
    Image.fromarray(pixels).convert("RGB").save(tmp_path / "both.png")
    monkeypatch.setattr(samples, "PICTURES", {"both": "both.png"})
    monkeypatch.setattr(samples, "OTHER_PICTURES", ("both.png",))
    samples.cut_sample_photos(tmp_path, tmp_path / "photos")
    for part, count in (("train", samples.TRAINING_PER_CLASS), ("test", samples.TEST_PER_CLASS)):
        photos = sorted((tmp_path / "photos" / part / "both").iterdir())
        assert len(photos) == count
        for photo in photos:
            with Image.open(photo) as image:
                seen = np.asarray(image)
            if part == "train":
                assert (seen == 0).all()
            else:  # white, more or less lit, up to the edges
                assert seen.min() == seen.max() >= 255 * (1 - samples.LIGHT) - 1


def test_other_photos_are_of_other_pictures(tmp_path: Path) -> None:
    """None shows a class; every field of each is there once."""
    assert not set(samples.OTHER_PICTURES) & set(samples.PICTURES.values())
    samples.cut_sample_photos(samples.sample_pictures(), tmp_path)
    photos = list((tmp_path / "other").iterdir())
    assert len(photos) == len(samples.OTHER_PICTURES) * samples.COLUMNS * samples.ROWS


def test_the_same_photos_every_time(tmp_path: Path) -> None:
    """Two cuts are equal to the byte, so that the demo's numbers can be repeated."""
    for name in ("one", "two"):
        samples.cut_sample_photos(samples.sample_pictures(), tmp_path / name)
    for photo in (tmp_path / "one").rglob("*.jpg"):
        other = tmp_path / "two" / photo.relative_to(tmp_path / "one")
        assert photo.read_bytes() == other.read_bytes()


def test_without_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the pip command."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'headfit\[demo\]'"):
        samples.sample_pictures()
