"""Photos: decoded, prepared for an extractor, found in folders; sample photos to try with."""

from headfit.photos.ahead import decode_ahead
from headfit.photos.embedded import find_examples
from headfit.photos.folders import FolderEvaluation
from headfit.photos.images import (
    PHOTO_ENDINGS,
    ImageSource,
    PhotoProgress,
    decode_image,
    prepare_input,
)
from headfit.photos.labelled import LabelledExamples, LabelledFolder, find_labelled_photos
from headfit.photos.likeness import perceptual_hash, thumbnail
from headfit.photos.photo_folder import (
    NAMELESS,
    PhotoFile,
    PhotoFolder,
    Skipped,
    class_name_of,
    find_dropped_photos,
    find_photos,
    find_unsorted_photos,
)
from headfit.photos.samples import cut_sample_photos, sample_pictures
from headfit.photos.shards import embed_shard
from headfit.photos.views import CROPPED, FLIPPED, WHOLE, View

__all__ = [
    "CROPPED",
    "FLIPPED",
    "NAMELESS",
    "PHOTO_ENDINGS",
    "WHOLE",
    "FolderEvaluation",
    "ImageSource",
    "LabelledExamples",
    "LabelledFolder",
    "PhotoFile",
    "PhotoFolder",
    "PhotoProgress",
    "Skipped",
    "View",
    "class_name_of",
    "cut_sample_photos",
    "decode_ahead",
    "decode_image",
    "embed_shard",
    "find_dropped_photos",
    "find_examples",
    "find_labelled_photos",
    "find_photos",
    "find_unsorted_photos",
    "perceptual_hash",
    "prepare_input",
    "sample_pictures",
    "thumbnail",
]
