"""A folder of embeddings: photos of any number, embedded once; ``docs/embeddings-format.md``."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from headfit.errors import ExtractorMismatchError, FileFormatError, InputError
from headfit.files.class_names import as_class_name
from headfit.files.disk import read_bounded, write_atomically
from headfit.files.elsewhere import remedy
from headfit.files.fields import Fields, canonical_json, parse_json
from headfit.files.manifest import Manifest, reference_from_json
from headfit.learning.origin import ExtractorReference
from headfit.maths.arrays import MAX_EMBEDDING_DIM, FloatArray
from headfit.photos.photo_folder import PhotoFile, PhotoFolder, Skipped, find_photos

FORMAT: Final = "headfit-embeddings"
FORMAT_VERSION: Final = 1
MAX_SHARDS: Final = 99_999
MAX_PIECE_PHOTOS: Final = 1_000
"""So many photos are embedded again at most if the work is interrupted."""

_MAX_LIST_BYTES: Final = 1 << 28
_MAX_NPY_HEADER_BYTES: Final = 1 << 12
_STEM: Final = re.compile(r"shard-(\d{5})-of-(\d{5})-(\d{6})")


@dataclass(frozen=True, slots=True)
class Entry:
    """What a list says of one photo.

    Attributes
    ----------
    path : str
        Within the folder that was embedded, with "/" between names.
    class_name : str
    size_bytes, modified_ns : int
        Of the file, when it was embedded: a file of which they changed is embedded again.
    photo_hash : int
        `headfit.photos.perceptual_hash`.
    skipped : str or None
        Why the photo has no row; None if it has one.
    """

    path: str
    class_name: str
    size_bytes: int
    modified_ns: int
    photo_hash: int = 0
    skipped: str | None = None

    @property
    def file(self) -> tuple[str, str, int, int]:
        """What says that the photo is the same."""
        return self.path, self.class_name, self.size_bytes, self.modified_ns


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of all photos a piece holds: piece ``piece`` of shard ``shard``, from 1."""

    shard: int
    n_shards: int
    piece: int
    n_pieces: int

    @property
    def stem(self) -> str:
        """The name of its two files, without their endings."""
        return f"shard-{self.shard:05}-of-{self.n_shards:05}-{self.piece:06}"


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A list of photos and, in a file beside it, the embeddings of those that could be read."""

    place: Place
    extractor: ExtractorReference
    embedding_dim: int
    npy_sha256: str
    entries: tuple[Entry, ...]

    @property
    def n_rows(self) -> int:
        """How many photos have an embedding."""
        return sum(entry.skipped is None for entry in self.entries)

    def read_rows(self, directory: Path) -> FloatArray:
        """Return the embeddings, of shape (n_rows, embedding_dim).

        Raises
        ------
        FileFormatError
            If the file is not the one that the list was written with.
        FileNotFoundError
            If it is missing.
        """
        path = directory / f"{self.place.stem}.npy"
        shape = (self.n_rows, self.embedding_dim)
        data = read_bounded(path, _MAX_NPY_HEADER_BYTES + 4 * shape[0] * shape[1])
        if hashlib.sha256(data).hexdigest() != self.npy_sha256:
            raise FileFormatError(
                f"{path}: expected the file that {self.place.stem}.jsonl was written with, found "
                "another; embed this shard again"
            )
        try:
            rows = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError, OSError, SyntaxError) as error:
            raise FileFormatError(f"{path}: expected an array, found a fault: {error}") from error
        is_right = rows.dtype == np.float32 and rows.shape == shape and np.isfinite(rows).all()
        if not is_right:
            raise FileFormatError(
                f"{path}: expected finite float32 of shape {shape}, found {rows.dtype} of shape "
                f"{rows.shape}; embed this shard again"
            )
        return np.ascontiguousarray(rows)


@dataclass(frozen=True, slots=True)
class EmbeddedFolder(PhotoFolder):
    """A folder of embeddings, which stands for the folder of photos that they were made of.

    Attributes
    ----------
    root : Path
        The folder of embeddings. The paths of photos are what they would be inside it.
    pieces : tuple of Piece
    """

    pieces: tuple[Piece, ...] = ()

    def check_extractor(self, manifest: Manifest) -> None:
        """Refuse embeddings of another extractor.

        Raises
        ------
        ExtractorMismatchError
            If the fingerprint or the preprocessing is another.
        """
        made_by, wanted = self.pieces[0].extractor, manifest.reference()
        if made_by != wanted:
            raise ExtractorMismatchError(
                f"{self.root}: expected embeddings of {wanted.name} with fingerprint "
                f"{wanted.fingerprint}, found those of {made_by.name} with {made_by.fingerprint}, "
                "or photos prepared in another way; embed the photos again, or "
                f"{remedy(made_by.fingerprint)}"
            )


def is_embedded(directory: str | os.PathLike[str]) -> bool:
    """Return whether a folder holds embeddings rather than photos, were they only begun."""
    try:
        with os.scandir(directory) as entries:
            return any(map(_is_of_piece, (Path(entry.name) for entry in entries)))
    except OSError:
        return False


def _is_of_piece(path: Path) -> bool:
    return path.suffix in (".jsonl", ".npy") and _STEM.fullmatch(path.stem) is not None


def embedded_by(directory: str | os.PathLike[str]) -> str | None:
    """Return the fingerprint of what made a folder of embeddings; None of a folder of photos.

    Errors are those of `find_examples`.
    """
    stems = sorted_stems(Path(directory)) if is_embedded(directory) else []
    return read_piece(Path(directory), stems[0]).extractor.fingerprint if stems else None


def find_examples(directory: str | os.PathLike[str]) -> PhotoFolder:
    """Return the photos in a folder per class, or of a folder of embeddings made of such.

    Raises
    ------
    FileFormatError
        If a list of photos breaks its specification.
    InputError
        If shards are missing; else as `headfit.photos.find_photos`.
    """
    return read_embedded(Path(directory)) if is_embedded(directory) else find_photos(directory)


def read_embedded(directory: Path) -> EmbeddedFolder:
    """Return what a folder of embeddings holds; the embeddings themselves are not read yet.

    Errors are those of `find_examples`.
    """
    pieces = [read_piece(directory, place) for place in sorted_stems(directory)]
    if not pieces:
        raise InputError(
            f"{directory}: expected whole shards, found one that was interrupted; run headfit "
            "embed again"
        )
    _refuse_gaps(directory, pieces)
    photos, skipped = [], []
    for piece in pieces:
        if (piece.extractor, piece.embedding_dim) != (pieces[0].extractor, pieces[0].embedding_dim):
            raise FileFormatError(
                f"{directory}: expected shards of one extractor, found several, {piece.place.stem} "
                "among them; embed the photos again into a new folder"
            )
        for entry in piece.entries:
            path = directory / entry.path
            if entry.skipped is None:
                photos.append(PhotoFile(path, entry.class_name))
            else:
                skipped.append(Skipped(path, entry.skipped))
    if not photos:
        raise InputError(f"{directory}: expected embeddings of photos, found none; embed others")
    return EmbeddedFolder(directory, tuple(photos), tuple(skipped), tuple(pieces))


def sorted_stems(directory: Path) -> list[tuple[int, int, int]]:
    """Return shard, number of shards and piece of every list in a folder, in their order."""
    found = (_place_of(path) for path in directory.iterdir())
    return sorted(place for place in found if place is not None)


def read_piece(directory: Path, place: tuple[int, int, int]) -> Piece:
    """Return what a list of photos says.

    Raises
    ------
    FileFormatError
        If it breaks the specification.
    FileNotFoundError
        If there is none.
    """
    shard, n_shards, number = place
    path = directory / f"{Place(shard, n_shards, number, number).stem}.jsonl"
    lines = read_bounded(path, _MAX_LIST_BYTES).split(b"\n")
    if lines.pop() != b"" or not lines:
        raise FileFormatError(f"{path}: expected whole lines, found a part; embed this shard again")
    fields = Fields(parse_json(lines[0], f"{path}: line 1"), f"{path}: line 1")
    fields.kind(FORMAT, FORMAT_VERSION)
    for key, value in (("shard", shard), ("n_shards", n_shards), ("piece", number)):
        fields.whole(key, value, value)
    n_pieces = fields.whole("n_pieces", number, 999_999)
    piece = Piece(
        place=Place(shard, n_shards, number, n_pieces),
        extractor=reference_from_json(fields.take("extractor"), f"{path}: extractor"),
        embedding_dim=fields.whole("embedding_dim", 1, MAX_EMBEDDING_DIM),
        npy_sha256=fields.sha256("npy_sha256"),
        entries=tuple(_entries(lines[1:], path)),
    )
    fields.done()
    return piece


def write_piece(
    directory: Path, place: Place, manifest: Manifest, entries: list[Entry], rows: FloatArray
) -> None:
    """Write a piece: first the embeddings, then the list, which makes it count; each whole."""
    stream = io.BytesIO()
    np.save(stream, rows, allow_pickle=False)
    header = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        **asdict(place),
        "extractor": asdict(manifest.reference()),
        "embedding_dim": manifest.embedding_dim,
        "npy_sha256": hashlib.sha256(stream.getvalue()).hexdigest(),
    }
    lines = [canonical_json(header), *(_as_json(entry) for entry in entries)]
    write_atomically(directory / f"{place.stem}.npy", stream.getvalue())
    write_atomically(directory / f"{place.stem}.jsonl", ("\n".join(lines) + "\n").encode())


def _as_json(entry: Entry) -> str:
    line: dict[str, Any] = {
        "class": entry.class_name,
        "size": entry.size_bytes,
        "modified_ns": entry.modified_ns,
    }
    # Names of files need not be UTF-8: then their bytes are written as they are, two digits each.
    try:
        entry.path.encode()
        line["path"] = entry.path
    except UnicodeEncodeError:
        line["path_hex"] = os.fsencode(entry.path).hex()
    if entry.skipped is None:
        line["hash"] = f"{entry.photo_hash:016x}"
    else:
        line["skipped"] = entry.skipped.encode("utf-8", "backslashreplace").decode()
    return canonical_json(line)


def _entries(lines: list[bytes], path: Path) -> Iterator[Entry]:
    for number, line in enumerate(lines, 2):
        source = f"{path}: line {number}"
        fields = Fields(parse_json(line, source), source)
        name, given = _path_in(fields), fields.take("class")
        if (class_name := as_class_name(given)) is None:
            raise fields.fault("a class name", given, "class")
        size_bytes = fields.whole("size", 0, 2**63)
        modified_ns = fields.whole("modified_ns", -(2**63), 2**63)
        if fields.has("skipped"):
            reason = fields.take("skipped")
            if not isinstance(reason, str):
                raise fields.fault("a text", reason, "skipped")
            yield Entry(name, class_name, size_bytes, modified_ns, skipped=reason)
        else:
            digits = fields.text("hash", pattern="[0-9a-f]{16}", meaning="16 hex digits")
            yield Entry(name, class_name, size_bytes, modified_ns, int(digits, 16))
        fields.done()


def _path_in(fields: Fields) -> str:
    """Return the path of a photo, which must stay inside the folder."""
    if fields.has("path_hex"):
        digits = fields.text("path_hex", pattern="(?:[0-9a-f]{2})+", meaning="hex digits")
        path = os.fsdecode(bytes.fromhex(digits))
    else:
        path = fields.take("path")
    if (
        not isinstance(path, str)
        or "\0" in path
        or not all(name not in ("", ".", "..") for name in path.split("/"))
    ):
        raise fields.fault("a path inside the folder", path, "path")
    return path


def _place_of(path: Path) -> tuple[int, int, int] | None:
    found = _STEM.fullmatch(path.stem)
    if path.suffix != ".jsonl" or found is None:
        return None
    shard, n_shards, piece = map(int, found.groups())
    return shard, n_shards, piece


def _refuse_gaps(directory: Path, pieces: list[Piece]) -> None:
    """Refuse a folder that lacks a piece, or holds pieces of two divisions."""
    n_shards = pieces[0].place.n_shards
    if any(piece.place.n_shards != n_shards for piece in pieces):
        raise InputError(
            f"{directory}: expected shards of one division, found shards of {n_shards} and of "
            f"{pieces[-1].place.n_shards}; embed into a folder of their own"
        )
    there = {(piece.place.shard, piece.place.piece): piece.place.n_pieces for piece in pieces}
    for shard in range(1, n_shards + 1):
        n_pieces = there.get((shard, 1), 1)
        for piece in range(1, n_pieces + 1):
            if there.get((shard, piece)) != n_pieces:
                raise InputError(
                    f"{directory}: expected all of shard {shard}/{n_shards}, found it unfinished; "
                    f"run headfit embed with --shard {shard}/{n_shards}"
                )
    if len(there) != sum(there.get((shard, 1), 0) for shard in range(1, n_shards + 1)):
        raise InputError(
            f"{directory}: expected the pieces of {n_shards} shards, found more; embed into a new "
            "folder"
        )
