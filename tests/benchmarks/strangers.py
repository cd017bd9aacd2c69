"""Ways to tell photos of none of a head's classes, on six kinds of pictures in all directions.

``python tests/benchmarks/strangers.py CACHE [EXTRACTOR]`` embeds once and keeps the embeddings in
the folder CACHE. Flowers, scenes and birds are zips in the data folder; ``HEADFIT_MIXTURE`` names
the folder of ``python -m headfit_zoo.mixture`` (`repositories`, `packed`), where objects (Tiny
ImageNet's validation pictures) and clothing come from. A set that is missing is named and left out.

Heads of 3, 5 and 10 classes, 10 photos a class and 100 (or as many as there are). Near strangers
are new photos of other classes of the set, far ones of each other set; flowers are no strangers to
flowers, nor clothing to objects. In each cell the AUROC, and the share refused where 95 % of new
photos of known classes pass, in percent. What headfit does was chosen on flowers102, scene15 and
clothing; flowers5, birds and objects judge it.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from certainty import print_header
from photo_sets import DATA, embed
from sklearn.covariance import LedoitWolf

from headfit import Extractor, InputError, SoftmaxHead
from headfit.maths.metrics import auroc
from headfit_zoo.mixture.packing import Pack
from headfit_zoo.mixture.repositories import Repository
from headfit_zoo.mixture.sources import SOURCES
from headfit_zoo.mixture.twins import kept

MIXTURE = Path(os.environ.get("HEADFIT_MIXTURE", DATA / "mixture"))
ZIPS = {
    "flowers5": "flowers5-128",
    "flowers102": "flowers102-64",
    "scene15": "scene15-200",
    "birds": "cub200-2010-224",
}
CHOSEN_ON = ("flowers102", "scene15", "clothing")
KIN = ({"flowers5", "flowers102"}, {"objects", "clothing"})
CLASSES, PHOTOS, DRAWS = (3, 5, 10), (10, 100), 2
KNOWN, FAR = 250, 150
PASSED = 0.95

Set = tuple[np.ndarray, np.ndarray, np.ndarray]


def objects() -> tuple[list[bytes], list[str]]:
    """Return Tiny ImageNet's validation pictures and their classes."""
    tiny = next(source for source in SOURCES if source.name == "tiny-imagenet")
    repository = Repository(MIXTURE / "repositories", tiny.repository, tiny.commit)
    folder = "tiny-imagenet-200/val"
    hashes = {path: digest for path, digest in repository.list() if path.startswith(folder)}
    (notes,) = repository.read([hashes[f"{folder}/val_annotations.txt"]])
    assert notes is not None
    classes = dict(line.split("\t")[:2] for line in notes.decode().splitlines())
    names = sorted(name for name in classes if f"{folder}/images/{name}" in hashes)
    blobs = list(repository.read([hashes[f"{folder}/images/{name}"] for name in names]))
    there = [(blob, classes[name]) for name, blob in zip(names, blobs, strict=True) if blob]
    return [blob for blob, _ in there], [name for _, name in there]


def clothing() -> tuple[list[bytes], list[str]]:
    """Return pictures of ten kinds of clothes."""
    pack = Pack.open(MIXTURE / "packed", "clothing")
    rows = kept(pack, MIXTURE / "packed")
    labels = pack.about["classes"]
    assert isinstance(labels, list)
    return [pack.jpeg(row) for row in rows], [labels[pack.labels[row]] for row in rows]


