"""A head grows by a class without the examples of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.sdk.learning.test_order import everything

from headfit import Extractor, InputError, NotFittedError, Privacy, PublicView, SoftmaxHead
from headfit.learning import METHODS
from headfit.maths.arrays import FloatArray

WIDTH = 100
CENTRES = 0.8 * np.random.default_rng(0).normal(size=(6, WIDTH))


def photos(column: int, count: int, seed: int) -> FloatArray:
    rng = np.random.default_rng([column, seed])
    return (CENTRES[column] + 2 * rng.normal(size=(count, WIDTH)) + 1).astype(np.float32)


def taught(n_classes: int, **parameters: object) -> SoftmaxHead:
    embeddings = np.vstack([photos(column, 30, 0) for column in range(n_classes)])
    names = np.repeat([f"class {column}" for column in range(n_classes)], 30)
    return SoftmaxHead(**parameters).fit(embeddings, names)  # type: ignore[arg-type]


def accuracy(head: SoftmaxHead, column: int) -> float:
    return head.score(photos(column, 300, 1), [f"class {column}"] * 300)


@pytest.mark.parametrize("storage", ["float32", "float16", "int8"])
@pytest.mark.parametrize("method", sorted(METHODS))
def test_a_new_class_is_recognised_and_the_others_still_are(
    method: str, storage: str, tmp_path: Path
) -> None:
    """Out of a file, in every storage; what was known stays to the bit."""
    head = taught(5, method=method)
    if method == "binary":
        head.save(tmp_path / "head")
    else:
        head.save(tmp_path / "head", storage=storage)
    head = SoftmaxHead.load(tmp_path / "head")
    before = head.fitted_
    old = np.mean([accuracy(head, column) for column in range(5)])
    assert head.add_class("class 5", photos(5, 5, 0)) is head
    assert head.classes_.tolist() == [f"class {column}" for column in range(6)]
    assert head.class_counts_ == (*before.class_counts, 5)
    assert head.weights_[:, :5].tobytes() == before.weights.tobytes()
    assert head.bias_[:5].tobytes() == before.bias.tobytes()
    assert np.mean([accuracy(head, column) for column in range(5)]) > old - 0.1
    assert accuracy(head, 5) > (0.35 if method == "binary" else 0.6)
    assert head.is_known(photos(0, 300, 1)).mean() > 0.9
    assert head.is_known(photos(5, 300, 1)).mean() > 0.6
    covered = ["class 0" in each for each in head.predict_sets(photos(0, 300, 1))]
    assert np.mean(covered) > 0.75
    head.save(tmp_path / "grown")
    assert everything(SoftmaxHead.load(tmp_path / "grown").fitted_) == everything(head.fitted_)


def test_a_head_that_compares_with_a_background_grows(tmp_path: Path) -> None:
    """It holds no spread; what its classes have in common, seen from the background, does."""
    extractor = Extractor.open()
    rng = np.random.default_rng(0)
    centres = np.abs(0.7 + 0.5 * rng.normal(size=(6, extractor.embedding_dim)))

    def drawn(column: int, count: int) -> FloatArray:
        noise = 0.8 * rng.normal(size=(count, extractor.embedding_dim))
        return np.abs(centres[column] + noise).astype(np.float32)

    embeddings = np.vstack([drawn(column, 30) for column in range(5)])
    names = np.repeat([f"class {column}" for column in range(5)], 30)
    SoftmaxHead().fit(embeddings, names, extractor=extractor).save(tmp_path / "head")
    new, old = drawn(5, 200), drawn(0, 200)
    with pytest.raises(InputError, match="background"):
        SoftmaxHead.load(tmp_path / "head").add_class("a new one", new[:5])
    head = SoftmaxHead.load(tmp_path / "head").add_class("a new one", new[:5], extractor=extractor)
    assert head.fitted_.likeness is not None
    with pytest.raises(InputError, match="found none"):
        head.copy().add_class("another", new[:0], extractor=extractor)
    assert head.classes_.tolist() == ["a new one", *sorted(set(names.tolist()))]
    assert head.score(old, ["class 0"] * 200) > 0.8
    assert head.score(new[5:], ["a new one"] * 195) > 0.6
    assert head.is_known(old).mean() > 0.85
    assert head.is_known(new[5:]).mean() > 0.6
    again = SoftmaxHead.load(tmp_path / "head")
    again.add_class("a new one", new[4::-1], extractor=extractor)
    assert everything(again.fitted_) == everything(head.fitted_)
    head.save(tmp_path / "grown")
    loaded = SoftmaxHead.load(tmp_path / "grown", extractor=extractor)
    np.testing.assert_array_equal(head.is_known(new), loaded.is_known(new))


def kin(
    extractor: Extractor, n_classes: int, count: int, seed: int
) -> tuple[FloatArray, FloatArray]:
    """Return photos of classes that have more in common than sets them apart, as flowers have."""
    rng = np.random.default_rng(seed)
    background = extractor.manifest.background
    assert background is not None
    width = extractor.embedding_dim
    common = 0.5 * rng.normal(size=width)
    centres = np.array(background.mean) + common + 0.12 * rng.normal(size=(n_classes, width))
    drawn = centres[:, np.newaxis] + 0.6 * rng.normal(size=(n_classes, count, width))
    embeddings = np.abs(drawn).astype(np.float32)
    return embeddings[:, : count // 2], embeddings[:, count // 2 :]


@pytest.mark.parametrize("with_background", [True, False])
def test_others_of_its_kind_lose_little_to_a_new_class(with_background: bool) -> None:
    """What they have in common, and not with other pictures, is not taken for the new class."""
    extractor = Extractor.open()
    kept, found = [], []
    for seed in range(4):
        taught, tried = kin(extractor, 5, 80, seed)
        names = np.repeat(list("abcd"), 40)
        old, new = tried[:4].reshape(160, -1), tried[4]
        used = extractor if with_background else None
        head = SoftmaxHead().fit(taught[:4].reshape(160, -1), names, extractor=used)
        assert (head.fitted_.likeness is not None) == with_background
        before = head.score(old, names)
        head.add_class("new", taught[4, :5])
        kept.append(head.score(old, names) / before)
        found.append(head.score(new, ["new"] * 40))
    assert np.mean(kept) > 0.75
    assert np.mean(found) > 0.3


def test_what_lies_far_from_all_takes_nothing() -> None:
    """Of two photos, too: halfway there is no photo of the others."""
    head = taught(4)
    names = [f"class {column}" for column in range(4)]
    old = np.vstack([photos(column, 100, 1) for column in range(4)])
    before = head.predict(old)
    far = photos(5, 42, 0) + 3 * (CENTRES[5] > 0).astype(np.float32)
    head.add_class("far", far[:2])
    assert set(names) == set(before.tolist())
    np.testing.assert_array_equal(before, head.predict(old))
    assert head.score(far[2:], ["far"] * 40) == 1


def test_several_classes_one_after_the_other() -> None:
    head = taught(3)
    for column in (5, 3, 4):
        head.add_class(f"class {column}", photos(column, 8, 0))
    assert head.classes_.tolist() == [f"class {column}" for column in range(6)]
    assert head.training_["grown_by"] == 3
    assert head.training_["leave_one_out_accuracy"] is None  # it was that of three classes
    assert np.mean([accuracy(head, column) for column in range(6)]) > 0.6


def test_the_order_of_new_photos_and_their_repeats_do_not_matter() -> None:
    new = photos(5, 6, 0)
    one = taught(4).add_class("new", new)
    two = taught(4).add_class("new", np.vstack([new[::-1], new[:2]]))
    assert everything(one.fitted_) == everything(two.fitted_)


def test_near_copies_of_one_photo_are_refused() -> None:
    head = taught(4)
    before = head.fitted_
    jitter = 0.02 * np.random.default_rng(0).normal(size=(10, WIDTH))
    one = photos(5, 1, 0)
    for new, found in ((one, "one;"), (one + jitter.astype(np.float32), "10 that are nearly one;")):
        with pytest.raises(InputError, match=f"different photos of 'new', found {found}"):
            head.add_class("new", new)
    assert head.fitted_ is before


@pytest.mark.parametrize("method", sorted(METHODS))
def test_photos_out_of_all_proportion_are_refused(method: str) -> None:
    """They made a class that nothing is, in a head that called every photo known."""
    head = taught(4, method=method)
    before = head.fitted_
    new = photos(5, 5, 0)
    with pytest.raises(InputError, match="like those that the head was fitted to"):
        head.add_class("new", new * np.float32(1e20))
    new[3] *= 1e10
    with pytest.raises(InputError, match=r"in row 3 \(1 of 5\)"):
        head.add_class("new", new)
    assert head.fitted_ is before


def test_whole_numbers_are_sorted_as_such() -> None:
    embeddings = np.vstack([photos(column, 20, 0) for column in range(3)])
    head = SoftmaxHead().fit(embeddings, np.repeat([1, 2, 10], 20))
    head.add_class(3, photos(5, 5, 0))  # type: ignore[arg-type]
    assert head.classes_.tolist() == [1, 2, 3, 10]
    assert (head.predict(photos(5, 100, 1)) == 3).mean() > 0.5
    with pytest.raises(InputError, match="whole number"):
        head.add_class("4", photos(4, 5, 0))


def test_what_cannot_grow_says_why() -> None:
    new = photos(5, 5, 0)
    with pytest.raises(NotFittedError):
        SoftmaxHead().add_class("new", new)
    with pytest.raises(InputError, match="knows"):
        taught(4).add_class("class 1", new)
    with pytest.raises(InputError, match="found none"):
        taught(4).add_class("new", new[:0])
    with pytest.raises(InputError, match="width"):
        taught(4).add_class("new", new[:, 1:])
    with pytest.raises(InputError, match="characters"):
        taught(4).add_class("", new)
    few = SoftmaxHead().fit(photos(0, 4, 0), ["a", "a", "b", "b"])
    with pytest.raises(InputError, match="19 photos"):
        few.add_class("new", new)
    embeddings = np.vstack([photos(0, 20, 0), photos(1, 20, 0)])
    view = PublicView.of(photos(2, 120, 2))
    privacy = Privacy(1.0, 1e-5, public_view=view)
    private = SoftmaxHead().fit(embeddings, ["a"] * 20 + ["b"] * 20, privacy=privacy)
    with pytest.raises(InputError, match="privacy"):
        private.add_class("new", new)
