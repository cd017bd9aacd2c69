"""The numbers and lines that developers want to see."""

from __future__ import annotations

from dataclasses import dataclass
from string import Template

from headfit import ImageClassifier

CODE = Template('''\
from headfit import ImageClassifier

# The extractor is on the device already; all apps share it.
# This head is yours.
classifier = ImageClassifier.load("$file")


def name_of(photo):
    """Return what a photo shows, None if it is nothing that was taught."""
    found = classifier.recognise(photo)  # a path, bytes, or pixels
    class_name, probability = found.ranking[0]
    return class_name if found.is_known else None
''')
"""What loads a head in an app of one's own."""


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


def gather_facts(
    classifier: ImageClassifier, head_bytes: int, name: str, accuracy: float | None
) -> Facts:
    """Return what the developer page shows of a classifier whose head has a file."""
    manifest, head = classifier.extractor.manifest, classifier.head
    return Facts(
        head_bytes=head_bytes or None,
        head_classes=None if head is None else len(head.fitted_.classes),
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
