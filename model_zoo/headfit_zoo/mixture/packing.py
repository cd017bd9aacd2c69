"""Pictures of a source, packed once: JPEG bytes end to end in one file, and an index.

Per source ``<name>.jpegs`` and, written last, ``<name>.npz`` with

- ``offsets`` (n + 1,) int64: where each picture begins;
- ``labels`` (n,) int32: -1 without one;
- ``sizes`` (n, 2) int32: height and width in pixels;
- ``hashes`` (n, 64) bool and ``thumbnails`` (n, 16, 16) uint8: see `twins`;

``<name>.json``: where it comes from, class names, digests; ``<name>.sha256``: the SHA-256 and path
of every file as it lies in the repository; ``<name>.paths``: those that were packed, in order;
``<name>.undecodable``: those that are no pictures or are missing, with the reason.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headfit import InputError
from headfit_zoo.mixture.repositories import Repository
from headfit_zoo.mixture.sources import CONTENTS, Source
from headfit_zoo.mixture.twins import look_of

SHORT_SIDE = 160
"""Pixels that a larger picture's shorter side is brought to."""
QUALITY = 90
"""Of JPEGs that are written anew."""

Progress = Callable[[str, int, int], None]
"""Called with a name, how much is done, and how much there is."""


@dataclass(frozen=True)
class Pack:
    """The packed pictures of a source.

    Attributes
    ----------
    name : str
    about : dict
        Repository, commit, classes, digests.
    jpegs : ndarray of shape (n_bytes,), dtype uint8
        Memory-mapped.
    offsets, labels, sizes, hashes, thumbnails : ndarray
    """

    name: str
    about: dict[str, object]
    jpegs: NDArray[np.uint8]
    offsets: NDArray[np.int64]
    labels: NDArray[np.int32]
    sizes: NDArray[np.int32]
    hashes: NDArray[np.bool_]
    thumbnails: NDArray[np.uint8]

    @classmethod
    def open(cls, folder: Path, name: str) -> Pack:
        """Open what `pack` wrote.

        Raises
        ------
        InputError
            If it is missing, cut short or changed.
        """
        try:
            about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
            with (folder / f"{name}.npz").open("rb") as stream, np.load(stream) as index:
                arrays = {key: index[key] for key in index.files}
            jpegs = np.memmap(folder / f"{name}.jpegs", np.uint8, "r")
        except FileNotFoundError as error:
            raise InputError(
                f"expected the packed pictures of {name} in {folder}, found no "
                f"{Path(error.filename).name}; pack them"
            ) from None
        except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
            raise _damaged(folder, name, str(error)) from None
        found = len(jpegs)
        if arrays["offsets"][-1] != found or about["n_bytes"] != found:
            raise _damaged(folder, name, f"{found} bytes instead of {about['n_bytes']}")
        return cls(name, about, jpegs, **arrays)

    def __len__(self) -> int:
        return len(self.labels)

    def picture(self, index: int) -> Image.Image:
        """Decode a picture, RGB.

        Raises
        ------
        InputError
            If its bytes are damaged.
        """
        try:
            with Image.open(io.BytesIO(self.jpeg(index))) as picture:
                return picture.convert("RGB")
        except (OSError, ValueError) as error:
            raise InputError(
                f"expected picture {index} of {self.name} to decode, found {error}; the pack is "
                "damaged: remove it and pack anew"
            ) from None

    def jpeg(self, index: int) -> bytes:
        """Return a picture as it lies in the pack."""
        start, stop = self.offsets[index : index + 2]
        return self.jpegs[start:stop].tobytes()

    def verify(self) -> None:
        """Compare all bytes with the digest that was written.

        Raises
        ------
        InputError
            If they differ.
        """
        found = hashlib.sha256(self.jpegs.data).hexdigest()
        if found != self.about["jpegs_sha256"]:
            raise InputError(
                f"expected the pictures of {self.name} to have SHA-256 "
                f"{self.about['jpegs_sha256']}, found {found}; remove the pack and pack anew"
            )


