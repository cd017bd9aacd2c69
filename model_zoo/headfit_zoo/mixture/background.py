"""The background that comes with an extractor: a Gaussian of varied pictures' embeddings.

Only what `headfit.learning.Background` holds goes into the manifest: no picture, no embedding.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from headfit import Extractor
from headfit.files import save_manifest
from headfit.learning import Background
from headfit_zoo.mixture.packing import Pack, Progress
from headfit_zoo.mixture.twins import kept

PICTURES: Final = {
    "tiny-imagenet": 4000,
    "mini-imagenet": 4000,
    "miniplaces": 4000,
    "style": 3000,
    "caltech101": 3000,
    "textures": 1200,
    "flickr": 1000,
    "groceries": 1000,
    "animals": 1000,
    "pacs": 1000,
    "rubbish": 600,
    "cars": 500,
    "dogs": 500,
    "cats-and-dogs": 500,
}
"""How many pictures of each source, spread evenly over those that no evaluation set holds too.
Clothing is left out: on it was measured what the background is good for.
"""

_AT_ONCE: Final = 200


def measure(
    extractor: Extractor,
    packed: Path,
    names: Collection[str] = tuple(PICTURES),
    *,
    progress: Progress | None = None,
) -> Background:
    """Return the background of an extractor.

    Parameters
    ----------
    extractor : Extractor
    packed : Path
        Holds the packed sources, with the lists of those to drop.
    names : collection of str
        Of the sources to take; by default all of `PICTURES`, in whose order they are taken.
    progress : callable, optional

    Raises
    ------
    InputError
        If a source is missing, or nobody has looked for twins in it yet.
    """
    parts, counts = [], []
    for name, count in PICTURES.items():
        if name not in names:
            continue
        pack = Pack.open(packed, name)
        rows = spread(kept(pack, packed), count)
        counts.append(f"{len(rows):,} of {name}")
        for start in range(0, len(rows), _AT_ONCE):
            photos = [pack.jpeg(int(row)) for row in rows[start : start + _AT_ONCE]]
            parts.append(extractor.embed(photos))
            if progress is not None:
                progress(name, min(start + _AT_ONCE, len(rows)), len(rows))
    return Background.of(np.concatenate(parts), ", ".join(counts))


def spread(rows: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Return so many of the rows, or all if there are fewer, spread evenly."""
    places = np.linspace(0, len(rows) - 1, min(count, len(rows)))
    return rows[places.astype(np.intp)]


def write(extractor: Extractor, manifest_path: Path, background: Background) -> None:
    """Put a background into the manifest of an extractor."""
    save_manifest(replace(extractor.manifest, background=background), manifest_path)
