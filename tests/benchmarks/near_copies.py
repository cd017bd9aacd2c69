"""Whether heads of near copies know how right they are; prints a row per set, asserts nothing.

Pictures of four classes in ten versions each: shifted by up to 5 %, turned, enlarged, lit
otherwise, compressed, one of these at a time; or all at once, as in a burst of a camera in the
hand. What leaving groups out tells is set against other photos of the classes.
Then how many photos of each set as it is are taken for copies, most of them wrongly. Both by
embeddings alone, and with the photos' hashes as a second witness.

At last a single picture of each class, in such versions or in squares cut from its left part: how
well each method knows other photos of the classes, and squares cut from the right part. Nothing can
be held out there. Training halves alone.

Needs the sets of photos that `HEADFIT_DATA` points to.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator

import numpy as np
from photo_sets import DATA, is_test
from PIL import Image, ImageEnhance

from headfit import Extractor, HeadLearner, SoftmaxHead
from headfit.learning import Problem, Settings
from headfit.learning.candidate import Candidate, combined
from headfit.learning.groups import photo_groups
from headfit.learning.imprint import imprinted
from headfit.learning.lda import analysed
from headfit.learning.logistic import regressed
from headfit.photos import perceptual_hash

SETS = {"flowers5-128": 60, "scene15-200": 20, "cub200-2010-224": 10}
N_CLASSES, DRAWS = 4, 20
BURST = 9
ALONE = ("flowers5-128", "scene15-200", "flowers102-64", "cub200-2010-224")
TRAINING_PART = 0.6
ALONE_DRAWS, OTHERS, SQUARES = 30, 12, 12
SUMS: dict[str, tuple[Callable[[Problem], Candidate], ...]] = {
    "imprint": (imprinted,),
    "lda": (analysed,),
    "logistic": (regressed,),
    "imprint + lda": (imprinted, analysed),
    "all three": (imprinted, analysed, regressed),
}


def cropped(
    image: Image.Image, right: float = 0, down: float = 0, share: float = 0.9
) -> Image.Image:
    """Return the middle of a picture, or a place that is that far from it."""
    width, height = image.size
    left = (1 - share) / 2 * width + right * width
    top = (1 - share) / 2 * height + down * height
    return image.crop((int(left), int(top), int(left + share * width), int(top + share * height)))


def random_square(view: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a square of 60 to 95 % of the shorter side."""
    side = round(min(view.size) * rng.uniform(0.6, 0.95))
    left = int(rng.integers(view.width - side + 1))
    top = int(rng.integers(view.height - side + 1))
    return view.crop((left, top, left + side, top + side))


