"""Other processors, emulated: 64-bit and 32-bit ARM, x86-64 without AVX2 give the same bits."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
from tests.support.networks import NETWORKS, Network

from headfit.engines.native import NativeEngine
from headfit.engines.native.compiler import compile_plan
from headfit.engines.native.library import Kernels
from headfit.networks.tflite import read_graph

ROOT = Path(__file__).parents[4]
RUNNER = Path(__file__).with_name("emulated.c")
MACHINES = {
    "linux-aarch64": (["qemu-aarch64-static"], ["neon", "plain"]),
    "linux-armv7": (["qemu-arm-static"], ["plain"]),
    "linux-x86_64": (["qemu-x86_64-static", "-cpu", "Nehalem"], ["plain"]),
}


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("machine", MACHINES)
def test_whole_networks(machine: str, tmp_path: Path) -> None:
    """Every kind of kernels that the emulated processor has, against this one's fastest."""
    qemu, expected = MACHINES[machine]
    if shutil.which(qemu[0]) is None or find_spec("ziglang") is None:
        pytest.skip(f"needs {qemu[0]} (apt: qemu-user-static) and the package ziglang")
    spec = spec_from_file_location("native_build", ROOT / "sdk/native/build.py")
    assert spec is not None
    assert spec.loader is not None
    build = module_from_spec(spec)
    sys.modules[spec.name] = build  # its dataclass looks itself up there
    spec.loader.exec_module(build)
    compiler = build.zig(build.PLATFORMS[machine].triple)
    objects = build.compile_sources(machine, tmp_path, compiler, [])
    own = [path for path in objects if path.stem != "memory"]  # here there is a libc
    program = tmp_path / "emulated"
    subprocess.run([*compiler, "-O2", "-w", "-static", RUNNER, *own, "-o", program], check=True)
    listed = subprocess.run([*qemu, program], check=True, capture_output=True, text=True).stdout
    there = [line.split() for line in listed.splitlines()]
    kinds = [Kernels(int(n), name, int(b), int(s)) for n, name, b, s, can in there if can == "1"]
    assert [kind.name for kind in kinds] == expected
    for name in NETWORKS:
        network = Network(name)
        engine = NativeEngine(network.model)
        for kind in kinds:
            plan = compile_plan(read_graph(network.model), kind)
            parts = (plan.steps, plan.constants, network.image)
            sizes = (*(part.nbytes for part in parts), plan.arena_bytes)
            content = b"".join(part.tobytes() for part in parts)
            (tmp_path / "in").write_bytes(struct.pack("<5Q", kind.number, *sizes) + content)
            subprocess.run([*qemu, program, tmp_path / "in", tmp_path / "out"], check=True)
            arena = np.fromfile(tmp_path / "out", np.uint8)
            actual = arena[plan.output :][: 4 * engine.embedding_dim].view(np.float32)
            np.testing.assert_array_equal(actual, engine.run(network.image), err_msg=name)
