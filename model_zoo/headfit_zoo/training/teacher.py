"""A float network trained on ImageNet looks at training pictures once; its logits are kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headfit import InputError
from headfit.photos import PhotoProgress
from headfit_zoo.training.efficientnet import MEAN, SCALE, load_network

N_OUTPUTS = 1000
BATCH = 50

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""From pictures (n, height, width, 3) to logits (n, n_outputs)."""


def open_teacher(size: int) -> Network:
    """Open EfficientNet-Lite0 for pictures enlarged to `size` pixels.

    Raises
    ------
    InputError
        If its packages are not installed.
    """
    network = load_network()
    import torch

    network = network.to(memory_format=torch.channels_last)

    def enlarged(pictures: NDArray[np.uint8]) -> Any:
        x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
        x = torch.nn.functional.interpolate(x, size=(size, size), mode="bicubic")
        x = (x.clamp(0, 255) - MEAN) / SCALE
        return x.contiguous(memory_format=torch.channels_last)

    with torch.inference_mode():
        # With batch norms folded and operators fused it takes 0.6 of the time.
        example = enlarged(np.zeros((BATCH, 8, 8, 3), np.uint8))
        trace: Any = torch.jit.trace
        frozen = torch.jit.freeze(trace(network, example))
        fused = torch.jit.optimize_for_inference(frozen)

    def run(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        with torch.inference_mode():
            logits: NDArray[np.float32] = fused(enlarged(pictures)).numpy()
        return logits

    return run


def write_logits(
    images: NDArray[np.uint8],
    path: Path,
    network: Network,
    *,
    progress: PhotoProgress | None = None,
) -> None:
    """Write a teacher's logits of all pictures; a call that was cut goes on where it ended.

    Parameters
    ----------
    images : ndarray of shape (n, height, width, 3), dtype uint8
    path : Path
        Of the ``.npy``, (n, 1000) float16. It appears when it is whole; until then
        ``<path>.part`` holds NaN in the rows that are missing.
    network : callable
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Raises
    ------
    InputError
        If what lies in ``<path>.part`` is for another number of pictures.
    """
    part, shape = path.with_name(path.name + ".part"), (len(images), N_OUTPUTS)
    if not part.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
            path.with_name(path.name + ".new"), mode="w+", dtype=np.float16, shape=shape
        )
        fresh[:] = np.nan
        fresh.flush()
        os.replace(path.with_name(path.name + ".new"), part)
    logits = np.load(part, mmap_mode="r+")
    if logits.shape != shape:
        raise InputError(
            f"expected room for {shape} logits in {part}, found {logits.shape}: it belongs to "
            "another data set; remove it"
        )
    for start in range(0, len(images), BATCH):
        rows = slice(start, start + BATCH)
        if np.isnan(logits[rows]).any():
            logits[rows] = network(images[rows])
        if progress is not None:
            progress(min(start + BATCH, len(images)), len(images))
    logits.flush()
    os.replace(part, path)
