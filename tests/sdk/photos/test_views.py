"""Views of a photo: flipped, nearer, elsewhere; all through the one preparation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headfit import Extractor, ImageClassifier, InputError, SoftmaxHead
from headfit.files.manifest import Preprocessing
from headfit.photos.images import prepare_input
from headfit.photos.views import CROPPED, FLIPPED, WHOLE, View

EXACT = Preprocessing(8, 8, "shorter-side", 8, "bilinear", (0.0,) * 3, (1.0,) * 3)


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_by_default_the_view_is_the_manifests() -> None:
    pixels = picture(20, 30)
    np.testing.assert_array_equal(
        prepare_input(pixels, EXACT), prepare_input(pixels, EXACT, view=WHOLE)
    )


def test_flipped_is_the_input_of_the_mirrored_picture() -> None:
    """Up to the rounding of the resize."""
    pixels = picture(20, 31)
    flipped = prepare_input(pixels, EXACT, view=View(is_flipped=True))
    assert np.abs(flipped - prepare_input(pixels[:, ::-1], EXACT)).max() <= 1
    np.testing.assert_array_equal(flipped[:, :, ::-1], prepare_input(pixels, EXACT))


@pytest.mark.parametrize(
    ("x", "y", "left", "top"),
    [(0, 0, 0, 0), (1, 0, 8, 0), (0, 1, 0, 8), (1, 1, 8, 8), (0.5, 0.5, 4, 4), (0.25, 1, 2, 8)],
)
def test_a_near_view_is_a_window_of_the_picture(x: float, y: float, left: int, top: int) -> None:
    """At zoom 2, where a window of 8 x 8 needs no resizing, to the pixel."""
    pixels = picture(16, 16)
    expected = pixels[top : top + 8, left : left + 8].astype(np.float32)
    found = prepare_input(pixels, EXACT, view=View(2, x, y))
    np.testing.assert_array_equal(expected, found[0])


def test_a_long_picture_is_seen_from_end_to_end() -> None:
    """At zoom 1 the window slides along the longer side alone."""
    pixels = picture(8, 20)
    for x, left in ((0, 0), (0.5, 6), (1, 12)):
        found = prepare_input(pixels, EXACT, view=View(x=x, y=1))
        np.testing.assert_array_equal(pixels[:, left : left + 8].astype(np.float32), found[0])


@pytest.mark.parametrize(
    "change", [{"zoom": 0.9}, {"zoom": float("nan")}, {"zoom": 65}, {"x": -0.1}, {"y": 1.1}]
)
def test_a_view_beyond_the_picture_is_refused(change: dict[str, float]) -> None:
    with pytest.raises(InputError, match="expected a zoom from 1 to 64"):
        View(**change)


@pytest.fixture
def extractor(extractor_path: Path) -> Extractor:
    return Extractor.open(extractor_path, engine="popcount")


def test_an_extractor_embeds_a_view(extractor: Extractor) -> None:
    pixels = picture(64, 64)
    flipped = extractor.looking([View(is_flipped=True)]).embed([pixels])
    np.testing.assert_array_equal(flipped, extractor.embed([pixels[:, ::-1]]))
    assert (flipped != extractor.embed([pixels])).any()


@pytest.mark.parametrize("views", [FLIPPED, CROPPED])
def test_several_views_are_averaged(extractor: Extractor, views: tuple[View, ...]) -> None:
    """Of every photo, each decoded once whatever it came as."""
    pixels = [picture(70, 90), picture(80, 64)]
    each = np.stack([extractor.looking([view]).embed(pixels) for view in views])
    assert np.ptp(each, axis=0).max() > 0
    found = extractor.looking(views).embed([Image.fromarray(photo) for photo in pixels])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, each.mean(axis=0), rtol=1e-5, atol=1e-6)


def test_one_view_is_the_embedding_itself(extractor: Extractor) -> None:
    """To the bit."""
    pixels = [picture(70, 90)]
    np.testing.assert_array_equal(
        extractor.embed(pixels), extractor.looking([View()]).embed(pixels)
    )


def test_no_view_is_refused(extractor: Extractor) -> None:
    with pytest.raises(InputError, match="expected 1 to 64 views"):
        extractor.looking([])


def test_a_classifier_teaches_and_recognises_in_its_views(
    extractor: Extractor, tmp_path: Path
) -> None:
    """And so does one that loads its head; the extractor itself looks as before."""
    pictures = [picture(20, 30 + i) for i in range(6)]
    names = ["a", "b"] * 3
    classifier = ImageClassifier(extractor, views=FLIPPED)
    for pixels, name in zip(pictures, names, strict=True):
        classifier.add(pixels, name)
    head = classifier.fit()
    flipped = extractor.looking(FLIPPED).embed(pictures)
    assert not np.array_equal(flipped, extractor.embed(pictures))
    expected = SoftmaxHead().fit(flipped, names, extractor=extractor.looking(FLIPPED))
    assert head.views_ == expected.views_ == FLIPPED
    np.testing.assert_array_equal(expected.weights_, head.weights_)
    classifier.save(tmp_path / "head")
    loaded = ImageClassifier.load(tmp_path / "head", extractor=extractor)
    for each in (classifier, loaded):
        for pixels, embedding in zip(pictures, flipped, strict=True):
            ranking = expected.top_k(embedding[None], 2)[0]
            assert each.predict(pixels) == each.recognise(pixels).ranking == ranking
