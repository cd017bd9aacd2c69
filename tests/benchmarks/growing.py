"""A class more for a head whose examples are gone: by `add_class`, by steps, and `fit` to all.

``python tests/benchmarks/growing.py CACHE``: heads of five classes (flowers5: four), five photos of
a further one; accuracy on new photos of the old classes and of the new one, means of twelve draws.
Then photos of the new class come one at a time, and what five, ten and fifty steps of descent leave
is printed; `partial_fit` refuses to make them. They go with the mean and spread that the file
holds, alone, with a penalty on leaving the head's weights (Kirkpatrick et al., "Overcoming
catastrophic forgetting in neural networks", PNAS 2017), or with replayed pseudo-examples of the old
classes that the head itself names (Li and Hoiem, "Learning without Forgetting", TPAMI 2018).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from photos_per_class import embed

from headfit import Extractor, SoftmaxHead
from headfit.maths.descent import adam_start, adam_step
from headfit.maths.softmax import softmax

SETS = {"flowers5-128": (4, (20, 100)), "scene15-200": (5, (20, 100))}
DRAWS, NEW = 12, 5
REPLAYED = 4  # photos' worth of each old class in a step


def draws(
    data: dict[str, np.ndarray], n_classes: int, per_class: int
) -> Iterator[tuple[SoftmaxHead, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, str]]:
    """Yield a head, what it was fitted to, test photos with names, and those of a new class."""
    embeddings, names = data["embeddings"].astype(np.float32), data["classes"]
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, per_class])
        *old, new = rng.permutation(np.unique(names))[: n_classes + 1]
        order = rng.permutation(len(names))
        by_class = [order[names[order] == name] for name in (*old, new)]
        taught = np.concatenate([rows[:per_class] for rows in by_class[:-1]])
        test = np.concatenate([rows[per_class : per_class + 60] for rows in by_class[:-1]])
        head = SoftmaxHead().fit(embeddings[taught], names[taught])
        yield (
            head, embeddings[taught], names[taught], embeddings[test], names[test],
            embeddings[by_class[-1]][:150], str(new),
        )  # fmt: skip


def steps(
    head: SoftmaxHead, taught: np.ndarray, photos: np.ndarray, way: str
) -> Iterator[Callable[[np.ndarray], np.ndarray]]:
    """Yield, after each photo of a new class, what gives the logits by one way of descent."""
    mean, spread = taught.mean(axis=0), taught.std(axis=0) + 1e-6
    n_old = len(head.classes_)
    start = np.vstack([head.weights_ * spread[:, np.newaxis], head.bias_ + mean @ head.weights_])
    rows = np.column_stack([start, np.zeros(len(start))]).astype(np.float32)
    anchor = rows.copy()
    pseudo = start[:-1].T / np.square(start[:-1]).sum(axis=0)[:, np.newaxis]
    pseudo *= 2 * np.abs(start[:-1]).sum(axis=0).mean() / np.sqrt(len(mean))
    pseudo = np.repeat(pseudo, REPLAYED, axis=0)
    pseudo += np.random.default_rng(0).normal(size=pseudo.shape)
    names = softmax((pseudo @ start[:-1] + start[-1]).astype(np.float32))
    names = np.column_stack([names, np.zeros(len(names))])
    state = adam_start(rows.ravel())
    for photo in photos:
        features = ((photo - mean) / spread)[np.newaxis]
        wanted = np.eye(n_old + 1)[[-1]]
        if way == "replay":
            features, wanted = np.vstack([features, pseudo]), np.vstack([wanted, names])
        features = np.column_stack([features, np.ones(len(features))]).astype(np.float32)
        away = softmax((features @ rows).astype(np.float32)) - wanted
        gradient = features.T @ away / len(features)
        if way == "penalty":
            gradient[:, :n_old] += len(taught) * 0.1 * (rows - anchor)[:, :n_old]
        stepped, state = adam_step(
            rows.ravel(), gradient.astype(np.float32).ravel(), state, learning_rate=0.01
        )
        rows = stepped.reshape(rows.shape)
        yield lambda new, rows=rows: ((new - mean) / spread) @ rows[:-1] + rows[-1]  # type: ignore[misc]


def main() -> None:
    cache = Path(sys.argv[1])
    extractor = Extractor.open()
    for name, (n_classes, counts) in SETS.items():
        data = embed(name, extractor, cache)
        for per_class in counts:
            scores: dict[str, list[tuple[float, ...]]] = {}
            for head, taught, names, test, expected, photos, new in draws(
                data, n_classes, per_class
            ):
                few, rest = photos[:NEW], photos[60:]
                refit = SoftmaxHead().fit(np.vstack([taught, few]), np.append(names, [new] * NEW))
                grown = head.copy().add_class(new, few)
                for way, each in (("before", head), ("refit", refit), ("add_class", grown)):
                    found = (each.score(test, expected), (each.predict(rest) == new).mean())
                    scores.setdefault(way, []).append(found)
                columns = np.searchsorted(head.classes_, expected)
                for way in ("mean and spread", "penalty", "replay"):
                    for step, logits in enumerate(steps(head, taught, photos[:50], way), 1):
                        if step in (5, 10, 50):
                            right = (logits(test).argmax(axis=1) == columns).mean()
                            found = (logits(rest).argmax(axis=1) == n_classes).mean()
                            scores.setdefault(f"{way}, {step} steps", []).append((right, found))
            print(f"\n{name}, {per_class} photos a class\n\n| way | old | new |\n|---|---|---|")
            for way, found in scores.items():
                old_share, new_share = np.mean(found, axis=0)
                print(f"| {way} | {old_share:.1%} | {new_share:.1%} |", flush=True)


if __name__ == "__main__":
    main()
