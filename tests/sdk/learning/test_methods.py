"""What holds for every method of fitting, those of tomorrow too."""

from __future__ import annotations

import numpy as np
import pytest

from headfit import SoftmaxHead
from headfit.learning import METHODS


@pytest.mark.parametrize("method", sorted(METHODS))
def test_held_out_examples_are_really_held_out(method: str) -> None:
    """Names dealt at random cannot be learned: whoever knows them has seen the examples."""
    rng = np.random.default_rng(0)
    embeddings, names = rng.normal(size=(240, 60)), rng.permutation(["a", "b", "c"] * 80)
    head = SoftmaxHead(method=method, l2=0.01).fit(embeddings, names)
    told = head.training_["leave_one_out_accuracy"]
    assert isinstance(told, float)
    assert abs(told - 1 / 3) < 0.15
    calibration = head.calibration_
    assert calibration is not None
    assert np.mean(calibration.set_scores) > 0.55  # 1 - p(true class), two thirds by chance


@pytest.mark.parametrize("method", sorted(METHODS))
def test_what_can_be_learned_is(method: str) -> None:
    rng = np.random.default_rng(0)
    targets = np.arange(60) % 3
    embeddings = rng.normal(size=(3, 20))[targets] * 3 + rng.normal(size=(60, 20))
    head = SoftmaxHead(method=method).fit(embeddings, np.array(["a", "b", "c"])[targets])
    assert head.training_["leave_one_out_accuracy"] == pytest.approx(1, abs=0.1)
    assert head.is_known(embeddings).mean() > 0.9
