"""Print in how many photos two engines differ, and in how many of these a class.

Needs the zips in the data folder. Rounding of the few float operators now and then turns the sign
of a number near zero, and what follows from it. Every second photo of a class trains a head on
popcount's embeddings, which classifies the others in every engine. Asserts nothing.
"""

from __future__ import annotations

import zipfile
from itertools import combinations
from pathlib import Path

import numpy as np
from photo_sets import DATA

from headfit import Extractor, SoftmaxHead

PER_FOLDER = {"flowers5-128.zip": 200, "scene15-200.zip": 40}
ENGINES = ("native", "lce", "popcount")
ROUNDING = 1e-5
"""Of an embedding's range; what differs by more had a sign turned."""


def read(path: Path, per_folder: int) -> tuple[list[bytes], list[str]]:
    """Return the first photos of every folder in an archive, and the folders' last names."""
    with zipfile.ZipFile(path) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".jpg"))
        folders = sorted({name.rpartition("/")[0] for name in names})
        chosen = [
            name
            for folder in folders
            for name in [it for it in names if it.startswith(f"{folder}/")][:per_folder]
        ]
        return [archive.read(name) for name in chosen], [name.split("/")[-2] for name in chosen]


def main() -> None:
    """Print a row for each set and pair of engines."""
    print("set, engines, photos, turned, held out, of these turned, class changed, their margins")
    for name, per_folder in PER_FOLDER.items():
        photos, classes = read(DATA / name, per_folder)
        rows = {engine: Extractor.open(engine=engine).embed(photos) for engine in ENGINES}
        held_out = np.arange(len(photos)) % 2 == 1
        head = SoftmaxHead().fit(
            rows["popcount"][~held_out], [classes[i] for i in np.flatnonzero(~held_out)]
        )
        probabilities = {engine: head.predict_proba(rows[engine]) for engine in ENGINES}
        for a, b in combinations(ENGINES, 2):
            apart = np.abs(rows[a] - rows[b]).max(axis=1) / np.ptp(rows[b], axis=1)
            turned = apart > ROUNDING
            best = {engine: probabilities[engine].argmax(axis=1) for engine in (a, b)}
            changed = held_out & (best[a] != best[b])
            first, second = -np.sort(-probabilities[b][changed], axis=1)[:, :2].T
            print(
                name, f"{a} and {b}", len(photos), turned.sum(), held_out.sum(),
                (held_out & turned).sum(), changed.sum(), np.round(first - second, 3), flush=True,
            )  # fmt: skip


if __name__ == "__main__":
    main()