def versions(image: Image.Image, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Yield a picture as a camera that is hardly moved sees it, plain first."""
    plain = cropped(image)
    yield plain
    for far in (0.01, 0.02, 0.05):
        angle = rng.uniform(0, 2 * np.pi)
        yield cropped(image, far * np.cos(angle), far * np.sin(angle))
    for light in (0.85, 1.15):
        yield ImageEnhance.Brightness(plain).enhance(light)
    stream = io.BytesIO()
    plain.save(stream, "JPEG", quality=60)
    yield Image.open(stream).convert("RGB")
    yield cropped(image.rotate(2, Image.Resampling.BICUBIC))
    yield cropped(image, share=0.857)
    yield cropped(image.rotate(-1.5, Image.Resampling.BICUBIC), 0.015, -0.015, 0.88)


def burst(image: Image.Image, rng: np.random.Generator) -> Iterator[Image.Image]:
    """Yield a picture as a camera in the hand sees it, plain first: all of `versions` at once."""
    yield cropped(image)
    for _ in range(BURST - 1):
        turned = image.rotate(rng.uniform(-2, 2), Image.Resampling.BICUBIC)
        right, down = rng.uniform(-0.05, 0.05, 2)
        looks = cropped(turned, right, down, 0.88 * rng.uniform(0.97, 1.03))
        stream = io.BytesIO()
        lit = ImageEnhance.Brightness(looks).enhance(rng.uniform(0.85, 1.15))
        lit.save(stream, "JPEG", quality=int(rng.integers(60, 95)))
        yield Image.open(stream).convert("RGB")


def main() -> None:
    extractor = Extractor.open()
    for name, per_class in SETS.items():
        rng = np.random.default_rng(0)
        classes = []
        pictures: dict[str, list[np.ndarray]] = {"versions": [], "bursts": []}
        hashes: dict[str, list[list[int]]] = {"versions": [], "bursts": []}
        with zipfile.ZipFile(DATA / f"{name}.zip") as file:
            paths = [path for path in sorted(file.namelist()) if path.lower().endswith("jpg")]
            folders = np.array([path.split("/")[-2] for path in paths])
            for folder in np.unique(folders)[:30]:
                for row in rng.permutation(np.flatnonzero(folders == folder))[:per_class]:
                    image = Image.open(io.BytesIO(file.read(paths[row]))).convert("RGB")
                    for kind, made in (("versions", versions), ("bursts", burst)):
                        looks = list(made(image, rng))
                        pictures[kind].append(extractor.embed(looks))
                        hashes[kind].append([perceptual_hash(look) for look in looks])
                    classes.append(folder)
            for kind, rows_of in pictures.items():
                seen = np.array(hashes[kind], np.uint64)
                print_copies(f"{name}, {kind}", np.stack(rows_of), np.array(classes), seen)
            whole = [Image.open(io.BytesIO(file.read(path))).convert("RGB") for path in paths]
            seen = np.array([perceptual_hash(image) for image in whole], np.uint64)
            print_originals(name, extractor.embed(whole), folders, seen)
    for name in ALONE:
        pictures_alone(name, extractor)


def print_copies(name: str, embeddings: np.ndarray, names: np.ndarray, hashes: np.ndarray) -> None:
    for count in (2, 4, 8):
        for by, looks in (("alone", np.zeros_like(hashes)), ("and hashes", hashes)):
            rows = [row_of(embeddings, names, looks, count, seed) for seed in range(DRAWS)]
            told, true, one_each, groups = np.nanmean(np.array(rows, float), axis=0)
            print(
                f"{name}, {count} pictures a class, by embeddings {by}: told {told:.1%}, true "
                f"{true:.1%}, told of one version each {one_each:.1%}, groups a picture "
                f"{groups:.2f}"
            )


def print_originals(
    name: str, embeddings: np.ndarray, names: np.ndarray, hashes: np.ndarray
) -> None:
    """Print the share of photos that are in a group of several, halves of the set apart."""
    for half in (0, 1):
        rows = np.concatenate([np.flatnonzero(names == each)[half::2] for each in np.unique(names)])
        for by, looks in (("alone", None), ("and hashes", hashes[rows])):
            groups = photo_groups(embeddings[rows], names[rows], photo_hashes=looks)
            sizes = np.unique(groups, return_counts=True)[1]
            print(
                f"{name}, half {half + 1}, by embeddings {by}: "
                f"{sizes[sizes > 1].sum() / len(rows):.1%} of {len(rows)} photos in groups, "
                f"{len(sizes) / len(rows):.1%} effective, largest {sizes.max()}"
            )


def row_of(
    embeddings: np.ndarray, names: np.ndarray, hashes: np.ndarray, count: int, seed: int
) -> tuple[float | None, float, float | None, float]:
    """Return what a head of copies is told of itself, what is true, and both without copies."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.unique(names))[:N_CLASSES]
    order = rng.permutation(len(names))
    taught = np.concatenate([order[names[order] == name][:count] for name in chosen])
    new = np.setdiff1d(np.flatnonzero(np.isin(names, chosen)), taught)
    copies = embeddings[taught].reshape(-1, embeddings.shape[2])
    learner = HeadLearner()
    learner.add_examples(
        copies,
        np.repeat(names[taught], embeddings.shape[1]),
        photo_hashes=hashes[taught].ravel().tolist(),
    )
    head = learner.fit()
    plain = SoftmaxHead().fit(embeddings[taught, 0], names[taught])
    assert head.calibration_ is not None
    return (
        head.training_["leave_one_out_accuracy"],  # type: ignore[return-value]
        head.score(embeddings[new, 0], names[new]),
        plain.training_["leave_one_out_accuracy"],
        head.calibration_.n_held_out / len(taught),
    )


def pictures_alone(dataset: str, extractor: Extractor) -> None:
    """Print top-1 of each sum of heads, taught a picture of each class, on a training half."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    with zipfile.ZipFile(DATA / f"{dataset}.zip") as archive:
        paths = [path for path in sorted(archive.namelist()) if path.endswith(".jpg")]
        paths = [path for path in paths if not path.startswith("val/")]
        teach = [path for row, path in enumerate(paths) if not is_test(dataset, path, row)]
        folders = np.array([path.split("/")[-2] for path in teach])
        for seed in range(ALONE_DRAWS):
            rng = np.random.default_rng([seed, 5])
            taught: dict[str, list[np.ndarray]] = {"versions": [], "squares": []}
            tests: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
            for folder in rng.permutation(np.unique(folders))[:N_CLASSES]:
                rows = rng.permutation(np.flatnonzero(folders == folder))[: OTHERS + 1]
                image = Image.open(io.BytesIO(archive.read(teach[rows[0]]))).convert("RGB")
                border = round(image.width * TRAINING_PART)
                left = image.crop((0, 0, border, image.height))
                right = image.crop((border, 0, *image.size))
                taught["versions"].append(extractor.embed(list(versions(image, rng))))
                for part, into in ((left, taught["squares"]), (right, tests[1])):
                    squares = [random_square(part, rng) for _ in range(SQUARES)]
                    into.append(extractor.embed(squares))
                tests[0].append(extractor.embed([archive.read(teach[row]) for row in rows[1:]]))
            for kind, parts in taught.items():
                targets = np.repeat(np.arange(N_CLASSES), [len(part) for part in parts])
                classes = tuple("abcd"[:N_CLASSES])
                problem = Problem(
                    np.concatenate(parts), targets, classes, Settings(), given_groups=targets
                )
                for name, methods in SUMS.items():
                    head = combined(problem, [method(problem) for method in methods]).head
                    right_of = [
                        np.concatenate([
                            (part @ head.weights + head.bias).argmax(axis=1) == column
                            for column, part in enumerate(each)
                        ]).mean()
                        for each in tests
                    ]  # fmt: skip
                    found.setdefault((kind, name), []).append((right_of[0], right_of[1]))
    for (kind, name), pairs in found.items():
        other, same = 100 * np.mean(pairs, axis=0)
        print(f"{dataset}, {kind}, {name}: other photos {other:.1f}, other part {same:.1f}")


if __name__ == "__main__":
    main()
