"""Print what the native engine reaches: binary convolutions, threads, opening, size.

Usage: python tests/benchmarks/native.py [EXTRACTOR.tflite ...]

The binary convolutions are those of a ResNet-18, eight in a chain with packed output, each beside
the same chain in Larq Compute Engine. The peak is what a loop of xor, count and addition over
registers reaches on this core (`peak.c`): AVX2 counts by two looked-up nibbles, masks and a shift,
and its kernel looks up products instead, so it may pass the peak. Opened are the embedded extractor
and those that are named, whose manifests lie beside them. Asserts nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np
from tests.support.graphs import INT32, GraphBuilder

from headfit import Extractor
from headfit.engines.catalogue import engine_opener
from headfit.engines.native import NativeEngine
from headfit.engines.native.library import load_library
from headfit.errors import EngineMissingError
from headfit.extractors.finding import read_extractor

SHAPES = [(56, 64), (28, 128), (14, 256), (7, 512)]
CHAIN = 8
ROUNDS = 15
PEAK_FLAGS = {"avx512": ["-mavx512f", "-mavx512vpopcntdq"], "avx2": ["-mavx2"]}
BUILD = Path(__file__).parents[2] / "build"


def shortest(*calls: Callable[[], object]) -> list[float]:
    """Return each call's shortest processor time in seconds; they take turns."""
    best = [np.inf] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            start = time.thread_time()
            call()
            best[i] = min(best[i], time.thread_time() - start)
    return best


def chain(size: int, channels: int) -> bytes:
    """Return a network of binary 3x3 convolutions with packed output, one after another."""
    rng = np.random.default_rng(0)
    builder = GraphBuilder(1, size, size, channels)
    shape = (1, size, size, channels // 32)
    x = builder.add("LceQuantize", (0,), shape, INT32)
    for _ in range(CHAIN):
        filters = rng.integers(-(1 << 31), 1 << 31, (channels, 3, 3, channels // 32), dtype=INT32)
        thresholds = builder.constant(np.full(channels, 9 * channels // 2, INT32))
        x = builder.binary_convolution(
            x, filters, (-1, -1, thresholds), shape, INT32, channels_in=channels
        )
    y = builder.add("LceDequantize", (x,), (1, size, size, channels))
    return builder.model(y)


def measure_peak(kernels: str) -> float | None:
    """Return 10^9 binary multiply-adds a second of xor and popcount in registers, or None."""
    if kernels not in PEAK_FLAGS:
        return None
    program = BUILD / "benchmarks" / "peak"
    program.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("peak.c")
    try:
        subprocess.run(["cc", "-O3", *PEAK_FLAGS[kernels], source, "-o", program], check=True)
        done = subprocess.run([program], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return float(done.stdout)


def compare_convolutions() -> None:
    """Print each shape's speed, in LCE and here, and the peak beside it: a clock may change."""
    kernels = load_library().kernels[0].name
    print(f"\n10^9 binary multiply-adds a second, peak: xor and popcount in registers, {kernels}")
    print(f"{'binary 3x3':>14} {'native':>7} {'peak':>5} {'of it':>6} {'lce':>4} {'ratio':>6}")
    for size, channels in SHAPES:
        model = chain(size, channels)
        image = np.random.default_rng(1).standard_normal((1, size, size, channels))
        runs = [partial(NativeEngine(model).run, image.astype(np.float32))]
        with suppress(EngineMissingError):
            runs.append(partial(engine_opener("lce")(model).run, image.astype(np.float32)))
        products = CHAIN * size * size * 9 * channels**2 / 1e9
        before = measure_peak(kernels)
        speeds = [products / seconds for seconds in shortest(*runs)]
        peak = max(filter(None, (before, measure_peak(kernels))), default=None)
        share = f"{peak:5.0f} {100 * speeds[0] / peak:4.0f} %" if peak else 12 * " "
        lce = f"{speeds[1]:4.0f} {speeds[0] / speeds[1]:6.1f}" if len(speeds) > 1 else ""
        print(f"{f'{size}x{size} x {channels}':>14} {speeds[0]:7.0f} {share} {lce}")


def compare_threads() -> None:
    """Print how much more two threads embed than one, each on a core of its own, by the wall clock.

    Where others keep the cores busy this tells of them, unless it runs before them: `chrt -f 1`.
    """
    engine = NativeEngine(chain(28, 128))
    image = np.ones(engine.input_shape, np.float32)
    cores = sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else [0, 1]
    if len(cores) < 2:
        print("\nno second core for a second thread")
        return

    def embed(core: int) -> None:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {core})  # of this thread
        for _ in range(40):
            engine.run(image)

    def seconds(*threads: threading.Thread) -> float:
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.perf_counter() - start

    ratios = []
    for _ in range(ROUNDS):
        alone = [seconds(threading.Thread(target=embed, args=[core])) for core in cores]
        both = seconds(*(threading.Thread(target=embed, args=[core]) for core in cores))
        ratios.append(sum(alone) / both)
    print(f"\ntwo threads embed {np.median(ratios):.2f} times as much as one")


def main() -> None:
    """Print everything."""
    library = load_library()
    print(f"kernels {', '.join(one.name for one in library.kernels)}; library", end=" ")
    print(f"{library.path.stat().st_size:,} bytes")
    print("opening, golden picture included, and the picture alone, processor's ms:")
    for path in (None, *sys.argv[1:]):
        _, manifest, model = read_extractor(path)
        engine = NativeEngine(model)
        picture = np.ones(engine.input_shape, np.float32)
        opened, ran = shortest(
            partial(Extractor.open, path, engine="native"), partial(engine.run, picture)
        )
        print(f"  {manifest.name:30} {1000 * opened:5.1f} {1000 * ran:5.1f}")
    compare_convolutions()
    compare_threads()


if __name__ == "__main__":
    main()
