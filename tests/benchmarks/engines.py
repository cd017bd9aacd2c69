"""Print how long each engine here takes for one picture, and how that compares.

Usage: python tests/benchmarks/engines.py FILE.tflite ...

Processor time of one thread is printed beside wall time: on a busy machine it is the one to
believe. Asserts nothing.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

from headfit.engines import Engine
from headfit.engines.catalogue import ENGINES
from headfit.engines.lce import LceEngine, _load_wrapper
from headfit.errors import ExtractorError

RUNS = 20


class LceDefaultEngine(LceEngine):
    """LCE with the wheel's default kernel, which headfit does not use on x86."""

    name = "lce (default kernel)"

    def __init__(self, model: bytes) -> None:
        super().__init__(model)
        self._interpreter = _load_wrapper().LiteInterpreter(model, 1, False, False, False)


def measure(opener: Callable[[bytes], Engine], model: bytes) -> tuple[str, float, float, float]:
    """Return version, then milliseconds: opening, one run of the processor, one run by the wall."""
    start = time.thread_time()
    engine = opener(model)
    opening = time.thread_time() - start
    image = np.random.default_rng(0).standard_normal(engine.input_shape).astype(np.float32)
    engine.run(image)
    processor, wall = [], []
    for _ in range(RUNS):
        started = time.thread_time(), time.perf_counter()
        engine.run(image)
        processor.append(time.thread_time() - started[0])
        wall.append(time.perf_counter() - started[1])
    return engine.version, 1000 * opening, 1000 * min(processor), 1000 * min(wall)


def main() -> None:
    """Measure every engine on every file named."""
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, best of {RUNS} runs, ms")
    for path in map(Path, sys.argv[1:]):
        model = path.read_bytes()
        print(f"\n{path.name}, {len(model)} bytes")
        print(f"{'engine':22} {'version':>8} {'open':>8} {'run, cpu':>9} {'run, wall':>9}")
        for name, opener in {**ENGINES, LceDefaultEngine.name: LceDefaultEngine}.items():
            try:
                version, *milliseconds = measure(opener, model)
            except ExtractorError as error:
                print(f"{name:22} {str(error)[:70]}")
                continue
            print(f"{name:22} {version:>8} " + " ".join(f"{ms:8.2f}" for ms in milliseconds))


if __name__ == "__main__":
    main()
