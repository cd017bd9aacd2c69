"""The rows of the table: each trains something on a set and scores its test pictures."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from headfit import Extractor, SoftmaxHead
from headfit.files import replacing
from headfit.finetune import FineTuner, TuningSettings
from headfit.photos import WHOLE, PhotoProgress, View
from headfit_zoo.experiments import transfer
from headfit_zoo.experiments.sets import SplitPictures

Say = Callable[[str], None]


class FloatNetwork(transfer.Embedder, Protocol):
    """A frozen float network; `size_bytes` is what an app would ship of it."""

    size_bytes: int


@dataclass(frozen=True, eq=False)
class Scores:
    """What a row gives.

    Attributes
    ----------
    scores : ndarray of shape (n_test, n_classes)
        Columns by sorted class name.
    settings : mapping
    measured : mapping
    """

    scores: NDArray[np.floating[Any]]
    settings: Mapping[str, Any]
    measured: Mapping[str, float]


def train_head(
    data: SplitPictures,
    extractor: Extractor,
    method: str,
    work: Path,
    cache: Path,
    *,
    views: Sequence[View] = (WHOLE,),
    progress: PhotoProgress | None = None,
) -> Scores:
    """Rows (a) and (b): the extractor as it is, and a head of the method "binary" or "logistic".

    What was embedded lies in `cache`. The penalty is chosen on every fourth training picture, then
    the head sees all of them. Views after the first are further training pictures; the first is
    the one that is tested.
    """
    embeddings = transfer.embed(
        extractor.looking(views[:1]), data.pictures, cache, progress=progress
    )
    looks = [embeddings[data.train]]
    training = _part(data, data.train)
    for view in views[1:]:
        # The cache knows extractor and pictures, not how they are looked at.
        folder = cache / f"view-{view.zoom:g}-{view.x:g}-{view.y:g}-{view.is_flipped:d}"
        looking = extractor.looking((view,))
        looks.append(transfer.embed(looking, training, folder, progress=progress))
    head, settings, fit_s = _fit_head(data, looks, method, extractor)
    settings["n_views"] = len(views)
    path = work / "mine.head"
    head.save(path)
    return Scores(
        head.predict_proba(embeddings[data.test]),
        {"fingerprint": extractor.fingerprint, "engine": extractor.engine_name, **settings},
        {"fit_s": fit_s, "shipped_bytes": path.stat().st_size, "peak_bytes": peak_bytes()},
    )


def train_float_head(
    data: SplitPictures,
    network: FloatNetwork,
    cache: Path,
    *,
    progress: PhotoProgress | None = None,
) -> Scores:
    """A float head on a frozen float network; an app ships both."""
    embeddings = transfer.embed(network, data.pictures, cache, progress=progress)
    head, settings, fit_s = _fit_head(data, [embeddings[data.train]], "logistic", None)
    shipped = network.size_bytes + head.weights_.nbytes + head.bias_.nbytes
    return Scores(
        head.predict_proba(embeddings[data.test]),
        {"fingerprint": network.fingerprint, "engine": network.engine_name, **settings},
        {"fit_s": fit_s, "shipped_bytes": shipped, "peak_bytes": peak_bytes()},
    )


def _fit_head(
    data: SplitPictures,
    looks: Sequence[NDArray[np.float32]],
    method: str,
    extractor: Extractor | None,
) -> tuple[SoftmaxHead, dict[str, Any], float]:
    """Return a head with the penalty that suits every fourth training picture, and the seconds.

    `looks` has the training pictures' embeddings, an array per view.
    """
    names, held_out = data.classes[data.train], data.held_out()
    inside = np.concatenate([look[~held_out] for look in looks])
    chosen = {}
    for l2 in transfer.PENALTIES:
        # A loss is a sum over pictures: one that is seen n times bears n times the penalty.
        head = SoftmaxHead(method=method, l2=l2 * len(looks))
        head.fit(inside, np.tile(names[~held_out], len(looks)))
        chosen[l2] = float((head.predict(looks[0][held_out]) == names[held_out]).mean())
    l2 = max(chosen, key=chosen.__getitem__)
    started = time.perf_counter()
    head = SoftmaxHead(method=method, l2=l2 * len(looks))
    head.fit(np.concatenate(looks), np.tile(names, len(looks)), extractor=extractor)
    settings = {"method": method, "l2": l2, "held_out_top1": chosen[l2]}
    return head, settings, time.perf_counter() - started


def train_blocks(
    data: SplitPictures,
    extractor: str | None,
    n_blocks: int,
    n_views: int,
    settings: TuningSettings,
    work: Path,
    cache: Path,
    *,
    progress: PhotoProgress | None = None,
    say: Say = lambda _: None,
) -> Scores:
    """Past the paper: the last binary blocks are retrained with the head, on the device's code."""
    tuner = FineTuner(extractor, n_blocks=n_blocks)
    started = time.perf_counter()
    activations = _activations(tuner, data, n_views, cache, progress)
    embed_s = time.perf_counter() - started
    started = time.perf_counter()
    tuned = tuner.fit(
        activations,
        data.classes[data.train].tolist(),
        settings=settings,
        progress=lambda epoch, loss: say(f"epoch {epoch} of {settings.epochs}: loss {loss:.4f}"),
    )
    fit_s = time.perf_counter() - started
    head = work / "mine.head"
    blocks = tuned.save(head)
    device = Extractor.open(blocks)
    embeddings = transfer.embed(device, _part(data, data.test), cache)
    return Scores(
        tuned.head.predict_proba(embeddings),
        {
            "fingerprint": Extractor.manifest_of(extractor).fingerprint,
            "engine": device.engine_name,
            "n_blocks": n_blocks,
            "n_views": n_views,
            **asdict(settings),
        },
        {
            "embed_s": embed_s,
            "fit_s": fit_s,
            "shipped_bytes": head.stat().st_size + blocks.stat().st_size,
            "peak_bytes": peak_bytes(),
        },
    )


def peak_bytes() -> int:
    """Return the most memory that this process has held."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _part(data: SplitPictures, positions: NDArray[np.intp]) -> transfer.Pictures:
    names = tuple(data.pictures.names[i] for i in positions)
    return transfer.Pictures(data.pictures.source, names)


def _activations(
    tuner: FineTuner,
    data: SplitPictures,
    n_views: int,
    cache: Path,
    progress: PhotoProgress | None,
) -> NDArray[np.float32]:
    """Return the training pictures' activations, computed at most once."""
    part = _part(data, data.train)
    path = cache / f"{tuner.fingerprint[:16]}-{part.identity()[:16]}-{n_views}.npy"
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        computed = tuner.activations(part.read(part.names), n_views=n_views, progress=progress)
        with replacing(path) as stream:
            np.save(stream, computed)
    activations: NDArray[np.float32] = np.load(path)
    return activations
