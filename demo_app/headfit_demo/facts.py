"""What lies on the disk, and the numbers and lines that developers want to see."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from headfit import ImageClassifier
from headfit_demo.teaching import OpenProject

CODE = Template('''\
from headfit import ImageClassifier

# The extractor is on the device already; all apps share it. This head is yours.
classifier = ImageClassifier.load("$file")


def name_of(photo):
    """Return what a photo shows, None if it is nothing that was taught."""
    found = classifier.recognise(photo)  # a path, bytes, or pixels
    class_name, probability = found.ranking[0]
    return class_name if found.is_known else None
''')
"""What loads a head in an app of one's own."""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a project keeps, in bytes and in numbers of things.

    Attributes
    ----------
    folder : Path
    n_examples, n_classes, n_thumbnails : int
    example_bytes, thumbnail_bytes, head_bytes : int
        Embeddings with hashes of the photos' looks; small pictures; the head file.
    """

    folder: Path
    n_examples: int
    n_classes: int
    n_thumbnails: int
    example_bytes: int
    thumbnail_bytes: int
    head_bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What the developer page shows; None where there is nothing yet."""

    head_bytes: int | None
    head_classes: int | None
    head_method: str | None
    accuracy: float | None
    extractor_name: str
    extractor_bytes: int
    fingerprint: str
    embedding_dim: int
    engine: str
    code: str


@dataclass(frozen=True, slots=True)
class EngineSpeed:
    """How one engine did on this machine: milliseconds per photo, or why it did not run."""

    name: str
    milliseconds: float | None
    reason: str


def measure(opened: OpenProject) -> Stored:
    """Return what a project keeps on the disk."""
    n_thumbnails, thumbnail_bytes = opened.thumbnail_totals()
    on_disk = sum(_size(path) for path in opened.project.folder.glob("examples.store*"))
    counts = opened.store.class_counts
    return Stored(
        folder=opened.project.folder,
        n_examples=sum(counts.values()),
        n_classes=len(counts),
        n_thumbnails=n_thumbnails,
        example_bytes=max(on_disk - thumbnail_bytes, 0),
        thumbnail_bytes=thumbnail_bytes,
        head_bytes=_size(opened.project.head_path),
    )


def gather_facts(
    classifier: ImageClassifier, head_path: Path, name: str, accuracy: float | None
) -> Facts:
    """Return what the developer page shows of a classifier whose head has a file."""
    manifest, head = classifier.extractor.manifest, classifier.head
    return Facts(
        head_bytes=_size(head_path) or None,
        head_classes=None if head is None else len(head.classes_),
        head_method=None if head is None else str(head.training_.get("method", "")),
        accuracy=accuracy,
        extractor_name=manifest.name,
        extractor_bytes=manifest.size_bytes,
        fingerprint=manifest.fingerprint,
        embedding_dim=manifest.embedding_dim,
        engine=classifier.extractor.engine_name,
        code=CODE.substitute(file=f"{file_name(name)}.head"),
    )


def file_name(name: str) -> str:
    """Return a name as part of a file's name: what could mean something else there is left out."""
    kept = "".join(one if one.isalnum() or one in " -_" else "-" for one in name)
    return kept.strip(" -") or "head"


def _size(path: Path) -> int:
    """Return how many bytes a file has, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