def load(name: str, extractor: Extractor, cache: Path) -> Set:
    """Return embeddings, class names, and which are kept for tests."""
    if name in ZIPS:
        if not (DATA / f"{ZIPS[name]}.zip").exists():
            raise InputError(f"expected {ZIPS[name]}.zip in {DATA}, found none")
        data = embed(ZIPS[name], extractor, cache)
        return data["embeddings"], data["classes"], data["tests"]
    path = cache / f"{name}-{extractor.fingerprint[:12]}.npz"
    if not path.exists():
        photos, names = objects() if name == "objects" else clothing()
        np.savez(path, embeddings=extractor.embed(photos), classes=np.array(names))
    with np.load(path) as file:
        embeddings, classes = file["embeddings"], file["classes"]
    tests = np.zeros(len(classes), bool)
    for one in np.unique(classes):
        rows = np.flatnonzero(classes == one)
        tests[rows[2::5]] = tests[rows[4::5]] = True
    return embeddings, classes, tests


@dataclass(frozen=True)
class Case:
    """A head to be, and photos that it has not seen: known ones first, then strangers by name."""

    name: str
    n_photos: int
    taught: np.ndarray
    classes: np.ndarray
    groups: dict[str, np.ndarray]


def cases(sets: dict[str, Set], name: str) -> Iterator[Case]:
    """Yield heads of every size on classes drawn from a set."""
    embeddings, classes, tests = sets[name]
    for n_classes in CLASSES:
        if n_classes >= len(np.unique(classes)):
            continue
        for n_photos in PHOTOS:
            for seed in range(DRAWS):
                rng = np.random.default_rng([seed, n_classes, n_photos])
                names = rng.permutation(np.unique(classes))[:n_classes]
                pools = [np.flatnonzero((classes == one) & ~tests) for one in names]
                rows = np.concatenate([rng.permutation(pool)[:n_photos] for pool in pools])
                is_known = np.isin(classes, names)
                groups = {
                    "known": embeddings[rng.permutation(np.flatnonzero(is_known & tests))[:KNOWN]],
                    "near": embeddings[rng.permutation(np.flatnonzero(~is_known & tests))[:KNOWN]],
                }
                for other, (far, _, far_tests) in sets.items():
                    if other != name and {name, other} not in KIN:
                        groups[other] = far[rng.permutation(np.flatnonzero(far_tests))[:FAR]]
                yield Case(name, n_photos, embeddings[rows], classes[rows], groups)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of length 1."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def nearest(queries: np.ndarray, taught: np.ndarray, k: int) -> np.ndarray:
    """Return the distance to the k-th nearest of taught embeddings, all of length 1."""
    cosines = unit(queries) @ unit(taught).T
    return np.sqrt(np.maximum(2 - 2 * np.partition(cosines, -k, axis=1)[:, -k], 0))


