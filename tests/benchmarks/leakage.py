"""How much heads of scenes tell of the 600 photos that taught them.

``python tests/benchmarks/leakage.py CACHE``: what `headfit audit` does, for each kind of head: 64
are attacked, and one that saw all photos. Needs the zips in the data folder and keeps embeddings in
the folder CACHE; the public view is that of `privacy`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from photo_sets import draw, embed
from privacy import DELTA, public_embeddings

from headfit import Extractor, Privacy, PublicView, SoftmaxHead
from headfit.learning import FittedHead
from headfit.privacy.leakage import measure_leakage

PER_CLASS = 40
WIDTH = 64


def fit(
    make: Callable[[], SoftmaxHead], privacy: Privacy | None, values: np.ndarray, names: list[str]
) -> FittedHead:
    """Fit a new head."""
    return make().fit(values, names, privacy=privacy).fitted_


def main() -> None:
    """Print a Markdown table."""
    cache = Path(sys.argv[1])
    extractor = Extractor.open()
    data = embed("scene15-200", extractor, cache)
    rows = draw(data["classes"], np.flatnonzero(~data["tests"]), PER_CLASS, 0)
    values, names = data["embeddings"][rows], data["classes"][rows].tolist()
    view = PublicView.of(public_embeddings(extractor, cache), WIDTH)
    kinds: dict[str, tuple[Callable[[], SoftmaxHead], Privacy | None]] = {
        "`auto`": (SoftmaxHead, None),
        "logistic regression, hardly penalised (`l2=1`)": (
            partial(SoftmaxHead, method="logistic", l2=1.0),
            None,
        ),
        "imprinting": (partial(SoftmaxHead, method="imprint"), None),
    }
    for epsilon in (8.0, 3.0, 1.0):
        kinds[f"private, epsilon {epsilon:g}, public view"] = (
            SoftmaxHead,
            Privacy(epsilon, DELTA, public_view=view),
        )
    print("| head | AUC of the attack | recognised at 1 % false alarms | HEAD itself |")
    print("|---|---|---|---|")
    for kind, (make, privacy) in kinds.items():
        way = partial(fit, make, privacy)
        found = measure_leakage(values, names, way, head=way(values, names))
        assert found.head_auc is not None
        assert found.head_tpr is not None
        print(
            f"| {kind} | {found.auc:.2f} | {found.tpr:.1%} | "
            f"{found.head_auc:.2f}, {found.head_tpr:.1%} |",
            flush=True,
        )
    print("| guessing | 0.50 | 1.0% | |")


if __name__ == "__main__":
    main()
