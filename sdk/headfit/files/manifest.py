"""The manifest: the JSON beside a .tflite that says what the extractor is and what it expects.

``docs/manifest-format.md`` is the specification; this file follows it.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass
from typing import Any, Protocol

from headfit.errors import ExtractorMismatchError, FileFormatError, InputError
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.elsewhere import remedy
from headfit.files.fields import Fields, parse_json
from headfit.learning.background import Background, is_factor
from headfit.learning.fitted_head import FittedHead
from headfit.learning.fitted_multi_label_head import FittedMultiLabelHead
from headfit.learning.origin import ExtractorReference, Preprocessing, View
from headfit.maths.arrays import MAX_EMBEDDING_DIM, FloatArray

FORMAT = "headfit-extractor"
FORMAT_VERSION = 1
MAX_MANIFEST_BYTES = 1 << 20
MAX_INPUT_SIDE = 4_096
MAX_MODEL_BYTES = 1 << 30
TUNED = ".tuned"
"""How names of extractors with retrained blocks end."""

_NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


@dataclass(frozen=True, slots=True)
class Golden:
    """One picture's known embedding, against which an engine is checked before it is trusted.

    The picture lies beside the .tflite as ``<stem>.golden.png``, already of input size.

    Attributes
    ----------
    cosine_at_least : float
        Smallest cosine between the known and the computed embedding.
    difference_at_most : float
        Largest absolute difference, as a fraction of the known embedding's range.
    embedding : tuple of float
        The known embedding, ``embedding_dim`` values.
    """

    cosine_at_least: float
    difference_at_most: float
    embedding: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What one extractor is.

    Attributes
    ----------
    name : str
        Up to 64 of ``A-Z a-z 0-9 . _ -``.
    version : int
        Version of the extractor under this name, from 1.
    fingerprint : str
        SHA-256 of the .tflite bytes, 64 lower-case hex digits.
    size_bytes : int
        Length of the .tflite.
    embedding_dim : int
        Width of an embedding.
    preprocessing : Preprocessing
        How a photo becomes the input.
    description, licence : str
        For people.
    golden : Golden or None
        The self-check, if there is one.
    background : Background or None
        Where embeddings of all kinds of pictures lie, if that was measured.
    """

    name: str
    version: int
    fingerprint: str
    size_bytes: int
    embedding_dim: int
    preprocessing: Preprocessing
    description: str
    licence: str
    golden: Golden | None
    background: Background | None = None

    def reference(self) -> ExtractorReference:
        """Return what a head fitted on this extractor remembers of it."""
        return ExtractorReference(self.name, self.version, self.fingerprint, self.preprocessing)

    def check_width(self, embeddings: FloatArray) -> None:
        """Refuse embeddings that this extractor cannot have made.

        Raises
        ------
        InputError
            If they are of another width.
        """
        if self.embedding_dim != embeddings.shape[1]:
            raise InputError(
                f"expected embeddings of width {self.embedding_dim} as {self.name} makes them, "
                f"found width {embeddings.shape[1]}; pass the extractor that made them"
            )

    def check_head(self, head: FittedHead | FittedMultiLabelHead, source: str) -> None:
        """Refuse a head that was fitted on another extractor; ``source`` names the head.

        Raises
        ------
        ExtractorMismatchError
            If the fingerprint is another than the one that the head remembers, or the width is, or
            the background is not the one that the head compares with.
        """
        fitted_on = head.extractor
        if fitted_on is not None and fitted_on.fingerprint != self.fingerprint:
            if fitted_on.name.endswith(TUNED):
                advice = "put the .block that finetune wrote with the head beside it, named alike"
            else:
                advice = remedy(fitted_on.fingerprint)
            raise ExtractorMismatchError(
                f"{source}: expected the extractor {fitted_on.name} with fingerprint "
                f"{fitted_on.fingerprint}, found {self.name} with {self.fingerprint}; {advice}, or "
                "train the head again on this one"
            )
        if head.embedding_dim != self.embedding_dim:
            raise ExtractorMismatchError(
                f"{source}: expected embeddings of width {head.embedding_dim}, found an extractor "
                f"of width {self.embedding_dim} ({self.name}); open the one that the head was "
                "fitted on"
            )
        if isinstance(head, FittedMultiLabelHead):
            return
        found = None if self.background is None else self.background.fingerprint
        if head.likeness is not None and head.likeness.background != found:
            raise ExtractorMismatchError(
                f"{source}: expected the background of {self.name} with SHA-256 "
                f"{head.likeness.background}, found {found or 'none'}; open the extractor with the "
                "manifest of that time, or train the head again"
            )


class DescribedExtractor(Protocol):
    """What a head needs to know of an extractor: `headfit.Extractor` has it."""

    @property
    def manifest(self) -> Manifest:
        """What the extractor is."""
        ...

    @property
    def views(self) -> tuple[View, ...]:
        """How it looks at each photo."""
        ...


def check_made(
    extractor: DescribedExtractor, head: FittedHead | FittedMultiLabelHead, source: str
) -> None:
    """Refuse a head on other embeddings than this extractor makes; ``source`` names the head.

    Raises
    ------
    ExtractorMismatchError
        If it was fitted on another extractor, or on other views of photos.
    """
    extractor.manifest.check_head(head, source)
    if tuple(extractor.views) != head.views:
        raise ExtractorMismatchError(
            f"{source}: expected an extractor that looks at photos in {len(head.views)} views, as "
            f"the head was taught, found one with {len(extractor.views)}, or others; use "
            "extractor.looking(head.views_), or ImageClassifier.load"
        )


