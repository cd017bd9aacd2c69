"""A head that is there is calibrated on other examples, and stays the head that it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headfit.errors import ExtractorMismatchError, InputError
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView

NAMES = np.array(["cup", "mug", "pen"])


def examples(seed: int, count: int = 90) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    targets = rng.permutation(np.arange(count) % 3)
    centres = np.random.default_rng(1).normal(0, 1.2, (3, 6))
    return (centres[targets] + rng.normal(size=(count, 6))).astype(np.float32), NAMES[targets]


def test_classes_stay_and_probabilities_become_right() -> None:
    """Logits get one factor: ten times too sharp or too flat, the same one is found."""
    head = SoftmaxHead(method="lda").fit(*examples(0, 3000))
    sure = head.predict_proba(examples(3)[0])
    for size in (0.1, 1.0, 10.0):
        fitted = head.fitted_
        other = SoftmaxHead.of(
            replace(
                fitted,
                weights=fitted.weights * np.float32(size),
                bias=fitted.bias * np.float32(size),
                calibration=None,
                typicality=None,
            )
        ).calibrate(*examples(2, 3000))
        assert (other.predict(examples(3)[0]) == head.predict(examples(3)[0])).all()
        np.testing.assert_allclose(sure, other.predict_proba(examples(3)[0]), atol=0.05)
        assert other.training_["calibrated_on"] == 3000
        assert other.calibration_ is not None
        assert other.calibration_.score == "typicality"
        assert other.is_known(examples(4, 3000)[0]).mean() == pytest.approx(0.95, abs=0.02)
        assert not other.is_known(np.full((1, 6), 40, np.float32))[0]


def test_some_classes_and_few_examples_are_enough() -> None:
    """Of one class, of one example: all counts as known with fewer than 19."""
    head = SoftmaxHead().fit(*examples(0))
    values, names = examples(2)
    is_cup = names == "cup"
    one = head.copy().calibrate(values[is_cup], names[is_cup])
    assert one.calibration_ is not None
    assert one.calibration_.n_held_out == is_cup.sum()
    single = head.copy().calibrate(values[:1], names[:1])
    assert single.is_known(examples(3)[0] * 50).all()


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_copies_of_one_photo_say_nothing_of_strangers(noise: float) -> None:
    """Known photos would be refused and others pass, by a threshold between the copies."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(60, 120)).astype(np.float32)
    names = NAMES[np.arange(60) % 3]
    copies = values[0] + noise * rng.normal(size=(40, 120)).astype(np.float32)
    head = SoftmaxHead().fit(values, names).calibrate(copies, np.repeat(names[:1], 40))
    assert head.calibration_ is not None
    assert head.calibration_.threshold is None
    assert head.calibration_.n_held_out == 1
    assert head.is_known(values).all()


@pytest.mark.parametrize("storage", ["float16", "int8"])
def test_a_stored_head_can_be_saved_again(storage: str, tmp_path: Path) -> None:
    """Scaled weights may be held by float32 alone; a binary head stays one."""
    SoftmaxHead().fit(*examples(0)).save(tmp_path / "a.head", storage=storage)
    SoftmaxHead.load(tmp_path / "a.head").calibrate(*examples(2)).save(tmp_path / "b.head")
    assert SoftmaxHead.load(tmp_path / "b.head").storage_ == "float32"
    SoftmaxHead(method="binary").fit(*examples(0)).save(tmp_path / "c.head")
    SoftmaxHead.load(tmp_path / "c.head").calibrate(*examples(2)).save(tmp_path / "d.head")
    assert SoftmaxHead.load(tmp_path / "d.head").storage_ == "binary"


def test_a_private_head_is_private_no_more() -> None:
    """The threshold tells of the examples, which were not noised."""
    privacy = Privacy(8, 1e-5, public_view=PublicView.plain(6, 3.0))
    head = SoftmaxHead().fit(*examples(0), privacy=privacy)
    assert head.privacy_ is not None
    assert head.copy().calibrate(*examples(2)).privacy_ is None
    assert head.privacy_ is not None


def test_what_cannot_calibrate_is_refused() -> None:
    """The head stays as it was."""
    extractor = Extractor.open(engine="popcount")
    head = SoftmaxHead().fit(*examples(0))
    before = head.fitted_
    values, names = examples(2)
    with pytest.raises(InputError, match="found also dog"):
        head.calibrate(values, ["dog"] * len(values))
    with pytest.raises(InputError, match="found none"):
        head.calibrate(values[:0], [])
    with pytest.raises(InputError, match="width"):
        head.calibrate(values[:, :3], names)
    with pytest.raises(ExtractorMismatchError):
        head.calibrate(values, names, extractor=extractor)
    assert head.fitted_ is before
