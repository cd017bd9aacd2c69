"""An extractor out of somebody's network: cut, described by a manifest, tried on a golden picture.

Nothing is guessed without a word: where the file does not say how pictures are prepared for it, the
caller must.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from headfit.engines.choice import SelfCheck, needs_delegate, open_engine, quick_engines
from headfit.engines.interface import Engine
from headfit.errors import ExtractorError, InputError
from headfit.extractors.cut_network import CutNetwork
from headfit.extractors.onnx_source import cut_onnx_network, onnx_noted, onnx_places
from headfit.extractors.tflite_source import cut_tflite, tflite_noted, tflite_places
from headfit.files.disk import replacing
from headfit.files.manifest import MAX_INPUT_SIDE, Golden, Manifest, manifest_bytes
from headfit.learning.origin import Preprocessing
from headfit.maths.arrays import FloatArray
from headfit.networks.onnx import is_onnx
from headfit.networks.place import AUTOMATIC, Place
from headfit.photos.images import ImageSource, decode_image, prepare_input

_log = logging.getLogger(__name__)

_EXACT: Final = (0.9999, 1e-3)
"""Smallest cosine and largest difference between engines, where weights are floats or bits."""
_ROUNDED: Final = (0.98, 0.2)
"""Likewise where layers are rounded to 8 bits: one step off, here and there, is carried on."""
_MADE_PICTURES: Final = 4

RGB = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class MadeExtractor:
    """An extractor that is not yet written: see `write`.

    Attributes
    ----------
    cut : CutNetwork
    manifest : Manifest
    picture : bytes
        The golden picture, a PNG.
    engines : tuple of str
        Which engines embed it alike; the first made the golden embedding.
    """

    cut: CutNetwork
    manifest: Manifest
    picture: bytes
    engines: tuple[str, ...]

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the network to `path`, and its manifest and golden picture beside it.

        All three are on the disk before the first takes its name: where it is full, nothing is
        left, and an extractor that was there stays. The network's name comes last: it is what is
        looked for.
        """
        path = Path(path)
        manifest = path.with_suffix(".json")
        parts = {
            path: self.cut.model,
            manifest: manifest_bytes(self.manifest, os.fspath(manifest)),
            path.with_suffix(".golden.png"): self.picture,
        }
        with contextlib.ExitStack() as written:
            for target, data in parts.items():
                stream = written.enter_context(replacing(target))
                stream.write(data)
                stream.flush()


def make_extractor(
    model: bytes,
    name: str,
    *,
    at: str | None = None,
    pool: str = AUTOMATIC,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    size: tuple[int, int] | None = None,
    resize_to: int | None = None,
    picture: ImageSource | None = None,
    engine: str = "auto",
    source: str = "a network",
) -> MadeExtractor:
    """Make an extractor of a network: cut it, describe it, and try it.

    Parameters
    ----------
    model : bytes
        A `.tflite`, LCE or plain, float or quantised, or an ONNX file.
    name : str
        Of the extractor; what a manifest does not allow in it becomes "_".
    at, pool
        Where to cut and how to pool, as for `headfit.networks.cut`.
    mean, std : sequence of float, optional
        One number or three each: ``input = (pixel - mean) / std``, of pixels from 0 to 255. By
        default what the file says: of a quantised one, that pixels go in as they are.
    size : (int, int), optional
        Height and width, where the network leaves them open.
    resize_to : int, optional
        Shorter side in pixels before the crop; by default the longer side of the input.
    picture : path, bytes or pixels, optional
        Which becomes the golden picture; by default one that is made.
    engine : str
        Which makes the golden embedding; by default all that are here must agree on it.
    source : str
        What the network is called in the manifest's description.

    Raises
    ------
    InputError
        If a value cannot be used, or the file does not say how pictures are prepared.
    ImageError
        If `picture` is no usable image.
    ExtractorError
        If the network cannot be cut, or engines do not agree on it.
    EngineMissingError
        If no engine that runs it is installed, or the package that writes it.
    """
    cut = cut_network(model, at=at, pool=pool, size=size)
    mean, std = _normalisation(cut, mean, std)
    preprocessing = Preprocessing(
        height=cut.height,
        width=cut.width,
        resize="shorter-side",
        resize_to=_checked_resize(resize_to, cut),
        interpolation="bilinear",
        mean=mean,
        std=std,
    )
    # Heads name an extractor by the SHA-256 of its file: of two that prepare photos in other ways,
    # it must differ, so the file says how.
    noted = tflite_noted if not is_onnx(cut.model) else onnx_noted
    cut = replace(cut, model=noted(cut.model, json.dumps(asdict(preprocessing), sort_keys=True)))
    tried = _try(cut, preprocessing, picture, engine)
    told = f"; it told {len(cut.described.labels):,} classes apart" if cut.described.labels else ""
    by = f"; by {cut.described.author}" if cut.described.author else ""
    manifest = Manifest(
        name=allowed_name(name),
        version=1,
        fingerprint=hashlib.sha256(cut.model).hexdigest(),
        size_bytes=len(cut.model),
        embedding_dim=len(tried.embedding),
        preprocessing=preprocessing,
        description=_line(f"{source} cut at {cut.place.name[:200]}, {cut.place.how}{told}{by}"),
        licence=cut.described.licence or "not stated",
        golden=Golden(*tried.bounds, tuple(float(value) for value in tried.embedding)),
    )
    return MadeExtractor(cut, manifest, tried.png, tried.engines)


