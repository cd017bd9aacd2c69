"""Sample photos: no pixel both trains and tests, and the same photos every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit.errors import InputError
from headfit.photos import samples


def test_no_pixel_is_in_both_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a picture whose left part is black and right part white, no photo mixes the two."""
    border = round(400 * samples.TRAINING_PART)
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, border:] = 255
    Image.fromarray(pixels).save(tmp_path / "both.png")
    monkeypatch.setattr(samples, "PICTURES", {"both": "both.png"})
    samples.cut_sample_photos(tmp_path, tmp_path / "photos")
    for part, value in (("train", 0), ("test", 255)):
        photos = sorted((tmp_path / "photos" / part / "both").iterdir())
        assert (
            len(photos)
            == {"train": samples.TRAINING_PER_CLASS, "test": samples.TEST_PER_CLASS}[part]
        )
        for photo in photos:
            with Image.open(photo) as image:
                assert (np.asarray(image) == value).all()


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
