"""Several extractors on the same photos: a fair comparison, and a page that stands alone."""

from __future__ import annotations

import numpy as np

from headfit.report.comparison import ComparedExtractor, write_comparison
from headfit.report.curve import CurvePoint, learning_curve, learning_curves
from headfit.report.elements import GENERATOR

HOSTILE = '<script>alert("1")</script> & größe 网'


def seen(noise: float, seed: int, n_per_class: int = 30) -> tuple[np.ndarray, list[str]]:
    """Return embeddings of three classes, the more noise the harder to tell."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(7).normal(size=(3, 100))
    embeddings = np.repeat(centres, n_per_class, axis=0)
    embeddings += rng.normal(scale=noise, size=embeddings.shape)
    return embeddings.astype(np.float32), [name for name in "abc" for _ in range(n_per_class)]


def test_one_extractor_has_the_learning_curve() -> None:
    embeddings, names = seen(3, 0)
    assert learning_curves([embeddings], names) == (learning_curve(embeddings, names),)


def test_the_same_photos_teach_and_test_for_all() -> None:
    """An extractor beside itself has the same curve, and beside a worse one it is the better."""
    (good, names), (bad, _) = seen(2, 0), seen(8, 1)
    first, second = learning_curves([good, good], names)
    assert first == second
    better, worse = learning_curves([good, bad], names)
    assert better[-1].mean > worse[-1].mean + 0.1
    assert [point.per_class for point in better] == [point.per_class for point in worse]


def test_the_order_of_extractors_changes_no_curve() -> None:
    """Which photos teach was dealt out by what the first one saw."""
    (good, names), (bad, _) = seen(3, 0), seen(5, 1)
    assert learning_curves([good, bad], names) == learning_curves([bad, good], names)[::-1]


def test_near_copies_of_any_count_once_for_all() -> None:
    """What one extractor cannot tell apart teaches and tests once, for the other one too."""
    apart, names = seen(3, 0)
    alike = seen(3, 1)[0]
    alike[1::2] = alike[::2]  # every second photo is the same as the one before it
    last = [learning_curves(both, names)[0][-1].per_class for both in ([apart], [apart, alike])]
    assert last == [10, 5]


def test_the_page_names_everything_and_holds_no_markup_of_others() -> None:
    points = (CurvePoint(1, 0.5, 0.1), CurvePoint(5, 0.75, 0.02))
    compared = [
        ComparedExtractor(name, "0" * 64, 1_481_856, 512, "native", 4.25, points)
        for name in ("first", HOSTILE)
    ]
    page = write_comparison(compared, {"cup": 12, HOSTILE: 30}, HOSTILE)
    assert GENERATOR in page[:200]
    assert "<script" not in page
    assert "http" not in page
    for text in ("1.48", "4.25", "50.0%", "75.0%", "42 photos of 2 classes", "first by native"):
        assert text in page
    assert page.count("<polyline") > 4
