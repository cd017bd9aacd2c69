"""The head that greets."""

from __future__ import annotations

from headfit import ImageClassifier, SoftmaxHead
from headfit_demo.session import GREETING_HEAD, sample_pictures


def test_the_greeting_belongs_to_the_extractor() -> None:
    """If this fails, headfit brought another extractor: run its module."""
    classifier = ImageClassifier()
    head = SoftmaxHead.load(GREETING_HEAD)
    assert head.fingerprint_ == classifier.extractor.fingerprint
    classifier = ImageClassifier.load(GREETING_HEAD, extractor=classifier.extractor)
    for sample in sample_pictures():
        assert classifier.predict(sample.frame)[0][0] == sample.class_name
