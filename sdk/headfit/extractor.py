"""The extractor: a frozen network and its manifest, verified once; photos in, embeddings out."""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set, Sized
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headfit.engines import Engine, EngineReport, SelfCheck, open_engine, survey_engines
from headfit.engines.catalogue import with_delegate
from headfit.errors import ExtractorError, ExtractorMismatchError, InputError
from headfit.extractors.finding import (
    find_made_by,
    install_extractor,
    read_extractor,
    read_manifest,
)
from headfit.files import blockfile
from headfit.files.any_head import load_any_head
from headfit.files.manifest import TUNED, Manifest
from headfit.learning.origin import MAX_VIEWS, WHOLE, View
from headfit.locks import long_lock
from headfit.maths.arrays import FloatArray
from headfit.photos.ahead import checked_jobs, decode_ahead
from headfit.photos.images import (
    MAX_PIXELS,
    ImageSource,
    PhotoProgress,
    decode_image,
    is_blank,
    is_lasting,
    look,
    needed_side,
    open_rgb,
    prepare_input,
)
from headfit.reopened import Reopened

if TYPE_CHECKING:
    from headfit.networks.tflite import Graph


class Extractor(Reopened):
    """A frozen network that turns a photo into an embedding; made by `open`.

    It is safe to use from several threads. After a fork, and where it arrives as a pickle
    (`multiprocessing`, joblib), it is one of that process's own: a pickle holds the name or
    path and the fingerprint, and the file is opened and verified again on arrival.

    Parameters
    ----------
    manifest : Manifest
        What the network is.
    engine : Engine
        What runs it.

    Attributes
    ----------
    manifest : Manifest
    views : tuple of View
        How it looks at each photo: once, as the manifest says, unless `looking` said otherwise.
    """

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self.manifest = manifest
        self._engine = engine
        self.views: tuple[View, ...] = (WHOLE,)
        self._how_opened: Callable[[], Extractor] | None = None
        self._lock = long_lock()  # interpreters keep their input and output between calls

    @classmethod
    def open(
        cls,
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        engine: str = "auto",
        isolate: bool = False,
        delegate: str | None = None,
    ) -> Extractor:
        """Open an extractor after checking that its file is the one its manifest describes.

        Parameters
        ----------
        name_or_path : str or path, optional
            Path of a ``.tflite`` or ``.onnx`` whose manifest lies beside it as ``.json``, or the
            name of an extractor in `headfit.extractors.installed_folder`. By default the one
            that headfit knows: it came with the package, or was put on this device by `install`.
            Path of a ``.block`` (`headfit.finetune`): the extractor it was trained for, with these
            last blocks; that extractor lies beside it or is installed.
        engine : str
            Which engine runs it; "auto" takes the fastest one that is present and reproduces the
            golden picture's embedding.
        isolate : bool
            Run the engine in a process of its own, which cannot take this one down.
        delegate : str, optional
            Library of a TFLite delegate, such as "libedgetpu.so.1": LiteRT, tflite-runtime or
            TensorFlow hand it what it can run. A command names it behind the engine:
            ``--engine litert:libedgetpu.so.1``.

        Raises
        ------
        ExtractorMissingError
            If there is no extractor of that name, or the default one is not installed.
        ExtractorError
            If the file is not the one of the manifest, or no engine's embedding of the golden
            picture is right.
        EngineMissingError
            If there is no engine of that name, or it is not installed.
        ExtractorMismatchError
            If the blocks were trained for another extractor than the one found.
        FileFormatError
            If the manifest or the block file breaks its specification.
        FileNotFoundError
            If the file or its manifest is missing.
        """
        engine = with_delegate(engine, delegate)
        if name_or_path is not None and Path(name_or_path).suffix == blockfile.SUFFIX:
            extractor = _open_tuned(Path(name_or_path), engine, isolate)
        else:
            path, manifest, model = read_extractor(name_or_path)
            opened = open_engine(model, engine, check=_self_check(path, manifest), isolate=isolate)
            _check_shapes(path, manifest, opened)
            extractor = cls(manifest, opened)
        extractor._how_opened = partial(cls.open, name_or_path, engine=engine, isolate=isolate)
        return extractor

    @classmethod
    def open_for(
        cls,
        head: str | os.PathLike[str],
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        engine: str = "auto",
        isolate: bool = False,
        delegate: str | None = None,
    ) -> Extractor:
        """Open the extractor that a head file names by its fingerprint, looking in its views.

        That is a block file beside it, or an installed extractor of whatever name; if neither is on
        this device, the one that headfit knows, which then refuses the head.

        Parameters
        ----------
        head : path
            A head file, also of a `headfit.MultiLabelHead`.
        name_or_path : str or path, optional
            Open this one instead.
        engine, isolate, delegate
            As for `open`.

        Raises
        ------
        FileFormatError
            If ``head`` is no head file.
        ExtractorError, FileFormatError, FileNotFoundError
            As `open`.
        """
        fitted = load_any_head(head).head
        if name_or_path is None:
            made_on = fitted.extractor
            name_or_path = find_made_by(made_on.fingerprint if made_on else None, head)
        opened = cls.open(name_or_path, engine=engine, isolate=isolate, delegate=delegate)
        return opened.looking(fitted.views)

    @staticmethod
    def install(model: bytes) -> Path:
        """Install the extractor that headfit knows, where an app ships without it.

        Parameters, result and errors are those of `headfit.extractors.finding.install_extractor`.
        """
        return install_extractor(model)

    @staticmethod
    def manifest_of(name_or_path: str | os.PathLike[str] | None = None) -> Manifest:
        """Return what an extractor is, without opening it; parameters are those of `open`."""
        return read_manifest(name_or_path)

    @classmethod
    def open_front(
        cls,
        name_or_path: str | os.PathLike[str] | None,
        n_blocks: int,
        *,
        engine: str = "auto",
        isolate: bool = False,
    ) -> tuple[Extractor, Graph]:
        """Open an extractor without its last binary blocks; see `headfit.finetune`.

        Parameters and errors are those of `open`.

        Returns
        -------
        front : Extractor
            What it calls embeddings are the activations before those blocks.
        tail : Graph
            From there to the embedding.
        """
        from headfit.engines.retrained import open_front

        path, manifest, model = read_extractor(name_or_path)
        check = _self_check(path, manifest)
        opened, tail = open_front(model, n_blocks, engine, check=check, isolate=isolate)
        identity = f"headfit front {n_blocks} {manifest.fingerprint}".encode()
        described = replace(
            manifest,
            name=f"{manifest.name[:48]}.front{n_blocks}",
            fingerprint=hashlib.sha256(identity).hexdigest(),
            embedding_dim=opened.embedding_dim,
            golden=None,
            background=None,
        )
        extractor = cls(described, opened)
        extractor._how_opened = partial(
            _front_alone, name_or_path, n_blocks, engine=engine, isolate=isolate
        )
        return extractor, tail

    @staticmethod
    def survey(
        name_or_path: str | os.PathLike[str] | None = None,
        *,
        isolate: bool = True,
    ) -> tuple[Manifest, tuple[EngineReport, ...]]:
        """Try every engine on an extractor, and say how each did.

        Errors are those of `open`, but for those of the engines: they are in the reports.

        Parameters
        ----------
        name_or_path : str or path, optional
            As for `open`.
        isolate : bool
            Try each in a process of its own, so that none can take this one down. Android has no
            such processes.

        Returns
        -------
        manifest : Manifest
        reports : tuple of EngineReport
            Fastest kind first; "auto" takes the first that is usable.
        """
        path, manifest, model = read_extractor(name_or_path)
        return manifest, survey_engines(model, _self_check(path, manifest), isolate=isolate)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the ``.tflite`` bytes, 64 hex digits."""
        return self.manifest.fingerprint

    @property
    def embedding_dim(self) -> int:
        """Width of an embedding."""
        return self.manifest.embedding_dim

    @property
    def engine_name(self) -> str:
        """Which engine runs the network."""
        return self._engine.name

    def embed(
        self,
        images: Iterable[ImageSource],
        *,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> NDArray[np.float32]:
        """Return the embedding of every image: of several `views`, the mean of theirs.

        Parameters
        ----------
        images : iterable of paths, bytes, files, PIL images or uint8 arrays
            What `headfit.photos.ImageSource` may be, taken one by one and not kept. A single image
            goes in as a list of one.
        jobs : int, optional
            How many threads decode images ahead of the network; the result is the same to the bit.
            By default one per core that this process may use, at most 16. See `embed_stream`.
        channels : str
            The order of an array's channels: "rgb", or "bgr" for OpenCV's frames.
        progress : callable, optional
            Called as ``progress(done, total)`` after every image, in this thread. Of images
            without a length ``total`` is how many there were so far.

        Returns
        -------
        ndarray of shape (n_samples, embedding_dim), dtype float32

        Raises
        ------
        ImageError
            If one of the images cannot be decoded; the message names it.
        InputError
            If ``images`` is one image rather than several, or has no order, or ``jobs`` is
            below 1.
        """
        return self._embed(images, jobs, channels, progress)

    def embed_telling_blank(
        self,
        images: Iterable[ImageSource],
        *,
        jobs: int | None = None,
        channels: str = "rgb",
        progress: PhotoProgress | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what `embed` does, and in which images hardly anything varies.

        Such a picture, of a covered lens or a white wall, says nothing of what it was taken of, and
        its embedding does not say so: see `headfit.learning.prediction.Prediction.are_known`.

        Parameters and errors are those of `embed`.
        """
        are_blank: list[bool] = []
        embeddings = self._embed(images, jobs, channels, progress, are_blank)
        return embeddings, np.array(are_blank, np.bool_)

    def _embed(
        self,
        images: Iterable[ImageSource],
        jobs: int | None,
        channels: str,
        progress: PhotoProgress | None,
        are_blank: list[bool] | None = None,
    ) -> NDArray[np.float32]:
        n_images = len(images) if isinstance(images, Sized) else None
        if n_images == 1 and jobs is None:
            jobs = 1
        rows = self._rows(images, jobs, channels, are_blank)
        if progress is not None:
            rows = _counted(rows, n_images, progress)
        return np.fromiter(rows, np.dtype((np.float32, (self.embedding_dim,))))

    def embed_stream(
        self,
        images: Iterable[ImageSource],
        *,
        jobs: int | None = None,
        channels: str = "rgb",
    ) -> Iterator[NDArray[np.float32]]:
        """Yield the embedding of one image after the other, in order, however many there are.

        Threads decode images ahead; memory is that of at most ``2 * jobs`` of them. They are taken
        from ``images`` in this thread, before their turn: a path must stay until then. An array, a
        PIL image or whatever else may be changed is looked at when it is taken.

        Parameters
        ----------
        images, jobs, channels
            As for `embed`, and so are the errors. An image that cannot be decoded raises in its
            turn; nothing comes after it.

        Yields
        ------
        ndarray of shape (embedding_dim,), dtype float32
        """
        return self._rows(images, jobs, channels)

    def _rows(
        self,
        images: Iterable[ImageSource],
        jobs: int | None,
        channels: str,
        are_blank: list[bool] | None = None,
    ) -> Iterator[NDArray[np.float32]]:
        """Return what `embed_stream` does; ``are_blank`` is told of each image, if it is given."""
        if _is_one_image(images):
            raise InputError(
                f"expected a list of images, found one {type(images).__name__}; put a single "
                "image into a list: [image]"
            )
        if isinstance(images, (Set, Mapping)):
            raise InputError(
                f"expected images in an order, found a {type(images).__name__}; give a list"
            )
        return self._run_all(images, checked_jobs(jobs), channels, are_blank)

    def _run_all(
        self,
        images: Iterable[ImageSource],
        jobs: int,
        channels: str,
        are_blank: list[bool] | None,
    ) -> Iterator[NDArray[np.float32]]:
        preprocessing, views = self.manifest.preprocessing, self.views
        least_side = needed_side(preprocessing, views)

        def prepare(image: ImageSource) -> list[FloatArray]:
            photo = open_rgb(image, least_side=least_side, channels=channels)
            return [look(photo, preprocessing, view) for view in views]

        for inputs in decode_ahead(images, prepare, jobs, is_lasting=is_lasting):
            if are_blank is not None:
                are_blank.append(is_blank(inputs[0], preprocessing))
            yield np.mean([self._run(one) for one in inputs], axis=0, dtype=np.float32)

    def decode(
        self,
        image: ImageSource,
        *,
        name: str | None = None,
        max_pixels: int = MAX_PIXELS,
        channels: str = "rgb",
    ) -> NDArray[np.uint8]:
        """Return a photo's pixels, as many as this extractor looks at.

        ``embed([pixels])`` gives to the bit what ``embed([image])`` gives: for what is made of a
        photo beside its embedding, so that it is decoded once.

        Parameters
        ----------
        image, name, max_pixels, channels
            As for `headfit.photos.decode_image`, and so are the errors.

        Returns
        -------
        ndarray of shape (h, w, 3), dtype uint8
            Upright, opaque RGB, halved while the shorter side remains at least twice what the
            manifest resizes it to.
        """
        least_side = needed_side(self.manifest.preprocessing, self.views)
        return decode_image(
            image, name=name, max_pixels=max_pixels, least_side=least_side, channels=channels
        )

    def looking(self, views: Sequence[View]) -> Extractor:
        """Return the same extractor with other views of each image.

        An embedding is the mean of theirs, and costs as many runs of the network; the image is
        decoded once, as large as the nearest needs it. Heads that are fitted on it remember the
        views, and so do stores.

        Parameters
        ----------
        views : sequence of View
            For instance `headfit.photos.FLIPPED`; 1 to 64.

        Raises
        ------
        InputError
            If there is no view, or too many.
        """
        if not 1 <= len(views) <= MAX_VIEWS:
            raise InputError(
                f"expected 1 to {MAX_VIEWS} views, found {len(views)}; (WHOLE,) is the one that "
                "the manifest describes"
            )
        other = copy.copy(self)
        other.views = tuple(views)
        return other

    def __getstate__(self) -> dict[str, Any]:
        if self._how_opened is None:
            raise InputError(
                "expected an extractor that Extractor.open opened, which another process can open "
                "again, found one made of an engine; open it there"
            )
        return {
            "how_opened": self._how_opened,
            "fingerprint": self.fingerprint,
            "views": self.views,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        def open_again() -> Extractor:
            found: Extractor = state["how_opened"]()
            if found.fingerprint != state["fingerprint"]:
                raise ExtractorMismatchError(
                    f"expected the extractor with fingerprint {state['fingerprint']}, as it was "
                    f"where this came from, found {found.manifest.name} with {found.fingerprint}; "
                    "put the same file in its place"
                )
            found.views = state["views"]
            return found

        self.reopen(open_again)

    def __copy__(self) -> Extractor:
        other = object.__new__(type(self))
        vars(other).update(vars(self))  # the engine and its lock are shared
        return other

    def _run(self, prepared: FloatArray) -> FloatArray:
        with nullcontext() if self._engine.side_by_side else self._lock:
            return self._engine.run(prepared)


def _is_one_image(images: object) -> bool:
    if isinstance(images, np.ndarray):  # of paths, as a column of a table, it is a list of them
        return images.ndim < 4 and images.dtype.kind not in "OUS"
    kinds = (str, bytes, bytearray, memoryview, os.PathLike, Image.Image)
    return isinstance(images, kinds) or hasattr(images, "read")


def _counted(
    rows: Iterator[NDArray[np.float32]], total: int | None, progress: PhotoProgress
) -> Iterator[NDArray[np.float32]]:
    for done, row in enumerate(rows, 1):
        progress(done, done if total is None else total)
        yield row


def _front_alone(*arguments: Any, **options: Any) -> Extractor:
    return Extractor.open_front(*arguments, **options)[0]


def _self_check(path: Path, manifest: Manifest) -> SelfCheck | None:
    """Return the golden picture as the extractor's input, with its known embedding."""
    golden, preprocessing = manifest.golden, manifest.preprocessing
    if golden is None:
        return None
    # The golden picture has the input's size already: it is neither resized nor cropped.
    as_it_is = replace(preprocessing, resize_to=min(preprocessing.height, preprocessing.width))
    return SelfCheck(
        image=prepare_input(path.with_suffix(".golden.png"), as_it_is),
        embedding=np.asarray(golden.embedding),
        cosine_at_least=golden.cosine_at_least,
        difference_at_most=golden.difference_at_most,
    )


def _check_shapes(path: Path, manifest: Manifest, engine: Engine) -> None:
    """Refuse a manifest that was written for a network of other shapes than ``engine`` runs."""
    preprocessing = manifest.preprocessing
    expected = ((1, preprocessing.height, preprocessing.width, 3), manifest.embedding_dim)
    found = (tuple(engine.input_shape), engine.embedding_dim)
    if found != expected:
        raise ExtractorError(
            f"{path}: expected input shape and embedding width {expected} as its manifest says, "
            f"found {found}; the manifest was written for another network"
        )


def _open_tuned(path: Path, engine: str, isolate: bool) -> Extractor:
    """Open the extractor that a block file was trained for, with the blocks of the file."""
    from headfit.engines.retrained import TunedEngine, open_front, replace_blocks

    file = blockfile.read_blocks(path)
    data = blockfile.load_blocks_bytes(file, os.fspath(path))
    beside = path.with_name(f"{data.extractor.name}.tflite")
    base, manifest, model = read_extractor(beside if beside.exists() else data.extractor.name)
    if manifest.fingerprint != data.extractor.fingerprint:
        raise ExtractorMismatchError(
            f"{path}: expected the extractor {data.extractor.name} with fingerprint "
            f"{data.extractor.fingerprint}, found {manifest.fingerprint} in {base}; put the one "
            "that the blocks were trained for beside them, or train them again"
        )
    check = _self_check(base, manifest)
    front, tail = open_front(model, len(data.blocks), engine, check=check, isolate=isolate)
    opened = TunedEngine(front, replace_blocks(tail, data.blocks))
    _check_shapes(base, manifest, opened)
    return Extractor(tuned_manifest(manifest, file), opened)


def tuned_manifest(manifest: Manifest, file: bytes) -> Manifest:
    """Return the manifest of an extractor with retrained blocks.

    Its fingerprint is the SHA-256 of the block file, so that a head trained with these blocks is
    refused by the extractor without them, and the other way round.
    """
    return replace(
        manifest,
        name=f"{manifest.name[: 64 - len(TUNED)]}{TUNED}",
        fingerprint=hashlib.sha256(file).hexdigest(),
        size_bytes=len(file),
        golden=None,
        background=None,
    )
