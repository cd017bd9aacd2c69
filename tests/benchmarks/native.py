"""Print what the native engine reaches: binary convolutions, threads, opening, size.

Usage: python tests/benchmarks/native.py

The binary convolutions are those of a ResNet-18, eight in a chain with packed output, each beside
the same chain in Larq Compute Engine. The peak is what a loop of xor, two looked-up nibbles, masks,
a shift and two additions over registers reaches on this core (`peak.c`); the native kernel looks up
products instead, so it may pass it. Asserts nothing.
"""

from __future__ import annotations

import os
import subprocess
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

SHAPES = [(56, 64), (28, 128), (14, 256), (7, 512)]
CHAIN = 8
ROUNDS = 15
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
        thresholds = np.full(channels, 9 * channels // 2, INT32)
        x = builder.add(
            "LceBconv2d",
            (x, builder.constant(filters), -1, -1, builder.constant(thresholds)),
            shape,
            INT32,
            channels_in=channels,
            dilation_height_factor=1,
            dilation_width_factor=1,
            fused_activation_function=0,
            pad_values=1,
            padding=0,
            stride_height=1,
            stride_width=1,
        )
    y = builder.add("LceDequantize", (x,), (1, size, size, channels))
    return builder.model(y)


def measure_peak() -> float | None:
    """Return 10^9 binary multiply-adds a second of xor and popcount in registers, or None."""
    program = BUILD / "benchmarks" / "peak"
    program.parent.mkdir(parents=True, exist_ok=True)
    source = Path(__file__).with_name("peak.c")
    try:
        subprocess.run(["cc", "-O3", "-mavx2", source, "-o", program], check=True)
        done = subprocess.run([program], check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return float(done.stdout)


def compare_convolutions() -> None:
    """Print each shape's speed, in LCE and here."""
    peak = measure_peak()
    known = f"{peak:.0f} G/s" if peak else "not measured here"
    print(f"xor and popcount in registers, AVX2: {known}\n")
    print(f"{'binary 3x3':>14} {'native G/s':>11} {'of that':>8} {'lce G/s':>8} {'ratio':>6}")
    for size, channels in SHAPES:
        model = chain(size, channels)
        image = np.random.default_rng(1).standard_normal((1, size, size, channels))
        runs = [partial(NativeEngine(model).run, image.astype(np.float32))]
        with suppress(EngineMissingError):
            runs.append(partial(engine_opener("lce")(model).run, image.astype(np.float32)))
        products = CHAIN * size * size * 9 * channels**2 / 1e9
        speeds = [products / seconds for seconds in shortest(*runs)]
        share = f"{100 * speeds[0] / peak:.0f} %" if peak else ""
        lce = f"{speeds[1]:8.0f} {speeds[0] / speeds[1]:6.1f}" if len(speeds) > 1 else ""
        print(f"{f'{size}x{size} x {channels}':>14} {speeds[0]:11.0f} {share:>8} {lce}")


def compare_threads() -> None:
    """Print how much more two threads embed than one, by the wall clock."""
    engine = NativeEngine(chain(28, 128))
    image = np.ones(engine.input_shape, np.float32)

    def embed() -> None:
        for _ in range(40):
            engine.run(image)

    ratios = []
    for _ in range(5):
        start = time.perf_counter()
        embed()
        alone = time.perf_counter() - start
        threads = [threading.Thread(target=embed) for _ in range(2)]
        start = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ratios.append(2 * alone / (time.perf_counter() - start))
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"\ntwo threads embed {max(ratios):.2f} times as much as one, on {cores} cores")


def main() -> None:
    """Print everything."""
    library = load_library()
    print(f"kernels {', '.join(one.name for one in library.kernels)}; library", end=" ")
    print(f"{library.path.stat().st_size:,} bytes")
    (opening,) = shortest(lambda: Extractor.open(engine="native"))
    print(f"opening the embedded extractor, golden picture included: {1000 * opening:.1f} ms")
    compare_convolutions()
    compare_threads()


if __name__ == "__main__":
    main()
