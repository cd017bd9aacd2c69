"""Give a library mutated networks and plans: ``python hostile.py LIBRARY KIND COUNT``.

A process of its own: the library is built with sanitizers, which end it at the first fault. KIND is
"networks" (files that headfit's reader may let through) or "plans" (what the library must refuse by
itself). All memory has its exact size, so that one byte too far is seen. Prints how many ran.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from headfit.engines.interface import check_signature
from headfit.engines.native.compiler import Plan, compile_plan
from headfit.engines.native.library import Kernels, Library
from headfit.errors import ExtractorError
from headfit.networks.tflite import read_graph

DATA = Path(__file__).parents[3] / "data" / "engines"
NAMES = ["maxpool", "bitpacked", "quicknet", "grouped", "zero_padded", "alexnet", "residual"]
MOST_WORK = 1 << 23
"""Bytes of arena; what needs more is not run here, for it takes long."""


def exact(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy into memory of this size."""
    copied = np.empty(data.size // 8, np.uint64).view(np.uint8) if data.size % 8 == 0 else None
    copied = np.empty(data.size, np.uint8) if copied is None else copied
    copied[:] = data
    return copied


def run(library: Library, kernels: Kernels, plan: Plan, picture_bytes: int) -> int:
    """Run a plan in memory of its own."""
    picture = np.random.default_rng(0).standard_normal(picture_bytes // 4).astype(np.float32)
    arena = np.full(plan.arena_bytes, 0xFF, np.uint8)
    parts = (exact(plan.steps), exact(plan.constants), picture, arena)
    return library.run(kernels, *((part.ctypes.data, part.nbytes) for part in parts))


def mutate(data: NDArray[np.uint8], rng: np.random.Generator, word: int) -> NDArray[np.uint8]:
    """Change a few words, to small, extreme or slightly other numbers."""
    mutant = data.copy()
    words = mutant[: mutant.size // word * word].view(f"<u{word}")
    for i in rng.integers(0, words.size, rng.integers(1, 4)):
        change = int(rng.integers(-4, 5))
        extremes = (0, 1, 2, 3, 16, 255, 1 << 15, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)
        value = int(words[i]) + change if rng.random() < 0.6 else int(rng.choice(extremes))
        words[i] = value % (1 << 8 * word)
    return mutant


def opened(model: bytes, kernels: Kernels) -> tuple[Plan, int]:
    """Compile a network as the engine does."""
    graph = read_graph(model)
    shape, _ = check_signature(
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs],
        [(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.outputs],
    )
    return compile_plan(graph, kernels), 4 * int(np.prod(shape))


def main() -> None:
    """Mutate, run, count."""
    library, kind, count = Library(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
    rng = np.random.default_rng(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    models = [np.frombuffer((DATA / f"{name}.tflite").read_bytes(), np.uint8) for name in NAMES]
    plans = {
        (kernels, i): opened(model.tobytes(), kernels)
        for kernels in library.kernels
        for i, model in enumerate(models)
    }
    ran = 0
    for n in range(count):
        kernels = library.kernels[n % len(library.kernels)]
        i = n // len(library.kernels) % len(models)
        if kind == "plans":
            plan, picture = plans[kernels, i]
            steps = mutate(plan.steps, rng, 4)
            plan = Plan(steps, plan.constants, plan.arena_bytes, plan.output)
        else:
            try:
                model = mutate(models[i], rng, int(rng.choice([1, 2, 4]))).tobytes()
                plan, picture = opened(model, kernels)
            except ExtractorError:
                continue
            if plan.arena_bytes > MOST_WORK:
                continue
        ran += run(library, kernels, plan, picture) == 0
    print(ran)


if __name__ == "__main__":
    main()
