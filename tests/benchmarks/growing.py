"""A class more for a head whose examples are gone: by `add_class`, by steps, and `fit` to all.

``python tests/benchmarks/growing.py CACHE``: heads of five classes (flowers5: four), five photos of
a further one; accuracy on new photos of the old classes and of the new one, means of sixteen draws,
and how many of both count as known and are in sets of 90 %. Taught are photos of the training
halves, which `add_class` was chosen on, tried are those of the test halves. The sets are those of
`strangers`; one that is missing is named and left out.

Then heads of five classes, of float and of binary weights, are given one class, two and five by
five photos of each: accuracy on the old classes and on the new ones, means of eight draws.

Then, of flowers5 and scene15, photos of the new class come one at a time, and what five, ten and
fifty steps of descent leave is printed; `partial_fit` refuses to make them. They go with the mean
and spread that the file holds, alone, with a penalty on leaving the head's weights (Kirkpatrick et
al., "Overcoming catastrophic forgetting in neural networks", PNAS 2017), or with replayed
pseudo-examples of the old classes that the head itself names (Li and Hoiem, "Learning without
Forgetting", TPAMI 2018).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from strangers import Set, load

from headfit import Extractor, InputError, SoftmaxHead
from headfit.maths.descent import adam_start, adam_step
from headfit.maths.softmax import softmax

SETS = {
    "flowers5": (4, (20, 100)),
    "scene15": (5, (20, 60)),
    "objects": (5, (20,)),
    "flowers102": (5, (10, 20)),
    "birds": (5, (10,)),
}
STEPPED = ("flowers5", "scene15")
DRAWS, NEW = 16, 5
SEVERAL = {"scene15": 60, "objects": 20, "flowers102": 10}
SEVERAL_DRAWS = 8
REPLAYED = 4  # photos' worth of each old class in a step


@dataclass(frozen=True)
class Draw:
    """Photos with their classes to fit to, some of a new class, and others to try."""

    taught: np.ndarray
    names: np.ndarray
    photos: np.ndarray
    new: str
    test: np.ndarray
    expected: np.ndarray
    tests_of_new: np.ndarray


def draws(data: Set, n_classes: int, per_class: int) -> Iterator[Draw]:
    """Yield classes with enough photos to teach, and one that is new."""
    embeddings, names, tests = data
    counts = {name: (~tests & (names == name)).sum() for name in np.unique(names)}
    enough = [name for name, count in counts.items() if count >= per_class]
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, per_class])
        *old, new = rng.permutation(enough)[: n_classes + 1]
        pools = [rng.permutation(np.flatnonzero(~tests & (names == one))) for one in (*old, new)]
        taught = np.concatenate([rows[:per_class] for rows in pools[:-1]])
        test = np.flatnonzero(tests & np.isin(names, old))
        yield Draw(
            embeddings[taught], names[taught], embeddings[pools[-1][:50]], str(new),
            embeddings[test], names[test], embeddings[tests & (names == new)],
        )  # fmt: skip


def figures(head: SoftmaxHead, drawn: Draw) -> tuple[float, ...]:
    """Return accuracy of old classes and new, which count as known, and which sets are right."""
    found = []
    for embeddings, names in (
        (drawn.test, drawn.expected),
        (drawn.tests_of_new, [drawn.new] * len(drawn.tests_of_new)),
    ):
        sets = zip(names, head.predict_sets(embeddings), strict=True)
        found.append((
            (head.predict(embeddings) == np.array(names)).mean(),
            head.is_known(embeddings).mean(),
            np.mean([name in one for name, one in sets]),
        ))  # fmt: skip
    return tuple(np.ravel(np.transpose(found)))


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
    """Print Markdown tables."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open()
    sets: dict[str, Set] = {}
    for name in SETS:
        try:
            sets[name] = load(name, extractor, cache)
        except InputError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    print("| set, photos a class | way | right, old, new | known, old, new "
          "| in sets of 90 %, old, new |\n|---|---|---|---|---|")  # fmt: skip
    for name, data in sets.items():
        n_classes, counts = SETS[name]
        for per_class in counts:
            found: dict[str, list[tuple[float, ...]]] = {}
            for drawn in draws(data, n_classes, per_class):
                few = drawn.photos[:NEW]
                everything = np.vstack([drawn.taught, few])
                names = np.append(drawn.names, [drawn.new] * NEW)
                head = SoftmaxHead().fit(drawn.taught, drawn.names)
                shipped = SoftmaxHead().fit(drawn.taught, drawn.names, extractor=extractor)
                ways = {
                    "before": shipped.copy(),
                    "refit": SoftmaxHead().fit(everything, names, extractor=extractor),
                    "add_class, no background": head.add_class(drawn.new, few),
                    "add_class": shipped.add_class(drawn.new, few),
                }
                for way, each in ways.items():
                    found.setdefault(way, []).append(figures(each, drawn))
            for way, rows in found.items():
                cells = (100 * np.mean(rows, axis=0)).reshape(-1, 2)
                written = " | ".join("{:.1f}, {:.1f}".format(*pair) for pair in cells)
                print(f"| {name}, {per_class} | {way} | {written} |", flush=True)
    by_several(sets, extractor)
    for name in set(STEPPED) & sets.keys():
        n_classes, counts = SETS[name]
        for per_class in counts:
            by_steps(name, sets[name], n_classes, per_class)


