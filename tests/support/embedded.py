"""The extractor that comes with headfit, whatever its name is."""

from pathlib import Path

from headfit.extractors.finding import find_extractor, known_extractor

NAME = known_extractor().name
MODEL: Path = find_extractor()
MANIFEST = MODEL.with_suffix(".json")
