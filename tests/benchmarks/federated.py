"""One round of sums beside rounds of averaging: ten silos, flowers and scenes, even and skewed.

``build/federated/bin/python tests/benchmarks/federated.py CACHE``, after ``make federated``, needs
the zips in the data folder and keeps embeddings in the folder CACHE. Silos are in this process;
messages, apps and strategies are those of a federation. With ``choose`` behind CACHE it tries
learning rates on the training half alone, of which every fourth photo tests.
"""

from __future__ import annotations

import itertools
import logging
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from flwr.app import Context, RecordDict
from photo_sets import embed

from headfit import Extractor, PublicView, SoftmaxHead
from headfit.pooling import Projection, Round, read_round, round_bytes
from headfit.privacy.signing import new_key, public_key
from headfit.store import ExampleStore
from headfit_federated import Averaging, LocalGrid, ServerSettings
from headfit_federated.client import app
from headfit_federated.server import main as serve

Photos = dict[str, np.ndarray]

LEARNING_RATES = {"flowers5-128": 4.0, "scene15-200": 4.0}
CHOICES = (1.0, 2.0, 4.0, 8.0, 16.0)
N_SILOS = 10
ROUNDS = (1, 10, 50)


def owners(targets: np.ndarray, alpha: float | None) -> np.ndarray:
    """Return each photo's silo: at random, or each class spread by Dirichlet's distribution."""
    rng = np.random.default_rng(0)
    if alpha is None:
        return rng.integers(0, N_SILOS, len(targets))
    found = np.zeros(len(targets), np.intp)
    for column in np.unique(targets):
        here = np.flatnonzero(targets == column)
        shares = rng.dirichlet(np.full(N_SILOS, alpha))
        found[here] = rng.choice(N_SILOS, len(here), p=shares)
    return found


def main() -> None:
    """Print Markdown tables of top-1 on the photos that test, in percent."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    extractor = Extractor.open()
    golden = extractor.manifest.golden
    assert golden is not None
    view = PublicView.plain(extractor.embedding_dim, float(np.linalg.norm(golden.embedding)))
    projection = Projection.of(view, max(map(abs, golden.embedding)))
    is_choice = sys.argv[2:] == ["choose"]
    tried = itertools.product(LEARNING_RATES, CHOICES) if is_choice else LEARNING_RATES.items()
    for dataset, learning_rate in tried:
        data = embed(dataset, extractor, Path(sys.argv[1]))
        if is_choice:
            data = {key: values[~data["tests"]] for key, values in data.items()}
            data["tests"] = np.arange(len(data["tests"])) % 4 == 3
        is_test = data["tests"]
        taught, names = data["embeddings"][~is_test], data["classes"][~is_test]
        asked = Round.call(
            extractor.manifest.reference(),
            [str(name) for name in np.unique(names)],
            projection,
            epsilon=None,
            devices=N_SILOS,
            max_photos=1024,
        )
        print(f"\n{dataset}, learning rate {learning_rate:g}\n")
        print(f"| split | how | begun from | {' | '.join(f'{n} rounds' for n in ROUNDS)} |")
        print("| --- | --- | --- |" + " --- |" * len(ROUNDS))

        def show(*cells: str, heads: Sequence[SoftmaxHead], data: Photos = data) -> None:
            scores = [
                100 * head.score(data["embeddings"][data["tests"]], data["classes"][data["tests"]])
                for head in heads
            ]
            shown = [*cells, *(f"{score:.1f}" for score in scores)]
            shown += [""] * (3 + len(ROUNDS) - len(shown))
            print(f"| {' | '.join(shown)} |", flush=True)

        for method in ("auto", "lda"):
            show("none", f"`{method}`", "", heads=[SoftmaxHead(method=method).fit(taught, names)])
        for split, alpha in (("at random", None), ("Dirichlet 0.05", 0.05)):
            silos = owners(np.unique(names, return_inverse=True)[1], alpha)
            for cells, heads in federated(asked, taught, names, silos, learning_rate):
                show(split, *cells, heads=heads)


def federated(
    asked: Round, taught: np.ndarray, names: np.ndarray, silos: np.ndarray, learning_rate: float
) -> Iterator[tuple[tuple[str, str], list[SoftmaxHead]]]:
    """Yield how silos taught a head, what they began from, and the head after each of `ROUNDS`."""
    key = new_key()
    file = round_bytes(asked, key)
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "it.round").write_bytes(file)
        nodes = []
        for silo in np.unique(silos):
            store, rows = here / f"{silo}.store", silos == silo
            with ExampleStore.open(store, Extractor.open()) as opened:
                opened.add_many(taught[rows], [str(name) for name in names[rows]])
            nodes.append({"store": str(store), "trust": public_key(key), "plain": True})
        config = {
            "round": str(here / "it.round"),
            "out": str(here),
            "nodes": len(nodes),
            "learning-rate": learning_rate,
        }
        grid = LocalGrid(app, nodes)
        serve(grid, Context(1, 0, {}, RecordDict(), config))
        pooled = SoftmaxHead.load(here / "pooled.head")
        yield ("sums", ""), [pooled]
        begun = pooled.fitted_
        empty = replace(begun, weights=np.zeros_like(begun.weights), bias=np.zeros_like(begun.bias))
        for how, mu, where, head in (
            ("FedAvg", 0.0, "nothing", empty),
            ("FedProx, 0.1", 0.1, "nothing", empty),
            ("FedAvg", 0.0, "the sums", begun),
            ("FedProx, 0.1", 0.1, "the sums", begun),
        ):
            done, heads = 0, []
            for rounds in ROUNDS:
                more = config | {"rounds": rounds - done, "proximal-mu": mu}
                settings = ServerSettings.of(more)
                head = Averaging(read_round(here / "it.round"), file, head, settings).run(grid)
                done = rounds
                heads.append(SoftmaxHead.of(head))
            yield (how, where), heads


if __name__ == "__main__":
    main()
