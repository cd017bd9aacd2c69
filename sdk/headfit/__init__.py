"""Fine-tune an image classifier on the device: a frozen binary network, a softmax head."""

from __future__ import annotations

__version__ = "0.1.0"

from headfit.classifier import ImageClassifier
from headfit.errors import (
    EngineMissingError,
    ExtractorError,
    ExtractorMismatchError,
    ExtractorMissingError,
    FileFormatError,
    HeadfitError,
    ImageError,
    InputError,
    MissingExtraError,
    NotFittedError,
    StoreError,
    TrainingDivergedError,
    UnshareableHeadError,
    UnsupportedVersionError,
    UntrustedHeadError,
)
from headfit.evaluation import Evaluation
from headfit.extractor import Extractor
from headfit.feedback import Doubt, Feedback
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.privacy import Privacy
from headfit.public_view import PublicView
from headfit.recogniser import Recognition

__all__ = [
    "Doubt",
    "EngineMissingError",
    "Evaluation",
    "Extractor",
    "ExtractorError",
    "ExtractorMismatchError",
    "ExtractorMissingError",
    "Feedback",
    "FileFormatError",
    "HeadLearner",
    "HeadfitError",
    "ImageClassifier",
    "ImageError",
    "InputError",
    "MissingExtraError",
    "NotFittedError",
    "Privacy",
    "PublicView",
    "Recognition",
    "SoftmaxHead",
    "StoreError",
    "TrainingDivergedError",
    "UnshareableHeadError",
    "UnsupportedVersionError",
    "UntrustedHeadError",
]
