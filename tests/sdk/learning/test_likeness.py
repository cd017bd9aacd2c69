"""Likeness: what an extractor's background adds to a head's idea of what was never taught."""

from __future__ import annotations

import base64
import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headfit import (
    ExtractorMismatchError,
    HeadLearner,
    InputError,
    Privacy,
    PublicView,
    SoftmaxHead,
)
from headfit.files.headfile import HeadFile, load_head_bytes, save_head_bytes
from headfit.files.manifest import Manifest, Preprocessing
from headfit.learning.background import Background, is_factor
from headfit.learning.fitting import METHODS
from headfit.learning.likeness import MAX_CLASSES, Likeness, likeness_of
from headfit.learning.origin import WHOLE, View
from headfit.maths.arrays import FloatArray
from headfit.maths.metrics import auroc

WIDTH = 12
STRETCH = np.geomspace(0.1, 10, WIDTH)


def pictures(n_samples: int, centre: FloatArray | float = 0.0, seed: int = 0) -> FloatArray:
    """Return embeddings whose features vary together, and some far more than others."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(WIDTH, WIDTH)) / 3 + np.eye(WIDTH)
    points = rng.normal(size=(n_samples, WIDTH)) * (1 if np.ndim(centre) == 0 else 0.5) + centre
    return (points @ mixing * STRETCH).astype(np.float32)


CENTRES = 1.5 * np.random.default_rng(1).normal(size=(40, WIDTH)).astype(np.float32)
BACKGROUND = Background.of(
    np.concatenate([pictures(60, centre, seed) for seed, centre in enumerate(CENTRES)]), "numbers"
)


@dataclasses.dataclass(frozen=True)
class Described:
    """An extractor as far as a head looks at it: its manifest."""

    manifest: Manifest
    views: tuple[View, ...] = (WHOLE,)


EXTRACTOR = Described(
    Manifest(
        name="tiny-net",
        version=1,
        fingerprint="0123456789abcdef" * 4,
        size_bytes=1,
        embedding_dim=WIDTH,
        preprocessing=Preprocessing(
            8, 8, "shorter-side", 8, "bilinear", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
        ),
        description="",
        licence="",
        golden=None,
        background=BACKGROUND,
    )
)
WITHOUT = Described(dataclasses.replace(EXTRACTOR.manifest, background=None))


def taught(n_classes: int = 3, count: int = 20, seed: int = 7) -> tuple[FloatArray, np.ndarray]:
    embeddings = [pictures(count, CENTRES[c], seed * 100 + c) for c in range(n_classes)]
    return np.concatenate(embeddings), np.repeat([f"class {c}" for c in range(n_classes)], count)


def fitted(method: str = "auto", n_classes: int = 3, count: int = 20) -> SoftmaxHead:
    return SoftmaxHead(method=method).fit(*taught(n_classes, count), extractor=EXTRACTOR)


@pytest.mark.parametrize("method", METHODS)
def test_strangers_are_told_better_than_without_a_background(method: str) -> None:
    """Known photos pass as promised; a kind of picture that the background has is refused."""
    head = fitted(method)
    assert head.calibration_ is not None
    assert head.calibration_.score == "likeness"
    assert head.typicality_ is None
    new, _ = taught(seed=8)
    strangers = np.concatenate([pictures(20, centre, 500) for centre in CENTRES[3:]])
    bare = SoftmaxHead(method=method).fit(*taught())
    assert head.is_known(new).mean() > 0.8
    found = auroc(head.sureness(new), head.sureness(strangers))
    assert found > 0.9
    assert found > auroc(bare.sureness(new), bare.sureness(strangers)) - 0.02
    assert 1 - head.is_known(strangers).mean() > 0.6


def test_the_background_whitens() -> None:
    """What varies alike in all ways, but for the ridge; a sum of whitened is whitened sums."""
    points = np.concatenate([pictures(60, centre, n) for n, centre in enumerate(CENTRES)])
    white = BACKGROUND.whitened(points)
    spreads = np.linalg.eigvalsh(np.cov(white.T))
    before = np.linalg.eigvalsh(np.cov(points.T))
    assert spreads.max() / spreads.min() < 0.1 * before.max() / before.min()
    np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-3)
    sums = BACKGROUND.whitened_sums(
        points[:50].sum(axis=0, dtype=np.float64)[np.newaxis], np.array([50])
    )
    np.testing.assert_allclose(sums[0], white[:50].sum(axis=0), rtol=1e-3, atol=1e-3)


def test_scores_are_the_formula_of_the_page() -> None:
    """Computed the plain way, from what the format page says."""
    head = fitted().fitted_
    assert head.likeness is not None
    points = pictures(5, CENTRES[20], 3)
    lower = np.zeros((WIDTH, WIDTH))
    numbers = iter(np.frombuffer(base64.b64decode(BACKGROUND.factor), "<f2"))
    for row in range(WIDTH):
        for column in range(row + 1):
            lower[row, column] = next(numbers)
    for point, score in zip(points, SoftmaxHead.of(head).sureness(points), strict=True):
        z = (point - np.array(BACKGROUND.mean)) @ lower
        logits = point @ head.weights + head.bias
        cosines = [
            z @ p / np.linalg.norm(z) / np.linalg.norm(p.astype(float))
            for p in head.likeness.prototypes
        ]
        lead = (logits.max() - logits.mean()) / np.linalg.norm(z)
        lack = min(lead - head.likeness.usual_lead, 0)
        assert score == pytest.approx(max(cosines) + head.likeness.lead_weight * lack, abs=1e-4)


def test_what_is_long_is_known_by_its_direction() -> None:
    """Squares of float32 overflow far below the largest number."""
    points = np.concatenate([pictures(5, CENTRES[20], 3), pictures(5, CENTRES[0], 4)])
    head = fitted()
    long = head.sureness(points * np.float32(1e10))
    assert np.ptp(long) > 0.1
    for scale in (1e16, 1e25, 3e36):
        np.testing.assert_allclose(head.sureness(points * np.float32(scale)), long, atol=1e-5)
    with pytest.raises(InputError, match="like those that the head was fitted to"):
        head.add_class("of another scale", points * np.float32(1e25))


@pytest.mark.parametrize("method", METHODS)
def test_embeddings_up_to_the_largest_float_are_learned(method: str) -> None:
    """As smaller ones are of which they are multiples, to the same sureness; nothing warns."""
    embeddings, names = taught()
    largest = 2.0 ** np.floor(np.log2(3e38 / np.abs(embeddings).max()))
    sureness = []
    for scale in (np.float32(2**40), np.float32(largest)):
        head = SoftmaxHead(method=method).fit(embeddings * scale, names, extractor=EXTRACTOR)
        assert head.fitted_.likeness is not None
        sureness.append(head.sureness(embeddings * scale))
    np.testing.assert_allclose(*sureness, atol=1e-3)


def test_held_out_examples_are_compared_with_classes_without_their_group() -> None:
    """As new photos are by a head of the others; beside its own copy it would always look known."""
    embeddings, names = taught(count=6)
    targets = np.searchsorted(np.unique(names), names)
    embeddings[1] = embeddings[0]
    rows, leads = np.arange(18), np.zeros(18, np.float32)
    groups = np.array([0, 0, *range(1, 17)])
    _, together = likeness_of(BACKGROUND, embeddings, targets, 3, rows, groups, leads)
    _, singly = likeness_of(BACKGROUND, embeddings, targets, 3, rows, rows, leads)
    others, _ = likeness_of(
        BACKGROUND, embeddings[2:], targets[2:], 3, rows[:16], rows[:16], leads[:16]
    )
    expected = others.scores(BACKGROUND.whitened(embeddings[:1]), leads[:1])
    assert together[0] == pytest.approx(expected[0], abs=1e-5)
    assert singly[0] > together[0]
    np.testing.assert_allclose(singly[6:], together[6:], atol=5e-3)  # both set by all


@pytest.mark.parametrize("method", METHODS)
def test_copies_do_not_set_the_threshold(method: str) -> None:
    """Left out alone, each would be compared with its copies, and only copies would be known."""
    embeddings, names = taught(count=7, seed=8)
    jitter = np.random.default_rng(0).normal(size=(10 * len(names), WIDTH))
    shots = np.repeat(embeddings, 10, axis=0) + 0.02 * embeddings.std(axis=0) * jitter
    groups = np.repeat(np.arange(len(names)), 10)
    fit = SoftmaxHead(method=method).fit
    one_each = fit(embeddings, names, extractor=EXTRACTOR).calibration_
    copies = fit(shots, np.repeat(names, 10), groups=groups, extractor=EXTRACTOR).calibration_
    assert copies is not None
    assert one_each is not None
    assert (copies.score, copies.n_held_out) == ("likeness", len(names))
    assert copies.threshold == pytest.approx(one_each.threshold, abs=0.05)  # by rows 0.1 more


@settings(max_examples=15)
@given(method=st.sampled_from(sorted(METHODS)), seed=st.integers(0, 2**32 - 1))
def test_the_order_of_examples_does_not_matter(method: str, seed: int) -> None:
    """To the bit, in a learner that forgot something too."""
    embeddings, names = taught(count=12)
    order = np.random.default_rng(seed).permutation(len(names))
    one = SoftmaxHead(method=method).fit(embeddings, names, extractor=EXTRACTOR).fitted_
    learner = HeadLearner(SoftmaxHead(method=method), extractor=EXTRACTOR)
    gone = learner.add_examples(pictures(3, CENTRES[9], 1), ["class 0"] * 3)
    learner.add_examples(embeddings[order], names[order])
    learner.fit()
    learner.forget_examples(gone)
    two = learner.fit().fitted_
    assert one.likeness is not None
    assert two.likeness is not None
    assert one.likeness.prototypes.tobytes() == two.likeness.prototypes.tobytes()
    assert (one.calibration, one.likeness.lead_weight) == (
        two.calibration,
        two.likeness.lead_weight,
    )


def test_renaming_moves_the_prototypes_with_their_classes() -> None:
    head = fitted()
    points, _ = taught(seed=9)
    before = head.sureness(points)
    codes = dict(zip(head.classes_, likeness(head).prototypes, strict=True))
    head.rename_class("class 0", "zebra")
    codes["zebra"] = codes.pop("class 0")
    for name, row in zip(head.classes_, likeness(head).prototypes, strict=True):
        np.testing.assert_array_equal(row, codes[name])
    # To rounding: logits are summed in another order.
    np.testing.assert_allclose(head.sureness(points), before, rtol=1e-6)


def likeness(head: SoftmaxHead) -> Likeness:
    found = head.fitted_.likeness
    assert found is not None
    return found


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
def test_a_file_brings_it_back_and_is_no_larger(tmp_path: Path, storage: str) -> None:
    head = fitted(n_classes=3)
    head.save(tmp_path / "with.head", storage=storage)
    loaded = SoftmaxHead.load(tmp_path / "with.head", extractor=EXTRACTOR)
    assert likeness(loaded).prototypes.tobytes() == likeness(head).prototypes.tobytes()
    assert loaded.calibration_ == head.calibration_
    points, _ = taught(seed=9)
    if storage == "float32":
        np.testing.assert_array_equal(loaded.sureness(points), head.sureness(points))
    file = save_head_bytes(HeadFile(loaded.fitted_))
    assert save_head_bytes(load_head_bytes(file)) == file
    prototypes = len(head.classes_) * -(-WIDTH // 2)
    assert prototypes <= MAX_CLASSES * WIDTH / 2 == 8 * WIDTH  # what typicality takes


def test_without_its_background_a_head_does_not_guess(tmp_path: Path) -> None:
    """It names classes, but whether a photo is known it refuses to say; another is refused."""
    head = fitted()
    head.save(tmp_path / "a.head")
    points, names = taught(seed=9)
    alone = SoftmaxHead.load(tmp_path / "a.head")
    assert (alone.predict(points) == names).mean() > 0.8
    with pytest.raises(InputError, match=r"background.*SoftmaxHead\.load"):
        alone.is_known(points)
    with pytest.raises(ExtractorMismatchError, match="found none"):
        SoftmaxHead.load(tmp_path / "a.head", extractor=WITHOUT)
    changed = dataclasses.replace(BACKGROUND, mean=(1.0, *BACKGROUND.mean[1:]))
    other = Described(dataclasses.replace(EXTRACTOR.manifest, background=changed))
    with pytest.raises(ExtractorMismatchError, match=changed.fingerprint):
        SoftmaxHead.load(tmp_path / "a.head", extractor=other)


def test_heads_that_have_none() -> None:
    """Of many classes, of few photos, of no background, and private ones."""
    private = Privacy(epsilon=1.0, delta=1e-5, public_view=PublicView.of(pictures(50), width=8))
    for head in (
        SoftmaxHead().fit(*taught()),
        SoftmaxHead().fit(*taught(), extractor=WITHOUT),
        fitted(n_classes=MAX_CLASSES + 1),
        fitted(count=4),
        SoftmaxHead().fit(*taught(), extractor=EXTRACTOR, privacy=private),
    ):
        assert head.fitted_.likeness is None
        assert head.is_known(taught(seed=9)[0]).dtype == bool


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", BACKGROUND.factor[:-4], "////" * 52])
def test_a_damaged_factor_is_noticed(text: str) -> None:
    assert is_factor(BACKGROUND.factor, WIDTH)
    assert not is_factor(text, WIDTH)
