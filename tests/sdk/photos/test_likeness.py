"""The perceptual hash finds a photo again after small changes; thumbnails carry pixels only."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from headfit.errors import ImageError
from headfit.photos.likeness import THUMBNAIL_SIDE, perceptual_hash, thumbnail
from headfit.store.store import MAX_THUMBNAIL_BYTES


def scene(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """Return a picture of smooth blobs, as photos are when seen from afar."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def distance(left: Image.Image | bytes, right: Image.Image | bytes) -> int:
    return (perceptual_hash(left) ^ perceptual_hash(right)).bit_count()


def as_jpeg(image: Image.Image, quality: int) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def test_a_bit_says_which_of_two_neighbours_is_brighter() -> None:
    """By hand: brightness rises to the right in the top half of the picture, falls below."""
    rising = np.tile(np.arange(9, dtype=np.uint8) * 20, (4, 1))
    pixels = np.concatenate([rising, rising[:, ::-1]])
    assert perceptual_hash(pixels) == 0xFFFFFFFF_00000000
    assert perceptual_hash(np.full((50, 70, 3), 99, np.uint8)) == 0


@pytest.mark.parametrize("seed", range(20))
def test_the_same_scene_is_within_six_bits_and_another_is_not(seed: int) -> None:
    """Scaled, re-encoded, brightened: at most 6 bits, the store's default; another scene: more."""
    picture = scene(seed)
    brighter = picture.point(lambda value: min(255, int(value * 0.8 + 20)))
    assert distance(picture, as_jpeg(picture, 40)) <= 6
    assert distance(picture, picture.resize((213, 160))) <= 6
    assert distance(picture, brighter) <= 6
    assert distance(picture, scene(seed + 100)) > 12


def test_a_thumbnail_is_small_and_has_no_words_in_it() -> None:
    """Neither EXIF nor a comment, which Pillow would write again."""
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    stream = BytesIO()
    scene(0, (4000, 3000)).save(stream, "JPEG", exif=exif, comment=b"by Ann")
    small = thumbnail(stream.getvalue())
    assert len(small) < MAX_THUMBNAIL_BYTES
    assert b"taken at home" not in small
    assert b"by Ann" not in small
    with Image.open(BytesIO(small)) as image:
        assert max(image.size) == THUMBNAIL_SIDE
        assert not image.getexif()


def test_noise_makes_no_thumbnail_that_the_store_refuses() -> None:
    """The worst case for a JPEG."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    assert len(thumbnail(noise)) < MAX_THUMBNAIL_BYTES


def test_what_is_no_image_has_no_hash() -> None:
    with pytest.raises(ImageError):
        perceptual_hash(b"no image")
