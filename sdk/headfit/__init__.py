"""Fine-tune an image classifier on the device: a frozen binary network, a softmax head."""

from __future__ import annotations

from importlib import import_module

from headfit.version import __version__ as __version__

TYPE_CHECKING = False  # type checkers know the name; typing takes longer to load than this file

if TYPE_CHECKING:
    from headfit.classifier import ImageClassifier, Recognition
    from headfit.errors import (
        DamagedStoreError,
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
    from headfit.multi_label_head import MultiLabelHead
    from headfit.privacy.noise import Privacy
    from headfit.privacy.public_view import PublicView
    from headfit.watcher import Sighting, Watcher

__all__ = [
    "DamagedStoreError",
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
    "MultiLabelHead",
    "NotFittedError",
    "Privacy",
    "PublicView",
    "Recognition",
    "Sighting",
    "SoftmaxHead",
    "StoreError",
    "TrainingDivergedError",
    "UnshareableHeadError",
    "UnsupportedVersionError",
    "UntrustedHeadError",
    "Watcher",
]

_HOMES = {
    "Doubt": "learning.feedback",
    "Evaluation": "learning.evaluation",
    "Extractor": "extractor",
    "Feedback": "learning.feedback",
    "HeadLearner": "learner",
    "ImageClassifier": "classifier",
    "MultiLabelHead": "multi_label_head",
    "Privacy": "privacy.noise",
    "PublicView": "privacy.public_view",
    "Recognition": "classifier",
    "Sighting": "watcher",
    "SoftmaxHead": "head",
    "Watcher": "watcher",
}


if not TYPE_CHECKING:  # who knows the names, refuses all others

    def __getattr__(name: str) -> object:
        """Load what is asked for: the command must hear Ctrl-C while NumPy is loaded."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'errors')}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
