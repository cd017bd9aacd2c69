"""Extractors on this device: found by name and installed; the one that ships lies here."""

from headfit.extractors.finding import (
    find_extractor,
    install_extractor,
    installed_folder,
    known_extractor,
    list_extractors,
)

__all__ = [
    "find_extractor",
    "install_extractor",
    "installed_folder",
    "known_extractor",
    "list_extractors",
]
