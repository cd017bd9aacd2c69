"""Print how long each engine here takes for one picture, and how that compares.

Usage: python tests/benchmarks/engines.py [FILE.tflite ...]

A float network is compared with the binary one before it. Without files: networks with random
weights, each binary and float, where the `zoo` extra is installed; without it, the embedded
extractor. Milliseconds are of one thread, the best of several
rounds in which every engine takes its turn, so that a busy moment strikes all alike. Processor
time is the one to believe on a busy machine. Asserts nothing.
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
from headfit.engines.catalogue import ENGINES, ONNX
from headfit.engines.lce import LceEngine, _load_wrapper
from headfit.engines.popcount import PopcountEngine
from headfit.errors import ExtractorError
from headfit.head import SoftmaxHead
from headfit.networks.lowering import lower
from headfit.networks.tflite import read_graph
from headfit.networks.tflite.schema import LCE_OPTIONS

ROUNDS = 10
N_CLASSES = 20
"""Of the head that is measured beside the engines, as in docs/paper.md."""
BUILD = Path(__file__).parents[2] / "build"
NETWORKS = BUILD / "benchmarks"
NUMPY_2 = BUILD / "numpy2"
"""A NumPy 2 to run popcount with where this Python has NumPy 1; `make bench` puts it there."""
FLOAT_ENGINES = ("litert", "tflite-runtime", "tensorflow", "lce")


class LceDefaultEngine(LceEngine):
    """LCE with the wheel's default kernel, which headfit does not use on x86."""

    name = "lce (default kernel)"

    def __init__(self, model: bytes) -> None:
        super().__init__(model)
        self._interpreter = _load_wrapper().LiteInterpreter(model, 1, False, False, False)


def open_all(openers: dict[str, Callable[[bytes], Engine]], model: bytes) -> dict[str, Engine]:
    """Open what can be opened, and print why the others cannot."""
    engines = {}
    for name, opener in openers.items():
        try:
            engines[name] = opener(model)
        except ExtractorError as error:
            print(f"{name:22} {str(error)[:76]}")
    return engines


def measure(engines: dict[str, Engine]) -> dict[str, tuple[float, float]]:
    """Return what one picture takes each, in milliseconds of the processor and of the wall."""
    shortest = dict.fromkeys(engines, (np.inf, np.inf))
    for _ in range(1 + ROUNDS):  # the first warms up
        for name, engine in engines.items():
            image = np.random.default_rng(0).standard_normal(engine.input_shape).astype(np.float32)
            processor, wall = time.thread_time(), time.perf_counter()
            engine.run(image)
            taken = time.thread_time() - processor, time.perf_counter() - wall
            shortest[name] = min(shortest[name][0], taken[0]), min(shortest[name][1], taken[1])
    return {name: (1000 * cpu, 1000 * wall) for name, (cpu, wall) in shortest.items()}


def measure_head(width: int) -> float:
    """Return the processor's milliseconds from an embedding to the probabilities of its classes."""
    rng = np.random.default_rng(0)
    head = SoftmaxHead(method="imprint").fit(
        rng.standard_normal((2 * N_CLASSES, width)), [f"class {i}" for i in range(N_CLASSES)] * 2
    )
    embedding, times = rng.standard_normal((1, width)), 100
    shortest = np.inf
    for _ in range(ROUNDS):
        start = time.thread_time()
        for _ in range(times):
            head.predict_proba(embedding)
        shortest = min(shortest, time.thread_time() - start)
    return 1000 * shortest / times


def measure_on_numpy_2(path: Path) -> dict[str, tuple[float, float]]:
    """Measure popcount in a process that has NumPy 2, where there is one besides NumPy 1."""
    if not NUMPY_2.is_dir() or np.__version__ >= "2":
        return {}
    paths = os.pathsep.join([str(NUMPY_2), *filter(None, [os.environ.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, __file__, "--popcount", path],
        env={**os.environ, "PYTHONPATH": paths},
        check=True,
        capture_output=True,
        text=True,
    )
    version, processor, wall = done.stdout.split()
    return {f"popcount, NumPy {version}": (float(processor), float(wall))}


def measure_all(path: Path, openers: dict[str, Callable[[bytes], Engine]]) -> dict[str, float]:
    """Print a row per engine; return the processor's milliseconds of those that ran."""
    model = path.read_bytes()
    print(
        f"\n{path.stem}, {len(model)} bytes\n{'ms for one picture':28} {'processor':>9} {'wall':>9}"
    )
    engines = open_all(openers, model)
    measured = measure(engines)
    if "popcount" in engines:
        measured |= measure_on_numpy_2(path)
    for name, (processor, wall) in measured.items():
        version = engines[name].version if name in engines else ""
        print(f"{name + ' ' + version:28} {processor:9.2f} {wall:9.2f}")
    width = next(iter(engines.values())).embedding_dim
    print(f"a head of {N_CLASSES} classes: {measure_head(width):.3f} ms")
    return {name: processor for name, (processor, _) in measured.items()}


def print_ratios(binary: dict[str, float]) -> None:
    """Print what the goals between engines are stated in, as far as the engines are here."""
    if "native" in binary and "lce" in binary:
        print(f"lce / native: {binary['lce'] / binary['native']:.2f}")
    for popcount in binary:
        if popcount.startswith("popcount") and "litert" in binary:
            print(f"{popcount} / litert, lowered: {binary[popcount] / binary['litert']:.2f}")


def print_gains(binary: dict[str, float], floating: dict[str, float]) -> None:
    """Print how much longer a float network takes than a binary one."""
    for engine, milliseconds in floating.items():
        for ours in ("native", "lce"):
            if ours in binary:
                print(f"float in {engine} / {ours}: {milliseconds / binary[ours]:.2f}")


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
        log = NETWORKS / "making.log"  # TensorFlow is talkative
        with log.open("w") as stream:
            subprocess.run([sys.executable, maker, NETWORKS], check=True, stderr=stream)
    return NETWORKS


def main() -> None:
    """Measure every engine on every file named, or on networks made for it."""
    if sys.argv[1:2] == ["--popcount"]:
        engine = PopcountEngine(Path(sys.argv[2]).read_bytes())
        print(np.__version__, *measure({"popcount": engine})["popcount"])
        return
    openers = {name: opener for name, opener in ENGINES.items() if name != ONNX}
    openers[LceDefaultEngine.name] = LceDefaultEngine
    floating = {name: ENGINES[name] for name in FLOAT_ENGINES}
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, best of {ROUNDS} rounds")
    files = list(map(Path, sys.argv[1:]))
    made = not files and find_spec("tensorflow") is not None
    if made:
        sizes = {path: path.stat().st_size for path in make_networks().glob("*, binary.tflite")}
        for path in sorted(sizes, key=sizes.__getitem__):
            files += [path, path.with_name(path.name.replace("binary", "float"))]
    elif not files:
        print("no TensorFlow, so no float network to compare with: pip install 'headfit[zoo]'")
        files = sorted(Path(headfit.__file__).with_name("extractors").glob("*.tflite"))
    binary: dict[str, float] = {}
    for path in files:
        names = {operator.name for operator in read_graph(path.read_bytes()).operators}
        if names & set(LCE_OPTIONS):
            binary = measure_all(path, openers)
            print_ratios(binary)
        else:
            print_gains(binary, measure_all(path, floating))
    if made:
        measure_lowering(NETWORKS / "large.tflite")


if __name__ == "__main__":
    main()
