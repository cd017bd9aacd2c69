"""What a binary head loses where: ``python tests/benchmarks/bits_of_embeddings.py CACHE``.

On every fourth training picture of flowers102, of the embedded extractor: a float head on the
embedding, a float head on its bits, and the binary head, which has bits of weights too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from headfit import Extractor, SoftmaxHead
from headfit_zoo.experiments import transfer
from headfit_zoo.experiments.sets import SplitPictures

L2 = 10.0
BITS = (1, 2, 4, 8)


def main() -> None:
    """Print a Markdown table."""
    data = SplitPictures.open("flowers102")
    embeddings = transfer.embed(Extractor.open(), data.pictures, Path(sys.argv[1]))[data.train]
    names, held_out = data.classes[data.train], data.held_out()

    def top1(method: str, features: np.ndarray, l2: float) -> float:
        head = SoftmaxHead(method=method, l2=l2)
        head.fit(features[~held_out], names[~held_out])
        return float((head.predict(features[held_out]) == names[held_out]).mean())

    print("| a feature is | weights are | top-1 |\n| --- | --- | --- |")
    print(f"| a float | floats | {top1('logistic', embeddings, L2):.1%} |", flush=True)
    for n_bits in BITS:
        shares = np.arange(1, n_bits + 1) / (n_bits + 1)
        thresholds = np.quantile(embeddings[~held_out], shares, axis=0)
        bits = np.hstack([embeddings >= t for t in thresholds]).astype(np.float32)
        # Bits of one feature are alike: together they bear the penalty of one.
        score = top1("logistic", bits, L2 * n_bits)
        print(f"| {n_bits} bit{'s' * (n_bits > 1)} | floats | {score:.1%} |", flush=True)
    print(f"| 1 bit | 1 bit | {top1('binary', embeddings, L2):.1%} |", flush=True)


if __name__ == "__main__":
    main()
