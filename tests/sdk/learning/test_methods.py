"""What holds for every method of fitting, those of tomorrow too."""

from __future__ import annotations

import tracemalloc

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


def test_a_fit_takes_little_more_memory_than_two_copies_of_its_embeddings() -> None:
    """One rounded, one standardised; in float64, all at once, it took nearly seven."""
    rng = np.random.default_rng(0)
    targets = np.arange(20_000) % 4
    embeddings = (rng.normal(size=(4, 64))[targets] + rng.normal(size=(20_000, 64))).astype("f4")
    names = np.array(["a", "b", "c", "d"])[targets]
    head = SoftmaxHead(tolerance=1e-2).fit(embeddings[:400], names[:400])  # imports what it needs
    tracemalloc.start()
    head.fit(embeddings, names)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3.2 * embeddings.nbytes