def by_several(sets: dict[str, Set], extractor: Extractor) -> None:
    """Print what is left of heads of five classes that grow by one class after the other."""
    print(
        "\n| set, photos a class | head | old classes: before | + 1 | + 2 | + 5 "
        "| the five new ones | refit to all: old, new |\n" + 8 * "|---" + "|"
    )
    for name in [name for name in SEVERAL if name in sets]:
        embeddings, names, tests = sets[name]
        found: dict[str, list[list[float]]] = {}
        for seed in range(SEVERAL_DRAWS):
            rng = np.random.default_rng([seed, SEVERAL[name]])
            pools = {one: rng.permutation(np.flatnonzero(~tests & (names == one)))
                     for one in np.unique(names)}  # fmt: skip
            enough = [one for one, rows in pools.items() if len(rows) >= SEVERAL[name]]
            old, new = np.split(rng.permutation(enough)[:10], 2)
            taught = np.concatenate([pools[one][: SEVERAL[name]] for one in old])
            few = {one: pools[one][:NEW] for one in new}
            everything = np.concatenate([taught, *few.values()])
            of_old, of_new = (np.flatnonzero(tests & np.isin(names, some)) for some in (old, new))
            for method in ("auto", "binary"):
                head = SoftmaxHead(method=method)
                head.fit(embeddings[taught], names[taught], extractor=extractor)
                shares = [head.score(embeddings[of_old], names[of_old])]
                for count, (one, rows) in enumerate(few.items(), 1):
                    head.add_class(str(one), embeddings[rows])
                    if count in (1, 2, 5):
                        shares.append(head.score(embeddings[of_old], names[of_old]))
                head_of_all = SoftmaxHead(method=method)
                head_of_all.fit(embeddings[everything], names[everything], extractor=extractor)
                for each, rows in ((head, of_new), (head_of_all, of_old), (head_of_all, of_new)):
                    shares.append(each.score(embeddings[rows], names[rows]))
                found.setdefault(method, []).append(shares)
        for method, rows in found.items():
            *cells, refit_old, refit_new = (f"{100 * share:.1f}" for share in np.mean(rows, axis=0))
            print(f"| {name}, {SEVERAL[name]} | {method} | {' | '.join(cells)} "
                  f"| {refit_old}, {refit_new} |", flush=True)  # fmt: skip


def by_steps(name: str, data: Set, n_classes: int, per_class: int) -> None:
    """Print what steps of descent on photos of the new class alone leave."""
    scores: dict[str, list[tuple[float, float]]] = {}
    for drawn in draws(data, n_classes, per_class):
        head = SoftmaxHead().fit(drawn.taught, drawn.names)
        columns = np.searchsorted(head.classes_, drawn.expected)
        for way in ("mean and spread", "penalty", "replay"):
            for step, logits in enumerate(steps(head, drawn.taught, drawn.photos, way), 1):
                if step in (5, 10, 50):
                    right = (logits(drawn.test).argmax(axis=1) == columns).mean()
                    known = (logits(drawn.tests_of_new).argmax(axis=1) == n_classes).mean()
                    scores.setdefault(f"{way}, {step} steps", []).append((right, known))
    print(f"\n{name}, {per_class} photos a class\n\n| way | old | new |\n|---|---|---|")
    for way, found in scores.items():
        old_share, new_share = np.mean(found, axis=0)
        print(f"| {way} | {old_share:.1%} | {new_share:.1%} |", flush=True)


if __name__ == "__main__":
    main()