def pack(
    source: Source, repositories: Path, folder: Path, *, progress: Progress | None = None
) -> Pack:
    """Pack a source, or open it if that was done.

    Parameters
    ----------
    source : Source
    repositories : Path
        Copies as ``<owner>/<name>.git``.
    folder : Path

    Raises
    ------
    InputError
        If the repository, the commit or all pictures are missing, the contents are others than
        `CONTENTS` says, another recipe was packed into the folder, or the disk is full.
    """
    name = source.name
    recipe = {
        "repository": source.repository,
        "commit": source.commit,
        "folder": source.folder,
        "most": source.most,
        "without": list(source.without),
        "short_side": SHORT_SIDE,
        "quality": QUALITY,
    }
    if (folder / f"{name}.npz").exists():
        opened = Pack.open(folder, name)
        different = [key for key in recipe if opened.about.get(key) != recipe[key]]
        if different:
            raise InputError(
                f"expected {name} packed by this recipe in {folder}, found another "
                f"{', '.join(different)}; remove its files or choose another folder"
            )
        return opened
    repository = Repository(repositories, source.repository, source.commit)
    files = repository.list()
    chosen = source.choose([path for path, _ in files])
    if not chosen:
        raise InputError(f"expected pictures of {name} in {repository.folder}, found none")
    folder.mkdir(parents=True, exist_ok=True)
    classes = sorted({label for _, label in chosen if label is not None})
    number = {label: index for index, label in enumerate(classes)}
    part = folder / f"{name}.jpegs.part"
    offsets, labels, sizes, hashes, thumbnails = [0], [], [], [], []
    digests, paths, undecodable = [], [], []
    contents = hashlib.sha256()
    try:
        with part.open("wb") as stream:
            read = repository.read([files[index][1] for index, _ in chosen])
            for done, ((index, label), blob) in enumerate(zip(chosen, read, strict=True), 1):
                path = files[index][0]
                if progress is not None and done % 500 == 0:
                    progress(name, done, len(chosen))
                if blob is None:
                    undecodable.append(f"{path}\tmissing from the copy")
                    continue
                digests.append(f"{hashlib.sha256(blob).hexdigest()}  {path}")
                try:
                    picture, jpeg = _shrink(blob)
                except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                    undecodable.append(f"{path}\t{error}")
                    continue
                stream.write(jpeg)
                contents.update(jpeg)
                offsets.append(offsets[-1] + len(jpeg))
                labels.append(-1 if label is None else number[label])
                sizes.append(picture.size[::-1])
                look = look_of(picture)
                hashes.append(look[0])
                thumbnails.append(look[1])
                paths.append(path)
        listed = "\n".join(digests) + "\n"
        digest = hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
        if digest != CONTENTS.get(name, digest):
            raise InputError(
                f"expected the files of {name} to have the digest {CONTENTS[name]}, found {digest}"
            )
        about = {
            **recipe,
            "classes": classes,
            "n_pictures": len(paths),
            "n_bytes": offsets[-1],
            "jpegs_sha256": contents.hexdigest(),
            "list_sha256": digest,
        }
        _write(folder / f"{name}.sha256", listed)
        _write(folder / f"{name}.paths", "".join(f"{path}\n" for path in paths))
        _write(folder / f"{name}.undecodable", "".join(f"{line}\n" for line in undecodable))
        _write(folder / f"{name}.json", json.dumps(about, indent=1))
        os.replace(part, folder / f"{name}.jpegs")
        index_part = folder / f"{name}.npz.part"
        with index_part.open("wb") as stream:
            np.savez(
                stream,
                offsets=np.array(offsets, np.int64),
                labels=np.array(labels, np.int32),
                sizes=np.array(sizes, np.int32),
                hashes=np.array(hashes),
                thumbnails=np.array(thumbnails),
            )
        os.replace(index_part, folder / f"{name}.npz")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            part.unlink(missing_ok=True)
            free = shutil.disk_usage(folder).free >> 20
            raise InputError(
                f"expected room for {name} in {folder}, found {free} MiB free after "
                f"{offsets[-1] >> 20} MiB; nothing was kept"
            ) from None
        raise
    return Pack.open(folder, name)


def _shrink(blob: bytes) -> tuple[Image.Image, bytes]:
    """Return a picture and its JPEG, as it is if that is small and RGB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about EXIF and palettes; what fails to decode raises
        with Image.open(io.BytesIO(blob)) as opened:
            kind = (opened.format, opened.mode)
            large = min(opened.size) > SHORT_SIDE
            if large and opened.format == "JPEG":
                # Half or a quarter of a JPEG's size costs less to decode.
                opened.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))
            picture = opened.convert("RGB")
    if min(picture.size) > SHORT_SIDE:
        scale = SHORT_SIDE / min(picture.size)
        width, height = (max(SHORT_SIDE, round(side * scale)) for side in picture.size)
        picture = picture.resize((width, height), Image.Resampling.BICUBIC)
    elif kind == ("JPEG", "RGB") and not large:
        return picture, blob
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return picture, buffer.getvalue()


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8", errors="surrogateescape")
    os.replace(part, path)


def _damaged(folder: Path, name: str, found: str) -> InputError:
    return InputError(
        f"expected the whole pack of {name} in {folder}, found {found}; remove its files and pack "
        "anew"
    )
