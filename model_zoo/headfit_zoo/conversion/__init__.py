"""From a trained network to the device's artifact, checked, and back to Keras."""

from headfit_zoo.conversion.converting import convert, load_trained, preprocessing_of
from headfit_zoo.conversion.heads import with_head
from headfit_zoo.conversion.recovering import recover
from headfit_zoo.conversion.verifying import Parity, compare, score

__all__ = [
    "Parity",
    "compare",
    "convert",
    "load_trained",
    "preprocessing_of",
    "recover",
    "score",
    "with_head",
]
