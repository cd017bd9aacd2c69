"""Pooled heads: by privacy, by how photos are spread, with poisoned devices, of very many devices.

``python tests/benchmarks/pooling.py CACHE`` needs the zips in the data folder and keeps embeddings
in the folder CACHE; ``python tests/benchmarks/pooling.py scale`` simulates 100,000 devices and
needs nothing. Noise is the devices' own, from the system's randomness, so figures vary a little.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headfit import Extractor, PublicView, SoftmaxHead
from headfit.learning.class_sums import ClassSums
from headfit.learning.fitted_head import FittedHead
from headfit.pooling import (
    Half,
    Projection,
    Roll,
    Round,
    RoundFile,
    agreed_ids,
    contributed,
    opened,
    part_bytes,
    read_part,
)
from headfit.pooling.envelope import SIDES
from headfit.pooling.opening import head_of
from headfit.pooling.vector import Words, class_sums_of, noise_share, vector_of

DATASETS = ("flowers5-128", "scene15-200")
DRAWS = 3


class Trial:
    """A data set, split over devices, and a round of it."""

    def __init__(self, dataset: str, cache: Path) -> None:
        from photo_sets import embed
        from privacy import public_embeddings

        self.extractor = Extractor.open()
        data = embed(dataset, self.extractor, cache)
        self.classes, columns = np.unique(data["classes"], return_inverse=True)
        is_test = data["tests"]
        self.taught, self.targets = data["embeddings"][~is_test], columns[~is_test]
        self.tests, self.names = data["embeddings"][is_test], data["classes"][is_test]
        golden = self.extractor.manifest.golden
        assert golden is not None
        plain = PublicView.plain(
            self.extractor.embedding_dim, float(np.linalg.norm(golden.embedding))
        )
        public = public_embeddings(self.extractor, cache)
        self.projections = {
            self.extractor.embedding_dim: Projection.of(plain, max(map(abs, golden.embedding))),
            64: Projection.of(PublicView.of(public), float(np.abs(public).max())),
        }

    def call(self, width: int | None = None, **settings: object) -> Round:
        """Return a round, of all features and without noise by default."""
        width = width or self.extractor.embedding_dim
        options = {"epsilon": None} | settings
        return Round.call(
            self.extractor.manifest.reference(),
            [str(name) for name in self.classes],
            self.projections[width],
            **options,
        )

    def devices(self, n_devices: int, alpha: float | None, seed: int) -> list[np.ndarray]:
        """Return the rows of each device's photos; the smaller alpha, the fewer classes each has.

        Each class is spread by Dirichlet's distribution, as is usual (Hsu, Qi and Brown, "Measuring
        the Effects of Non-Identical Data Distribution", 2019); None: at random.
        """
        rng = np.random.default_rng(seed)
        owners = rng.integers(0, n_devices, len(self.targets))
        if alpha is not None:
            for column in range(len(self.classes)):
                here = np.flatnonzero(self.targets == column)
                shares = rng.dirichlet(np.full(n_devices, alpha))
                owners[here] = rng.choice(n_devices, len(here), p=shares)
        order = rng.permutation(len(owners))
        return [order[owners[order] == device] for device in range(n_devices)]

    def sums(
        self, asked: Round, devices: list[np.ndarray], cap: int | None, *, noise: bool = False
    ) -> Words:
        """Return the sum of the devices' vectors."""
        total = np.zeros(asked.n_numbers, np.uint64)
        for rows in devices:
            total += vector_of(asked, self.taught[rows[:cap]], self.targets[rows[:cap]])
            if noise:
                total += noise_share(asked)
        return total

    def top1(self, head: FittedHead) -> float:
        """Return the top-1 of the photos that test, in percent."""
        return 100 * SoftmaxHead.of(head).score(self.tests, self.names)


def head(asked: Round, sums: ClassSums, spread: float = 0.0) -> FittedHead:
    """Return the head of sums."""
    return head_of(RoundFile(asked, "0" * 64, "0" * 64), sums, spread, 1, None)


