"""Which parts of headfit run for what: answering teaches nothing, and nothing is computed twice."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from tests.sdk.conftest import PhotoWriter

from headfit import Extractor, ImageClassifier, SoftmaxHead
from headfit.learning import prediction

TEACHING = {
    "learner", "learning.binary", "learning.candidate", "learning.class_sums", "learning.fitting",
    "learning.held_out", "learning.imprint", "learning.lda", "learning.logistic",
    "learning.problem", "learning.streaming", "maths.lbfgs", "store",
}  # fmt: skip


def modules_entered(run: Callable[[], Any]) -> set[str]:
    """Return the modules of headfit of which a function is called, without "headfit."."""
    entered: set[str] = set()

    def watch(frame: FrameType, event: str, argument: Any) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("headfit."):
            entered.add(name.removeprefix("headfit."))

    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    return entered


@pytest.fixture
def loaded(extractor_path: Path, tmp_path: Path) -> ImageClassifier:
    """A classifier of which only the head file is known."""
    extractor = Extractor.open(extractor_path)
    embeddings = np.random.default_rng(0).normal(size=(40, extractor.embedding_dim))
    names = ["cup", "pen"] * 20
    SoftmaxHead().fit(embeddings, names, extractor=extractor).save(tmp_path / "a.head")
    return ImageClassifier.load(tmp_path / "a.head", extractor=extractor)


@pytest.mark.parametrize("answer", ["predict", "recognise"])
def test_a_loaded_head_answers_without_what_teaches(
    loaded: ImageClassifier, write_photo: PhotoWriter, tmp_path: Path, answer: str
) -> None:
    photo = write_photo(tmp_path / "photo.png", (200, 40, 30), 1)
    entered = modules_entered(lambda: getattr(loaded, answer)(photo))
    assert "learning.prediction" in entered
    assert [name for name in entered if name in TEACHING or name.startswith("store.")] == []


def test_recognising_computes_logits_once(
    loaded: ImageClassifier,
    write_photo: PhotoWriter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ranking and rejection come from the same ones."""
    photo = write_photo(tmp_path / "photo.png", (200, 40, 30), 1)
    counted = []
    linear_logits = prediction.linear_logits
    monkeypatch.setattr(
        prediction, "linear_logits", lambda *given: counted.append(1) or linear_logits(*given)
    )
    seen = loaded.recognise(photo)
    assert len(counted) == 1
    assert {name for name, _ in seen.ranking} == {"cup", "pen"}
