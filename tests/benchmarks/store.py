"""How fast the example store is with 100,000 examples of 512: ``python tests/benchmarks/store.py``.

Prints a row per kind of embedding, and asserts nothing: a loaded machine is slower.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headfit.photos import WHOLE, View
from headfit.store import ExampleStore

BATCH = 100


@dataclass(frozen=True)
class Source:
    """What a store knows of an extractor."""

    fingerprint: str = "ab" * 32
    embedding_dim: int = 512
    views: tuple[View, ...] = (WHOLE,)


def seconds(begin: tuple[float, float]) -> str:
    """Return the time since ``begin``: on the clock, and of the processor."""
    return f"{time.perf_counter() - begin[0]:.3f} s ({time.process_time() - begin[1]:.3f} s CPU)"


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def measure(path: Path, n_samples: int, dtype: str) -> None:
    values = np.random.default_rng(0).normal(size=(n_samples, 512)).astype(np.float32)
    names = [f"class {i % 20}" for i in range(BATCH)]
    with ExampleStore.open(path, Source(), dtype=dtype) as store:
        begin = now()
        for start in range(0, n_samples, BATCH):
            store.add_many(values[start : start + BATCH], names)
        elapsed = time.perf_counter() - begin[0]
        print(f"  add in batches of {BATCH}: {1000 * elapsed / n_samples:.3f} ms each")
        begin = now()
        for row in values[:200]:
            store.add(row, "class 0")
        print(f"  add one by one: {5 * (time.perf_counter() - begin[0]):.2f} ms each")
    print(f"  file: {path.stat().st_size / 1e6:.0f} MB")
    for attempt in range(3):
        begin = now()
        with ExampleStore.open(path, Source()) as store:
            opened = seconds(begin)
            begin = now()
            store.load()
            print(f"  attempt {attempt + 1}: open {opened}, load {seconds(begin)}")
    with ExampleStore.open(path) as store:
        begin = now()
        store.forget([5])
        print(f"  forget one: {seconds(begin)}")


def main() -> None:
    """Measure both kinds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, help="on the disk to measure; by default a new one")
    arguments = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, load {load:.1f}")
    for dtype in ("float32", "float16"):
        with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            print(f"{arguments.examples} x 512, {dtype}")
            measure(Path(folder) / "store", arguments.examples, dtype)


if __name__ == "__main__":
    main()
