"""Print how long each engine here takes for one picture, and how that compares.

Usage: python tests/benchmarks/engines.py [FILE.tflite ...]

Without files: residual networks with random weights, binary and float, where the `zoo` extra is
installed; without it, the embedded extractor. Processor time of one thread is printed beside wall
time: on a busy machine it is the one to believe. Asserts nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")

import numpy as np

import headfit
from headfit.engines import Engine
from headfit.engines.catalogue import ENGINES
from headfit.engines.lce import LceEngine, _load_wrapper
from headfit.engines.lowering import lower
from headfit.errors import ExtractorError

RUNS = 20
NETWORKS = Path(__file__).parents[2] / "build" / "benchmarks"
FLOAT_ENGINES = ("litert", "tflite-runtime", "tensorflow", "lce")


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


def measure_all(path: Path, engines: dict[str, Callable[[bytes], Engine]]) -> dict[str, float]:
    """Print a row per engine; return the processor's milliseconds of those that ran."""
    model = path.read_bytes()
    print(f"\n{path.stem}, {len(model)} bytes")
    print(f"{'engine':22} {'version':>8} {'open':>8} {'run, cpu':>8} {'run, wall':>9}")
    measured = {}
    for name, opener in engines.items():
        try:
            version, *milliseconds = measure(opener, model)
        except ExtractorError as error:
            print(f"{name:22} {str(error)[:70]}")
            continue
        measured[name] = milliseconds[1]
        print(f"{name:22} {version:>8} " + " ".join(f"{ms:8.2f}" for ms in milliseconds))
    return measured


def print_ratios(binary: dict[str, float], floating: dict[str, float]) -> None:
    """Print what the goals are stated in, as far as the engines are here."""
    for engine, milliseconds in floating.items():
        if "lce" in binary:
            print(f"float in {engine} / lce: {milliseconds / binary['lce']:.2f}")
    for engine in ("litert", "tflite-runtime"):
        if engine in binary:
            print(f"popcount / {engine}, lowered: {binary['popcount'] / binary[engine]:.2f}")


def measure_lowering(path: Path) -> None:
    """Print how long the lowering of a file takes, the best of five."""
    model, seconds = path.read_bytes(), []
    for _ in range(5):
        start = time.thread_time()
        lower(model)
        seconds.append(time.thread_time() - start)
    print(f"\nlowering {len(model) / 1e6:.1f} MB: {min(seconds):.2f} s")


def make_networks() -> Path:
    """Return the folder of networks with random weights; making them takes minutes, once."""
    if not (NETWORKS / "large.tflite").is_file():  # written last
        print("making networks (minutes, once)", flush=True)
        NETWORKS.mkdir(parents=True, exist_ok=True)
        maker = Path(__file__).with_name("networks.py")
        subprocess.run(
            [sys.executable, maker, NETWORKS], check=True, stdout=sys.stderr, stderr=sys.stderr
        )
    return NETWORKS


def main() -> None:
    """Measure every engine on every file named, or on networks made for it."""
    engines = {**ENGINES, LceDefaultEngine.name: LceDefaultEngine}
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, best of {RUNS} runs, ms")
    files = list(map(Path, sys.argv[1:]))
    if not files and find_spec("tensorflow") is None:
        print("no TensorFlow, so no float network to compare with: pip install 'headfit[zoo]'")
        files = sorted(Path(headfit.__file__).with_name("extractors").glob("*.tflite"))
    for path in files:
        print_ratios(measure_all(path, engines), {})
    if files:
        return
    for path in sorted(make_networks().glob("*, binary.tflite"), key=lambda it: it.stat().st_size):
        binary = measure_all(path, engines)
        twin = path.with_name(path.name.replace("binary", "float"))
        print_ratios(binary, measure_all(twin, {name: ENGINES[name] for name in FLOAT_ENGINES}))
    measure_lowering(NETWORKS / "large.tflite")


if __name__ == "__main__":
    main()