def cut_network(
    model: bytes,
    *,
    at: str | None = None,
    pool: str = AUTOMATIC,
    size: tuple[int, int] | None = None,
) -> CutNetwork:
    """Cut a network of whatever format; parameters and errors are those of `make_extractor`."""
    cut = cut_onnx_network if is_onnx(model) else cut_tflite
    return cut(model, at, pool, size)


def list_places(
    model: bytes, *, pool: str = AUTOMATIC, size: tuple[int, int] | None = None
) -> tuple[list[Place], int | None]:
    """Return every place at which a network can be cut or not, and which one is taken by itself.

    That is None where it cannot be told. Errors are those of `make_extractor`.
    """
    listed = onnx_places if is_onnx(model) else tflite_places
    return listed(model, pool, size)


def allowed_name(text: str) -> str:
    """Return a manifest's name that is as near to `text` as the format allows."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", text).lstrip("._-")[:64] or "extractor"


def _normalisation(
    cut: CutNetwork, mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[RGB, RGB]:
    described = cut.described
    if (mean is None) != (std is None):
        raise InputError("expected --mean and --std together, found one of them; give both")
    if mean is None or std is None:
        mean, std = described.mean, described.std
        if mean is None and described.fault:
            raise ExtractorError(described.fault)
    if mean is None or std is None:
        raise InputError(
            "expected --mean and --std, as this file does not say how pictures are prepared for "
            "it, found none; give them as it was trained: --mean 127.5 --std 127.5 is pixels from "
            "-1 to 1, --mean 0 --std 255 from 0 to 1, --mean 0 --std 1 as they are, --mean "
            "123.675,116.28,103.53 --std 58.395,57.12,57.375 those of PyTorch's networks"
        )
    means, stds = _rgb(mean, "mean", -1e6), _rgb(std, "std", 1e-6)
    if cut.takes is not None:
        for one in zip(means, stds, strict=True):
            cut.takes.check(*one)
    return means, stds


def _rgb(values: Sequence[float], what: str, least: float) -> RGB:
    given = [float(value) for value in values]
    if len(given) not in (1, 3) or not all(least <= value <= 1e6 for value in given):
        raise InputError(
            f"expected {what} as one number or three, from {least:g} to 1e6, found "
            f"{', '.join(f'{value:g}' for value in given) or 'none'}; give them on the scale of "
            "pixels from 0 to 255"
        )
    red, green, blue = given * 3 if len(given) == 1 else given
    return red, green, blue


def _checked_resize(resize_to: int | None, cut: CutNetwork) -> int:
    least = max(cut.height, cut.width)
    if resize_to is None:
        return least
    if not least <= resize_to <= MAX_INPUT_SIDE:
        raise InputError(
            f"expected --resize-to from {least}, the longer side of the input, to "
            f"{MAX_INPUT_SIDE}, found {resize_to}; give the shorter side of a photo before the crop"
        )
    return resize_to


def _line(text: str) -> str:
    return "".join(one if one.isprintable() else "_" for one in text)


@dataclass(frozen=True, slots=True, eq=False)
class _Tried:
    png: bytes
    embedding: FloatArray
    bounds: tuple[float, float]
    engines: tuple[str, ...]


def _try(
    cut: CutNetwork, preprocessing: Preprocessing, picture: ImageSource | None, engine: str
) -> _Tried:
    """Embed a picture in every engine that is quickly opened; they must agree.

    Of a made picture another is made where they do not: of a binary network, one number near zero
    may fall on the other side of it and turn a sign.
    """
    named = engine != "auto"
    engines = [open_engine(cut.model, engine)] if named else _open_all(cut.model)
    bounds = _ROUNDED if cut.is_rounded else _EXACT
    as_it_is = _as_it_is(preprocessing)
    pictures = (
        [_fitted(picture, preprocessing)]
        if picture is not None
        else [_made(cut.height, cut.width, seed) for seed in range(_MADE_PICTURES)]
    )
    differs = ExtractorError("")
    for pixels in pictures:
        image = prepare_input(pixels, as_it_is)
        embedding = _sound(engines[0].run(image), cut)
        check = SelfCheck(image, embedding, *bounds)
        try:
            for other in engines[1:]:
                check.measure(other)
        except ExtractorError as error:
            differs = error
            continue
        stream = io.BytesIO()
        Image.fromarray(pixels).save(stream, "PNG")
        names = tuple(engine.name for engine in engines)
        return _Tried(stream.getvalue(), embedding, bounds, names)
    raise ExtractorError(
        f"expected engines that agree on this network, found that {engines[0].name} does not with "
        f"another: {differs} Give another --picture, or cut elsewhere."
    ) from differs


def _open_all(model: bytes) -> list[Engine]:
    opened = []
    for name in () if needs_delegate(model) else quick_engines(model):
        try:
            opened.append(open_engine(model, name))
        except ExtractorError as error:
            _log.info("engine %s does not run it: %s", name, error)
    return opened or [open_engine(model)]  # the slow ones, or the error that says why none does


def _sound(embedding: FloatArray, cut: CutNetwork) -> FloatArray:
    """Refuse an embedding that tells nothing."""
    where = f"at {cut.place.name!r}"
    if not np.isfinite(embedding).all():
        raise ExtractorError(
            f"expected an embedding of finite numbers {where}, found some that are not; check "
            "--mean and --std, or cut elsewhere"
        )
    if not np.ptp(embedding) > 0:
        raise ExtractorError(
            f"expected an embedding that differs from number to number {where}, found "
            f"{embedding[0]:g} everywhere; check --mean and --std, or cut elsewhere"
        )
    return embedding


def _as_it_is(preprocessing: Preprocessing) -> Preprocessing:
    return replace(preprocessing, resize_to=min(preprocessing.height, preprocessing.width))


def _fitted(picture: ImageSource, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return a photo as it comes into the input: resized and cropped, and not yet scaled."""
    raw = replace(preprocessing, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    pixels = prepare_input(decode_image(picture, least_side=None), raw)[0]
    fitted: NDArray[np.uint8] = np.clip(np.rint(pixels), 0, 255).astype(np.uint8)
    return fitted


def _made(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    """Draw a picture: smooth colours, edges and fine texture, of a seed."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), np.uint8))
    colours = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.float64)
    y, x = np.mgrid[0:height, 0:width]
    disc = np.hypot(x / width - 0.6, y / height - 0.4) < 0.25
    drawn = colours + disc[..., None] * np.array([70, -50, 30]) + rng.normal(0, 8, colours.shape)
    made: NDArray[np.uint8] = np.clip(drawn, 0, 255).astype(np.uint8)
    return made