def load_manifest(path: str | os.PathLike[str]) -> Manifest:
    """Read the manifest at ``path``; see `load_manifest_bytes`."""
    return load_manifest_bytes(read_bounded(path, MAX_MANIFEST_BYTES), os.fspath(path))


def load_manifest_bytes(data: bytes, source: str = "manifest") -> Manifest:
    """Return the manifest that ``data`` holds.

    Parameters
    ----------
    data : bytes
        JSON as docs/manifest-format.md describes it.
    source : str
        Names the bytes in messages.

    Raises
    ------
    UnsupportedVersionError
        If ``format_version`` is not one this headfit knows.
    FileFormatError
        If anything else breaks the specification.
    """
    fields = Fields(parse_json(data, source), source)
    fields.kind(FORMAT, FORMAT_VERSION)
    embedding_dim = fields.whole("embedding_dim", 1, MAX_EMBEDDING_DIM)
    manifest = Manifest(
        **_reference_fields(fields, source),
        size_bytes=fields.whole("size_bytes", 1, MAX_MODEL_BYTES),
        embedding_dim=embedding_dim,
        description=fields.text("description"),
        licence=fields.text("licence"),
        golden=_golden(fields.take("golden"), embedding_dim, f"{source}: golden"),
        background=_background(fields.take("background"), embedding_dim, f"{source}: background"),
    )
    fields.done()
    return manifest


def save_manifest(manifest: Manifest, path: str | os.PathLike[str]) -> None:
    """Write ``manifest`` to ``path``, whole or not at all; equal manifests give equal bytes.

    Raises
    ------
    FileFormatError
        If the manifest breaks the specification; nothing is written.
    """
    write_atomically(path, manifest_bytes(manifest, os.fspath(path)))


def manifest_bytes(manifest: Manifest, source: str) -> bytes:
    """Return the file of a manifest; errors are those of `save_manifest` and name ``source``."""
    document = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **dataclasses.asdict(manifest),
    }
    try:
        data = (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()
    except (TypeError, UnicodeEncodeError) as error:
        raise FileFormatError(f"{source}: not writable as JSON: {error}") from error
    if load_manifest_bytes(data, source) != manifest:
        raise FileFormatError(
            f"{source}: expected a manifest that reads back equal, found one that does "
            "not; give lists of numbers as tuples"
        )
    return data


def reference_from_json(value: Any, source: str) -> ExtractorReference:
    """Return the checked `ExtractorReference` of a parsed JSON object, as head files hold it."""
    fields = Fields(value, source)
    reference = ExtractorReference(**_reference_fields(fields, source))
    fields.done()
    return reference


def _reference_fields(fields: Fields, source: str) -> dict[str, Any]:
    """Return the fields that manifests and head files share."""
    return {
        "name": fields.text(
            "name", pattern=_NAME_PATTERN, meaning="a name of letters, digits, '.', '_', '-'"
        ),
        "version": fields.whole("version", 1, 2**31),
        "fingerprint": fields.sha256("fingerprint"),
        "preprocessing": _preprocessing(fields.take("preprocessing"), f"{source}: preprocessing"),
    }


def _preprocessing(value: Any, source: str) -> Preprocessing:
    fields = Fields(value, source)
    resize_to = fields.whole("resize_to", 1, MAX_INPUT_SIDE)
    preprocessing = Preprocessing(
        height=fields.whole("height", 1, resize_to),
        width=fields.whole("width", 1, resize_to),
        resize=fields.text("resize", pattern="shorter-side", meaning="'shorter-side'"),
        resize_to=resize_to,
        interpolation=fields.text(
            "interpolation", pattern="bilinear|bicubic", meaning="'bilinear' or 'bicubic'"
        ),
        mean=_rgb(fields.numbers("mean", 3, -1e6, 1e6)),
        std=_rgb(fields.numbers("std", 3, 1e-6, 1e6)),
    )
    fields.done()
    return preprocessing


def _rgb(values: tuple[float, ...]) -> tuple[float, float, float]:
    red, green, blue = values
    return red, green, blue


def _golden(value: Any, embedding_dim: int, source: str) -> Golden | None:
    if value is None:
        return None
    fields = Fields(value, source)
    golden = Golden(
        cosine_at_least=fields.number("cosine_at_least", 0.0, 1.0),
        difference_at_most=fields.number("difference_at_most", 0.0, 1.0),
        embedding=fields.numbers("embedding", embedding_dim, -3e38, 3e38),
    )
    fields.done()
    return golden


def _background(value: Any, embedding_dim: int, source: str) -> Background | None:
    if value is None:
        return None
    fields = Fields(value, source)
    background = Background(
        made_from=fields.text("made_from"),
        n_pictures=fields.whole("n_pictures", 2, 2**31),
        mean=fields.numbers("mean", embedding_dim, -3e38, 3e38),
        factor=fields.text("factor"),
    )
    fields.done()
    if not is_factor(background.factor, embedding_dim):
        expected = f"{embedding_dim * (embedding_dim + 1)} bytes of finite float16 in base64"
        raise fields.fault(expected, background.factor, "factor")
    return background
