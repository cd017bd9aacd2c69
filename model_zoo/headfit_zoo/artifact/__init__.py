"""What the device gets: an extractor's files, its golden picture, what it is to see."""

from headfit_zoo.artifact.files import SUFFIXES, write_extractor
from headfit_zoo.artifact.golden import golden_input, golden_picture
from headfit_zoo.artifact.preprocessing import MEAN, STD, preprocessing_of

__all__ = [
    "MEAN",
    "STD",
    "SUFFIXES",
    "golden_input",
    "golden_picture",
    "preprocessing_of",
    "write_extractor",
]