def scores_of(case: Case, extractor: Extractor) -> dict[str, tuple[int, np.ndarray]]:
    """Return by way the bytes that it adds to a head file and the scores of all groups."""
    taught, names = case.taught, np.unique(case.classes)
    columns = np.searchsorted(names, case.classes)
    points = np.concatenate(list(case.groups.values()))
    head = SoftmaxHead().fit(taught, case.classes, extractor=extractor)
    bare = SoftmaxHead().fit(taught, case.classes)
    logits = points @ head.weights_ + head.bias_
    highest = logits.max(axis=1)
    energy = highest + np.log(np.exp(logits - highest[:, None]).sum(axis=1))
    means = np.stack([taught[columns == column].mean(axis=0) for column in range(len(names))])
    within = LedoitWolf(assume_centered=True).fit(taught - means[columns]).precision_
    around = LedoitWolf().fit(taught).precision_
    centred = points - taught.mean(axis=0)
    class_wise = np.stack([((points - m) @ within * (points - m)).sum(axis=1) for m in means])
    common = (centred @ around * centred).sum(axis=1)
    # ViM (Wang et al., CVPR 2022): what the principal space of training leaves over, and energy.
    origin = -np.linalg.pinv(head.weights_.T.astype(np.float64)) @ head.bias_
    _, directions = np.linalg.eigh((taught - origin).T @ (taught - origin))
    rest = directions[:, : -min(taught.shape[1] // 2, len(taught) // 2)]
    residue = np.linalg.norm((taught - origin) @ rest, axis=1).mean()
    alpha = (taught @ head.weights_ + head.bias_).max(axis=1).mean() / residue
    width, n_classes, n_taught = taught.shape[1], len(names), len(taught)
    triangle = 2 * width * (width + 1)
    return {
        "largest probability": (0, head.predict_proba(points).max(axis=1)),
        "energy": (0, energy),
        "kNN-1": (4 * width * n_taught, -nearest(points, taught, 1)),
        "kNN-5": (4 * width * n_taught, -nearest(points, taught, 5)),
        "Mahalanobis": (triangle + 4 * width * n_classes, -class_wise.min(axis=0)),
        "relative Mahalanobis": (
            2 * triangle + 4 * width * n_classes,
            common - class_wise.min(axis=0),
        ),
        "ViM": (
            4 * width * rest.shape[1],
            energy - alpha * np.linalg.norm((points - origin) @ rest, axis=1),
        ),
        "typicality (no background)": (8 * width, bare.sureness(points)),
        "likeness (headfit)": (-(-width // 2) * n_classes, head.sureness(points)),
        "": (0, head.is_known(points)),
    }


def main() -> None:
    """Print two Markdown tables."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open(sys.argv[2] if len(sys.argv) > 2 else None)
    sets: dict[str, Set] = {}
    for name in (*ZIPS, "objects", "clothing"):
        try:
            sets[name] = load(name, extractor, cache)
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    cells: dict[tuple[str, tuple[str, int, str]], list[tuple[float, float]]] = defaultdict(list)
    sizes: dict[str, list[int]] = defaultdict(list)
    itself: dict[tuple[str, int], list[list[float]]] = defaultdict(list)
    for name in sets:
        for case in cases(sets, name):
            kinds = np.repeat([*case.groups], [len(group) for group in case.groups.values()])
            for way, (n_bytes, scores) in scores_of(case, extractor).items():
                known = scores[kinds == "known"]
                far = (kinds != "known") & (kinds != "near")
                if not way:
                    shares = [known, ~scores[kinds == "near"], ~scores[far]]
                    itself[name, case.n_photos].append([share.mean() for share in shares])
                    continue
                sizes[way].append(n_bytes)
                passes = np.quantile(known, 1 - PASSED)
                for kind in case.groups:
                    if kind != "known":
                        strangers = scores[kinds == kind]
                        cells[way, (name, case.n_photos, kind)].append(
                            (float(auroc(known, strangers)), float((strangers < passes).mean()))
                        )
        print(name, file=sys.stderr, flush=True)
    columns = [(name, n, kind) for name in sets for n in PHOTOS for kind in ("near", "far")]
    print_header("taught", *(f"{name}, {n}, {kind}" for name, n, kind in columns),
                 "mean of those it was chosen on", "mean of the others")  # fmt: skip
    for way, found in sizes.items():
        row, both = [f"{way}, {np.mean(found):,.0f} bytes"], {True: [], False: []}
        for name, n, kind in columns:
            values = [
                value
                for (one, (taught, count, stranger)), pairs in cells.items()
                if (one, taught, count) == (way, name, n)
                and (stranger == "near") == (kind == "near")
                for value in pairs
            ]
            mean = 100 * np.mean(values, axis=0)
            both[name in CHOSEN_ON].append(mean)
            row.append("{:.1f} / {:.1f}".format(*mean))
        row += ["{:.1f} / {:.1f}".format(*np.mean(both[which], axis=0)) if both[which] else ""
                for which in (True, False)]  # fmt: skip
        print(f"| {' | '.join(row)} |")
    print("\nWhat `is_known` does, by the threshold in the head\n")
    print_header("taught", "photos a class", "known passed", "near refused", "far refused")
    for (name, n), shares in itself.items():
        print(
            f"| {name} | {n} | {' | '.join(f'{share:.1%}' for share in np.mean(shares, axis=0))} |"
        )


if __name__ == "__main__":
    main()
