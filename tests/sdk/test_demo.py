"""The demo: honest photos, and an output that tells what it promises."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from headfit import demo
from headfit.classifier import ImageClassifier
from headfit.errors import InputError


def test_no_pixel_is_in_both_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a picture whose left part is black and right part white, no photo mixes the two."""
    border = round(400 * demo.TRAINING_PART)
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, border:] = 255
    Image.fromarray(pixels).save(tmp_path / "both.png")
    monkeypatch.setattr(demo, "PICTURES", {"both": "both.png"})
    demo.cut_sample_photos(tmp_path, tmp_path / "photos")
    for part, value in (("train", 0), ("test", 255)):
        photos = sorted((tmp_path / "photos" / part / "both").iterdir())
        assert len(photos) == {"train": demo.TRAINING_PER_CLASS, "test": demo.TEST_PER_CLASS}[part]
        for photo in photos:
            with Image.open(photo) as image:
                assert (np.asarray(image) == value).all()


def test_the_same_photos_every_time(tmp_path: Path) -> None:
    """Two cuts are equal to the byte, so that the demo's numbers can be repeated."""
    for name in ("one", "two"):
        demo.cut_sample_photos(demo.sample_pictures(), tmp_path / name)
    for photo in (tmp_path / "one").rglob("*.jpg"):
        other = tmp_path / "two" / photo.relative_to(tmp_path / "one")
        assert photo.read_bytes() == other.read_bytes()


def test_the_demo(tmp_path: Path, extractor_path: Path) -> None:
    """Trains for real and says how many, how fast, how good, how large, and what comes next."""
    console = Console(file=io.StringIO(), width=120, highlight=False)
    demo.run(tmp_path / "demo", console, str(extractor_path))
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    n_classes = len(demo.PICTURES)
    assert f"{n_classes * demo.TRAINING_PER_CLASS} photos of {n_classes} classes" in said
    assert f"of {n_classes * demo.TEST_PER_CLASS} (top-1)" in said
    for promised in ("Time per photo", "Training the head", "The head", "The extractor"):
        assert promised in said
    assert "easy one" in said
    assert "headfit train photos -o mine.head" in said
    head = tmp_path / "demo" / "sample.head"
    classifier = ImageClassifier.load(head, extractor=extractor_path)
    photo = tmp_path / "demo" / "photos" / "test" / "cat" / "01.jpg"
    assert classifier.predict(photo)[0][0] in demo.PICTURES


def test_without_scikit_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the pip command."""
    monkeypatch.setattr(demo, "find_spec", lambda _: None)
    with pytest.raises(InputError, match=r"pip install 'headfit\[demo\]'"):
        demo.sample_pictures()