def exact(trials: dict[str, Trial]) -> None:
    """Print fixed point beside float."""
    print("\n| photos | `lda` of all, float | pooled, all features | through 64 directions |")
    print("| --- | --- | --- | --- |")
    for dataset, trial in trials.items():
        names = trial.classes[trial.targets]
        whole = SoftmaxHead(method="lda").fit(trial.taught, names).fitted_
        cells = [trial.top1(whole)]
        for width in (None, 64):
            asked = trial.call(width)
            found = trial.sums(asked, trial.devices(1000, None, 0), None)
            assert (found == trial.sums(asked, trial.devices(3, 0.05, 1), None)).all()
            cells.append(trial.top1(head(asked, class_sums_of(asked, found))))
        print(f"| {dataset} | {' | '.join(f'{cell:.1f}' for cell in cells)} |", flush=True)


def private(trials: dict[str, Trial]) -> None:
    """Print top-1 by epsilon."""
    print("\n| photos | devices | asked for | epsilon 1 | 3 | 8 | no noise |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for dataset, trial in trials.items():
        for n_devices, cap in ((1000, 4), (200, 20)):
            for moments in (False, True):
                cells = []
                for epsilon in (1.0, 3.0, 8.0, None):
                    asked = trial.call(
                        64, epsilon=epsilon, devices=n_devices, max_photos=cap, moments=moments
                    )
                    scores = []
                    for seed in range(DRAWS):
                        devices = trial.devices(n_devices, None, seed)
                        found = trial.sums(asked, devices, cap, noise=epsilon is not None)
                        made = head(asked, class_sums_of(asked, found), asked.spread(n_devices))
                        scores.append(trial.top1(made))
                    cells.append(f"{np.mean(scores):.1f}")
                what = "moments too" if moments else "class sums"
                row = [dataset, f"{n_devices}, {cap} photos at most", what, *cells]
                print(f"| {' | '.join(row)} |", flush=True)


def skewed(trials: dict[str, Trial]) -> None:
    """Print top-1 by how unevenly classes are spread, with and without a cap."""
    print(
        "\n| photos | devices | spread | no cap | at most 20 photos | photos that the cap takes |"
    )
    print("| --- | --- | --- | --- | --- | --- |")
    for dataset, trial in trials.items():
        asked = trial.call()
        for n_devices in (100, 1000):
            for alpha in (None, 0.5, 0.05):
                devices = trial.devices(n_devices, alpha, 0)
                scores = [
                    trial.top1(head(asked, class_sums_of(asked, trial.sums(asked, devices, cap))))
                    for cap in (None, 20)
                ]
                taken = sum(min(len(rows), 20) for rows in devices) / len(trial.targets)
                how = "at random" if alpha is None else f"Dirichlet {alpha}"
                cells = f"{scores[0]:.1f} | {scores[1]:.1f} | {taken:.0%}"
                print(f"| {dataset} | {n_devices} | {how} | {cells} |", flush=True)


def poisoned(trials: dict[str, Trial]) -> None:
    """Print top-1 with devices whose class names are swapped round, of 100."""
    ways: dict[str, Callable[[Round, list[Words], list[Words]], ClassSums]] = {
        "as they are": lambda asked, plain, _: class_sums_of(asked, sum_of(plain)),
        "at most 20 photos": lambda asked, _, capped: class_sums_of(asked, sum_of(capped)),
        "median of 5 groups": lambda asked, plain, _: median(asked, plain),
        "both": lambda asked, _, capped: median(asked, capped),
    }
    print(f"\n| photos | poisoned, each with a weight of | {' | '.join(ways)} |")
    print("| --- | --- |" + " --- |" * len(ways))
    for dataset, trial in trials.items():
        asked = trial.call()
        devices = trial.devices(100, None, 0)
        swapped = (trial.targets + 1) % len(trial.classes)
        for n_bad, weight in ((0, 1), (1, 1), (1, 100), (5, 1), (5, 100), (20, 1)):
            plain, capped = [], []
            for number, rows in enumerate(devices):
                targets = swapped if number < n_bad else trial.targets
                repeated = np.tile(rows, weight) if number < n_bad else rows
                plain.append(vector_of(asked, trial.taught[repeated], targets[repeated]))
                few = repeated[:20]
                capped.append(vector_of(asked, trial.taught[few], targets[few]))
            cells = [trial.top1(head(asked, way(asked, plain, capped))) for way in ways.values()]
            shown = " | ".join(f"{cell:.1f}" for cell in cells)
            print(f"| {dataset} | {n_bad}, {weight} | {shown} |", flush=True)


def sum_of(vectors: list[Words]) -> Words:
    """Return the sum of vectors, modulo 2^64."""
    total: Words = np.sum(vectors, axis=0, dtype=np.uint64)
    return total


def median(asked: Round, vectors: list[Words]) -> ClassSums:
    """Return sums whose numbers a photo are the medians of those of 5 groups of devices."""
    groups = [class_sums_of(asked, sum_of(vectors[first::5])) for first in range(5)]
    counts = np.median([group.counts / group.counts.sum() for group in groups], axis=0)
    means = np.median(
        [group.sums / np.maximum(group.counts, 1)[:, None] for group in groups], axis=0
    )
    moments = np.median([group.moments / group.counts.sum() for group in groups], axis=0)
    total = sum(group.counts.sum() for group in groups)
    counts = counts * total
    return ClassSums(counts, means * counts[:, None], moments * total)


def scale(n_devices: int) -> None:
    """Simulate a round of very many devices and both sides; print processor time and memory.

    Each device projects ten photos to 64 numbers, adds its noise, masks, and makes both files; each
    side reads and checks its file, and adds it. Then the rolls, and what is agreed on; the halves
    are opened. Nothing but files of the disk is left out.
    """
    rng = np.random.default_rng(0)
    eyes = Extractor.open()
    centres = rng.gamma(1, 1, (5, eyes.embedding_dim))
    columns = np.arange(5000) % 5
    photos = (centres[columns] * rng.gamma(4, 0.25, (5000, 1))).astype(np.float32)
    names = [f"class {column}" for column in columns]
    asked = Round.call(
        eyes.manifest.reference(),
        sorted(set(names)),
        Projection.of(PublicView.of(photos), float(photos.max())),
        epsilon=3.0,
        devices=n_devices,
        max_photos=10,
    )
    called = RoundFile(asked, "ab" * 32, "0" * 64)
    totals = {side: np.zeros(asked.n_numbers, np.uint64) for side in SIDES}
    signers: dict[str, dict[str, None]] = {side: {} for side in SIDES}
    started = time.process_time()
    for number in range(n_devices):
        first = number * 10 % len(photos)
        for part in contributed(called, photos[first : first + 10], names[first : first + 10]):
            read = read_part(part_bytes(part), called)
            totals[read.side] += read.words(asked.n_numbers)
            signers[read.side][read.contribution] = None
    rolls = (Roll(called.digest, side, signers[side]) for side in SIDES)
    ids = tuple(agreed_ids(called, *rolls))
    halves = [Half(called.digest, side, ids, total) for side, total in totals.items()]
    made = opened(called, (halves[0], halves[1]))
    seconds = time.process_time() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    assert len(ids) == n_devices
    score = 100 * SoftmaxHead.of(made).score(photos, names)
    print(
        f"{n_devices} devices, {asked.n_numbers} numbers each: {seconds:.1f} s of processor time, "
        f"{peak:.0f} MB; the head is right about {score:.0f} % of the photos"
    )


def main() -> None:
    """Print Markdown tables."""
    if sys.argv[1] == "scale":
        scale(int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
        return
    trials = {dataset: Trial(dataset, Path(sys.argv[1])) for dataset in DATASETS}
    for table in (exact, private, skewed, poisoned):
        if len(sys.argv) == 2 or table.__name__ in sys.argv[2:]:
            table(trials)


if __name__ == "__main__":
    main()
