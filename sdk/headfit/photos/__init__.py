"""Photos: decoded, prepared for an extractor, found in folders; sample photos to try with."""

from headfit.photos.folders import FolderEvaluation, PhotoFile, PhotoFolder, Skipped, find_photos
from headfit.photos.images import (
    PHOTO_ENDINGS,
    ImageSource,
    PhotoProgress,
    decode_image,
    prepare_input,
)
from headfit.photos.likeness import perceptual_hash, thumbnail
from headfit.photos.samples import cut_sample_photos, sample_pictures
from headfit.photos.views import CROPPED, FLIPPED, WHOLE, View

__all__ = [
    "CROPPED",
    "FLIPPED",
    "PHOTO_ENDINGS",
    "WHOLE",
    "FolderEvaluation",
    "ImageSource",
    "PhotoFile",
    "PhotoFolder",
    "PhotoProgress",
    "Skipped",
    "View",
    "cut_sample_photos",
    "decode_image",
    "find_photos",
    "perceptual_hash",
    "prepare_input",
    "sample_pictures",
    "thumbnail",
]
