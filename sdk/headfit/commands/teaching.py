"""A folder of photos taught to a classifier: what `train` and `store add` have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from headfit.classifier import TAUGHT_BEFORE, ImageClassifier
from headfit.commands import terminal
from headfit.errors import InputError
from headfit.extractor import Extractor
from headfit.extractors.finding import find_made_by
from headfit.files.class_names import checked_names
from headfit.learning.groups import MAX_COMPARED, photo_groups
from headfit.photos.embedded import embedded_by, find_examples
from headfit.photos.photo_folder import PhotoFile, PhotoFolder, Skipped
from headfit.store import ExampleStore


def open_extractor(
    name: str | None,
    engine: str,
    *,
    store_path: Path | None = None,
    key: bytes | None = None,
    directory: Path | None = None,
) -> Extractor:
    """Open the extractor that is named; by default what made a store or a folder of embeddings.

    Where neither says one that is on this device, it is the one that headfit knows.
    """
    found: str | Path | None = name
    if name is None and store_path is not None and _is_there(store_path):
        with ExampleStore.open(store_path, key=key) as store:
            found = find_made_by(store.fingerprint, store_path)
    elif name is None and directory is not None:
        found = find_made_by(embedded_by(directory), directory)
    return Extractor.open(found, engine=engine)


def open_store(path: Path, extractor: Extractor, key: bytes | None = None) -> ExampleStore:
    """Open a store, whatever its views: the classifier takes them on. Make it, if there is none."""
    return ExampleStore.open(path, None if _is_there(path) else extractor, key=key)


def _is_there(store_path: Path) -> bool:
    return store_path.exists() and store_path.stat().st_size > 0


def effective_count(store: ExampleStore) -> int | None:
    """Return how many photos a store effectively has; None of so many that comparing takes long."""
    if store.n_samples > MAX_COMPARED:
        return None
    examples = store.load()
    names = np.array(examples.class_names, np.str_)
    groups = photo_groups(examples.embeddings, names, photo_hashes=examples.photo_hashes)
    return len(np.unique(groups))


def teach_folder(
    classifier: ImageClassifier,
    directory: Path,
    *,
    strict: bool,
    prune: bool | None,
    jobs: int | None,
) -> tuple[Skipped, ...]:
    """Add a folder and name what was left out; return that.

    Parameters
    ----------
    classifier : ImageClassifier
    directory : Path
    strict : bool
    prune : bool or None
        Whether to forget what is in the folder no more; None asks.
    jobs : int or None
    """

    def ask(count: int) -> bool:
        found = f"{terminal.counted(count)} in the store of photos that are not in {directory}"
        if not sys.stdin.isatty():
            raise InputError(
                f"expected to be told what becomes of photos that are gone, found {found}; say "
                "--prune to forget them for good, or --keep"
            )
        return terminal.ask(f"{found}: forget them for good?")

    folder = find_examples(directory)
    terminal.print_found(folder)
    return _teach(classifier, folder, strict, ask if prune is None else prune, jobs)


def teach_photos(
    classifier: ImageClassifier, photos: Sequence[Path], class_name: str, jobs: int | None
) -> None:
    """Add single photos of one class: each once, whether it was taught before or named twice.

    Raises
    ------
    InputError
        If the name cannot be one of a class.
    ImageError, OSError
        If one of them cannot be read; none is added then.
    """
    (name,) = checked_names([class_name], 1)
    files = tuple(PhotoFile(path, name) for path in dict.fromkeys(photos))
    _teach(classifier, PhotoFolder(Path(), files, ()), True, False, jobs, one_class=True)


def _teach(
    classifier: ImageClassifier,
    folder: PhotoFolder,
    strict: bool,
    prune: bool | Callable[[int], bool],
    jobs: int | None,
    one_class: bool = False,
) -> tuple[Skipped, ...]:
    with terminal.progress("Embedding photos") as progress:
        taught = classifier.add_folder(
            folder,
            strict=strict,
            prune=prune,
            one_class=one_class,
            jobs=jobs,
            progress=progress,
        )
    skipped = tuple(item for item in classifier.skipped if item.reason != TAUGHT_BEFORE)
    if taught.n_known:
        terminal.ERRORS.print(f"Known already: {taught.n_known} photos.")
    if taught.n_moved:
        moved = terminal.counted(taught.n_moved)
        terminal.ERRORS.print(f"Moved to the class that their photos have here: {moved}.")
    if taught.n_forgotten:
        terminal.ERRORS.print(
            f"Forgot {terminal.counted(taught.n_forgotten)} of photos that are gone."
        )
    terminal.print_skipped(skipped)
    return skipped
