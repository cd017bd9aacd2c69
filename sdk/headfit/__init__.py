"""Fine-tune an image classifier on the device: a frozen binary network, a softmax head."""

from __future__ import annotations

from headfit.classifier import ImageClassifier, Recognition
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
from headfit.extractor import Extractor
from headfit.head import SoftmaxHead
from headfit.learner import HeadLearner
from headfit.learning.evaluation import Evaluation
from headfit.learning.feedback import Doubt, Feedback
from headfit.privacy.noise import Privacy
from headfit.privacy.public_view import PublicView
from headfit.version import __version__ as __version__

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
