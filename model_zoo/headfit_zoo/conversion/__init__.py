"""From a trained network to the device's artifact, checked, and back to Keras."""

from headfit_zoo.conversion.converting import convert, golden_embedding, load_trained
from headfit_zoo.conversion.emptying import empty, random_weights, set_weights, shapes_of
from headfit_zoo.conversion.heads import with_head
from headfit_zoo.conversion.recovering import recover
from headfit_zoo.conversion.verifying import Parity, compare, score

__all__ = [
    "Parity",
    "compare",
    "convert",
    "empty",
    "golden_embedding",
    "load_trained",
    "random_weights",
    "recover",
    "score",
    "set_weights",
    "shapes_of",
    "with_head",
]
