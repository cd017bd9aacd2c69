"""One round of sums beside rounds of averaging: ten silos, flowers, even and skewed.

``build/federated/bin/python tests/benchmarks/federated.py CACHE``, after ``make federated``, needs
the zip in the data folder and keeps embeddings in the folder CACHE. Silos are in this process;
messages, apps and strategies are those of a federation. The learning rate was chosen on the
training half.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from flwr.app import Context, RecordDict
from photos_per_class import embed

from headfit import Extractor, PublicView, SoftmaxHead
from headfit.learning import FittedHead
from headfit.pooling import Projection, Round, read_round, round_bytes
from headfit.privacy.signing import new_key, public_key
from headfit.store import ExampleStore
from headfit_federated import Averaging, LocalGrid, ServerSettings
from headfit_federated.client import app
from headfit_federated.server import main as serve

DATASET = "flowers5-128"
N_SILOS = 10
ROUNDS = (1, 10, 50)
LEARNING_RATE = 4.0


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
    """Print a Markdown table of top-1 on the photos that test, in percent."""
    logging.getLogger("flwr").setLevel(logging.ERROR)
    extractor = Extractor.open()
    data = embed(DATASET, extractor, Path(sys.argv[1]))
    is_test = data["tests"]
    classes, columns = np.unique(data["classes"], return_inverse=True)
    taught, names = data["embeddings"][~is_test], data["classes"][~is_test]

    def top1(head: FittedHead) -> float:
        score = SoftmaxHead.of(head).score(data["embeddings"][is_test], data["classes"][is_test])
        return 100 * score

    golden = extractor.manifest.golden
    assert golden is not None
    view = PublicView.plain(extractor.embedding_dim, float(np.linalg.norm(golden.embedding)))
    asked = Round.call(
        extractor.manifest.reference(),
        [str(name) for name in classes],
        Projection.of(view, max(map(abs, golden.embedding))),
        epsilon=None,
        devices=N_SILOS,
        max_photos=1024,
    )
    key = new_key()
    file = round_bytes(asked, key)
    print("| split | how | begun from | " + " | ".join(f"{n} rounds" for n in ROUNDS) + " |")
    print("| --- | --- | --- |" + " --- |" * len(ROUNDS))
    for split, alpha in (("at random", None), ("Dirichlet 0.05", 0.05)):
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder)
            (here / "it.round").write_bytes(file)
            called = read_round(here / "it.round")
            silos = owners(columns[~is_test], alpha)
            nodes = []
            for silo in np.unique(silos):
                store = here / f"{silo}.store"
                rows = silos == silo
                with ExampleStore.open(store, extractor) as opened:
                    opened.add_many(taught[rows], [str(name) for name in names[rows]])
                nodes.append({"store": str(store), "trust": public_key(key), "plain": True})
            config = {
                "round": str(here / "it.round"),
                "out": str(here),
                "nodes": len(nodes),
                "learning-rate": LEARNING_RATE,
            }
            grid = LocalGrid(app, nodes)
            serve(grid, Context(1, 0, {}, RecordDict(), config))
            pooled = SoftmaxHead.load(here / "pooled.head").fitted_
            print(f"| {split} | sums | | {top1(pooled):.1f} | | |", flush=True)
            empty = replace(
                pooled, weights=np.zeros_like(pooled.weights), bias=np.zeros_like(pooled.bias)
            )
            for how, mu, begun, first in (
                ("FedAvg", 0.0, "nothing", empty),
                ("FedAvg", 0.0, "the sums", pooled),
                ("FedProx, 0.1", 0.1, "the sums", pooled),
            ):
                head, done, cells = first, 0, []
                for rounds in ROUNDS:
                    more = config | {"rounds": rounds - done, "proximal-mu": mu}
                    head = Averaging(called, file, head, ServerSettings.of(more)).run(grid)
                    done = rounds
                    cells.append(f"{top1(head):.1f}")
                print(f"| {split} | {how} | {begun} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
